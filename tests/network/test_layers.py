"""The layers of an ensemble: each member's is the layer of Keras, or the plain reckoning in NumPy."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import pytest

from forecasting.network.layers import MemberDense, MemberNorm, MemberRNN, mixed, segmented, standardised

MEMBERS, STEPS, BATCH, FEATURES, UNITS = 3, 5, 7, 2, 4
LONG = 65


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.5, shape).astype(np.float32)


def filled(layer: keras.layers.Layer) -> keras.layers.Layer:
    """With random weights, biases and factors of a normalisation included."""
    layer.set_weights([normal(*weight.shape, seed=number) for number, weight in enumerate(layer.weights)])
    return layer


def gradients(
    layer: Callable[[Any], Any], weights: Sequence[Any], inputs: np.ndarray, upstream: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Outputs, and the gradient of their sum weighted by ``upstream`` to the inputs and to each weight."""
    import tensorflow as tf

    read = tf.constant(inputs)
    with tf.GradientTape() as tape:
        tape.watch(read)
        outputs = layer(read)
        total = tf.reduce_sum(outputs * upstream)
    found = tape.gradient(total, [read, *(weight.value for weight in weights)])
    return outputs.numpy(), [part.numpy() for part in found]


def assert_each_member_is(
    layer: keras.layers.Layer, single: keras.layers.Layer, inputs: np.ndarray, upstream: np.ndarray
) -> None:
    """Outputs and all gradients of every member are those of a layer of Keras that has its weights."""
    outputs, found = gradients(layer, layer.weights, inputs, upstream)
    for number in range(MEMBERS):
        single(inputs[number])  # builds it
        single.set_weights([weight[number] for weight in layer.get_weights()])
        expected, parts = gradients(single, single.weights, inputs[number], upstream[number])
        np.testing.assert_allclose(outputs[number], expected, rtol=0, atol=2e-6)
        for mine, part in zip(found, parts, strict=True):
            np.testing.assert_allclose(mine[number], part, rtol=1e-4, atol=1e-5)
            assert np.abs(part).max() > 1e-3


class OfKeras(keras.layers.Layer):
    """``keras.layers.SimpleRNN`` with the steps in front of the batch, as the ensemble has them."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.rnn = keras.layers.SimpleRNN(units, return_sequences=True)

    def call(self, inputs: Any) -> Any:
        return keras.ops.swapaxes(self.rnn(keras.ops.swapaxes(inputs, 0, 1)), 0, 1)


@pytest.mark.parametrize("steps", [1, STEPS, LONG - 1, LONG], ids="{} steps".format)
def test_the_recurrence_of_each_member_is_the_simple_rnn_of_keras(steps):
    layer = filled(MemberRNN(MEMBERS, FEATURES, UNITS, steps, name="rnn"))
    inputs, upstream = normal(MEMBERS, steps, BATCH, FEATURES, seed=7), normal(MEMBERS, steps, BATCH, UNITS, seed=8)
    if steps == 1:
        outputs, (_, _, recurrent, _) = gradients(layer, layer.weights, inputs, upstream)
        assert not recurrent.any()
        product = np.einsum("mtbf,mfu->mtbu", inputs, layer.get_weights()[0])
        expected = np.tanh(product + layer.get_weights()[2][:, None, None])
        np.testing.assert_allclose(outputs, expected, rtol=0, atol=2e-6)
    else:
        assert_each_member_is(layer, OfKeras(UNITS), inputs, upstream)


@pytest.mark.parametrize("steps", [STEPS, LONG], ids=["written out", "looped"])
def test_a_recurrence_reads_shared_windows_as_it_reads_copies_of_them(steps):
    layer = filled(MemberRNN(MEMBERS, FEATURES, UNITS, steps, name="rnn"))
    shared = normal(1, steps, BATCH, FEATURES)
    np.testing.assert_allclose(layer(shared), layer(np.repeat(shared, MEMBERS, axis=0)), rtol=0, atol=1e-6)


def test_no_state_of_a_recurrence_reads_a_later_step():
    layer = filled(MemberRNN(MEMBERS, FEATURES, UNITS, STEPS, name="rnn"))
    inputs = normal(MEMBERS, STEPS, BATCH, FEATURES)
    later = inputs.copy()
    later[:, 3:] += 1
    before, after = np.asarray(layer(inputs)), np.asarray(layer(later))
    assert before[:, :3].tolist() == after[:, :3].tolist()
    assert (before[:, 3:] != after[:, 3:]).all()


def test_the_normalisation_of_each_member_is_that_of_keras():
    layer = filled(MemberNorm(MEMBERS, UNITS, name="norm"))
    inputs, upstream = normal(MEMBERS, STEPS, BATCH, UNITS, seed=7), normal(MEMBERS, STEPS, BATCH, UNITS, seed=8)
    assert_each_member_is(layer, keras.layers.LayerNormalization(), inputs * 3 + 1, upstream)


@pytest.mark.parametrize("use_bias", [True, False])
def test_the_product_of_each_member_is_the_dense_layer_of_keras(use_bias):
    layer = filled(MemberDense(MEMBERS, FEATURES, UNITS, use_bias=use_bias, name="head"))
    inputs, upstream = normal(MEMBERS, BATCH, FEATURES, seed=7), normal(MEMBERS, BATCH, UNITS, seed=8)
    assert_each_member_is(layer, keras.layers.Dense(UNITS, use_bias=use_bias), inputs, upstream)


def test_segments_are_consecutive_steps_of_a_window_in_order():
    window = normal(2, BATCH, 12)
    found = np.asarray(segmented(window, 4, 3))
    assert found.shape == (2, 4, BATCH, 3)
    for member, batch, step in np.ndindex(2, BATCH, 12):
        assert found[member, step // 3, batch, step % 3] == window[member, batch, step]


@pytest.mark.parametrize("level", [0.0, 30.0])
def test_a_standardised_window_has_the_mean_0_and_the_standard_deviation_1(level):
    window = level + normal(2, BATCH, 12)
    wide = window.astype(np.float64)
    expected = (wide - wide.mean(-1, keepdims=True)) / np.sqrt(wide.var(-1, keepdims=True) + 1e-6)
    found = np.asarray(standardised(window))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    np.testing.assert_allclose(found.mean(-1), 0, atol=1e-4)
    np.testing.assert_allclose(found.std(-1), 1, atol=1e-4)


def test_a_standardised_window_without_a_change_is_zero():
    assert not np.asarray(standardised(np.full((1, 2, 16), 3.0, np.float32))).any()
    assert not np.asarray(standardised(np.zeros((1, 2, 16), np.float32))).any()


@pytest.mark.parametrize("shared", [False, True], ids=["own windows", "shared windows"])
@pytest.mark.parametrize(
    ("season", "horizon", "lookback"), [(4, 4, 12), (4, 3, 8), (4, 9, 14), (2, 5, 13)], ids=lambda value: f"{value}"
)
def test_mixed_seasons_are_the_weighted_differences_of_past_seasons_to_the_last_one(season, horizon, lookback, shared):
    seasons, ahead = lookback // season, -(-horizon // season)
    window = normal(1 if shared else MEMBERS, BATCH, lookback, seed=1)
    share = normal(MEMBERS, BATCH, ahead * (seasons - 1), seed=2)
    found = np.asarray(mixed(share, window, season, horizon))
    assert found.shape == (MEMBERS, BATCH, horizon)
    expected = np.zeros_like(found)
    for member, batch, step in np.ndindex(found.shape):
        steps = window[0 if shared else member, batch]
        within = step % season
        for past in range(seasons - 1):
            change = steps[lookback - (seasons - past) * season + within] - steps[lookback - season + within]
            expected[member, batch, step] += share[member, batch, step // season * (seasons - 1) + past] * change
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert np.abs(expected).max() > 0.1


def test_a_window_whose_seasons_are_all_alike_mixes_to_nothing():
    window = np.tile(normal(1, BATCH, 4), 3)
    assert not np.asarray(mixed(normal(MEMBERS, BATCH, 4), window, 4, 6)).any()
