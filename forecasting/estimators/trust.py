"""How far an ensemble is trusted against the naive forecast it is combined with, by what many times say.

Series of one panel often move together: a thousand of them at one time tell little more than a few. So the weight is
chosen on blocks of time. The held-out windows are the last block, forecast by the ensemble. The blocks before them,
back to the middle of every series, are forecast by the linear map that the ensemble starts from, fitted to what lies
before.
"""

from dataclasses import dataclass

import numpy as np

from forecasting.estimators.planning import Division
from forecasting.network import linear
from forecasting.network.training import HeldOut
from forecasting.windows import Windows

TRUSTS = np.linspace(0.0, 1.0, 21)
"""The weights that are tried."""
_SMALL_GAIN = 0.01
_PRIOR_BLOCKS = 2.0
_MOST_BLOCKS = 12


@dataclass(frozen=True, eq=False)
class Evidence:
    """How the linear map and the naive forecast, combined, did in earlier blocks of time.

    Attributes
    ----------
    errors : float64 array of shape (n_blocks, len(TRUSTS))
        Mean absolute scaled errors by weight of the linear map, over that of the naive forecast alone.
    windows : int64 array of shape (n_blocks,)
        How many windows each is the mean of.
    """

    errors: np.ndarray
    windows: np.ndarray


def earlier_evidence(
    windows: Windows, division: Division, horizon: int, start: linear.LinearStart, seed: int
) -> Evidence:
    """Evidence from the second half of every series, but for what is held out, by a map that is fitted to the first.

    A block is a horizon long, or a twelfth of the longest half where that is longer; blocks are counted back from the
    held-out windows. There is no evidence where the map is the naive forecast itself, or no series can be halved.

    Parameters
    ----------
    windows : Windows
    division : Division
    horizon : int
    start : LinearStart
        Its penalty and its anchor are taken as they are.
    seed : int
        Draws the windows that the map is fitted to.
    """
    least = division.least_history
    lengths = np.diff(windows.indptr)
    half = np.maximum(np.minimum(lengths // 2, lengths - least - horizon), division.held_out)
    before = windows.cuts(horizon, least_history=least, held_out=half)
    cuts = windows.cuts(horizon, least_history=lengths - half, held_out=division.held_out)
    if start.penalty is None or not len(before) or not len(cuts):
        return Evidence(np.zeros((0, len(TRUSTS))), np.zeros(0, dtype=np.int64))
    cuts = linear.spread(cuts, linear.MOST_WINDOWS)
    batch = windows.gather(cuts)
    target = windows.targets(cuts, batch, horizon)
    fitted = linear.refitted(start, windows, before, horizon, np.random.default_rng(seed)).forecast(batch.reading)
    naive = batch.inputs @ start.anchor_kernel
    length = max(horizon, -(-int(half.max()) // _MOST_BLOCKS))
    end = windows.indptr[1:] - division.held_out
    block = (end[cuts.series] - cuts.row - horizon) // length
    numbers = [number for number in np.unique(block) if np.isfinite(target[block == number]).any()]
    errors = np.array([_errors(fitted[block == n], naive[block == n], target[block == n]) for n in numbers])
    errors = errors.reshape(-1, len(TRUSTS))
    told = errors[:, 0] > 0
    return Evidence(errors[told] / errors[told, :1], np.bincount(block)[numbers][told])


def best_trust(ensemble: np.ndarray, naive: np.ndarray, held_out: HeldOut, earlier: Evidence) -> float:
    """The weight with the lowest error over all blocks, less where it gains little or the blocks are few.

    A forecast combination (Bates and Granger 1969). On a random walk the best weight is noise, and so is the small gain
    that it seems to bring: a gain of 1 % halves the weight. With n blocks that count alike, the weight is drawn towards
    one half as if two more had said that: equal weights are hard to beat by weights estimated from little, see Smith
    and Wallis 2009, "A simple explanation of the forecast combination puzzle".

    Parameters
    ----------
    ensemble, naive : arrays of shape (n, horizon)
        Scaled forecasts of the held-out windows.
    held_out : HeldOut
    earlier : Evidence

    Returns
    -------
    float
        Share of the ensemble, 0 to 1.
    """
    last = _errors(ensemble, naive, held_out.target)
    last = last / last[0] if last[0] > 0 else np.ones_like(last)
    errors = np.vstack([earlier.errors, last])
    share = np.append(earlier.windows, earlier.windows.max(initial=1))
    share = share / share.sum()
    pooled = share @ errors
    alike, gain = 1 / np.square(share).sum(), 1 - pooled.min()
    trust = (alike * TRUSTS[int(np.argmin(pooled))] + _PRIOR_BLOCKS * 0.5) / (alike + _PRIOR_BLOCKS)
    return float(trust * gain**2 / (gain**2 + _SMALL_GAIN**2))


def combined(ensemble: np.ndarray, naive: np.ndarray, trust: float) -> np.ndarray:
    """Both forecasts weighted, float64."""
    return trust * np.asarray(ensemble, dtype=np.float64) + (1 - trust) * naive


def _errors(ensemble: np.ndarray, naive: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Mean absolute error over the observed targets by weight of the ensemble, of shape (len(TRUSTS),)."""
    return np.array([np.nanmean(np.abs(target - combined(ensemble, naive, trust))) for trust in TRUSTS])
