"""Strict check of cron expressions: five fields, every value within its range, and a day that exists."""

import re

from forecasting.errors import CatalogError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _WEEKDAYS),
)
_PART = re.compile(r"(?:(?P<all>\*)|(?P<low>\w+)(?:-(?P<high>\w+))?)(?:/(?P<step>\d+))?", re.ASCII)
_LONGEST = dict(zip(range(1, 13), (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), strict=True))


def check_cron(expression: str) -> str:
    """Return the expression if it is valid.

    Five fields separated by blanks: minute, hour, day of the month, month, day of the week (0 and 7 are Sunday).
    A field is a list of ``*``, values, ranges and steps: ``*/15``, ``1-5``, ``mon-fri``, ``0,30``.

    Raises
    ------
    CatalogError
        Naming the field and the value.
    """
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        raise CatalogError(
            f"{expression!r} has {len(fields)} fields, a cron expression has 5",
            remedy="Write minute, hour, day of the month, month, day of the week, for example '30 17 * * mon-fri'.",
        )
    values = [_values(text, *rule) for text, rule in zip(fields, _FIELDS, strict=True)]
    days, months = values[2], values[3]
    # Beside a day of the week as well: the scheduler looks for the day of the month, and fails.
    if not any(min(days) <= _LONGEST[month] for month in months):
        raise CatalogError(f"{expression!r} names a day that never comes", remedy="Correct the day or the month.")
    return expression


def _values(text: str, field: str, lowest: int, highest: int, names: tuple[str, ...]) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise CatalogError(
                f"{part!r} is no cron value for the {field}", remedy="Write *, a value, a-b, or a step */n."
            )
        low = lowest if match["all"] else _value(match["low"], field, lowest, highest, names)
        high = highest if match["all"] or match["step"] else low
        if match["high"]:
            high = _value(match["high"], field, lowest, highest, names)
        step = int(match["step"] or 1)
        if low > high:
            raise CatalogError(
                f"the range {part!r} of the {field} runs backwards", remedy="Write the lower value first."
            )
        if not 1 <= step <= highest - lowest:
            raise CatalogError(f"the step of {part!r} does not fit the {field}", remedy=f"Use 1 to {highest - lowest}.")
        found.update(range(low, high + 1, step))
    return found


def _value(text: str, field: str, lowest: int, highest: int, names: tuple[str, ...]) -> int:
    if text.lower() in names:
        return lowest + names.index(text.lower())
    value = int(text) if text.isdecimal() else -1
    if not lowest <= value <= highest:
        known = f" or {', '.join(names)}" if names else ""
        raise CatalogError(f"{text!r} is no {field}", remedy=f"Use {lowest} to {highest}{known}.")
    return value
