"""Numbered days: which days a calendar frequency can fall on, counted one by one.

Each pair of functions turns days into ordinals and back. ``*_number`` gives the ordinal of the last day of the grid
on or before each day; a day is on the grid where its ordinal leads back to it.
"""

import numpy as np

# Days of a month other than a fixed number: 1 to 31 are fixed (31 is the last day of every month).
FIRST_WEEKDAY, LAST_WEEKDAY = 0, 32


def month_of(days: np.ndarray) -> np.ndarray:
    """Months since January 1970, int64."""
    return days.astype("datetime64[M]").astype(np.int64)


def month_date(months: np.ndarray, day: int) -> np.ndarray:
    """The day of each month on which a monthly grid falls.

    Parameters
    ----------
    months : int64 array of any shape
        Months since January 1970.
    day : int
        1 to 31, where a month that is too short gives its last day; or ``FIRST_WEEKDAY`` or ``LAST_WEEKDAY``.

    Returns
    -------
    datetime64[D] array of the same shape
    """
    first = months.astype("datetime64[M]").astype("datetime64[D]")
    if day == 1:
        return first
    if day == FIRST_WEEKDAY:
        return np.busday_offset(first, 0, roll="forward")
    last = (months + 1).astype("datetime64[M]").astype("datetime64[D]") - 1
    if day == LAST_WEEKDAY:
        return np.busday_offset(last, 0, roll="backward")
    fixed: np.ndarray = np.minimum(first + (day - 1), last)
    return fixed


def month_number(days: np.ndarray, day: int) -> np.ndarray:
    """The month whose day of the grid is the last one on or before each day, int64."""
    months = month_of(days)
    return months - (month_date(months, day) > days)


def weekday_of(days: np.ndarray) -> np.ndarray:
    """Monday 0 to Sunday 6."""
    return (days.astype(np.int64) + 3) % 7


def business_number(days: np.ndarray) -> np.ndarray:
    """Mondays to Fridays, counted; a weekend has the number of its Friday. int64."""
    since_monday = days.astype(np.int64) + 3
    return since_monday // 7 * 5 + np.minimum(since_monday % 7, 4)


def business_date(numbers: np.ndarray) -> np.ndarray:
    """The Monday to Friday with each number, datetime64[D]."""
    days: np.ndarray = numbers // 5 * 7 + numbers % 5 - 3
    return days.astype("datetime64[D]")
