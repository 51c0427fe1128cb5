"""Scaling windows by what each of them shows, and what a network reads of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

# A window whose seasons repeat exactly must not be blown up: its scale is at least this share of its step to step size.
_LEAST_SHARE_OF_STEPS = 0.1
# And at least this share of its level, so that rounding in the input is not taken for a signal.
_LEAST_SHARE_OF_LEVEL = 1e-6
NOTHING_YET = -1.0
"""What stands for the time since the last observation where there is none."""
_PLAIN_PARTS = ("inputs", "observed", "level", "scale", "moving")

Reading = dict[str, np.ndarray]
"""What a network reads of n windows, float32 arrays by name:

``window``, ``observed``
    Of shape (n, lookback): the scaled windows, and 1 where a step was observed, else 0.
``elapsed``
    Of shape (n, lookback): the time since the last observation, see `squashed`; absent where it is not told.
``past``
    Of shape (n, lookback, channels): covariates along the look-back, those known ahead included; absent without any.
``future``
    Of shape (n, horizon, channels): covariates known ahead, along the horizon; absent without any.
``static``
    Of shape (n, channels): what is the same throughout a series; absent without any.
"""


def part_of(reading: Reading, which: np.ndarray | slice | int) -> Reading:
    """Only these windows of a reading."""
    return {name: array[which] for name, array in reading.items()}


@dataclass(frozen=True, eq=False)
class Batch:
    """Gathered windows, scaled.

    Attributes
    ----------
    inputs : float32 array of shape (n, lookback)
        ``(path - level) / scale``, or the differences of that where there is a lag. Unobserved steps repeat the last
        observed value, steps before the series began its first one.
    observed : float32 array of shape (n, lookback)
        1 where the step was observed, else 0.
    level, scale : float64 arrays of shape (n,)
        Last observed value of the path, and mean size of its seasonal differences within the window. Where the window
        shows no change, mean size of the steps within `reach`.
    moving : bool array of shape (n,)
        Whether the window shows any change. Where it shows none there is nothing to measure its errors by.
    season : float64 array of shape (n, lag), optional
        The last values of the path, as many as differences lie apart, where that is more than one step: forecasts are
        made relative to them, season by season, and else relative to the level.
    covariates : dict of str to float32 array
        ``elapsed``, ``past``, ``future`` and ``static``, as far as there are any; see `Reading`.
    """

    inputs: np.ndarray
    observed: np.ndarray
    level: np.ndarray
    scale: np.ndarray
    moving: np.ndarray
    covariates: Reading = field(default_factory=dict)
    season: np.ndarray | None = None

    @property
    def reading(self) -> Reading:
        """What a network reads of these windows."""
        return {"window": self.inputs, "observed": self.observed, **self.covariates}

    def path(self, scaled: np.ndarray) -> np.ndarray:
        """Scaled forecasts of shape (n, horizon) on the path, float64."""
        path: np.ndarray = self.base(scaled.shape[1]) + self.scale[:, None] * scaled
        return path

    def scaled(self, path: np.ndarray) -> np.ndarray:
        """What lies ahead on the path, of shape (n, horizon), scaled as the windows are: the way back of `path`."""
        return np.asarray((path - self.base(path.shape[1])) / self.scale[:, None])

    def base(self, horizon: int) -> np.ndarray:
        """What forecasts are relative to: float64 of shape (n, horizon), or (n, 1) where it is the level."""
        return self.level[:, None] if self.season is None else self.season[:, np.arange(horizon) % self.season.shape[1]]


def joined(parts: Sequence[Batch]) -> Batch:
    """Windows one after the other."""
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _PLAIN_PARTS}
    covariates = {name: np.concatenate([part.covariates[name] for part in parts]) for name in parts[0].covariates}
    seasons = [part.season for part in parts if part.season is not None]
    return Batch(**joined, covariates=covariates, season=np.concatenate(seasons) if seasons else None)


def scaled_batch(
    path: np.ndarray,
    seen: np.ndarray,
    steps_of: Callable[[np.ndarray], np.ndarray],
    season_length: int,
    *,
    lag: int,
    covariates: Reading | None = None,
) -> Batch:
    """Windows scaled by what they show themselves.

    Parameters
    ----------
    path : float64 array of shape (n, lookback), ``lag`` steps more in front
        Unobserved steps repeat the last observed value.
    seen : bool array of the same shape
        Whether a step was observed.
    steps_of : callable
        Given the numbers of the windows that show no change, the mean size of the steps before them.
    season_length : int
    lag : int
        How many steps the values lie apart whose differences are the inputs; 0 where the path itself is.
    covariates : dict of str to float32 array, optional
    """
    level = path[:, -1]
    change = _change(path, seen, season_length)
    moving = change > 0
    still = np.flatnonzero(~moving)
    change[still] = steps_of(still)
    scale = np.fmax(change, _LEAST_SHARE_OF_LEVEL * np.abs(level))
    scale = np.where(scale > 0, scale, 1.0)
    if lag:
        inputs, observed = path[:, lag:] - path[:, :-lag], seen[:, lag:] & seen[:, :-lag]
    else:
        inputs, observed = path - level[:, None], seen
    scaled = (inputs / scale[:, None]).astype(np.float32)
    season = path[:, -lag:].copy() if lag > 1 else None
    return Batch(scaled, observed.astype(np.float32), level, scale, moving, covariates or {}, season)


def mean_step(path: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Mean size of the observed steps of each row of shape (n, steps); 0 where there is none."""
    return np.asarray(np.nan_to_num(_mean_change(path, seen, 1)))


def squashed(elapsed: np.ndarray, season_length: int) -> np.ndarray:
    """The time since the last observation as networks read it, float32 of the same shape.

    log(1 + steps) / log(1 + season), which is 0 at a step that was observed and 1 a season after the last one (Che et
    al. 2018, arXiv 1606.01865, read the time itself). The logarithm needs nothing fitted, tells one step from two
    better than a hundred from a hundred and one, and does not run away in a gap longer than any in training. Before
    anything was observed, where a window begins before its series does, it is -1, so that padding is no gap.

    Parameters
    ----------
    elapsed : float64 array
        In steps; negative before anything was observed.
    season_length : int
    """
    told = np.log1p(np.maximum(elapsed, 0.0)) / np.log1p(season_length)
    return np.where(elapsed < 0, NOTHING_YET, told).astype(np.float32)


def _change(path: np.ndarray, seen: np.ndarray, season_length: int) -> np.ndarray:
    """Mean absolute seasonal difference of the observed steps of each window; 0 where nothing changes."""
    season = min(season_length, path.shape[1] - 1)
    step = _mean_change(path, seen, 1)
    change = np.fmax(_mean_change(path, seen, season), _LEAST_SHARE_OF_STEPS * step)
    return np.asarray(np.nan_to_num(np.where(change > 0, change, step)))


def _mean_change(path: np.ndarray, seen: np.ndarray, lag: int) -> np.ndarray:
    """Mean of ``|path[t] - path[t - lag]|`` over the pairs of observed steps; NaN where a window has no pair."""
    change = np.abs(path[:, lag:] - path[:, :-lag])
    if seen.all():
        return np.asarray(change.mean(axis=1)) if change.shape[1] else np.full(len(path), np.nan)
    pairs = seen[:, lag:] & seen[:, :-lag]
    count = pairs.sum(axis=1)
    change = np.where(pairs, change, 0.0).sum(axis=1)
    mean: np.ndarray = np.divide(change, count, out=np.full(len(path), np.nan), where=count > 0)
    return mean
