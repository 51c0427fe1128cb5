"""Observations at irregular times that follow on from a panel: those that are known, those that end a step, and others.

known        o  o   o  |   o        the last step holds one observation so far
given            o  o  |   o  o  |  o
                 known, compared  a further one of the last step; a further step
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from forecasting.errors import DataError
from forecasting.panel.cells import observed_at, on_marks, regular_cells
from forecasting.panel.checks import refuse_duplicates
from forecasting.panel.covariates import is_missing
from forecasting.panel.notice import Notice, counted, shortened
from forecasting.panel.panel import Panel
from forecasting.panel.rows import Rows, time_text

REVISED = (
    "Rows that are known can only be repeated as they are: leave it out, or give the whole revised history to"
    " predict(data=...) or to fit."
)


def end_rows(panel: Panel) -> Rows:
    """The last known step of every series."""
    ends = panel.indptr[1:] - 1
    cells = panel.cells or regular_cells(panel.values)
    return Rows(
        panel.ids,
        np.arange(panel.n_series),
        panel.times[ends],
        panel.values[ends],
        panel.tz,
        {name: column[ends] for name, column in panel.covariates.items()},
        {name: column[ends] for name, column in cells.items()},
    )


def further_cells(panel: Panel, rows: Rows, policy: str) -> tuple[Rows, Rows, list[Notice], list[Notice]]:
    """Steps behind the ends of a panel, and its last steps with what they hold further.

    Parameters
    ----------
    panel : Panel
    rows : Rows
        Observations, sorted.
    policy : {"last", "mean"}

    Returns
    -------
    rows : Rows
        Series that hold nothing further are left out, but for those of whose last step more is known now.
    ends : Rows
        One for each series of the panel.
    repeated, put : list of Notice

    Raises
    ------
    DataError
        A step that was known is made of other observations, or what `on_marks` refuses.
    """
    if policy == "last":
        refuse_duplicates(rows)
    ends = end_rows(panel)
    until = observed_at(ends.times, ends.cells["age"], panel.frequency, panel.tz)
    series = _numbers(panel, rows)
    there = (series >= 0) & (rows.times <= until[series])
    repeated = _repeated(panel, rows.keep(there), policy) if there.any() else []
    rest = rows.keep(~there)
    if not len(rest.values):
        return rest, ends, repeated, []
    steps, put = on_marks(rest, panel.frequency, policy)
    series = _numbers(panel, steps)
    within = (series >= 0) & (steps.times == ends.times[series])
    return steps.picked(~within), _joined(ends, series[within], steps.picked(within), policy), repeated, put


def _numbers(panel: Panel, rows: Rows) -> np.ndarray:
    """For each row the number of its series in the panel, -1 where that is not there."""
    return np.asarray(pd.Index(panel.ids).get_indexer(pd.Index(rows.ids))[rows.series])


def _joined(ends: Rows, series: np.ndarray, more: Rows, policy: str) -> Rows:
    """The last steps with further observations of some series."""
    known = ends.picked(series)
    before, count = known.cells["count"], more.cells["count"]
    value = more.values
    if policy == "mean":
        total = np.nan_to_num(known.values) * before + np.nan_to_num(more.values) * count
        value = total / np.maximum(before + count, 1)
    values, age, number = ends.values.copy(), ends.cells["age"].copy(), ends.cells["count"].copy()
    seen = count > 0
    values[series[seen]], age[series[seen]] = value[seen], more.cells["age"][seen]
    number[series] += count
    covariates = {name: column.copy() for name, column in ends.covariates.items()}
    for name, column in more.covariates.items():
        there = ~is_missing(column)
        covariates[name][series[there]] = column[there]
    return replace(ends, values=values, covariates=covariates, cells={"age": age, "count": number})


def _repeated(panel: Panel, rows: Rows, policy: str) -> list[Notice]:
    """What is said of observations that are known; they must make the steps that are known.

    Of the first step of each series some observations may be left out, since rows may begin anywhere.
    """
    steps, _ = on_marks(rows, panel.frequency, policy)
    series = _numbers(panel, steps)
    place, _ = panel.frequency.steps(panel.times[panel.indptr[series]], steps.times, tz=panel.tz)
    before = np.flatnonzero(place < 0)
    if len(before):
        row = int(before[0])
        begin = time_text(panel.times[panel.indptr[series[row]]], panel.tz)
        raise DataError(
            f"the step is none of the known ones, which begin at {begin}, and does not lie behind them",
            remedy="Give rows that follow on from the end of their series.",
            series=steps.id_of(row),
            time=steps.time_of(row),
        )
    known = panel.indptr[series] + place
    cells = panel.cells or regular_cells(panel.values)
    missing = cells["count"][known] - steps.cells["count"]
    first = np.isin(np.arange(len(steps.values)), steps.indptr[:-1])
    partly = first & (missing > 0)
    same = np.isclose(steps.values, panel.values[known], rtol=1e-9, atol=0, equal_nan=True)
    agrees = np.where(partly, same | (policy == "mean") | np.isnan(steps.values), same & (missing == 0))
    for name, column in steps.covariates.items():
        agrees &= is_missing(column) | (column == panel.covariates[name][known])
    other = np.flatnonzero(~agrees)
    if len(other):
        row = int(other[0])
        raise DataError(
            f"the step holds {counted(int(steps.cells['count'][row]), 'observation')}, their {policy}"
            f" {steps.values[row]}, and {int(cells['count'][known[row]])} and {panel.values[known[row]]} are known"
            f" ({counted(len(other), 'step')} in all)",
            remedy=REVISED,
            series=steps.id_of(row),
            time=steps.time_of(row),
        )
    names = tuple(map(str, rows.ids))
    message = (
        f"rows that were known already were left out: {counted(len(rows.values), 'row')} of"
        f" {counted(len(names), 'series', 'series')} ({shortened(names)})"
    )
    return [Notice("repeated", message, names, len(rows.values))]
