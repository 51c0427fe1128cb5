"""What the forecasts of many histories are made of, whatever the smoothing, and the forecasts of all of them."""

import functools
from dataclasses import dataclass, replace

import numpy as np

from forecasting.smoothing.choices import (
    CHOICES,
    GROWING_LEVELS,
    LEVEL_NUMBERS,
    LEVELS,
    PARAMETERS,
    RECENT_LEVELS,
    RECENT_TRENDS,
    SHARES_OF_SEASON,
    TRENDS,
    Smoothing,
)
from forecasting.smoothing.holes import whole

SEASONS = 6
"""Seasons of history that are smoothed at most; earlier ones would weigh little."""
STEPS_WITHOUT_SEASON = 20
"""Steps of history where there is no season."""
_SEASON = 0.3
_RECENT, _DAMPING = 0.7, 0.9
_LEAST_FACTOR = 0.5


def steps_of_history(season_length: int, most: int) -> int:
    """Steps of history that a smoothing reads, no more than ``most``."""
    return min(SEASONS * season_length if season_length > 1 else STEPS_WITHOUT_SEASON, most)


def smoothed(
    history: np.ndarray,
    known: np.ndarray,
    choice: np.ndarray,
    season_length: int,
    horizon: int,
    *,
    from_zero: bool = False,
) -> np.ndarray:
    """Forecasts of many histories, each by a smoothing.

    Parameters
    ----------
    history : float64 array of shape (n, steps)
        The last steps of each; those before a series began repeat its first value. NaN where a step was not observed:
        there the last value of the same season's step is read, and where there is none the value before.
    known : int array of shape (n,)
        Steps of each that are its own, at least 1. Of these, the last `steps_of_history` are smoothed as far as they
        are whole seasons; or one season, repeats included, where they are fewer.
    choice : int array of shape (n,)
        The numbers of their smoothings among `CHOICES`.
    season_length, horizon : int
    from_zero : bool, default False
        Whether ratios of the values have a meaning, as they do not of logarithms: without, no season grows.

    Returns
    -------
    float64 array of shape (n, horizon)
    """
    seen, trend, recent, grows = PARAMETERS[choice].T[:, :, None]
    ahead, zero = tuple(range(1, horizon + 1)), 0.0 if from_zero else None
    parts = Parts.of(whole(history, season_length), known, season_length, ahead, zero)
    level, rows = LEVEL_NUMBERS[choice], np.arange(len(history))
    growth = grows * parts.growth
    above = parts.above(parts.level[rows, level, None], seen * parts.seasonal[rows, level, None], growth)
    slow, fading = parts.rises(parts.age[rows, level, None])
    above = above + trend * slow + recent * fading
    return np.asarray(parts.mean + above + seen * parts.pattern * (1 + growth * above))


@dataclass(frozen=True, eq=False)
class Parts:
    """What the forecasts of n histories are made of, whatever the parameters.

    Attributes
    ----------
    ahead : tuple of int
        The steps that are forecast, the first one being 1.
    level, seasonal, age : arrays of shape (n, len(LEVELS))
        The level is ``level - season * seasonal``. All are of the type of the histories.
    trend, recent : arrays of shape (n, 1)
    mean : array of shape (n, 1)
    growth : array of shape (n, 1)
        One over the mean above zero, by which a season that grows does so; 0 where none can.
    pattern : array of shape (n, len(ahead))
        With all of the season seen.
    """

    ahead: tuple[int, ...]
    level: np.ndarray
    seasonal: np.ndarray
    age: np.ndarray
    trend: np.ndarray
    recent: np.ndarray
    mean: np.ndarray
    growth: np.ndarray
    pattern: np.ndarray

    @classmethod
    def of(
        cls,
        history: np.ndarray,
        known: np.ndarray,
        season_length: int,
        ahead: tuple[int, ...],
        zero: np.ndarray | float | None,
    ) -> "Parts":
        """Those of histories given as for `smoothed`, filled.

        ``zero`` says where zero is on their scale, or on that of each, of shape (n, 1); None where ratios have no
        meaning.
        """
        n, levels, most = len(history), len(LEVELS), steps_of_history(season_length, history.shape[1])
        used, last = _used(known, season_length, most), history[:, -1:]
        sums = np.zeros((n, 2 * levels + 3 + len(ahead)), dtype=history.dtype)
        age, lowest = np.empty((n, levels), dtype=history.dtype), np.empty((n, 1), dtype=history.dtype)
        lengths = np.unique(used)
        for steps in lengths:
            some = used == steps if len(lengths) > 1 else slice(None)
            kernel, age[some] = _kernel(int(steps), season_length, ahead)
            read = history[some, -int(steps) :]
            sums[some] = (read - last[some]) @ kernel.astype(history.dtype, copy=False)
            lowest[some] = read.min(axis=1, keepdims=True)
        level, seasonal, *one_each, pattern = np.split(sums, [levels, *(2 * levels + np.arange(4))], axis=1)
        trend, recent, mean = one_each
        growth = np.zeros_like(mean)
        if zero is not None and season_length > 1:
            mean_above = mean + last - zero
            ratios = (zero < lowest) & (mean_above > np.finfo(history.dtype).tiny)
            np.divide(1, mean_above, out=growth, where=ratios)
        return cls(ahead, level + last, seasonal, age, trend, recent, mean + last, growth, pattern)

    def above(self, level: np.ndarray, seasonal: np.ndarray, growth: np.ndarray) -> np.ndarray:
        """How far the level is above the mean, all of shape (n, 1)."""
        return np.asarray((level - self.mean - seasonal) / np.maximum(1 + growth * seasonal, _LEAST_FACTOR))

    def rises(self, age: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What each trend, going on in full, adds to levels of some mean age (n, 1); both of shape (n, steps ahead)."""
        ahead, damped = np.array(self.ahead, dtype=age.dtype), _DAMPING ** np.array(self.ahead, dtype=np.float64)
        fading = (_DAMPING * (1 - damped) / (1 - _DAMPING)).astype(age.dtype)  # what 0.9^i sum up to
        return np.asarray(self.trend * (age + ahead)), np.asarray(self.recent * (age + fading))

    def errors(self, actual: np.ndarray) -> np.ndarray:
        """Mean absolute errors of all choices, of shape (n, len(CHOICES)); ``actual`` is of shape (n, steps ahead)."""
        # A product with equal weights takes a quarter of the time of `numpy.mean`.
        holes, equal = np.isnan(actual).any(), np.full(actual.shape[1], 1 / actual.shape[1], dtype=actual.dtype)
        seasonal, growing = bool(self.pattern.any()), bool(self.growth.any())
        seen = {share: share * self.pattern for share in SHARES_OF_SEASON}
        found = np.empty((len(CHOICES), len(actual)))
        flat, error, off = np.empty_like(self.pattern), np.empty_like(self.pattern), self.mean - actual
        for number, weight in enumerate(LEVELS):
            slow, fading = self.rises(self.age[:, number, None])
            rises = {(trend, 0.0, False): trend * slow for trend in TRENDS}
            rises |= {(0.0, recent, False): recent * fading for recent in RECENT_TRENDS if weight in RECENT_LEVELS}
            if growing and weight in GROWING_LEVELS:
                slow *= 1 + self.growth * self.pattern
                rises |= {(trend, 0.0, True): trend * slow for trend in TRENDS}
            for (share, grows), choices in _of(weight, seasonal, growing).items():
                growth = self.growth if grows else np.zeros_like(self.growth)
                above = self.above(self.level[:, number, None], share * self.seasonal[:, number, None], growth)
                np.multiply(seen[share], 1 + growth * above, out=flat)
                flat += above
                flat += off
                for choice, one, alike in choices:
                    if alike < choice:
                        found[choice] = found[alike]
                        continue
                    np.abs(np.add(flat, rises[one.trend, one.recent, one.grows], out=error), out=error)
                    found[choice] = _mean_of_seen(error) if holes else error @ equal
        return found.T


@functools.cache
def _of(level: float, seasonal: bool, growing: bool) -> dict[tuple[float, bool], list[tuple[int, Smoothing, int]]]:
    """The choices with this level by the share of the season and whether that grows.

    With each its number, and that of the first one that it does not differ from: without a season, its share makes no
    difference, and where none can grow, whether it does makes none.
    """
    found: dict[tuple[float, bool], list[tuple[int, Smoothing, int]]] = {}
    first: dict[Smoothing, int] = {}
    for number, one in enumerate(CHOICES):
        if one.level == level:
            alike = first.setdefault(replace(one, season=one.season * seasonal, grows=one.grows and growing), number)
            found.setdefault((one.season, one.grows), []).append((number, one, alike))
    return found


def _used(known: np.ndarray, season_length: int, most: int) -> np.ndarray:
    """So many steps are smoothed of each history of which so many are its own, of shape (n,)."""
    return np.asarray(np.maximum(np.minimum(known, most) // season_length * season_length, min(season_length, most)))


def may_grow(history: np.ndarray, known: np.ndarray, season_length: int, *, from_zero: bool) -> np.ndarray:
    """Whether a season of histories given as for `smoothed` may grow, bool of shape (n,).

    There must be one, ratios must have a meaning, and what is smoothed must lie above zero.
    """
    if season_length < 2 or not from_zero:
        return np.zeros(len(history), dtype=bool)
    most = steps_of_history(season_length, history.shape[1])
    before = np.arange(most) < most - _used(known, season_length, most)[:, None]
    return np.asarray((before | (whole(history, season_length)[:, -most:] > 0)).all(axis=1))


def _mean_of_seen(errors: np.ndarray) -> np.ndarray:
    """Mean of each row over what is there; 0 where nothing is."""
    count = np.maximum((~np.isnan(errors)).sum(axis=1), 1)
    return np.asarray(np.nansum(errors, axis=1) / count)


@functools.lru_cache(maxsize=256)
def _kernel(steps: int, season_length: int, ahead: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """A matrix that histories of so many steps, the oldest first, times it are `Parts`; and the ages of the levels.

    ``steps`` are whole seasons, or fewer than one: then there are a level and a recent trend alone. The matrix has the
    shape (steps, 2 * n_levels + 3 + len(ahead)).
    """
    ages = np.arange(steps)
    season = season_length if steps >= season_length else 1
    number, place = ages // season, ages % season
    weight = (1 - _SEASON) ** np.arange(steps // season)
    pattern, trend = np.zeros((season, steps)), np.zeros(steps)
    if season > 1:
        if len(weight) > 1:
            trend = (np.append(weight[:-1], 0.0) - np.append(0.0, weight[:-1]))[number] / season**2 / weight[:-1].sum()
        pattern[place, ages] = (weight / weight.sum())[number]
        pattern += np.outer(np.arange(season) - (season - 1) / 2, trend) - pattern.mean(axis=0)
    elif season_length == 1 and steps > 1:
        centered = (steps - 1) / 2 - ages
        trend = centered / np.square(centered).sum()
    share = (1 - np.array(LEVELS)[:, None]) ** ages
    share = share / share.sum(axis=1, keepdims=True)
    by_place = np.array([np.bincount(place, one, minlength=season) for one in share])
    forecast = pattern[-np.array(ahead) % season]
    changes = (1 - _RECENT) ** ages[:-1]
    changes /= max(changes.sum(), 1.0)
    recent = np.append(changes, 0.0) - np.append(0.0, changes)
    mean = (weight / weight.sum())[number] / season
    parts = [share, by_place @ pattern, trend[None], recent[None], mean[None], forecast]
    kernel = np.concatenate(parts)[:, ::-1].T  # the oldest step first
    return np.ascontiguousarray(kernel), np.asarray(share @ ages)
