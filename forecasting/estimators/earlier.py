"""How forecasts of blocks of time before what is held out did, made by a linear map that is fitted to what lies before.

Series of one panel often move together: a thousand of them at one time tell little more than a few. What is held out is
one block of time; these are further ones, back to the middle of every series.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from forecasting.estimators.movement import recent_movement
from forecasting.estimators.partners import partner_forecasts, usual_smoother
from forecasting.estimators.planning import Division
from forecasting.network import linear
from forecasting.windows import Windows

TRUSTS = np.linspace(0.0, 1.0, 21)
"""The weights that are tried."""
MOST_EARLIER = 2_000
"""So many windows at most are forecast."""
_MOST_BLOCKS = 12


@dataclass(frozen=True, eq=False)
class Evidence:
    """How forecasts of an ensemble, or of the map it starts from, did in blocks of time, combined with each partner.

    Attributes
    ----------
    errors : float64 array of shape (n_blocks, n_partners, len(TRUSTS))
        Mean absolute scaled errors by partner and weight of the ensemble, over that of the naive forecast alone.
    windows : int64 array of shape (n_blocks,)
        How many windows each is the mean of.
    """

    errors: np.ndarray
    windows: np.ndarray


NO_EVIDENCE = Evidence(np.zeros((0, 0, len(TRUSTS))), np.zeros(0, dtype=np.int64))


class Errors(NamedTuple):
    """Errors of n forecasts, and what is to be known about them to calibrate intervals.

    Attributes
    ----------
    scaled : array of shape (n, horizon)
        Actual minus forecast, NaN where unobserved.
    movement : float64 array of shape (n,)
        How much the series moved just before; see `recent_movement`.
    age : int64 array of shape (n,)
        Steps from where a forecast begins to the end of its series.
    independent : float
        How many of the forecasts share no actual value, about.
    """

    scaled: np.ndarray
    movement: np.ndarray
    age: np.ndarray
    independent: float


@dataclass(frozen=True, eq=False)
class Earlier:
    """Windows of n places in the earlier blocks, forecast by the map that an ensemble starts from.

    Attributes
    ----------
    evidence : Evidence
    map : LinearStart
        Fitted to what lies before the blocks.
    forecast : array of shape (n, horizon)
        Scaled forecasts by the map.
    partners : list of arrays of that shape
        Those of the partners, fitted to what lies before the blocks too.
    target : array of that shape
        What came next, NaN where unobserved.
    movement, age, independent
        As of `Errors`.
    """

    evidence: Evidence
    map: linear.LinearStart
    forecast: np.ndarray
    partners: list[np.ndarray]
    target: np.ndarray
    movement: np.ndarray
    age: np.ndarray
    independent: float


def earlier_blocks(
    windows: Windows, division: Division, horizon: int, start: linear.LinearStart, seed: int
) -> Earlier | None:
    """The second half of every series, but for what is held out, forecast by what is fitted to the first.

    A block is a horizon long, or a twelfth of the longest half where that is longer; blocks are counted back from the
    held-out windows. None where no series can be halved.

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
    if not len(before) or not len(cuts):
        return None
    fitted = linear.refitted(start, windows, before, horizon, np.random.default_rng(seed))
    smoother = usual_smoother(windows, before, horizon)
    cuts = linear.spread(cuts, MOST_EARLIER)
    batch = windows.gather(cuts)
    target, forecast = windows.targets(cuts, batch, horizon), fitted.forecast(batch.reading)
    partners = partner_forecasts(windows, cuts, batch, start.anchor_kernel, smoother)
    length = max(horizon, -(-int(half.max()) // _MOST_BLOCKS))
    end = windows.indptr[1:] - division.held_out
    block = (end[cuts.series] - cuts.row - horizon) // length
    parts = [block_errors(forecast, partners, target, block == number) for number in np.unique(block)]
    steps = half - division.held_out
    told = np.isfinite(target).any(axis=1).mean() * steps[steps >= horizon].sum() / horizon
    return Earlier(
        _together([part for part in parts if part is not None]),
        fitted,
        forecast,
        partners,
        target,
        movement=recent_movement(windows, cuts, batch.scale),
        age=windows.age(cuts),
        independent=min(float(told), len(target)),
    )


def block_errors(
    ensemble: np.ndarray, partners: Sequence[np.ndarray], target: np.ndarray, some: np.ndarray
) -> tuple[np.ndarray, int] | None:
    """Relative errors of some windows, of shape (n_partners, len(TRUSTS)), and how many windows they are.

    None where nothing was observed, or where the naive forecast has no error.
    """
    ensemble, target = ensemble[some], target[some]
    if not np.isfinite(target).any():
        return None
    errors = np.array([_errors(ensemble, partner[some], target) for partner in partners])
    return (errors / errors[0, 0], len(target)) if errors[0, 0] > 0 else None


def _together(blocks: Sequence[tuple[np.ndarray, int]]) -> Evidence:
    if not blocks:
        return NO_EVIDENCE
    errors, windows = zip(*blocks, strict=True)
    return Evidence(np.array(errors), np.array(windows, dtype=np.int64))


def _errors(ensemble: np.ndarray, partner: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Mean absolute error over the observed targets by weight of the ensemble, of shape (len(TRUSTS),)."""
    ensemble = np.asarray(ensemble, dtype=np.float64)
    return np.array([np.nanmean(np.abs(target - (trust * ensemble + (1 - trust) * partner))) for trust in TRUSTS])
