"""Stacked histories give what a backtest gives, which calls predict once per cutoff."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.rolling import rolling_forecasts
from forecasting import Panel, backtest, to_panel
from tests.estimators.made import tiny

HORIZON, SEASON, WINDOWS, STEP = 3, 4, 5, 2
BACK = HORIZON + (WINDOWS - 1) * STEP


def panel(*, holes: bool) -> Panel:
    rng = np.random.default_rng(0)
    frames = []
    for name, length in (("a", 90), ("b", 70)):
        steps = np.arange(length)
        values = 10 + np.sin(steps * 2 * np.pi / SEASON) + 0.1 * rng.normal(size=length)
        if holes:
            values[[20, 21, length - 7]] = np.nan
        frames.append(pd.DataFrame({"unique_id": name, "ds": steps, "y": values}))
    return to_panel(pd.concat(frames))[0]


@pytest.mark.parametrize("holes", [False, True])
def test_rolling_is_a_backtest(holes: bool) -> None:
    data = panel(holes=holes)
    forecaster = tiny(HORIZON, gaps="mask", levels=[80])
    expected = backtest(forecaster, data, HORIZON, WINDOWS, STEP)
    forecaster.fit(data.drop_last(BACK))
    frames = list(rolling_forecasts(forecaster, data, data.lengths - BACK, STEP))
    keys = ["unique_id", "cutoff", "ds"]
    found = pd.concat(frames).sort_values(keys, ignore_index=True)
    expected = expected.sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(found[[*keys, "y"]], expected[[*keys, "y"]])
    for column in ("SimpleRNN", "SimpleRNN-lo-80", "SimpleRNN-hi-80", "SeasonalNaive", "SeasonalNaive-hi-80"):
        np.testing.assert_allclose(found[column], expected[column], rtol=1e-6)


def test_series_without_a_whole_horizon_have_no_windows() -> None:
    data = panel(holes=False)
    forecaster = tiny(HORIZON).fit(data.drop_last(BACK))
    (frame,) = rolling_forecasts(forecaster, data, np.array([88, 67]), 1)
    assert set(frame["unique_id"]) == {"b"}
    assert len(frame) == HORIZON
