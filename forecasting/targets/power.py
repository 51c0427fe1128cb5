"""The power of a Box-Cox transform, by the method of Guerrero for all series together."""

import numpy as np
from scipy.optimize import minimize_scalar

LOWEST, HIGHEST = 0.0, 2.0
"""Bounds of the power. Below zero the way back has no value above a certain height of the path."""
_BLOCK_WITHOUT_SEASON = 4


def best_power(
    values: np.ndarray, indptr: np.ndarray, season_length: int, bounds: tuple[float, float] = (LOWEST, HIGHEST)
) -> float:
    """The power after which the spread of a series depends least on its level.

    Every series is cut into blocks of a season, or of four steps where there is none, counted back from its end. With
    mean m and standard deviation s of its blocks, the power p minimises the coefficient of variation of s / m**(1 - p)
    (Guerrero 1993, "Time-series analysis supported by power transformations"; blocks of four: Guerrero and Perera
    2004). Here it is the mean of these coefficients over the series, each of which is free of the series' unit.

    Parameters
    ----------
    values : float64 array of shape (n_total,)
        Above zero; blocks with NaN are left out.
    indptr : int64 array of shape (n_series + 1,)
    season_length : int
        In steps; seasons longer than half of the longest series count as half of that.
    bounds : tuple of float, default (0.0, 2.0)

    Returns
    -------
    float
        1.0 where no series has two whole blocks or none of them varies.
    """
    usual = season_length if season_length > 1 else _BLOCK_WITHOUT_SEASON
    length = min(usual, int(np.diff(indptr).max(initial=0)) // 2)
    if length < 2:
        return 1.0
    series, mean, spread = _blocks(values, indptr, length)
    if not len(series):
        return 1.0
    count = np.bincount(series)

    def variation(power: float) -> float:
        ratio = spread / mean ** (1 - power)
        center = np.bincount(series, ratio) / count
        deviation = np.sqrt(np.bincount(series, (ratio - center[series]) ** 2) / (count - 1))
        return float((deviation / center).mean())

    return float(minimize_scalar(variation, bounds=bounds, method="bounded").x)


def _blocks(values: np.ndarray, indptr: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Series, mean and standard deviation of every whole block without NaN, of series with two of them that vary.

    Series are counted anew; means and deviations are relative to the mean of their series.
    """
    counts = np.diff(indptr) // length
    series = np.repeat(np.arange(len(counts)), counts)
    number = np.arange(len(series)) - np.repeat(np.cumsum(counts) - counts, counts)
    end = indptr[1:][series] - length * number
    blocks = values[end[:, None] - np.arange(1, length + 1)]
    whole = ~np.isnan(blocks).any(axis=1)
    series, mean, spread = series[whole], blocks[whole].mean(axis=1), blocks[whole].std(axis=1, ddof=1)
    telling = (np.bincount(series, minlength=1) > 1) & (np.bincount(series, spread, minlength=1) > 0)
    told = np.isin(series, np.flatnonzero(telling))
    series = np.unique(series[told], return_inverse=True)[1]
    unit = (np.bincount(series, mean[told]) / np.bincount(series))[series]
    return series, mean[told] / unit, spread[told] / unit
