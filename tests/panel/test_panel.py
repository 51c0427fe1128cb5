"""The panel itself: taking series, cutting their ends, the future, and out again."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.panel import Frequency, Panel, to_panel
from tests.panel.tables import days, long


@pytest.fixture
def ragged() -> Panel:
    return to_panel(pd.concat([long(days(count), name=f"s{count}") for count in (4, 1, 3)]), frequency="D")[0]


def test_series_stand_one_after_the_other(ragged):
    assert [series.tolist() for series in ragged] == [[1.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0]]
    assert ragged.ids.tolist() == ["s1", "s3", "s4"]
    assert ragged.n_series == 3
    assert ragged.lengths.tolist() == [1, 3, 4]
    assert ragged.series_index.tolist() == [0, 1, 1, 1, 2, 2, 2, 2]


def test_series_are_taken_in_the_order_asked_for(ragged):
    taken = ragged.take(np.array([2, 0]))
    assert taken.ids.tolist() == ["s4", "s1"]
    assert [series.tolist() for series in taken] == [[1.0, 2.0, 3.0, 4.0], [1.0]]
    assert taken.times[:4].tolist() == ragged.times[4:].tolist()
    assert ragged.take(np.array([], dtype=int)).n_series == 0


def test_dropping_the_last_steps_leaves_out_series_that_are_not_longer(ragged):
    shorter = ragged.drop_last(1)
    assert shorter.ids.tolist() == ["s3", "s4"]
    assert [series.tolist() for series in shorter] == [[1.0, 2.0], [1.0, 2.0, 3.0]]
    assert shorter.last_times().tolist() == [
        np.datetime64("2024-01-02", "us").item(),
        np.datetime64("2024-01-03", "us").item(),
    ]
    assert ragged.drop_last(4).n_series == 0


def test_keeping_the_last_steps_keeps_shorter_series_whole(ragged):
    shorter = ragged.keep_last(2)
    assert shorter.ids.tolist() == ["s1", "s3", "s4"]
    assert [series.tolist() for series in shorter] == [[1.0], [2.0, 3.0], [3.0, 4.0]]
    assert shorter.last_times().tolist() == ragged.last_times().tolist()
    assert shorter.future_times(2).tolist() == ragged.future_times(2).tolist()
    assert shorter.frequency == ragged.frequency
    assert [series.tolist() for series in ragged.keep_last(9)] == [series.tolist() for series in ragged]


def test_the_future_begins_after_the_end_of_each_series(ragged):
    future = ragged.future_times(2)
    assert future.shape == (3, 2)
    assert pd.DatetimeIndex(future[:, 0]).day.tolist() == [2, 4, 5]


def test_arrays_cannot_be_written_and_those_handed_in_can(ragged):
    values = np.arange(3.0)
    panel = Panel(values, np.arange(3), np.array([0, 3]), np.array(["a"], dtype=object), Frequency.parse(1))
    values[0] = 7.0
    with pytest.raises(ValueError, match="read-only"):
        panel.values[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        ragged.times[0] = ragged.times[1]


def test_other_values_on_the_same_grid(ragged):
    other = ragged.with_values(ragged.values * 2)
    assert other.values.tolist() == [2, 2, 4, 6, 2, 4, 6, 8]
    assert other.times is not None
    assert (other.times == ragged.times).all()


def test_the_frame_has_text_ids_and_microseconds(ragged):
    frame = ragged.frame()
    assert list(frame.columns) == ["unique_id", "ds", "y"]
    assert str(frame["unique_id"].dtype) == "str"
    assert frame["ds"].dtype == "datetime64[us]"
    frame.loc[0, "y"] = -1.0
    assert ragged.values[0] == 1.0


def test_a_panel_can_be_pickled(ragged):
    copy = pickle.loads(pickle.dumps(ragged))
    assert copy.values.tolist() == ragged.values.tolist()
    assert copy.frequency == ragged.frequency


@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=6), steps=st.integers(0, 6), data=st.data())
def test_taking_dropping_and_keeping_agree_with_plain_lists(lengths, steps, data):
    series = [[float(10 * number + step) for step in range(length)] for number, length in enumerate(lengths)]
    panel = Panel(
        np.concatenate(series),
        np.concatenate([np.arange(length) for length in lengths]),
        np.concatenate([[0], np.cumsum(lengths)]),
        np.array([str(number) for number in range(len(lengths))], dtype=object),
        Frequency.parse(1),
    )
    chosen = data.draw(st.lists(st.integers(0, len(lengths) - 1), max_size=8))
    assert [part.tolist() for part in panel.take(np.array(chosen, dtype=int))] == [series[number] for number in chosen]
    assert [part.tolist() for part in panel.drop_last(steps)] == [
        part[: len(part) - steps] for part in series if len(part) > steps
    ]
    if steps:
        assert [part.tolist() for part in panel.keep_last(steps)] == [part[-steps:] for part in series]
