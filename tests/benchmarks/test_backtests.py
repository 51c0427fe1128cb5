"""Backtests side by side: the same windows are scored, and a budget holds for all."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import backtests
from benchmarks.m4_hourly import HORIZON, SEASON
from benchmarks.peer_jobs import Result
from forecasting import backtest

WINDOWS = {"n_windows": 3, "step": 4, "refit": False}


@pytest.fixture
def frame() -> pd.DataFrame:
    hours = np.arange(200)
    return pd.DataFrame({"unique_id": "H1", "ds": hours, "y": 10 + hours % SEASON + np.sin(hours)})


def test_each_is_scored_on_the_windows_of_ours(frame: pd.DataFrame) -> None:
    naive = backtest("naive", frame, HORIZON, 3, 4, season_length=SEASON, baselines=(), verbose=0)
    forecasts = naive.rename(columns={"Naive": "yhat"})[["unique_id", "cutoff", "ds", "yhat"]]
    right = forecasts.assign(yhat=naive["y"])

    results = {
        "Naive": Result(forecasts, 1.5, 1.0, [], 100.0, 0, {}),
        "right": Result(right, 2.5, 2.0, [], 100.0, 0, {}),
    }
    table = backtests.table(frame, results, WINDOWS)

    assert table["seconds"].to_dict() == pytest.approx(
        {"SeasonalNaive": np.nan, "Naive": 1.5, "right": 2.5}, nan_ok=True
    )
    assert table.loc["right", "MASE"] == 0
    assert table.loc["SeasonalNaive", "OWA"] == 1
    scale = np.abs(frame["y"].diff(SEASON)[: 200 - 8 - HORIZON]).mean()
    assert table.loc["Naive", "MASE"] == pytest.approx((naive["y"] - naive["Naive"]).abs().mean() / scale)


def test_a_number_of_steps_and_the_windows_are_given_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtests, "interpreter", lambda name: Path(name))
    jobs = backtests.contestants(WINDOWS, steps=7, n_jobs=2)
    ours, *peers = (settings for _, settings in jobs.values())
    assert ours["parameters"] == {"max_steps": 7, "refit": False}
    assert [settings["steps"] for settings in peers] == [7, 7]
    assert all(WINDOWS.items() <= settings.items() for settings in (ours, *peers))
    assert ours["n_jobs"] == 2
