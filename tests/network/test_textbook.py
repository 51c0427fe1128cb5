"""The network is the textbook's: forward pass, gradients and training against plain NumPy."""

import numpy as np
import pytest

from forecasting.network.engine import engine, mean_absolute_error
from forecasting.network.spec import NetworkSpec, Weights
from tests.network.textbook import (
    TEXTBOOK,
    absolute_error,
    backpropagated,
    finite_differences,
    forward,
    random_weights,
    random_windows,
)

SHAPES = {
    "segments": NetworkSpec(12, 4, 3, 5, 1, False, False),
    "masked": NetworkSpec(8, 3, 2, 4, 1, True, False),
    "linear skip": NetworkSpec(8, 3, 4, 4, 1, False, True),
    "two layers": NetworkSpec(8, 2, 2, 6, 2, False, False),
    "three layers, masked, with a linear skip": NetworkSpec(9, 4, 3, 5, 3, True, True),
    "one segment": NetworkSpec(4, 2, 4, 3, 2, False, True),
}


def keras_gradients(
    spec: NetworkSpec, weights: Weights, inputs: np.ndarray, observed: np.ndarray, target: np.ndarray
) -> Weights:
    import tensorflow as tf

    network = engine(spec)
    network.put(weights)
    variables = {f"{layer.name}.{weight.name}": weight for layer in network.model.layers for weight in layer.weights}
    with tf.GradientTape() as tape:
        error = mean_absolute_error(target, network.model([inputs, observed], training=True))
    found = tape.gradient(error, [variable.value for variable in variables.values()])
    return {name: gradient.numpy() for name, gradient in zip(variables, found, strict=True)}


def assert_close(found: Weights, expected: Weights, absolute: float, nothing: tuple[str, ...] = ()) -> None:
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        np.testing.assert_allclose(found[name], gradient, rtol=0, atol=absolute, err_msg=name)
        assert np.abs(gradient).max() > 1e-3 or name in nothing  # nothing would agree with anything


def test_the_plain_network_has_only_the_weights_of_the_textbook():
    assert TEXTBOOK.shapes() == {
        "rnn_0.kernel": (1, 5),
        "rnn_0.recurrent_kernel": (5, 5),
        "rnn_0.bias": (5,),
        "head.kernel": (5, 3),
        "head.bias": (3,),
    }


def test_the_plain_network_forecasts_as_the_recurrence_of_the_textbook():
    weights, (inputs, observed, _) = random_weights(TEXTBOOK), random_windows(TEXTBOOK, 20)
    kernel, recurrent = weights["rnn_0.kernel"].astype(float), weights["rnn_0.recurrent_kernel"].astype(float)
    state = np.zeros((20, 5))
    for step in range(7):
        state = np.tanh(inputs[:, step : step + 1] @ kernel + state @ recurrent + weights["rnn_0.bias"])
    expected = state @ weights["head.kernel"] + weights["head.bias"]
    found = engine(TEXTBOOK).forecast(weights, inputs, observed)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("missing", [False, True], ids=["all observed", "targets missing"])
def test_the_gradient_is_that_of_backpropagation_through_time_and_of_finite_differences(missing):
    weights, (inputs, observed, target) = random_weights(TEXTBOOK), random_windows(TEXTBOOK, 11)
    if missing:
        target[2, 1] = target[5] = np.nan
    found = keras_gradients(TEXTBOOK, weights, inputs, observed, target)
    assert_close(found, backpropagated(weights, inputs, target), 2e-6)
    assert_close(found, finite_differences(TEXTBOOK, weights, inputs, observed, target), 2e-6)


@pytest.mark.parametrize("name", SHAPES)
def test_every_other_shape_forecasts_as_its_plain_reckoning(name):
    spec = SHAPES[name]
    weights, (inputs, observed, _) = random_weights(spec), random_windows(spec, 15)
    expected = forward(spec, weights, inputs, observed)
    np.testing.assert_allclose(engine(spec).forecast(weights, inputs, observed), expected, rtol=0, atol=5e-6)


@pytest.mark.parametrize("name", SHAPES)
def test_every_other_shape_has_the_gradient_of_finite_differences(name):
    spec = SHAPES[name]
    weights, (inputs, observed, target) = random_weights(spec), random_windows(spec, 9)
    found = keras_gradients(spec, weights, inputs, observed, target)
    unused = tuple(f"rnn_{layer}.recurrent_kernel" for layer in range(spec.n_layers)) if spec.segments == 1 else ()
    assert_close(found, finite_differences(spec, weights, inputs, observed, target), 5e-6, unused)


@pytest.mark.parametrize("clip_norm", [100.0, 0.2], ids=["unclipped", "clipped"])
def test_training_steps_are_those_of_adam_on_the_clipped_gradient(clip_norm):
    network, weights = engine(TEXTBOOK), random_weights(TEXTBOOK)
    expected = {name: weight.astype(float) for name, weight in weights.items()}
    first = {name: np.zeros_like(weight) for name, weight in expected.items()}
    second = {name: np.zeros_like(weight) for name, weight in expected.items()}
    rates = [0.02, 0.01, 0.003]
    with network.lock:
        network.begin(weights, clip_norm)
        for step, rate in enumerate(rates, start=1):
            inputs, observed, target = random_windows(TEXTBOOK, 16, seed=step)
            loss = network.step(inputs, observed, target, rate)
            assert loss == pytest.approx(
                absolute_error(forward(TEXTBOOK, expected, inputs, observed), target), rel=1e-4
            )
            gradient = backpropagated(expected, inputs, target)
            norm = np.sqrt(sum((part**2).sum() for part in gradient.values()))
            for name, part in gradient.items():
                clipped = part * min(1.0, clip_norm / norm)
                first[name] = 0.9 * first[name] + 0.1 * clipped
                second[name] = 0.999 * second[name] + 0.001 * clipped**2
                corrected = rate * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
                expected[name] -= corrected * first[name] / (np.sqrt(second[name]) + 1e-7)
        found = network.take()
    for name, weight in expected.items():
        np.testing.assert_allclose(found[name], weight, rtol=0, atol=2e-5, err_msg=name)
        assert np.abs(weight - weights[name]).max() > 0.02
