"""The continuous ranked probability score of sample paths."""

import numpy as np

from forecasting.errors import ParameterError


def crps_of_samples(actual: np.ndarray, samples: np.ndarray, *, fair: bool = False) -> np.ndarray:
    """The continuous ranked probability score of each value, from samples of its forecast distribution.

    ``mean |x_i - y| - mean |x_i - x_j| / 2`` over the samples [1]_: in the unit of the values, smaller is better, and
    the absolute error where there is one sample. The second mean is over all ``m * m`` pairs: the score of the samples
    as they are. The fair one [2]_ takes the ``m * (m - 1)`` pairs of different samples, and so estimates without bias
    the score of the distribution that the samples were drawn from.

    Parameters
    ----------
    actual : array of shape (...)
        NaN where nothing was observed.
    samples : array of shape (n_samples, ...)
        Such as sample paths: ``(n_samples, n_series, horizon)`` for actual values ``(n_series, horizon)``.
    fair : bool, default False

    Returns
    -------
    float64 array of shape (...)
        NaN where the actual value is.

    Raises
    ------
    ParameterError
        The shapes do not belong together, samples are missing, or there are fewer than two for the fair score.

    References
    ----------
    .. [1] T. Gneiting, A. E. Raftery, "Strictly proper scoring rules, prediction, and estimation", Journal of the
       American Statistical Association 102 (2007), equation 21.
    .. [2] C. A. T. Ferro, "Fair scores for ensemble forecasts", Quarterly Journal of the Royal Meteorological Society
       140 (2014).
    """
    truth = np.asarray(actual, dtype=np.float64)
    ordered = np.sort(np.asarray(samples, dtype=np.float64), axis=0)
    if ordered.ndim != truth.ndim + 1 or ordered.shape[1:] != truth.shape or not len(ordered):
        raise ParameterError(f"the shape must be (n_samples, *{truth.shape}), not {ordered.shape}", parameter="samples")
    if np.isnan(ordered).any():
        raise ParameterError("a sample is missing", parameter="samples")
    count = len(ordered)
    if fair and count < 2:
        raise ParameterError("the fair score needs two samples or more", parameter="samples")
    # The sum of |x_i - x_j| over pairs i < j is that of (2 i - m + 1) x_(i) over the samples in rising order.
    rank = (2 * np.arange(count) - count + 1).reshape(-1, *[1] * truth.ndim)
    pairs = (rank * ordered).sum(axis=0)
    spread = pairs / (count * (count - 1) if fair else count * count)
    score: np.ndarray = np.abs(ordered - truth).mean(axis=0) - spread
    return score
