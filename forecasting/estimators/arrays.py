"""Windows that come as arrays: cutting them from a series, scaling them, and handing them to a training.

Arrays X have the shape (n_samples, n_steps) or (n_samples, n_steps, n_features). They are never copied as a whole: each
batch is scaled when it is needed, so that overlapping views of one series stay views.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.preprocessing import StandardScaler

from forecasting.errors import DataError
from forecasting.estimators.parameters import check_parameters, whole
from forecasting.network.linear import MOST_WINDOWS
from forecasting.network.training import Examples
from forecasting.scaling import Reading

_WINDOWS_AT_ONCE = 1024
_PADDED_TO = 64
"""Windows are forecast in multiples of this, so that a forecast does not depend on how many are asked for at once."""


def make_windows(series: Any, lookback: int, horizon: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """All windows of a series with what came next, as views: nothing is copied.

    Parameters
    ----------
    series : array-like of shape (n_times,) or (n_times, n_features)
        In order of time. With several features the first is the one to forecast.
    lookback : int
        Steps of a window.
    horizon : int, default 1
        Steps that follow it.

    Returns
    -------
    X : array of shape (n_samples, lookback) or (n_samples, lookback, n_features)
        Read-only; ``X[i]`` is ``series[i : i + lookback]``, and there are ``n_times - lookback - horizon + 1`` of them.
    y : array of shape (n_samples,), or (n_samples, horizon) where the horizon is longer than 1
        Read-only; what the first feature was in the ``horizon`` steps after each window.

    Raises
    ------
    ParameterError
        ``lookback`` or ``horizon`` is not a whole number above 0.
    DataError
        The series has more than two axes, or is shorter than ``lookback + horizon``.

    Examples
    --------
    >>> X, y = make_windows([1, 2, 3, 4, 5], lookback=3)
    >>> X.tolist(), y.tolist()
    ([[1, 2, 3], [2, 3, 4]], [4, 5])
    """
    check_parameters("make_windows", {"lookback": lookback, "horizon": horizon}, dict.fromkeys(_STEPS, whole(1)))
    values = np.asarray(series)
    if values.ndim not in (1, 2):
        raise DataError(
            f"the series has the shape {values.shape}",
            remedy="Give one series, as an array of shape (n_times,) or (n_times, n_features)",
        )
    count = len(values) - lookback - horizon + 1
    if count < 1:
        raise DataError(
            f"the series has {len(values)} steps, and one window with what comes next takes {lookback + horizon}",
            remedy="Give a longer series, or a shorter lookback or horizon",
        )
    windows = sliding_window_view(values, lookback, axis=0)[:count]
    after = sliding_window_view(values if values.ndim == 1 else values[:, 0], horizon)[lookback:]
    return windows if values.ndim == 1 else np.moveaxis(windows, 2, 1), after[:, 0] if horizon == 1 else after


_STEPS = ("lookback", "horizon")


@dataclass(frozen=True, eq=False)
class Scaling:
    """What is taken out of numbers before the network reads them, and put back afterwards.

    Attributes
    ----------
    mean, scale : float64 arrays of shape (n_columns,)
    """

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of_windows(cls, X: np.ndarray, weight: np.ndarray) -> "Scaling":
        """Mean and standard deviation of each feature over all steps of all windows, weighted by window."""
        scaler = StandardScaler()
        for part in _parts(len(X)):
            rows = as_three(X[part])
            scaler.partial_fit(rows.reshape(-1, rows.shape[2]), sample_weight=np.repeat(weight[part], rows.shape[1]))
        return cls(scaler.mean_, scaler.scale_)

    @classmethod
    def of_targets(cls, target: np.ndarray, weight: np.ndarray) -> "Scaling":
        """Mean and standard deviation of each column of targets, an array of shape (n_samples, n_outputs)."""
        scaler = StandardScaler().fit(target, sample_weight=weight)
        return cls(scaler.mean_, scaler.scale_)

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """``(values - mean) / scale`` over the last axis, float32."""
        return np.asarray((values - self.mean) / self.scale, dtype=np.float32)

    def restored(self, scaled: np.ndarray) -> np.ndarray:
        """The way back, float64."""
        return np.asarray(self.mean + self.scale * np.asarray(scaled, dtype=np.float64))


@dataclass(frozen=True, eq=False)
class ArrayWindows:
    """Windows in an array with their scaled targets, as a source for a training.

    Attributes
    ----------
    X : array of shape (n_samples, n_steps) or (n_samples, n_steps, n_features)
    target : float32 array of shape (n_samples, n_outputs)
    weight : float64 array of shape (n_samples,)
    scaling : Scaling
        Of the features.
    """

    X: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    scaling: Scaling

    def __len__(self) -> int:
        return len(self.X)

    def examples(self, which: np.ndarray) -> Examples:
        """The windows with these numbers, scaled."""
        return Examples(read(self.X[which], self.scaling), self.target[which], self.weight[which].astype(np.float32))

    def sample(self) -> Examples:
        """All windows, or where they are very many some of them, evenly spread."""
        count = len(self)
        return self.examples(np.linspace(0, count - 1, min(count, MOST_WINDOWS)).round().astype(np.int64))


def read(X: np.ndarray, scaling: Scaling) -> Reading:
    """What the network reads of windows, scaled: the first feature as the window, others as covariates beside it."""
    scaled = scaling.scaled(as_three(X))
    window = scaled[:, :, 0]
    reading = {"window": window, "observed": np.ones_like(window)}
    return {**reading, "past": scaled[:, :, 1:]} if scaled.shape[2] > 1 else reading


def as_three(X: np.ndarray) -> np.ndarray:
    """Windows with their axis of features: a view of shape (n_samples, n_steps, n_features)."""
    return X if X.ndim == 3 else X[:, :, None]


def merged(X: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The different samples in an order that depends on nothing but themselves, with the sums of their weights.

    A training that reads all samples in every step then gives the same numbers whether a sample is repeated or
    weighted, and in whatever order samples come.
    """
    rows = np.concatenate([X.reshape(len(X), -1), y.reshape(len(y), -1)], axis=1)
    _, first, which = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return X[first], y[first], np.bincount(which, weights=weight)


def padded_parts(X: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
    """Windows in parts of equal size, the last filled up with its last window, and how many of a part are asked for."""
    for part in _parts(len(X)):
        rows = X[part]
        missing = -len(rows) % _PADDED_TO
        yield (np.concatenate([rows, np.repeat(rows[-1:], missing, axis=0)]) if missing else rows), len(rows)


def _parts(count: int) -> Iterator[slice]:
    return (slice(first, first + _WINDOWS_AT_ONCE) for first in range(0, count, _WINDOWS_AT_ONCE))
