"""Split conformal intervals from errors of held-out forecasts: half widths for each step, and draws of whole rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from forecasting.errors import DataError, ParameterError

# A sum of weights counts as having reached its target when only rounding separates the two.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class SplitConformal:
    """Symmetric prediction intervals from the errors of forecasts that the model was not fitted on.

    For ``n`` absolute errors of one step and a level of ``100 * q`` percent, the half width of the step is the
    ``ceil((n + 1) * q)``-th smallest error [1]_ [2]_. If the next error is exchangeable with these, the interval covers
    with probability of at least ``q`` and, without ties, of at most ``q + 1 / (n + 1)``. With weights the half width is
    the smallest error whose errors up to it weigh ``q * (sum of weights + 1)`` [3]_; the forecast to come weighs 1.

    A step with fewer than ``q / (1 - q)`` errors has no such rank. It borrows from the other steps: every error is
    divided by the scale of its step, the quotients of all steps are pooled, and their quantile times the scale of the
    step is its half width. The scale is ``step ** p`` with ``0 <= p <= 2``, fitted to the absolute errors by gamma
    regression (0 for errors that do not grow, 0.5 for those of a random walk): one number, because few errors tell no
    more. This assumes that errors differ between steps in scale, not in shape. The errors of one window depend on each
    other, so the pool tells less than its size suggests. The half width of a borrowing step is never below the largest
    error of the step itself: this keeps intervals nested, and covers up to about five points more than the level.

    `places` and `errors_at` make errors of whole rows: each step is distributed as its intervals say, and the steps of
    a row are as dependent as those of the held-out rows.

    Build it with `fit`; never changed afterwards.

    Attributes
    ----------
    errors : float64 array of shape (n_scores, horizon)
        Actual minus forecast in a scaled space chosen by the caller; NaN where the actual value is missing.
    weights : float64 array of shape (n_scores,)

    References
    ----------
    .. [1] V. Vovk, A. Gammerman, G. Shafer, *Algorithmic Learning in a Random World*, Springer, 2005.
    .. [2] J. Lei, M. G'Sell, A. Rinaldo, R. J. Tibshirani, L. Wasserman, "Distribution-free predictive inference for
       regression", Journal of the American Statistical Association 113 (2018), section 2.2.
    .. [3] R. F. Barber, E. J. Candes, A. Ramdas, R. J. Tibshirani, "Conformal prediction beyond exchangeability",
       Annals of Statistics 51 (2023), section 3.
    .. [4] C. Genest, J. G. Neslehova, B. Remillard, "On the empirical multilinear copula process for count data",
       Bernoulli 20 (2014).
    .. [5] M. Clark, S. Gangopadhyay, L. Hay, B. Rajagopalan, R. Wilby, "The Schaake shuffle", Journal of
       Hydrometeorology 5 (2004).
    """

    errors: np.ndarray
    weights: np.ndarray

    @classmethod
    def fit(cls, errors: np.ndarray, weights: np.ndarray | None = None) -> "SplitConformal":
        """Calibrate on held-out errors.

        Parameters
        ----------
        errors : array of shape (n_scores, horizon)
            Actual minus forecast, one row a forecast, one column a step; NaN where unobserved. Intervals read their
            absolute values, `places` their ranks too.
        weights : array of shape (n_scores,), optional
            How much each forecast counts, between 0 and 1, relative to the forecast to come; all 1 by default.

        Raises
        ------
        ParameterError
            The shapes or the weights are not as stated.
        DataError
            No error was observed at all.
        """
        scores = np.array(errors, dtype=np.float64)
        if scores.ndim != 2 or scores.shape[1] == 0:
            raise ParameterError(
                f"errors must have the shape (n_scores, horizon), not {scores.shape}", parameter="errors"
            )
        if np.isinf(scores).any():
            raise ParameterError("errors must be finite, or NaN where unobserved", parameter="errors")
        share = np.ones(len(scores)) if weights is None else np.array(weights, dtype=np.float64)
        if share.shape != (len(scores),) or not ((share >= 0) & (share <= 1)).all():
            raise ParameterError(f"weights must be {len(scores)} numbers between 0 and 1", parameter="weights")
        if not (np.isfinite(scores) & (share > 0)[:, None]).any():
            raise DataError(
                "intervals need errors of held-out forecasts, and none was observed",
                remedy="Give a longer history, or ask for point forecasts only",
            )
        scores.setflags(write=False)
        share.setflags(write=False)
        return cls(scores, share)

    @property
    def horizon(self) -> int:
        """The number of calibrated steps."""
        return int(self.errors.shape[1])

    def half_width(self, level: float, horizon: int) -> np.ndarray:
        """Half width of the central interval at each step, in the space of the errors.

        Beyond the calibrated horizon the last half width grows with ``sqrt(step / calibrated horizon)``, as the error
        of a random walk does. That is an extrapolation: nothing was observed there.

        Parameters
        ----------
        level : float
            Coverage asked for, in percent, above 0 and below 100.
        horizon : int
            Number of steps, at least 1.

        Returns
        -------
        float64 array of shape (horizon,)

        Raises
        ------
        ParameterError
            The level or the horizon is out of range.
        DataError
            There are too few errors for the level, even pooled over all steps.
        """
        if isinstance(level, bool) or not 0 < level < 100:
            raise ParameterError(
                f"a level is a number of percent above 0 and below 100, not {level!r}", parameter="levels"
            )
        if horizon < 1:
            raise ParameterError(f"the horizon must be at least 1, not {horizon}", parameter="horizon")
        widths: np.ndarray = self._widths(np.full((1, horizon), level / 100))[0]
        if np.isinf(widths).any():
            raise self._too_few(level)
        return widths

    @property
    def largest_share(self) -> float:
        """The largest level that the errors support, pooled over all steps, as a share of 1."""
        weight = float(self._pool[1][-1])
        return weight / (weight + 1)

    def counted(self, share: np.ndarray) -> np.ndarray:
        """As how many independent errors those behind half widths count, float64 of the shape of ``share``.

        The number of forecasts with any error; where they are too few for a level, a share of 1, that of the errors of
        all steps.
        """
        forecasts, pooled = self.weights[(self._observed > 0).any(axis=1)].sum(), self._pool[1][-1]
        enough = share * (forecasts + 1) * (1 - _ROUNDING) <= forecasts
        return np.asarray(np.where(enough, forecasts, pooled))

    def places(self, n_draws: int, horizon: int, rng: np.random.Generator) -> np.ndarray:
        """Probabilities at which `errors_at` makes errors of whole forecasts, as they might come.

        How the steps depend on each other is taken from the signed held-out errors: a row is drawn, and the rank of
        each of its errors within its step, blurred within the rank, is the probability of the step (an empirical copula
        [4]_, the reordering of [5]_). A missing error takes its rank from the errors beside it in its row, which makes
        these steps somewhat more alike than they are. Beyond the calibrated horizon steps depend on each other as those
        of a random walk.

        Parameters
        ----------
        n_draws : int
            At least 1.
        horizon : int
            Number of steps, at least 1.
        rng : numpy.random.Generator

        Returns
        -------
        float64 array of shape (n_draws, horizon)
        """
        start, size = self._copula
        row = rng.choice(len(size), n_draws, p=size)
        place = start[row, :horizon] + rng.random((n_draws, min(horizon, self.horizon))) * size[row, None]
        return _walked_on(place, horizon, rng)

    def errors_at(self, place: np.ndarray) -> np.ndarray:
        """The errors at probabilities, float64 of the same shape, (n, horizon).

        Distributed as `half_width` says: symmetric, and within the half width of any level with the probability of that
        level. What lies beyond the largest level that the held-out errors support is their largest.
        """
        side = 2 * place - 1
        widths = self._widths(np.abs(side))
        most = np.fmax(self._pool[0][-1] * self._scale, self._largest)
        return np.asarray(np.sign(side) * np.where(np.isinf(widths), self._grown(most, place.shape[1]), widths))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs, as plain arrays (for ``numpy.savez``; nothing has to be pickled)."""
        return {"errors": self.errors, "weights": self.weights}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "SplitConformal":
        """The object whose `to_arrays` gave these arrays."""
        return cls.fit(arrays["errors"], arrays["weights"])

    @cached_property
    def _absolute(self) -> np.ndarray:
        """Absolute errors; shape (n_scores, horizon)."""
        return np.asarray(np.abs(self.errors))

    @cached_property
    def _observed(self) -> np.ndarray:
        """Weight of every error, 0 where unobserved; shape (n_scores, horizon)."""
        return np.where(np.isnan(self.errors), 0.0, self.weights[:, None])

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        """Absolute errors of each step in rising order and the cumulated weights; both of shape (n_scores, horizon)."""
        order = np.argsort(self._absolute, axis=0, kind="stable")
        weights = np.take_along_axis(self._observed, order, axis=0)
        return np.take_along_axis(self._absolute, order, axis=0), weights.cumsum(axis=0)

    @cached_property
    def _largest(self) -> np.ndarray:
        """Largest absolute error of each step that has any weight, NaN where there is none; shape (horizon,)."""
        largest = np.where(self._observed > 0, self._absolute, -np.inf).max(axis=0, initial=-np.inf)
        return np.where(np.isfinite(largest), largest, np.nan)

    @cached_property
    def _scale(self) -> np.ndarray:
        """Relative scale of the errors at each step, ``step ** p``, float64 array of shape (horizon,).

        Minimises the gamma deviance of ``c * step ** p``: with ``c`` the weighted mean of ``errors / step ** p``, what
        is left is convex in ``p``. Unlike logarithms of errors, it allows for errors of zero.
        """
        from scipy.optimize import minimize_scalar

        weight = self._observed.sum(axis=0)
        total = (np.nan_to_num(self._absolute) * self._observed).sum(axis=0)
        growth = np.log(np.arange(1, self.horizon + 1))
        if not total.any():
            return np.ones(self.horizon)
        total, weight = total / total.max(), weight / weight.sum()

        def deviance(power: float) -> float:
            return float(np.log((total * np.exp(-power * growth)).sum()) + power * (weight @ growth))

        power = float(minimize_scalar(deviance, bounds=(0.0, 2.0), method="bounded").x)
        return np.asarray(np.exp(power * growth))

    @cached_property
    def _pool(self) -> tuple[np.ndarray, np.ndarray]:
        """Absolute errors of all steps over the scale of their step, rising, and cumulated weights; one-dimensional."""
        use = self._observed > 0
        scaled = (self._absolute / self._scale)[use]
        order = np.argsort(scaled, kind="stable")
        return scaled[order], self._observed[use][order].cumsum()

    @cached_property
    def _copula(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the errors of each row stand among those of their step.

        The probability up to each error, of shape (n_rows, horizon), and of each row, of shape (n_rows,).
        """
        use = (self._observed > 0).any(axis=1)
        ranked, weights = pd.DataFrame(self.errors[use]), self.weights[use]
        if ranked.isna().any(axis=None):
            ranked = ranked.rank(pct=True).interpolate(axis=1, limit_direction="both")
        order = np.argsort(ranked.to_numpy(), axis=0, kind="stable")
        cumulated = weights[order].cumsum(axis=0)
        start = np.empty(ranked.shape)
        np.put_along_axis(start, order, cumulated - weights[order], axis=0)
        return start / weights.sum(), weights / weights.sum()

    def _widths(self, shares: np.ndarray) -> np.ndarray:
        """The half width of each step at each share of 1, infinite where too few errors were observed.

        ``shares`` and what is returned have the shape (n, steps); the steps may go beyond the calibrated ones.
        """
        steps = np.minimum(np.arange(shares.shape[1]), self.horizon - 1)
        errors, cumulated = self._sorted
        widths = np.empty(shares.shape)
        for column, step in enumerate(steps):
            widths[:, column] = _weighted_quantile(errors[:, step], cumulated[:, step], shares[:, column])
        short = np.isinf(widths)
        if short.any():
            pooled = _weighted_quantile(*self._pool, shares) * self._scale[steps]
            widths = np.where(short, np.fmax(pooled, self._largest[steps]), widths)
        return self._grown(widths, shares.shape[1])

    def _grown(self, widths: np.ndarray, horizon: int) -> np.ndarray:
        """Widths of the calibrated steps, or already of all, as they are at ``horizon`` steps."""
        ahead = np.arange(1, horizon + 1)
        last = np.minimum(ahead, widths.shape[-1]) - 1
        grown: np.ndarray = widths[..., last] * np.sqrt(np.maximum(ahead / self.horizon, 1.0))
        return grown

    def _too_few(self, level: float) -> DataError:
        needed = int(np.ceil(level / (100 - level) - _ROUNDING))
        most = int(100 * self.largest_share + _ROUNDING)
        return DataError(
            f"the {level:g} % interval needs the errors of at least {needed} held-out forecasts, "
            f"and only {len(self._pool[0])} were observed over all steps",
            remedy=f"Ask for a lower level, at most {most} in `levels`, or give a longer history",
        )


def _weighted_quantile(scores: np.ndarray, cumulated: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The conformal quantiles of rising ``scores`` (NaN last) at ``shares``, infinite where there are too few.

    ``cumulated`` are the weights of the scores, summed up; both of shape (n,). Returned in the shape of ``shares``.
    """
    if not len(scores) or cumulated[-1] == 0:
        return np.full(shares.shape, np.inf)
    first = np.searchsorted(cumulated, shares * (cumulated[-1] + 1) * (1 - _ROUNDING))
    return np.asarray(np.append(scores, np.inf)[first])


def _walked_on(place: np.ndarray, horizon: int, rng: np.random.Generator) -> np.ndarray:
    """Probabilities of shape (n, steps), continued to ``horizon`` steps as those of a Gaussian random walk."""
    from scipy.special import ndtr, ndtri

    steps = place.shape[1]
    if horizon <= steps:
        return place
    last = ndtri(np.clip(place[:, -1:], _ROUNDING, 1 - _ROUNDING)) * np.sqrt(steps)
    walk = last + rng.standard_normal((len(place), horizon - steps)).cumsum(axis=1)
    return np.concatenate([place, ndtr(walk / np.sqrt(np.arange(steps + 1, horizon + 1)))], axis=1)
