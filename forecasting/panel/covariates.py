"""Covariates on their way through the gate: reading their columns, checking them, and carrying over what is missing."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from forecasting.errors import DataError, ParameterError
from forecasting.panel.columns import UnreadableError, read_numbers
from forecasting.panel.notice import Notice, counted, shortened
from forecasting.panel.panel import Panel
from forecasting.panel.rows import Rows, time_text


def read_covariate(column: pd.Series, *, copy: bool = True) -> tuple[np.ndarray, tuple[Notice, ...]]:
    """A column of numbers as float64 (NaN: missing), or of categories as an object array of str (None: missing).

    Text and the categorical type of pandas are categories; truth values are 1 and 0. ``copy`` as for `read_numbers`.

    Raises
    ------
    UnreadableError
        A value is neither, or infinite.
    """
    text = pd.api.types.is_string_dtype(column.dtype) and column.dtype != object
    if column.dtype == object:
        text = pd.api.types.infer_dtype(column, skipna=True) == "string"
    if text or isinstance(column.dtype, pd.CategoricalDtype):
        known = column.notna().to_numpy()
        categories = np.full(len(column), None, dtype=object)
        categories[known] = [str(cell) for cell in column[known]]
        return categories, ()
    numbers, notices = read_numbers(column, copy=copy)
    if np.isinf(numbers).any():
        row = np.flatnonzero(np.isinf(numbers))[0]
        raise UnreadableError(row, "the value is infinite", "Correct it, or leave it empty if it is not known.")
    return numbers, notices


def check_names(names: Iterable[str], taken: Iterable[str]) -> None:
    """Raise ParameterError for a column that is named twice, or is the id, time or target."""
    seen = set(taken)
    for name in names:
        if name in seen:
            raise ParameterError(
                f"column {name!r} is named twice, or is the id, the time or the target",
                remedy="Name every covariate once.",
                parameter="covariates",
            )
        seen.add(name)


def is_missing(column: np.ndarray) -> np.ndarray:
    """Where a covariate is not known, bool array of the same shape."""
    if column.dtype == object:
        return np.asarray(pd.isna(column.ravel())).reshape(column.shape)
    return np.asarray(np.isnan(column))


def split_static(rows: Rows, names: Iterable[str]) -> tuple[Rows, dict[str, np.ndarray]]:
    """Rows without the static covariates, and these as one value for each series.

    Precondition: no series is empty.

    Raises
    ------
    DataError
        A value is missing, or is not the same throughout a series.
    """
    left, static = dict(rows.covariates), {}
    for name in names:
        column = left.pop(name)
        first = column[rows.indptr[:-1]]
        missing = np.flatnonzero(is_missing(column))
        if len(missing):
            row = missing[0]
            raise DataError(
                f"the static covariate is missing ({counted(len(missing), 'row')} in all)",
                remedy="Give every row the value of its series.",
                series=rows.id_of(row),
                time=rows.time_of(row),
                column=name,
            )
        other = np.flatnonzero(column != first[rows.series])
        if len(other):
            row = other[0]
            raise DataError(
                f"the covariate is said to be static, but is {column[row]!r} here and {first[rows.series[row]]!r}"
                " at the begin of the series",
                remedy="Give one value for each series, or declare it as a covariate that changes with time.",
                series=rows.id_of(row),
                time=rows.time_of(row),
                column=name,
            )
        static[name] = first
    return replace(rows, covariates=left), static


def treat_covariates(panel: Panel, policy: str) -> tuple[Panel, tuple[Notice, ...]]:
    """Apply a policy for gaps to the covariates of a panel.

    Under ``"refuse"`` a missing value beside a target that is there is an error (a step without a target is one for
    `treat_gaps`). Under the other policies the last known value of the series is
    carried forward, which uses nothing that was not known; before the first known one a value stays missing.

    Parameters
    ----------
    panel : Panel
    policy : {"refuse", "interpolate", "mask"}

    Returns
    -------
    panel : Panel
        The same panel where nothing is missing.
    notices : tuple of Notice
        ``"carried"``, one for each column.

    Raises
    ------
    DataError
        If the policy is to refuse and a value is missing; names series, time and column.
    """
    filled, notices = {}, []
    for name, column in panel.covariates.items():
        missing = is_missing(column)
        if policy == "refuse":
            missing &= ~np.isnan(panel.values)
        if not missing.any():
            continue
        rows = np.flatnonzero(missing)
        series = np.searchsorted(panel.indptr, rows, side="right") - 1
        names = tuple(str(one) for one in panel.ids[np.unique(series)])
        where = f"{counted(len(rows), 'step')} of {counted(len(names), 'series', 'series')} ({shortened(names)})"
        if policy == "refuse":
            times = shortened([time_text(time, panel.tz) for time in panel.times[rows[series == series[0]]]], 3)
            raise DataError(
                f"the covariate is missing at {times}; in all {where}",
                remedy="Fill it in the source, or choose a policy for gaps: 'interpolate' or 'mask', under which the"
                " last known value of a covariate is carried forward.",
                series=names[0],
                time=time_text(panel.times[rows[0]], panel.tz),
                column=name,
            )
        filled[name] = _carried(column, missing, panel.indptr)
        message = f"covariate {name}: the last known value was carried forward over {where}"
        notices.append(Notice("carried", message, names, len(rows)))
    return (replace(panel, covariates={**panel.covariates, **filled}) if filled else panel), tuple(notices)


def _carried(column: np.ndarray, missing: np.ndarray, indptr: np.ndarray) -> np.ndarray:
    rows = np.arange(len(column))
    first = np.repeat(indptr[:-1], np.diff(indptr))
    return np.asarray(column[np.maximum.accumulate(np.where(missing, first, rows))])
