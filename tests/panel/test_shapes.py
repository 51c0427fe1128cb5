"""Tables of every accepted shape and column type."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from forecasting.errors import DataError, ParameterError
from forecasting.panel import Panel, regular, to_panel
from forecasting.panel.columns import UnreadableError, read_ids
from forecasting.panel.shapes import _by_series
from tests.panel.tables import days, long


def same(first: Panel, second: Panel) -> bool:
    """Whether two panels hold the same."""
    return (
        np.array_equal(first.values, second.values, equal_nan=True)
        and np.array_equal(first.times, second.times)
        and np.array_equal(first.indptr, second.indptr)
        and first.ids.tolist() == second.ids.tolist()
        and (first.frequency, first.tz) == (second.frequency, second.tz)
    )


def two_series() -> pd.DataFrame:
    return pd.concat(
        [long(days(3), [1.0, 2.0, 3.0], "b"), long(days(2, "2024-01-02"), [5.0, 6.0], "a")], ignore_index=True
    )


def test_a_long_frame_becomes_a_ragged_panel_in_the_order_of_the_ids():
    panel, notices = to_panel(two_series())
    assert panel.values.tolist() == [5.0, 6.0, 1.0, 2.0, 3.0]
    assert panel.indptr.tolist() == [0, 2, 5]
    assert panel.ids.tolist() == ["a", "b"]
    assert panel.times.dtype == "datetime64[us]"
    assert panel.times[2] == np.datetime64("2024-01-01")
    assert panel.values.dtype == np.float64
    assert notices == ()


def test_wide_frame_long_frame_and_series_give_the_same_panel():
    long_panel = to_panel(two_series())[0]
    wide = two_series().pivot(index="ds", columns="unique_id", values="y")
    for table in (wide, wide.reset_index(), wide[["b", "a"]]):
        panel, notices = to_panel(table)
        assert same(panel, long_panel)
        assert [(notice.kind, notice.series, notice.count) for notice in notices] == [("trimmed", ("a",), 1)]
    series = pd.Series([1.0, 2.0, 3.0], index=days(3), name="b")
    assert same(to_panel(series)[0], to_panel(long(days(3), name="b"))[0])
    assert to_panel(series.rename(None))[0].ids.tolist() == ["y"]


def test_a_long_frame_of_one_series_needs_no_id():
    panel, _ = to_panel(long(days(3))[["y", "ds"]])
    assert panel.ids.tolist() == ["y"]
    assert to_panel(pd.DataFrame({"y": [1.0, 2.0, 4.0]}, index=days(3)))[0].ids.tolist() == ["y"]


def test_columns_may_have_other_names_and_others_are_not_read():
    table = two_series().rename(columns={"unique_id": "Country", "ds": "Year", "y": "Value"}).assign(note="text")
    panel, _ = to_panel(table, id_col="Country", time_col="Year", target_col="Value")
    assert same(panel, to_panel(two_series())[0])


def test_a_wide_frame_with_whole_numbers_as_index_has_integer_steps():
    panel, _ = to_panel(pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [1, 3, 5]}))
    assert panel.frequency.is_step
    assert panel.times.tolist() == [0, 1, 2, 0, 1, 2]
    assert panel.times.dtype == np.int64
    assert panel.future_times(2).tolist() == [[3, 4], [3, 4]]


def test_a_panel_is_given_back_as_it_is():
    panel, _ = to_panel(long(days(20)))
    again, notices = to_panel(panel)
    assert again is panel
    assert notices == ()
    assert to_panel(panel, frequency="D")[0] is panel
    assert to_panel(panel, frequency="24h")[0] is panel
    with pytest.raises(DataError, match="the panel has the frequency D, not h"):
        to_panel(panel, frequency="h")
    with pytest.raises(ParameterError, match="the panel has the time zone None, not 'UTC'"):
        to_panel(panel, tz="UTC")
    with pytest.raises(DataError, match="the panel has no series"):
        to_panel(panel.drop_last(20))


def test_a_frequency_object_is_taken_and_must_agree_with_the_calendar():
    frequency = to_panel(long(days(5)))[0].frequency
    assert to_panel(long(days(5)), frequency=frequency)[0].frequency is frequency
    with pytest.raises(ParameterError, match="frequency D and calendar XNYS do not agree"):
        to_panel(long(days(5)), frequency=frequency, calendar="XNYS")


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1, 2, 3], dtype="int8"),
        pd.Series([1, 2, 3], dtype="uint64"),
        pd.Series([1, 2, 3], dtype="float32"),
        pd.Series([1, 2, 3], dtype="Int64"),
        pd.Series([1, 2, 3], dtype="Float32"),
        pd.Series([1, 2, 3], dtype=pd.ArrowDtype(pa.int32())),
        pd.Series([Decimal(1), Decimal(2), Decimal(3)], dtype=pd.ArrowDtype(pa.decimal128(10, 2))),
        pd.Series(pd.Categorical([1.0, 2.0, 3.0])),
    ],
    ids=lambda values: str(values.dtype),
)
def test_numbers_of_every_type_are_read(values):
    panel, notices = to_panel(long(days(3), values))
    assert panel.values.tolist() == [1.0, 2.0, 3.0]
    assert notices == ()


def test_truth_values_and_python_objects_are_read_with_a_notice():
    panel, notices = to_panel(long(days(3), [True, False, True]))
    assert panel.values.tolist() == [1.0, 0.0, 1.0]
    assert [(notice.kind, notice.count) for notice in notices] == [("column_types", 3)]
    panel, notices = to_panel(long(days(4), pd.Series([1, Decimal("2.5"), None, 4.0], dtype=object)))
    assert np.array_equal(panel.values, [1.0, 2.5, np.nan, 4.0], equal_nan=True)
    assert [notice.kind for notice in notices] == ["column_types", "missing"]


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA])
@pytest.mark.parametrize("dtype", ["float64", "Float64", "double[pyarrow]", "object"])
def test_missing_values_of_every_type_become_nan(missing, dtype):
    if dtype == "float64" and missing is pd.NA:
        missing = np.nan
    panel, _ = to_panel(long(days(3), pd.Series([1.0, missing, 3.0], dtype=dtype)))
    assert np.array_equal(panel.values, [1.0, np.nan, 3.0], equal_nan=True)


TIMES = {
    "microseconds": pd.Series(days(3)),
    "nanoseconds": pd.Series(days(3).as_unit("ns")),
    "seconds": pd.Series(days(3).as_unit("s")),
    "ISO text": pd.Series(["2024-01-01", "2024-01-02T00:00", "20240103"]),
    "Python dates": pd.Series([dt.date(2024, 1, day) for day in (1, 2, 3)], dtype=object),
    "Python datetimes": pd.Series([dt.datetime(2024, 1, day) for day in (1, 2, 3)], dtype=object),
    "arrow time stamps": pd.Series(days(3).tolist(), dtype=pd.ArrowDtype(pa.timestamp("ms"))),
    "arrow dates": pd.Series([dt.date(2024, 1, day) for day in (1, 2, 3)], dtype=pd.ArrowDtype(pa.date32())),
    "arrow text": pd.Series(["2024-01-01", "2024-01-02", "2024-01-03"], dtype=pd.ArrowDtype(pa.string())),
    "categories": pd.Series(pd.Categorical(["2024-01-01", "2024-01-02", "2024-01-03"])),
    "periods": pd.Series(pd.period_range("2024-01-01", periods=3, freq="D")),
}


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES.keys())
def test_times_of_every_type_are_read(times):
    panel, notices = to_panel(long(times))
    assert panel.times.tolist() == [dt.datetime(2024, 1, day) for day in (1, 2, 3)]
    assert panel.times.dtype == "datetime64[us]"
    assert (panel.tz, panel.frequency.alias, notices) == (None, "D", ())


@pytest.mark.parametrize("dtype", ["int64", "uint8", "Int64", "int32[pyarrow]", "object"])
def test_integer_steps_of_every_type_are_read(dtype):
    panel, _ = to_panel(long(pd.Series([3, 4, 5], dtype=dtype)))
    assert panel.times.tolist() == [3, 4, 5]
    assert panel.times.dtype == np.int64


@pytest.mark.parametrize(
    "ids",
    [
        pd.Series([2, 2, 2, 10, 10, 10]),
        pd.Series(list("222") + ["10"] * 3, dtype=object),
        pd.Series(list("222") + ["10"] * 3, dtype="str"),
        pd.Series(list("222") + ["10"] * 3, dtype=pd.ArrowDtype(pa.string())),
        pd.Series(pd.Categorical(list("222") + ["10"] * 3, categories=["2", "unused", "10"])),
    ],
    ids=lambda ids: str(ids.dtype),
)
def test_ids_of_every_type_become_text(ids):
    frame = pd.DataFrame({"unique_id": ids, "ds": [*days(3), *days(3)], "y": np.arange(6.0)})
    panel, _ = to_panel(frame)
    assert panel.ids.tolist() == ["10", "2"]
    assert all(type(name) is str for name in panel.ids)
    assert panel.values.tolist() == [3.0, 4.0, 5.0, 0.0, 1.0, 2.0]


def test_the_frame_that_comes_in_is_neither_changed_nor_kept():
    frame = two_series().iloc[::-1]
    before = frame.copy(deep=True)
    panel, _ = to_panel(frame)
    assert_frame_equal(frame, before)
    kept = panel.values.copy(), panel.times.copy()
    frame.loc[:, "y"] = -1.0
    frame.loc[:, "ds"] = pd.Timestamp("1990-01-01")
    assert np.array_equal(panel.values, kept[0])
    assert np.array_equal(panel.times, kept[1])


def test_without_a_copy_the_panel_shares_the_memory_of_the_frame():
    frame = two_series().sort_values(["unique_id", "ds"]).astype({"ds": "datetime64[us]"})
    before = frame.copy(deep=True)
    for copy, shares in ((True, False), (False, True)):
        panel, _ = to_panel(frame, copy=copy)
        assert np.shares_memory(panel.values, frame["y"].to_numpy()) is shares
        assert np.shares_memory(panel.times, frame["ds"].to_numpy()) is shares
    assert same(panel, to_panel(frame)[0])
    assert_frame_equal(frame, before)


@settings(max_examples=100)
@given(
    names=st.lists(st.sampled_from(["a", "b", "ab", "", "é"]) | st.none(), min_size=1, max_size=30),
    dtype=st.sampled_from(["str", "string", "string[python]", "string[pyarrow]"]),
)
def test_text_ids_are_numbered_like_objects(names, dtype):
    if None in names:
        with pytest.raises(UnreadableError, match="missing") as caught:
            read_ids(pd.Series(names, dtype=dtype))
        assert caught.value.row == names.index(None)
        return
    ids, series = read_ids(pd.Series(names, dtype=dtype))
    expected_ids, expected_series = read_ids(pd.Series(names, dtype=object))
    assert ids.tolist() == expected_ids.tolist() == sorted(set(names))
    assert series.tolist() == expected_series.tolist()


def test_read_only_arrays_are_taken():
    values, times = np.arange(3.0), days(3).to_numpy().copy()
    values.flags.writeable = times.flags.writeable = False
    frame = pd.DataFrame({"unique_id": "a", "ds": times, "y": values}, copy=False)
    assert to_panel(frame)[0].values.tolist() == [0.0, 1.0, 2.0]


@st.composite
def ragged_frames(draw: st.DrawFn) -> pd.DataFrame:
    alias = draw(st.sampled_from(["D", "h", "MS", "W-FRI", "B"]))
    frames = []
    for number in range(draw(st.integers(1, 5))):
        length = draw(st.integers(12, 30))
        start = draw(st.integers(0, 20))
        values = draw(st.lists(st.floats(-1e6, 1e6) | st.just(np.nan), min_size=length, max_size=length))
        values[0], values[-1] = 1.5, 2.5
        frames.append(long(days(start + length, "2010-01-01", alias)[start:], values, f"s{number}"))
    return pd.concat(frames, ignore_index=True)


@settings(max_examples=60)
@given(drop=st.sets(st.integers(1, 35).filter(lambda row: row % 12)), at_once=st.integers(1, 9))
def test_steps_are_counted_some_rows_at_a_time(drop, at_once):
    frame = pd.concat([long(days(12 + number), name=f"s{number}") for number in range(3)]).reset_index(drop=True)
    frame = frame.drop(index=sorted(drop))
    whole, notices = to_panel(frame, frequency="D")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regular, "_ROWS_AT_ONCE", at_once)
        parts, same_notices = to_panel(frame, frequency="D")
    assert same(parts, whole)
    assert same_notices == notices


@settings(max_examples=40)
@given(frame=ragged_frames(), seed=st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(frame, seed):
    shuffled = frame.sample(frac=1, random_state=seed)
    assert same(to_panel(shuffled)[0], to_panel(frame)[0])


@settings(max_examples=40)
@given(frame=ragged_frames(), zone=st.sampled_from([None, "UTC", "Asia/Tokyo", "UTC+05:30", "America/New_York"]))
def test_frame_to_panel_to_frame_gives_the_frame_again(frame, zone):
    if zone is not None:
        frame["ds"] = frame["ds"].dt.tz_localize(zone, nonexistent="shift_forward", ambiguous=False)
        frame = frame.drop_duplicates(["unique_id", "ds"])
    panel, _ = to_panel(frame)
    observed = panel.frame().merge(frame[["unique_id", "ds"]], on=["unique_id", "ds"])
    assert_frame_equal(observed, frame.reset_index(drop=True))
    assert same(to_panel(panel.frame())[0], panel)


@settings(max_examples=60)
@given(data=st.data(), alias=st.sampled_from(["15min", "D", "W-SAT", "ME", "B", "QS-JAN"]))
def test_exactly_the_deleted_rows_become_gaps(data, alias):
    length = data.draw(st.integers(10, 60))
    deleted = data.draw(st.sets(st.integers(1, length - 2), max_size=length - 5))
    times = days(length, "1999-01-01", alias)
    frame = long(times).drop(index=list(deleted))
    panel, notices = to_panel(frame, frequency=alias)
    assert np.flatnonzero(np.isnan(panel.values)).tolist() == sorted(deleted)
    assert (panel.times == times.to_numpy()).all()
    assert [(notice.kind, notice.count) for notice in notices] == ([("gaps", len(deleted))] if deleted else [])


@settings(max_examples=60)
@given(series=st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_rows_are_ordered_by_series_as_a_stable_sort_orders_them(series):
    expected = np.argsort(series, kind="stable")
    np.testing.assert_array_equal(_by_series(np.array(series)), expected)
