"""Exponential smoothing against a plain version and what is known of it, and the choice of it for each series."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.smoothing import (
    CHOICES,
    Smoother,
    Smoothing,
    judged_steps,
    past_errors,
    recursively_smoothed,
    smoothed,
    steps_of_history,
)
from forecasting.windows import Windows, reach

HORIZON = 7
STEADY = np.array([not one.recent and not one.grows for one in CHOICES])


def plain(
    history: np.ndarray, smoothing: Smoothing, season: int, horizon: int, *, from_zero: bool = False
) -> list[float]:
    """The formulas of `Smoothing` one after the other, of a history of whole seasons, or of fewer steps than one."""
    x = history[::-1]  # x[j] is the value j steps back
    share, short, grows = smoothing.season, len(history) < season, smoothing.grows and from_zero and min(history) > 0
    season = 1 if short else season
    seasons = len(history) // season
    if season > 1:
        weights = [0.7**k for k in range(seasons)]
        means = [sum(weights[k] * x[p + k * season] for k in range(seasons)) / sum(weights) for p in range(season)]
        trend = 0.0
        for p in range(season):
            for k in range(seasons - 1):
                trend += weights[k] * (x[p + k * season] - x[p + (k + 1) * season])
        trend = trend / season / season / sum(weights[:-1]) if seasons > 1 else 0.0
        mean, middle = sum(means) / season, (season - 1) / 2
        pattern = [share * (means[p] - mean + trend * (p - middle)) for p in range(season)]
    else:
        trend = 0.0 if short or len(x) == 1 else float(np.polyfit(np.arange(len(x)), history, 1)[0])
        pattern, mean, grows = [0.0], 0.0, False
    shares = [(1 - smoothing.level) ** j for j in range(len(x))]
    level = sum(a * (x[j] - pattern[j % season]) for j, a in enumerate(shares)) / sum(shares)
    age = sum(a * j for j, a in enumerate(shares)) / sum(shares)
    changes = [0.3**j for j in range(len(x) - 1)]
    recent = sum(c * (x[j] - x[j + 1]) for j, c in enumerate(changes)) / max(sum(changes), 1)
    steps = range(1, horizon + 1)
    slow = [smoothing.trend * trend * (age + h) for h in steps]
    fading = [smoothing.recent * recent * (age + sum(0.9**i for i in range(1, h + 1))) for h in steps]
    if grows:
        ratio = [one / mean for one in pattern]
        of_season = sum(a * ratio[j % season] for j, a in enumerate(shares)) / sum(shares)
        off = sum(a * (x[j] - mean - pattern[j % season]) for j, a in enumerate(shares)) / sum(shares)
        level = mean + off / max(1 + of_season, 0.5)
        return [(level + slow[h - 1] + fading[h - 1]) * (1 + ratio[-h % season]) for h in steps]
    return [level + slow[h - 1] + fading[h - 1] + pattern[-h % season] for h in steps]


def plain_of(
    history: np.ndarray, known: int, smoothing: Smoothing, season: int, horizon: int, *, from_zero: bool = False
) -> list[float]:
    """The same, of the last steps of a history as far as they are read."""
    most = steps_of_history(season, len(history))
    used = max(min(known, most) // season * season, min(season, most))
    return plain(history[-used:], smoothing, season, horizon, from_zero=from_zero)


def by(
    smoothing: Smoothing, history: np.ndarray, season: int, horizon: int = HORIZON, *, from_zero: bool = False
) -> np.ndarray:
    """The forecast of one history by one of the choices."""
    number, known = np.array([CHOICES.index(smoothing)]), np.array([len(history)])
    return smoothed(history[None], known, number, season, horizon, from_zero=from_zero)[0]


@pytest.mark.parametrize(("steps", "season"), [(1, 1), (2, 1), (9, 1), (4, 4), (8, 4), (24, 4), (36, 12)])
def test_forecasts_are_what_the_formulas_say(steps, season):
    history = np.random.default_rng(steps).normal(size=steps)
    for smoothing in CHOICES:
        assert by(smoothing, history, season) == pytest.approx(plain(history, smoothing, season, HORIZON))
        for one in (history, np.exp(history)):  # of which only the second is above zero
            expected = plain(one, smoothing, season, HORIZON, from_zero=True)
            assert by(smoothing, one, season, from_zero=True) == pytest.approx(expected)


@pytest.mark.parametrize("level", [0.15, 0.5, 0.8])
def test_without_trend_and_season_it_is_the_exponentially_weighted_mean_of_pandas(level):
    history = np.random.default_rng(0).normal(size=15)
    expected = pd.Series(history).ewm(alpha=level, adjust=True).mean().iloc[-1]
    assert by(Smoothing(1.0, level, 0.0), history, 1, 3) == pytest.approx(expected)
    assert by(Smoothing(0.0, level, 0.0), history, 5, 3) == pytest.approx(expected)


def test_with_all_of_the_level_and_neither_trend_nor_season_it_is_the_naive_forecast():
    history = np.random.default_rng(0).normal(size=15)
    assert by(Smoothing(1.0, 1.0, 0.0), history, 1) == pytest.approx(history[-1])
    assert by(Smoothing(0.0, 1.0, 0.0), history, 5) == pytest.approx(history[-1])


@pytest.mark.parametrize("smoothing", [choice for choice in CHOICES if choice.season == 1])
def test_what_repeats_exactly_goes_on_repeating(smoothing):
    season = np.array([3.0, 1.0, 4.0, 1.0, 5.0])
    assert by(smoothing, np.tile(season, 4), 5, 10) == pytest.approx(np.tile(season, 2))


@pytest.mark.parametrize(("season", "steps"), [(1, 12), (4, 12)])
def test_with_all_of_its_trend_a_line_with_a_season_goes_on(season, steps):
    series = 2.0 + 0.5 * np.arange(steps + HORIZON) + np.resize([0.0, 3.0, -1.0, 2.0][:season], steps + HORIZON)
    assert by(Smoothing(1.0, 0.3, 1.0), series[:steps], season) == pytest.approx(series[steps:])


def test_a_season_that_grows_with_the_level_goes_on_growing():
    ratio = np.array([0.8, 1.3, 1.0, 0.9])
    series = (20.0 + 2.0 * np.arange(24 + HORIZON)) * np.resize(ratio, 24 + HORIZON)
    smoothing = Smoothing(1.0, 0.3, 1.0, grows=True)
    missed = [
        np.abs(by(one, series[:24], 4, from_zero=True) - series[24:]).mean()
        for one in (smoothing, replace(smoothing, grows=False))
    ]
    assert missed[0] < 0.2 * missed[1]
    assert by(smoothing, -series[:24], 4, from_zero=True) == pytest.approx(
        by(replace(smoothing, grows=False), -series[:24], 4, from_zero=True)
    )


@pytest.mark.parametrize("size", [1.0, 2.0**600, 2.0**-600])
def test_where_a_season_grows_such_a_smoothing_is_chosen_but_not_where_ratios_have_no_meaning(size):
    rng = np.random.default_rng(0)
    ratio = np.array([0.5, 1.6, 1.0, 0.9])
    level = 20.0 + 2.0 * np.arange(80)
    history = size * level * np.resize(ratio, 80) * np.exp(rng.normal(0, 0.01, (10, 80)))
    chosen = Smoother(from_zero=True).choose(history, np.full(10, 80), 4, 6)
    assert all(CHOICES[one].grows for one in chosen)
    assert not any(CHOICES[one].grows for one in Smoother().choose(history, np.full(10, 80), 4, 6))
    below = history - 2 * history.max()
    assert not any(CHOICES[one].grows for one in Smoother(from_zero=True).choose(below, np.full(10, 80), 4, 6))


def test_what_is_expected_of_seasons_that_grow_counts_only_where_they_may():
    rng = np.random.default_rng(0)
    ratio, level = np.array([0.5, 1.6, 1.0, 0.9]), 20.0 + 2.0 * np.arange(86)
    growing = level * np.resize(ratio, 86) * np.exp(rng.normal(0, 0.01, (40, 86)))
    history, after, known = growing[:, :80], growing[:, 80:], np.full(40, 80)
    smoother = Smoother.fit(history, known, after, 4, from_zero=True)
    assert CHOICES[int(np.argmin(smoother.expected))].grows
    short = np.full(40, 9)  # so that what is expected decides
    assert all(CHOICES[one].grows for one in smoother.choose(history, short, 4, 6))
    zero = history.copy()
    zero[:, -3] = 0.0
    assert not any(CHOICES[one].grows for one in smoother.choose(zero, short, 4, 6))
    mixed = Smoother.fit(  # those that cannot grow say nothing about how well it is to
        np.concatenate([history, -history]), np.full(80, 80), np.concatenate([after, -after]), 4, from_zero=True
    )
    gains = [
        [one.expected[k] - one.expected[CHOICES.index(replace(c, grows=False))] for k, c in enumerate(CHOICES)]
        for one in (smoother, mixed)
    ]
    assert gains[1] == pytest.approx(gains[0])


@settings(max_examples=50)
@given(st.lists(st.floats(1e-3, 1e3), min_size=26, max_size=26), st.integers(66, len(CHOICES) - 1))
def test_a_season_that_grows_does_not_run_away(values, choice):
    history, known = np.array([values]), np.array([26])
    grown, of_one_size = (
        smoothed(history, known, np.array([number]), 12, 12, from_zero=True)
        for number in (choice, CHOICES.index(replace(CHOICES[choice], grows=False)))
    )
    assert CHOICES[choice].grows
    furthest = max(np.abs(of_one_size).max(), history.max())
    assert np.abs(grown).max() <= 2 * 12 * furthest


@pytest.mark.parametrize("size", [1e-310, 1e-40, 1e300])
def test_histories_of_any_size_have_finite_forecasts(size):
    history = size * (5.0 + np.resize([1.0, 3.0, -1.0, 2.0], (1, 60)))
    forecast = Smoother(from_zero=True).forecast(history, np.array([60]), 4, 4)
    assert forecast / size == pytest.approx(history[:, :4] / size, rel=1e-6)


def test_less_of_the_trend_goes_on_less_far():
    line = np.arange(12.0)
    ends = [by(Smoothing(1.0, 0.5, share), line, 1, 5)[-1] for share in (0.0, 0.3, 0.6, 1.0)]
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(16.0)


def test_the_recent_trend_of_a_line_fades():
    line = np.arange(40.0)
    for level in (0.5, 0.8, 1.0):
        found = by(Smoothing(0.0, level, 0.0, 1.0), line, 12, 5)
        assert np.diff(found) == pytest.approx(0.9 ** np.arange(2, 6))
        assert found[0] == pytest.approx(39.9, abs=1e-3)
        half = by(Smoothing(0.0, level, 0.0, 0.5), line, 12, 5)
        assert half == pytest.approx((found + by(Smoothing(0.0, level, 0.0), line, 12, 5)) / 2)


def test_where_the_trend_has_turned_lately_a_recent_one_is_chosen():
    turned = np.concatenate([np.linspace(30.0, 0.0, 60), np.linspace(0.0, 40.0, 80)])
    noise = np.random.default_rng(0).normal(0, 0.02, (20, len(turned)))
    chosen = Smoother().choose(turned + noise, np.full(20, len(turned)), 12, 6)
    assert all(CHOICES[number].recent > 0 for number in chosen)


def test_each_history_is_read_as_far_as_it_is_its_own():
    rng = np.random.default_rng(0)
    history, known = rng.normal(size=(5, 12)), np.array([2, 4, 9, 30, 8])
    choice = rng.integers(0, len(CHOICES), 5)
    found = smoothed(history, known, choice, 4, HORIZON)
    for row, used in enumerate((4, 4, 8, 12, 8)):  # whole seasons; one, repeats of the first value included, at least
        assert found[row] == pytest.approx(plain(history[row, -used:], CHOICES[choice[row]], 4, HORIZON))


def test_a_history_shorter_than_a_season_has_neither_season_nor_slow_trend():
    found = by(Smoothing(1.0, 0.5, 0.6), np.array([1.0, 2.0, 4.0]), 12, 2)
    assert found == pytest.approx((0.5 * 4 + 0.25 * 2 + 0.125 * 1) / 0.875)


@pytest.mark.parametrize(("season", "most", "steps"), [(1, 100, 20), (12, 100, 72), (12, 30, 30), (1, 6, 6)])
def test_six_seasons_are_read_or_twenty_steps_but_no_more_than_there_may_be(season, most, steps):
    assert steps_of_history(season, most) == steps


def plain_past_errors(
    history: np.ndarray, known: int, season: int, horizon: int, *, from_zero: bool = False
) -> tuple[np.ndarray, float]:
    """Relative errors of all choices on the past of one history, and the blocks, place by place."""
    steps = len(history)
    places = steps - season - horizon
    back = sorted({horizon + round(places_back) for places_back in np.linspace(0, places - 1, min(16, places))})
    tried = [one for one in back if min(known, steps) - one > season]
    if not tried:
        return np.ones(len(CHOICES)), 0.0
    errors, judged = np.zeros(len(CHOICES)), np.array(judged_steps(season, horizon)) - 1
    for one in tried:
        before, after = history[: steps - one], history[steps - one : steps - one + horizon]
        own = min(known, steps) - one
        padded = np.concatenate([np.full(steps - len(before), before[0]), before])
        for number, smoothing in enumerate(CHOICES):
            path = plain_of(padded, own, smoothing, season, horizon, from_zero=from_zero)
            errors[number] += np.abs(path - after)[judged].mean()
    return errors / errors[STEADY].mean(), len(tried) * places / len(back) / horizon


@pytest.mark.parametrize(
    ("steps", "season", "horizon"), [(12, 1, 3), (40, 1, 6), (30, 4, 8), (80, 12, 5), (8, 1, 6), (90, 4, 40)]
)
@pytest.mark.parametrize("from_zero", [False, True])
def test_the_past_is_forecast_as_it_would_have_been(steps, season, horizon, from_zero):
    rng = np.random.default_rng(steps)
    known = np.array([steps, steps + 50, steps - 3, season + horizon + 1, season + horizon, 1])
    history = rng.normal(size=(len(known), steps)).cumsum(axis=1)
    history[0] = np.exp(history[0] / 10)
    history[1] += 1e4  # far from zero in relation to how much it moves
    relative, blocks = past_errors(history, known, season, horizon, from_zero=from_zero)
    for row, own in enumerate(known):
        expected = plain_past_errors(history[row], int(own), season, horizon, from_zero=from_zero)
        assert relative[row] == pytest.approx(expected[0])
        assert blocks[row] == pytest.approx(expected[1])
    assert (blocks > 0).tolist()[:2] == [True, True]
    assert (blocks > 0).tolist()[-2:] == [False, False]


def test_smoothings_are_judged_by_up_to_16_steps_from_the_first_to_the_last_at_all_places_of_the_season():
    assert judged_steps(1, 5) == (1, 2, 3, 4, 5)
    assert judged_steps(24, 48) == (1, 4, 7, 10, 14, 17, 20, 23, 26, 29, 32, 35, 39, 42, 45, 48)
    for season, horizon in ((4, 61), (7, 106), (24, 361), (12, 46), (24, 168)):
        steps = judged_steps(season, horizon)
        assert steps == tuple(sorted(set(steps)))
        assert (steps[0], steps[-1]) == (1, horizon)
        assert 13 <= len(steps) <= 16
        assert len({step % season for step in steps}) >= min(season, 12)


def test_many_histories_in_parts_are_chosen_for_as_alone(monkeypatch):
    rng = np.random.default_rng(0)
    history, known = rng.normal(size=(40, 60)).cumsum(axis=1), rng.integers(1, 80, 40)
    whole = Smoother().choose(history, known, 4, 6)
    assert len(set(whole.tolist())) > 3
    monkeypatch.setattr("forecasting.smoothing.smoother._VALUES_AT_ONCE", 500)
    assert Smoother().choose(history, known, 4, 6).tolist() == whole.tolist()


def test_a_long_history_is_forecast_as_it_is_itself():
    noise = np.random.default_rng(0).normal(size=400)
    line = np.arange(400.0)
    flat, rising = Smoother().choose(np.array([noise, line + 0.01 * noise]), np.array([400, 400]), 1, 6)
    assert (CHOICES[flat].level, CHOICES[flat].trend) == (0.15, 0.0)
    assert CHOICES[rising].trend == 1.0


def test_a_season_is_seen_where_there_is_one():
    rng = np.random.default_rng(0)
    season = np.tile([0.0, 10.0, 3.0, -5.0], 20)
    chosen = Smoother().choose(np.array([season, 0.0 * season]) + rng.normal(size=(2, 80)), np.array([80, 80]), 4, 6)
    assert [CHOICES[one].season for one in chosen] == [1.0, 0.0]


def plain_fit(
    history: np.ndarray, known: np.ndarray, after: np.ndarray, season: int, *, from_zero: bool
) -> tuple[np.ndarray, float]:
    """Mean relative errors of all choices at what came after, and the weight under which they are chosen best."""
    horizon, errors, past = after.shape[1], [], []
    for row, own in enumerate(known):
        kind = int(own), season, horizon
        paths = [plain_of(history[row], kind[0], smoothing, *kind[1:], from_zero=from_zero) for smoothing in CHOICES]
        error = np.abs(np.array(paths) - after[row])[:, np.array(judged_steps(season, horizon)) - 1].mean(axis=1)
        errors.append(error / error[STEADY].mean())
        past.append(plain_past_errors(history[row], *kind, from_zero=from_zero))
    used = [max(min(own, steps_of_history(season, 30)) // season * season, season) for own in known]
    may_grow = [from_zero and season > 1 and min(row[-steps:]) > 0 for row, steps in zip(history, used, strict=True)]
    expected = np.mean(errors, axis=0)
    for number, one in enumerate(CHOICES):
        twin = CHOICES.index(replace(one, grows=False))
        more = [error[number] - error[twin] for error, may in zip(errors, may_grow, strict=True) if may]
        expected[number] = np.mean([error[twin] for error in errors]) + (np.mean(more) if more else 0.0)

    def reached(weight: float) -> float:
        chosen = []
        for (relative, blocks), may in zip(past, may_grow, strict=True):
            told = [expected[CHOICES.index(one if may else replace(one, grows=False))] for one in CHOICES]
            chosen.append(int(np.argmin(blocks * relative + weight * np.array(told))))
        return float(np.mean([error[choice] for error, choice in zip(errors, chosen, strict=True)]))

    return expected, min((4, 2, 8, 1, 16, 0.5, 32), key=reached)


@pytest.mark.parametrize("from_zero", [False, True])
@pytest.mark.parametrize("season", [1, 4])
def test_what_many_histories_say_is_what_came_after_them(season, from_zero):
    rng = np.random.default_rng(season)
    path = rng.normal(size=(12, 36)).cumsum(axis=1) + np.arange(36) * rng.normal(size=(12, 1))
    path[::2] = np.exp(path[::2] / 20)
    history, after, known = path[:, :30], path[:, 30:], rng.integers(8, 40, 12)
    found = Smoother.fit(history, known, after, season, from_zero=from_zero)
    expected, weight = plain_fit(history, known, after, season, from_zero=from_zero)
    assert found.expected == pytest.approx(expected)
    assert found.from_zero == from_zero
    assert found.weight == weight


def test_the_expectation_counts_little_where_each_history_is_a_kind_of_its_own():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(60, 66))
    kinds = noise + np.where(np.arange(60) % 2, 1.0, 0.0)[:, None] * np.arange(66.0)
    known = np.full(60, 60)
    assert Smoother.fit(kinds[:, :60], known, kinds[:, 60:], 1).weight <= 1
    assert Smoother.fit(noise[:, :60], known, noise[:, 60:], 1).weight >= 4


def test_a_short_history_is_forecast_as_most_are():
    rng = np.random.default_rng(0)
    lines = np.arange(66.0) + rng.normal(size=(50, 66)) / 10
    smoother = replace(Smoother.fit(lines[:, :60], np.full(50, 60), lines[:, 60:], 1), weight=2.0)
    assert CHOICES[int(np.argmin(smoother.expected))].trend == 1.0
    short = np.repeat(rng.normal(size=(1, 60)), 2, axis=0)
    chosen = smoother.choose(short, np.array([9, 60]), 1, 6)
    assert [CHOICES[one].trend for one in chosen] == [1.0, 0.0]


def test_where_nothing_can_be_tried_the_first_choice_is_taken():
    history = np.random.default_rng(0).normal(size=(3, 10))
    assert Smoother().choose(history, np.full(3, 10), 4, 6).tolist() == [0, 0, 0]
    assert Smoother.fit(history * 0, np.full(3, 10), history[:, :6] * 0, 4) == Smoother()


def test_what_never_changes_says_nothing():
    still = np.full((2, 40), 5.0)
    assert past_errors(still, np.array([40, 40]), 4, 3)[1].tolist() == [0.0, 0.0]
    assert Smoother().forecast(still, np.array([40, 40]), 4, 3) == pytest.approx(5.0)


numbers = st.floats(-1e3, 1e3)


@settings(max_examples=50)
@given(
    st.lists(numbers, min_size=12, max_size=12),
    st.integers(1, 14),
    st.integers(1, 5),
    st.integers(0, len(CHOICES) - 1),
    st.floats(0.1, 10),
    numbers,
)
def test_a_shift_and_another_unit_of_the_history_are_those_of_the_forecast(values, known, season, choice, unit, shift):
    def forecast(history):
        return smoothed(history, np.array([known]), np.array([choice]), season, HORIZON)

    history = np.array([values])
    assert forecast(unit * history + shift) == pytest.approx(unit * forecast(history) + shift, abs=1e-6)


@settings(max_examples=50)
@given(
    st.lists(st.floats(1, 1e3), min_size=12, max_size=12),
    st.integers(1, 14),
    st.integers(1, 5),
    st.integers(0, len(CHOICES) - 1),
    st.floats(0.1, 10),
)
def test_another_unit_of_the_history_is_that_of_the_forecast_of_seasons_that_grow_too(
    values, known, season, choice, unit
):
    def forecast(history):
        return smoothed(history, np.array([known]), np.array([choice]), season, HORIZON, from_zero=True)

    history = np.array([values])
    assert forecast(unit * history) == pytest.approx(unit * forecast(history), abs=1e-6)


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(1, 50), st.integers(1, 5))
def test_what_lies_before_the_history_of_a_series_moves_nothing(seed, known, season):
    rng = np.random.default_rng(seed)
    history = 20 + rng.normal(size=(1, 40)).cumsum(axis=1)
    history[:, : max(40 - known, 0)] = history[:, max(40 - known, 0)]
    other = history.copy()
    other[:, : max(40 - max(known, season), 0)] = -1e6
    for smoother in (Smoother(), Smoother(from_zero=True)):
        assert smoother.forecast(other, np.array([known]), season, 4) == pytest.approx(
            smoother.forecast(history, np.array([known]), season, 4)
        )


@pytest.mark.parametrize("season", [1, 4])
def test_of_a_panel_what_stands_before_the_cut_in_its_own_series_is_smoothed(season):
    rng = np.random.default_rng(0)
    path, indptr, horizon = rng.normal(size=60), np.array([0, 25, 60]), 2
    windows = Windows(path, indptr, 8, season)
    cuts = windows.cuts(horizon, least_history=5)
    cuts = cuts.take(np.arange(len(cuts)))
    smoother = windows.smoother(cuts, horizon)
    found, steps = windows.smoothed(cuts, smoother, horizon), reach(8, season)
    histories, known = [], cuts.row - indptr[cuts.series]
    for series, row, forecast in zip(cuts.series, cuts.row, found, strict=True):
        own = path[max(indptr[series], row - steps) : row]
        histories.append(np.concatenate([np.full(steps - len(own), own[0]), own]))
        relative, blocks = plain_past_errors(histories[-1], row - indptr[series], season, horizon)
        choice = CHOICES[int(np.argmin(blocks * relative + smoother.weight * np.array(smoother.expected)))]
        expected = np.array(plain_of(histories[-1], row - indptr[series], choice, season, horizon))
        recursive = recursively_smoothed(histories[-1][None], np.array([len(own)]), season, horizon)[0]
        mean = expected if np.isnan(recursive).any() else (expected + recursive) / 2
        assert forecast == pytest.approx(mean, rel=1e-5)
    after = np.array([path[row : row + horizon] for row in cuts.row])
    assert smoother == Smoother.fit(np.array(histories), known, after, season)


def plain_filled(history: np.ndarray, season: int) -> np.ndarray:
    """Holes filled one by one."""
    filled = history.copy()
    for place in np.flatnonzero(np.isnan(history)):
        same = [value for value in history[place % season : place : season] if not np.isnan(value)]
        filled[place] = same[-1] if same else np.nan
    for place in range(1, len(history)):
        if np.isnan(filled[place]):
            filled[place] = filled[place - 1]
    return np.where(np.isnan(filled), filled[~np.isnan(filled)][0], filled)


@pytest.mark.parametrize("season", [1, 4])
@given(data=st.data())
@settings(max_examples=60)
def test_what_was_not_observed_is_read_as_one_season_before_or_as_the_value_before(season, data):
    number = st.one_of(st.just(np.nan), st.floats(-100, 100))
    steps = data.draw(st.integers(season, 30))
    history = np.array(data.draw(st.lists(number, min_size=steps, max_size=steps)))
    history[data.draw(st.integers(0, steps - 1))] = 1.0
    choice = np.array([data.draw(st.integers(0, len(CHOICES) - 1))])
    known = np.array([steps])
    holed, filled = (smoothed(one[None], known, choice, season, 3) for one in (history, plain_filled(history, season)))
    np.testing.assert_array_equal(holed, filled)


def test_steps_that_were_not_observed_do_not_judge():
    """A season whose holes are all filled by chance with what it forecasts would be judged too well."""
    rng = np.random.default_rng(0)
    whole = np.tile([0.0, 10.0, 20.0, 30.0], 20) + rng.normal(0, 1, 80)
    holed = np.where(rng.random(80) < 0.3, np.nan, whole)
    holed[:8], holed[60:68] = whole[:8], np.nan
    relative, blocks = past_errors(holed[None], np.array([80]), 4, 2)
    filled = plain_filled(holed, 4)
    expected, places = np.zeros(len(CHOICES)), 0
    for back in 2 + np.unique(np.linspace(0, 73, 16).round().astype(int)):
        cut = 80 - back
        actual = holed[cut : cut + 2]
        seen = ~np.isnan(actual)
        if not seen.any():
            continue
        places += 1
        for number, smoothing in enumerate(CHOICES):
            forecast = by(smoothing, filled[:cut], 4, 2)
            expected[number] += np.abs(forecast - actual)[seen].mean()
    np.testing.assert_allclose(relative[0], expected / expected[STEADY].mean(), rtol=1e-5)
    assert places < 16
    assert blocks[0] == pytest.approx(places * 74 / 16 / 2)


@pytest.mark.parametrize("filled", [None, 3.0])
def test_of_a_series_with_holes_what_was_observed_is_smoothed_and_what_was_filled(filled):
    path = np.array([1.0, 2.0, np.nan, 4.0])
    read = path if filled is None else np.array([1.0, 2.0, filled, 4.0])
    windows = Windows(path, np.array([0, 4]), 2, 1, filled=None if filled is None else read)
    found = windows.smoothed(windows.end_cuts(), Smoother(), 1)
    history = np.concatenate([[1.0, 1.0], read])
    assert found == pytest.approx(Smoother().forecast(history[None], np.array([4]), 1, 1))


def test_a_series_silent_for_longer_than_its_history_goes_on_with_its_last_value():
    path = np.array([5.0, 7.0, *[np.nan] * 20])
    windows = Windows(path, np.array([0, 22]), 2, 2)
    assert windows.smoothed(windows.end_cuts(), Smoother(), 3) == pytest.approx(np.full((1, 3), 7.0))


def test_a_recent_trend_that_leads_far_away_does_not_move_how_the_others_are_judged():
    history = np.random.default_rng(0).normal(size=(1, 60))
    jumped = history.copy()
    jumped[0, 30] += 100.0  # behind it, a recent trend goes on upwards
    for one in (history, jumped):
        relative, _ = past_errors(one, np.array([60]), 4, HORIZON)
        assert relative[0, STEADY].mean() == pytest.approx(1)


@pytest.mark.parametrize(("size", "level"), [(2.0**600, 0.0), (2.0**-600, 0.0), (1.0, 2.0**20), (-4.0, 0.0)])
def test_what_is_chosen_depends_on_neither_level_nor_size(size, level):
    rng = np.random.default_rng(0)
    history, known = rng.integers(-50, 50, (30, 60)).cumsum(axis=1).astype(np.float64), rng.integers(1, 80, 30)
    history[::3, 20:23] = np.nan
    chosen = Smoother().choose(history, known, 4, 6)
    assert len(set(chosen.tolist())) > 3
    assert Smoother().choose(size * history + level, known, 4, 6).tolist() == chosen.tolist()


def test_what_is_chosen_does_not_depend_on_which_series_stand_beside():
    rng = np.random.default_rng(0)
    for season, horizon, steps in ((4, 3, 8), (12, 6, 26), (1, 6, 40)):  # small numbers, so that many choices are alike
        history, known = rng.integers(0, 3, (150, steps)).astype(np.float64), rng.integers(1, 2 * steps, 150)
        history[:75] += 1  # these are above zero
        for smoother in (Smoother(), Smoother(from_zero=True)):
            together = smoother.choose(history, known, season, horizon)
            alone = [smoother.choose(history[[row]], known[[row]], season, horizon)[0] for row in range(150)]
            assert together.tolist() == alone
