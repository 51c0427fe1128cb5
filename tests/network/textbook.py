"""The network in plain NumPy, float64, one step after the other: what the Keras side is compared with."""

import numpy as np

from forecasting.network.spec import NetworkSpec, Weights
from forecasting.network.training import HeldOut

TEXTBOOK = NetworkSpec(lookback=7, horizon=3, segment_length=1, units=5, n_layers=1, masked=False, linear_skip=False)
_KERAS_NORM_EPSILON = 1e-3


def random_weights(spec: NetworkSpec, seed: int = 0) -> Weights:
    """Weights none of which is zero or special."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(0, 0.4, shape).astype(np.float32) for name, shape in spec.shapes().items()}


def random_windows(spec: NetworkSpec, count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, observed flags (about a third 0) and targets."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(count, spec.lookback)).astype(np.float32)
    observed = (rng.random(inputs.shape) < 0.7).astype(np.float32)
    return inputs, observed, rng.normal(size=(count, spec.horizon)).astype(np.float32)


def held_out_of(inputs: np.ndarray, observed: np.ndarray, target: np.ndarray) -> HeldOut:
    """These windows as held-out ones, of which each tells something of its own."""
    return HeldOut(inputs, observed, target, independent=float(len(inputs)))


def doubles(weights: Weights) -> Weights:
    return {name: weight.astype(np.float64) for name, weight in weights.items()}


def forward(spec: NetworkSpec, weights: Weights, inputs: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Forecasts of shape (n, horizon): recurrences over segments, residual and normalised from the second layer on."""
    weights = doubles(weights)
    shape = (len(inputs), spec.segments, spec.segment_length)
    states = inputs.astype(np.float64).reshape(shape)
    if spec.masked:
        states = np.concatenate([states, 1 - observed.reshape(shape)], axis=2)
    for layer in range(spec.n_layers):
        read = states
        if layer:
            center, spread = states.mean(-1, keepdims=True), states.var(-1, keepdims=True)
            read = (states - center) / np.sqrt(spread + _KERAS_NORM_EPSILON)
            read = read * weights[f"norm_{layer}.gamma"] + weights[f"norm_{layer}.beta"]
        found = np.stack(recurrence(read, weights, layer)[1:], axis=1)
        states = found + states if layer else found
    output = states[:, -1] @ weights["head.kernel"] + weights["head.bias"]
    return output + inputs @ weights["skip.kernel"] if spec.linear_skip else output


def recurrence(read: np.ndarray, weights: Weights, layer: int = 0) -> list[np.ndarray]:
    """h_t = tanh(W_xh x_t + W_hh h_{t-1} + b) from h_0 = 0; all states, h_0 included."""
    states = [np.zeros((len(read), len(weights[f"rnn_{layer}.bias"])))]
    for step in range(read.shape[1]):
        states.append(
            np.tanh(
                read[:, step] @ weights[f"rnn_{layer}.kernel"]
                + states[-1] @ weights[f"rnn_{layer}.recurrent_kernel"]
                + weights[f"rnn_{layer}.bias"]
            )
        )
    return states


def absolute_error(forecast: np.ndarray, target: np.ndarray) -> float:
    """Mean absolute error over the targets that are observed."""
    return float(np.nanmean(np.abs(target - forecast)))


def backpropagated(weights: Weights, inputs: np.ndarray, target: np.ndarray) -> Weights:
    """Gradient of the mean absolute error of the textbook network, by backpropagation through time."""
    weights = doubles(weights)
    read = inputs.astype(np.float64)[:, :, None]
    states = recurrence(read, weights)
    forecast = states[-1] @ weights["head.kernel"] + weights["head.bias"]
    seen = ~np.isnan(target)
    d_output = np.where(seen, np.sign(forecast - np.where(seen, target, 0)), 0) / seen.sum()
    gradient = {name: np.zeros_like(weight) for name, weight in weights.items()}
    gradient["head.kernel"] = states[-1].T @ d_output
    gradient["head.bias"] = d_output.sum(axis=0)
    d_state = d_output @ weights["head.kernel"].T
    for step in range(read.shape[1], 0, -1):
        d_sum = d_state * (1 - states[step] ** 2)
        gradient["rnn_0.kernel"] += read[:, step - 1].T @ d_sum
        gradient["rnn_0.recurrent_kernel"] += states[step - 1].T @ d_sum
        gradient["rnn_0.bias"] += d_sum.sum(axis=0)
        d_state = d_sum @ weights["rnn_0.recurrent_kernel"].T
    return gradient


def finite_differences(
    spec: NetworkSpec, weights: Weights, inputs: np.ndarray, observed: np.ndarray, target: np.ndarray
) -> Weights:
    """Gradient of the mean absolute error, by moving every single weight up and down."""
    moved = doubles(weights)
    gradient = {name: np.zeros_like(weight) for name, weight in moved.items()}
    for name, weight in moved.items():
        for place in np.ndindex(weight.shape):
            kept, errors = weight[place], []
            for change in (1e-6, -1e-6):
                weight[place] = kept + change
                errors.append(absolute_error(forward(spec, moved, inputs, observed), target))
            weight[place] = kept
            gradient[name][place] = (errors[0] - errors[1]) / 2e-6
    return gradient
