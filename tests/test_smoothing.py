"""Exponential smoothing with fixed parameters, against a plain version and what is known of it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.smoothing import CHOICES, Smoothing, smoothing_kernel, steps_of_history
from forecasting.windows import Windows, reach, smoothed_steps

HORIZON = 7


def plain(history: np.ndarray, smoothing: Smoothing, season: int, horizon: int) -> list[float]:
    """The formulas of `Smoothing` one after the other, of a history of at least one season."""
    x, seasons = history[::-1], len(history) // season  # x[j] is the value j steps back
    if season > 1:
        weights = [0.7**k for k in range(seasons)]
        smoothed = [sum(weights[k] * x[p + k * season] for k in range(seasons)) / sum(weights) for p in range(season)]
        trend = 0.0
        for p in range(season):
            for k in range(seasons - 1):
                trend += weights[k] * (x[p + k * season] - x[p + (k + 1) * season])
        trend = trend / season / season / sum(weights[:-1]) if seasons > 1 else 0.0
        mean, middle = sum(smoothed) / season, (season - 1) / 2
        pattern = [smoothed[p] - mean + trend * (p - middle) for p in range(season)]
    else:
        trend = float(np.polyfit(np.arange(len(x)), history, 1)[0]) if len(x) > 1 else 0.0
        pattern = [0.0]
    shares = [(1 - smoothing.level) ** j for j in range(len(x))]
    level = sum(a * (x[j] - pattern[j % season]) for j, a in enumerate(shares)) / sum(shares)
    age = sum(a * j for j, a in enumerate(shares)) / sum(shares)
    steps = range(1, horizon + 1)
    return [level + smoothing.trend * trend * (age + h) + pattern[-h % season] for h in steps]


@pytest.mark.parametrize("smoothing", CHOICES)
@pytest.mark.parametrize(("steps", "season"), [(1, 1), (2, 1), (9, 1), (4, 4), (8, 4), (24, 4), (36, 12)])
def test_the_kernel_is_what_the_formulas_say(smoothing, steps, season):
    history = np.random.default_rng(steps).normal(size=steps)
    found = history @ smoothing_kernel(smoothing, steps, season, HORIZON)
    assert found == pytest.approx(plain(history, smoothing, season, HORIZON))


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_without_trend_and_season_it_is_the_exponentially_weighted_mean_of_pandas(level):
    history = np.random.default_rng(0).normal(size=15)
    expected = pd.Series(history).ewm(alpha=level, adjust=True).mean().iloc[-1]
    assert history @ smoothing_kernel(Smoothing(level, 0.0), 15, 1, 3) == pytest.approx(expected)


@pytest.mark.parametrize("smoothing", CHOICES)
def test_what_repeats_exactly_goes_on_repeating(smoothing):
    season = np.array([3.0, 1.0, 4.0, 1.0, 5.0])
    found = np.tile(season, 4) @ smoothing_kernel(smoothing, 20, 5, 10)
    assert found == pytest.approx(np.tile(season, 2))


@pytest.mark.parametrize(("season", "steps"), [(1, 12), (4, 12)])
def test_with_all_of_its_trend_a_line_with_a_season_goes_on(season, steps):
    series = 2.0 + 0.5 * np.arange(steps + HORIZON) + np.resize([0.0, 3.0, -1.0, 2.0][:season], steps + HORIZON)
    found = series[:steps] @ smoothing_kernel(Smoothing(0.4, 1.0), steps, season, HORIZON)
    assert found == pytest.approx(series[steps:])


def test_less_of_the_trend_goes_on_less_far():
    line = np.arange(12.0)
    ends = [(line @ smoothing_kernel(Smoothing(0.5, share), 12, 1, 5))[-1] for share in (0.0, 0.3, 0.6, 1.0)]
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(16.0)


numbers = st.floats(-1e3, 1e3)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(numbers, min_size=8, max_size=8),
    st.integers(1, 12),
    st.integers(1, 5),
    st.sampled_from(CHOICES),
    st.floats(0.1, 10),
    numbers,
)
def test_a_shift_and_another_unit_of_the_history_are_those_of_the_forecast(
    values, known, season, smoothing, unit, shift
):
    history = np.array([values])
    before = smoothing.forecast(history, np.array([known]), season, HORIZON)
    after = smoothing.forecast(unit * history + shift, np.array([known]), season, HORIZON)
    assert after == pytest.approx(unit * before + shift, abs=1e-6)


def test_each_history_is_read_as_far_as_it_is_its_own():
    rng = np.random.default_rng(0)
    history, known = rng.normal(size=(4, 12)), np.array([2, 4, 9, 30])
    found = Smoothing(0.5, 0.3).forecast(history, known, 4, HORIZON)
    for row, used in enumerate((4, 4, 8, 12)):  # whole seasons; one, repeats of the first value included, at least
        assert found[row] == pytest.approx(plain(history[row, -used:], Smoothing(0.5, 0.3), 4, HORIZON))


def test_a_history_shorter_than_a_season_is_all_level():
    found = Smoothing(0.5, 0.6).forecast(np.array([[1.0, 2.0, 4.0]]), np.array([3]), 12, 2)
    assert found[0] == pytest.approx((0.5 * 4 + 0.25 * 2 + 0.125 * 1) / 0.875)


@pytest.mark.parametrize(("season", "most", "steps"), [(1, 100, 20), (12, 100, 72), (12, 30, 30), (1, 6, 6)])
def test_six_seasons_are_read_or_twenty_steps_but_no_more_than_there_may_be(season, most, steps):
    assert steps_of_history(season, most) == steps


@pytest.mark.parametrize("season", [1, 4])
def test_of_a_panel_what_stands_before_the_cut_in_its_own_series_is_smoothed(season):
    rng = np.random.default_rng(0)
    path, indptr, smoothing = rng.normal(size=60), np.array([0, 25, 60]), Smoothing(0.5, 0.3)
    windows = Windows(path, indptr, 8, season)
    cuts = windows.cuts(2, least_history=5)
    found = windows.smoothed(cuts.take(np.arange(len(cuts))), smoothing, HORIZON)
    steps = smoothed_steps(8, season)
    assert steps <= reach(8, season)
    for series, row, forecast in zip(cuts.series, cuts.row, found, strict=True):
        own = path[max(indptr[series], row - steps) : row]
        own = own[-(len(own) // season) * season :]
        assert forecast == pytest.approx(plain(own, smoothing, season, HORIZON))


def test_what_was_not_observed_repeats_the_value_before():
    path = np.array([1.0, 2.0, np.nan, 4.0])
    windows = Windows(path, np.array([0, 4]), 2, 1)
    found = windows.smoothed(windows.end_cuts(), Smoothing(0.5, 0.0), 1)
    expected = plain(np.array([1.0, 2.0, 2.0, 4.0]), Smoothing(0.5, 0.0), 1, 1)
    assert found[0] == pytest.approx(expected)
