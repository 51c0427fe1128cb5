"""What an ensemble is combined with, and how far it is trusted against that, by what many times say.

Its partners are the naive forecast that it starts from, and an exponential smoothing that is chosen for each series.

The shares of the three are chosen on blocks of time. The held-out windows are the last block, forecast by the
ensemble; of those before them `forecasting.estimators.earlier` tells.
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from forecasting.estimators.earlier import NO_EVIDENCE, TRUSTS, Earlier, Errors, Evidence, block_errors
from forecasting.smoothing import Smoother

_SMALL_GAIN = 0.01
_PRIOR_BLOCKS = 1.0, 10.0
"""So many blocks count one half as the weight against the naive forecast, and against a smoothing."""
_LAST_BLOCK = 2.0
_SHARE_OF_GAINED = 0.5
"""As a power: what the ensemble gained on the map in one block is likely to be less in others."""
_ROUNDING = 1e-9
"""Errors that differ by less with the weight do not differ."""
_CLEARLY = 0.005
"""A smoothing takes the place of the naive forecast where the error of the combination is this much less."""
_USUAL_BLOCKS = 2.0
"""So many blocks count the usual shares."""
_LEAST_SMOOTHING = 1 / 6
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
_USUAL = Shares(0.0, 2 / 3, 1 / 3)
"""A third for each of three forecasts: a smoothing is the mean of two."""


@dataclass(frozen=True, eq=False)
class Combining:
    """What decides about the combination of an ensemble, besides its own forecasts of the held-out windows.

    Attributes
    ----------
    earlier : Earlier or None
        The blocks before what is held out; None where there are none.
    map : array of shape (n_held_out, horizon)
        Scaled forecasts of the held-out windows by the map that forecast those blocks.
    smoother : callable
        Makes the one to forecast with if a smoothing is chosen.
    partners : list of arrays of shape (n_held_out, horizon)
        Scaled forecasts of the held-out windows, by what is fitted to what lies before; see `partner_forecasts`.
    usual : bool
        Whether shares are drawn towards the usual ones; not where there are covariates, which no partner knows, nor
        where the horizon is longer than what a smoothing reads.
    """

    earlier: Earlier | None
    map: np.ndarray
    smoother: Callable[[], Smoother | None]
    partners: list[np.ndarray]
    usual: bool

    def best(self, ensemble: np.ndarray, target: np.ndarray) -> Shares:
        """`best_combination` with scaled forecasts of the held-out windows by an ensemble."""
        evidence = NO_EVIDENCE if self.earlier is None else self.earlier.evidence
        return best_combination(ensemble, self.map, self.partners, target, evidence, usual=self.usual)

    def earlier_errors(self, shares: Shares, ensemble: np.ndarray, target: np.ndarray) -> Errors | None:
        """Errors of a combination in the earlier blocks, about as they would be if the ensemble had forecast these too.

        They are those with the map in its place, times the square root of how much smaller the errors of the held-out
        windows are with the ensemble. None where there is no earlier block.

        Parameters
        ----------
        shares : Shares
        ensemble : array of shape (n_held_out, horizon)
        target : array of that shape
            NaN where unobserved.
        """
        if self.earlier is None:
            return None
        errors = self.earlier.target - shares.combined(self.earlier.forecast, *self.earlier.partners)
        with_map, with_ensemble = (
            np.nanmean(np.abs(target - shares.combined(forecast, *self.partners))) for forecast in (self.map, ensemble)
        )
        smaller = (with_ensemble / with_map) ** _SHARE_OF_GAINED if with_map > 0 else 1.0
        return Errors(errors * smaller, self.earlier.movement, self.earlier.age, self.earlier.independent)


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

    These shares are drawn towards the usual ones, two thirds for the smoothing and one for the ensemble, as if two
    further blocks had said that; a prior for the weights as of Diebold and Pauly 1990, "The use of prior information in
    forecast combination". So a short history, which tells little, is forecast as most are. A smoothing that is not the
    partner and would have a share below a sixth, as where more than six blocks tell, is left out, and the naive
    forecast is not drawn away from where no block tells anything.

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
    last, before = (block_errors(forecast, partners, target, every) for forecast in (ensemble, of_map))
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
