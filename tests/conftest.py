"""What all tests share: no clock in property tests, a PostgreSQL server, and where real series with defects may be."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ("tests.postgres",)

# A busy machine is not a defect.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

_BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[2] / "shared" / "data"
BENCH_DATA = Path(os.environ.get("FORECASTING_BENCH_DATA") or _BESIDE_THE_CHECKOUT)

# Each defect in the real files also has a test with a small file that the test makes itself.
collect_ignore_glob = [] if BENCH_DATA.is_dir() else ["*test_real_files.py"]


@pytest.fixture(scope="session")
def bench_data() -> Path:
    """The folder of real series; used by modules named ``test_real_files.py`` only."""
    return BENCH_DATA
