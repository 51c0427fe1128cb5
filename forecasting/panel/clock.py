"""Between UTC and the clock on the wall of a time zone."""

import numpy as np
import pandas as pd

# A day whose midnight falls into a daylight saving change begins at most this much later.
_LATE_START = np.timedelta64(2, "h")


def wall_clock(times: np.ndarray, tz: str | None) -> np.ndarray:
    """What a clock in ``tz`` shows at these moments.

    Parameters
    ----------
    times : datetime64[us] array of any shape
        In UTC; with ``tz`` None they are returned as they are.
    tz : str or None

    Returns
    -------
    datetime64[us] array of the same shape
        The first moment of a day is given as its midnight, even where daylight saving skips midnight.
    """
    if tz is None:
        return times
    shown = _utc_index(times).tz_convert(tz).tz_localize(None).to_numpy().reshape(times.shape)
    midnight = shown.astype("datetime64[D]").astype("datetime64[us]")
    late = (shown > midnight) & (shown - midnight <= _LATE_START)
    if late.any():
        begins_late = from_wall_clock(midnight[late], tz) == times[late]
        if begins_late.any():
            shown = shown.copy()
            shown[late] = np.where(begins_late, midnight[late], shown[late])
    return shown


def from_wall_clock(shown: np.ndarray, tz: str | None) -> np.ndarray:
    """The UTC moments at which a clock in ``tz`` shows these times.

    A time that the clock shows twice is its first occurrence; a time that it skips is the first moment after it.

    Parameters
    ----------
    shown : datetime64[us] array of any shape
    tz : str or None

    Returns
    -------
    datetime64[us] array of the same shape
    """
    if tz is None:
        return shown
    flat = pd.DatetimeIndex(shown.ravel())
    local = flat.tz_localize(tz, ambiguous=np.ones(len(flat), dtype=bool), nonexistent="shift_forward")
    return local.tz_convert("UTC").tz_localize(None).to_numpy().reshape(shown.shape)


def _utc_index(times: np.ndarray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(times.ravel()).tz_localize("UTC")
