"""What an ensemble is combined with, and how far it is trusted against that, by what many times say.

Its partners are the naive forecast that it starts from, and an exponential smoothing that is chosen for each series.

Series of one panel often move together: a thousand of them at one time tell little more than a few. So the shares of
the three are chosen on blocks of time. The held-out windows are the last block, forecast by the ensemble. The blocks
before them, back to the middle of every series, are forecast by the linear map that the ensemble starts from, fitted
to what lies before.
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

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
_SHARE_OF_GAINED = 0.5
"""As a power: what the ensemble gained on the map in one block is likely to be less in others."""
_ROUNDING = 1e-9
"""Errors that differ by less with the weight do not differ."""
_CLEARLY = 0.005
"""A smoothing takes the place of the naive forecast where the error of the combination is this much less."""
_USUAL_BLOCKS = 2.0
"""So many blocks count the usual shares."""
_LEAST_SMOOTHING = 0.15
"""A smoothing that has a smaller share than that by the usual shares alone is not worth its time."""


@dataclass(frozen=True)
class Shares:
    """The weights of a combination, which add up to 1.

    Attributes
    ----------
    naive, smoothing, networks : float
    """

    naive: float
    smoothing: float
    networks: float

    def combined(self, networks: np.ndarray, naive: np.ndarray, smoothed: np.ndarray | None = None) -> np.ndarray:
        """Scaled forecasts of one shape weighted, float64; ``smoothed`` is needed where it has a share."""
        mixed = self.networks * np.asarray(networks, dtype=np.float64) + self.naive * naive
        if smoothed is not None:
            return mixed + self.smoothing * smoothed
        if self.smoothing:
            raise ValueError("the forecasts of the smoothing are needed")
        return mixed


NETWORKS_ALONE = Shares(0.0, 0.0, 1.0)
_USUAL = Shares(0.0, 0.6, 0.4)


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
    usual : bool
        Whether shares are drawn towards the usual ones; not where there are covariates, which no partner knows.
    """

    earlier: Evidence
    map: np.ndarray
    smoother: Callable[[], Smoother | None]
    partners: list[np.ndarray]
    usual: bool

    def best(self, ensemble: np.ndarray, target: np.ndarray) -> Shares:
        """`best_combination` with scaled forecasts of the held-out windows by an ensemble."""
        return best_combination(ensemble, self.map, self.partners, target, self.earlier, usual=self.usual)


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
    ensemble: np.ndarray,
    of_map: np.ndarray,
    partners: Sequence[np.ndarray],
    target: np.ndarray,
    earlier: Evidence,
    *,
    usual: bool = True,
) -> Shares:
    """The shares of the ensemble and of its partners, by their errors over all blocks.

    A forecast combination (Bates and Granger 1969). At first the ensemble has one partner: the naive forecast, unless
    the combination with the smoothing, with its own weight, has an error that is less by half a percent. The last
    block, the only one that the ensemble itself forecast, counts as much as the two largest earlier ones. It also tells
    how much better than the map of the earlier blocks the ensemble is in each combination: their errors are multiplied
    by the square root of that.

    The weight is drawn towards one half as if further blocks had said that, one where the partner is the naive forecast
    and ten where it is a smoothing: equal weights of two good forecasts are hard to beat by weights estimated from
    little, see Smith and Wallis 2009, "A simple explanation of the forecast combination puzzle". On a random walk the
    best weight against the naive forecast is noise, and so is the small gain that it seems to bring: a gain of 1 %
    halves it. Blocks in which the map is the partner itself say nothing about its weight against that.

    These shares are drawn towards the usual ones, 0.6 for the smoothing and 0.4 for the ensemble, as if two further
    blocks had said that; a prior for the weights as of Diebold and Pauly 1990, "The use of prior information in
    forecast combination". So a short history, which tells little, is forecast as most are. A smoothing that is not the
    partner and would have a share below 0.15, as where more than six blocks tell, is left out, and the naive forecast
    is not drawn away from where no block tells anything.

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
    usual : bool, default True
        Whether the usual shares are drawn towards.

    Returns
    -------
    Shares
    """
    every = np.ones(len(target), dtype=bool)
    last, before = (_block(forecast, partners, target, every) for forecast in (ensemble, of_map))
    if last is None or before is None:
        last = before = np.ones((len(partners), len(TRUSTS))), len(target)
    gained = np.divide(last[0], before[0], out=np.ones_like(last[0]), where=before[0] > 0) ** _SHARE_OF_GAINED
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
    chosen = Shares(1 - trusts[0], 0.0, trusts[0]) if partner == 0 else Shares(0.0, 1 - trusts[1], trusts[1])
    return _usually(chosen, _alike(counts)) if usual and len(partners) > 1 and telling.any() else chosen


def _trust(errors: np.ndarray, counts: np.ndarray, prior_blocks: float) -> float:
    """The weight by errors of shape (n_blocks, len(TRUSTS)), of so many windows each."""
    if not len(errors):
        return 0.0
    alike, best = _alike(counts), TRUSTS[int(np.argmin(counts @ errors))]
    return float((alike * best + prior_blocks * 0.5) / (alike + prior_blocks))


def _usually(chosen: Shares, alike: float) -> Shares:
    """Shares that so many blocks say, drawn towards the usual ones."""
    told = alike / (alike + _USUAL_BLOCKS)
    drawn = Shares(
        *(told * one + (1 - told) * usual for one, usual in zip(astuple(chosen), astuple(_USUAL), strict=True))
    )
    return drawn if chosen.smoothing or drawn.smoothing >= _LEAST_SMOOTHING else chosen


def _alike(counts: np.ndarray) -> float:
    """How many blocks of one size tell as much as blocks of so many windows each."""
    return float(counts.sum() ** 2 / np.square(counts).sum())


def _share_of_gain(errors: np.ndarray, counts: np.ndarray) -> float:
    """How much of a weight is left by how little is gained by the best of all, given as for `_trust`."""
    if not len(errors):
        return 0.0
    pooled = counts @ errors
    gain = 1 - pooled.min() / pooled[0]
    return float(gain**2 / (gain**2 + _SMALL_GAIN**2))


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
    ensemble = np.asarray(ensemble, dtype=np.float64)
    return np.array([np.nanmean(np.abs(target - (trust * ensemble + (1 - trust) * partner))) for trust in TRUSTS])
