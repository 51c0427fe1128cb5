"""Observations at irregular times on a grid: every step ends at a mark, and holds what was observed since the last one.

    observations    o  o      o            o o          o
    marks         |--------|--------|--------|--------|--------|
    steps              1        2      none      3        4        a step bears the time of the mark that it ends at

So nothing that stands at a time was observed later than that, and what was observed at a mark stands at that mark.
"""

from collections.abc import Mapping

import numpy as np

from forecasting.errors import DataError, ParameterError
from forecasting.panel.covariates import is_missing
from forecasting.panel.frequency import Frequency
from forecasting.panel.notice import Notice, counted, shortened
from forecasting.panel.rows import Rows

POLICIES = ("refuse", "last", "mean")
_MARKED = ("microsecond", "day", "month")
_BLANK = {"age": np.nan, "count": 0}


def check_irregular(policy: str, frequency: Frequency | None) -> None:
    """Raise ParameterError where there is no such policy, or none but ``"refuse"`` goes with the stated frequency."""
    if policy not in POLICIES:
        raise ParameterError(
            f"{policy!r} is not a policy for irregular times",
            remedy=f"Use one of {', '.join(POLICIES)}.",
            parameter="irregular",
        )
    if policy == "refuse":
        return
    if frequency is None:
        raise ParameterError(
            "observations at irregular times need a grid to be put on",
            remedy="State the frequency, for instance frequency='10min'.",
            parameter="frequency",
        )
    if frequency.unit not in _MARKED:
        kind = {"step": "integer steps", "business": "business days", "session": "the sessions of an exchange"}
        raise ParameterError(
            f"irregular={policy!r} does not go with {kind[frequency.unit]}",
            remedy="Use a frequency such as '10min', 'h', 'D', 'W' or 'MS', or irregular='refuse'.",
            parameter="irregular",
        )


def regular_cells(values: np.ndarray) -> dict[str, np.ndarray]:
    """Age and number of observations of values that lie on their marks, float64 of shape (n,), NaN where missing."""
    known = ~np.isnan(values)
    return {"age": np.where(known, 0.0, np.nan), "count": known.astype(np.int64)}


def laid_cells(cells: Mapping[str, np.ndarray], place: np.ndarray, steps: int) -> dict[str, np.ndarray]:
    """Cells at their places on a grid of so many steps."""
    laid = {name: np.full(steps, _BLANK[name], dtype=column.dtype) for name, column in cells.items()}
    for name, column in cells.items():
        laid[name][place] = column
    return laid


def on_marks(rows: Rows, frequency: Frequency, policy: str) -> tuple[Rows, list[Notice]]:
    """Rows that end at marks, each holding the observations since the mark before it.

    Precondition: rows are sorted by series and time, and begin and end with a value.

    Parameters
    ----------
    rows : Rows
    frequency : Frequency
        Of the marks; see `Frequency.mark`.
    policy : {"last", "mean"}
        What a step holds of several observations. Rows without a value are no observations. Of covariates it holds the
        last known value.

    Returns
    -------
    rows : Rows
        One for each step that holds a row, with ``cells``: ``age``, how long before the mark the last observation was
        made, in steps from 0 to below 1 (NaN without any), and ``count``, the number of observations.
    notices : list of Notice
        ``"irregular"``, unless every observation lay on a mark of its own.

    Raises
    ------
    DataError
        A time occurs twice and the policy does not say what of the two is meant.
    """
    if rows.is_step:
        return rows, []  # refused where they are laid on the grid
    rows = _in_order(rows)
    mark = frequency.mark(rows.times, rows.tz)
    begins = np.flatnonzero(np.r_[True, (rows.series[1:] != rows.series[:-1]) | (mark[1:] != mark[:-1])])
    known = ~np.isnan(rows.values)
    count = np.add.reduceat(known, begins, dtype=np.int64)
    last = _last(known, begins)
    total = np.add.reduceat(np.where(known, rows.values, 0.0), begins)
    value = total / np.maximum(count, 1) if policy == "mean" else rows.values[last]
    ends = mark[begins]
    length = ends - frequency.advance(ends, -1, tz=rows.tz)
    cells = {"age": np.where(count > 0, (ends - rows.times[last]) / length, np.nan), "count": count}
    put = Rows(
        rows.ids,
        rows.series[begins],
        ends,
        np.where(count > 0, value, np.nan),
        rows.tz,
        {name: column[_last(~is_missing(column), begins)] for name, column in rows.covariates.items()},
        cells,
    )
    return put, _told(put, frequency, policy)


def observed_at(times: np.ndarray, age: np.ndarray, frequency: Frequency, tz: str | None) -> np.ndarray:
    """When the last observation of steps was made, datetime64[us]; the time of the step itself where there is none."""
    length = (times - frequency.advance(times, -1, tz=tz)).astype(np.int64)
    at: np.ndarray = times - np.round(np.nan_to_num(age) * length).astype("timedelta64[us]")
    return at


def _last(known: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """The last known row of each step, or where there is none its last row."""
    rows = np.arange(len(known))
    found = np.maximum.reduceat(np.where(known, rows, -1), begins)
    return np.where(found < 0, np.append(begins[1:], len(known)) - 1, found)


def _in_order(rows: Rows) -> Rows:
    """Rows whose order says nothing: those of one time by their value."""
    again = np.flatnonzero((rows.series[1:] == rows.series[:-1]) & (rows.times[1:] == rows.times[:-1])) + 1
    if not len(again):
        return rows
    for name, column in rows.covariates.items():
        known = ~is_missing(column[again]) | ~is_missing(column[again - 1])
        other = again[known & (column[again] != column[again - 1])]
        if len(other):
            raise DataError(
                f"the time occurs more than once, with values {column[other[0] - 1]!r} and {column[other[0]]!r}",
                remedy="Keep one row for each time: of a covariate a step holds the last known value.",
                series=rows.id_of(int(other[0])),
                time=rows.time_of(int(other[0])),
                column=name,
            )
    return rows.picked(np.lexsort((rows.values, rows.times, rows.series)))


def _told(rows: Rows, frequency: Frequency, policy: str) -> list[Notice]:
    count, age = rows.cells["count"], rows.cells["age"]
    if not (age[count > 0] > 0).any() and (count <= 1).all():
        return []
    first, last = rows.times[rows.indptr[:-1]], rows.times[rows.indptr[1:] - 1]
    steps = int((frequency.steps(first, last, tz=rows.tz)[0] + 1).sum())
    several = int((count > 1).sum())
    message = (
        f"observations at irregular times were put on the grid {frequency}, where a step holds the {policy} of those"
        f" since the step before it: {counted(int(count.sum()), 'observation')} of"
        f" {counted(len(rows.ids), 'series', 'series')} ({shortened(rows.ids)}) in {counted(steps, 'step')}, of which"
        f" {several:,} hold several and {steps - int((count > 0).sum()):,} none"
    )
    return [Notice("irregular", message, tuple(map(str, rows.ids)), int(count.sum()))]
