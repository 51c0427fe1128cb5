"""Rows behind the ends of series: set apart, and laid on the grid that goes on from there."""

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import DataError
from forecasting.panel import known_rows, lay_ahead, read_future, split_ahead, to_panel
from tests.panel.tables import days, long


def table(tz: str | None = None) -> pd.DataFrame:
    """Two series with rows behind their ends, of which one has a price and a sky, and a row of a series without any."""
    first = long(days(6).tz_localize(tz), name="b").astype({"y": "float64"})
    first["y"] = [1.0, 2, np.nan, 4, np.nan, np.nan]
    first = first.assign(
        price=np.arange(6.0), sky=["sun", "rain", None, "sun", "rain", None], heat=[1, 2, 3, 4, 5, 6.0]
    )
    second = long(days(3).tz_localize(tz), name="a").astype({"y": "float64"}).assign(price=1.0, sky="sun", heat=2.0)
    third = long(days(2).tz_localize(tz), name="c").assign(y=np.nan, price=1.0, sky="sun", heat=2.0)
    return pd.concat([first, second, third], ignore_index=True)


def parts(frame: pd.DataFrame, names=("price", "sky")):
    others, behind = split_ahead(frame, names)
    panel, _ = to_panel(others, frequency="D", covariates=["price", "sky", "heat"])
    return panel, behind


def test_rows_behind_the_last_target_are_set_apart():
    others, behind = split_ahead(table(), ["price", "sky"])
    assert behind.index.tolist() == [4, 5]
    assert others.index.tolist() == [0, 1, 2, 3, 6, 7, 8, 9, 10]
    empty = table().assign(price=lambda frame: frame["price"].where(frame["y"].notna()))
    assert split_ahead(empty, ["price"])[1].empty
    assert split_ahead(empty, ["price", "sky"])[1].index.tolist() == [4]


@pytest.mark.parametrize("tz", [None, "Europe/Berlin"])
def test_they_lie_on_the_grid_that_goes_on_from_the_end(tz):
    panel, behind = parts(table(tz).sample(frac=1, random_state=0))
    ahead = lay_ahead(behind, panel, ["price", "sky"])
    assert (ahead.ids.tolist(), ahead.lengths.tolist()) == (["a", "b"], [0, 2])
    assert ahead.times.tolist() == panel.future_times(2)[1].tolist()
    assert np.isnan(ahead.values).all()
    assert list(ahead.covariates) == ["price", "sky"]
    assert ahead.covariates["price"].tolist() == [4.0, 5.0]
    assert ahead.covariates["sky"].tolist() == ["rain", None]
    found = read_future(known_rows(ahead), panel.take(np.array([1])), ["price"], 2)
    assert found["price"].tolist() == [[4.0, 5.0]]


def test_a_step_that_is_absent_is_not_known_and_gives_no_row():
    frame = table().drop(index=4)
    panel, behind = parts(frame, ["price"])
    ahead = lay_ahead(behind, panel, ["price"])
    assert ahead.lengths.tolist() == [0, 2]
    np.testing.assert_array_equal(ahead.covariates["price"], [np.nan, 5.0])
    assert known_rows(ahead)["price"].tolist() == [5.0]
    with pytest.raises(DataError, match=r"lacks 1 row of the 2 steps.*\(b, 2024-01-05\)"):
        read_future(known_rows(ahead), panel.take(np.array([1])), ["price"], 2)


def test_without_rows_there_is_nothing_ahead():
    panel, behind = parts(table())
    ahead = lay_ahead(behind.iloc[:0], panel, ["sky"])
    assert (ahead.lengths.tolist(), list(ahead.covariates)) == ([0, 0], ["sky"])
    assert known_rows(ahead).columns.tolist() == ["unique_id", "ds", "sky"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.assign(ds=rows["ds"] + pd.Timedelta(hours=1)), "series b, time 2024-01-05 01:00:00"),
        (lambda rows: pd.concat([rows, rows.tail(1)]), "series b, time 2024-01-06: the time lies on the same step"),
        (lambda rows: rows.assign(price=["cheap", "dear"]), "column price: .*behind the ends hold categories"),
        (lambda rows: rows.assign(price=np.inf), "series b, time 2024-01-05, column price: the value is infinite"),
        (lambda rows: rows.assign(ds=[rows["ds"].iloc[0], pd.Timestamp("9204-01-01")]), "largest gap"),
    ],
)
def test_what_cannot_be_meant_is_named(change, message):
    panel, behind = parts(table())
    with pytest.raises(DataError, match=message):
        lay_ahead(change(behind), panel, ["price", "sky"])


def test_a_column_without_any_value_has_the_kind_that_it_had():
    panel, behind = parts(table())
    ahead = lay_ahead(behind.assign(sky=None, price=np.array([1.0, np.nan])), panel, ["price", "sky"])
    assert ahead.covariates["sky"].tolist() == [None, None]
    assert ahead.covariates["sky"].dtype == object


def test_at_irregular_times_they_lie_on_the_marks_behind_the_last_step():
    times = pd.to_datetime(["2024-01-01 00:10", "2024-01-01 01:30", "2024-01-01 02:40"])
    frame = pd.DataFrame({"unique_id": "a", "ds": times, "y": [1.0, 2.0, 3.0], "price": [5.0, 6.0, 7.0]})
    later = pd.to_datetime(["2024-01-01 03:00", "2024-01-01 03:20", "2024-01-01 03:50", "2024-01-01 05:00"])
    behind = pd.DataFrame({"unique_id": "a", "ds": later, "y": np.nan, "price": [8.0, 9.0, 10.0, 11.0]})
    others, apart = split_ahead(pd.concat([frame, behind], ignore_index=True), ["price"])
    panel, _ = to_panel(others, frequency="h", irregular="mean", covariates=["price"])
    ahead = lay_ahead(apart, panel, ["price"])
    assert panel.times[-1] == np.datetime64("2024-01-01T03:00")  # which the first row behind lies within
    assert ahead.times.tolist() == panel.future_times(2)[0].tolist()
    assert ahead.covariates["price"].tolist() == [10.0, 11.0]
    only_within = lay_ahead(apart.iloc[:1], panel, ["price"])
    assert not len(only_within.values)
