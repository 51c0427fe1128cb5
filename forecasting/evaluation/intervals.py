"""Split conformal intervals: half widths for each step from the absolute errors of held-out forecasts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forecasting.errors import DataError, ParameterError

# A sum of weights counts as having reached its target when only rounding separates the two.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class SplitConformal:
    """Symmetric prediction intervals from the absolute errors of forecasts that the model was not fitted on.

    For ``n`` errors of one step and a level of ``100 * q`` percent, the half width of the step is the
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

    Build it with `fit`; never changed afterwards.

    Attributes
    ----------
    errors : float64 array of shape (n_scores, horizon)
        Absolute errors in a scaled space chosen by the caller; NaN where the actual value is missing.
    weights : float64 array of shape (n_scores,)

    References
    ----------
    .. [1] V. Vovk, A. Gammerman, G. Shafer, *Algorithmic Learning in a Random World*, Springer, 2005.
    .. [2] J. Lei, M. G'Sell, A. Rinaldo, R. J. Tibshirani, L. Wasserman, "Distribution-free predictive inference for
       regression", Journal of the American Statistical Association 113 (2018), section 2.2.
    .. [3] R. F. Barber, E. J. Candes, A. Ramdas, R. J. Tibshirani, "Conformal prediction beyond exchangeability",
       Annals of Statistics 51 (2023), section 3.
    """

    errors: np.ndarray
    weights: np.ndarray

    @classmethod
    def fit(cls, errors: np.ndarray, weights: np.ndarray | None = None) -> "SplitConformal":
        """Calibrate on held-out errors.

        Parameters
        ----------
        errors : array of shape (n_scores, horizon)
            Absolute errors, one row a forecast, one column a step; NaN where unobserved.
        weights : array of shape (n_scores,), optional
            How much each forecast counts, between 0 and 1, relative to the forecast to come; all 1 by default.

        Raises
        ------
        ParameterError
            The shapes, the sign or the weights are not as stated.
        DataError
            No error was observed at all.
        """
        scores = np.array(errors, dtype=np.float64)
        if scores.ndim != 2 or scores.shape[1] == 0:
            raise ParameterError(
                f"errors must have the shape (n_scores, horizon), not {scores.shape}", parameter="errors"
            )
        if np.isinf(scores).any() or (scores < 0).any():
            raise ParameterError("errors must be finite absolute errors, or NaN where unobserved", parameter="errors")
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
        share = level / 100
        widths = _weighted_quantile(*self._sorted, share)
        short = ~np.isfinite(widths)
        if short[:horizon].any():
            widths[short] = np.fmax(self._pooled_width(share)[short], self._largest[short])
        beyond = np.arange(self.horizon + 1, horizon + 1)
        return np.concatenate([widths[:horizon], widths[-1] * np.sqrt(beyond / self.horizon)])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs, as plain arrays (for ``numpy.savez``; nothing has to be pickled)."""
        return {"errors": self.errors, "weights": self.weights}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "SplitConformal":
        """The object whose `to_arrays` gave these arrays."""
        return cls.fit(arrays["errors"], arrays["weights"])

    @cached_property
    def _observed(self) -> np.ndarray:
        """Weight of every error, 0 where unobserved; shape (n_scores, horizon)."""
        return np.where(np.isnan(self.errors), 0.0, self.weights[:, None])

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        """Errors of each step in rising order and the cumulated weights; both of shape (n_scores, horizon)."""
        order = np.argsort(self.errors, axis=0, kind="stable")
        weights = np.take_along_axis(self._observed, order, axis=0)
        return np.take_along_axis(self.errors, order, axis=0), weights.cumsum(axis=0)

    @cached_property
    def _largest(self) -> np.ndarray:
        """Largest error of each step that has any weight, NaN where there is none; shape (horizon,)."""
        largest = np.where(self._observed > 0, self.errors, -np.inf).max(axis=0, initial=-np.inf)
        return np.where(np.isfinite(largest), largest, np.nan)

    @cached_property
    def _scale(self) -> np.ndarray:
        """Relative scale of the errors at each step, ``step ** p``, float64 array of shape (horizon,).

        Minimises the gamma deviance of ``c * step ** p``: with ``c`` the weighted mean of ``errors / step ** p``, what
        is left is convex in ``p``. Unlike logarithms of errors, it allows for errors of zero.
        """
        from scipy.optimize import minimize_scalar

        weight = self._observed.sum(axis=0)
        total = (np.nan_to_num(self.errors) * self._observed).sum(axis=0)
        growth = np.log(np.arange(1, self.horizon + 1))
        if not total.any():
            return np.ones(self.horizon)
        total, weight = total / total.max(), weight / weight.sum()

        def deviance(power: float) -> float:
            return float(np.log((total * np.exp(-power * growth)).sum()) + power * (weight @ growth))

        power = float(minimize_scalar(deviance, bounds=(0.0, 2.0), method="bounded").x)
        return np.asarray(np.exp(power * growth))

    def _pooled_width(self, share: float) -> np.ndarray:
        """Half widths with all steps pooled, float64 array of shape (horizon,)."""
        use = self._observed > 0
        scaled = (self.errors / self._scale)[use]
        order = np.argsort(scaled, kind="stable")
        cumulated = self._observed[use][order].cumsum()
        quantile = _weighted_quantile(scaled[order][:, None], cumulated[:, None], share)[0]
        if not np.isfinite(quantile):
            needed = int(np.ceil(share / (1 - share) - _ROUNDING))
            most = int(100 * cumulated[-1] / (cumulated[-1] + 1) + _ROUNDING)
            raise DataError(
                f"the {100 * share:g} % interval needs the errors of at least {needed} held-out forecasts, "
                f"and only {int(use.sum())} were observed over all steps",
                remedy=f"Ask for a lower level, at most {most} in `levels`, or give a longer history",
            )
        return np.asarray(quantile * self._scale)


def _weighted_quantile(scores: np.ndarray, cumulated: np.ndarray, share: float) -> np.ndarray:
    """The conformal quantile of each column: float64 array of shape (columns,), infinite where there are too few.

    ``scores`` rise along axis 0 (NaN last), ``cumulated`` are their cumulated weights; both of shape (n, columns).
    """
    if not len(scores):
        return np.full(scores.shape[1], np.inf)
    target = share * (cumulated[-1] + 1)
    reached = cumulated >= target * (1 - _ROUNDING)
    first = reached.argmax(axis=0)
    return np.where(reached[-1], np.take_along_axis(scores, first[None], axis=0)[0], np.inf)
