"""The network forward with all states kept, and back from the forecast to the states, in plain NumPy.

With z_t = (h^1_t, ..., h^L_t), the states of all layers behind segment t of T, and y the forecast of the recurrent
part, the *gradient by lag* is

    g_k = || dy / dz_{T-k} ||_F        k = 0, 1, ... segments before the last one

by vector-Jacobian products backwards through the segments. It is the quantity that vanishes or explodes (Bengio, Simard
and Frasconi 1994; Pascanu et al. 2013, arXiv 1211.5063): where it is near zero, what was read before cannot move the
forecast, nor be learned from it. The linear skip is no part of it.
"""

from dataclasses import dataclass

import numpy as np

from forecasting.network.design import design
from forecasting.network.quantiles import LEAST_GAP, by_quantile, rising
from forecasting.network.spec import LEAST_VARIANCE, NORM_EPSILON, NetworkSpec, Weights
from forecasting.windows import Reading


@dataclass(frozen=True, eq=False)
class Forward:
    """What a pass forward leaves for the way back.

    Attributes
    ----------
    states : float32 array of shape (n_layers, segments, n, units)
        h of every layer behind every segment.
    normed : float32 array of shape (n_layers, segments, n, units)
        What each layer but the first reads, before gamma and beta.
    spread : float32 array of shape (n_layers, segments, n, 1)
        Standard deviation that it was divided by.
    ahead : float32 array of shape (n, units) or None
        What the covariates known ahead add to the last states; None without any.
    gaps : float32 array of shape (n, n_quantiles - 1, horizon)
        What softplus makes the gaps between quantiles of.
    forecast : float32 array of shape (n, n_quantiles * horizon)
    """

    states: np.ndarray
    normed: np.ndarray
    spread: np.ndarray
    ahead: np.ndarray | None
    gaps: np.ndarray
    forecast: np.ndarray


def forward(spec: NetworkSpec, weights: Weights, reading: Reading) -> Forward:
    """One member in plain NumPy, all states kept.

    Parameters
    ----------
    spec : NetworkSpec
    weights : dict of str to array
        Of one member, of the shapes of ``spec.shapes()``.
    reading : Reading
        Of n windows.
    """
    read = _segments(spec, reading)
    states = np.zeros((spec.n_layers, spec.segments, read.shape[1], spec.units), np.float32)
    normed, spread = np.zeros_like(states), np.ones((*states.shape[:3], 1), np.float32)
    total = np.zeros_like(states[0])
    for layer in range(spec.n_layers):
        if layer:
            spread[layer] = np.sqrt(total.var(axis=2, keepdims=True) + NORM_EPSILON)
            normed[layer] = (total - total.mean(axis=2, keepdims=True)) / spread[layer]
            read = normed[layer] * weights[f"norm_{layer}.gamma"] + weights[f"norm_{layer}.beta"]
        given = read @ weights[f"rnn_{layer}.kernel"] + weights[f"rnn_{layer}.bias"]
        state = np.zeros_like(given[0])
        for segment in range(spec.segments):
            state = np.tanh(given[segment] + state @ weights[f"rnn_{layer}.recurrent_kernel"])
            states[layer, segment] = state
        total = total + states[layer]
    ahead = _ahead(weights, reading, total[-1]) if spec.future_channels else None
    last = total[-1] if ahead is None else total[-1] + ahead
    gaps = np.zeros((len(last), 0, spec.horizon), np.float32)
    if spec.gaps:
        gaps = by_quantile(last @ weights["spread.kernel"] + weights["spread.bias"], spec.n_quantiles - 1)
    apart = list((LEAST_GAP + np.logaddexp(0, gaps)).swapaxes(0, 1))
    quantiles = rising(_forecast(spec, weights, reading, last), apart)
    return Forward(states, normed, spread, ahead, gaps, np.concatenate(quantiles, axis=1))


def squared_gradient(
    spec: NetworkSpec, weights: Weights, reading: Reading, run: Forward, outputs: np.ndarray
) -> np.ndarray:
    """Squared norm of the gradient of the forecast with respect to the states.

    Parameters
    ----------
    spec, weights, reading
        As given to `forward`.
    run : Forward
        What it returned.
    outputs : float32 array of shape (directions, n, n_quantiles * horizon)
        Directions in the space of the outputs; their squared norms are added up.

    Returns
    -------
    float64 array of shape (segments, n_layers)
        By lag and layer, mean over windows.
    """
    n_layers, segments = run.states.shape[:2]
    along = by_quantile(outputs, spec.n_quantiles)
    last = _last_back(spec, weights, reading["window"], along.sum(axis=2))
    if spec.gaps:
        last = last + _gaps_back(run, along) @ weights["spread.kernel"].T
    if run.ahead is not None:
        last = last + (last * (1 - np.square(run.ahead))) @ weights["ahead.recurrent_kernel"].T
    adjoint = np.stack([last] * n_layers)  # (n_layers, directions, n, units)
    squares, scale = np.zeros((segments, n_layers)), 1.0
    for lag in range(segments):
        size = np.square(adjoint).sum(axis=(1, 3), dtype=np.float64).mean(axis=1)
        squares[lag] = np.minimum(size * scale, np.finfo(np.float32).max)
        largest = size.max()
        if lag + 1 == segments or largest == 0:
            break
        adjoint = _one_segment_back(weights, run, segments - 1 - lag, adjoint / np.float32(np.sqrt(largest)))
        scale *= largest  # so that float32 neither overflows nor loses its digits over many segments
    return squares


def _segments(spec: NetworkSpec, reading: Reading) -> np.ndarray:
    """What the recurrence reads, float32 of shape (segments, n, features)."""
    window = reading["window"]
    shape = (len(window), spec.segments, -1)
    parts = [(_standardised(window) if spec.standardised else window).reshape(shape)]
    if spec.masked:
        parts.append(1 - reading["observed"].reshape(shape))
    if spec.past_channels:
        parts.append(reading["past"].reshape(shape))
    if spec.static_channels:
        parts.append(np.repeat(reading["static"][:, None], spec.segments, axis=1))
    return np.concatenate(parts, axis=2).astype(np.float32).swapaxes(0, 1)


def _ahead(weights: Weights, reading: Reading, last: np.ndarray) -> np.ndarray:
    """What the covariates known ahead add to the last states, (n, units)."""
    future = reading["future"].reshape(len(last), -1)
    read = future @ weights["ahead.kernel"] + last @ weights["ahead.recurrent_kernel"] + weights["ahead.bias"]
    return np.asarray(np.tanh(read))


def _forecast(spec: NetworkSpec, weights: Weights, reading: Reading, last: np.ndarray) -> np.ndarray:
    """Forecasts of shape (n, horizon) from the last state of all layers and what is known ahead, (n, units)."""
    forecast = last @ weights["head.kernel"] + weights["head.bias"]
    if spec.mixed_season:
        share = (last @ weights["mix.kernel"] + weights["mix.bias"]).reshape(len(last), spec.seasons_ahead, -1)
        apart = _seasons_apart(spec, reading["window"])
        forecast = forecast + (share @ apart).reshape(len(last), -1)[:, : spec.horizon]
    if spec.linear_skip:
        forecast = forecast + design(reading, spec.segment_length) @ weights["skip.kernel"]
    return np.asarray(forecast)


def _last_back(spec: NetworkSpec, weights: Weights, inputs: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Gradient with respect to what `_forecast` reads, (directions, n, units): its way back."""
    gradient = outputs @ weights["head.kernel"].T
    if spec.mixed_season:
        whole = np.zeros((*outputs.shape[:2], spec.seasons_ahead * spec.mixed_season), np.float32)
        whole[..., : spec.horizon] = outputs
        by_season = whole.reshape(*outputs.shape[:2], spec.seasons_ahead, spec.mixed_season)
        share = by_season @ _seasons_apart(spec, inputs).swapaxes(1, 2)
        gradient = gradient + share.reshape(*outputs.shape[:2], -1) @ weights["mix.kernel"].T
    return np.asarray(gradient)


def _gaps_back(run: Forward, along: np.ndarray) -> np.ndarray:
    """Gradient with respect to what gaps are made of, (directions, n, gaps), from (directions, n, quantiles, horizon).

    A gap moves every quantile that lies farther out on its side, below the point downwards.
    """
    middle = along.shape[2] // 2
    below = -along[:, :, :middle].cumsum(axis=2)
    above = along[:, :, :middle:-1].cumsum(axis=2)[:, :, ::-1]
    slope = 1 / (1 + np.exp(-run.gaps))
    return np.asarray(np.concatenate([below, above], axis=2) * slope).reshape(*along.shape[:2], -1)


def _seasons_apart(spec: NetworkSpec, inputs: np.ndarray) -> np.ndarray:
    """Past seasons less the last one, of shape (n, seasons - 1, season)."""
    seasons = spec.mixed_seasons + 1
    past = inputs[:, spec.lookback - seasons * spec.mixed_season :].reshape(len(inputs), seasons, spec.mixed_season)
    return np.asarray(past[:, :-1] - past[:, -1:])


def _standardised(inputs: np.ndarray) -> np.ndarray:
    spread = np.sqrt(inputs.var(axis=1, keepdims=True) + LEAST_VARIANCE)
    return np.asarray((inputs - inputs.mean(axis=1, keepdims=True)) / spread)


def _one_segment_back(weights: Weights, run: Forward, segment: int, adjoint: np.ndarray) -> np.ndarray:
    """From the gradient with respect to the states behind a segment to that with respect to the states before it.

    h of layer l enters the sums that all layers above it read, so what these pass down is added from the top on.
    """
    before = np.zeros_like(adjoint)
    from_above = np.zeros_like(adjoint[0])
    for layer in reversed(range(len(adjoint))):
        slope = 1 - np.square(run.states[layer, segment])
        moved = (adjoint[layer] + from_above) * slope
        before[layer] = moved @ weights[f"rnn_{layer}.recurrent_kernel"].T
        if layer:
            normed, spread = run.normed[layer, segment], run.spread[layer, segment]
            read = moved @ weights[f"rnn_{layer}.kernel"].T * weights[f"norm_{layer}.gamma"]
            along = (read * normed).mean(axis=2, keepdims=True)
            from_above = from_above + (read - read.mean(axis=2, keepdims=True) - normed * along) / spread
    return before
