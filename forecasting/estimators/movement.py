"""How much series moved just before a forecast: what the width of intervals depends on besides the scale."""

import numpy as np

from forecasting.windows import Cuts, Windows, reach

_SHORTEST_HALF_LIFE = 10
_VALUES_AT_ONCE = 100_000


def recent_movement(windows: Windows, cuts: Cuts, scale: np.ndarray) -> np.ndarray:
    """How much each series moved just before its cut, in relation to its window.

    The exponentially weighted mean of the absolute seasonal differences of the path, over the `reach` of the window,
    with a half-life of a season, or ten steps where that is longer; over the scale of the window, which weights them
    all the same. 1 where no two values one season apart were observed.

    Parameters
    ----------
    windows : Windows
    cuts : Cuts
    scale : float64 array of shape (n_cuts,)
        As `Windows.gather` gives it.

    Returns
    -------
    float64 array of shape (n_cuts,)
    """
    at_once = max(1, _VALUES_AT_ONCE // reach(windows.lookback, windows.season_length))
    change = np.concatenate([_weighted_change(windows, part) for part in cuts.parts(at_once)])
    return relative_movement(change, scale)


def relative_movement(change: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """`weighted_change` over the scale of the window; 1 where there is none."""
    return np.asarray(np.nan_to_num(change / scale, nan=1.0))


def _weighted_change(windows: Windows, cuts: Cuts) -> np.ndarray:
    season = windows.season_length
    back = np.arange(-reach(windows.lookback, season), 0)
    rows, first = cuts.row[:, None] + back, windows.indptr[cuts.series][:, None]
    return weighted_change(np.where(rows >= first, windows.path[np.maximum(rows, first)], np.nan), season)


def weighted_change(path: np.ndarray, season: int) -> np.ndarray:
    """The exponentially weighted mean of `recent_movement` of paths of shape (n, reach); NaN where there is no pair."""
    back = np.arange(-path.shape[1], 0)
    change = np.abs(path[:, season:] - path[:, :-season])
    weight = np.where(np.isnan(change), 0.0, 0.5 ** (-back[season:] / max(season, _SHORTEST_HALF_LIFE)))
    total = weight.sum(axis=1)
    mean: np.ndarray = np.divide(
        (np.nan_to_num(change) * weight).sum(axis=1), total, out=np.full(len(total), np.nan), where=total > 0
    )
    return mean
