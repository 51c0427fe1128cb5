"""The three policies for steps without a value."""

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import DataError, ParameterError
from forecasting.panel import to_panel, treat_gaps
from tests.panel.tables import days, long


@pytest.fixture
def holed():
    frame = pd.concat(
        [
            long(days(7), [1, 2, 3, 4, 5, 9, 7]).drop(index=[2, 3]),
            long(days(3), [4.0, np.nan, 8.0], "b"),
            long(days(3), name="c"),
        ]
    )
    return to_panel(frame)[0]


def test_interpolation_draws_straight_lines_within_each_series(holed):
    panel, notices = treat_gaps(holed, "interpolate")
    assert panel.values.tolist() == pytest.approx([1, 2, 3, 4, 5, 9, 7, 4, 6, 8, 1, 2, 3])
    assert not panel.has_missing
    assert [(notice.kind, notice.series, notice.count) for notice in notices] == [("interpolated", ("a", "b"), 3)]
    assert np.isnan(holed.values).sum() == 3


def test_masking_leaves_the_steps_missing_and_says_so(holed):
    panel, notices = treat_gaps(holed, "mask")
    assert panel is holed
    assert [(notice.kind, notice.series, notice.count) for notice in notices] == [("masked", ("a", "b"), 3)]


def test_refusing_names_the_first_gap_and_the_other_policies(holed):
    with pytest.raises(DataError) as error:
        treat_gaps(holed, "refuse", dataset="shop")
    assert error.value.where == {"dataset": "shop", "series": "a", "time": "2024-01-03"}
    assert error.value.problem == "2 steps have no value: 2024-01-03, 2024-01-04; in all 3 steps of 2 series (a, b)"
    assert "'interpolate'" in error.value.remedy
    assert "'mask'" in error.value.remedy


@pytest.mark.parametrize("policy", ["refuse", "interpolate", "mask"])
def test_a_panel_without_gaps_passes_unchanged(policy):
    panel, _ = to_panel(long(days(4)))
    treated, notices = treat_gaps(panel, policy)
    assert treated is panel
    assert notices == ()


def test_a_gap_at_the_end_of_a_series_is_not_filled_from_the_next_one(holed):
    values = holed.values.copy()
    values[6] = np.nan
    with pytest.raises(DataError, match=r"series a, time 2024-01-07: the series begins or ends without a value"):
        treat_gaps(holed.with_values(values), "interpolate")
    with pytest.raises(DataError, match="begins or ends without a value"):
        treat_gaps(holed.with_values(np.full(13, np.nan)), "interpolate")


def test_another_policy_is_refused(holed):
    with pytest.raises(ParameterError, match=r"'fill' is not a policy for gaps. Use one of refuse, interpolate, mask"):
        treat_gaps(holed, "fill")
