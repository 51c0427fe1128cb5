"""Steps behind the ends of series, of which covariates are known already."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from forecasting.errors import DataError
from forecasting.panel.cells import on_marks
from forecasting.panel.covariates import is_missing
from forecasting.panel.panel import Panel
from forecasting.panel.regular import regularise
from forecasting.panel.rows import Rows
from forecasting.panel.shapes import normalise


def split_ahead(frame: pd.DataFrame, names: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows behind the last target of their series that hold any of the columns ``names``, apart from the others.

    Parameters
    ----------
    frame : DataFrame
        Long: ``unique_id``, ``ds`` (no text), ``y`` and the columns ``names``.
    names : sequence of str

    Returns
    -------
    others, behind : DataFrame
    """
    known = frame["y"].notna()
    last = frame["ds"].where(known).groupby(frame["unique_id"]).transform("max")
    behind = (frame["ds"] > last) & frame[list(names)].notna().any(axis=1)
    return frame[~behind], frame[behind]


def lay_ahead(behind: pd.DataFrame, panel: Panel, names: Sequence[str]) -> Panel:
    """Rows behind the ends of a panel on its time grid.

    Parameters
    ----------
    behind : DataFrame
        Long, as `split_ahead` gives it.
    panel : Panel
        Made of the other rows.
    names : sequence of str
        Covariates of the panel that are known ahead.

    Returns
    -------
    Panel
        The same series, each beginning one step behind its end, or empty; without values, and with the covariates
        ``names`` alone. A step that is absent has none.

    Raises
    ------
    DataError
        A time is off the grid or there twice, or a value cannot be read or is of another kind than in the panel; names
        series and time.
    """
    if not len(behind):
        return no_steps_ahead(panel, names)
    rows, _, _ = normalise(behind.assign(y=np.nan), tz=panel.tz, covariates=names)
    if panel.cells:
        rows = _behind_marks(rows, panel)
    for name, column in rows.covariates.items():
        rows.covariates[name] = _of_kind(column, panel.covariates[name], name)
    number = pd.Index(panel.ids).get_indexer(pd.Index(rows.ids))
    ends = panel.indptr[1:] - 1
    whole = Rows(
        ids=panel.ids,
        series=np.concatenate([np.arange(panel.n_series), number[rows.series]]),
        times=np.concatenate([panel.times[ends], rows.times]),
        values=np.concatenate([np.zeros(panel.n_series), rows.values]),
        tz=panel.tz,
        covariates={
            name: np.concatenate([panel.covariates[name][ends], column]) for name, column in rows.covariates.items()
        },
    )
    laid, _ = regularise(whole.picked(np.argsort(whole.series, kind="stable")), panel.frequency)
    return laid.keep_last(laid.lengths - 1)


def _behind_marks(rows: Rows, panel: Panel) -> Rows:
    """Rows at irregular times under the marks that end their steps, without those within the last step of a series."""
    rows, _ = on_marks(rows, panel.frequency, "last")
    ends = panel.last_times()[pd.Index(panel.ids).get_indexer(pd.Index(rows.ids))]
    return replace(rows.keep(rows.times > ends[rows.series]), cells={})


def no_steps_ahead(panel: Panel, names: Sequence[str] = ()) -> Panel:
    """The series of a panel, with none of their covariates known ahead."""
    empty = panel.keep_last(0)
    return replace(empty, covariates={name: empty.covariates[name] for name in names}, static={})


def _of_kind(column: np.ndarray, like: np.ndarray, name: str) -> np.ndarray:
    if column.dtype == like.dtype:
        return column
    if is_missing(column).all():
        return np.full(len(column), None if like.dtype == object else np.nan, dtype=like.dtype)
    kinds = ["categories" if one.dtype == object else "numbers" for one in (column, like)]
    raise DataError(
        f"the rows behind the ends hold {kinds[0]}, those before {kinds[1]}",
        remedy="Give both one type.",
        column=name,
    )


def known_rows(ahead: Panel) -> pd.DataFrame:
    """The steps of which something is known, as the frame ``future`` that a forecaster takes."""
    frame = ahead.frame().drop(columns="y")
    return frame[frame[list(ahead.covariates)].notna().any(axis=1)].reset_index(drop=True)
