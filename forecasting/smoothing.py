"""Exponential smoothing, its parameters chosen for each series by how they would have forecast its own past.

What networks are combined with. With given parameters such a forecast is a few weighted sums of the last seasons.
"""

import functools
import itertools
from dataclasses import dataclass, replace

import numpy as np

SEASONS = 6
"""Seasons of history that are smoothed at most; earlier ones would weigh little."""
STEPS_WITHOUT_SEASON = 20
"""Steps of history where there is no season."""
_SEASON = 0.3
_SHARES_OF_SEASON = (1.0, 0.5, 0.0)
_LEVELS = (0.5, 0.15, 0.3, 0.8, 1.0)
_TRENDS = (0.3, 0.0, 0.6, 1.0)
_RECENT_TRENDS = (0.5, 1.0)
_RECENT_LEVELS = (0.5, 0.8, 1.0)
_GROWING_LEVELS = (0.5, 0.3, 0.8)
_RECENT, _DAMPING = 0.7, 0.9
_PAST_CUTS = 16
_STEPS_JUDGED = 16, 15, 14, 13
_WEIGHTS = (4.0, 2.0, 8.0, 1.0, 16.0, 0.5, 32.0)
_PLACES_AT_ONCE, _VALUES_AT_ONCE = 4_096, 1_048_576
_LEAST_FACTOR = 0.5
_TIE = 1e-5
"""Errors that differ by such a share are alike: where rounding decided, series beside a series would matter."""


@dataclass(frozen=True)
class Smoothing:
    """The parameters of an exponential smoothing.

    With x the history, s the season length, and K whole seasons of history:

        season    m_p = sum_k w_k x_{t-p-ks}, the value p steps back smoothed over its seasons; w_k ~ 0.7^k
        trend     b   = mean over p of the same sum of (x_{t-p-ks} - x_{t-p-(k+1)s}) / s;
                        without a season the slope of the least squares line
        pattern   S_p = season (m_p - mean(m) + b (p - mean(p))); without a season 0
        level     l   = sum_j a_j (x_{t-j} - S_{j mod s}), a_j ~ (1 - level)^j, of mean age g = sum_j a_j j
        recent    r   = sum_j c_j (x_{t-j} - x_{t-j-1}), c_j ~ 0.3^j
        rise      e_h = trend b (g + h) + recent r (g + sum_{i <= h} 0.9^i)
        forecast  y_h = l + e_h + S_{-h mod s}

    A season that grows with the level is, relative to the mean m of the m_p, S_p / m times the level:

        level     l   = m + sum_j a_j (x_{t-j} - m - S_{j mod s}) / max(1 + sum_j a_j S_{j mod s} / m, 0.5)
        forecast  y_h = l + e_h + S_{-h mod s} (l + e_h) / m

    An additive Holt-Winters method (Winters 1960) with its weights cut off at the history and a season's weight of 0.3.
    ``trend=0.5`` without a season is near the Theta method, which has half the slope (Hyndman and Billah 2003). A
    season is better seen in part where it is hardly to be told from noise (Miller and Williams 2003). The recent trend,
    which fades, is that of Gardner and McKenzie 1985; it is tried without a season, whose steps it would take for a
    trend. A season that grows is the multiplicative one of Winters; there is none where a history is not above zero.

    Attributes
    ----------
    season : float
        Share of the season that is seen.
    level : float
        Weight of the last value in the level, above 0 and at most 1.
    trend : float
        Share of the trend that goes on.
    recent : float, default 0
        Share of the recent trend that goes on.
    grows : bool, default False
        Whether the season grows with the level.
    """

    season: float
    level: float
    trend: float
    recent: float = 0.0
    grows: bool = False


CHOICES = (
    *itertools.starmap(Smoothing, itertools.product(_SHARES_OF_SEASON, _LEVELS, _TRENDS)),
    *itertools.starmap(Smoothing, itertools.product((0.0,), _RECENT_LEVELS, (0.0,), _RECENT_TRENDS)),
    *itertools.starmap(Smoothing, itertools.product((1.0,), _GROWING_LEVELS, _TRENDS, (0.0,), (True,))),
)
"""The smoothings that there are to choose from; the first of them where nothing tells."""
_STEADY = sum(not one.recent and not one.grows for one in CHOICES)
"""So many of them, which come first, have no recent trend and no season that grows."""
_OF_ONE_SIZE = np.array([CHOICES.index(replace(one, grows=False)) for one in CHOICES])
"""The number of each where its season does not grow."""
_PARAMETERS = np.array([(one.season, one.trend, one.recent, one.grows) for one in CHOICES])
_LEVEL_NUMBERS = np.array([_LEVELS.index(one.level) for one in CHOICES])


def with_holes(inputs: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Histories as they are smoothed: NaN where nothing was observed or filled, but for their first step.

    Parameters
    ----------
    inputs : float64 array of shape (n, steps)
        Where a step was not seen, the last value before it; so the first step bears one even where a series has been
        silent for longer than its history.
    seen : bool array of that shape
    """
    history = np.where(seen, inputs, np.nan)
    history[:, 0] = inputs[:, 0]
    return history


@functools.cache
def judged_steps(season_length: int, horizon: int) -> tuple[int, ...]:
    """The steps ahead by which smoothings are judged: up to 16, spread over the horizon and the season.

    A few less where 16 would always meet the same places of the season.
    """
    spread = [np.linspace(1, horizon, min(horizon, count)).round().astype(np.int64) for count in _STEPS_JUDGED]
    return tuple(max(spread, key=lambda steps: len(np.unique(steps % season_length))).tolist())


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
    seen, trend, recent, grows = _PARAMETERS[choice].T[:, :, None]
    zero, rows = (np.zeros((len(history), 1)) if from_zero else None), np.arange(len(history))
    parts = _Parts.of(_filled(history, season_length), known, season_length, tuple(range(1, horizon + 1)), zero)
    level = _LEVEL_NUMBERS[choice]
    growth = grows * parts.growth
    above = parts.above(parts.level[rows, level, None], seen * parts.seasonal[rows, level, None], growth)
    slow, fading = parts.rises(parts.age[rows, level, None])
    above = above + trend * slow + recent * fading
    return np.asarray(parts.mean + above + seen * parts.pattern * (1 + growth * above))


@dataclass(frozen=True)
class Smoother:
    """Forecasts each history by the one of `CHOICES` that would have forecast its own past best.

    Each is tried at up to 16 places of the past, spread over all of it, by its errors at the `judged_steps`. The mean
    of these, over that of all without a recent trend and a season that grows, is averaged with what is expected of it:
    so a short history is forecast as most are, and a long one as it is itself. How much the expectation counts is told
    by many histories as well, from half a horizon of the past, where each is a kind of its own, to 32, where they are
    all alike.

    Attributes
    ----------
    expected : tuple of float
        Mean relative errors of each of `CHOICES` over many histories; of those with a season that grows, where it may.
    weight : float
        So many horizons of the past count as much as that.
    from_zero : bool
        As for `smoothed`.
    """

    expected: tuple[float, ...] = (1.0,) * len(CHOICES)
    weight: float = _WEIGHTS[0]
    from_zero: bool = False

    @classmethod
    def fit(
        cls, history: np.ndarray, known: np.ndarray, after: np.ndarray, season_length: int, *, from_zero: bool = False
    ) -> "Smoother":
        """What many histories say, given as for `smoothed`, by what came after them, of shape (n, horizon).

        The first weight of several that do equally well is 4.
        """
        horizon = after.shape[1]
        filled, zero = _filled(history, season_length), np.zeros((len(history), 1)) if from_zero else None
        ahead = judged_steps(season_length, horizon)
        errors = _Parts.of(filled, known, season_length, ahead, zero).errors(after[:, np.array(ahead) - 1])
        told = np.flatnonzero(errors.mean(axis=1) > 0)
        if not len(told):
            return cls(from_zero=from_zero)
        errors, filled, known = _relative(errors[told]), filled[told], known[told]
        grows = _may_grow(filled, known, season_length) & from_zero
        expected = errors[:, _OF_ONE_SIZE].mean(axis=0)
        if grows.any():
            expected += (errors - errors[:, _OF_ONE_SIZE])[grows].mean(axis=0)
        past = past_errors(history[told], known, season_length, horizon, from_zero=from_zero)
        one, rows = cls(tuple(expected.tolist()), from_zero=from_zero), np.arange(len(told))
        tried = [replace(one, weight=weight) for weight in _WEIGHTS]
        return tried[int(np.argmin([errors[rows, each._lowest(*past, grows)].mean() for each in tried]))]

    def choose(self, history: np.ndarray, known: np.ndarray, season_length: int, horizon: int) -> np.ndarray:
        """The numbers among `CHOICES` of the smoothings of many histories, int64 of shape (n,); as for `smoothed`."""
        grows = _may_grow(_filled(history, season_length), known, season_length) & self.from_zero
        past = past_errors(history, known, season_length, horizon, from_zero=self.from_zero)
        return self._lowest(*past, grows)

    def _lowest(self, relative: np.ndarray, blocks: np.ndarray, grows: np.ndarray) -> np.ndarray:
        """The choices by errors as `past_errors` gives them, the first of several that are alike.

        Where the season of a history may not grow, what is expected of it is that of a season of one size.
        """
        expected = np.array(self.expected)
        expected = np.where(grows[:, None], expected, expected[_OF_ONE_SIZE])
        weighed = blocks[:, None] * relative + self.weight * expected
        return np.asarray((weighed <= (1 + _TIE) * weighed.min(axis=1, keepdims=True)).argmax(axis=1))

    def forecast(self, history: np.ndarray, known: np.ndarray, season_length: int, horizon: int) -> np.ndarray:
        """Forecasts of many histories, float64 of shape (n, horizon); the parameters are those of `smoothed`."""
        choice = self.choose(history, known, season_length, horizon)
        return smoothed(history, known, choice, season_length, horizon, from_zero=self.from_zero)


def past_errors(
    history: np.ndarray, known: np.ndarray, season_length: int, horizon: int, *, from_zero: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """How every smoothing would have forecast the past of many histories, given as for `smoothed`.

    Tried are up to 16 places that a horizon of the history follows and a season and a step of it precede.

    Returns
    -------
    relative : float64 array of shape (n, len(CHOICES))
        Mean absolute errors over the mean of all without a recent trend and a season that grows; 1 where none of these
        was off, or there was no place to try at.
    blocks : float64 array of shape (n,)
        How many horizons of its past that says something about.
    """
    n, steps = history.shape
    relative, blocks = np.ones((n, len(CHOICES))), np.zeros(n)
    places = steps - season_length - horizon
    if places < 1:
        return relative, blocks
    back = horizon + np.unique(np.linspace(0, places - 1, min(_PAST_CUTS, places)).round().astype(np.int64))
    places_at_once = min(_PLACES_AT_ONCE, _VALUES_AT_ONCE // steps_of_history(season_length, steps))
    at_once = max(1, places_at_once // len(back))
    for first in range(0, n, at_once):
        some = slice(first, first + at_once)
        own = np.minimum(known[some], steps)
        errors, tried = _summed_errors(history[some], own, back, season_length, horizon, from_zero=from_zero)
        relative[some] = _relative(errors)
        blocks[some] = errors.any(axis=1) * tried * (places / len(back) / horizon)
    return relative, blocks


def _relative(errors: np.ndarray) -> np.ndarray:
    """Errors of all choices, of shape (n, len(CHOICES)), over the mean of those that cannot lead far away.

    1 where none of these was off.
    """
    mean = errors[:, :_STEADY].mean(axis=1, keepdims=True)
    return np.asarray(np.divide(errors, mean, out=np.ones_like(errors), where=mean > 0))


def _summed_errors(
    history: np.ndarray, own: np.ndarray, back: np.ndarray, season_length: int, horizon: int, *, from_zero: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Errors of all choices summed over the places so many steps back, and how many places there were to try at."""
    steps = history.shape[1]
    history, filled, zero = _single(history, _filled(history, season_length))
    row, place = np.nonzero(own[:, None] - back > season_length)
    errors, tried = np.zeros((len(history), len(CHOICES))), np.zeros(len(history), dtype=np.float64)
    if len(row):
        cut, known, ahead = steps - back[place], own[row] - back[place], judged_steps(season_length, horizon)
        most = steps_of_history(season_length, steps)
        repeated = np.concatenate([np.repeat(filled[:, :1], most, axis=1), filled], axis=1)
        before = np.lib.stride_tricks.sliding_window_view(repeated, most, axis=1)[row, cut]
        parts = _Parts.of(before, known, season_length, ahead, zero[row] if from_zero else None)
        firsts = np.flatnonzero(np.diff(row, prepend=-1))
        actual = history[row[:, None], cut[:, None] - 1 + np.array(ahead)]
        errors[row[firsts]] = np.add.reduceat(parts.errors(actual), firsts, axis=0)
        np.add.at(tried, row, ~np.isnan(actual).all(axis=1))
    return errors, tried


def _single(history: np.ndarray, filled: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both less the last filled value of each history, from -1 to 1, in single precision, and where zero is then.

    Which errors are lower depends on neither level nor size, and half as many bytes are gone through. Sizes are powers
    of two: nothing is rounded but to single precision.
    """
    last = filled[:, -1:]
    _, power = np.frexp(np.abs(filled - last).max(axis=1, keepdims=True))
    small = np.ldexp(filled - last, -power).astype(np.float32)
    held = small if filled is history else np.ldexp(history - last, -power).astype(np.float32)
    with np.errstate(over="ignore"):  # where nothing but rounding moves, zero may be out of the range of these numbers
        return held, small, np.ldexp(-last, -power).astype(np.float32)


@dataclass(frozen=True, eq=False)
class _Parts:
    """What the forecasts of n histories are made of, whatever the parameters.

    Attributes
    ----------
    ahead : tuple of int
        The steps that are forecast, the first one being 1.
    level, seasonal, age : arrays of shape (n, len(_LEVELS))
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
        cls, history: np.ndarray, known: np.ndarray, season_length: int, ahead: tuple[int, ...], zero: np.ndarray | None
    ) -> "_Parts":
        """Those of histories given as for `smoothed`, filled.

        ``zero`` says where zero is on the scale of each, of shape (n, 1); None where ratios have no meaning.
        """
        n, levels, most = len(history), len(_LEVELS), steps_of_history(season_length, history.shape[1])
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
        seen = {share: share * self.pattern for share in _SHARES_OF_SEASON}
        found = np.empty((len(CHOICES), len(actual)))
        flat, error, off = np.empty_like(self.pattern), np.empty_like(self.pattern), self.mean - actual
        for number, weight in enumerate(_LEVELS):
            slow, fading = self.rises(self.age[:, number, None])
            rises = {(trend, 0.0, False): trend * slow for trend in _TRENDS}
            rises |= {(0.0, recent, False): recent * fading for recent in _RECENT_TRENDS if weight in _RECENT_LEVELS}
            if growing and weight in _GROWING_LEVELS:
                slow *= 1 + self.growth * self.pattern
                rises |= {(trend, 0.0, True): trend * slow for trend in _TRENDS}
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


def _may_grow(filled: np.ndarray, known: np.ndarray, season_length: int) -> np.ndarray:
    """Whether there is a season, and what is smoothed of a history lies above zero; bool of shape (n,)."""
    most = steps_of_history(season_length, filled.shape[1])
    before = np.arange(most) < most - _used(known, season_length, most)[:, None]
    return np.asarray((before | (filled[:, -most:] > 0)).all(axis=1) & (season_length > 1))


def _mean_of_seen(errors: np.ndarray) -> np.ndarray:
    """Mean of each row over what is there; 0 where nothing is."""
    count = np.maximum((~np.isnan(errors)).sum(axis=1), 1)
    return np.asarray(np.nansum(errors, axis=1) / count)


def _filled(history: np.ndarray, season_length: int) -> np.ndarray:
    """Histories without holes: in each the last value that lies whole seasons before it, or else the value before."""
    if not np.isnan(history).any():
        return history
    n, steps = history.shape
    seasons = -(-steps // season_length)
    padded = np.full((n, seasons * season_length), np.nan)
    padded[:, -steps:] = history
    by_place = padded.reshape(n, seasons, season_length).swapaxes(1, 2)
    filled = _carried(by_place).swapaxes(1, 2).reshape(n, -1)[:, -steps:]
    return np.asarray(_carried(_carried(filled)[:, ::-1])[:, ::-1])


def _carried(values: np.ndarray) -> np.ndarray:
    """Along the last axis, the value before in each hole; those before the first value stay."""
    place = np.where(np.isnan(values), 0, np.arange(values.shape[-1]))
    return np.asarray(np.take_along_axis(values, np.maximum.accumulate(place, axis=-1), axis=-1))


@functools.lru_cache(maxsize=256)
def _kernel(steps: int, season_length: int, ahead: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """A matrix that histories of so many steps, the oldest first, times it are `_Parts`; and the ages of the levels.

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
    share = (1 - np.array(_LEVELS)[:, None]) ** ages
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
