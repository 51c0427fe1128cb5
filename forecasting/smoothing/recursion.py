"""Exponential smoothing by recursion, each set of parameters weighed by how well it tells the next step."""

import itertools
from dataclasses import dataclass

import numpy as np

from forecasting.smoothing.holes import whole
from forecasting.smoothing.parts import SEASONS

STEPS = 60
"""Where as many seasons as are smoothed at most have fewer steps, so many steps of history are gone through."""
_FEWEST_SEASONS, _FEWEST_STEPS = 2, 6
_LONGEST_SEASON = 200
"""Recursions through longer ones take more time than they are worth."""
LEVELS = (0.05, 0.2, 0.4, 0.65, 0.9)
TRENDS = ((0.0, 0.0), (0.02, 1.0), (0.15, 1.0), (0.5, 1.0), (0.02, 0.93), (0.15, 0.93), (0.5, 0.93))
"""What a trend follows of what the level does, and what is left of it after a step; at first, no trend at all."""
SEASON = 0.15
_LEFT = sorted({left for _, left in TRENDS})
_EACH = tuple(itertools.product(LEVELS, TRENDS))
_OF_LEVEL = np.array([[level] for level, _ in _EACH], dtype=np.float32)
_OF_TREND = np.array([[level * trend] for level, (trend, _) in _EACH], dtype=np.float32)
_OF_SEASON = np.float32(SEASON) * (1 - _OF_LEVEL)
_LEFT_OF_TREND = np.array([[left] for _, (_, left) in _EACH], dtype=np.float32)
_TRENDED = _LEFT_OF_TREND > 0
_PARAMETERS = 1.0 + 2.0 * _TRENDED + (_TRENDED & (_LEFT_OF_TREND < 1))
_FIRST_STEPS, _FIRST_VALUES = 10, 3
"""Where there is no season, a line through so many steps is where a trend starts, and a mean of so many a level."""
_USUAL, _FURTHEST = (0.05, 0.95), 3.0
"""Values further from these quantiles than so many times what lies between them are read as that far: no outlier counts
for more."""
_JUMP = 4.0
"""An error of more than so many mean steps counts as so many, for the weights and for the trend: a jump is no slope."""
_LEAST_ERROR = 1e-10
"""A mean square, of values from -1 to 1, that is no more than rounding in single precision."""
_LEAST_LEVEL, _LEAST_SEASON, _LEAST_FACTOR = 0.1, 0.05, 0.5
"""What a season that grows is divided by is at least this share of the mean, what it is itself at least this, and what
errors are divided by for the level at least this."""
_MOST_ABOVE = 1000.0
"""Values that lie further above zero, in their own size, are too far for single precision to tell how they grow."""
_VALUES_AT_ONCE, _LEAST_AT_ONCE, _MOST_AT_ONCE = 2**19, 64, 1024


@dataclass(frozen=True, eq=False)
class _Ends:
    """Where the recursions of n histories end, each with k sets of parameters.

    Attributes
    ----------
    level, trend : float32 arrays of shape (k, n)
    pattern : float32 array of shape (season, k, n) or None
        By place in the season, counted from the first step.
    squares : float32 array of shape (k, n)
        Sum of the squared errors of the forecasts one step ahead, none counting as more than a jump.
    grows : bool
        Whether the pattern is one of factors.
    """

    level: np.ndarray
    trend: np.ndarray
    pattern: np.ndarray | None
    squares: np.ndarray
    grows: bool

    @property
    def parameters(self) -> np.ndarray:
        """How many parameters and states each set has, of shape (k, 1)."""
        return _PARAMETERS + (0 if self.pattern is None else len(self.pattern))


def recursion_steps(season_length: int, most: int) -> int:
    """Steps of history that a recursion goes through, no more than ``most``."""
    return min(max(SEASONS * season_length, STEPS), most)


def recursively_smoothed(
    history: np.ndarray, known: np.ndarray, season_length: int, horizon: int, *, from_zero: bool = False
) -> np.ndarray:
    """Forecasts of many histories by exponential smoothings, each smoothing weighed by its errors one step ahead.

    With x the history, s the season length, l the level, b the trend and p the pattern, a step goes

        error    e = x_t - u - p_{t-s},  u = l_{t-1} + f b_{t-1}
        then     l_t = u + a e,  b_t = f b_{t-1} + a c e,  p_t = p_{t-s} + 0.15 (1 - a) e
        or       e = x_t - u p_{t-s},  l_t = u + a e / q,  b_t = f b_{t-1} + a c e / q,  q = max(p_{t-s}, 0.5),
                 p_t = p_{t-s} + 0.15 (1 - a) e / u, where the season grows with the level,

    as in Hyndman, Koehler, Snyder and Grose 2002, "A state space framework for automatic forecasting using exponential
    smoothing methods". Every level weight a is tried with every trend (c, f), without a season and with one. It grows
    where ratios have a meaning and the history is above zero, by no more than 1,000 times its range. Their forecasts
    are averaged by Akaike weights, of n log(sum e^2 / n) + 2 parameters (Kolassa 2011, "Combining exponential smoothing
    forecasts using Akaike weights").

    A step that was not observed has no error. Values are read as no further from the quantiles of 5 and 95 % than three
    times what lies between these, and for the weights and the trends an error counts as four mean steps at most, as a
    jump is no slope; the level and the season follow all of it (errors and values are bounded in another way by Gelper,
    Fried and Croux 2010, "Robust forecasting with exponential and Holt-Winters smoothing"). A trend goes on for as many
    steps, behind the last observed one, as were observed, and no further.

    Recursions start at the line and the mean season of what they go through, or without a season at the line of its
    first ten steps; those that have no trend at the mean of the first season, or of the first three steps.

    Parameters
    ----------
    history : float64 array of shape (n, steps)
        The last steps of each; NaN where a step was not observed.
    known : int array of shape (n,)
        Steps of each that are its own. Of these, the last six seasons are gone through, or 60 steps where that is more,
        as far as they are whole seasons.
    season_length, horizon : int
    from_zero : bool, default False
        Whether ratios of the values have a meaning, as they do not of logarithms: without, no season grows.

    Returns
    -------
    float64 array of shape (n, horizon)
        NaN where there are less than two seasons of history, or less than six steps; and of seasons longer than 200
        steps, which would take long.
    """
    found = np.full((len(history), horizon), np.nan)
    if season_length > _LONGEST_SEASON:
        return found
    filled, most = whole(history, season_length), recursion_steps(season_length, history.shape[1])
    used = np.minimum(known, most) // season_length * season_length
    at_once = int(np.clip(_VALUES_AT_ONCE // (len(_EACH) * season_length), _LEAST_AT_ONCE, _MOST_AT_ONCE))
    for steps in np.unique(used[used >= max(_FEWEST_SEASONS * season_length, _FEWEST_STEPS)]):
        same = np.flatnonzero(used == steps)
        grows = from_zero & (season_length > 1) & _may_grow(filled[same, -steps:])
        for grow in (False, True):
            rows = same[grows == grow]
            for some in (rows[first : first + at_once] for first in range(0, len(rows), at_once)):
                seen = None if filled is history else ~np.isnan(history[some, -steps:]).T
                values = _without_outliers(filled[some, -steps:]).T
                found[some] = _forecast(values, seen, season_length, horizon, grows=grow).T
    return found


def _without_outliers(values: np.ndarray) -> np.ndarray:
    """Values of shape (n, steps), none further off than most of its history."""
    low, high = np.quantile(values, _USUAL, axis=1, keepdims=True)
    room = np.where(high > low, _FURTHEST * (high - low), np.inf)
    return np.asarray(np.clip(values, low - room, high + room))


def _may_grow(filled: np.ndarray) -> np.ndarray:
    """Whether values of shape (n, steps) lie above zero, and not so far that single precision could not tell."""
    lowest, highest = filled.min(axis=1), filled.max(axis=1)
    return np.asarray((lowest > 0) & (highest < _MOST_ABOVE * (highest - lowest)))


def _forecast(
    values: np.ndarray, seen: np.ndarray | None, season_length: int, horizon: int, *, grows: bool
) -> np.ndarray:
    """Forecasts of shape (horizon, n) of filled values of shape (steps, n), in single precision but for the last."""
    base = np.zeros_like(values[-1]) if grows else values[-1]
    _, power = np.frexp(np.abs(values - values[-1]).max(axis=0))
    small = np.ldexp(values - base, -power).astype(np.float32)
    ended = [_gone_through(small, seen, *_plain_start(small))]
    if season_length > 1:
        ended.append(_gone_through(small, seen, *_seasonal_start(small, season_length, grows=grows), grows=grows))
    counted, shown = _counted(len(values), seen)
    misfits = [counted * np.log(ends.squares.astype(np.float64) / counted + _LEAST_ERROR) for ends in ended]
    criteria = np.array([misfit + 2 * ends.parameters for misfit, ends in zip(misfits, ended, strict=True)])
    weights = np.exp((criteria.min(axis=(0, 1)) - criteria) / 2)
    weights /= weights.sum(axis=(0, 1))
    place = np.arange(horizon) % season_length
    forecast = np.sum([_ahead(ends, weight, place, shown) for ends, weight in zip(ended, weights, strict=True)], axis=0)
    return np.asarray(base + np.ldexp(forecast, power))


def _counted(steps: int, seen: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """How many steps of each history were observed, and for how many steps ahead that shows a trend.

    A trend has gone on already through a hole at the end. Both of shape (n,), or (1,) where there are no holes.
    """
    if seen is None:
        return np.array([steps]), np.array([steps])
    counted = np.maximum(seen.sum(axis=0), 1)
    hole = np.where(seen.any(axis=0), seen[::-1].argmax(axis=0), steps)
    return counted, np.maximum(counted - hole, 0)


def _gone_through(
    values: np.ndarray,
    seen: np.ndarray | None,
    level: np.ndarray,
    trend: np.ndarray,
    pattern: np.ndarray | None,
    *,
    grows: bool = False,
) -> _Ends:
    """The recursions over float32 values of shape (steps, n), from a start as `_plain_start` gives it."""
    level, trend = level.copy(), np.where(_TRENDED, trend, np.float32(0))
    squares, error, clipped, moved, factor = (np.zeros_like(level) for _ in range(5))
    jump = np.float32(_JUMP) * np.abs(np.diff(values, axis=0)).mean(axis=0)
    least = np.float32(_LEAST_LEVEL) * values.mean(axis=0)
    if pattern is not None:
        pattern = np.repeat(pattern[:, None], len(level), axis=1)
    for step, value in enumerate(values):
        trend *= _LEFT_OF_TREND
        level += trend
        season = None if pattern is None else pattern[step % len(pattern)]
        if season is None:
            np.subtract(value, level, out=error)
        elif grows:
            np.subtract(value, np.multiply(level, season, out=error), out=error)
        else:
            np.subtract(value, np.add(level, season, out=error), out=error)
        if seen is not None:
            error *= seen[step]
        np.clip(error, -jump, jump, out=clipped)
        squares += np.multiply(clipped, clipped, out=moved)
        if season is not None and grows:
            np.divide(error, np.maximum(level, least, out=moved), out=moved)
            np.maximum(season, np.float32(_LEAST_FACTOR), out=factor)
            np.divide(error, factor, out=error)
            np.divide(clipped, factor, out=clipped)
            season += np.multiply(moved, _OF_SEASON, out=moved)
            np.maximum(season, np.float32(_LEAST_SEASON), out=season)
        elif season is not None:
            season += np.multiply(error, _OF_SEASON, out=moved)
        level += np.multiply(error, _OF_LEVEL, out=moved)
        trend += np.multiply(clipped, _OF_TREND, out=clipped)
    return _Ends(level, trend, pattern, squares, grows)


def _plain_start(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, None]:
    """Level before the first step, of shape (k, n), and slope, of shape (n,), where there is no season."""
    first = values[:_FIRST_STEPS]
    slope, mean = _slope(first), first.mean(axis=0)
    back = np.float32((len(first) + 1) / 2)
    return np.where(_TRENDED, mean - slope * back, values[:_FIRST_VALUES].mean(axis=0)), slope, None


def _seasonal_start(
    values: np.ndarray, season_length: int, *, grows: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `_plain_start`, with the pattern, of shape (season_length, n), by the line through the means of seasons.

    Where it grows, the pattern is one of factors, and the values are above zero.
    """
    seasons = values.reshape(-1, season_length, values.shape[1])
    slope, mean = _slope(seasons.mean(axis=1)) / np.float32(season_length), values.mean(axis=0)
    before = mean - slope * np.float32((len(values) + 1) / 2)
    line = before + slope * np.arange(1, len(values) + 1, dtype=np.float32)[:, None]
    off = values / np.maximum(line, np.float32(_LEAST_LEVEL) * mean) if grows else values - line
    pattern = off.reshape(seasons.shape).mean(axis=0)
    middle = pattern.mean(axis=0)
    pattern = np.maximum(pattern / middle, np.float32(_LEAST_SEASON)) if grows else pattern - middle
    return np.where(_TRENDED, before, seasons[0].mean(axis=0)), slope, pattern


def _slope(values: np.ndarray) -> np.ndarray:
    """Of the least squares line through each column of shape (steps, n), a step."""
    place = np.arange(len(values), dtype=np.float32)[:, None] - np.float32((len(values) - 1) / 2)
    return np.asarray((values * place).sum(axis=0) / np.square(place).sum())


def _ahead(ends: _Ends, weight: np.ndarray, place: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """The sum of the forecasts by weights of shape (k, n), float64 of shape (horizon, n).

    ``place`` is that of each step ahead in the season, ``shown`` for how many steps a trend goes on, of shape (n,).
    """
    ahead = np.minimum(np.arange(1, len(place) + 1)[:, None], shown)
    here = place if ends.grows else np.zeros_like(place)

    def together(weighed: np.ndarray, which: np.ndarray | slice = slice(None)) -> np.ndarray:
        if ends.pattern is None or not ends.grows:
            return np.asarray(weighed[which].sum(axis=0, keepdims=True))
        return np.asarray(np.einsum("kn,skn->sn", weighed[which], ends.pattern[:, which]))

    forecast, trend = together(weight * ends.level)[here], weight * ends.trend
    for left in _LEFT[1:]:
        rise = left * (1 - left**ahead) / (1 - left) if left < 1 else ahead
        forecast += rise * together(trend, _LEFT_OF_TREND[:, 0] == np.float32(left))[here]
    if ends.pattern is not None and not ends.grows:
        forecast += np.einsum("kn,skn->sn", weight, ends.pattern)[place]
    return np.asarray(forecast)
