"""Homes with a small catalog, made by the tests, and the forecaster that trains in no time."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from forecasting.settings import Settings, read_settings
from tests.flows.fakes import estimators_module

CATALOG = """
[boiler]
title = "Boiler pressure"
source = { kind = "csv", path = "boiler.csv", time_column = "time", targets = ["pressure", "flow"] }
frequency = "h"
horizon = 3
season_length = 24
levels = [80, 95]
test_windows = 2
"""
TINY_NETWORK = (
    "model = { units = 4, n_layers = 1, n_members = 1, max_steps = 20, refit = false, random_state = 1, verbose = 0 }\n"
)
PLACES = ("FORECASTING_DATABASE_URL", "MLFLOW_TRACKING_URI", "PREFECT_API_URL", "PREFECT_HOME", "PREFECT_PROFILE")


def readings(hours: int = 240) -> pd.DataFrame:
    """Two hourly series with a daily season."""
    times = pd.date_range("2024-01-01", periods=hours, freq="h")
    wave = np.sin(2 * np.pi * np.arange(hours) / 24)
    noise = np.random.default_rng(1).normal(0, 0.1, (2, hours))
    return pd.DataFrame(
        {"time": times, "pressure": (5 + wave + noise[0]).round(3), "flow": (9 - wave + noise[1]).round(3)}
    )


def make_home(folder: Path, catalog: str = CATALOG) -> Path:
    """A home folder with a catalog and the file that it names."""
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "catalog.toml").write_text(catalog)
    readings().to_csv(folder / "boiler.csv", index=False)
    return folder


def home_environment(home: Path) -> dict[str, str]:
    """The environment of a command that works in this home."""
    kept = {name: value for name, value in os.environ.items() if name not in PLACES and not name.startswith("PREFECT_")}
    return kept | {"FORECASTING_HOME": str(home), "COLUMNS": "160"}


def forecast_command(
    home: Path, *arguments: str, program: str | None = None, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run the command, or a program, in a process of its own, in an empty folder that must stay empty."""
    elsewhere = home / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, *(["-m", "flows", *arguments] if program is None else ["-c", program])],
        env=home_environment(home),
        cwd=elsewhere,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert not list(elsewhere.iterdir()), "the command wrote to the current directory"
    return done


@pytest.fixture(scope="session")
def tracking_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow store; making one takes seconds, copying it none."""
    from forecasting.tracking import configure

    home = tmp_path_factory.mktemp("tracking")
    configure(read_settings({"FORECASTING_HOME": str(home)}))
    return home / "mlflow" / "mlflow.db"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home of its own. The environment points to it, and is put back as it was."""
    folder = make_home(tmp_path / "home")
    with mock.patch.dict(os.environ, home_environment(folder), clear=True):
        yield folder


@pytest.fixture
def settings(home: Path, tracking_store: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a home with an empty MLflow store, where training takes no time."""
    (home / "mlflow").mkdir()
    shutil.copy(tracking_store, home / "mlflow" / "mlflow.db")
    monkeypatch.setitem(sys.modules, "forecasting.estimators", estimators_module())
    monkeypatch.setattr("flows.training.import_network", lambda: None)
    return read_settings()
