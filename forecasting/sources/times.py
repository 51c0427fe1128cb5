"""Reading times: from one column of text or typed values, or from several columns that make up a time."""

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecasting.errors import CatalogError, DataError
from forecasting.sources.datasets import Columns, TimeParts

if TYPE_CHECKING:
    from forecasting.sources.tables import RawTable

_QUARTER = re.compile(r"(\d{4})-?[Qq]([1-4])", re.ASCII)
_OFFSET = r"[T ]\d{2}\D?.*(?:Z|[+-]\d{2}(?::?\d{2})?)$"
_REMEDY = 'Correct it, or state how times are written, for example date_format = "%d.%m.%Y", in the catalog.'
_RANGES = {"year": (1, 9999), "quarter": (1, 4), "month": (1, 12), "day": (1, 31), "hour": (0, 23), "minute": (0, 59)}


def read_times(raw: "RawTable", columns: Columns) -> pd.Series:
    """The times of ``columns.time_column``: datetime64, or int64 steps.

    Text with UTC offsets becomes UTC. Typed times and integers stay as they are.

    Raises
    ------
    DataError
        A time is missing or cannot be read, or only some times have a UTC offset.
    """
    column, date_format = columns.time_column or "", columns.date_format
    series = raw.frame[column].reset_index(drop=True)
    absent = np.flatnonzero(series.isna() | (series.astype("str").str.strip() == ""))
    if len(absent):
        raise raw.error(absent[0], "the time is missing", column=column, remedy="Fill it in, or remove the row.")
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        if date_format is not None:
            problem = "the column holds typed times already, so date_format has no meaning"
            raise DataError(problem, remedy="Remove date_format from the catalog.", file=raw.file, column=column)
        return series
    is_integer = pd.api.types.is_integer_dtype(series.dtype)
    if is_integer and date_format in (None, "step"):
        return series.astype("int64")
    is_text = pd.api.types.is_string_dtype(series.dtype) and series.map(lambda cell: isinstance(cell, str)).all()
    if not (is_integer or is_text):
        return _typed(raw, column, series)
    texts = series.astype("str").str.strip()
    return _steps(raw, column, texts) if date_format == "step" else _parsed(raw, column, texts, date_format)


def _typed(raw: "RawTable", column: str, series: pd.Series) -> pd.Series:
    """Dates and times that came as Python objects."""
    if series.map(lambda cell: hasattr(cell, "year")).all():
        try:
            return pd.to_datetime(series)
        except ValueError:
            return pd.to_datetime(series, utc=True)
    problem = f"values like {series.iloc[0]!r} are not times"
    raise DataError(problem, remedy="Name a column of dates, texts or whole numbers.", file=raw.file, column=column)


def _steps(raw: "RawTable", column: str, texts: pd.Series) -> pd.Series:
    wrong = np.flatnonzero(~texts.str.fullmatch(r"[+-]?[0-9]{1,18}"))
    if len(wrong):
        problem = f"{texts.iloc[wrong[0]]!r} is not an integer step"
        raise raw.error(wrong[0], problem, column=column, remedy="Correct it, or change date_format in the catalog.")
    return texts.astype("int64")


def _parsed(raw: "RawTable", column: str, texts: pd.Series, date_format: str | None) -> pd.Series:
    if date_format is None:
        texts = texts.map(lambda text: _QUARTER.sub(lambda m: f"{m[1]}-{3 * int(m[2]) - 2:02d}", text))
        aware = texts.str.contains(_OFFSET)
    else:
        aware = pd.Series("%z" in date_format, index=texts.index)
    if aware.any() and not aware.all():
        first = int(np.flatnonzero(~aware)[0])
        problem = f"{texts.iloc[first]!r} has no UTC offset, other times of the column have one"
        raise raw.error(first, problem, column=column, remedy="Write all times in one way.")
    try:
        times = pd.to_datetime(texts, format=date_format or "ISO8601", errors="coerce", utc=bool(aware.any()))
    except ValueError as error:
        raise CatalogError(f"date_format {date_format!r} cannot be used: {error}", remedy="Correct it.") from error
    wrong = np.flatnonzero(times.isna())
    if len(wrong):
        text = raw.frame[column].iloc[wrong[0]]
        form = f"does not have the form {date_format!r}" if date_format else "is no ISO 8601 time"
        is_step = date_format is None and re.fullmatch(r"[+-]?\d{1,18}", str(text).strip())
        remedy = 'If times are integer steps, state date_format = "step" in the catalog.' if is_step else _REMEDY
        raise raw.error(wrong[0], f"{str(text)!r} {form}", column=column, remedy=remedy)
    return times


def read_time_parts(raw: "RawTable", parts: TimeParts) -> pd.Series:
    """The times that several columns of whole numbers make up, naive datetime64; the first of what is not given.

    Raises
    ------
    DataError
        A part is missing, not whole, or out of its range, or there is no such day.
    """
    from forecasting.sources.tables import read_numbers

    named = parts.model_dump(exclude_none=True)
    numbers = {}
    for part, column in named.items():
        values = read_numbers(raw, column)
        low, high = _RANGES[part]
        wrong = np.flatnonzero(~((values >= low) & (values <= high) & (values == np.floor(values))))
        if len(wrong):
            problem = f"{raw.frame[column].iloc[wrong[0]]!r} is no {part} ({low} to {high})"
            raise raw.error(wrong[0], problem, column=column, remedy="Correct it, or remove the row.")
        numbers[part] = values.astype(np.int64)
    if "quarter" in numbers:
        numbers["month"] = 3 * numbers.pop("quarter") - 2
    fields = pd.DataFrame({"month": 1, "day": 1} | numbers, index=range(len(raw.frame)))
    times = pd.to_datetime(fields, errors="coerce")
    absent = np.flatnonzero(times.isna())
    if len(absent):
        said = ", ".join(f"{part} {values[absent[0]]}" for part, values in numbers.items())
        raise raw.error(absent[0], f"there is no day {said}", column=parts.day or parts.year, remedy="Correct it.")
    return times
