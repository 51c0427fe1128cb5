"""From a table as it was read to the long frame: times, ids and numbers, with the place of whatever is wrong."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from forecasting.errors import DataError
from forecasting.sources.covariate_columns import NO_COVARIATES, CovariateColumns
from forecasting.sources.datasets import Columns
from forecasting.sources.near_miss import choices
from forecasting.sources.times import read_time_parts, read_times

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}([,.' ])\d{3}(?:\1\d{3})*(?:[.,]\d+)?", re.ASCII)


@dataclass(frozen=True)
class RawTable:
    """A table before anything in it has been understood.

    Attributes
    ----------
    frame : DataFrame
        Columns as they were read: text for CSV, typed values otherwise.
    rows : int64 array of shape (len(frame),)
        Where each row stands in what it came from.
    row_name : str
        What ``rows`` counts: ``"line"`` of a text file, or ``"row"``.
    file : str or None
        The file that it came from.
    decimal : str
        The decimal mark of numbers that are text.
    typed : bool
        Whether what is a number has such a type, so that text is never one.
    """

    frame: pd.DataFrame
    rows: np.ndarray
    row_name: str = "row"
    file: str | None = None
    decimal: str = "."
    typed: bool = False

    def error(self, position: int, problem: str, *, column: str, remedy: str) -> DataError:
        """An error about one row of one column."""
        place = {"file": self.file, self.row_name: self.rows[position], "column": column}
        return DataError(problem, remedy=remedy, **place)


def whole_table(frame: pd.DataFrame, *, file: str | None = None) -> RawTable:
    """A typed table whose rows are counted from 1."""
    return RawTable(frame, np.arange(1, len(frame) + 1), file=file, typed=True)


def needed_columns(columns: Columns) -> list[str]:
    """The columns that the catalog names, each once."""
    parts = columns.time_parts.model_dump(exclude_none=True).values() if columns.time_parts else ()
    named = [columns.time_column, *parts, columns.id_column, *columns.targets]
    return list(dict.fromkeys(name for name in named if name is not None))


def check_columns(
    found: list[str],
    columns: Columns,
    covariates: CovariateColumns = NO_COVARIATES,
    *,
    file: str | None = None,
    line: int | None = None,
) -> list[str]:
    """All columns to read of a table, each once: those that the catalog names for the source, then the covariates.

    Raises
    ------
    DataError
        A column is absent, or is there twice.
    CatalogError
        A covariate is absent; names the key.
    """
    needed = needed_columns(columns)
    for name in needed:
        if name not in found:
            raise DataError("there is no such column", remedy=choices(name, found), file=file, line=line, column=name)
    wanted = [*needed, *covariates.among(found, needed, file=file)]
    for name in wanted:
        if found.count(name) != 1:
            problem = "the column is there more than once"
            raise DataError(problem, remedy="Give every column its own name.", file=file, line=line, column=name)
    return wanted


def to_long(raw: RawTable, columns: Columns, covariates: CovariateColumns = NO_COVARIATES) -> pd.DataFrame:
    """Long frame ``unique_id`` (str), ``ds``, ``y`` (float64), covariates, rows in the order of the table.

    Where each target is a series, they come one after the other, each with the same covariates.

    Raises
    ------
    DataError
        A column is absent, a time or an id is missing or cannot be read, or there is text in a number column.
    CatalogError
        A covariate is absent; names the key.
    """
    wanted = check_columns([str(name) for name in raw.frame.columns], columns, covariates, file=raw.file)
    if not len(raw.frame):
        raise DataError("the table has no rows", remedy="Check where it comes from.", file=raw.file)
    times = read_time_parts(raw, columns.time_parts) if columns.time_parts else read_times(raw, columns)
    further = {
        name: read_covariate(raw, name, columns.missing_values, categorical=name in covariates.categorical)
        for name in wanted[len(needed_columns(columns)) :]
    }
    parts = []
    for target in columns.targets:
        ids = pd.Series(target, index=times.index) if columns.id_column is None else _ids(raw, columns.id_column)
        values = read_numbers(raw, target, columns.missing_values)
        parts.append(pd.DataFrame({"unique_id": ids.astype("str"), "ds": times, "y": values, **further}))
    return pd.concat(parts, ignore_index=True)


def _ids(raw: RawTable, column: str) -> pd.Series:
    ids = raw.frame[column].reset_index(drop=True)
    absent = np.flatnonzero(ids.isna() | (ids.astype("str").str.strip() == ""))
    if len(absent):
        raise raw.error(absent[0], "the id is missing", column=column, remedy="Fill it in, or remove the row.")
    return ids


def read_numbers(raw: RawTable, column: str, missing_values: tuple[str | int | float, ...] = ()) -> np.ndarray:
    """The numbers of a column, float64 array; NaN where the field is empty or holds a stated missing value.

    Raises
    ------
    DataError
        Something in the column is not a number.
    """
    series = raw.frame[column]
    marks = {mark for mark in missing_values if isinstance(mark, str)}
    if pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series.dtype):
        numbers = series.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        cells = enumerate(series.astype("object"))
        numbers = np.array([_number(raw, column, position, cell, marks) for position, cell in cells], dtype=np.float64)
    sentinels = [float(mark) for mark in missing_values if not isinstance(mark, str)]
    return np.where(np.isin(numbers, sentinels), np.nan, numbers) if sentinels else numbers


def _number(raw: RawTable, column: str, position: int, cell: Any, marks: set[str]) -> float:
    if isinstance(cell, str):
        text = cell.strip()
        if not text or text in marks:
            return np.nan
        plain = _plain(text, raw.decimal)
        if _NUMBER.fullmatch(plain):
            return float(plain)
        raise raw.error(position, f"{text[:60]!r} is text in a number column", column=column, remedy=_hint(text))
    if isinstance(cell, int | float | Decimal | np.number) and not isinstance(cell, bool):
        return float(cell)
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return np.nan
    raise raw.error(position, f"{cell!r} is not a number", column=column, remedy="Name a column of numbers.")


def read_covariate(
    raw: RawTable, column: str, missing_values: tuple[str | int | float, ...], *, categorical: bool
) -> pd.Series:
    """A column as numbers, or as text where it is text or ``categorical``; missing where the field is empty.

    Of a typed table the values are what they are; of a text file a column is numbers if all of its fields are.

    Raises
    ------
    DataError
        Fields of a text file are partly numbers, partly text.
    """
    series = raw.frame[column].reset_index(drop=True)
    texts = {mark for mark in missing_values if isinstance(mark, str)} | {""}
    sentinels = [float(mark) for mark in missing_values if not isinstance(mark, str)]
    cells = [cell.strip() if isinstance(cell, str) else cell for cell in series.astype("object")]
    empty = np.array([cell in texts if isinstance(cell, str) else bool(pd.isna(cell)) for cell in cells], dtype=bool)
    if not raw.typed:
        numbers = np.array([_number_or_nan(cell, raw.decimal) for cell in cells])
        empty |= np.isin(numbers, sentinels)
        is_text, is_number = ~empty & np.isnan(numbers), ~empty & ~np.isnan(numbers)
        if not categorical and is_number.any():
            if is_text.any():
                raise _mixed(raw, column, cells, is_number, is_text)
            return pd.Series(np.where(empty, np.nan, numbers))
        series = pd.Series(cells, dtype="str")
    elif sentinels:
        empty |= series.isin(sentinels).to_numpy()
    known = series.mask(empty)
    return known.astype("object").map(_code, na_action="ignore") if categorical else known


def _code(cell: Any) -> str:
    """A code as text; a whole number that is kept as floating point has no decimals."""
    return str(int(cell)) if isinstance(cell, float | np.floating) and cell == int(cell) else str(cell).strip()


def _mixed(raw: RawTable, column: str, cells: Sequence[str], is_number: np.ndarray, is_text: np.ndarray) -> DataError:
    """An error about the first of those that are fewer, numbers or texts."""
    number, text = (int(np.flatnonzero(kind)[0]) for kind in (is_number, is_text))
    return raw.error(
        number if is_number.sum() < is_text.sum() else text,
        f"the covariate holds numbers and text, such as {cells[number][:60]!r} and {cells[text][:60]!r}",
        column=column,
        remedy="Correct it; if the text means that nothing is known, state missing_values in the catalog; if the"
        f' numbers are codes, categorical_covariates = ["{column}"].',
    )


def _number_or_nan(text: str, decimal: str) -> float:
    plain = _plain(text, decimal)
    return float(plain) if _NUMBER.fullmatch(plain) else np.nan


def _plain(text: str, decimal: str) -> str:
    """A number with the decimal mark of Python; what has both marks is none."""
    if decimal == ".":
        return text
    return "" if "." in text else text.replace(",", ".")


def _hint(text: str) -> str:
    if re.fullmatch(r"[+-]?\d+,\d+", text):
        return 'If the comma is the decimal mark, state decimal = "," in the catalog.'
    if _GROUPED.fullmatch(text):
        return "Write it without marks between the thousands."
    return (
        f'Correct it, or if it means that nothing was observed, state missing_values = ["{text[:60]}"] in the catalog.'
    )
