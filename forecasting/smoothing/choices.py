"""The smoothings that there are to choose from."""

import itertools
from dataclasses import dataclass, replace

import numpy as np

SHARES_OF_SEASON = (1.0, 0.5, 0.0)
LEVELS = (0.5, 0.15, 0.3, 0.8, 1.0)
TRENDS = (0.3, 0.0, 0.6, 1.0)
RECENT_TRENDS = (0.5, 1.0)
RECENT_LEVELS = (0.5, 0.8, 1.0)
GROWING_LEVELS = (0.5, 0.3, 0.8)


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
    *itertools.starmap(Smoothing, itertools.product(SHARES_OF_SEASON, LEVELS, TRENDS)),
    *itertools.starmap(Smoothing, itertools.product((0.0,), RECENT_LEVELS, (0.0,), RECENT_TRENDS)),
    *itertools.starmap(Smoothing, itertools.product((1.0,), GROWING_LEVELS, TRENDS, (0.0,), (True,))),
)
"""The smoothings that there are to choose from; the first of them where nothing tells."""
STEADY = sum(not one.recent and not one.grows for one in CHOICES)
"""So many of them, which come first, have no recent trend and no season that grows."""
OF_ONE_SIZE = np.array([CHOICES.index(replace(one, grows=False)) for one in CHOICES])
"""The number of each where its season does not grow."""
PARAMETERS = np.array([(one.season, one.trend, one.recent, one.grows) for one in CHOICES])
LEVEL_NUMBERS = np.array([LEVELS.index(one.level) for one in CHOICES])
