"""The networks forward, in plain NumPy: what `forecasting.network.engine` computes, without loading Keras.

A forecast is a pass forward through weights that are there as arrays. In blocks of windows whose states stay in the
cache of a core it takes less than half of the processor time that TensorFlow takes, and none of the seconds that
importing it takes. So `SimpleRNNForecaster` forecasts here, unless this process has its networks on an accelerator. The
place of a window in a product may change its last digit.

Windows are the last axis of every array inside, (members, units, windows), so that a layer norm adds up rows.
"""

import sys
from collections.abc import Callable

import numpy as np

from forecasting.network.design import design
from forecasting.network.quantiles import LEAST_GAP, rising
from forecasting.network.spec import LEAST_VARIANCE, NORM_EPSILON, NetworkSpec, Weights
from forecasting.scaling import Reading, part_of
from forecasting.threads import in_threads

_WINDOWS_AT_ONCE = 256


def forecast(spec: NetworkSpec, weights: Weights, reading: Reading) -> np.ndarray:
    """Scaled forecasts of all members.

    Where the network was loaded in this process and lies on an accelerator, they are made there.

    Parameters
    ----------
    spec : NetworkSpec
    weights : dict of str to array
        Of all members.
    reading : Reading
        Of n windows.

    Returns
    -------
    float32 array of shape (n_members, n, n_quantiles * horizon)
        All steps of the lowest quantile first.
    """
    loaded = sys.modules.get("forecasting.network.engine")
    if loaded is not None and loaded.on_accelerator():
        return np.asarray(loaded.engine(spec).forecast(weights, reading))
    network, count = PlainNetwork(spec, weights), len(reading["window"])
    outputs = np.empty((spec.n_members, count, spec.n_quantiles * spec.horizon), np.float32)

    def fill(first: int) -> None:
        part = slice(first, first + _WINDOWS_AT_ONCE)
        outputs[:, part] = network.outputs(part_of(reading, part)).swapaxes(1, 2)

    in_threads(fill, range(0, count, _WINDOWS_AT_ONCE))
    return outputs


class PlainNetwork:
    """An ensemble with its weights, in the structure of `forecasting.network.engine.Ensemble`.

    Parameters
    ----------
    spec : NetworkSpec
    weights : dict of str to array
        Of all members.
    """

    def __init__(self, spec: NetworkSpec, weights: Weights) -> None:
        self.spec = spec
        self.kernels = {
            name: np.ascontiguousarray(weight.swapaxes(1, 2) if weight.ndim == 3 else weight[:, :, None])
            for name, weight in weights.items()
        }
        """(n_members, outputs, inputs), or (n_members, outputs, 1)."""

    def outputs(self, reading: Reading, keep: Callable[[np.ndarray], None] | None = None) -> np.ndarray:
        """What the ensemble says of n windows, float32 of shape (n_members, n_quantiles * horizon, n).

        ``keep`` is called with the states of all layers behind every segment; the array is used again for the next.
        """
        spec, segments = self.spec, self._segments(reading)
        recurrence = Recurrence(self, segments.shape[2])
        states = np.zeros((spec.n_layers, *recurrence.total.shape), np.float32)
        for segment in segments:
            recurrence.advance(states, segment)
            if keep is not None:
                keep(states)
        last = recurrence.total
        if spec.future_channels:
            last = last + self.ahead(last, reading)
        output = self.head(last)
        if spec.mixed_season:
            output += self._mixed(last, reading["window"])
        if spec.linear_skip:
            output += product(self.kernels["skip.kernel"], design(reading, spec.segment_length).T)
        if not spec.gaps:
            return output
        gaps = np.split(LEAST_GAP + np.logaddexp(0, self.gaps(last)), spec.n_quantiles - 1, axis=1)
        return np.concatenate(rising(output, gaps), axis=1)

    def head(self, last: np.ndarray) -> np.ndarray:
        """What the last states say, (n_members, horizon, n)."""
        return np.asarray(self.kernels["head.kernel"] @ last + self.kernels["head.bias"])

    def gaps(self, last: np.ndarray) -> np.ndarray:
        """What softplus makes the gaps between quantiles of, (n_members, (n_quantiles - 1) * horizon, n)."""
        return np.asarray(self.kernels["spread.kernel"] @ last + self.kernels["spread.bias"])

    def ahead(self, last: np.ndarray, reading: Reading) -> np.ndarray:
        """What the covariates known ahead add to the last states, (n_members, units, n)."""
        future = reading["future"].reshape(last.shape[2], -1).T
        read = self.kernels["ahead.kernel"] @ future + self.kernels["ahead.recurrent_kernel"] @ last
        return np.asarray(np.tanh(read + self.kernels["ahead.bias"]))

    def _segments(self, reading: Reading) -> np.ndarray:
        """What the recurrence reads, float32 of shape (segments, features, n)."""
        spec, window = self.spec, reading["window"]
        count = len(window)

        def by_segment(steps: np.ndarray) -> np.ndarray:
            return steps.reshape(count, -1).T.reshape(spec.segments, -1, count)

        parts = [by_segment(standardised(window) if spec.standardised else window)]
        if spec.masked:
            parts.append(by_segment(1 - reading["observed"]))
        if spec.elapsed:
            parts.append(by_segment(reading["elapsed"]))
        if spec.past_channels:
            parts.append(by_segment(reading["past"]))
        if spec.static_channels:
            parts.append(np.broadcast_to(reading["static"].T, (spec.segments, spec.static_channels, count)))
        return np.concatenate(parts, axis=1, dtype=np.float32)

    def _mixed(self, last: np.ndarray, window: np.ndarray) -> np.ndarray:
        """Past seasons, as far as they differ from the last one, weighted and added up, (n_members, horizon, n)."""
        spec, count = self.spec, len(window)
        share = self.kernels["mix.kernel"] @ last + self.kernels["mix.bias"]
        share = share.reshape(spec.n_members, spec.seasons_ahead, spec.mixed_seasons, 1, count)
        apart = np.ascontiguousarray(seasons_apart(spec, window).transpose(1, 2, 0))
        added = np.zeros((spec.n_members, spec.seasons_ahead, spec.mixed_season, count), np.float32)
        for number, season in enumerate(apart):
            added += share[:, :, number] * season
        return added.reshape(spec.n_members, -1, count)[:, : spec.horizon]


class Recurrence:
    """The recurrence of an ensemble for n windows side by side, with room for what a step reckons with.

    Asking for such arrays anew takes longer than filling them.

    Attributes
    ----------
    total : float32 array of shape (n_members, units, n)
        The states of all layers added up, after `advance`.
    """

    def __init__(self, network: PlainNetwork, count: int) -> None:
        self._network = network
        shape = (network.spec.n_members, network.spec.units, count)
        self.total = np.zeros(shape, np.float32)
        self._read, self._moved, self._apart = (np.empty(shape, np.float32) for _ in range(3))

    def advance(self, states: np.ndarray, read: np.ndarray) -> None:
        """Move states of shape (n_layers, n_members, units, n) on by one segment, read as (features, n)."""
        kernels = self._network.kernels
        self.total.fill(0)
        for layer, state in enumerate(states):
            given = self._normed(layer) if layer else read
            np.matmul(kernels[f"rnn_{layer}.kernel"], given, out=self._read)
            np.matmul(kernels[f"rnn_{layer}.recurrent_kernel"], state, out=self._moved)
            self._moved += self._read
            self._moved += kernels[f"rnn_{layer}.bias"]
            np.tanh(self._moved, out=state)
            self.total += state

    def _normed(self, layer: int) -> np.ndarray:
        """The states below a layer after layer normalisation over the units."""
        kernels, apart = self._network.kernels, self._apart
        np.subtract(self.total, self.total.mean(axis=1, keepdims=True), out=apart)
        spread = np.square(apart, out=self._moved).mean(axis=1, keepdims=True)
        apart /= np.sqrt(spread + NORM_EPSILON)
        apart *= kernels[f"norm_{layer}.gamma"]
        apart += kernels[f"norm_{layer}.beta"]
        return apart


def product(kernels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(members, outputs, rows) times (rows, n), all members at once: the rows are read from memory once."""
    members, outputs, count = kernels.shape
    return np.asarray(kernels.reshape(members * outputs, count) @ rows).reshape(members, outputs, -1)


def standardised(window: np.ndarray) -> np.ndarray:
    """Each window, a row, with its mean taken out and divided by its standard deviation."""
    apart = window - window.mean(axis=1, keepdims=True)
    apart /= np.sqrt(np.square(apart).mean(axis=1, keepdims=True) + LEAST_VARIANCE)
    return np.asarray(apart)


def seasons_apart(spec: NetworkSpec, window: np.ndarray) -> np.ndarray:
    """Past seasons less the last one, of shape (n, seasons - 1, season)."""
    seasons = spec.mixed_seasons + 1
    past = window[:, spec.lookback - seasons * spec.mixed_season :].reshape(len(window), seasons, spec.mixed_season)
    return np.asarray(past[:, :-1] - past[:, -1:])
