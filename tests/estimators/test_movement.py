"""The latest movement of a series in relation to its window: by hand, with gaps, and with nothing to measure."""

import numpy as np
import pytest

from forecasting.estimators.movement import recent_movement
from forecasting.windows import Windows


def movement(path: list[float] | np.ndarray, lookback: int = 4, season: int = 1, **changes) -> float:
    windows = Windows(np.asarray(path, dtype=float), np.array([0, len(path)]), lookback, season, **changes)
    cuts = windows.end_cuts()
    return float(recent_movement(windows, cuts, windows.gather(cuts).scale)[0])


@pytest.mark.parametrize("season", [1, 3, 15])
def test_it_is_the_weighted_mean_change_over_the_plain_one_of_the_window(season: int) -> None:
    lookback = 2 * season + 2
    path = np.random.default_rng(0).normal(size=120).cumsum()
    change = np.abs(path[season:] - path[:-season])
    latest = change[-(2 * (lookback + season) - season) :]
    weight = 0.5 ** (np.arange(len(latest))[::-1] / max(season, 10))
    window = change[-(lookback - season) :].mean()

    assert movement(path, lookback, season) == pytest.approx(np.average(latest, weights=weight) / window)


def test_what_lies_beyond_the_reach_of_the_window_does_not_count() -> None:
    path = np.random.default_rng(1).normal(size=50).cumsum()

    assert movement(np.concatenate([1e6 * path, path[-10:]])) == pytest.approx(movement(path[-10:]))


def test_missing_values_and_those_of_other_series_do_not_count() -> None:
    path = np.array([0, 1, np.nan, 3, 5, np.nan, 6, 8.0])
    windows = Windows(np.concatenate([[900.0, -900.0], path]), np.array([0, 2, 10]), 4, 1)
    cuts = windows.end_cuts().take(np.array([1]))

    weight = 0.5 ** (np.array([0, 3, 6]) / 10)  # of the changes 2, 2 and 1
    expected = np.average([2, 2, 1], weights=weight)
    assert recent_movement(windows, cuts, np.ones(1))[0] == pytest.approx(expected)


def test_it_is_one_where_no_two_values_a_season_apart_were_observed() -> None:
    assert movement([1.0, 2.0, 4.0], lookback=8, season=7) == 1.0


def test_it_is_zero_where_nothing_moves() -> None:
    assert movement(np.ones(30)) == 0.0


def test_many_cuts_are_measured_in_parts(monkeypatch) -> None:
    path = np.random.default_rng(2).normal(size=300).cumsum()
    windows = Windows(path, np.array([0, 300]), 4, 1)
    cuts = windows.cuts(1, least_history=20)
    cuts = cuts.take(np.arange(len(cuts)))
    whole = recent_movement(windows, cuts, np.ones(len(cuts)))
    monkeypatch.setattr("forecasting.estimators.movement._VALUES_AT_ONCE", 70)

    np.testing.assert_array_equal(recent_movement(windows, cuts, np.ones(len(cuts))), whole)
