"""The names of frequencies: reading them, writing them in one canonical way, and what is usual for each."""

import re
from difflib import get_close_matches

from forecasting.errors import ParameterError
from forecasting.panel.grids import FIRST_WEEKDAY, LAST_WEEKDAY

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_FIXED = {"h": 3600 * _SECOND, "min": 60 * _SECOND, "s": _SECOND, "ms": 1000, "us": 1}
_CYCLES = {"Y": 12, "Q": 3, "M": 1}
_DAYS = {"S": 1, "E": 31, "BS": FIRST_WEEKDAY, "BE": LAST_WEEKDAY}
_MONTHLY = {
    f"{'B' if len(day) == 2 else ''}{cycle}{day[-1]}": (months, number)
    for cycle, months in _CYCLES.items()
    for day, number in _DAYS.items()
}
_NAMES = ("us", "ms", "s", "min", "h", "D", "W", *_MONTHLY, "B", "session")
_RENAMED = {
    "H": "h", "hour": "h", "hourly": "h", "T": "min", "minute": "min", "S": "s", "L": "ms", "U": "us",
    "d": "D", "day": "D", "daily": "D", "w": "W", "week": "W", "weekly": "W",
    "M": "ME", "month": "MS", "monthly": "MS", "Q": "QE", "quarter": "QS", "quarterly": "QS",
    "Y": "YE", "A": "YE", "year": "YS", "yearly": "YS", "annual": "YS", "AS": "YS",
    "BM": "BME", "BQ": "BQE", "BY": "BYE", "BA": "BYE", "BAS": "BYS", "b": "B",
}  # fmt: skip
_PATTERN = re.compile(r"(?P<size>\d*)(?P<name>[A-Za-z]*)(?:-(?P<anchor>[A-Z]{3}))?(?:@(?P<day>\d{1,2}))?")


def read(alias: str) -> tuple[str, int, int | None, int | None]:
    """Unit, size, anchor and day of the month of a name.

    Raises
    ------
    ParameterError
        If it is not a name of a frequency; an old one is answered with the new one.
    """
    match = _PATTERN.fullmatch(alias.strip())
    size = int((match and match["size"]) or 1)
    if match is None or size < 1 or not (match["size"] or match["name"]):
        raise _unknown(alias)
    name, anchor, day = match["name"], match["anchor"], match["day"]
    if not name and not anchor and not day:
        return "step", size, None, None
    if name in _MONTHLY:
        return _read_months(alias, size, name, anchor, day)
    if name == "W" and not day and (anchor is None or anchor in WEEKDAYS):
        return "day", 7 * size, None if anchor is None else WEEKDAYS.index(anchor), None
    if anchor or day:
        raise _unknown(alias)
    if name in _FIXED:
        return "microsecond", size * _FIXED[name], None, None
    if name in ("D", "B") or (name == "session" and size == 1):
        return {"D": "day", "B": "business", "session": "session"}[name], size, None, None
    raise _unknown(alias)


def _read_months(
    alias: str, size: int, name: str, anchor: str | None, day: str | None
) -> tuple[str, int, int | None, int | None]:
    months, number = _MONTHLY[name]
    if anchor is not None and (months == 1 or anchor not in MONTHS):
        raise _unknown(alias)
    if day is not None:
        if not name.endswith("S") or name.startswith("B") or not 1 <= int(day) <= 31:
            raise _unknown(alias)
        number = int(day)
    size *= months
    month = None if anchor is None else MONTHS.index(anchor) % months_in_cycle(size)
    if month is not None and months_in_cycle(size) != months:
        raise _unknown(alias)
    return "month", size, month, number


def _unknown(alias: str) -> ParameterError:
    name = re.sub(r"^\d+|[-@].*$", "", alias.strip())
    if name in _RENAMED:
        remedy = f"Use {alias.strip().replace(name, _RENAMED[name], 1)!r}."
    elif name == "C":
        remedy = "Use 'session' and name the exchange, for instance calendar='XNYS'."
    else:
        near = get_close_matches(name, (*_NAMES, *_RENAMED), n=1)
        guess = f"Did you mean {_RENAMED.get(near[0], near[0])!r}? " if near else ""
        remedy = (
            f"{guess}Examples: '5min', 'h', 'D', 'W-FRI', 'MS', 'ME', 'QS', 'YE', 'B', 'MS@15', or an integer step."
        )
    return ParameterError(f"{alias!r} is not the name of a frequency", remedy=remedy, parameter="frequency")


def write(unit: str, size: int, anchor: int | None, day: int | None) -> str:
    """The canonical name, the inverse of :func:`read`."""
    if unit == "step":
        return str(size)
    if unit == "microsecond":
        name, length = next((name, length) for name, length in _FIXED.items() if size % length == 0)
        return _multiple(size // length, name)
    if unit == "day" and size % 7 == 0:
        return _multiple(size // 7, "W" if anchor is None else f"W-{WEEKDAYS[anchor]}")
    if unit == "month":
        return _write_months(size, anchor, 1 if day is None else day)
    return _multiple(size, {"day": "D", "business": "B", "session": "session"}[unit])


def _write_months(size: int, anchor: int | None, day: int) -> str:
    cycle = months_in_cycle(size)
    fixed = day not in _DAYS.values()
    name = next(name for name, known in _MONTHLY.items() if known == (cycle, 1 if fixed else day))
    at_end = cycle == 3 and day in (31, LAST_WEEKDAY)
    month = "" if anchor is None else f"-{MONTHS[anchor + 9 if at_end else anchor]}"
    return _multiple(size // cycle, f"{name}{month}{f'@{day}' if fixed else ''}")


def _multiple(size: int, name: str) -> str:
    return name if size == 1 else f"{size}{name}"


def months_in_cycle(size: int) -> int:
    """12 for whole years, 3 for whole quarters, 1 for other numbers of months."""
    return next(months for months in _CYCLES.values() if size % months == 0)


def season_length(unit: str, size: int) -> int:
    """The usual number of steps in a season; 1 where there is none.

    A week for days (7), a year for weeks (52) and months (12), a day for fixed steps of a minute or more (1,440
    minutes, 24 hours), an hour for shorter ones (3,600 seconds). Integer steps, business days, sessions and years
    have none.
    """
    if unit == "day":
        return _whole(52 * 7 if size % 7 == 0 else 7, size)
    if unit == "month":
        return _whole(12, size)
    if unit == "microsecond":
        period = 7 * _DAY if size % _DAY == 0 else _DAY if size >= 60 * _SECOND else 3600 * _SECOND
        return _whole(period, size) if size >= _SECOND else 1
    return 1


def _whole(period: int, size: int) -> int:
    return period // size if period % size == 0 else 1
