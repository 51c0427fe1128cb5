"""Quantiles beside the point forecast: how they are made of it, how good they are, and where they begin.

The network says the point, and between each two quantiles next to each other a gap that is above zero:

    q_j = point + (g_m + ... + g_{j-1})       above the middle one, m, which is the point
    q_j = point - (g_j + ... + g_{m-1})       below it

So they never cross, whatever the weights are, as in Park, Maddix, Aubet, Kan, Gasthaus and Wang 2022, "Learning
quantile functions without quantile crossing for distribution-free time series forecasting" (arXiv 2111.06581).
"""

import itertools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

LEAST_GAP = 1e-4
"""Between two quantiles next to each other, in units of the scale of a window."""


def rising(point: Any, gaps: Sequence[Any]) -> list[Any]:
    """The quantiles, lowest first, of a point and the gaps between them, lowest first and as many on either side.

    Of numbers, arrays or tensors; see the module for the formula.
    """
    middle = len(gaps) // 2
    below = list(itertools.accumulate(reversed(gaps[:middle]), operator.sub, initial=point))
    return [*reversed(below[1:]), *itertools.accumulate(gaps[middle:], initial=point)]


def by_quantile(outputs: np.ndarray, n_quantiles: int) -> np.ndarray:
    """Outputs of shape (..., n_quantiles * horizon) as (..., n_quantiles, horizon)."""
    return outputs.reshape(*outputs.shape[:-1], n_quantiles, -1)


def mean_pinball(target: np.ndarray, outputs: np.ndarray, quantiles: Sequence[float]) -> float:
    """Mean pinball loss (Koenker and Bassett 1978) over all quantiles and observed targets.

    Parameters
    ----------
    target : array of shape (n, horizon)
        NaN where not observed.
    outputs : array of shape (n, n_quantiles, horizon)
    quantiles : sequence of float
        Probabilities.
    """
    gap, share = target[:, None] - outputs, np.asarray(quantiles)[:, None]
    return float(np.nanmean(np.maximum(share * gap, (share - 1) * gap)))


def spread_bias(errors: np.ndarray, quantiles: Sequence[float]) -> np.ndarray:
    """Where the gaps begin: those between the empirical quantiles of the errors of each step.

    The middle quantile is the point itself, so that its error counts as zero, and quantiles on the wrong side of it as
    zero too.

    Parameters
    ----------
    errors : array of shape (n, horizon)
        Scaled errors of the points that the training begins at; NaN where not observed. A step without any takes those
        of all steps.
    quantiles : sequence of float
        Probabilities, rising, the middle one being that of the point.

    Returns
    -------
    float32 array of shape ((n_quantiles - 1) * horizon,)
        What softplus and `LEAST_GAP` make these gaps of.
    """
    middle, known = len(quantiles) // 2, np.isfinite(errors).any(axis=0)
    errors = errors.astype(np.float64)
    found = np.repeat(np.nanquantile(errors, quantiles)[:, None], errors.shape[1], axis=1)
    found[:, known] = np.nanquantile(errors[:, known], quantiles, axis=0)
    found[middle] = 0.0
    found[:middle], found[middle + 1 :] = np.minimum(found[:middle], 0.0), np.maximum(found[middle + 1 :], 0.0)
    gaps = np.maximum(np.diff(found, axis=0) - LEAST_GAP, LEAST_GAP)
    return np.log(np.expm1(gaps)).astype(np.float32).ravel()
