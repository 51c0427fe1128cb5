"""What an ensemble is combined with, and how far it is trusted against that, by what many times say.

Its partner is the naive forecast that it starts from, or an exponential smoothing that is chosen for each series.

Series of one panel often move together: a thousand of them at one time tell little more than a few. So partner and
trust are chosen on blocks of time. The held-out windows are the last block, forecast by the ensemble. The blocks before
them, back to the middle of every series, are forecast by the linear map that the ensemble starts from, fitted to what
lies before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from forecasting.estimators.planning import Division
from forecasting.network import linear
from forecasting.scaling import Batch
from forecasting.smoothing import Smoother
from forecasting.windows import CutRanges, Cuts, Windows, reach

TRUSTS = np.linspace(0.0, 1.0, 21)
"""The weights that are tried."""
_MOST_MISSING = 0.7
"""Where more of the steps is missing, no smoothing is tried."""
_MOST_HISTORIES = 2_000
"""What is expected of smoothings is the mean over so many histories at most,"""
_MOST_VALUES = 4_000_000
"""and over so many of their values."""
_MOST_WINDOWS = 2_000
"""So many windows at most are evidence."""
_SMALL_GAIN = 0.01
_PRIOR_BLOCKS = 1.0, 10.0
"""So many blocks count one half as the weight against the naive forecast, and against a smoothing."""
_MOST_BLOCKS = 12
_LAST_BLOCK = 2.0
_ROUNDING = 1e-9
"""Errors that differ by less with the weight do not differ."""
_CLEARLY = 0.005
"""A smoothing takes the place of the naive forecast where the error of the combination is this much less."""


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


_NO_EVIDENCE = Evidence(np.zeros((0, 0, len(TRUSTS))), np.zeros(0, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Combining:
    """What decides about the combination of an ensemble, besides its own forecasts of the held-out windows.

    Attributes
    ----------
    earlier : Evidence
        Of the blocks before what is held out.
    map : array of shape (n_held_out, horizon)
        Scaled forecasts of the held-out windows by the map that forecast those blocks.
    smoother : callable
        Makes the one to forecast with if a smoothing is chosen.
    partners : list of arrays of shape (n_held_out, horizon)
        Scaled forecasts of the held-out windows, by what is fitted to what lies before; see `partner_forecasts`.
    """

    earlier: Evidence
    map: np.ndarray
    smoother: Callable[[], Smoother | None]
    partners: list[np.ndarray]

    def best(self, ensemble: np.ndarray, target: np.ndarray) -> tuple[int, float]:
        """`best_combination` with scaled forecasts of the held-out windows by an ensemble."""
        return best_combination(ensemble, self.map, self.partners, target, self.earlier)


def usual_smoother(windows: Windows, cuts: Cuts | CutRanges, horizon: int) -> Smoother | None:
    """A smoother by what these cuts say; None where much of the series is missing."""
    if windows.share_missing > _MOST_MISSING:
        return None
    return windows.smoother(linear.spread(cuts, most_histories(windows.lookback, windows.season_length)), horizon)


def most_histories(lookback: int, season_length: int) -> int:
    """How many histories, each as long as `reach` says, a smoother is made of at most."""
    return max(1, min(_MOST_HISTORIES, _MOST_VALUES // reach(lookback, season_length)))


def partner_forecasts(
    windows: Windows, cuts: Cuts, batch: Batch, anchor_kernel: np.ndarray, smoother: Smoother | None
) -> list[np.ndarray]:
    """Scaled forecasts at these cuts, each of shape (n, horizon): the naive one, and that of a smoother if there is."""
    naive = batch.inputs @ anchor_kernel
    if smoother is None:
        return [naive]
    return [naive, batch.scaled(windows.smoothed(cuts, smoother, anchor_kernel.shape[1]))]


def earlier_evidence(
    windows: Windows, division: Division, horizon: int, start: linear.LinearStart, seed: int
) -> tuple[Evidence, linear.LinearStart]:
    """Evidence from the second half of every series, but for what is held out, by what is fitted to the first.

    A block is a horizon long, or a twelfth of the longest half where that is longer; blocks are counted back from the
    held-out windows. There is no evidence where no series can be halved.

    Parameters
    ----------
    windows : Windows
    division : Division
    horizon : int
    start : LinearStart
        Its penalty and its anchor are taken as they are.
    seed : int
        Draws the windows that the map is fitted to.

    Returns
    -------
    evidence : Evidence
    map : LinearStart
        The map; without evidence ``start`` itself.
    """
    least = division.least_history
    lengths = np.diff(windows.indptr)
    half = np.maximum(np.minimum(lengths // 2, lengths - least - horizon), division.held_out)
    before = windows.cuts(horizon, least_history=least, held_out=half)
    cuts = windows.cuts(horizon, least_history=lengths - half, held_out=division.held_out)
    if not len(before) or not len(cuts):
        return _NO_EVIDENCE, start
    fitted = linear.refitted(start, windows, before, horizon, np.random.default_rng(seed))
    smoother = usual_smoother(windows, before, horizon)
    cuts = linear.spread(cuts, _MOST_WINDOWS)
    batch = windows.gather(cuts)
    target, forecast = windows.targets(cuts, batch, horizon), fitted.forecast(batch.reading)
    partners = partner_forecasts(windows, cuts, batch, start.anchor_kernel, smoother)
    length = max(horizon, -(-int(half.max()) // _MOST_BLOCKS))
    end = windows.indptr[1:] - division.held_out
    block = (end[cuts.series] - cuts.row - horizon) // length
    parts = [_block(forecast, partners, target, block == number) for number in np.unique(block)]
    return _together([part for part in parts if part is not None]), fitted


def best_combination(
    ensemble: np.ndarray, of_map: np.ndarray, partners: Sequence[np.ndarray], target: np.ndarray, earlier: Evidence
) -> tuple[int, float]:
    """The partner whose combination with the ensemble has the lowest error over all blocks, and the ensemble's weight.

    A forecast combination (Bates and Granger 1969). The naive forecast is the partner unless the combination with the
    smoothing, with its own weight, has an error that is less by half a percent. The last block, the only one that
    the ensemble itself forecast, counts as much as the two largest earlier ones. It also tells how much better than the
    map of the earlier blocks the ensemble is in each combination, which their errors are multiplied by.

    The weight is drawn towards one half as if further blocks had said that, one where the partner is the naive forecast
    and ten where it is a smoothing: equal weights of two good forecasts are hard to beat by weights estimated from
    little, see Smith and Wallis 2009, "A simple explanation of the forecast combination puzzle". On a random walk the
    best weight against the naive forecast is noise, and so is the small gain that it seems to bring: a gain of 1 %
    halves it. Blocks in which the map is the partner itself say nothing about its weight against that.

    Parameters
    ----------
    ensemble : array of shape (n, horizon)
        Scaled forecasts of the held-out windows.
    of_map : array of that shape
        Those of the map that forecast the earlier blocks.
    partners : sequence of arrays of that shape
        As `partner_forecasts` gives them.
    target : array of that shape
        What came next, NaN where unobserved.
    earlier : Evidence

    Returns
    -------
    partner : int
        Its number among ``partners``.
    trust : float
        Share of the ensemble, 0 to 1.
    """
    every = np.ones(len(target), dtype=bool)
    last, before = (_block(forecast, partners, target, every) for forecast in (ensemble, of_map))
    if last is None or before is None:
        last = before = np.ones((len(partners), len(TRUSTS))), len(target)
    gained = np.divide(last[0], before[0], out=np.ones_like(last[0]), where=before[0] > 0)
    measured = np.concatenate([earlier.errors, last[0][None]]) if len(earlier.errors) else last[0][None]
    errors = np.concatenate([measured[:-1] * gained, measured[-1:]])
    counts = np.append(earlier.windows, _LAST_BLOCK * earlier.windows.max(initial=1)).astype(np.float64)
    telling = (np.ptp(measured, axis=2) > _ROUNDING * measured.max(axis=2)).T
    told = [(errors[tells, number], counts[tells]) for number, tells in enumerate(telling)]
    trusts = [_trust(*blocks, prior_blocks) for blocks, prior_blocks in zip(told, _PRIOR_BLOCKS, strict=False)]
    trusts[0] *= _share_of_gain(*told[0])
    pooled = np.tensordot(counts / counts.sum(), errors, 1)
    reached = [np.interp(trust, TRUSTS, by_weight) for trust, by_weight in zip(trusts, pooled, strict=True)]
    partner = int(np.argmin(reached))
    if reached[partner] > (1 - _CLEARLY) * reached[0]:
        partner = 0
    return partner, trusts[partner]


def _trust(errors: np.ndarray, counts: np.ndarray, prior_blocks: float) -> float:
    """The weight by errors of shape (n_blocks, len(TRUSTS)), of so many windows each."""
    if not len(errors):
        return 0.0
    share = counts / counts.sum()
    alike = 1 / np.square(share).sum()
    return float((alike * TRUSTS[int(np.argmin(share @ errors))] + prior_blocks * 0.5) / (alike + prior_blocks))


def _share_of_gain(errors: np.ndarray, counts: np.ndarray) -> float:
    """How much of a weight is left by how little is gained by the best of all, given as for `_trust`."""
    if not len(errors):
        return 0.0
    pooled = counts @ errors
    gain = 1 - pooled.min() / pooled[0]
    return float(gain**2 / (gain**2 + _SMALL_GAIN**2))


def combined(ensemble: np.ndarray, partner: np.ndarray, trust: float) -> np.ndarray:
    """Both forecasts weighted, float64."""
    return trust * np.asarray(ensemble, dtype=np.float64) + (1 - trust) * partner


def _block(
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
        return _NO_EVIDENCE
    errors, windows = zip(*blocks, strict=True)
    return Evidence(np.array(errors), np.array(windows, dtype=np.int64))


def _errors(ensemble: np.ndarray, partner: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Mean absolute error over the observed targets by weight of the ensemble, of shape (len(TRUSTS),)."""
    return np.array([np.nanmean(np.abs(target - combined(ensemble, partner, trust))) for trust in TRUSTS])
