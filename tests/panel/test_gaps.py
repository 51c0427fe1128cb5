"""The three policies for steps without a value."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.errors import DataError, ParameterError
from forecasting.panel import Frequency, Panel, to_panel, treat_gaps
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


def test_refusing_absent_business_days_points_to_exchange_calendars_and_other_gaps_do_not(holed):
    weekdays, _ = to_panel(long(days(15, freq="B")).drop(index=[10]))
    with pytest.raises(DataError) as error:
        treat_gaps(weekdays, "refuse")
    assert error.value.remedy.startswith("If they are holidays of an exchange, state its calendar, such as 'XNYS'. ")
    with pytest.raises(DataError) as error:
        treat_gaps(holed, "refuse")
    assert "calendar" not in error.value.remedy


@pytest.mark.parametrize("policy", ["refuse", "interpolate", "mask"])
def test_a_panel_without_gaps_passes_unchanged(policy):
    panel, _ = to_panel(long(days(4)))
    treated, notices = treat_gaps(panel, policy)
    assert treated is panel
    assert notices == ()


def test_a_hole_at_an_open_end_of_a_series_stays_and_is_not_filled_from_the_next_one(holed):
    values = holed.values.copy()
    values[[5, 6, 7, 12]] = np.nan  # the end of a, the beginning of b, the end of c
    panel, notices = treat_gaps(holed.with_values(values), "interpolate")
    expected = [1, 2, 3, 4, 5, np.nan, np.nan, np.nan, np.nan, 8, 1, 2, np.nan]
    assert panel.values.tolist() == pytest.approx(expected, nan_ok=True)
    assert [notice.kind for notice in notices] == ["interpolated"]


def test_a_panel_cut_within_a_gap_keeps_its_open_end_and_fills_the_rest(holed):
    panel, _ = treat_gaps(holed.drop_last(1).take(np.array([0, 1])), "interpolate")
    assert panel.values.tolist() == pytest.approx([1, 2, 3, 4, 5, 9, 4, np.nan], nan_ok=True)
    begun, _ = treat_gaps(holed.keep_last(2).take(np.array([1])), "interpolate")
    assert begun.values.tolist() == pytest.approx([np.nan, 8], nan_ok=True)


def test_a_series_without_any_value_stays_as_it_is(holed):
    values = holed.values.copy()
    values[7:10] = np.nan
    panel, _ = treat_gaps(holed.with_values(values), "interpolate")
    assert np.isnan(panel.values[7:10]).all()
    assert panel.values[:7].tolist() == pytest.approx([1, 2, 3, 4, 5, 9, 7])
    nothing, _ = treat_gaps(holed.with_values(np.full(13, np.nan)), "interpolate")
    assert np.isnan(nothing.values).all()


@given(
    series=st.lists(st.lists(st.one_of(st.integers(-9, 9), st.none()), min_size=1, max_size=9), min_size=1, max_size=4)
)
def test_filled_values_are_those_of_a_plain_loop(series):
    plain = [[np.nan if value is None else float(value) for value in values] for values in series]
    lengths = [len(values) for values in plain]
    panel = Panel(
        np.concatenate(plain),
        np.concatenate([np.arange(length) for length in lengths]),
        np.concatenate([[0], np.cumsum(lengths)]),
        np.array([str(number) for number in range(len(plain))], dtype=object),
        Frequency.parse(1),
    )
    expected = []
    for values in plain:
        known = [step for step, value in enumerate(values) if not np.isnan(value)]
        for step, value in enumerate(values):
            left = max((other for other in known if other <= step), default=None)
            right = min((other for other in known if other >= step), default=None)
            if np.isnan(value) and left is not None and right is not None:
                value = values[left] + (values[right] - values[left]) * (step - left) / (right - left)
            expected.append(value)
    assert treat_gaps(panel, "interpolate")[0].values.tolist() == pytest.approx(expected, nan_ok=True)


def test_another_policy_is_refused(holed):
    with pytest.raises(ParameterError, match=r"'fill' is not a policy for gaps. Use one of refuse, interpolate, mask"):
        treat_gaps(holed, "fill")
