"""Streams: one observation of every series at a time gives what the whole history gives."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from forecasting import SimpleRNNForecaster
from forecasting.errors import DataError, ParameterError
from forecasting.estimators.trust import Shares
from forecasting.panel import to_panel
from forecasting.smoothing import Smoother
from forecasting.windows import reach
from tests.estimators.made import HORIZON, TINY, long_frame, one, tiny, wave

CLOSE = {"rtol": 1e-5, "atol": 1e-5}
REACH = reach(TINY["lookback"], TINY["season_length"])


def gone_on(panel, rows):
    """A panel with further steps, rows of shape (n_steps, n_series), as plainly as can be; NaN stays at the end."""
    parts = [np.concatenate([series, column]) for series, column in zip(panel, rows.T, strict=True)]
    steps = len(rows)
    times = [
        np.concatenate([panel.times[start:stop], ahead])
        for start, stop, ahead in zip(panel.indptr, panel.indptr[1:], panel.future_times(steps), strict=False)
    ]
    indptr = panel.indptr + steps * np.arange(len(panel.indptr))
    return replace(panel, values=np.concatenate(parts), times=np.concatenate(times), indptr=indptr)


@pytest.fixture(scope="module")
def forecasters(frame):
    """By policy and target."""
    data = {"refuse": frame, "interpolate": frame.drop(index=[20, 21, 90]), "mask": frame.drop(index=[58, 104])}
    kinds = [("refuse", "none"), ("interpolate", "log"), ("mask", "difference"), ("interpolate", "log_return")]
    fitted = {kind: tiny(levels=[80], gaps=kind[0], target=kind[1]).fit(data[kind[0]]) for kind in kinds}
    for kind, smoother in zip(kinds, (None, Smoother(), Smoother(), None), strict=True):
        shares = Shares(0.5, 0.0, 0.5) if smoother is None else Shares(0.2, 0.3, 0.5)
        fitted[kind]._model = replace(fitted[kind]._model, smoother=smoother, shares=shares)
    return fitted


@settings(max_examples=40)
@given(data=st.data())
def test_a_stream_forecasts_as_the_whole_history_does(data, forecasters):
    kind = data.draw(st.sampled_from(list(forecasters)))
    fitted, steps = forecasters[kind], data.draw(st.integers(1, 2 * REACH + 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    rows = np.exp(rng.normal(3, 0.3, size=(steps, 3)))
    if data.draw(st.booleans()):
        rows[:, 1] = 7.0  # a window that shows no change
    if kind[0] != "refuse":
        rows[rng.random(rows.shape) < data.draw(st.sampled_from([0.1, 0.5, 0.9]))] = np.nan
    stream = fitted.stream()
    for row in rows:
        stream.observe(row)
    expected = fitted.predict(data=gone_on(fitted.panel_, rows), quantiles=[0.3])
    pd.testing.assert_frame_equal(stream.predict(quantiles=[0.3]), expected, **CLOSE)
    np.testing.assert_allclose(stream.forecast().ravel(), expected["SimpleRNN"], **CLOSE)


def test_a_stream_forecasts_as_update_does_at_every_step(forecasters, frame):
    fitted = forecasters["refuse", "none"]
    updated, stream = copy.copy(fitted), fitted.stream()
    ends = frame.groupby("unique_id")["ds"].max()
    pd.testing.assert_frame_equal(stream.predict(), fitted.predict(), **CLOSE)
    for step, row in enumerate(30 + np.random.default_rng(0).normal(size=(6, 3)), 1):
        assert stream.observe(row) is stream
        ds = ends + pd.Timedelta(days=step)
        updated.update(pd.DataFrame({"unique_id": ends.index, "ds": ds.to_numpy(), "y": row}))
        pd.testing.assert_frame_equal(stream.predict(), updated.predict(), **CLOSE)
        assert stream.observed == step


def test_neither_changes_the_other(forecasters, frame):
    fitted = copy.copy(forecasters["refuse", "none"])
    expected = fitted.predict()
    stream = fitted.stream()
    stream.observe([1.0, 2.0, 3.0])
    pd.testing.assert_frame_equal(fitted.predict(), expected)
    before = stream.forecast()
    rows = frame.groupby("unique_id").tail(1).assign(ds=lambda rows: rows["ds"] + pd.Timedelta(days=1))
    fitted.update(rows)
    assert stream.forecast().tolist() == before.tolist()


def test_values_come_in_the_order_of_ids_or_by_id(forecasters):
    fitted = forecasters["refuse", "none"]
    expected = fitted.stream().observe([30.0, 31.0, 32.0]).forecast()
    assert fitted.stream().ids.tolist() == ["a", "b", "c"]
    by_id = {"c": 32, "a": 30, "b": 31}
    for values in (by_id, pd.Series(by_id), (30, 31, 32), np.array([30, 31, 32], dtype=np.float32)):
        assert fitted.stream().observe(values).forecast().tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([30.0, 31.0], r"there are 3 series, and values of the shape \(2,\)"),
        (30.0, r"there are 3 series, and values of the shape \(1,\)"),
        ({"a": 30.0, "b": 31.0}, r"series c, time 2024-02-24: 1 series has no value: c"),
        ({"a": 1, "b": 1, "c": 1, "d": 1}, r"series d: the stream has no series d"),
        (pd.Series([1, 2, 3, 4], index=list("abcc")), r"series c: the series has two values"),
        (["x", "y", "z"], "the values are no numbers"),
        ([30.0, np.inf, 31.0], r"series b, time 2024-02-18: the value is infinite"),
        ([30.0, 31.0, np.nan], r"series c, time 2024-02-24: the step has no value"),
    ],
)
def test_values_that_cannot_be_taken_are_refused_by_series_and_time(values, words, forecasters):
    stream = forecasters["refuse", "none"].stream()
    before = stream.forecast()
    with pytest.raises(DataError, match=words):
        stream.observe(values)
    assert stream.forecast().tolist() == before.tolist()
    assert stream.observed == 0


def test_a_value_without_a_logarithm_is_refused(forecasters):
    stream = forecasters["interpolate", "log"].stream()
    with pytest.raises(DataError, match=r"series b, time 2024-02-18: target 'log' needs values above zero"):
        stream.observe([1.0, 0.0, 1.0])
    stream.observe([1.0, np.nan, 1.0])


def test_one_series_takes_a_number_and_a_loaded_forecaster_streams(tmp_path):
    fitted = tiny(levels=[80]).fit(one(50))
    fitted.save(tmp_path / "model")
    stream = SimpleRNNForecaster.load(tmp_path / "model").stream()
    for value in wave(60)[50:]:
        stream.observe(value)
    pd.testing.assert_frame_equal(stream.predict(), fitted.predict(data=one(60)), **CLOSE)


def test_short_series_are_padded_and_zones_and_months_are_kept():
    months = pd.date_range("2015-01-31", periods=60, freq="ME", tz="Europe/Berlin")
    frame = pd.DataFrame({"unique_id": "long", "ds": months, "y": wave(60)})
    short = frame.tail(9).assign(unique_id="short")
    fitted = tiny(lookback=None, segment_length=4, season_length=4).fit(pd.concat([frame, short]))
    stream, rows = fitted.stream(), np.array([[30.0, 31.0], [32.0, 29.0]])
    for row in rows:
        stream.observe(row)
    pd.testing.assert_frame_equal(stream.predict(), fitted.predict(data=gone_on(fitted.panel_, rows)), **CLOSE)


def test_what_is_kept_does_not_grow(forecasters):
    stream = forecasters["mask", "difference"].stream()
    size = len(pickle.dumps(stream))
    for _ in range(5 * REACH):
        stream.observe([1.0, np.nan, 3.0])
    assert len(pickle.dumps(stream)) <= size + 100
    assert np.isfinite(stream.forecast()).all()


def test_what_is_asked_of_a_stream_is_checked(forecasters, frame):
    stream = forecasters["refuse", "none"].stream()
    assert stream.forecast().shape == (3, HORIZON)
    assert list(stream.predict(levels=[]).columns) == ["unique_id", "ds", "SimpleRNN"]
    with pytest.raises(ParameterError, match="levels"):
        stream.predict(levels=[100])
    with pytest.raises(NotFittedError):
        tiny().stream()


def test_covariates_are_refused(frame):
    fitted = tiny(calendar_covariates=["weekday"], past_covariates=["noise"]).fit(frame.assign(noise=1.0 * frame.index))
    with pytest.raises(ParameterError, match="fitted with noise, weekday"):
        fitted.stream()


def test_series_that_all_end_on_one_day_have_the_same_times():
    fitted = tiny().fit(to_panel(long_frame((50, 60), same_end=True))[0])
    forecast = fitted.stream().observe([1.0, 2.0]).predict()
    assert forecast["ds"].tolist() == pd.date_range("2024-03-03", periods=HORIZON).tolist() * 2
