"""How each history is smoothed: by what would have forecast its own past best, over a horizon and step by step."""

import functools
from dataclasses import dataclass, replace

import numpy as np

from forecasting.smoothing.choices import CHOICES, OF_ONE_SIZE, STEADY
from forecasting.smoothing.holes import whole
from forecasting.smoothing.parts import Parts, may_grow, smoothed, steps_of_history
from forecasting.smoothing.recursion import recursively_smoothed

_PAST_CUTS = 16
_STEPS_JUDGED = 16, 15, 14, 13
_WEIGHTS = (4.0, 2.0, 8.0, 1.0, 16.0, 0.5, 32.0)
_PLACES_AT_ONCE, _VALUES_AT_ONCE = 4_096, 1_048_576
_TIE = 1e-5
"""Errors that differ by such a share are alike: where rounding decided, series beside a series would matter."""
_TELLING_HISTORIES, _CLEARLY_WORSE, _HARDLY_WORSE = 500, 1.05, 0.01
"""So many histories tell whether errors are so many times as large with recursions, or larger by such a share of those
of all choices: rounding would be many times what is left of an error where a line goes on."""
_MOST_OFF = 4.0
"""As errors of one history count at most, over those of all choices: it may be nothing but rounding that they miss."""


@functools.cache
def judged_steps(season_length: int, horizon: int) -> tuple[int, ...]:
    """The steps ahead by which smoothings are judged: up to 16, spread over the horizon and the season.

    A few less where 16 would always meet the same places of the season.
    """
    spread = [np.linspace(1, horizon, min(horizon, count)).round().astype(np.int64) for count in _STEPS_JUDGED]
    return tuple(max(spread, key=lambda steps: len(np.unique(steps % season_length))).tolist())


@dataclass(frozen=True)
class Smoother:
    """Forecasts each history by the mean of one of `CHOICES` and of recursions, as its own past says.

    Of `CHOICES` it is the one that would have forecast that past best. Each is tried at up to 16 places, spread over
    all of it, by its errors at the `judged_steps`. The mean of these, over that of all without a recent trend and a
    season that grows, is averaged with what is expected of it: so a short history is forecast as most are, and a long
    one as it is itself. How much the expectation counts is told by many histories as well, from half a horizon of the
    past, where each is a kind of its own, to 32, where they are all alike.

    The recursions of `recursively_smoothed` are chosen by single steps of the past and not by horizons; what errs in
    another way is worth more in a mean than what errs less. Where a history is too short for them the first forecast
    is the only one, and so it is for all where 500 histories or more were forecast worse with them by 5 % (and by more
    than a hundredth of the mean error of all choices).

    Attributes
    ----------
    expected : tuple of float
        Mean relative errors of each of `CHOICES` over many histories; of those with a season that grows, where it may.
    weight : float
        So many horizons of the past count as much as that.
    from_zero : bool
        As for `smoothed`.
    recursive : bool, default True
        Whether recursions have a share, which is one half.
    """

    expected: tuple[float, ...] = (1.0,) * len(CHOICES)
    weight: float = _WEIGHTS[0]
    from_zero: bool = False
    recursive: bool = True

    @classmethod
    def fit(
        cls, history: np.ndarray, known: np.ndarray, after: np.ndarray, season_length: int, *, from_zero: bool = False
    ) -> "Smoother":
        """What many histories say, given as for `smoothed`, by what came after them, of shape (n, horizon).

        The first weight of several that do equally well is 4.
        """
        horizon = after.shape[1]
        filled, zero = whole(history, season_length), 0.0 if from_zero else None
        ahead = judged_steps(season_length, horizon)
        errors = Parts.of(filled, known, season_length, ahead, zero).errors(after[:, np.array(ahead) - 1])
        told = np.flatnonzero(errors.mean(axis=1) > 0)
        if not len(told):
            return cls(from_zero=from_zero)
        size = errors[told, :STEADY].mean(axis=1)
        errors, history, known, after = _relative(errors[told]), history[told], known[told], after[told]
        filled = whole(history, season_length)
        grows = may_grow(filled, known, season_length, from_zero=from_zero)
        expected = errors[:, OF_ONE_SIZE].mean(axis=0)
        if grows.any():
            expected += (errors - errors[:, OF_ONE_SIZE])[grows].mean(axis=0)
        past = past_errors(history, known, season_length, horizon, from_zero=from_zero)
        one, rows = cls(tuple(expected.tolist()), from_zero=from_zero), np.arange(len(told))
        tried = [replace(one, weight=weight) for weight in _WEIGHTS]
        best = tried[int(np.argmin([errors[rows, each._lowest(*past, grows)].mean() for each in tried]))]
        if len(told) < _TELLING_HISTORIES:
            return best
        judged = np.array(ahead) - 1
        alone = smoothed(filled, known, best._lowest(*past, grows), season_length, horizon, from_zero=from_zero)
        both = _with_recursions(alone, history, known, season_length, from_zero=from_zero)
        off = [np.nanmean(np.abs(forecast - after)[:, judged], axis=1) / size for forecast in (alone, both)]
        without, with_them = (np.minimum(each, _MOST_OFF).mean() for each in off)
        return replace(best, recursive=bool(with_them <= _CLEARLY_WORSE * without + _HARDLY_WORSE))

    def choose(self, history: np.ndarray, known: np.ndarray, season_length: int, horizon: int) -> np.ndarray:
        """The numbers among `CHOICES` of the smoothings of many histories, int64 of shape (n,); as for `smoothed`."""
        grows = may_grow(history, known, season_length, from_zero=self.from_zero)
        past = past_errors(history, known, season_length, horizon, from_zero=self.from_zero)
        return self._lowest(*past, grows)

    def _lowest(self, relative: np.ndarray, blocks: np.ndarray, grows: np.ndarray) -> np.ndarray:
        """The choices by errors as `past_errors` gives them, the first of several that are alike.

        Where the season of a history may not grow, what is expected of it is that of a season of one size.
        """
        expected = np.array(self.expected)
        expected = np.where(grows[:, None], expected, expected[OF_ONE_SIZE])
        weighed = blocks[:, None] * relative + self.weight * expected
        return np.asarray((weighed <= (1 + _TIE) * weighed.min(axis=1, keepdims=True)).argmax(axis=1))

    def forecast(self, history: np.ndarray, known: np.ndarray, season_length: int, horizon: int) -> np.ndarray:
        """Forecasts of many histories, float64 of shape (n, horizon); the parameters are those of `smoothed`."""
        choice = self.choose(history, known, season_length, horizon)
        chosen = smoothed(history, known, choice, season_length, horizon, from_zero=self.from_zero)
        if not self.recursive:
            return chosen
        return _with_recursions(chosen, history, known, season_length, from_zero=self.from_zero)


def _with_recursions(
    chosen: np.ndarray, history: np.ndarray, known: np.ndarray, season_length: int, *, from_zero: bool
) -> np.ndarray:
    """The mean of forecasts of shape (n, horizon) and those of the recursions, where these have enough history."""
    recursive = recursively_smoothed(history, known, season_length, chosen.shape[1], from_zero=from_zero)
    return np.where(np.isnan(recursive), chosen, (chosen + recursive) / 2)


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
    mean = errors[:, :STEADY].mean(axis=1, keepdims=True)
    return np.asarray(np.divide(errors, mean, out=np.ones_like(errors), where=mean > 0))


def _summed_errors(
    history: np.ndarray, own: np.ndarray, back: np.ndarray, season_length: int, horizon: int, *, from_zero: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Errors of all choices summed over the places so many steps back, and how many places there were to try at."""
    steps = history.shape[1]
    history, filled, zero = _single(history, whole(history, season_length))
    row, place = np.nonzero(own[:, None] - back > season_length)
    errors, tried = np.zeros((len(history), len(CHOICES))), np.zeros(len(history), dtype=np.float64)
    if len(row):
        cut, known, ahead = steps - back[place], own[row] - back[place], judged_steps(season_length, horizon)
        most = steps_of_history(season_length, steps)
        repeated = np.concatenate([np.repeat(filled[:, :1], most, axis=1), filled], axis=1)
        before = np.lib.stride_tricks.sliding_window_view(repeated, most, axis=1)[row, cut]
        parts = Parts.of(before, known, season_length, ahead, zero[row] if from_zero else None)
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
