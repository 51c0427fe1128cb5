"""The network is the textbook's: forward pass, gradients and training against plain NumPy."""

import numpy as np
import pytest

from forecasting.network.engine import Engine, engine
from forecasting.network.spec import NetworkSpec, Weights
from forecasting.scaling import Reading, part_of
from tests.network.textbook import (
    TEXTBOOK,
    absolute_error,
    backpropagated,
    doubles,
    finite_differences,
    forward,
    member,
    random_batch,
    random_weights,
    random_windows,
    shared,
    stacked,
)

SHAPES = {
    "segments": NetworkSpec(12, 4, 3, 5, 1, False, False),
    "masked": NetworkSpec(8, 3, 2, 4, 1, True, False),
    "linear skip": NetworkSpec(8, 3, 4, 4, 1, False, True),
    "two layers": NetworkSpec(8, 2, 2, 6, 2, False, False),
    "three layers, masked, with a linear skip": NetworkSpec(9, 4, 3, 5, 3, True, True),
    "one segment": NetworkSpec(4, 2, 4, 3, 2, False, True),
    "standardised": NetworkSpec(8, 3, 2, 4, 1, False, False, standardised=True),
    "mixed seasons": NetworkSpec(12, 3, 4, 4, 1, False, False, mixed_season=4),
    "seasons that do not fill window and horizon": NetworkSpec(14, 5, 2, 4, 1, False, False, mixed_season=3),
    "everything, three members": NetworkSpec(
        14, 5, 2, 4, 2, True, True, standardised=True, mixed_season=3, n_members=3
    ),
    "elapsed time": NetworkSpec(8, 3, 2, 4, 1, True, True, elapsed=True),
    "past covariates": NetworkSpec(8, 3, 2, 4, 1, False, True, past_channels=2),
    "covariates known ahead": NetworkSpec(8, 3, 4, 4, 1, False, False, past_channels=1, future_channels=2),
    "static covariates": NetworkSpec(8, 3, 4, 4, 2, False, True, static_channels=2),
    "everything and all covariates, two members": NetworkSpec(
        12,
        5,
        4,
        4,
        2,
        True,
        True,
        standardised=True,
        mixed_season=4,
        n_members=2,
        past_channels=3,
        future_channels=2,
        static_channels=1,
    ),
    "three quantiles": NetworkSpec(8, 3, 2, 4, 1, False, False, loss="pinball", quantiles=(0.2, 0.5, 0.8)),
    "five quantiles, all else, two members": NetworkSpec(
        12,
        5,
        4,
        4,
        2,
        True,
        True,
        standardised=True,
        mixed_season=4,
        n_members=2,
        future_channels=1,
        loss="pinball",
        quantiles=(0.05, 0.25, 0.5, 0.75, 0.95),
    ),
}


def keras_gradients(network: Engine, weights: Weights, reading: Reading, target: np.ndarray) -> Weights:
    import tensorflow as tf

    network.put(weights)
    variables = {f"{layer.name}.{weight.name}": weight for layer in network.model.layers for weight in layer.weights}
    with tf.GradientTape() as tape:
        error = network.model.compute_loss(y=target, y_pred=network.model(reading, training=True))
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
    weights, (reading, _) = random_weights(TEXTBOOK), random_windows(TEXTBOOK, 20)
    kernel, recurrent, bias, head, shift = (weight[0].astype(float) for weight in weights.values())
    state = np.zeros((20, 5))
    for step in range(7):
        state = np.tanh(reading["window"][:, step : step + 1] @ kernel + state @ recurrent + bias)
    found = engine(TEXTBOOK).forecast(weights, reading)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, (state @ head + shift)[None], rtol=0, atol=2e-6)


@pytest.mark.parametrize("missing", [False, True], ids=["all observed", "targets missing"])
def test_the_gradient_is_that_of_backpropagation_through_time_and_of_finite_differences(missing):
    weights, (reading, target) = random_weights(TEXTBOOK), random_windows(TEXTBOOK, 11)
    if missing:
        target[2, 1] = target[5] = np.nan
    found = member(keras_gradients(engine(TEXTBOOK), weights, shared(reading), target[None]))
    assert_close(found, backpropagated(member(weights), reading["window"], target), 2e-6)
    assert_close(found, finite_differences(TEXTBOOK, member(weights), reading, target), 2e-6)


@pytest.mark.parametrize("name", SHAPES)
def test_every_other_shape_forecasts_as_its_plain_reckoning(name):
    spec = SHAPES[name]
    weights, (reading, _) = random_weights(spec), random_windows(spec, 15)
    expected = [forward(spec, member(weights, number), reading) for number in range(spec.n_members)]
    found = engine(spec).forecast(weights, reading)
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-6)


@pytest.mark.parametrize("name", SHAPES)
def test_every_other_shape_has_the_gradient_of_finite_differences(name):
    spec = SHAPES[name]
    weights, (reading, target) = random_weights(spec), random_batch(spec, 9)
    found = keras_gradients(engine(spec), weights, reading, target)
    expected = [
        finite_differences(spec, member(weights, number), part_of(reading, number), target[number])
        for number in range(spec.n_members)
    ]
    unused = tuple(f"rnn_{layer}.recurrent_kernel" for layer in range(spec.n_layers)) if spec.segments == 1 else ()
    assert_close(found, stacked(expected), 5e-6, unused)


class TextbookAdam:
    """Adam (Kingma and Ba 2014, arXiv 1412.6980) on the clipped gradient of one member."""

    def __init__(self, weights: Weights, clip_norm: float) -> None:
        self.weights, self.clip_norm, self.steps, self.clipped = doubles(weights), clip_norm, 0, 0
        self.first = {name: np.zeros_like(weight) for name, weight in self.weights.items()}
        self.second = {name: np.zeros_like(weight) for name, weight in self.weights.items()}

    def step(self, inputs: np.ndarray, target: np.ndarray, rate: float) -> None:
        self.steps += 1
        gradient = backpropagated(self.weights, inputs, target)
        norm = np.sqrt(sum((part**2).sum() for part in gradient.values()))
        self.clipped += norm > self.clip_norm
        corrected = rate * np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        for name, part in gradient.items():
            clipped = part * min(1.0, self.clip_norm / norm)
            self.first[name] = 0.9 * self.first[name] + 0.1 * clipped
            self.second[name] = 0.999 * self.second[name] + 0.001 * clipped**2
            self.weights[name] -= corrected * self.first[name] / (np.sqrt(self.second[name]) + 1e-7)


@pytest.mark.parametrize("clip_norm", [100.0, 0.6, 0.2], ids=["unclipped", "one member clipped", "clipped"])
def test_training_steps_are_those_of_adam_on_the_gradient_of_each_member_clipped_by_its_own_norm(clip_norm):
    spec = NetworkSpec(7, 3, 1, 5, 1, False, False, n_members=2)
    network, weights = engine(spec), random_weights(spec)
    members = [TextbookAdam(member(weights, number), clip_norm) for number in range(2)]
    with network.lock:
        network.begin(weights, clip_norm)
        for step, rate in enumerate([0.02, 0.01, 0.003], start=1):
            reading, target = random_batch(spec, 16, seed=step)
            losses = [
                absolute_error(forward(TEXTBOOK, one.weights, part_of(reading, number)), target[number])
                for number, one in enumerate(members)
            ]
            assert network.step(reading, target, rate) == pytest.approx(np.mean(losses), rel=1e-4)
            for number, one in enumerate(members):
                one.step(reading["window"][number], target[number], rate)
        found, clipped = network.take(), network.clipped
    assert [one.clipped for one in members] == {100.0: [0, 0], 0.6: [0, 2], 0.2: [3, 3]}[clip_norm]
    assert clipped == sum(one.clipped for one in members)
    for name, weight in stacked([one.weights for one in members]).items():
        np.testing.assert_allclose(found[name], weight, rtol=0, atol=2e-5, err_msg=name)
        assert np.abs(weight - weights[name]).max() > 0.02
