"""Conformal intervals whose width follows recent movement and allows for few independent forecasts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from forecasting.evaluation.intervals import SplitConformal

# So many independent held-out windows draw the power half of the way from 0 to what fits them best.
_PRIOR_WINDOWS = 30.0
_NO_SHARE = 1e-3
"""Half widths of smaller levels are multiplied as that of this one: quantiles so near to 0 have few digits."""
_SCORES = 1000


@dataclass(frozen=True, eq=False)
class LocalConformal:
    """Split conformal intervals of errors that were divided by a local measure of their size [1]_.

    The measure is ``movement ** power``, where the movement of a forecast says how large the latest changes of its
    series were in relation to those of the whole window that the forecast is made from: above 1 in restless times. The
    power, from 0 (width does not depend on it) to 1 (width is proportional to it), is fitted to the held-out absolute
    errors by gamma regression, and drawn towards 0 where the independent held-out forecasts are few. Movements beyond
    those of the held-out forecasts count as the nearest of them: nothing is extrapolated.

    Split conformal intervals take errors for independent. Forecasts that overlap tell less than as many independent
    ones, and of one short series there are only one or two of these. So every half width is multiplied with the
    quotient of two quantiles of Student's t distribution [2]_ at its level: with one degree of freedom more than there
    are independent forecasts, and with one more than `SplitConformal.counted` says. Of 20 forecasts of which 2 are
    independent that is 1.24 at 80 and 1.53 at 95 %. Where all are independent and enough for the level, or there are
    hundreds, it is 1.

    Build it with `fit`; never changed afterwards.

    Attributes
    ----------
    conformal : SplitConformal
        Of the errors divided by their measure.
    power : float
    lowest, highest : float
        The range of movements among the held-out forecasts.
    independent : float
        How many of the held-out forecasts share no actual value.

    References
    ----------
    .. [1] J. Lei, M. G'Sell, A. Rinaldo, R. J. Tibshirani, L. Wasserman, "Distribution-free predictive inference for
       regression", Journal of the American Statistical Association 113 (2018), section 5.2.
    .. [2] Student, "The probable error of a mean", Biometrika 6 (1908).
    """

    conformal: SplitConformal
    power: float
    lowest: float
    highest: float
    independent: float

    @classmethod
    def fit(cls, errors: np.ndarray, movement: np.ndarray, independent: float) -> "LocalConformal":
        """Calibrate on held-out errors.

        Parameters
        ----------
        errors : array of shape (n_scores, horizon)
            Actual minus forecast; NaN where unobserved.
        movement : array of shape (n_scores,)
            Not negative; a measure of zero counts as the smallest one above it.
        independent : float
            How many of the forecasts share no actual value, at least 1.

        Raises
        ------
        ParameterError, DataError
            As for `SplitConformal.fit`.
        """
        moving = movement[(movement > 0) & (~np.isnan(errors)).any(axis=1)]
        lowest, highest = (float(moving.min()), float(moving.max())) if len(moving) else (1.0, 1.0)
        movement = np.clip(movement, lowest, highest)
        power = _best_power(np.abs(errors), movement) * independent / (independent + _PRIOR_WINDOWS)
        return cls(SplitConformal.fit(errors / (movement**power)[:, None]), power, lowest, highest, independent)

    def extended(self, errors: np.ndarray, movement: np.ndarray, most: int) -> "LocalConformal":
        """With the errors of further forecasts, which stand behind those that are there; the power stays as it is.

        Parameters
        ----------
        errors : array of shape (n, horizon)
        movement : array of shape (n,)
        most : int
            Where there are more forecasts than these, the first ones go.
        """
        before, added = self.conformal, (~np.isnan(errors)).any(axis=1).sum() / errors.shape[1]
        kept = max(0, min(1, (most - len(errors)) / len(before.errors)))
        together = np.concatenate([before.errors, errors / self.measure(movement)[:, None]])[-most:]
        weights = np.concatenate([before.weights, np.ones(len(errors))])[-most:]
        conformal = SplitConformal.fit(together, weights)
        return replace(self, conformal=conformal, independent=kept * self.independent + added)

    def measure(self, movement: np.ndarray) -> np.ndarray:
        """What half widths and draws of `conformal` are multiplied with; float64 of shape (n,)."""
        return np.asarray(np.clip(movement, self.lowest, self.highest) ** self.power)

    def half_width(self, level: float, horizon: int, movement: np.ndarray) -> np.ndarray:
        """Half widths of forecasts with these movements, of shape (n,); see `SplitConformal.half_width`.

        Returns
        -------
        float64 array of shape (n, horizon)
        """
        width = self.conformal.half_width(level, horizon) * self._widening(np.array(level / 100))
        return np.asarray(width * self.measure(movement)[:, None])

    def draw(self, n_draws: int, horizon: int, movement: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Errors of forecasts with these movements, of shape (n,), independent of each other.

        See `SplitConformal.places` and `SplitConformal.errors_at`.

        Returns
        -------
        float64 array of shape (n, n_draws, horizon)
        """
        errors = self.errors_at(self.conformal.places(len(movement) * n_draws, horizon, rng))
        return np.asarray(errors.reshape(len(movement), n_draws, horizon) * self.measure(movement)[:, None, None])

    def errors_at(self, place: np.ndarray) -> np.ndarray:
        """The errors at probabilities, over their measure; float64 of the same shape, (n, horizon)."""
        share = np.minimum(np.abs(2 * place - 1), self.conformal.largest_share)
        return np.asarray(self.conformal.errors_at(place) * self._widening(share))

    def _widening(self, share: np.ndarray) -> np.ndarray:
        """What half widths of these levels, as shares of 1, are multiplied with; of the same shape."""
        upper, counted = 0.5 + np.maximum(share, _NO_SHARE) / 2, self.conformal.counted(share)
        widening = np.ones(counted.shape)
        for count in np.unique(counted[counted > self.independent]):
            some = counted == count
            widening[some] = _quotient(self.independent + 1, count + 1, upper[some])
        return widening

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs, as plain arrays."""
        local = np.array([self.power, self.lowest, self.highest, self.independent])
        return {**self.conformal.to_arrays(), "local": local}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "LocalConformal":
        """The object whose `to_arrays` gave these arrays."""
        return cls(SplitConformal.from_arrays(arrays), *map(float, arrays["local"]))


def _best_power(errors: np.ndarray, movement: np.ndarray) -> float:
    """The power from 0 to 1 that minimises the gamma deviance of ``c * movement ** power`` to each row's mean error.

    With ``c`` the mean of ``error / movement ** power``, what is left is convex in the power.
    """
    from scipy.optimize import minimize_scalar

    seen = ~np.isnan(errors)
    rows = seen.any(axis=1)
    error = np.nansum(errors[rows], axis=1) / seen[rows].sum(axis=1)
    size = np.log(movement[rows])
    if not error.any() or np.ptp(size) == 0:
        return 0.0

    def deviance(power: float) -> float:
        return float(np.log((error * np.exp(-power * size)).mean()) + power * size.mean())

    return float(minimize_scalar(deviance, bounds=(0.0, 1.0), method="bounded").x)


def _quotient(fewer: float, more: float, probability: np.ndarray) -> np.ndarray:
    """Quantiles of Student's t with fewer degrees of freedom, over those with more, at probabilities above one half.

    Of many, those at 1,000 normal scores, interpolated.
    """
    from scipy.special import ndtr, ndtri, stdtrit

    if probability.size <= _SCORES:
        return np.asarray(stdtrit(fewer, probability) / stdtrit(more, probability))
    score = ndtri(probability)
    known = np.linspace(score.min(), score.max(), _SCORES)
    return np.asarray(np.interp(score, known, _quotient(fewer, more, ndtr(known))))
