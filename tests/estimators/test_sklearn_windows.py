"""Windows as arrays: cutting, scaling, merging; nothing is copied and order is kept."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import SimpleRNNRegressor, make_windows
from forecasting.errors import DataError, ParameterError
from forecasting.estimators.arrays import Scaling, merged, read


@settings(max_examples=60)
@given(
    length=st.integers(2, 40),
    features=st.sampled_from([None, 1, 3]),
    lookback=st.integers(1, 20),
    horizon=st.integers(1, 6),
)
def test_windows_are_those_of_a_plain_loop(length, features, lookback, horizon):
    shape = (length,) if features is None else (length, features)
    series = np.random.default_rng(length).normal(size=shape)
    if length < lookback + horizon:
        with pytest.raises(DataError, match=f"one window with what comes next takes {lookback + horizon}"):
            make_windows(series, lookback, horizon)
        return
    X, y = make_windows(series, lookback, horizon)
    first = series if features is None else series[:, 0]
    places = range(length - lookback - horizon + 1)
    np.testing.assert_array_equal(X, [series[i : i + lookback] for i in places])
    after = np.array([first[i + lookback : i + lookback + horizon] for i in places])
    np.testing.assert_array_equal(y, after[:, 0] if horizon == 1 else after)
    assert X.shape == (len(places), lookback, *shape[1:])
    assert y.shape == ((len(places),) if horizon == 1 else (len(places), horizon))


@pytest.mark.parametrize("shape", [(50,), (50, 2)])
@pytest.mark.parametrize("horizon", [1, 3])
def test_windows_are_read_only_views(shape, horizon):
    series = np.zeros(shape)
    for part in make_windows(series, 5, horizon):
        assert np.shares_memory(part, series)
        assert not part.flags.writeable


def test_windows_may_be_cut_from_a_series_or_a_frame_or_a_list():
    values = np.arange(8.0)
    for series in (pd.Series(values), values.tolist()):
        X, y = make_windows(series, 3)
        assert (X.tolist(), y.tolist()) == (make_windows(values, 3)[0].tolist(), [3.0, 4.0, 5.0, 6.0, 7.0])
    X, y = make_windows(pd.DataFrame({"a": values, "b": -values}), 3)
    assert X[0].tolist() == [[0, 0], [1, -1], [2, -2]]
    assert y.tolist() == [3, 4, 5, 6, 7]


@pytest.mark.parametrize(("lookback", "horizon"), [(0, 1), (2.0, 1), (3, 0), ("3", 1), (3, True)])
def test_steps_that_are_no_whole_numbers_are_refused(lookback, horizon):
    with pytest.raises(ParameterError, match=r"make_windows: (lookback|horizon) must be a whole number, at least 1"):
        make_windows(np.arange(9), lookback, horizon)


def test_more_than_one_series_is_refused():
    with pytest.raises(DataError, match=r"shape \(2, 9, 3\)"):
        make_windows(np.zeros((2, 9, 3)), 2)


@pytest.mark.parametrize("features", [1, 3])
def test_each_feature_is_scaled_over_all_steps_of_all_windows(features):
    rng = np.random.default_rng(0)
    X = 5 + np.arange(1, features + 1) * rng.normal(size=(5000, 4, features))
    counts = rng.integers(0, 3, size=len(X))
    scaling = Scaling.of_windows(X, counts.astype(float))
    repeated = np.repeat(X, counts, axis=0).reshape(-1, features)
    np.testing.assert_allclose(scaling.mean, repeated.mean(axis=0))
    np.testing.assert_allclose(scaling.scale, repeated.std(axis=0))
    reading = read(X, scaling)
    np.testing.assert_allclose(reading["window"], (X[:, :, 0] - scaling.mean[0]) / scaling.scale[0], atol=1e-6)
    assert reading["observed"].all()
    assert ("past" in reading) == (features > 1)
    if features > 1:
        np.testing.assert_allclose(reading["past"], ((X - scaling.mean) / scaling.scale)[:, :, 1:], atol=1e-6)


def test_what_does_not_change_is_scaled_by_one():
    scaling = Scaling.of_targets(np.full((9, 2), 7.0), np.ones(9))
    assert scaling.scaled(np.full((1, 2), 7.0)).tolist() == [[0.0, 0.0]]
    assert scaling.restored(np.array([[1.0, -1.0]])).tolist() == [[8.0, 6.0]]


@settings(max_examples=40)
@given(counts=st.lists(st.integers(0, 3), min_size=6, max_size=6).filter(any), seed=st.integers(0, 99))
def test_repeated_samples_are_one_sample_of_more_weight_in_an_order_of_their_own(counts, seed):
    rng = np.random.default_rng(seed)
    X, y = rng.integers(0, 3, size=(6, 2, 2)).astype(float), rng.integers(0, 2, size=(6, 1)).astype(float)
    rows = rng.permutation(np.repeat(np.arange(6), counts))
    kept = np.flatnonzero(counts)
    repeated = merged(X[rows], y[rows], np.ones(len(rows)))
    weighted = merged(X[kept], y[kept], np.array(counts, dtype=float)[kept])
    for first, second in zip(repeated, weighted, strict=True):
        np.testing.assert_array_equal(first, second)
    assert repeated[2].sum() == len(rows)


def test_a_fit_never_holds_all_windows():
    """30,000 windows of 400 steps are 95 MB as an array; their series is a quarter of a megabyte."""
    X, y = make_windows(np.random.default_rng(0).normal(size=30_000), 400)
    tiny = {"units": 2, "n_members": 1, "max_steps": 1, "segment_length": 100, "linear_skip": False}
    regressor = SimpleRNNRegressor(**tiny).fit(X[:300], y[:300])
    tracemalloc.start()
    regressor.fit(X, y).predict(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.size * X.itemsize / 2
