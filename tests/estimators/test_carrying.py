"""Streams against the Keras network that reads the whole history, and against each other."""

import copy
import io
import pickle
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from forecasting import SimpleRNNClassifier, SimpleRNNRegressor, make_windows
from forecasting.errors import DataError, ParameterError
from forecasting.estimators.arrays import read
from forecasting.network.engine import engine

STEPS, SERIES = 8, 3
KINDS: dict[str, type] = {"regressor": SimpleRNNRegressor, "classifier": SimpleRNNClassifier}


def histories(features: int, length: int, n_series: int = SERIES, seed: int = 1) -> np.ndarray:
    """Noisy waves, and noise beside them."""
    series = np.random.default_rng(seed).normal(5, 3, (n_series, length, features))
    series[:, :, 0] += 15 + 4 * np.sin(np.arange(length) / 2)
    return series[:, :, 0] if features == 1 else series


def drawn(features: int = 1, outputs: int = 1, kind: str = "regressor", **changes: Any) -> Any:
    """An estimator whose weights are drawn instead of trained: no weight is zero, and every state matters."""
    X, y = make_windows(histories(features, 120)[0], STEPS, outputs)
    estimator = KINDS[kind](**{"units": 5, "n_members": 2, "segment_length": 1, **changes})
    if kind == "classifier":
        y = np.digitize(y, [18, 22])
        estimator.classes_, estimator.temperature_ = np.array(["down", "level", "up"]), 1.3
    estimator._shape(*estimator._samples(X, y, None, goes_on=False))
    spec, rng = estimator._spec, np.random.default_rng(0)
    shapes = spec.shapes().items()
    estimator._weights = {
        name: rng.normal(0, 0.3, (spec.n_members, *shape)).astype(np.float32) for name, shape in shapes
    }
    return estimator


def whole_history(estimator: Any, history: np.ndarray) -> np.ndarray:
    """What Keras says of a history as one long window, (n_members, n_series, n_outputs).

    The same weights; the linear skip gets zeros in front for all that lies before its last ``n_steps``.
    """
    spec, weights = estimator._spec, dict(estimator._weights)
    longer = replace(spec, lookback=history.shape[1])
    if spec.linear_skip:
        front = np.zeros((spec.n_members, history.shape[1] - spec.lookback, spec.horizon), np.float32)
        weights["skip.kernel"] = np.concatenate([front, weights["skip.kernel"]], axis=1)
    return engine(longer).forecast(weights, read(history, estimator._scaling)).astype(np.float64)


NETWORKS = {
    "textbook": {},
    "one member": {"n_members": 1},
    "median of members": {"n_members": 3, "loss": "absolute_error"},
    "quantile": {"n_members": 2, "loss": "quantile", "quantile": 0.8},
    "three layers": {"n_layers": 3},
    "no skip": {"linear_skip": False},
    "segments": {"segment_length": 4},
    "one segment": {"segment_length": 8},
    "features": {"features": 3},
    "outputs": {"outputs": 3},
    "all at once": {"segment_length": 2, "features": 3, "outputs": 2, "n_layers": 2, "n_members": 3},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_stream_says_what_keras_says_of_the_whole_history(name):
    regressor = drawn(**NETWORKS[name])
    segment, length = regressor._spec.segment_length, 24
    history = histories(regressor._spec.past_channels + 1, length + segment)
    stream = regressor.stream(SERIES)
    stream.read(history[:, : length - 1])
    for step in range(length - 1, length + segment - 1):  # every place between two segments
        stream.observe(history[:, step])
        skipped = (step + 1) % segment
        outputs = whole_history(regressor, history[:, skipped : step + 1])
        np.testing.assert_allclose(stream._outputs(), outputs, atol=1e-5, rtol=0)
        predicted = regressor._target_scaling.restored(regressor._combined(outputs))
        np.testing.assert_allclose(stream.predict(), predicted.reshape(stream.predict().shape), rtol=1e-5)
    assert stream.predict().shape == regressor.predict(history[:, -STEPS:]).shape


@pytest.mark.slow
def test_a_stream_of_thousands_of_steps_says_what_keras_says():
    X, y = make_windows(histories(1, 500)[0], STEPS)
    settings = {"units": 16, "n_layers": 2, "segment_length": 1, "validation_fraction": 0.0, "learning_rate": 0.03}
    regressor = SimpleRNNRegressor(**settings, max_steps=200, random_state=0).fit(X, y)
    history = histories(1, 3000)
    stream = regressor.stream(SERIES)
    stream.read(history)
    np.testing.assert_allclose(stream._outputs(), whole_history(regressor, history), atol=1e-5, rtol=0)


def test_a_classifier_streams_its_probabilities():
    classifier = drawn(kind="classifier", segment_length=2)
    history = histories(1, 40)
    stream = classifier.stream(SERIES)
    stream.read(history)
    logits = whole_history(classifier, history).mean(axis=0)
    expected = np.exp(classifier._calibrated(logits, 1 / classifier.temperature_))
    np.testing.assert_allclose(stream.predict_proba(), expected, atol=1e-5)
    assert stream.predict().tolist() == classifier.classes_[expected.argmax(axis=1)].tolist()


# How it differs from reading windows


@pytest.mark.parametrize("segment", [1, 4])
def test_the_first_answer_is_that_to_the_window_and_later_ones_know_more(segment):
    regressor = drawn(segment_length=segment)
    history = histories(1, 40)
    stream = regressor.stream(SERIES)
    stream.read(history[:, :STEPS])
    np.testing.assert_allclose(stream.predict(), regressor.predict(history[:, :STEPS]), rtol=1e-5)
    other = regressor.stream(SERIES)
    other.read(history[::-1, :STEPS])
    for one in (stream, other):
        one.read(history[:, STEPS : 2 * STEPS])
    window = regressor.predict(history[:, STEPS : 2 * STEPS])
    assert np.abs(stream.predict() - window).max() > 1e-4  # a window begins with a state of zero
    assert np.abs(stream.predict() - other.predict()).max() > 1e-4  # and what came before is remembered


def test_without_a_recurrence_a_stream_answers_as_windows_do():
    regressor = drawn()
    regressor._weights["head.kernel"][:] = 0
    history = histories(1, 40)
    stream = regressor.stream(SERIES)
    stream.read(history)
    np.testing.assert_allclose(stream.predict(), regressor.predict(history[:, -STEPS:]), rtol=1e-6)


# How observations come


@pytest.fixture(scope="module")
def segmented():
    return drawn(features=2, segment_length=4, n_layers=2)


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(0, 30), max_size=4), seed=st.integers(0, 99))
def test_any_split_of_a_history_gives_the_same(segmented, cuts, seed):
    history = np.random.default_rng(seed).normal(size=(2, 30, 2))
    whole, parts = segmented.stream(2), segmented.stream(2)
    whole.read(history)
    edges = [0, *sorted(cuts), 30]
    for number, (first, behind) in enumerate(pairwise(edges)):
        if number % 2:
            parts.read(history[:, first:behind])
        else:
            for step in range(first, behind):
                parts.observe(history[:, step])
    assert whole.n_observed == parts.n_observed == 30
    np.testing.assert_array_equal(whole.predict(), parts.predict())
    for name, array in whole.to_arrays().items():
        np.testing.assert_array_equal(array, parts.to_arrays()[name])


def test_each_series_has_its_own_state(segmented):
    history = histories(2, 21)
    together = segmented.stream(SERIES)
    together.read(history)
    for number in range(SERIES):
        alone = segmented.stream()
        alone.read(history[number : number + 1])
        np.testing.assert_allclose(alone.predict(), together.predict()[number : number + 1], rtol=1e-6)


def test_predicting_and_storing_change_nothing(segmented):
    history = histories(2, 20)
    asked, quiet = segmented.stream(SERIES), segmented.stream(SERIES)
    for step in range(20):
        asked.observe(history[:, step])
        quiet.observe(history[:, step])
        if step + 1 >= STEPS:
            asked.predict()
        for array in asked.to_arrays().values():
            array.fill(1)
    assert asked.predict().tolist() == quiet.predict().tolist()


def test_a_stream_stays_what_it_was_when_the_estimator_is_trained_on():
    windows, history = histories(1, STEPS, n_series=40), histories(1, 20)
    regressor = SimpleRNNRegressor(units=3, n_members=1, max_steps=3, random_state=0).fit(windows, windows[:, 0])
    stream, before = regressor.stream(SERIES), copy.deepcopy(regressor)
    stream.read(history)
    regressor.fit(-windows, windows[:, 1])
    anew = before.stream(SERIES)
    anew.read(history)
    assert stream.predict().tolist() == anew.predict().tolist()


# Storing


def stored(stream: Any) -> dict[str, np.ndarray]:
    """Through a file, as plain arrays."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **stream.to_arrays())
    file.seek(0)
    return dict(np.load(file, allow_pickle=False))


@pytest.mark.parametrize("length", [0, 3, 19])
def test_a_stream_goes_on_from_arrays_and_from_a_pickle(segmented, length):
    history = histories(2, 40)
    stream = segmented.stream(SERIES)
    stream.read(history[:, :length])
    restored = segmented.stream(SERIES)
    restored.read(history[:, ::-1])
    restored.restore(stored(stream))
    pickled = pickle.loads(pickle.dumps(stream))
    for one in (stream, restored, pickled):
        one.read(history[:, length:])
        assert one.n_observed == 40
    assert stream.predict().tolist() == restored.predict().tolist() == pickled.predict().tolist()


def test_states_of_another_network_or_other_series_are_refused(segmented):
    history = histories(2, 12)
    stream = segmented.stream(SERIES)
    stream.read(history)
    before = stream.predict().tolist()
    with pytest.raises(DataError, match=r"states has the shape .*as many series"):
        stream.restore(segmented.stream(2).to_arrays())
    other = copy.deepcopy(segmented)
    other._weights["rnn_1.bias"][0, 0] += 1e-6
    with pytest.raises(DataError, match="other weights or scales"):
        stream.restore(other.stream(SERIES).to_arrays())
    with pytest.raises(DataError, match="not the states of this stream: 'network'"):
        stream.restore({})
    assert stream.predict().tolist() == before


# What is refused


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_a_missing_observation_is_refused_with_its_place_and_changes_nothing(segmented, bad):
    history = histories(2, 12)
    stream = segmented.stream(SERIES)
    stream.read(history)
    before = stream.predict().tolist()
    wrong = history.copy()
    wrong[1, 5, 1] = bad
    with pytest.raises(DataError, match="series number 1, time step 5, column feature 1: an observation is missing"):
        stream.read(wrong)
    with pytest.raises(DataError, match="series number 1, column feature 1: an observation is missing"):
        stream.observe(wrong[:, 5])
    assert stream.predict().tolist() == before
    assert stream.n_observed == 12


def test_other_shapes_are_refused(segmented):
    stream, plain = segmented.stream(SERIES), drawn().stream(SERIES)
    for wrong in (np.zeros(SERIES), np.zeros((2, 2)), np.zeros((SERIES, 3)), 1.0):
        with pytest.raises(DataError, match=r"not \(3, 2\)"):
            stream.observe(wrong)
    for wrong in (np.zeros((SERIES, 2)), np.zeros((SERIES, 4, 1)), np.zeros(SERIES)):
        with pytest.raises(DataError, match=r"the observations have the shape"):
            stream.read(wrong)
    for wrong in (np.zeros(SERIES), np.zeros((SERIES, 2, 1)), np.zeros((2, 4))):
        with pytest.raises(DataError, match=r"the observations have the shape"):
            plain.read(wrong)
    with pytest.raises(DataError, match="no numbers"):
        plain.observe(["a", "b", "c"])
    plain.read(np.zeros((SERIES, 0)))
    assert plain.n_observed == stream.n_observed == 0


def test_an_answer_needs_as_many_observations_as_a_window_has():
    stream = drawn().stream(SERIES)
    stream.read(np.zeros((SERIES, STEPS - 1)))
    with pytest.raises(DataError, match="7 of the 8 observations that an answer needs"):
        stream.predict()
    stream.observe(np.zeros(SERIES))
    assert np.isfinite(stream.predict()).all()


@pytest.mark.parametrize("n_series", [0, 1.5, True, "2"])
def test_numbers_of_series_that_are_none_are_refused(n_series):
    with pytest.raises(ParameterError, match="stream: n_series must be a whole number, at least 1"):
        drawn().stream(n_series)


@pytest.mark.parametrize("kind", [SimpleRNNRegressor, SimpleRNNClassifier])
def test_before_a_fit_there_is_no_stream(kind):
    with pytest.raises(NotFittedError):
        kind().stream()


@pytest.mark.slow
def test_a_stream_of_a_stored_estimator_loads_no_keras(tmp_path):
    (tmp_path / "regressor.pickle").write_bytes(pickle.dumps(drawn()))
    code = (
        "import pickle, sys, numpy as np\n"
        "stream = pickle.load(open(sys.argv[1], 'rb')).stream()\n"
        "stream.read(np.ones((1, 20)))\n"
        "print(stream.predict().shape, 'keras' in sys.modules, 'tensorflow' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "regressor.pickle")], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[0] == "(1,) False False"
