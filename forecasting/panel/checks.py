"""What is refused at the gate, and what is let in with a remark."""

import numpy as np

from forecasting.errors import DataError
from forecasting.panel.notice import Notice, counted, shortened
from forecasting.panel.panel import Panel
from forecasting.panel.rows import Rows

_FAR_AHEAD = np.timedelta64(366, "D")
_MIN_PLACEHOLDERS = 2


def validate(rows: Rows, *, now: np.datetime64, irregular: str = "refuse") -> None:
    """Refuse what cannot be meant: a time twice in one series, infinite values, times far ahead, no value at all.

    Precondition: rows are sorted by series and time.

    Parameters
    ----------
    rows : Rows
    now : datetime64[us]
        In UTC. Dates more than 366 days after it are far ahead, but not where they have no value, which may be steps
        to forecast; integer steps never are.
    irregular : {"refuse", "last", "mean"}, default "refuse"
        With ``"mean"`` a time may occur more than once, as observations that are averaged.

    Raises
    ------
    DataError
    """
    if irregular != "mean":
        refuse_duplicates(rows)
    infinite = np.flatnonzero(np.isinf(rows.values))
    if len(infinite):
        row = infinite[0]
        raise DataError(
            f"the value is {'minus ' if rows.values[row] < 0 else ''}infinite "
            f"({counted(len(infinite), 'infinite value')} in all)",
            remedy="Correct it, or leave it empty if it is not known.",
            series=rows.id_of(row),
            time=rows.time_of(row),
        )
    if not rows.is_step:
        ahead = np.flatnonzero((rows.times > now + _FAR_AHEAD) & ~np.isnan(rows.values))
        if len(ahead):
            row = ahead[0]
            raise DataError(
                f"the time lies more than 366 days after the present ({now.astype('datetime64[D]')})"
                f"{f', and so do {len(ahead) - 1} others' if len(ahead) > 1 else ''}",
                remedy="Correct it, or state what the present is with to_panel(..., now=...).",
                series=rows.id_of(row),
                time=rows.time_of(row),
            )
    if np.isnan(rows.values).all():
        raise DataError("there is no value at all, every one is missing", remedy="Check the column of the numbers.")


def refuse_duplicates(rows: Rows) -> None:
    """Raise DataError where a time occurs twice in one series; the precondition is that of `validate`."""
    again = np.flatnonzero((rows.series[1:] == rows.series[:-1]) & (rows.times[1:] == rows.times[:-1])) + 1
    if not len(again):
        return
    row = again[0]
    values = rows.values[(rows.series == rows.series[row]) & (rows.times == rows.times[row])]
    same = "the same value" if len(set(values.tolist())) == 1 else f"values {shortened(values.tolist(), 3)}"
    names = rows.ids[np.unique(rows.series[again])]
    here = again[rows.series[again] == rows.series[row]]
    others = list(dict.fromkeys(rows.time_of(other) for other in here if rows.times[other] != rows.times[row]))
    text = f"the time occurs {len(values)} times ({same})"
    if len(again) > 1:
        text += f"; in all {counted(len(again), 'repeated row')} in {counted(len(names), 'series', 'series')}"
        text += f" ({shortened(names)})" if len(names) > 1 else f", next at {shortened(others, 3)}" if others else ""
    remedy = (
        "Keep one row for each time, for instance with drop_duplicates, or average them with irregular='mean' and a"
        " stated frequency."
    )
    raise DataError(text, remedy=remedy, series=rows.id_of(row), time=rows.time_of(row))


def trim(rows: Rows) -> tuple[Rows, list[Notice]]:
    """Rows without the missing values before the first and after the last value of each series.

    Precondition: rows are sorted, and at least one value is known. A series without any value is left out.
    """
    missing = np.isnan(rows.values)
    if not missing.any():
        return rows, []
    known = np.flatnonzero(~missing)
    count = np.bincount(rows.series[known], minlength=len(rows.ids))
    offset = np.cumsum(count) - count
    some = count > 0
    first, last = np.full(len(count), len(rows.values)), np.full(len(count), -1)
    first[some], last[some] = known[offset[some]], known[offset[some] + count[some] - 1]
    position = np.arange(len(rows.values))
    inside = (position >= first[rows.series]) & (position <= last[rows.series])
    if inside.all():
        return rows, []
    notices = []
    cut = np.bincount(rows.series[~inside], minlength=len(count))
    ends = [str(name) for name in rows.ids[some & (cut > 0)]]
    if ends:
        total = int(cut[some].sum())
        message = (
            f"missing values at the ends were cut off: {counted(total, 'row')} of "
            f"{counted(len(ends), 'series', 'series')} ({shortened(ends)})"
        )
        notices.append(Notice("trimmed", message, tuple(ends), total))
    empty = [str(name) for name in rows.ids[~some]]
    if empty:
        message = f"{counted(len(empty), 'series has', 'series have')} no value and are left out: {shortened(empty)}"
        notices.append(Notice("empty", message, tuple(empty), len(empty)))
    return rows.keep(inside), notices


def remark(panel: Panel, *, allow_constant: bool) -> list[Notice]:
    """What is odd about the values of a panel, though it can be used.

    Precondition: every series begins and ends with a value.

    Raises
    ------
    DataError
        If every series is constant, unless that is allowed.
    """
    notices = []
    constant = _constant(panel)
    if constant.all() and not allow_constant:
        raise DataError(
            f"every value of every series is the same ({panel.values[0]:g} in the first)",
            remedy="A constant series needs no forecast; check the column of the numbers.",
            series=shortened(panel.ids, 3),
        )
    if constant.any():
        names = [str(name) for name in panel.ids[constant]]
        message = f"{counted(len(names), 'series is', 'series are')} constant: {shortened(names)}"
        notices.append(Notice("constant", message, tuple(names), len(names)))
    run = _zeros_at_the_end(panel)
    odd = np.flatnonzero(run)
    if len(odd):
        names = [str(name) for name in panel.ids[odd]]
        since = panel.stamps(panel.times[panel.indptr[odd + 1] - run[odd]])
        first = ", ".join(
            f"{name}: {run[number]} from {str(stamp).removesuffix(' 00:00:00')}"
            for name, number, stamp in zip(names[:3], odd[:3], since[:3], strict=True)
        )
        message = (
            f"zeros at the end of series that are not zero before, perhaps placeholders for values not yet known: "
            f"{counted(len(names), 'series', 'series')} ({first}{', ...' if len(names) > 3 else ''})"
        )
        notices.append(Notice("placeholder", message, tuple(names), int(run.sum())))
    return notices


def _constant(panel: Panel) -> np.ndarray:
    """Which series have two or more values, all of them equal; bool array of shape (n_series,)."""
    least = np.fmin.reduceat(panel.values, panel.indptr[:-1])
    most = np.fmax.reduceat(panel.values, panel.indptr[:-1])
    missing = np.searchsorted(panel.indptr, np.flatnonzero(np.isnan(panel.values)), side="right") - 1
    known = panel.lengths - np.bincount(missing, minlength=panel.n_series)
    constant: np.ndarray = (least == most) & (known > 1)
    return constant


def _zeros_at_the_end(panel: Panel) -> np.ndarray:
    """Length of the run of zeros at the end of each series, int64; 0 where zeros occur in its middle as well, too."""
    run = np.zeros(panel.n_series, dtype=np.int64)
    ends = np.flatnonzero(panel.values[panel.indptr[1:] - 1] == 0)
    if len(ends):
        run[ends] = _zeros_at_the_end_of(panel.take(ends))
    return np.where(run >= _MIN_PLACEHOLDERS, run, 0)


def _zeros_at_the_end_of(panel: Panel) -> np.ndarray:
    # Zeros at the start count as placeholders of the same kind, so the middle lies between the outermost other values.
    other = np.flatnonzero((panel.values != 0) & ~np.isnan(panel.values))
    run = np.zeros(panel.n_series, dtype=np.int64)
    series = np.searchsorted(panel.indptr, other, side="right") - 1
    count = np.bincount(series, minlength=panel.n_series)
    offset = np.cumsum(count) - count
    some = np.flatnonzero(count)
    first, last = other[offset[some]], other[offset[some] + count[some] - 1]
    run[some] = panel.indptr[some + 1] - 1 - last
    zeros = np.concatenate([[0], np.cumsum(panel.values == 0)])
    in_the_middle = zeros[last + 1] - zeros[first] > 0
    run[some[in_the_middle]] = 0
    return run
