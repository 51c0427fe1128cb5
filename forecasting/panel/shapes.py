"""The shapes that tables come in (long, wide, a single series), read into sorted rows."""

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np
import pandas as pd

from forecasting.errors import DataError
from forecasting.panel.columns import UnreadableError, read_ids, read_numbers, read_times
from forecasting.panel.covariates import read_covariate
from forecasting.panel.frequency import Frequency
from forecasting.panel.notice import Notice, counted, shortened
from forecasting.panel.rows import Rows, time_text


def normalise(
    data: object,
    *,
    id_col: str = "unique_id",
    time_col: str = "ds",
    target_col: str = "y",
    tz: str | None,
    covariates: Sequence[str] = (),
    copy: bool = True,
) -> tuple[Rows, Frequency | None, list[Notice]]:
    """A table of any accepted shape as sorted rows; the table itself is not changed.

    Precondition: none; this is where data come in. Afterwards ids are text in ascending order, times are
    datetime64[us] in UTC or int64, values are float64, and rows are sorted by series and time.

    Parameters
    ----------
    data : DataFrame or Series
        Long (``id_col``, ``time_col``, ``target_col``; without ``id_col`` where those two columns are all there is),
        wide (times in the index or in ``time_col``, a column for each series), or one series with times as its index.
    id_col, time_col, target_col : str
    tz : str or None
        The time zone of stamps that have none.
    covariates : sequence of str
        Further columns to read, for which the table must be long.
    copy : bool, default True
        Whether the rows have memory of their own in any case; else they may be views of the table.

    Returns
    -------
    rows : Rows
    frequency : Frequency or None
        Where the times are periods, what they state.
    notices : list of Notice

    Raises
    ------
    DataError
        If a column is missing, or a value, time or id cannot be read.
    """
    if isinstance(data, pd.Series) and covariates:
        raise _long_only(covariates)
    if isinstance(data, pd.Series):
        name = target_col if data.name is None else data.name
        data = pd.DataFrame({name: data})
        _check_labels(data)
        return _normalise_wide(data, pd.Series(data.index, name="index"), tz)
    if not isinstance(data, pd.DataFrame):
        raise DataError(
            f"the data are a {type(data).__name__}",
            remedy="Give a pandas DataFrame (long or wide) or Series.",
        )
    _check_labels(data)
    columns = set(data.columns)
    if id_col in columns or columns == {time_col, target_col, *covariates}:
        return _normalise_long(data, id_col, time_col, target_col, tz, covariates, copy)
    if covariates:
        raise _long_only(covariates)
    if time_col in columns and target_col not in columns:
        return _normalise_wide(data.drop(columns=time_col), data[time_col], tz)
    kinds = (pd.DatetimeIndex, pd.PeriodIndex)
    numbers = all(pd.api.types.is_numeric_dtype(dtype) for dtype in data.dtypes)
    whole = pd.api.types.is_integer_dtype(data.index.dtype) and numbers
    if time_col not in columns and (isinstance(data.index, kinds) or whole):
        return _normalise_wide(data, pd.Series(data.index, name=data.index.name or "index"), tz)
    raise _missing_column(data, [name for name in (id_col, time_col, target_col) if name not in columns])


def _normalise_long(
    data: pd.DataFrame,
    id_col: str,
    time_col: str,
    target_col: str,
    tz: str | None,
    covariates: Sequence[str],
    copy: bool,
) -> tuple[Rows, Frequency | None, list[Notice]]:
    missing = [name for name in (time_col, target_col, *covariates) if name not in data.columns]
    if missing:
        raise _missing_column(data, missing)
    _check_not_empty(data)
    try:
        if id_col in data.columns:
            ids, series = read_ids(data[id_col])
        else:
            ids, series = np.array([target_col], dtype=object), np.zeros(len(data), dtype=np.int64)
    except UnreadableError as error:
        raise DataError(error.problem, remedy=error.remedy, column=id_col) from None
    try:
        times, zone, frequency, notices = read_times(data[time_col], tz, copy=copy)
    except UnreadableError as error:
        where = ids[series[error.row]]
        raise DataError(error.problem, remedy=error.remedy, series=where, column=time_col) from None
    read: dict[str, np.ndarray] = {}
    for name in (target_col, *covariates):
        try:
            reader = read_numbers if name == target_col else read_covariate
            read[name], converted = reader(data[name], copy=copy)
        except UnreadableError as error:
            where, when = ids[series[error.row]], time_text(times[error.row], zone)
            raise DataError(error.problem, remedy=error.remedy, series=where, time=when, column=name) from None
        notices.extend(converted)
    values = read.pop(target_col)
    rows, order_notices = _sorted(Rows(ids, series, times, values, zone, read))
    return rows, frequency, [*notices, *order_notices]


def _normalise_wide(
    data: pd.DataFrame, index: pd.Series, tz: str | None
) -> tuple[Rows, Frequency | None, list[Notice]]:
    _check_not_empty(data)
    try:
        ids, order = read_ids(pd.Series(data.columns, dtype=object))
    except UnreadableError as error:
        raise DataError(f"names of series: {error.problem}", remedy=error.remedy) from None
    try:
        times, zone, frequency, notices = read_times(index, tz)
    except UnreadableError as error:
        raise DataError(error.problem, remedy=error.remedy, column=index.name) from None
    values = np.empty((len(ids), len(data)))
    for column, series in enumerate(order):
        try:
            values[series], converted = read_numbers(data.iloc[:, column])
        except UnreadableError as error:
            when = time_text(times[error.row], zone)
            raise DataError(error.problem, remedy=error.remedy, series=ids[series], time=when) from None
        notices.extend(converted)
    series = np.repeat(np.arange(len(ids)), len(data))
    rows, order_notices = _sorted(Rows(ids, series, np.tile(times, len(ids)), values.ravel(), zone))
    return rows, frequency, [*notices, *order_notices]


def _sorted(rows: Rows) -> tuple[Rows, list[Notice]]:
    """Rows by series and time; a notice where a series itself was out of order."""
    if _is_sorted(rows):
        return rows, []
    rows = rows.picked(_by_series(rows.series))
    if _is_sorted(rows):
        return rows, []
    back = np.flatnonzero((rows.series[1:] == rows.series[:-1]) & (rows.times[1:] < rows.times[:-1])) + 1
    names = [str(name) for name in rows.ids[np.unique(rows.series[back])]]
    message = (
        f"rows were not in order of time and have been sorted: {counted(len(names), 'series', 'series')} "
        f"({shortened(names)}), first at {rows.time_of(back[0])} after {rows.time_of(back[0] - 1)}"
    )
    rows = rows.picked(np.lexsort((rows.times, rows.series)))
    return rows, [Notice("sorted", message, tuple(names), len(back))]


def _is_sorted(rows: Rows) -> bool:
    same = rows.series[1:] == rows.series[:-1]
    return bool(((rows.series[1:] > rows.series[:-1]) | (same & (rows.times[1:] >= rows.times[:-1]))).all())


def _by_series(series: np.ndarray) -> np.ndarray:
    """The order of rows by series, those of a series as they came: whole runs of a series are moved at once."""
    start = np.concatenate([[0], np.flatnonzero(np.diff(series)) + 1])
    length = np.diff(start, append=len(series))
    runs = np.argsort(series[start], kind="stable")
    order = np.ones(len(series), dtype=np.int64)  # from row to row by one, and from run to run by a jump
    order[np.cumsum(length[runs])[:-1]] = start[runs][1:] - (start + length - 1)[runs][:-1]
    order[0] = start[runs[0]]
    return np.cumsum(order, out=order)


def _check_labels(data: pd.DataFrame) -> None:
    if isinstance(data.columns, pd.MultiIndex) or isinstance(data.index, pd.MultiIndex):
        raise DataError(
            "the table has labels of several levels",
            remedy="Flatten the columns, and turn the index into columns with reset_index().",
        )
    if not data.columns.is_unique:
        twice = data.columns[data.columns.duplicated()].unique()
        raise DataError(
            f"column names occur more than once: {shortened(twice)}", remedy="Give every column a name of its own."
        )


def _check_not_empty(data: pd.DataFrame) -> None:
    if data.empty:
        raise DataError("the table is empty", remedy="Check the file or query that the data come from.")


def _long_only(covariates: Sequence[str]) -> DataError:
    return DataError(
        f"covariates ({shortened(covariates)}) are read from long tables only",
        remedy="Give a table with columns for id, time, target and each covariate.",
    )


def _missing_column(data: pd.DataFrame, missing: list[str]) -> DataError:
    names = [str(name) for name in data.columns]
    lower = {name.lower(): name for name in names}
    near = [lower[key] for name in missing for key in get_close_matches(name.lower(), lower, n=1)]
    remedy = f"Did you mean {' or '.join(near)}? " if near else ""
    remedy += "Rename the column, or state which columns hold the id, the time and the number."
    if data.index.name in missing:
        remedy = f"{data.index.name} is the index: turn it into a column with reset_index()."
    there = shortened(names, 12) or "none"
    return DataError(f"there is no column {' and no column '.join(missing)}; the columns are: {there}", remedy=remedy)
