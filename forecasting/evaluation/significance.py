"""Whether a mean over time is more than chance: standard errors under autocorrelation, the test of Diebold-Mariano."""

import math
from dataclasses import dataclass

import numpy as np

from forecasting.errors import DataError, ParameterError


@dataclass(frozen=True)
class Mean:
    """A mean over time with its uncertainty.

    Attributes
    ----------
    value, error : float
        The mean and its standard error.
    count : int
        Number of values.
    """

    value: float
    error: float
    count: int

    @property
    def statistic(self) -> float:
        """The mean over its standard error; 0 for a mean of 0, infinite for another one without any error."""
        if self.error == 0:
            return 0.0 if self.value == 0 else math.copysign(math.inf, self.value)
        return self.value / self.error

    @property
    def p_value(self) -> float:
        """Of the two-sided test that the true mean is 0, by Student's t with ``count - 1`` degrees of freedom."""
        from scipy import stats

        return float(2 * stats.t.sf(abs(self.statistic), self.count - 1))

    def interval(self, level: float = 95) -> tuple[float, float]:
        """The confidence interval of the mean at a level in percent."""
        from scipy import stats

        half = float(stats.t.ppf(0.5 + level / 200, self.count - 1)) * self.error
        return self.value - half, self.value + half


def mean_over_time(values: np.ndarray, lags: int | None = None) -> Mean:
    """The mean of a long series in time, with the standard error of Newey and West [1]_.

    With the differences of two models' losses this is the test of Diebold and Mariano [2]_ for dependence of unknown
    length. Where many series are observed at the same times, give the mean over the series of each time: correlated
    series then count as what they are.

    Parameters
    ----------
    values : array of shape (n,)
        In order of time, none missing, at least 2.
    lags : int, optional
        Autocovariances that count, with weights that fall linearly; by default ``floor(4 * (n / 100) ** (2 / 9))``.

    Raises
    ------
    DataError
        There are fewer than two values, or some are missing.

    References
    ----------
    .. [1] W. K. Newey, K. D. West, "A simple, positive semi-definite, heteroskedasticity and autocorrelation consistent
       covariance matrix", Econometrica 55 (1987).
    .. [2] F. X. Diebold, R. S. Mariano, "Comparing predictive accuracy", Journal of Business and Economic Statistics 13
       (1995).
    """
    series = _checked(values)
    n = len(series)
    reach = math.floor(4 * (n / 100) ** (2 / 9)) if lags is None else lags
    covariances = _autocovariances(series, min(reach, n - 1))
    weights = 1 - np.arange(1, len(covariances)) / (reach + 1)
    variance = covariances[0] + 2 * weights @ covariances[1:]
    return Mean(float(series.mean()), math.sqrt(max(variance, 0.0) / n), n)


def diebold_mariano(differences: np.ndarray, steps: int = 1) -> Mean:
    """The test of Diebold and Mariano [1]_ with the small-sample correction of Harvey, Leybourne and Newbold [2]_.

    With ``n`` differences ``d`` and their autocovariances ``g_k`` (sums over ``n``), the statistic is::

        mean(d) / sqrt((g_0 + 2 * (g_1 + ... + g_{steps - 1})) / n)
        * sqrt((n + 1 - 2 * steps + steps * (steps - 1) / n) / n)

    compared with Student's t of ``n - 1`` degrees of freedom. With ``steps=1`` it is the one-sample t test. Where the
    sum of autocovariances is not above zero, which can happen, they are weighted as by `mean_over_time`.

    Parameters
    ----------
    differences : array of shape (n,)
        Loss of one forecast minus loss of the other, in order of time, none missing; more of them than ``steps``.
    steps : int, default 1
        One more than the number of autocovariances that differ from zero: the horizon, for forecasts ``horizon`` steps
        ahead from every step.

    Returns
    -------
    Mean
        Its ``statistic`` and ``p_value`` are those of the test, correction included.

    Raises
    ------
    DataError
        There are too few differences, or some are missing.
    ParameterError
        ``steps`` is below 1.

    References
    ----------
    .. [1] F. X. Diebold, R. S. Mariano, "Comparing predictive accuracy", Journal of Business and Economic Statistics 13
       (1995).
    .. [2] D. Harvey, S. Leybourne, P. Newbold, "Testing the equality of prediction mean squared errors", International
       Journal of Forecasting 13 (1997), equations 5 and 9.
    """
    if steps < 1:
        raise ParameterError(f"it must be at least 1, not {steps}", parameter="steps")
    series = _checked(differences)
    n = len(series)
    if n <= steps:
        raise DataError(
            f"{n} differences that depend on each other over {steps} steps tell nothing",
            remedy=f"Give more than {steps}: more windows, or windows that overlap less",
        )
    covariances = _autocovariances(series, steps - 1)
    variance = covariances[0] + 2 * covariances[1:].sum()
    correction = (n + 1 - 2 * steps + steps * (steps - 1) / n) / n
    if variance <= 0 and covariances[0] > 0:
        weights = 1 - np.arange(1, steps) / steps
        variance = covariances[0] + 2 * weights @ covariances[1:]
    return Mean(float(series.mean()), math.sqrt(max(variance, 0.0) / n / correction), n)


def _checked(values: np.ndarray) -> np.ndarray:
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1 or len(series) < 2 or np.isnan(series).any():
        raise DataError(f"two values or more are needed, none missing; the shape is {series.shape}")
    return series


def _autocovariances(series: np.ndarray, lags: int) -> np.ndarray:
    """Of lags 0 to ``lags``, each a sum over n: float64 array of shape (lags + 1,)."""
    centred = series - series.mean()
    n = len(series)
    return np.array([centred[lag:] @ centred[: n - lag] for lag in range(lags + 1)]) / n
