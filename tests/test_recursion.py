"""Exponential smoothing by recursion against one recursion after the other in plain Python, and what is known of it."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.smoothing import Smoother, recursively_smoothed
from forecasting.smoothing.parts import SEASONS
from forecasting.smoothing.recursion import LEVELS, SEASON, STEPS, TRENDS

HORIZON = 7


def line_through(values: np.ndarray) -> tuple[float, float]:
    """Slope, and value one step before the first, of the least squares line."""
    slope, first = np.polyfit(np.arange(1, len(values) + 1), values, 1)
    return float(slope), float(first)


def one_recursion(
    x: np.ndarray, filled: np.ndarray, level: float, trend: float, left: float, season: int, *, grows: bool
) -> tuple[list[float], float]:
    """Forecasts by one set of parameters, and the sum of the squared errors one step ahead; NaN was not observed."""
    if season == 1:
        b, level_before = line_through(filled[:10])
        u = level_before if left else float(filled[:3].mean())
        p = [0.0]
    else:
        means = filled.reshape(-1, season).mean(axis=1)
        b = float(np.polyfit(np.arange(len(means)) * season, means, 1)[0])
        before = float(filled.mean()) - b * (len(x) + 1) / 2
        line = before + b * np.arange(1, len(x) + 1)
        if grows:
            p = list((filled / np.maximum(line, 0.1 * filled.mean())).reshape(-1, season).mean(axis=0))
            p = [max(one / np.mean(p), 0.05) for one in p]
        else:
            p = list((filled - line).reshape(-1, season).mean(axis=0))
            p = [one - np.mean(p) for one in p]
        u = before if left else float(means[0])
    b, squares, jump = b if left else 0.0, 0.0, 4 * float(np.abs(np.diff(filled)).mean())
    for t, value in enumerate(x):
        b *= left
        u += b
        place = t % season
        e = 0.0 if np.isnan(value) else value - (u * p[place] if grows else u + p[place])
        bounded = max(min(e, jump), -jump)
        squares += bounded**2
        by, of_trend = (one / max(p[place], 0.5) if grows else one for one in (e, bounded))
        if season > 1:
            gain = SEASON * (1 - level)
            p[place] = max(p[place] + gain * e / max(u, 0.1 * filled.mean()), 0.05) if grows else p[place] + gain * e
        u += level * by
        b += level * trend * of_trend
    observed = np.flatnonzero(~np.isnan(x))
    forecasts, shown = [], max(len(observed) - (len(x) - 1 - observed[-1]), 0)
    for h in range(HORIZON):
        rise = b * sum(left**i for i in range(1, min(h + 1, shown) + 1))
        place = (len(x) + h) % season
        forecasts.append((u + rise) * p[place] if grows else u + rise + p[place])
    return forecasts, squares


def plain(x: np.ndarray, season: int, *, grows: bool, start: np.ndarray | None = None) -> np.ndarray:
    """All recursions one after the other, averaged by Akaike weights, of whole seasons of history."""
    filled = x if start is None else start
    low, high = np.quantile(filled, [0.05, 0.95])
    x, filled = (np.clip(one, 4 * low - 3 * high, 4 * high - 3 * low) for one in (x, filled))
    power = 2.0 ** np.frexp(np.abs(filled - filled[-1]).max())[1]
    base = 0.0 if grows else filled[-1]
    x, filled = (x - base) / power, (filled - base) / power
    count = int((~np.isnan(x)).sum())
    forecasts, criteria = [], []
    for of_season, level, (trend, left) in itertools.product({1, season}, LEVELS, TRENDS):
        grow = grows and of_season > 1
        forecast, squares = one_recursion(x, filled, level, trend, left, of_season, grows=grow)
        parameters = 1 + 2 * (left > 0) + (0 < left < 1) + (of_season if of_season > 1 else 0)
        forecasts.append(forecast)
        criteria.append(count * np.log(squares / count + 1e-10) + 2 * parameters)
    weights = np.exp((min(criteria) - np.array(criteria)) / 2)
    return base + power * (weights @ np.array(forecasts)) / weights.sum()


def alone(history: np.ndarray, season: int, *, from_zero: bool = False, horizon: int = HORIZON) -> np.ndarray:
    """The forecast of one history."""
    return recursively_smoothed(history[None], np.array([len(history)]), season, horizon, from_zero=from_zero)[0]


@pytest.mark.parametrize(("steps", "season"), [(6, 1), (33, 1), (60, 1), (8, 4), (24, 4), (60, 4), (36, 12), (72, 12)])
def test_forecasts_are_what_the_formulas_say(steps, season):
    rng = np.random.default_rng(steps)
    history = rng.normal(size=steps).cumsum() + np.resize(rng.normal(size=season), steps)
    assert alone(history, season) == pytest.approx(plain(history, season, grows=False), abs=2e-3)
    jumped = history + np.where(np.arange(steps) == steps - 2, 40.0, 0.0)
    assert alone(jumped, season) == pytest.approx(plain(jumped, season, grows=False), abs=2e-2)
    above = np.exp(0.1 * history)
    found = alone(above, season, from_zero=True)
    assert found == pytest.approx(plain(above, season, grows=season > 1), abs=2e-3)
    if season > 1:
        assert found != pytest.approx(alone(above, season), abs=2e-3)


def test_a_step_that_was_not_observed_has_no_error():
    rng = np.random.default_rng(0)
    history = np.tile([0.0, 3.0, -1.0, 2.0], 8) + rng.normal(size=32).cumsum()
    filled, holed = history.copy(), history.copy()
    holed[[9, 20, 22]] = np.nan
    for place in (9, 20, 22):  # which is read only where the recursions start
        filled[place] = filled[place - 4]
    found, expected = alone(holed, 4), alone(filled, 4)
    assert found != pytest.approx(expected, abs=1e-3)
    np.testing.assert_allclose(found, plain(holed, 4, grows=False, start=filled), atol=2e-3)


@pytest.mark.parametrize("season", [1, 4])
def test_a_line_with_a_season_goes_on(season):
    series = 50.0 + 0.5 * np.arange(40 + HORIZON) + np.resize([0.0, 3.0, -1.0, 2.0][:season], 40 + HORIZON)
    assert alone(series[:40], season) == pytest.approx(series[40:], rel=1e-3)


def test_a_season_that_grows_goes_on_growing():
    series = (20.0 + 2.0 * np.arange(40 + HORIZON)) * np.resize([0.8, 1.3, 1.0, 0.9], 40 + HORIZON)
    growing, steady = (np.abs(alone(series[:40], 4, from_zero=one) - series[40:]).mean() for one in (True, False))
    assert growing < 0.2 * steady
    np.testing.assert_array_equal(alone(-series[:40], 4, from_zero=True), alone(-series[:40], 4))


def test_a_jump_is_no_slope():
    noise = np.random.default_rng(0).normal(size=60)
    jumped = np.where(np.arange(60) > 56, 500.0, 0.0) + noise
    assert alone(jumped, 1).max() < 550
    assert alone(jumped, 4).max() < 700


def test_a_trend_goes_on_for_as_long_as_it_was_shown():
    holed = np.concatenate([np.arange(20.0), np.full(8, np.nan)])  # of 20 steps 8 have gone by
    assert alone(holed, 1, horizon=30)[11:] == pytest.approx(39.0, abs=0.1)
    line = alone(np.arange(20.0), 1, horizon=30)
    assert line[:20] == pytest.approx(np.arange(20.0, 40.0), abs=0.1)
    assert line[20:] == pytest.approx(39.0, abs=0.1)


def test_what_does_not_change_stays():
    assert alone(np.full(24, 7.0), 4, from_zero=True) == pytest.approx(7.0)
    assert alone(np.full(24, -7e8), 1) == pytest.approx(-7e8)


def test_of_noise_around_a_level_the_level_is_what_is_forecast():
    noise = np.random.default_rng(0).normal(size=(50, 60))
    found = recursively_smoothed(noise, np.full(50, 60), 1, HORIZON)
    assert np.abs(found).mean() < 0.35
    assert np.abs(noise[:, -1]).mean() > 0.7


@pytest.mark.parametrize(("known", "season", "enough"), [(5, 1, False), (6, 1, True), (7, 4, False), (8, 4, True)])
def test_where_a_history_is_too_short_there_is_no_forecast(known, season, enough):
    history = np.random.default_rng(0).normal(size=(1, 40))
    found = recursively_smoothed(history, np.array([known]), season, 3)
    assert np.isnan(found).all() == (not enough)
    mean = Smoother().forecast(history, np.array([known]), season, 3)
    first = Smoother(recursive=False).forecast(history, np.array([known]), season, 3)
    assert mean == pytest.approx((first + found) / 2 if enough else first)


@settings(max_examples=40)
@given(st.integers(0, 1000), st.integers(1, 70), st.sampled_from([1, 4, 12]), st.booleans())
def test_no_more_is_read_than_the_last_whole_seasons_of_a_series(seed, known, season, from_zero):
    history = 30 + np.random.default_rng(seed).normal(size=(1, 80)).cumsum(axis=1)
    other = history.copy()
    other[:, : 80 - min(known, max(SEASONS * season, STEPS)) // season * season] = -1e6
    found, again = (
        recursively_smoothed(one, np.array([known]), season, 4, from_zero=from_zero) for one in (history, other)
    )
    np.testing.assert_array_equal(found, again)


@settings(max_examples=40)
@given(st.integers(0, 1000), st.sampled_from([1, 4]), st.floats(0.01, 100), st.booleans())
def test_another_unit_of_the_history_is_that_of_the_forecast(seed, season, unit, from_zero):
    history = 30 + np.random.default_rng(seed).normal(size=40).cumsum()
    shift = 0.0 if from_zero else 12.0
    expected = unit * alone(history, season, from_zero=from_zero) + shift
    assert alone(unit * history + shift, season, from_zero=from_zero) == pytest.approx(expected, rel=1e-4)


def test_forecasts_of_many_are_those_of_each():
    rng = np.random.default_rng(1)
    history, known = 20 + rng.normal(size=(300, 64)).cumsum(axis=1), rng.integers(1, 80, 300)
    history[::3] -= 40
    history[rng.random(history.shape) < 0.05] = np.nan
    history[:, 0] = 1.0
    for season in (1, 4):
        together = recursively_smoothed(history, known, season, HORIZON, from_zero=True)
        for row in range(0, 300, 7):
            each = recursively_smoothed(history[[row]], known[[row]], season, HORIZON, from_zero=True)[0]
            np.testing.assert_allclose(together[row], each, rtol=1e-5, atol=1e-5)


@settings(max_examples=60)
@given(st.data(), st.sampled_from([1, 4]), st.sampled_from([1e-200, 1e-3, 1.0, 1e200]))
def test_of_any_history_there_is_a_forecast_not_far_off(data, season, size):
    values = st.one_of(st.floats(0.5, 2.0), st.sampled_from([0.01, 1.0, 1000.0]))
    history = size * np.array(data.draw(st.lists(values, min_size=24, max_size=40)))
    found = alone(history, season, from_zero=True)
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 20 * history.max()


@pytest.mark.parametrize("season", [1, 4])
def test_an_old_outlier_counts_for_little(season):
    rng = np.random.default_rng(0)
    clean = 100 + rng.normal(size=(50, 60))
    spoiled = clean.copy()
    spoiled[:, 20] = 99_999.0
    for from_zero in (False, True):
        found = recursively_smoothed(spoiled, np.full(50, 60), season, HORIZON, from_zero=from_zero)
        assert np.abs(found - 100).mean() < 1.0


def test_an_open_day_where_a_season_is_closed_moves_the_level_little():
    factors = np.array([1.2, 1.0, 1.1, 1.0, 0.9, 1.3, 0.02])
    history = 50 * np.tile(factors, 8) * np.exp(0.1 * np.random.default_rng(0).normal(size=56))
    history[-1] = 50.0
    found = alone(history, 7, from_zero=True)
    assert found[:6] == pytest.approx(50 * factors[:6], rel=0.8)


def test_seasons_too_long_are_not_gone_through():
    history = np.random.default_rng(0).normal(size=(1, 900))
    assert np.isfinite(recursively_smoothed(history, np.array([900]), 200, 3)).all()
    assert np.isnan(recursively_smoothed(history, np.array([900]), 201, 3)).all()


def test_many_histories_decide_whether_recursions_have_a_share():
    """What rises and falls in waves that nothing tells of is told best by its slope for a step, not for a wave."""
    rng = np.random.default_rng(0)
    waves = np.sin(2 * np.pi * (np.arange(80) + rng.uniform(0, 20, (600, 1))) / 20) + 0.02 * rng.normal(size=(600, 80))
    history, after, known = waves[:, :60], waves[:, 60:], np.full(600, 60)
    assert not Smoother.fit(history, known, after, 1).recursive
    walks = rng.normal(size=(600, 80)).cumsum(axis=1)
    assert Smoother.fit(walks[:, :60], known, walks[:, 60:], 1).recursive
    assert Smoother.fit(history[:499], known[:499], after[:499], 1).recursive


def test_that_rounding_misses_a_line_takes_no_share_away():
    lines = np.random.default_rng(0).normal(size=(600, 1)) * np.arange(64.0)
    assert Smoother.fit(lines[:, :60], np.full(600, 60), lines[:, 60:], 1).recursive
