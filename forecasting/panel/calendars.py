"""The sessions of stock exchanges, from ``exchange_calendars``."""

from difflib import get_close_matches
from functools import lru_cache

import numpy as np
import pandas as pd

from forecasting.errors import DataError, ParameterError

# The rules of holidays are applied this far back and ahead, unless the calendar itself is known for a shorter time.
_FIRST, _LAST = pd.Timestamp("1900-01-01"), pd.Timestamp("2100-12-31")


def is_calendar(name: str) -> bool:
    """Whether there is an exchange calendar of this name."""
    from exchange_calendars import get_calendar_names

    return name in get_calendar_names()


def near_calendars(name: str) -> list[str]:
    """The names of exchange calendars that are nearest, at most three."""
    from exchange_calendars import get_calendar_names

    return get_close_matches(str(name).upper(), get_calendar_names(), n=3)


def check_calendar(name: str) -> None:
    """Raise a ParameterError with the nearest names unless there is an exchange calendar of this name."""
    if not is_calendar(name):
        near = near_calendars(name)
        remedy = f"Did you mean {' or '.join(near)}?" if near else "Use a market identifier code such as XNYS or XLON."
        raise ParameterError(f"there is no exchange calendar {name!r}", remedy=remedy, parameter="calendar")


@lru_cache(maxsize=16)
def sessions(calendar: str) -> np.ndarray:
    """Every session date that is known of an exchange.

    Parameters
    ----------
    calendar : str
        A market identifier code such as ``"XNYS"``, or another name that ``exchange_calendars`` knows.

    Returns
    -------
    datetime64[D] array, ascending and read-only

    Raises
    ------
    ParameterError
        If there is no such calendar.
    """
    from exchange_calendars import get_calendar

    check_calendar(calendar)
    # Without start and end a calendar covers the last twenty years only; how far it may reach is known to its class.
    kind = type(get_calendar(calendar))
    start = max(_FIRST, kind.bound_min() or _FIRST)
    end = min(_LAST, kind.bound_max() or _LAST)
    dates: np.ndarray = get_calendar(calendar, start=start, end=end).sessions.to_numpy().astype("datetime64[D]")
    dates.flags.writeable = False
    return dates


def session_number(days: np.ndarray, calendar: str) -> np.ndarray:
    """The number of the last session on or before each day, int64 array of the same shape.

    Raises
    ------
    DataError
        If a day lies outside the time for which the sessions are known.
    """
    dates = sessions(calendar)
    outside = (days < dates[0]) | (days > dates[-1])
    if outside.any():
        raise DataError(
            f"the sessions of {calendar} are known from {dates[0]} to {dates[-1]} only",
            remedy="Leave out what lies outside, or use frequency 'B' without a calendar.",
            time=days[outside].ravel()[0],
        )
    return np.searchsorted(dates, days, side="right") - 1


def session_date(number: np.ndarray, calendar: str) -> np.ndarray:
    """The dates of sessions by number, datetime64[D] array of the same shape.

    Raises
    ------
    DataError
        If a number lies before the first or after the last known session.
    """
    dates = sessions(calendar)
    if number.size and (number.min() < 0 or number.max() >= len(dates)):
        late = number.max() >= len(dates)
        raise DataError(
            f"the sessions of {calendar} are known from {dates[0]} to {dates[-1]} only, and a step leads "
            f"{'after the last' if late else 'before the first'}",
            remedy="Ask for a shorter horizon, or use frequency 'B' without a calendar.",
        )
    found: np.ndarray = dates[number]
    return found
