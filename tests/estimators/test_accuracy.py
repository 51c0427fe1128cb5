"""What the forecasts are worth on series whose nature is known."""

import numpy as np
import pandas as pd
import pytest

from forecasting import SimpleRNNForecaster, backtest
from forecasting.panel import Frequency, Panel

HORIZON = 4


def panel_of(series: np.ndarray) -> Panel:
    """Series of shape (n_series, length) on integer steps."""
    count, length = series.shape
    return Panel(
        series.ravel(),
        np.tile(np.arange(length), count),
        np.arange(count + 1) * length,
        np.array([f"s{number:03d}" for number in range(count)], dtype=object),
        Frequency.parse(1),
    )


def seasonal(count: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """Level, trend and season of each series, with AR(1) noise around them."""
    steps = np.arange(length)
    level, trend, phase = (
        rng.uniform(50, 100, (count, 1)),
        rng.normal(0, 0.2, (count, 1)),
        rng.integers(0, 4, (count, 1)),
    )
    noise = np.zeros((count, length))
    for step in range(1, length):
        noise[:, step] = 0.6 * noise[:, step - 1] + rng.normal(size=count)
    return level + trend * steps + 6 * np.sin((steps + phase) * np.pi / 2) + noise


def small(**changes) -> SimpleRNNForecaster:
    options = {"season_length": 4, "units": 16, "n_members": 2, "max_steps": 80, "random_state": 0, "verbose": 0}
    return SimpleRNNForecaster(HORIZON, **{**options, **changes})


def errors(frame: pd.DataFrame, model: str) -> float:
    return float((frame["y"] - frame[model]).abs().mean())


def test_on_seasons_with_a_trend_the_network_is_clearly_better_than_the_seasonal_naive():
    """Two panels of 25 series; from one panel to the next the ratio strays by some four hundredths."""
    panels = [panel_of(seasonal(25, 100, np.random.default_rng(seed))) for seed in (1, 2)]
    frame = pd.concat([backtest(small(), panel, HORIZON, n_windows=3, season_length=4) for panel in panels])
    assert errors(frame, "SimpleRNN") < 0.8 * errors(frame, "SeasonalNaive")


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_on_random_walks_the_network_is_hardly_worse_than_the_last_value(seed):
    walks = 100 + np.random.default_rng(seed).normal(size=(20, 120)).cumsum(axis=1)
    frame = backtest(
        small(season_length=1, target="difference"), panel_of(walks), HORIZON, n_windows=4, season_length=1
    )
    assert errors(frame, "SimpleRNN") < 1.02 * errors(frame, "SeasonalNaive")


def test_intervals_cover_what_they_promise_within_five_points():
    """Three panels of 300 series, of which 40 are learned from; one panel alone strays by some three points."""
    covered: dict[int, list[float]] = {50: [], 80: [], 95: []}
    for seed in (3, 4, 5):
        everything = seasonal(300, 100, np.random.default_rng(seed))
        history, actual = everything[:, :-HORIZON], everything[:, -HORIZON:].ravel()
        forecast = small(levels=list(covered)).fit(panel_of(history[:40])).predict(data=panel_of(history))
        for level, shares in covered.items():
            low, high = forecast[f"SimpleRNN-lo-{level}"], forecast[f"SimpleRNN-hi-{level}"]
            shares.append(100 * float(((low <= actual) & (actual <= high)).mean()))
    for level, shares in covered.items():
        assert np.mean(shares) == pytest.approx(level, abs=5)


def test_growth_is_followed_through_log_returns():
    rng = np.random.default_rng(5)
    prices = 20 * np.exp(np.cumsum(0.02 + 0.002 * rng.normal(size=(6, 120)), axis=1))
    frame = backtest(small(season_length=1, target="log_return"), panel_of(prices), HORIZON, 2, season_length=1)
    assert errors(frame, "SimpleRNN") < 0.3 * errors(frame, "SeasonalNaive")


def test_series_that_stand_still_for_long_do_not_blow_up_the_intervals_of_others():
    """Six valves that move every 15 steps, beside ten series with a season."""
    rng = np.random.default_rng(0)
    moving = seasonal(10, 200, rng)
    valves = np.repeat(20.0 + rng.integers(0, 5, (6, 14)), 15, axis=1)[:, :200]
    forecast = small(levels=[95], lookback=8).fit(panel_of(np.concatenate([moving, valves]))).predict()
    width = (forecast["SimpleRNN-hi-95"] - forecast["SimpleRNN-lo-95"]).to_numpy()[: 10 * HORIZON]
    assert width.max() < 10 * moving.std(axis=1).max()
