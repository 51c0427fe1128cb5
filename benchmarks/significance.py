"""Whether a mean of daily differences is more than chance: its standard error under autocorrelation."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Mean:
    """A mean over time with its uncertainty.

    Attributes
    ----------
    value, error : float
        The mean and its standard error.
    days : int
        Number of values.
    """

    value: float
    error: float
    days: int

    @property
    def p_value(self) -> float:
        """Of the two-sided test that the true mean is 0, by Student's t with ``days - 1`` degrees of freedom."""
        if self.error == 0:
            return 1.0 if self.value == 0 else 0.0
        return float(2 * stats.t.sf(abs(self.value / self.error), self.days - 1))

    def interval(self, level: float = 95) -> tuple[float, float]:
        """The confidence interval of the mean at a level in percent."""
        half = float(stats.t.ppf(0.5 + level / 200, self.days - 1)) * self.error
        return self.value - half, self.value + half


def mean_over_time(values: np.ndarray, lags: int | None = None) -> Mean:
    """The mean of a series in time, with the standard error of Newey and West [1]_.

    With the differences of two models' losses this is the test of Diebold and Mariano [2]_, with the t distribution of
    Harvey, Leybourne and Newbold [3]_ in place of the normal one. Where many series are observed on the same days, give
    the mean over the series of each day: correlated series then count as what they are.

    Parameters
    ----------
    values : array of shape (days,)
        In order of time, none missing, at least 2.
    lags : int, optional
        Autocovariances that count; by default ``floor(4 * (days / 100) ** (2 / 9))``.

    References
    ----------
    .. [1] W. K. Newey, K. D. West, "A simple, positive semi-definite, heteroskedasticity and autocorrelation consistent
       covariance matrix", Econometrica 55 (1987).
    .. [2] F. X. Diebold, R. S. Mariano, "Comparing predictive accuracy", Journal of Business and Economic Statistics 13
       (1995).
    .. [3] D. Harvey, S. Leybourne, P. Newbold, "Testing the equality of prediction mean squared errors", International
       Journal of Forecasting 13 (1997).
    """
    series = np.asarray(values, dtype=np.float64)
    days = len(series)
    if days < 2 or np.isnan(series).any():
        raise ValueError(f"two values or more are needed, none missing; there are {days}")
    reach = math.floor(4 * (days / 100) ** (2 / 9)) if lags is None else lags
    centred = series - series.mean()
    variance = centred @ centred / days
    for lag in range(1, min(reach, days - 1) + 1):
        variance += 2 * (1 - lag / (reach + 1)) * (centred[lag:] @ centred[:-lag]) / days
    return Mean(float(series.mean()), math.sqrt(max(variance, 0.0) / days), days)
