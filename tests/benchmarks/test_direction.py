"""Moves of two shares, and how far a model stands from always-up, by hand."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import direction

DAYS = pd.date_range("2015-01-01", periods=24)


@pytest.fixture
def closes() -> pd.DataFrame:
    """One share rises by 1 % a day but once, the other by 2 %, with a close missing at first."""
    rises = np.full(24, 0.01)
    rises[22] = -0.01
    rises[23] = 0.0
    return pd.DataFrame(
        {"a": 10 * np.exp(np.cumsum(rises)), "b": np.where(np.arange(24) < 2, np.nan, np.exp(0.02 * np.arange(24)))},
        index=DAYS,
    )


def test_windows_come_in_order_of_time_without_gaps_and_days_that_stand_still(closes: pd.DataFrame) -> None:
    every = direction.moves(closes, with_mean=False)
    assert list(pd.DatetimeIndex(every.day)) == [DAYS[21], DAYS[22], DAYS[23]]
    assert every.up.tolist() == [True, False, True]
    np.testing.assert_allclose(every.X[0], 0.01)
    np.testing.assert_allclose(every.X[2], 0.02)


def test_the_mean_of_all_shares_is_a_second_feature(closes: pd.DataFrame) -> None:
    every = direction.moves(closes, with_mean=True)
    assert every.X.shape == (3, direction.LOOKBACK, 2)
    np.testing.assert_allclose(every.X[2, :5, 1], 0.015)


def test_distances_are_means_over_days_of_means_over_shares() -> None:
    up = np.array([True, False, True, True])
    day = np.array(["2015-01-01", "2015-01-01", "2015-01-02", "2015-01-03"], dtype="M8[D]")
    test = direction.Moves(np.zeros((4, direction.LOOKBACK)), up, day)
    half = np.full(4, 0.6)
    rows = direction.table(test, {direction.ALWAYS_UP: half, "same": half, "other": np.array([0.6, 0.4, 0.6, 0.6])})
    assert rows.loc["same", "above always-up, points (95 %)"] == "the same"
    assert rows.loc["same", "below always-up, 1/1000 (95 %)"] == "the same"
    assert rows.loc[direction.ALWAYS_UP, "right, %"] == pytest.approx(100 * 2.5 / 3)
    assert rows.loc["other", "right, %"] == 100
    assert rows.loc["other", "says up, %"] == pytest.approx(100 * 2.5 / 3)
    assert rows.loc["other", "above always-up, points (95 %)"].startswith(f"{50 / 3:.2f} (")
    assert rows.loc["same", "log loss"] == pytest.approx(-(0.5 * np.log(0.4) + 2.5 * np.log(0.6)) / 3)
