"""The gate: tables of any accepted shape go in, one panel on a complete time grid comes out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd

from forecasting.errors import DataError, ForecastingError, ParameterError
from forecasting.panel.cells import check_irregular, on_marks
from forecasting.panel.checks import remark, trim, validate
from forecasting.panel.covariates import check_names, split_static
from forecasting.panel.frequency import Frequency
from forecasting.panel.inference import infer, refuse_mostly_absent
from forecasting.panel.notice import Notice
from forecasting.panel.panel import Panel
from forecasting.panel.regular import regularise
from forecasting.panel.shapes import normalise


def to_panel(
    data: pd.DataFrame | pd.Series | Panel,
    *,
    frequency: str | int | Frequency = "infer",
    calendar: str | None = None,
    tz: str | None = None,
    irregular: str = "refuse",
    dataset: str | None = None,
    id_col: str = "unique_id",
    time_col: str = "ds",
    target_col: str = "y",
    covariates: Sequence[str] = (),
    static: Sequence[str] = (),
    now: str | datetime | None = None,
    allow_constant: bool = False,
    copy: bool = True,
) -> tuple[Panel, tuple[Notice, ...]]:
    """Let data in: read, check, sort, find the frequency, and lay every series on a complete time grid.

    What cannot be meant is refused: duplicate times, infinite values, text among numbers, times off the grid, mixed
    frequencies, times far ahead. What may be meant is let in and said: the notices. A step that is absent, or whose
    value is missing, becomes NaN; :func:`forecasting.panel.treat_gaps` decides about it later.

    Parameters
    ----------
    data : DataFrame, Series or Panel
        A long frame (``id_col``, ``time_col``, ``target_col``; columns besides these are not read; ``id_col`` may be
        absent where the other two are all there is), a wide frame (dates, periods or integers in the index or in
        ``time_col``, and a column for each series), or one series with times as its index. Never changed. A panel is
        given back as it is, less covariates that are not asked for where some are.
    frequency : str, int or Frequency, default "infer"
        See :meth:`Frequency.parse`. With ``"infer"`` it is found from the steps that occur, for which one series
        needs three or more time stamps; periods state it themselves.
    calendar : str, optional
        An exchange such as ``"XNYS"``; its sessions are then the steps.
    tz : str, optional
        The time zone of stamps that have none. Stamps that have one are converted to it. By default a time zone
        that comes in goes out again, and stamps without one stay so.
    irregular : {"refuse", "last", "mean"}, default "refuse"
        What to do about observations that lie off the grid: stop; or put them on the grid of the stated frequency,
        where each step holds the last, or the mean, of the observations since the step before it. The step bears the
        time at its end, so that nothing stands at a time that was observed later. See
        `forecasting.panel.cells.on_marks` and `Frequency.mark`. A panel lies on a grid already.
    dataset : str, optional
        Named in messages.
    id_col, time_col, target_col : str
    covariates : sequence of str, default ()
        Columns of a long frame to read beside the target: numbers, or categories where a column is text or categorical.
        A step that is absent has none; `forecasting.panel.treat_covariates` decides about missing ones later.
    static : sequence of str, default ()
        The same for columns that are the same throughout a series.
    now : str or datetime, optional
        What counts as the present; times more than 366 days after it are refused where they have a value. By default
        the clock of the machine.
    allow_constant : bool, default False
        Whether data may come in of which every series is constant: nothing can be learned from it, but a fitted model
        can go on from it.
    copy : bool, default True
        Whether the panel has memory of its own in any case. Else it may share that of the table, which spares the room
        and time of copies; a table that is changed later changes the panel then.

    Returns
    -------
    panel : Panel
        Series in ascending order of their ids as text.
    notices : tuple of Notice

    Raises
    ------
    DataError
        If the data cannot be used as they are; names data set, series, time and column.
    ParameterError
        If frequency, calendar, time zone, ``irregular`` or ``now`` is not a valid one.
    """
    try:
        stated = _stated(frequency, calendar)
        check_irregular(irregular, data.frequency if isinstance(data, Panel) else stated)
        check_names([*covariates, *static], [id_col, time_col, target_col])
        if isinstance(data, Panel):
            panel = _checked(data, stated, tz)
            return (panel.choose(covariates, static) if covariates or static else panel), ()
        names = {"id_col": id_col, "time_col": time_col, "target_col": target_col}
        rows, of_periods, notices = normalise(data, **names, tz=tz, covariates=[*covariates, *static], copy=copy)
        validate(rows, now=_instant(now), irregular=irregular)
        found = stated or of_periods or infer(rows)
        rows, trimmed = trim(rows)
        rows, of_series = split_static(rows, static)
        rows, put = (rows, []) if irregular == "refuse" else on_marks(rows, found, irregular)
        panel, gaps = regularise(rows, found)
        panel = replace(panel, static=of_series) if static else panel
        if stated is None and of_periods is None:
            refuse_mostly_absent(rows, panel.lengths, found)
        return panel, (*notices, *trimmed, *put, *gaps, *remark(panel, allow_constant=allow_constant))
    except ForecastingError as error:
        raise error.at(dataset=dataset) from None


def _stated(frequency: str | int | Frequency, calendar: str | None) -> Frequency | None:
    if isinstance(frequency, Frequency):
        if calendar not in (None, frequency.calendar):
            raise ParameterError(
                f"frequency {frequency} and calendar {calendar} do not agree",
                remedy="Leave one of them out.",
                parameter="calendar",
            )
        return frequency
    if frequency == "infer":
        return None if calendar is None else Frequency.parse("session", calendar)
    return Frequency.parse(frequency, calendar)


def _checked(panel: Panel, stated: Frequency | None, tz: str | None) -> Panel:
    """A panel that came in, if it has a series and agrees with what is stated besides."""
    if not panel.n_series:
        raise DataError("the panel has no series", remedy="Give longer series, or drop fewer steps of them")
    if tz is not None and tz != panel.tz:
        raise ParameterError(
            f"the panel has the time zone {panel.tz}, not {tz!r}", remedy="Leave the time zone out.", parameter="tz"
        )
    if stated is None or stated == panel.frequency:
        return panel
    if stated.is_step == panel.frequency.is_step:
        start = np.repeat(panel.times[panel.indptr[:-1]], panel.lengths)
        steps, on_grid = stated.steps(start, panel.times, tz=panel.tz)
        if on_grid.all() and (steps == np.arange(len(steps)) - np.repeat(panel.indptr[:-1], panel.lengths)).all():
            return panel
    raise DataError(
        f"the panel has the frequency {panel.frequency}, not {stated}",
        remedy="Leave the frequency out, or make the panel with it.",
    )


def _instant(now: str | datetime | None) -> np.datetime64:
    """The present in UTC, datetime64[us]."""
    try:
        stamp = pd.Timestamp.now("UTC") if now is None else pd.Timestamp(now)
    except ValueError:
        raise ParameterError(f"{now!r} is not a time", remedy="Give it as 2024-03-31T12:00.", parameter="now") from None
    if stamp.tz is not None:
        stamp = stamp.tz_convert("UTC").tz_localize(None)
    return np.datetime64(stamp.to_pydatetime(warn=False), "us")
