"""What becomes of steps without a value."""

from typing import NoReturn

import numpy as np

from forecasting.errors import DataError, ParameterError
from forecasting.panel.notice import Notice, counted, shortened
from forecasting.panel.panel import Panel
from forecasting.panel.rows import time_text

POLICIES = ("refuse", "interpolate", "mask")


def treat_gaps(panel: Panel, policy: str, *, dataset: str | None = None) -> tuple[Panel, tuple[Notice, ...]]:
    """Apply a policy to the steps of a panel that have no value.

    Parameters
    ----------
    panel : Panel
    policy : {"refuse", "interpolate", "mask"}
        ``"refuse"`` raises an error where there is a gap. ``"interpolate"`` puts the straight line between the values
        on both sides of a gap; at an open end, where a panel was cut within a gap, NaN stays. ``"mask"`` leaves NaN,
        for what comes after to leave out.
    dataset : str, optional
        Named in messages.

    Returns
    -------
    panel : Panel
        The same panel where there is nothing to treat.
    notices : tuple of Notice
        ``"interpolated"`` or ``"masked"``.

    Raises
    ------
    DataError
        If the policy is to refuse and there is a gap.
    ParameterError
        If there is no such policy.
    """
    if policy not in POLICIES:
        raise ParameterError(
            f"{policy!r} is not a policy for gaps", remedy=f"Use one of {', '.join(POLICIES)}.", parameter="gaps"
        )
    holes = np.flatnonzero(np.isnan(panel.values))
    if not len(holes):
        return panel, ()
    series = np.searchsorted(panel.indptr, holes, side="right") - 1
    names = tuple(str(name) for name in panel.ids[np.unique(series)])
    if policy == "refuse":
        _refuse(panel, holes, series, names, dataset)
    where = f"{counted(len(holes), 'step')} of {counted(len(names), 'series', 'series')} ({shortened(names)})"
    if policy == "mask":
        message = f"steps without a value are left out of training and scoring: {where}"
        return panel, (Notice("masked", message, names, len(holes)),)
    values = _interpolated(panel, holes, series)
    message = f"steps without a value were filled by straight lines between their neighbours: {where}"
    return panel.with_values(values), (Notice("interpolated", message, names, len(holes)),)


def _refuse(
    panel: Panel, holes: np.ndarray, series: np.ndarray, names: tuple[str, ...], dataset: str | None
) -> NoReturn:
    first = shortened([time_text(time, panel.tz) for time in panel.times[holes[series == series[0]]]], 3)
    holidays = "If they are holidays of an exchange, state its calendar, such as 'XNYS'. "
    others = f"; in all {counted(len(holes), 'step')} of {len(names)} series ({shortened(names)})"
    raise DataError(
        f"{counted(int((series == series[0]).sum()), 'step has', 'steps have')} no value: {first}"
        f"{others if len(names) > 1 else ''}",
        remedy=f"{holidays if panel.frequency.unit == 'business' else ''}"
        "Fill what is missing in the source, or choose a policy for gaps: 'interpolate' (straight lines between the "
        "neighbours) or 'mask' (left out of training and scoring).",
        dataset=dataset,
        series=names[0],
        time=time_text(panel.times[holes[0]], panel.tz),
    )


def _interpolated(panel: Panel, holes: np.ndarray, series: np.ndarray) -> np.ndarray:
    known = np.flatnonzero(~np.isnan(panel.values))
    after = np.searchsorted(known, holes)
    first, stop = panel.indptr[series], panel.indptr[series + 1]
    edge = np.concatenate([[-1], known, [len(panel.values)]])
    closed = (edge[after] >= first) & (edge[after + 1] < stop)
    values = panel.values.copy()
    values[holes[closed]] = np.interp(holes[closed], known, panel.values[known]) if len(known) else np.nan
    return values
