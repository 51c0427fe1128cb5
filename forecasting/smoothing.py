"""Exponential smoothing with fixed parameters: level, season and a share of the trend, from the last seasons alone.

The forecasts that networks are combined with. Nothing is fitted per series: with its parameters given, such a forecast
is one matrix, times the history.
"""

import functools
from dataclasses import dataclass

import numpy as np

SEASONS = 6
"""Seasons of history that are smoothed at most; earlier ones would weigh little."""
STEPS_WITHOUT_SEASON = 20
"""Steps of history where there is no season."""
_SEASON = 0.3


@dataclass(frozen=True)
class Smoothing:
    """The parameters of an exponential smoothing.

    With x the history, s the season length, and K whole seasons of history:

        season    m_p = sum_k w_k x_{t-p-ks}, the value p steps back smoothed over its seasons; w_k ~ 0.7^k
        trend     b   = mean over p of the same sum of (x_{t-p-ks} - x_{t-p-(k+1)s}) / s;
                        without a season the slope of the least squares line
        pattern   S_p = m_p - mean(m) + b (p - mean(p)); without a season 0
        level     l   = sum_j a_j (x_{t-j} - S_{j mod s}), a_j ~ (1 - level)^j, of mean age g = sum_j a_j j
        forecast  y_h = l + trend b (g + h) + S_{-h mod s}

    An additive Holt-Winters method (Winters 1960) with its weights cut off at the history and a season's weight of 0.3.
    ``trend=0.5`` without a season is near the Theta method, which has half the slope (Hyndman and Billah 2003).

    Attributes
    ----------
    level : float
        Weight of the last value in the level, above 0 and below 1.
    trend : float
        Share of the trend that goes on.
    """

    level: float
    trend: float

    def forecast(self, history: np.ndarray, known: np.ndarray, season_length: int, horizon: int) -> np.ndarray:
        """Forecasts of many histories.

        Parameters
        ----------
        history : float64 array of shape (n, steps)
            The last ``steps_of_history`` steps; those before a series began repeat its first value.
        known : int array of shape (n,)
            Steps of each that are its own, at least 1. Whole seasons of these are used, or one season, repeats
            included, where they are fewer.
        season_length, horizon : int

        Returns
        -------
        float64 array of shape (n, horizon)
        """
        used = np.minimum(known, history.shape[1]) // season_length * season_length
        used = np.maximum(used, min(season_length, history.shape[1]))
        level = history[:, -1:]
        forecast = np.empty((len(history), horizon))
        for steps in np.unique(used):
            some = used == steps
            kernel = smoothing_kernel(self, int(steps), season_length, horizon)
            forecast[some] = (history[some, -steps:] - level[some]) @ kernel + level[some]
        return forecast


CHOICES = tuple(Smoothing(level, trend) for level in (0.3, 0.5, 0.8) for trend in (0.0, 0.3, 0.6))
"""The smoothings that are tried."""


def steps_of_history(season_length: int, most: int) -> int:
    """Steps of history that a smoothing reads, no more than ``most``."""
    return min(SEASONS * season_length if season_length > 1 else STEPS_WITHOUT_SEASON, most)


@functools.lru_cache(maxsize=256)
def smoothing_kernel(smoothing: Smoothing, steps: int, season_length: int, horizon: int) -> np.ndarray:
    """A smoothing as a matrix of shape (steps, horizon): a history, the oldest step first, times it is its forecast.

    ``steps`` are whole seasons, or fewer than one: then all is level.
    """
    back = np.eye(steps)[::-1]  # row j picks the value j steps back
    season = season_length if steps >= season_length else 1
    seasons, place = steps // season, np.arange(season)
    by_season = back.reshape(seasons, season, steps)
    weight = (1 - _SEASON) ** np.arange(seasons)
    if season > 1:
        smoothed = np.tensordot(weight / weight.sum(), by_season, 1)
        apart = (by_season[:-1] - by_season[1:]).mean(axis=1) / season
        trend = weight[:-1] @ apart / weight[:-1].sum() if seasons > 1 else np.zeros(steps)
        pattern = smoothed - smoothed.mean(axis=0) + np.outer(place - place.mean(), trend)
    else:
        centered = np.arange(steps) - (steps - 1) / 2
        sloping = season_length == 1 and steps > 1
        trend = centered / np.square(centered).sum() if sloping else np.zeros(steps)
        pattern = np.zeros((1, steps))
    ages = np.arange(steps)
    share = (1 - smoothing.level) ** ages
    share /= share.sum()
    level = share @ (back - pattern[ages % season])
    ahead = np.arange(1, horizon + 1)
    going_on = np.outer(share @ ages + ahead, smoothing.trend * trend)
    return np.asarray((level + going_on + pattern[-ahead % season]).T)
