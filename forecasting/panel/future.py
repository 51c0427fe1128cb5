"""The future frame: covariates that are known ahead, checked against the steps that are to be forecast."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecasting.errors import DataError
from forecasting.panel.columns import UnreadableError, read_times
from forecasting.panel.covariates import is_missing, read_covariate
from forecasting.panel.notice import counted, shortened
from forecasting.panel.panel import Panel
from forecasting.panel.rows import time_text


def read_future(
    frame: pd.DataFrame | None, panel: Panel, names: Sequence[str], steps: int, *, id_col: str = "unique_id"
) -> dict[str, np.ndarray]:
    """Covariates of the ``steps`` steps behind the end of every series.

    Parameters
    ----------
    frame : DataFrame
        A long frame: ``unique_id`` (may be absent where the panel has one series), ``ds``, and the covariates. Rows of
        other series or times, and other columns, are not read. Never changed.
    panel : Panel
        The histories, with the same covariates.
    names : sequence of str
        The covariates to read.
    steps : int
        Steps behind the end of every series.

    Returns
    -------
    dict of str to array of shape (n_series, steps)
        float64, or object with str for categories.

    Raises
    ------
    DataError
        A column, a (series, time) row or a value is missing, a row is there twice, or a column holds numbers in one
        frame and categories in the other.
    """
    if frame is None:
        raise DataError(
            f"the covariates known ahead are not given: {', '.join(names)}",
            remedy=f"Give predict a frame 'future' with {id_col}, ds and these columns for the {steps} steps behind the"
            " end of every series.",
        )
    has_ids = id_col in frame.columns
    needed = [*([] if panel.n_series == 1 and not has_ids else [id_col]), "ds", *names]
    absent = [name for name in needed if name not in frame.columns]
    if absent:
        raise DataError(
            f"the future frame has no column {', '.join(absent)}; it has {shortened(frame.columns, 12)}",
            remedy="Give it the same columns as the data besides the target.",
        )
    rows = _matched(frame, panel, frame[id_col] if has_ids else None, steps)
    return {name: _column(frame[name], rows, panel, name) for name in names}


def _matched(frame: pd.DataFrame, panel: Panel, ids: "pd.Series[Any] | None", steps: int) -> np.ndarray:
    """The rows of the frame that hold the steps ahead, int64 array of shape (n_series, steps)."""
    try:
        times, zone, _, _ = read_times(frame["ds"], panel.tz)
    except UnreadableError as error:
        raise DataError(error.problem, remedy=error.remedy, column="ds") from None
    if zone != panel.tz or times.dtype != panel.times.dtype:
        kinds = [str(tz or dtype) for tz, dtype in ((zone, times.dtype), (panel.tz, panel.times.dtype))]
        raise DataError(
            f"the times of the future frame are of the kind {kinds[0]}, those of the data {kinds[1]}",
            remedy="Give both the same time zone, or none.",
            column="ds",
        )
    number = np.zeros(len(frame), dtype=np.int64)
    if ids is not None:
        number = pd.Index(panel.ids).get_indexer(pd.Index(ids.astype(str).astype(object)))
    inside = np.flatnonzero(number >= 0)
    key = pd.MultiIndex.from_arrays([number[inside], times[inside]])
    wanted = panel.future_times(steps)
    series = np.repeat(np.arange(panel.n_series), steps)
    if not key.is_unique:
        row = inside[np.flatnonzero(key.duplicated())[0]]
        raise DataError(
            f"the future frame has {counted(int(key.duplicated().sum()), 'row')} twice",
            remedy="Keep one row for each series and time.",
            series=panel.ids[number[row]],
            time=time_text(times[row], panel.tz),
        )
    place = key.get_indexer(pd.MultiIndex.from_arrays([series, wanted.ravel()]))
    lost = np.flatnonzero(place < 0)
    if len(lost):
        pairs = [f"({panel.ids[series[i]]}, {time_text(wanted.ravel()[i], panel.tz)})" for i in lost]
        raise DataError(
            f"the future frame lacks {counted(len(lost), 'row')} of the {steps} steps behind the end of every series:"
            f" {shortened(pairs)}",
            remedy="Give a row for every series and each of these steps, in a source with an empty target.",
            series=panel.ids[series[lost[0]]],
            time=time_text(wanted.ravel()[lost[0]], panel.tz),
        )
    return np.asarray(inside[place].reshape(wanted.shape))


def _column(column: "pd.Series[Any]", rows: np.ndarray, panel: Panel, name: str) -> np.ndarray:
    times = panel.future_times(rows.shape[1])

    def at(place: np.ndarray) -> dict[str, object]:
        series, step = place
        return {"series": panel.ids[series], "time": time_text(times[series, step], panel.tz)}

    chosen = column.iloc[rows.ravel()].reset_index(drop=True)
    try:
        values = read_covariate(chosen)[0].reshape(rows.shape)
    except UnreadableError as error:
        where = at(np.array(divmod(error.row, rows.shape[1])))
        raise DataError(f"future frame: {error.problem}", remedy=error.remedy, **where, column=name) from None
    missing = np.argwhere(is_missing(values))
    if len(missing):
        pairs = ["({series}, {time})".format(**at(place)) for place in missing]
        raise DataError(
            f"the future frame lacks {counted(len(missing), 'value')}: {shortened(pairs)}",
            remedy="A covariate that is known ahead is needed for every step of the horizon.",
            **at(missing[0]),
            column=name,
        )
    kinds = ["categories" if known.dtype == object else "numbers" for known in (values, panel.covariates[name])]
    if kinds[0] != kinds[1]:
        raise DataError(
            f"the future frame holds {kinds[0]}, the data {kinds[1]}", remedy="Give both one type.", column=name
        )
    return values
