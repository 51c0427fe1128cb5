"""Laying rows on a complete time grid."""

from collections.abc import Iterator

import numpy as np

from forecasting.errors import DataError
from forecasting.panel.cells import laid_cells
from forecasting.panel.clock import wall_clock
from forecasting.panel.frequency import Frequency
from forecasting.panel.inference import infer
from forecasting.panel.notice import Notice, counted, shortened
from forecasting.panel.panel import Panel
from forecasting.panel.rows import Rows, time_text

# A grid may be this many times as long as what was observed, and anything up to a million steps.
_MAX_STRETCH, _ALWAYS_ALLOWED = 50, 1_000_000
# Counting steps takes many times the room of what it gives.
_ROWS_AT_ONCE = 250_000


def regularise(rows: Rows, frequency: Frequency) -> tuple[Panel, list[Notice]]:
    """Rows on the complete grid of a frequency: an absent step becomes a row with the value NaN.

    Precondition: rows are sorted, no series has a time twice or is empty, and every series begins and ends with a
    value.

    Returns
    -------
    panel : Panel
    notices : list of Notice
        ``"gaps"`` (absent steps) and ``"missing"`` (rows without a value).

    Raises
    ------
    DataError
        If a time is not on the grid that its series began, or nearly all of the grid would be empty.
    """
    if frequency.is_step != rows.is_step:
        kinds = ("whole numbers", "dates") if rows.is_step else ("dates", "whole numbers")
        raise DataError(
            f"the times are {kinds[0]}, but the frequency {frequency} is for {kinds[1]}",
            remedy="Leave the frequency out, or give one that fits the times.",
        )
    try:
        if _is_complete(rows, frequency):
            return _panel(rows, frequency), _missing_notice(rows)
        parts = list(_steps(rows, frequency))
    except DataError as error:  # a day beyond the known sessions
        days = wall_clock(rows.times, rows.tz).astype("datetime64[D]").astype(str)
        raise error.at(series=rows.id_of(int(np.argmax(days == error.where["time"])))) from None
    step, on_grid = (np.concatenate(column) for column in zip(*parts, strict=True))
    if not on_grid.all():
        raise _off_grid(rows, frequency, int(np.flatnonzero(~on_grid)[0]))
    last = rows.indptr[1:] - 1
    lengths = step[last] + 1
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    same = np.flatnonzero((step[1:] == step[:-1]) & (rows.series[1:] == rows.series[:-1]))
    if len(same):
        row = int(same[0]) + 1
        problem = f"the time lies on the same step of {frequency} as {rows.time_of(row - 1)}"
        remedy = "Keep one row for each step."
        raise DataError(problem, remedy=remedy, series=rows.id_of(row), time=rows.time_of(row))
    _refuse_stretching(rows, step, int(indptr[-1]))
    place = np.repeat(indptr[:-1], rows.lengths) + step
    values = np.full(indptr[-1], np.nan)
    values[place] = rows.values
    absent = np.ones(indptr[-1], dtype=bool)
    absent[place] = False
    holes = np.flatnonzero(absent)
    series = np.searchsorted(indptr, holes, side="right") - 1
    times = np.empty(indptr[-1], dtype=rows.times.dtype)
    times[place] = rows.times
    times[holes] = frequency.advance(rows.times[rows.indptr[series]], holes - indptr[series], tz=rows.tz)
    covariates = {name: _laid(column, place, len(values)) for name, column in rows.covariates.items()}
    cells = laid_cells(rows.cells, place, len(values))
    panel = Panel(values, times, indptr, rows.ids, frequency, rows.tz, covariates, cells=cells)
    return panel, [_gap_notice(panel, holes, series), *_missing_notice(rows)]


def _panel(rows: Rows, frequency: Frequency) -> Panel:
    """Rows that are a complete grid already."""
    indptr, covariates, cells = rows.indptr, rows.covariates, rows.cells
    return Panel(rows.values, rows.times, indptr, rows.ids, frequency, rows.tz, covariates, cells=cells)


def _is_complete(rows: Rows, frequency: Frequency) -> bool:
    """Whether no step is absent and no row lies off the grid."""
    first = 0
    for step, on_grid in _steps(rows, frequency):
        row = np.arange(first, first + len(step))
        if not (on_grid.all() and (step == row - rows.indptr[rows.series[row]]).all()):
            return False
        first += len(step)
    return True


def _steps(rows: Rows, frequency: Frequency) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """How many steps each row lies after the first of its series, and whether exactly; some rows at a time."""
    start = rows.times[rows.indptr[:-1]]
    for first in range(0, len(rows.times), _ROWS_AT_ONCE):
        part = slice(first, first + _ROWS_AT_ONCE)
        yield frequency.steps(start[rows.series[part]], rows.times[part], tz=rows.tz)


def _laid(column: np.ndarray, place: np.ndarray, steps: int) -> np.ndarray:
    laid = np.full(steps, None if column.dtype == object else np.nan, dtype=column.dtype)
    laid[place] = column
    return laid


def _off_grid(rows: Rows, frequency: Frequency, row: int) -> DataError:
    start = rows.indptr[rows.series[row]]
    if row == start:
        problem = f"the time does not lie on the time grid {frequency}"
    else:
        problem = f"the time does not lie on the time grid {frequency} that the series begins at {rows.time_of(start)}"
    remedy = "Correct the time, or if observations come at irregular times, use irregular='last' or irregular='mean'."
    if (fitting := _fitting(rows)) is not None:
        remedy = f"The times of all series fit the frequency {fitting.alias!r}."
    if frequency.calendar is not None:
        problem = f"the time is not a session of {frequency.calendar}, or not at the time of day of the series"
        remedy = "Leave it out, or leave the calendar out if the series has other days."
    return DataError(problem, remedy=remedy, series=rows.id_of(row), time=rows.time_of(row))


def _fitting(rows: Rows) -> Frequency | None:
    try:
        found = infer(rows)
        return found if all(on_grid.all() for _, on_grid in _steps(rows, found)) else None
    except DataError:
        return None


def _refuse_stretching(rows: Rows, step: np.ndarray, total: int) -> None:
    if total <= max(_ALWAYS_ALLOWED, _MAX_STRETCH * len(step)):
        return
    jump = np.diff(step)
    jump[rows.series[1:] != rows.series[:-1]] = 0
    row = int(np.argmax(jump)) + 1
    raise DataError(
        f"the grid would have {total:,} steps for {len(step):,} rows; the largest gap is {jump[row - 1] - 1:,} steps, "
        f"between {rows.time_of(row - 1)} and this time",
        remedy="Correct the time, or give a longer step as the frequency.",
        series=rows.id_of(row),
        time=rows.time_of(row),
    )


def _missing_notice(rows: Rows) -> list[Notice]:
    missing = np.flatnonzero(np.isnan(rows.values))
    if not len(missing):
        return []
    return [
        _steps_notice("missing", "values are missing", rows.ids, rows.series[missing], rows.times[missing], rows.tz)
    ]


def _gap_notice(panel: Panel, holes: np.ndarray, series: np.ndarray) -> Notice:
    return _steps_notice("gaps", "steps are absent", panel.ids, series, panel.times[holes], panel.tz)


def _steps_notice(
    kind: str, what: str, ids: np.ndarray, series: np.ndarray, times: np.ndarray, tz: str | None
) -> Notice:
    names = [str(name) for name in ids[np.unique(series)]]
    first = shortened([time_text(time, tz) for time in times[series == series[0]]], 3)
    message = (
        f"{what}: {counted(len(times), 'step')} of {counted(len(names), 'series', 'series')} ({shortened(names)}), "
        f"first in {names[0]} at {first}"
    )
    return Notice(kind, message, tuple(names), len(times))
