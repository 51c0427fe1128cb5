"""Networks whose states are carried from one step to the next, in plain NumPy: no step is read twice.

A network of `forecasting.network.spec` that reads numbers as they are (nothing is taken out of the window) can go on
for ever: h_t = tanh(W_xh x_t + W_hh h_{t-1} + b) needs x_t and h_{t-1} only. With segments of m steps, m recurrences
are carried side by side, one for each place that segments can begin at; every step ends a segment of one of them, and
moves that one alone. So a step costs the same whatever came before, and every output is of a whole number of segments
that end at the last step.
"""

from collections.abc import Mapping

import numpy as np

from forecasting.network.forward import PlainNetwork, Recurrence, product
from forecasting.network.spec import NetworkSpec, Weights


class CarriedStates:
    """States of an ensemble for many series, at first zero, and the steps that its linear skip reads.

    Parameters
    ----------
    spec : NetworkSpec
        Without mask, elapsed time, standardisation, mixing, static covariates and covariates known ahead.
    weights : dict of str to array
        Of all members.
    n_series : int

    Attributes
    ----------
    count : int
        Steps that were read.
    """

    def __init__(self, spec: NetworkSpec, weights: Weights, n_series: int) -> None:
        self.spec, self.count = spec, 0
        segment = spec.segment_length
        self._network = PlainNetwork(spec, weights)
        self._recurrence = Recurrence(self._network, n_series)
        self._states = np.zeros((segment, spec.n_layers, spec.n_members, spec.units, n_series), np.float32)
        self._window = np.zeros((spec.lookback, n_series), np.float32)  # row t % lookback holds step t
        self._past = np.zeros((segment, spec.past_channels, n_series), np.float32)  # row t % segment likewise

    def advance(self, step: np.ndarray) -> None:
        """Read one step.

        Parameters
        ----------
        step : float32 array of shape (1 + past_channels, n_series)
            The series, and the covariates beside it, scaled.
        """
        spec = self.spec
        self._window[self.count % spec.lookback] = step[0]
        self._past[self.count % spec.segment_length] = step[1:]
        self.count += 1
        if self.count >= spec.segment_length:
            self._recurrence.advance(self._states[self.count % spec.segment_length], self._segment())

    def outputs(self) -> np.ndarray:
        """What each member says behind the last step, float64 of shape (n_members, n_series, horizon).

        It is what the network says of the last ``count // segment_length`` segments; where these are fewer steps than
        ``lookback``, the linear skip reads zeros before the first.
        """
        last = self._states[self.count % self.spec.segment_length].sum(axis=0)
        outputs = self._network.head(last)
        if self.spec.linear_skip:
            outputs += self._skipped()
        return np.asarray(outputs.swapaxes(1, 2), dtype=np.float64)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Copies of what is carried."""
        carried = {"count": np.array(self.count), "states": self._states, "window": self._window, "past": self._past}
        return {name: array.copy() for name, array in carried.items()}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from what `to_arrays` gave of the same ensemble and as many series.

        Raises
        ------
        ValueError
            An array has another shape.
        """
        for name, array in self.to_arrays().items():
            if arrays[name].shape != array.shape:
                raise ValueError(f"{name} has the shape {arrays[name].shape}, not {array.shape}")
        self.count = int(arrays["count"])
        for name, own in (("states", self._states), ("window", self._window), ("past", self._past)):
            own[...] = arrays[name]

    def _segment(self) -> np.ndarray:
        """The last segment as the recurrence reads it, (features, n_series)."""
        segment, lookback = self.spec.segment_length, self.spec.lookback
        window = self._window[np.arange(self.count - segment, self.count) % lookback]
        past = np.roll(self._past, -(self.count % segment), axis=0)
        return np.concatenate([window, past.reshape(-1, window.shape[1])])

    def _skipped(self) -> np.ndarray:
        """What the linear skip adds, (n_members, horizon, n_series). The kernel turns, so that the steps need not."""
        spec, kernel = self.spec, self._network.kernels["skip.kernel"]
        turned = np.roll(kernel[:, :, : spec.lookback], self.count % spec.lookback, axis=2)
        skipped = product(turned, self._window)
        if spec.past_channels:
            by_step = kernel[:, :, spec.lookback :].reshape(*kernel.shape[:2], spec.segment_length, spec.past_channels)
            turned = np.roll(by_step, self.count % spec.segment_length, axis=2).reshape(*kernel.shape[:2], -1)
            skipped += product(turned, self._past.reshape(turned.shape[2], -1))
        return skipped
