"""From the forecast back to the states, in plain NumPy, after a pass forward that keeps them all.

With z_t = (h^1_t, ..., h^L_t), the states of all layers behind segment t of T, and y the forecast of the recurrent
part, the *gradient by lag* is

    g_k = || dy / dz_{T-k} ||_F        k = 0, 1, ... segments before the last one

by vector-Jacobian products backwards through the segments. It is the quantity that vanishes or explodes (Bengio, Simard
and Frasconi 1994; Pascanu et al. 2013, arXiv 1211.5063): where it is near zero, what was read before cannot move the
forecast, nor be learned from it. The linear skip is no part of it.
"""

from dataclasses import dataclass, replace

import numpy as np

from forecasting.network.forward import PlainNetwork, seasons_apart
from forecasting.network.quantiles import by_quantile
from forecasting.network.spec import NORM_EPSILON, NetworkSpec, Weights
from forecasting.scaling import Reading


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
    """One member, all states kept.

    Parameters
    ----------
    spec : NetworkSpec
    weights : dict of str to array
        Of one member, of the shapes of ``spec.shapes()``.
    reading : Reading
        Of n windows.
    """
    count = len(reading["window"])
    network = PlainNetwork(replace(spec, n_members=1), {name: weight[None] for name, weight in weights.items()})
    kept: list[np.ndarray] = []
    outputs = network.outputs(reading, keep=lambda states: kept.append(states[:, 0].swapaxes(1, 2).copy()))
    states = np.stack(kept, axis=1)
    normed, spread = np.zeros_like(states), np.ones((*states.shape[:3], 1), np.float32)
    below = np.cumsum(states[:-1], axis=0)
    spread[1:] = np.sqrt(below.var(axis=3, keepdims=True) + NORM_EPSILON)
    normed[1:] = (below - below.mean(axis=3, keepdims=True)) / spread[1:]
    ahead, gaps = None, np.zeros((count, 0, spec.horizon), np.float32)
    last = np.ascontiguousarray(states[:, -1].sum(axis=0).T)[None]
    if spec.future_channels:
        added = network.ahead(last, reading)
        ahead, last = added[0].T, last + added
    if spec.gaps:
        gaps = by_quantile(network.gaps(last)[0].T, spec.n_quantiles - 1)
    return Forward(states, normed, spread, ahead, gaps, outputs[0].T.reshape(count, -1))


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


def _last_back(spec: NetworkSpec, weights: Weights, inputs: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Gradient with respect to the last state and what is known ahead, (directions, n, units)."""
    gradient = outputs @ weights["head.kernel"].T
    if spec.mixed_season:
        whole = np.zeros((*outputs.shape[:2], spec.seasons_ahead * spec.mixed_season), np.float32)
        whole[..., : spec.horizon] = outputs
        by_season = whole.reshape(*outputs.shape[:2], spec.seasons_ahead, spec.mixed_season)
        share = by_season @ seasons_apart(spec, inputs).swapaxes(1, 2)
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
