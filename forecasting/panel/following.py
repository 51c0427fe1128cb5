"""Rows that follow on from the ends of a panel: read, checked against what is known, laid on its grid, and appended."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from forecasting.errors import DataError
from forecasting.panel.cells import regular_cells
from forecasting.panel.checks import trim, validate
from forecasting.panel.covariates import is_missing, split_static
from forecasting.panel.further_cells import REVISED, end_rows, further_cells
from forecasting.panel.gate import to_panel
from forecasting.panel.notice import Notice, counted, shortened
from forecasting.panel.panel import Panel
from forecasting.panel.regular import regularise
from forecasting.panel.rows import Rows, time_text
from forecasting.panel.shapes import normalise


def following(
    panel: Panel, data: pd.DataFrame | pd.Series | Panel, *, irregular: str = "refuse", new_series: bool = False
) -> tuple[Panel, tuple[Notice, ...]]:
    """Rows behind the ends of a panel, on its time grid.

    Rows that are in the panel already are left out where they say the same; a series may have no row. Steps that are
    absent between the end of a series and its first row become NaN like those between two rows, and missing values
    behind the last one are cut off, but for those of a panel.

    Observations at irregular times may also go on within the last step of a series, behind the last observation of it.

    Parameters
    ----------
    panel : Panel
        What is known.
    data : DataFrame, Series or Panel
        As for `to_panel`, with the covariates of ``panel``.
    irregular : {"refuse", "last", "mean"}, default "refuse"
        As for `to_panel`.
    new_series : bool, default False
        Whether series may begin here.

    Returns
    -------
    part : Panel
        Of the series with further rows alone. Each begins with the last known step of ``panel``, which may hold more
        observations now, but for new ones. See `appended`.
    notices : tuple of Notice
        As those of `to_panel`, and ``"repeated"``.

    Raises
    ------
    DataError
        A series is not known; a row differs from what is known, or lies before it; a time is not on the grid; or what
        `to_panel` refuses. Names series and time.
    """
    rows, notices = _read(panel, data)
    number = pd.Index(panel.ids).get_indexer(pd.Index(rows.ids))
    unknown = rows.ids[number < 0]
    if len(unknown) and not new_series:
        raise DataError(
            f"{counted(len(unknown), 'series is', 'series are')} not known: {shortened(unknown)}",
            remedy="Correct the id, or let series begin here with new_series=True.",
            series=unknown[0],
            time=rows.time_of(int(np.flatnonzero(number[rows.series] < 0)[0])),
        )
    rows, given = split_static(rows, panel.static)
    static = dict(zip(rows.ids, np.arange(len(rows.ids)), strict=True))
    _refuse_other_static(panel, rows, number, given)
    put: list[Notice] = []
    if irregular == "refuse" or isinstance(data, Panel):
        rows, repeated = _further(panel, rows, number)
        ends = end_rows(panel)
    else:
        rows, ends, repeated, put = further_cells(panel, rows, irregular)
    if not len(rows.ids):
        return panel.take(np.zeros(0, dtype=np.int64)), (*notices, *repeated)
    rows = _with_ends(panel, ends, rows)
    validate(rows, now=np.datetime64("now", "us"))
    rows, trimmed = (rows, []) if isinstance(data, Panel) else trim(rows)
    part, gaps = regularise(rows, panel.frequency)
    there = [static[name] for name in part.ids]
    part = replace(part, static={name: column[there] for name, column in given.items()})
    return part, (*notices, *repeated, *put, *trimmed, *gaps)


def appended(panel: Panel, part: Panel) -> Panel:
    """A panel whose series go on with the rows that `following` found; new series stand where their ids belong."""
    panel = _with_last_steps_of(panel, part)
    number = pd.Index(panel.ids).get_indexer(pd.Index(part.ids))
    new = np.flatnonzero(number < 0)
    number[new] = panel.n_series + np.arange(len(new))
    part, number = part.take(np.argsort(number)), np.sort(number)
    if panel.cells and not part.cells:
        part = replace(part, cells=regular_cells(part.values))
    known = number < panel.n_series
    rows = np.ones(len(part.values), dtype=bool)
    rows[part.indptr[:-1][known]] = False
    ends = np.concatenate([panel.indptr[1:], np.full(len(new), panel.indptr[-1])])
    place = np.repeat(ends[number], part.lengths - known)
    lengths = np.concatenate([panel.lengths, np.zeros(len(new), dtype=np.int64)])
    lengths[number] += part.lengths - known
    later = replace(
        panel,
        values=np.insert(panel.values, place, part.values[rows]),
        times=np.insert(panel.times, place, part.times[rows]),
        indptr=np.concatenate([[0], np.cumsum(lengths)]),
        ids=np.concatenate([panel.ids, part.ids[~known]]),
        covariates={
            name: np.insert(column, place, part.covariates[name][rows]) for name, column in panel.covariates.items()
        },
        static={name: np.concatenate([column, part.static[name][~known]]) for name, column in panel.static.items()},
        cells={name: np.insert(column, place, part.cells[name][rows]) for name, column in panel.cells.items()},
    )
    return later.take(np.argsort(later.ids)) if len(new) else later


def _with_last_steps_of(panel: Panel, part: Panel) -> Panel:
    """The panel with the last known steps as ``part`` has them, if any of them holds further observations."""
    if not part.cells:
        return panel
    number = pd.Index(panel.ids).get_indexer(pd.Index(part.ids))
    first, ends = part.indptr[:-1][number >= 0], panel.indptr[1:][number[number >= 0]] - 1
    there = ~np.isnan(panel.values[ends])
    first, ends = first[there], ends[there]

    def put(column: np.ndarray, by: np.ndarray) -> np.ndarray:
        column = column.copy()
        column[ends] = by[first]
        return column

    cells = panel.cells or regular_cells(panel.values)
    return replace(
        panel,
        values=put(panel.values, part.values),
        covariates={name: put(column, part.covariates[name]) for name, column in panel.covariates.items()},
        cells={name: put(column, part.cells[name]) for name, column in cells.items()},
    )


def _read(panel: Panel, data: pd.DataFrame | pd.Series | Panel) -> tuple[Rows, list[Notice]]:
    columns = [*panel.covariates, *panel.static]
    if isinstance(data, Panel):
        given, _ = to_panel(data, frequency=panel.frequency)
        given = given.choose(list(panel.covariates), list(panel.static))
        beside = {**given.covariates, **{name: column[given.series_index] for name, column in given.static.items()}}
        cells = dict(given.cells or (regular_cells(given.values) if panel.cells else {}))
        rows = Rows(given.ids, given.series_index, given.times, given.values, given.tz, beside, cells)
        notices: list[Notice] = []
    else:
        rows, _, notices = normalise(data, tz=panel.tz, covariates=columns)
    if rows.tz != panel.tz or rows.times.dtype != panel.times.dtype:
        kinds = [str(tz or dtype) for tz, dtype in ((rows.tz, rows.times.dtype), (panel.tz, panel.times.dtype))]
        raise DataError(
            f"the times are of the kind {kinds[0]}, those that they are to follow {kinds[1]}",
            remedy="Give both the same time zone, or none.",
            column="ds",
        )
    for name in columns:
        known = panel.covariates[name] if name in panel.covariates else panel.static[name]
        kinds = ["categories" if column.dtype == object else "numbers" for column in (rows.covariates[name], known)]
        if kinds[0] != kinds[1] and not is_missing(rows.covariates[name]).all():
            raise DataError(f"the covariate holds {kinds[0]}, and held {kinds[1]} before", column=name)
    return rows, notices


def _refuse_other_static(panel: Panel, rows: Rows, number: np.ndarray, given: Mapping[str, np.ndarray]) -> None:
    for name, column in given.items():
        known = panel.static[name][number]
        other = np.flatnonzero((number >= 0) & (column != known))
        if len(other):
            raise DataError(
                f"the static covariate is {column[other[0]]!r}, and was {known[other[0]]!r} before",
                remedy="Give the series the value that it had, or another id.",
                series=rows.ids[other[0]],
                time=rows.time_of(int(rows.indptr[other[0]])),
                column=name,
            )


def _further(panel: Panel, rows: Rows, number: np.ndarray) -> tuple[Rows, list[Notice]]:
    """The rows behind the ends; those that are known already must agree with what is known."""
    series = number[rows.series]
    there = np.flatnonzero((series >= 0) & (rows.times <= panel.last_times()[series]))
    if not len(there):
        return rows, []
    series = series[there]
    begin = panel.times[panel.indptr[series]]
    step, on_grid = panel.frequency.steps(begin, rows.times[there], tz=panel.tz)
    before = np.flatnonzero((step < 0) | ~on_grid)
    if len(before):
        row = int(there[before[0]])
        raise DataError(
            f"the time is none of the known ones, which begin at {time_text(begin[before[0]], panel.tz)},"
            " and does not lie behind them",
            remedy="Give rows that follow on from the end of their series.",
            series=rows.id_of(row),
            time=rows.time_of(row),
        )
    known = panel.indptr[series] + step
    _refuse_other("the value", rows.values[there], panel.values[known], rows, there, missing_agrees=False)
    for name, column in panel.covariates.items():
        given = rows.covariates[name][there]
        _refuse_other(f"covariate {name}", given, column[known], rows, there, missing_agrees=True)
    names = tuple(str(name) for name in rows.ids[np.unique(rows.series[there])])
    message = (
        f"rows that were known already were left out: {counted(len(there), 'row')} of"
        f" {counted(len(names), 'series', 'series')} ({shortened(names)})"
    )
    left = np.ones(len(rows.values), dtype=bool)
    left[there] = False
    return rows.keep(left), [Notice("repeated", message, names, len(there))]


def _refuse_other(
    what: str, given: np.ndarray, known: np.ndarray, rows: Rows, there: np.ndarray, *, missing_agrees: bool
) -> None:
    missing = is_missing(given)
    agrees = (given == known) | (missing & (missing_agrees | is_missing(known)))
    other = np.flatnonzero(~agrees)
    if len(other):
        row = int(there[other[0]])
        raise DataError(
            f"{what} is {given[other[0]]}, and {known[other[0]]} is known ({counted(len(other), 'row')} in all)",
            remedy=REVISED,
            series=rows.id_of(row),
            time=rows.time_of(row),
        )


def _with_ends(panel: Panel, ends: Rows, rows: Rows) -> Rows:
    """The rows of each known series behind the last known step, which counts as observed."""
    number = pd.Index(panel.ids).get_indexer(pd.Index(rows.ids))
    series = np.flatnonzero(number >= 0)
    ends = ends.picked(number[series])
    behind = replace(
        rows,
        series=np.concatenate([series, rows.series]),
        times=np.concatenate([ends.times, rows.times]),
        values=np.concatenate([np.nan_to_num(ends.values, nan=1.0), rows.values]),
        covariates={name: np.concatenate([ends.covariates[name], rows.covariates[name]]) for name in panel.covariates},
        cells={name: np.concatenate([ends.cells[name], column]) for name, column in rows.cells.items()},
    )
    return behind.picked(np.argsort(behind.series, kind="stable"))
