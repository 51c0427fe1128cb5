"""Bad input: what is refused, with which words, and what is let in with a notice."""

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import DataError, ParameterError
from forecasting.panel import to_panel
from tests.panel.tables import days, long


def refusal(data: object, **options: object) -> DataError:
    with pytest.raises(DataError) as error:
        to_panel(data, dataset="shop", **options)
    assert error.value.where["dataset"] == "shop"
    assert error.value.remedy
    assert error.value.exit_code == 2
    return error.value


def kinds(data: object, **options: object) -> list[tuple[str, tuple[str, ...], int]]:
    return [(notice.kind, notice.series, notice.count) for notice in to_panel(data, **options)[1]]


def test_a_time_that_occurs_twice_is_refused_with_its_values():
    error = refusal(long(days(5)[[0, 1, 1, 2, 3]]))
    assert error.where == {"dataset": "shop", "series": "a", "time": "2024-01-02"}
    assert error.problem == "the time occurs 2 times (values 2.0, 3.0)"
    error = refusal(long(days(5)[[0, 1, 1, 2, 2]], [1, 2, 2, 4, 5]))
    assert (
        error.problem
        == "the time occurs 2 times (the same value); in all 2 repeated rows in 1 series, next at 2024-01-03"
    )


def test_many_repeated_rows_are_counted_and_their_series_shortened():
    frame = pd.concat([long(days(4), name=f"s{number}") for number in range(8)] * 2)
    error = refusal(frame)
    assert "in all 32 repeated rows in 8 series (s0, s1, s2, s3, s4 and 3 others)" in error.problem


def test_unsorted_rows_are_sorted_and_said_so():
    panel, notices = to_panel(long(days(4)[[0, 2, 1, 3]]))
    assert panel.values.tolist() == [1.0, 3.0, 2.0, 4.0]
    assert notices[0].kind == "sorted"
    assert notices[0].message == (
        "rows were not in order of time and have been sorted: 1 series (a), first at 2024-01-02 after 2024-01-03"
    )


def test_series_that_alternate_row_by_row_are_in_order():
    frame = pd.concat([long(days(4)), long(days(4), name="b")]).sort_values("ds", kind="stable")
    assert kinds(frame) == []


@pytest.mark.parametrize(("value", "word"), [(np.inf, "infinite"), (-np.inf, "minus infinite")])
def test_infinite_values_are_refused(value, word):
    error = refusal(long(days(4), [1.0, 2.0, value, value]))
    assert error.where == {"dataset": "shop", "series": "a", "time": "2024-01-03"}
    assert error.problem == f"the value is {word} (2 infinite values in all)"


@pytest.mark.parametrize(
    "values",
    [
        ["1", "2", "n/a", "4"],
        pd.Series([1.0, 2.0, "n/a", 4.0], dtype=object),
        pd.Categorical(["n/a", "n/a", "n/a", "b"]),
    ],
    ids=["text", "objects", "categories"],
)
def test_text_among_numbers_is_refused_with_value_series_and_time(values):
    error = refusal(long(days(4), values))
    assert error.where["column"] == "y"
    assert error.where["series"] == "a"
    assert "pandas.to_numeric" in error.remedy
    if isinstance(values, pd.Series):
        assert error.where["time"] == "2024-01-03"
        assert error.problem == "the value is the text 'n/a', not a number"


@pytest.mark.parametrize(
    "values", [[1j, 2, 3], days(3), pd.to_timedelta([1, 2, 3], unit="h")], ids=["complex", "dates", "durations"]
)
def test_other_things_than_numbers_are_refused(values):
    assert "not a number" in refusal(long(days(3), values)).problem


def test_text_in_a_wide_frame_is_refused_with_series_and_time():
    error = refusal(pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "z"]}, index=days(3)))
    assert error.where == {"dataset": "shop", "series": "b", "time": "2024-01-01"}


def test_missing_ids_and_times_are_refused_with_their_row():
    error = refusal(long(days(4), name=["a", None, "a", None]))
    assert error.where == {"dataset": "shop", "column": "unique_id"}
    assert error.problem == "2 ids are missing, the first in row 1 (counted from 0)"
    error = refusal(long([*days(3), pd.NaT]))
    assert error.where == {"dataset": "shop", "series": "a", "column": "ds"}
    assert error.problem == "1 time is missing, the first in row 3 (counted from 0)"


def test_ids_that_read_the_same_are_refused():
    frame = pd.concat([long(days(3), name=1), long(days(3), name="1")]).astype({"unique_id": object})
    assert "read the same as text" in refusal(frame).problem


@pytest.mark.parametrize(
    ("times", "problem"),
    [
        (["2024-01-01", "2024-13-01", "2024-01-03"], "the time '2024-13-01' cannot be read"),
        (["Jan-1-1995", "Feb-1-1995", "Mar-1-1995"], "the time 'Jan-1-1995' cannot be read"),
        (["1", "2", "3"], "the time '1' cannot be read"),
        ([1.0, 2.0, 3.0], "the time 1.0 is of type float64"),
        ([True, False, True], "the time True is of type bool"),
        (pd.Series(["2024-01-01", 2, 3], dtype=object), "the time 2 is of type int, others are of type str"),
        (days(3).as_unit("ns") + pd.Timedelta(5, unit="ns"), "is finer than a microsecond"),
    ],
)
def test_times_that_cannot_be_read_are_refused(times, problem):
    error = refusal(long(times))
    assert problem in error.problem
    assert error.where["column"] == "ds"


@pytest.mark.parametrize(
    "empty", [pd.DataFrame(), long(days(3)).iloc[:0], pd.Series([], dtype=float), pd.DataFrame({"a": []})]
)
def test_an_empty_table_is_refused(empty):
    assert refusal(empty).problem == "the table is empty"


def test_a_missing_column_is_refused_with_those_that_are_there_and_a_near_miss():
    error = refusal(long(days(3)).rename(columns={"unique_id": "Unique_ID"}))
    assert error.problem == "there is no column unique_id; the columns are: Unique_ID, ds, y"
    assert error.remedy.startswith("Did you mean Unique_ID?")
    error = refusal(pd.DataFrame({"Date": ["2024-01-01"], "Value": [1.0]}))
    assert (
        error.problem == "there is no column unique_id and no column ds and no column y; the columns are: Date, Value"
    )
    error = refusal(long(days(3)).set_index("ds"))
    assert error.remedy == "ds is the index: turn it into a column with reset_index()."
    wide = refusal(long(days(3)).drop(columns="y").assign(**{f"c{number}": 1 for number in range(20)}))
    assert wide.problem.endswith("c8, c9 and 10 others")


def test_tables_of_other_kinds_are_refused():
    assert refusal([1, 2, 3]).problem == "the data are a list"
    levels = pd.MultiIndex.from_tuples([("a", "x"), ("b", "y")])
    assert "several levels" in refusal(pd.DataFrame([[1, 2]], columns=levels)).problem
    assert "several levels" in refusal(pd.Series([1, 2], index=levels)).problem
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"], index=days(1))
    assert refusal(twice).problem == "column names occur more than once: a"


def test_a_time_far_ahead_is_refused_and_the_present_can_be_stated():
    frame = long([*days(3), pd.Timestamp("2204-01-04")])
    error = refusal(frame, now="2024-02-01")
    assert error.where == {"dataset": "shop", "series": "a", "time": "2204-01-04"}
    assert error.problem == "the time lies more than 366 days after the present (2024-02-01)"
    assert to_panel(long(days(3)), now=pd.Timestamp("2023-01-03", tz="UTC"))[0].n_series == 1
    assert "and so do 2 others" in refusal(long(days(3)), now="2022-12-30").problem
    with pytest.raises(DataError, match="more than 366 days after the present"):
        to_panel(frame)
    with pytest.raises(ParameterError, match="'soon' is not a time"):
        to_panel(frame, now="soon")


def test_steps_without_a_value_may_lie_any_time_ahead():
    years = pd.date_range("2020-01-01", periods=8, freq="YS")
    panel, notices = to_panel(long(years).assign(y=lambda frame: frame["y"].where(frame.index < 4)), now="2024-02-01")
    assert (panel.lengths.tolist(), [notice.kind for notice in notices]) == ([4], ["trimmed"])


def test_integer_steps_are_never_far_ahead():
    assert to_panel(long([10**15, 10**15 + 1, 10**15 + 2]))[0].lengths.tolist() == [3]


@pytest.mark.parametrize("last", [10**8, 10**12])
def test_a_jump_that_would_fill_the_memory_is_refused(last):
    error = refusal(long([1, 2, 3, 4, last]))
    assert error.where == {"dataset": "shop", "series": "a", "time": str(last)}
    assert f"the largest gap is {last - 5:,} steps, between 4 and this time" in error.problem


def test_zeros_at_the_end_only_are_remarked():
    values = [3.0, 2.0, 4.0, 5.0, 0.0, 0.0]
    _, notices = to_panel(long(days(6), values))
    assert [(notice.kind, notice.series, notice.count) for notice in notices] == [("placeholder", ("a",), 2)]
    assert notices[0].message.endswith("1 series (a: 2 from 2024-01-05)")
    assert kinds(long(days(6), [0.0, *values[1:]])) == [("placeholder", ("a",), 2)]
    assert kinds(long(days(6), [3.0, 0.0, 4.0, 5.0, 0.0, 0.0])) == []
    assert kinds(long(days(6), [3.0, 2.0, 4.0, 5.0, 1.0, 0.0])) == []


def test_a_constant_series_is_remarked_and_nothing_but_constant_ones_refused():
    constant = long(days(4), [7.0] * 4)
    assert kinds(pd.concat([constant, long(days(4), name="b")])) == [("constant", ("a",), 1)]
    error = refusal(constant)
    assert error.problem == "every value of every series is the same (7 in the first)"
    assert to_panel(long(days(1)), frequency="D")[0].values.tolist() == [1.0]


def test_gaps_and_missing_values_become_nan_and_are_named():
    frame = pd.concat(
        [long(days(6), [1, 2, np.nan, 4, 5, 6]).drop(index=3), long(days(6), name="b").drop(index=[1, 4])]
    )
    panel, notices = to_panel(frame)
    assert np.array_equal(panel.values, [1, 2, np.nan, np.nan, 5, 6, 1, np.nan, 3, 4, np.nan, 6], equal_nan=True)
    assert [notice.message for notice in notices] == [
        "steps are absent: 3 steps of 2 series (a, b), first in a at 2024-01-04",
        "values are missing: 1 step of 1 series (a), first in a at 2024-01-03",
    ]
    assert panel.has_missing


def test_missing_values_at_the_ends_are_cut_off_and_series_without_values_left_out():
    nan = np.nan
    wide = pd.DataFrame({"a": [nan, 1, 2, 3, nan], "b": [1.0, 2, 3, 4, 5], "c": [nan] * 5}, index=days(5))
    panel, notices = to_panel(wide)
    assert panel.ids.tolist() == ["a", "b"]
    assert panel.lengths.tolist() == [3, 5]
    assert panel.times[0] == np.datetime64("2024-01-02")
    assert [(notice.kind, notice.series, notice.count) for notice in notices] == [
        ("trimmed", ("a",), 2),
        ("empty", ("c",), 1),
    ]
    assert refusal(wide[["c"]]).problem == "there is no value at all, every one is missing"


def test_a_time_off_the_stated_grid_is_refused_with_the_frequency_that_fits():
    error = refusal(long(days(4)), frequency="W")
    assert error.where == {"dataset": "shop", "series": "a", "time": "2024-01-02"}
    assert error.problem == "the time does not lie on the time grid W that the series begins at 2024-01-01"
    assert error.remedy == "The times of all series fit the frequency 'D'."
    assert refusal(long(days(4)), frequency="W-SUN").problem == "the time does not lie on the time grid W-SUN"
    odd = refusal(
        pd.concat(
            [long(days(40, freq="h")), long(pd.DatetimeIndex(["2024-01-01T00:00", "2024-01-01T00:17"]), name="b")]
        )
    )
    assert odd.where == {"dataset": "shop", "series": "b", "time": "2024-01-01 00:17:00"}
    assert (
        odd.remedy
        == "Correct the time, or if observations come at irregular times, use irregular='last' or irregular='mean'."
    )


def test_two_times_of_one_step_are_refused():
    twice = pd.DatetimeIndex(["2024-10-26T00:30", "2024-10-27T00:30", "2024-10-27T01:30", "2024-10-29T01:30"])
    error = refusal(long(twice.tz_localize("UTC").tz_convert("Europe/Berlin")), frequency="D")
    assert error.where["time"] == "2024-10-27 02:30:00+01:00"
    assert error.problem == "the time lies on the same step of D as 2024-10-27 02:30:00+02:00"


def test_dates_and_a_step_do_not_go_together():
    assert (
        refusal(long(days(4)), frequency=1).problem == "the times are dates, but the frequency 1 is for whole numbers"
    )
    assert (
        refusal(long([1, 2, 3]), frequency="D").problem
        == "the times are whole numbers, but the frequency D is for dates"
    )


def test_what_is_not_a_session_is_refused_and_holidays_are_no_gaps():
    sessions = ["2024-03-28", "2024-04-01", "2024-04-02", "2024-04-04"]
    panel, notices = to_panel(long(sessions), calendar="XNYS")
    assert [(notice.kind, notice.count) for notice in notices] == [("gaps", 1)]
    assert panel.times[3] == np.datetime64("2024-04-03")
    assert panel.future_times(2)[0].tolist() == [pd.Timestamp("2024-04-05"), pd.Timestamp("2024-04-08")]
    error = refusal(long(["2024-03-28", "2024-03-29", "2024-04-01"]), calendar="XNYS")
    assert error.where["time"] == "2024-03-29"
    assert error.problem == "the time is not a session of XNYS, or not at the time of day of the series"


def test_a_time_before_the_known_sessions_is_refused_with_its_series():
    frame = pd.concat([long(["2024-03-28", "2024-04-01"]), long(["1824-03-29", "2024-04-01"], name="b")])
    error = refusal(frame, calendar="XNYS")
    assert error.where == {"dataset": "shop", "time": "1824-03-29", "series": "b"}
    assert error.problem == "the sessions of XNYS are known from 1900-01-01 to 2100-12-31 only"


def test_every_notice_names_the_series_it_is_about_in_full():
    frame = pd.concat([long(days(5), name=f"s{number}").drop(index=2) for number in range(9)])
    (notice,) = to_panel(frame)[1]
    assert notice.series == tuple(f"s{number}" for number in range(9))
    assert "(s0, s1, s2, s3, s4 and 4 others)" in notice.message
