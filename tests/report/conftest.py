"""A small run to be reported: two months of two daily series, three test windows, five days ahead."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from forecasting.evaluation.baselines import seasonal_naive
from forecasting.evaluation.metrics import accuracy
from forecasting.panel import Panel, to_panel


@dataclass(frozen=True)
class Run:
    panel: Panel
    backtest: pd.DataFrame
    accuracy: pd.DataFrame
    forecasts: pd.DataFrame


def make_run(names: list[str], factor: float = 0.5, n_windows: int = 3, levels: tuple[int, ...] = (80, 95)) -> Run:
    """Forecasts whose errors are ``factor`` times those of the seasonal naive; every series has another level."""
    rng = np.random.default_rng(3)
    days = pd.date_range("2024-01-01", periods=61, freq="D")
    season = np.tile([0, 1, 2, 3, 4, 9, 8], 10)[:61]
    data = pd.DataFrame(
        {name: 100.0 * (i + 1) + 5 * season + rng.normal(0, 2, 61) for i, name in enumerate(names)}, index=days
    )
    panel, _ = to_panel(data)
    windows = []
    for back in 5 * np.arange(n_windows, 0, -1):
        history = panel.drop_last(int(back))
        window = seasonal_naive(history, 5, 7, levels)
        window.insert(1, "cutoff", panel.stamps(np.repeat(history.last_times(), 5)))
        windows.append(window.merge(panel.frame(), on=["unique_id", "ds"]))
    frame = pd.concat(windows, ignore_index=True)
    for end in ["", *(f"-{side}-{level}" for level in levels for side in ("lo", "hi"))]:
        frame[f"SimpleRNN{end}"] = frame["y"] + factor * (frame[f"SeasonalNaive{end}"] - frame["y"])
    ahead = seasonal_naive(panel, 5, 7, levels).rename(columns=lambda name: name.replace("SeasonalNaive", "SimpleRNN"))
    return Run(panel, frame, accuracy(frame, panel, 7), ahead)


@pytest.fixture(scope="session")
def run() -> Run:
    return make_run(["north", "south"])
