"""The network in plain NumPy, float64, one step after the other: what the Keras side is compared with.

The plain functions take the weights of one member, without the axis of the members that an ensemble has in front.
"""

from collections.abc import Sequence

import numpy as np

from forecasting.network.spec import NetworkSpec, Weights
from forecasting.network.training import HeldOut
from forecasting.scaling import Batch, Reading

TEXTBOOK = NetworkSpec(lookback=7, horizon=3, segment_length=1, units=5, n_layers=1, masked=False, linear_skip=False)
_KERAS_NORM_EPSILON = 1e-3
_LEAST_VARIANCE = 1e-6


def random_weights(spec: NetworkSpec, seed: int = 0) -> Weights:
    """Weights of an ensemble, none of which is zero or special."""
    rng = np.random.default_rng(seed)
    shapes = {name: (spec.n_members, *shape) for name, shape in spec.shapes().items()}
    return {name: rng.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}


def member(weights: Weights, number: int = 0) -> Weights:
    """The weights of one member of an ensemble."""
    return {name: weight[number] for name, weight in weights.items()}


def stacked(members: Sequence[Weights]) -> Weights:
    """The weights of an ensemble of these members."""
    return {name: np.stack([weights[name] for weights in members]) for name in members[0]}


def random_windows(spec: NetworkSpec, count: int, seed: int = 1) -> tuple[Reading, np.ndarray]:
    """A reading (about a third of the steps not observed) and targets."""
    rng = np.random.default_rng(seed)
    window = rng.normal(size=(count, spec.lookback)).astype(np.float32)
    observed = (rng.random(window.shape) < 0.7).astype(np.float32)
    target = rng.normal(size=(count, spec.horizon)).astype(np.float32)
    reading = {"window": window, "observed": observed}
    for name, shape in spec.reading_shapes().items():
        if name not in reading:
            reading[name] = rng.normal(size=(count, *shape)).astype(np.float32)
    return reading, target


def random_batch(spec: NetworkSpec, count: int, seed: int = 1) -> tuple[Reading, np.ndarray]:
    """Windows of its own for each member: arrays of shape (n_members, count, ...)."""
    reading, target = random_windows(spec, spec.n_members * count, seed)

    def by_member(part: np.ndarray) -> np.ndarray:
        return part.reshape(spec.n_members, count, *part.shape[1:])

    return {name: by_member(part) for name, part in reading.items()}, by_member(target)


def shared(reading: Reading) -> Reading:
    """Windows that all members share, as a model takes them."""
    return {name: part[None] for name, part in reading.items()}


def held_out_of(batch: Batch, target: np.ndarray) -> HeldOut:
    """These windows as held-out ones, of which each tells something of its own."""
    return HeldOut(batch.reading, target, independent=float(len(target)))


def doubles(weights: Weights) -> Weights:
    return {name: weight.astype(np.float64) for name, weight in weights.items()}


def forward(spec: NetworkSpec, weights: Weights, reading: Reading) -> np.ndarray:
    """Forecasts of shape (n, horizon): recurrences over segments, residual and normalised from the second layer on.

    With quantiles of shape (n, n_quantiles * horizon).
    """
    weights, reading = doubles(weights), doubles(reading)
    inputs, states = reading["window"], read_by_segment(spec, reading)
    for layer in range(spec.n_layers):
        read = states
        if layer:
            center, spread = states.mean(-1, keepdims=True), states.var(-1, keepdims=True)
            read = (states - center) / np.sqrt(spread + _KERAS_NORM_EPSILON)
            read = read * weights[f"norm_{layer}.gamma"] + weights[f"norm_{layer}.beta"]
        found = np.stack(recurrence(read, weights, layer)[1:], axis=1)
        states = found + states if layer else found
    last = states[:, -1]
    if spec.future_channels:
        known = reading["future"].reshape(len(inputs), -1) @ weights["ahead.kernel"]
        last = last + np.tanh(known + last @ weights["ahead.recurrent_kernel"] + weights["ahead.bias"])
    output = last @ weights["head.kernel"] + weights["head.bias"]
    if spec.mixed_season:
        output += mixed(last @ weights["mix.kernel"] + weights["mix.bias"], inputs, spec)
    if spec.linear_skip:
        output = output + skipped(spec, weights["skip.kernel"], reading)
    return quantiles(spec, output, last @ weights["spread.kernel"] + weights["spread.bias"]) if spec.gaps else output


def quantiles(spec: NetworkSpec, point: np.ndarray, read: np.ndarray) -> np.ndarray:
    """Every quantile of every step: the point with all gaps between them added above it, and taken away below it."""
    middle, steps = len(spec.quantiles) // 2, spec.horizon
    found = np.zeros((len(point), len(spec.quantiles) * steps))
    for number in range(len(spec.quantiles)):
        for step in range(steps):
            value = point[:, step].copy()
            for gap in range(*sorted((number, middle))):
                value += np.sign(number - middle) * (1e-4 + np.log1p(np.exp(read[:, gap * steps + step])))
            found[:, number * steps + step] = value
    return found


def read_by_segment(spec: NetworkSpec, reading: Reading) -> np.ndarray:
    """What the recurrence reads, window by window and segment by segment, of shape (n, segments, features)."""
    window, size = reading["window"], spec.segment_length
    shown = standardised(window) if spec.standardised else window
    read = np.zeros((len(window), spec.segments, spec.features))
    for number, segment in np.ndindex(read.shape[:2]):
        steps = slice(segment * size, (segment + 1) * size)
        numbers = list(shown[number, steps])
        if spec.masked:
            numbers += [1 - seen for seen in reading["observed"][number, steps]]
        if spec.elapsed:
            numbers += list(reading["elapsed"][number, steps])
        if spec.past_channels:
            numbers += [value for step in reading["past"][number, steps] for value in step]
        if spec.static_channels:
            numbers += list(reading["static"][number])
        read[number, segment] = numbers
    return read


def skipped(spec: NetworkSpec, kernel: np.ndarray, reading: Reading) -> np.ndarray:
    """What the linear skip adds, part by part: window, last segment of the past, future, static."""
    added, row = reading["window"] @ kernel[: spec.lookback], spec.lookback
    steps = []
    if spec.past_channels:
        steps += [reading["past"][:, step] for step in range(spec.lookback - spec.segment_length, spec.lookback)]
    if spec.future_channels:
        steps += [reading["future"][:, step] for step in range(spec.horizon)]
    if spec.static_channels:
        steps += [reading["static"]]
    for channels in steps:
        added = added + channels @ kernel[row : row + channels.shape[1]]
        row += channels.shape[1]
    assert row == len(kernel)
    return np.asarray(added)


def standardised(inputs: np.ndarray) -> np.ndarray:
    """Each window without its mean, and over its standard deviation."""
    spread = np.sqrt(inputs.var(axis=1, keepdims=True) + _LEAST_VARIANCE)
    return np.asarray((inputs - inputs.mean(axis=1, keepdims=True)) / spread)


def mixed(share: np.ndarray, inputs: np.ndarray, spec: NetworkSpec) -> np.ndarray:
    """What past seasons add to a forecast, step by step: ``share`` times how far each lies from the last one.

    ``share`` has the shape (n, seasons ahead * past seasons): all past seasons, oldest first, for each season ahead.
    """
    season, past = spec.mixed_season, spec.mixed_seasons
    added = np.zeros((len(inputs), spec.horizon))
    for step in range(spec.horizon):
        ahead, within = divmod(step, season)
        last = inputs[:, spec.lookback - season + within]
        for number in range(past):
            then = inputs[:, spec.lookback - (past + 1 - number) * season + within]
            added[:, step] += share[:, ahead * past + number] * (then - last)
    return added


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


def pinball_loss(spec: NetworkSpec, forecast: np.ndarray, target: np.ndarray) -> float:
    """Mean over quantiles and observed targets: p times what is missing, and 1 - p times what is too much."""
    losses = []
    for number, share in enumerate(spec.quantiles):
        for step in range(spec.horizon):
            for actual, said in zip(target[:, step], forecast[:, number * spec.horizon + step], strict=True):
                if not np.isnan(actual):
                    losses.append(share * (actual - said) if actual > said else (1 - share) * (said - actual))
    return float(np.mean(losses))


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


def finite_differences(spec: NetworkSpec, weights: Weights, reading: Reading, target: np.ndarray) -> Weights:
    """Gradient of the mean absolute error, or of the pinball loss, by moving every single weight up and down."""

    def error(forecast: np.ndarray) -> float:
        return pinball_loss(spec, forecast, target) if spec.quantiles else absolute_error(forecast, target)

    moved = doubles(weights)
    gradient = {name: np.zeros_like(weight) for name, weight in moved.items()}
    for name, weight in moved.items():
        for place in np.ndindex(weight.shape):
            kept, errors = weight[place], []
            for change in (1e-6, -1e-6):
                weight[place] = kept + change
                errors.append(error(forward(spec, moved, reading)))
            weight[place] = kept
            gradient[name][place] = (errors[0] - errors[1]) / 2e-6
    return gradient
