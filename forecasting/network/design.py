"""The rows of a linear map: what of a reading the linear skip, and the regression that it starts from, multiply."""

import numpy as np

from forecasting.scaling import Reading


def design(reading: Reading, segment_length: int) -> np.ndarray:
    """The design matrix of a reading.

    Side by side: the window; the last segment of the covariates along the look-back, step by step; the covariates known
    ahead along the whole horizon, step by step; what is the same throughout a series.

    Parameters
    ----------
    reading : Reading
        Of n windows.
    segment_length : int
        Steps of a segment.

    Returns
    -------
    float32 array of shape (n, skip_rows)
        The window itself where there are no covariates.
    """
    parts = [reading["window"]]
    if "past" in reading:
        parts.append(_flat(reading["past"][:, -segment_length:]))
    if "future" in reading:
        parts.append(_flat(reading["future"]))
    if "static" in reading:
        parts.append(reading["static"])
    return np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]


def _flat(channels: np.ndarray) -> np.ndarray:
    return channels.reshape(len(channels), channels.shape[1] * channels.shape[2])
