"""Forecasts that stay above zero: unchanged down to the lowest value, falling by ratio below it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.targets import kept_above_zero

VALUES = st.floats(-1e3, 1e3)


@given(st.lists(VALUES, min_size=2, max_size=20), st.floats(0.01, 100))
def test_values_keep_their_order_and_those_from_the_lowest_on_their_size(values, lowest):
    given_values = np.sort(np.array(values))
    kept = kept_above_zero(given_values, np.array(lowest))
    assert (np.diff(kept) >= 0).all()
    assert kept[given_values >= lowest].tolist() == given_values[given_values >= lowest].tolist()
    assert (kept >= 0).all()
    assert (kept[given_values > -500 * lowest] > 0).all()  # further down exp is no longer above zero in float64


def test_below_the_lowest_value_they_fall_by_ratio():
    kept = kept_above_zero(np.array([[2.0, 1.0, 0.0, -1.0]]), np.array([[1.0]]))
    assert kept.tolist() == [[2.0, 1.0, np.exp(-1.0), np.exp(-2.0)]]
    step = 1e-6
    below, above = kept_above_zero(np.array([3 - step, 3 + step]), np.array(3.0))
    assert (above - below) / (2 * step) == pytest.approx(1, rel=1e-4)
