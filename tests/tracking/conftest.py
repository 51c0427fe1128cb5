"""A store of its own for each test, copied from one that was made once; and a forecaster without a network."""

import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from forecasting.settings import Settings, read_settings
from tests.tracking import fakes


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    """MLflow changes the environment and the import path of a process; undo it after each test."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def settings_at(home: Path, **variables: str) -> Settings:
    home.mkdir(parents=True, exist_ok=True)
    return read_settings({"FORECASTING_HOME": str(home), **variables})


@pytest.fixture(scope="session")
def fresh_store(tmp_path_factory) -> tuple[Settings, list[Path]]:
    """A store made in an empty current directory, and what that directory holds afterwards."""
    from forecasting.tracking import configure

    settings = settings_at(tmp_path_factory.mktemp("template"))
    before, variables, empty = Path.cwd(), dict(os.environ), tmp_path_factory.mktemp("cwd")
    os.chdir(empty)
    try:
        configure(settings)
        return settings, list(empty.iterdir())
    finally:
        os.chdir(before)
        os.environ.clear()
        os.environ.update(variables)


@pytest.fixture
def settings(tmp_path, fresh_store) -> Settings:
    settings = settings_at(tmp_path / "home")
    (settings.home / "mlflow").mkdir()
    shutil.copyfile(fresh_store[0].home / "mlflow" / "mlflow.db", settings.home / "mlflow" / "mlflow.db")
    return settings


@pytest.fixture
def client(settings):
    from forecasting.tracking import configure

    return configure(settings)


@pytest.fixture
def fake_estimators(monkeypatch):
    monkeypatch.setitem(sys.modules, "forecasting.estimators", fakes.module())


@pytest.fixture
def snapshot(tmp_path):
    return SimpleNamespace(
        digest="0123456789abcdef" * 4,
        path=tmp_path / "snapshot.parquet",
        rows=40,
        series=2,
        first="2020-01-01",
        last="2020-01-20",
        frequency="D",
    )


@pytest.fixture
def frame() -> pd.DataFrame:
    times = pd.date_range("2020-01-01", periods=20, unit="us")
    parts = [
        pd.DataFrame({"unique_id": name, "ds": times, "y": np.arange(20.0) + 10 * k}) for k, name in enumerate("ab")
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def accuracy() -> pd.DataFrame:
    rows = []
    for series in ("a", "b", "(all)"):
        rows.append(["SimpleRNN", series, 4, 12, 0, 1.5, 0.75, 81.25])
        rows.append(["SeasonalNaive", series, 4, 12, 0, 2.0, 1.0, np.nan])
    columns = ["model", "unique_id", "windows", "scored", "missing", "MAE", "MASE", "coverage-80"]
    return pd.DataFrame(rows, columns=columns)
