"""What is loaded when, and from where."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import forecasting

ROOT = Path(__file__).resolve().parents[2]


def loaded_by(statement: str) -> set[str]:
    """The packages, outside the standard library, that a fresh interpreter has loaded after a statement."""
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    names = {name.partition(".")[0] for name in json.loads(done.stdout)}
    return {name for name in names if name not in sys.stdlib_module_names and not name.startswith("_")}


def test_importing_the_library_loads_nothing_that_pandas_does_not_load() -> None:
    assert loaded_by("import forecasting") - loaded_by("import pandas") == {"forecasting"}


@pytest.mark.parametrize(
    "statement", ["from forecasting import SimpleRNNForecaster; SimpleRNNForecaster(horizon=1)", "import flows.cli"]
)
def test_an_unfitted_estimator_and_the_command_load_neither_tensorflow_mlflow_nor_prefect(statement: str) -> None:
    unwanted = {"tensorflow", "keras", "jax", "mlflow", "prefect", "sqlalchemy", "matplotlib", "statsmodels", "optuna"}
    assert loaded_by(statement) & unwanted == set()


def test_every_public_name_can_be_imported() -> None:
    names = [name for name in forecasting.__all__ if getattr(forecasting, name, None) is not None]
    assert "SimpleRNNForecaster" in names
    assert sorted(names) == sorted(forecasting.__all__)
    assert set(names) <= set(dir(forecasting))


@pytest.mark.parametrize("package", ["forecasting", "flows"])
def test_the_packages_say_that_they_are_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()
