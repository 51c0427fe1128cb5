"""Forecasts of series that were never zero or below stay above zero."""

import numpy as np


def kept_above_zero(values: np.ndarray, lowest: np.ndarray) -> np.ndarray:
    """Values as they are down to the lowest one seen lately, and below it falling by ratio instead of by difference.

    ``lowest * exp(value / lowest - 1)`` below ``lowest``: continuous, with the same slope there, and rising everywhere,
    so that ends of intervals and quantiles stay in order.

    Parameters
    ----------
    values : float64 array
    lowest : float64 array, above zero
        Of a shape that spreads to that of ``values``.
    """
    fall = np.minimum(values / lowest - 1, 0.0)
    return np.where(fall < 0, lowest * np.exp(fall), values)
