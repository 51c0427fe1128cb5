"""Reading single columns: numbers, times and ids of every kind that pandas holds, as plain arrays."""

from datetime import tzinfo
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from forecasting.errors import DataError, ParameterError
from forecasting.panel.frequency import Frequency
from forecasting.panel.notice import Notice, counted, shortened

_PERIOD_STARTS = {"M": "MS", "Q": "QS", "Y": "YS", "W": "W", "D": "D", "B": "B", "h": "h", "min": "min", "s": "s"}


class UnreadableError(Exception):
    """One value of a column that cannot be used; becomes a DataError where series and time are known."""

    def __init__(self, row: int | np.integer, problem: str, remedy: str) -> None:
        """Keep row number (counted from 0), problem and remedy."""
        super().__init__(problem)
        self.row, self.problem, self.remedy = int(row), problem, remedy


def read_numbers(column: pd.Series, *, copy: bool = True) -> tuple[np.ndarray, tuple[Notice, ...]]:
    """A column of numbers as a float64 array; what is missing is NaN.

    With ``copy`` it has memory of its own in any case, else it may be a view of the column.

    Raises
    ------
    UnreadableError
        If a value is not a number.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype if not column.hasnans else object)
    if pd.api.types.is_bool_dtype(column.dtype):
        notice = Notice("column_types", f"column {column.name}: true and false are read as 1 and 0", count=len(column))
        return column.to_numpy(dtype=np.float64, na_value=np.nan), (notice,)
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype):
        return np.array(column.to_numpy(dtype=np.float64, na_value=np.nan), copy=copy or None), ()
    known = column.notna().to_numpy()
    cells = column.to_numpy(dtype=object)
    for row in np.flatnonzero(known):
        if not isinstance(cells[row], (Real, Decimal)):
            raise UnreadableError(row, *_not_a_number(cells[row]))
    values = np.full(len(cells), np.nan)
    values[known] = cells[known].astype(np.float64)
    notice = Notice(
        "column_types",
        f"column {column.name}: numbers kept as {column.dtype} are read as floating point",
        count=int(known.sum()),
    )
    return values, (notice,) if known.any() else ()


def _not_a_number(cell: object) -> tuple[str, str]:
    if isinstance(cell, str):
        return (
            f"the value is the text {cell!r}, not a number",
            "Correct it or leave it empty; numbers that were read as text become numbers with pandas.to_numeric.",
        )
    return f"the value {cell!r} is a {type(cell).__name__}, not a number", "Give a column of numbers."


def read_ids(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """The ids as text, ascending, and for each row the number of its id.

    Returns
    -------
    ids : str object array of shape (n_series,)
    series : int64 array of shape (n_rows,)

    Raises
    ------
    UnreadableError
        If an id is missing, or two different ids read the same as text.
    """
    codes, found = _numbered(column)
    if (codes < 0).any():
        rows = np.flatnonzero(codes < 0)
        problem = f"{counted(len(rows), 'id is', 'ids are')} missing, the first in row {rows[0]} (counted from 0)"
        raise UnreadableError(rows[0], problem, "Every row needs the id of its series.")
    names = np.array([str(name) for name in found], dtype=object)
    order = np.argsort(names, kind="stable")
    ids = names[order]
    same = np.flatnonzero(ids[1:] == ids[:-1])
    if len(same):
        row = int(np.flatnonzero(codes == order[same[0] + 1])[0])
        problem = f"the ids {found[order[same[0]]]!r} and {found[order[same[0] + 1]]!r} read the same as text"
        raise UnreadableError(row, problem, "Give the series ids that differ as text.")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return ids, rank.take(codes, out=codes, mode="clip")  # "clip" takes no copy of the output, all are within


def _numbered(column: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """`pandas.factorize`; of text the first row alone of each run of the same, which takes half the time and room."""
    if not isinstance(column.dtype, pd.StringDtype):
        return pd.factorize(column)
    other = pd.Series(column.array[1:] != column.array[:-1]).to_numpy(dtype=bool, na_value=True)
    first = np.concatenate([[True], other])
    codes, found = pd.factorize(column[first])
    return np.repeat(codes, np.diff(np.flatnonzero(first), append=len(column))), found


def read_times(
    column: pd.Series, tz: str | None, *, copy: bool = True
) -> tuple[np.ndarray, str | None, Frequency | None, list[Notice]]:
    """A column of times as datetime64[us] in UTC, or as int64 steps.

    Parameters
    ----------
    column : Series
        Dates with or without a time zone, periods, ISO 8601 text, Python dates, or integers.
    tz : str or None
        The time zone of stamps that have none; others are converted to it.
    copy : bool, default True
        Whether the times have memory of their own in any case; else they may be a view of the column.

    Returns
    -------
    times : array of shape (n_rows,)
    tz : str or None
        The time zone that the times came in.
    frequency : Frequency or None
        What a column of periods states itself.
    notices : list of Notice

    Raises
    ------
    UnreadableError
        If a time is missing or cannot be read.
    ParameterError
        If there is no such time zone, or it is given for integer steps.
    """
    missing = np.flatnonzero(column.isna().to_numpy())
    if len(missing):
        problem = (
            f"{counted(len(missing), 'time is', 'times are')} missing, the first in row {missing[0]} (counted from 0)"
        )
        raise UnreadableError(missing[0], problem, "Every row needs a time.")
    frequency: Frequency | None = None
    notices: list[Notice] = []
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if isinstance(column.dtype, pd.ArrowDtype) and column.dtype.kind != "i":
        column = column.astype(object).infer_objects()
    if column.dtype == object or pd.api.types.is_string_dtype(column.dtype):
        column, notices = _from_objects(column, tz)
    if isinstance(column.dtype, pd.PeriodDtype):
        frequency, column = _period_frequency(column.dtype), column.dt.to_timestamp(how="start")
    if pd.api.types.is_integer_dtype(column.dtype):
        if tz is not None:
            raise ParameterError(
                f"time zone {tz!r} is given, but the times are integer steps",
                remedy="Leave the time zone out, or give dates.",
                parameter="tz",
            )
        return np.array(column.to_numpy(dtype=np.int64), copy=copy or None), None, None, notices
    if column.dtype.kind != "M":
        problem = f"the time {column.iloc[0]} is of type {column.dtype}"
        raise UnreadableError(0, problem, "Give dates, ISO 8601 text, or whole numbers (astype('int64')) as steps.")
    times, zone = _as_utc(column, tz, copy)
    return times, zone, frequency, notices


def _from_objects(column: pd.Series, tz: str | None) -> tuple[pd.Series, list[Notice]]:
    kind = pd.api.types.infer_dtype(column, skipna=False)
    if kind in ("datetime", "datetime64", "date", "string"):
        return _from_text(column, kind, tz)
    if kind in ("integer", "period"):
        return column.infer_objects(), []
    odd = next((row for row, cell in enumerate(column) if not isinstance(cell, type(column.iloc[0]))), 0)
    problem = f"the time {column.iloc[odd]!r} is of type {type(column.iloc[odd]).__name__}"
    if odd:
        problem += f", others are of type {type(column.iloc[0]).__name__}"
    raise UnreadableError(odd, problem, "Give dates, ISO 8601 text, or whole numbers as steps.")


def _from_text(column: pd.Series, kind: str, tz: str | None) -> tuple[pd.Series, list[Notice]]:
    form: dict[str, Any] = {"format": "ISO8601"} if kind == "string" else {}
    try:
        return pd.to_datetime(column, **form), []
    except ValueError:  # something cannot be read, or offsets from UTC differ
        read = pd.to_datetime(column, errors="coerce", utc=True, **form)
    wrong = np.flatnonzero(read.isna().to_numpy())
    if len(wrong):
        problem = f"the time {column.iloc[wrong[0]]!r} cannot be read"
        remedy = "Write times as 2024-03-31 or 2024-03-31T12:00, or read them with pandas.to_datetime(..., format=...)."
        raise UnreadableError(wrong[0], problem, remedy)
    naive = np.flatnonzero([_lacks_offset(cell) for cell in column])
    if len(naive):
        problem = f"the time {column.iloc[naive[0]]!r} has no offset from UTC, others of the column have one"
        raise UnreadableError(naive[0], problem, "Give every time an offset from UTC, or none of them.")
    if tz is not None:
        return read, []
    text = f"column {column.name}: the times have different offsets from UTC, and are given back in UTC"
    return read, [Notice("time_zone", text, count=len(read))]


def _lacks_offset(cell: Any) -> bool:
    return pd.Timestamp(cell).tzinfo is None


def _period_frequency(dtype: pd.PeriodDtype) -> Frequency:
    """The frequency of the starts of periods."""
    name = dtype.freq.rule_code.split("-")[0].replace("QE", "Q").replace("YE", "Y").replace("ME", "M")
    if name not in _PERIOD_STARTS:
        known = shortened(_PERIOD_STARTS, len(_PERIOD_STARTS))
        raise UnreadableError(0, f"periods of {dtype.freq.rule_code!r} cannot be read", f"Use one of {known}.")
    return Frequency.parse(f"{dtype.freq.n}{_PERIOD_STARTS[name]}")


def _as_utc(column: pd.Series, tz: str | None, copy: bool) -> tuple[np.ndarray, str | None]:
    """UTC stamps in microseconds, and the name of the time zone they go out with."""
    index = pd.DatetimeIndex(column)
    if tz is not None:
        _check_zone(tz)
    zone = _zone_name(index.tz, index[:1]) if index.tz is not None else None
    if index.tz is not None:
        index = index.tz_convert("UTC").tz_localize(None)
    index = _in_microseconds(index)
    if zone is not None or tz is None:
        return np.array(index.to_numpy(), copy=copy or None), tz or zone
    local = index.tz_localize(tz, ambiguous="NaT", nonexistent="NaT")
    lost = np.flatnonzero(local.isna())
    if len(lost):
        twice = not index[lost[:1]].tz_localize(tz, ambiguous=np.ones(1, bool), nonexistent="NaT").hasnans
        shows = f"shows {index[lost[0]]} twice" if twice else f"never shows {index[lost[0]]}"
        problem = f"the clock of {tz} {shows} (daylight saving)"
        remedy = "Give times with their offset from UTC, for instance 2024-10-27T02:30+01:00, or times in UTC."
        raise UnreadableError(lost[0], problem, remedy)
    return local.tz_convert("UTC").tz_localize(None).to_numpy(), tz


def _in_microseconds(index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    if index.unit == "us":
        return index
    if index.unit == "ns":
        finer = np.flatnonzero(index.asi8 % 1000)
        if len(finer):
            problem = f"the time {index[finer[0]]} is finer than a microsecond"
            raise UnreadableError(finer[0], problem, "Round the times, for instance with dt.floor('us').")
    try:
        return index.as_unit("us")
    except pd.errors.OutOfBoundsDatetime as error:
        raise UnreadableError(0, f"a time lies out of range: {error}", "Correct the times.") from None


def _check_zone(tz: str) -> None:
    try:
        pd.Timestamp("2000-01-01").tz_localize(tz)
    except (KeyError, ValueError, TypeError, OSError):
        raise ParameterError(
            f"there is no time zone {tz!r}", remedy="Use a name such as 'Europe/Berlin' or 'UTC'.", parameter="tz"
        ) from None


def _zone_name(zone: tzinfo, sample: pd.DatetimeIndex) -> str:
    """The name that gives this time zone again."""
    name = str(getattr(zone, "key", None) or getattr(zone, "zone", None) or zone)
    try:
        sample.tz_convert(name)
    except (KeyError, ValueError, TypeError, OSError):
        remedy = "Convert the times to a zone with a name: dt.tz_convert('Europe/Berlin') or dt.tz_convert('UTC')."
        raise DataError(f"the time zone {zone!r} of the times has no name", remedy=remedy) from None
    return name
