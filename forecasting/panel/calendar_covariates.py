"""What the calendar says about a time: covariates that are known for every step ahead."""

from collections.abc import Callable, Sequence

import numpy as np

from forecasting.errors import ParameterError
from forecasting.panel.calendars import check_calendar, is_calendar, near_calendars, sessions
from forecasting.panel.clock import wall_clock
from forecasting.panel.frequency import Frequency
from forecasting.panel.public_holidays import is_country, near_countries, public_holidays

_DAY_US = 86_400_000_000
_OF_PLACES = ("session", "holiday")


def _hour(shown: np.ndarray, _: str) -> np.ndarray:
    return _circle((shown - shown.astype("datetime64[D]")).astype(np.int64) / _DAY_US)


def _weekday(shown: np.ndarray, _: str) -> np.ndarray:
    return np.asarray(_number(shown)[..., None] == np.arange(7))


def _month(shown: np.ndarray, _: str) -> np.ndarray:
    return _circle(shown.astype("datetime64[M]").astype(np.int64) % 12 / 12)


def _session(shown: np.ndarray, exchange: str) -> np.ndarray:
    return np.asarray(np.isin(shown.astype("datetime64[D]"), sessions(exchange)))[..., None]


def _holiday(shown: np.ndarray, place: str) -> np.ndarray:
    if is_country(place):
        return public_holidays(shown.astype("datetime64[D]"), place)[..., None]
    return np.asarray((_number(shown)[..., None] < 5) & ~_session(shown, place))


def _circle(share: np.ndarray) -> np.ndarray:
    return np.stack([np.sin(2 * np.pi * share), np.cos(2 * np.pi * share)], axis=-1)


def _number(shown: np.ndarray) -> np.ndarray:
    """The weekday, Monday 0; the first of January 1970 was a Thursday."""
    return np.asarray((shown.astype("datetime64[D]").astype(np.int64) + 3) % 7)


_READ: dict[str, Callable[[np.ndarray, str], np.ndarray]] = {
    "hour": _hour,
    "weekday": _weekday,
    "month": _month,
    "session": _session,
    "holiday": _holiday,
}
CALENDAR_COVARIATES = (
    "'hour', 'weekday', 'month', 'session:XNYS', 'holiday:XNYS' (any exchange), 'holiday:US', 'holiday:DE-BY' (any"
    " country or part of one)"
)


def is_calendar_covariate(name: object) -> bool:
    """Whether there is a calendar covariate of this name; what stands behind the colon is not looked up."""
    if not isinstance(name, str):
        return False
    kind, colon, place = name.partition(":")
    return kind in _READ and (kind in _OF_PLACES) == bool(colon) == bool(place)


def check_calendar_covariates(names: Sequence[str], frequency: Frequency) -> None:
    """Raise ParameterError for names that say nothing on a time grid, and for unknown exchanges and countries.

    The hour changes below a day only, the weekday and the day of an exchange or a country below a week only, the month
    below a year only; integer steps have no calendar, and on the grid of an exchange every day is a session (but may
    be a public holiday).
    """
    days = frequency.unit == "day" and frequency.size % 7 != 0
    fine = frequency.unit == "microsecond"
    changing = {
        "hour": fine,
        "weekday": fine or days or frequency.unit in ("business", "session"),
        "month": not frequency.is_step and (frequency.unit != "month" or frequency.size % 12 != 0),
        "session": fine or days or frequency.unit == "business",
        "holiday": fine or days or frequency.unit == "business",
    }
    check_places(names)
    for name in names:
        kind, _, place = name.partition(":")
        on_sessions = is_country(place) and frequency.unit == "session"
        if not (changing[kind] or on_sessions):
            raise ParameterError(
                f"{name!r} says nothing about the steps of the frequency {frequency}",
                remedy="Leave it out.",
                parameter="calendar_covariates",
            )


def check_places(names: Sequence[str]) -> None:
    """Raise ParameterError for names of calendar covariates with an unknown exchange or country."""
    for name in names:
        kind, colon, place = name.partition(":")
        if colon:
            _check_place(kind, place)


def _check_place(kind: str, place: str) -> None:
    if kind == "session":
        check_calendar(place)
    elif not is_country(place) and not is_calendar(place):
        near = [*near_countries(place), *near_calendars(place)][:3]
        remedy = f"Did you mean {' or '.join(near)}?" if near else "Use a code such as XNYS, US or DE-BY."
        raise ParameterError(
            f"there is neither an exchange calendar nor a country {place!r}",
            remedy=remedy,
            parameter="calendar_covariates",
        )


def calendar_channels(name: str, times: np.ndarray, tz: str | None) -> np.ndarray:
    """A calendar covariate as numbers.

    Parameters
    ----------
    name : str
        ``"hour"``: sine and cosine of the time of day; ``"weekday"``: 1 for the day, Monday to Sunday, else 0;
        ``"month"``: sine and cosine of the month; ``"session:XNYS"``: 1 where an exchange trades on the day;
        ``"holiday:XNYS"``: 1 from Monday to Friday where it does not; ``"holiday:US"``, ``"holiday:DE-BY"``: 1 on the
        public holidays of a country or a part of it, on whichever day of the week they fall.
    times : datetime64[us] array of any shape
        In UTC.
    tz : str or None
        The time zone whose clock and calendar are read.

    Returns
    -------
    float32 array of the shape of ``times`` and one axis more, of 2, 7 or 1
    """
    kind, _, place = name.partition(":")
    return _READ[kind](wall_clock(times, tz), place).astype(np.float32)
