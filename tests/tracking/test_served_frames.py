"""Frames as they reach a served model."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.errors import DataError
from forecasting.tracking.served_frames import served_frame


def framed(ds, y=None, unique_id="a"):
    ds = pd.Series(ds)
    return pd.DataFrame({"unique_id": unique_id, "ds": ds, "y": np.arange(len(ds)) if y is None else y})


def test_naive_times_become_microseconds_values_floats_and_ids_text():
    served = served_frame(
        framed(pd.date_range("2020", periods=3, unit="ns"), unique_id=7), tz=None, integer_steps=False
    )
    assert list(served.columns) == ["unique_id", "ds", "y"]
    assert served["ds"].dtype == "datetime64[us]"
    assert served["y"].dtype == "float64"
    assert served["unique_id"].tolist() == ["7", "7", "7"]


def test_the_frame_that_came_in_is_not_changed():
    frame = framed(pd.date_range("2020", periods=3))
    before = frame.copy()
    served_frame(frame, tz="Europe/Berlin", integer_steps=False)
    pd.testing.assert_frame_equal(frame, before)


@given(st.lists(st.datetimes(pd.Timestamp("1980-01-01"), pd.Timestamp("2100-01-01")), min_size=1, max_size=5))
def test_a_moment_is_the_same_in_another_zone_as_naive_utc_and_as_text(moments):
    utc = pd.DatetimeIndex(moments).as_unit("us").tz_localize("UTC")
    forms = [utc, utc.tz_convert("Asia/Tokyo"), utc.tz_localize(None), [moment.isoformat() for moment in utc]]
    for form in forms:
        served = served_frame(framed(form), tz="Europe/Berlin", integer_steps=False)
        assert str(served["ds"].dt.tz) == "Europe/Berlin"
        assert (served["ds"].dt.tz_convert("UTC").array == utc.array).all()


def test_times_with_a_zone_are_refused_where_the_data_has_none():
    frame = framed(pd.date_range("2020", periods=2, tz="UTC"))
    with pytest.raises(DataError, match=r"column ds: the times have the time zone UTC.*tz_localize\(None\)"):
        served_frame(frame, tz=None, integer_steps=False)


def test_text_with_a_zone_is_refused_where_the_data_has_none():
    with pytest.raises(DataError, match="have the time zone"):
        served_frame(framed(["2020-01-01T00:00:00+00:00"]), tz=None, integer_steps=False)


def test_times_that_cannot_be_read_are_refused():
    with pytest.raises(DataError, match="column ds: times cannot be read"):
        served_frame(framed(["2020-01-01", "yesterday"]), tz=None, integer_steps=False)


def test_integer_steps_stay_integers():
    served = served_frame(framed(np.array([3, 4, 5], dtype="int32")), tz=None, integer_steps=True)
    assert served["ds"].dtype == "int64"
    assert served["ds"].tolist() == [3, 4, 5]


@pytest.mark.parametrize(
    "y",
    [[1, 2, 3], np.array([1, 2, 3], "float32"), pd.array([1, 2, 3], "Int64"), ["1", "2", "3"], [1.0, 2.0, 3.0]],
)
def test_numbers_of_any_kind_become_floats(y):
    served = served_frame(framed(pd.date_range("2020", periods=3), y), tz=None, integer_steps=False)
    assert served["y"].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    "y", [[1.0, np.nan, 3.0], pd.array([1, None, 3], "Int64"), pd.Series([1, None, 3], dtype=object)]
)
def test_missing_values_stay_missing(y):
    served = served_frame(framed(pd.date_range("2020", periods=3), y), tz=None, integer_steps=False)
    assert np.isnan(served["y"].tolist()).tolist() == [False, True, False]


def test_text_in_place_of_a_number_is_named_with_its_row():
    with pytest.raises(DataError, match="column y: the value 'n/a' in row 1 is not a number"):
        served_frame(framed(pd.date_range("2020", periods=2), ["1", "n/a"]), tz=None, integer_steps=False)


def test_missing_columns_are_named():
    with pytest.raises(DataError, match="the columns ds, y are missing; there are unique_id, value"):
        served_frame(pd.DataFrame({"unique_id": ["a"], "value": [1]}), tz=None, integer_steps=False)
