"""Covariates as channels, against a slow plain way."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.errors import DataError
from forecasting.estimators.encoding import Column, Encoding
from forecasting.panel import Frequency, Panel, to_panel
from forecasting.windows import Cuts, Windows


def panel_of(lengths: list[int], seed: int = 0) -> Panel:
    rng = np.random.default_rng(seed)
    total = sum(lengths)
    start = np.datetime64("2024-01-01", "us")
    sky = np.array(["sun", "rain"], dtype=object)[np.r_[0, 1, rng.integers(0, 2, total - 2)]]
    return Panel(
        rng.normal(size=total),
        np.concatenate([start + np.arange(length) * np.timedelta64(1, "D") for length in lengths]),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.array([f"s{number}" for number in range(len(lengths))], dtype=object),
        Frequency.parse("D"),
        covariates={
            "heat": rng.normal(3, 2, size=total),
            "sky": sky,
            "noise": rng.normal(size=total),
        },
        static={"size": rng.normal(size=len(lengths))},
    )


def fitted(panel: Panel, held_out: int = 0) -> Encoding:
    held = np.full(panel.n_series, held_out)
    return Encoding.fit(panel, held, past=["noise"], future=["heat", "sky"], static=["size"], calendar=["weekday"])


@settings(max_examples=40)
@given(st.lists(st.integers(4, 9), min_size=1, max_size=4), st.integers(1, 3), st.integers(1, 2))
def test_every_window_reads_what_stands_beside_and_ahead_of_it(lengths, horizon, blocks):
    panel, steps = panel_of(lengths), horizon * blocks
    encoding = fitted(panel)
    rng = np.random.default_rng(1)
    future = {
        "heat": rng.normal(size=(len(lengths), steps)),
        "sky": np.full((len(lengths), steps), "sun", dtype=object),
    }
    windows = Windows(panel.values, panel.indptr, 3, 1, channels=encoding.channels(panel, horizon, steps, future))
    reading = windows.gather(windows.end_cuts()).reading
    heat, noise = encoding.future[0], encoding.past[0]
    for number, stop in enumerate(panel.indptr[1:]):
        rows = slice(stop - 3, stop)
        past = reading["past"][number]
        assert past[:, 0] == pytest.approx((panel.covariates["noise"][rows] - noise.mean) / noise.scale, abs=1e-5)
        assert past[:, 1] == pytest.approx((panel.covariates["heat"][rows] - heat.mean) / heat.scale, abs=1e-5)
        assert past[:, 2:4].tolist() == [[one == "rain", one == "sun"] for one in panel.covariates["sky"][rows]]
        ahead = reading["future"][number]
        assert ahead[:, 0] == pytest.approx((future["heat"][number, :horizon] - heat.mean) / heat.scale, abs=1e-5)
        assert ahead[:, 1:3].tolist() == [[0, 1]] * horizon
        weekdays = (lengths[number] + np.arange(horizon)) % 7  # the first of January 2024 was a Monday
        assert ahead[:, 3:].argmax(axis=1).tolist() == weekdays.tolist()
    inside = windows.gather(Cuts(np.array([0]), np.array([3]))).reading
    if lengths[0] >= 3 + horizon:
        expected = (panel.covariates["heat"][3 : 3 + horizon] - heat.mean) / heat.scale
        assert inside["future"][0, :, 0] == pytest.approx(expected, abs=1e-5)


def test_numbers_are_scaled_by_what_is_not_held_out():
    panel = panel_of([30, 20])
    known = np.r_[0:25, 30:45]
    column = fitted(panel, held_out=5).future[0]
    assert column.mean == pytest.approx(panel.covariates["heat"][known].mean())
    assert column.scale == pytest.approx(panel.covariates["heat"][known].std())


def test_a_number_that_never_changes_is_read_as_zero_and_one_that_is_missing_as_the_mean():
    column = Column.fit("heat", np.array([2.0, 2.0, np.nan]), np.ones(3, dtype=bool))
    assert column.channels(np.array([2.0, np.nan]), lambda row: {}).tolist() == [[0.0], [0.0]]


def test_a_missing_category_is_none_of_them_and_an_unknown_one_is_named_where_it_stands():
    column = Column.fit("sky", np.array(["sun", "rain", None], dtype=object), np.ones(3, dtype=bool))
    assert column.categories == ("rain", "sun")
    shown = column.channels(np.array(["sun", None], dtype=object), lambda row: {})
    assert shown.tolist() == [[0.0, 1.0], [0.0, 0.0]]
    with pytest.raises(DataError, match="series a, time 1, column sky: the category 'snow' was not there"):
        column.channels(np.array(["sun", "snow"], dtype=object), lambda row: {"series": "a", "time": row})


@pytest.mark.parametrize(
    ("values", "others"),
    [(np.ones(2), np.array(["a", "b"], dtype=object)), (np.array(["a", "b"], dtype=object), np.ones(2))],
)
def test_numbers_do_not_become_categories(values, others):
    with pytest.raises(DataError, match=r"column x: the covariate was fitted as \w+, and holds \w+"):
        Column.fit("x", values, np.ones(2, dtype=bool)).channels(others, lambda row: {})


def test_it_comes_back_from_json():
    encoding = fitted(panel_of([12, 8]))
    assert Encoding.from_dict(json.loads(json.dumps(encoding.as_dict()))) == encoding
    assert Encoding.from_dict(json.loads(json.dumps(Encoding().as_dict()))).is_empty


def test_at_irregular_times_a_day_has_the_calendar_of_the_day_that_it_holds():
    """A day stands at the midnight that ends it."""
    times = pd.date_range("2024-12-20 10:00", periods=10, freq="D")
    frame = pd.DataFrame({"unique_id": "a", "ds": times, "y": np.arange(10.0)})
    panel, _ = to_panel(frame, frequency="D", irregular="mean")
    encoding = Encoding.fit(panel, np.array([2]), past=[], future=[], static=[], calendar=["holiday:US"])
    channels = encoding.channels(panel, 2)
    shown = channels.ahead[:10, 0]
    assert panel.values[shown > 0].tolist() == [5.0]  # of the 25th, under the 26th
    assert panel.times[shown > 0].tolist() == [pd.Timestamp("2024-12-26").to_pydatetime()]
