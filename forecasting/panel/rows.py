"""Rows: series on their way through the gate, sorted, but not yet on a complete time grid."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class Rows:
    """Observations of all series, one series after the other, each in order of time.

    Attributes
    ----------
    ids : str object array of shape (n_series,), ascending
    series : int64 array of shape (n_rows,)
        For each row the number of its series, ascending; within a series ``times`` do not descend.
    times : array of shape (n_rows,), datetime64[us] in UTC, or int64 steps
    values : float64 array of shape (n_rows,)
    tz : str or None
    covariates : dict of str to array of shape (n_rows,)
        float64, or object with str for categories.
    cells : dict of str to array of shape (n_rows,)
        Of rows that hold observations at irregular times, see `forecasting.panel.cells.on_marks`; else empty.
    """

    ids: np.ndarray
    series: np.ndarray
    times: np.ndarray
    values: np.ndarray
    tz: str | None = None
    covariates: dict[str, np.ndarray] = field(default_factory=dict)
    cells: dict[str, np.ndarray] = field(default_factory=dict)

    @cached_property
    def indptr(self) -> np.ndarray:
        """Where each series begins, int64 array of shape (n_series + 1,)."""
        return np.searchsorted(self.series, np.arange(len(self.ids) + 1))

    @cached_property
    def lengths(self) -> np.ndarray:
        """Rows of each series, int64 array of shape (n_series,)."""
        return np.diff(self.indptr)

    @property
    def is_step(self) -> bool:
        """Whether times are integers."""
        return bool(self.times.dtype.kind == "i")

    def keep(self, rows: np.ndarray) -> "Rows":
        """Only the rows that a bool array of shape (n_rows,) marks; series without any are left out."""
        series = self.series[rows]
        present, series = np.unique(series, return_inverse=True)
        kept = self.picked(rows)
        return replace(kept, ids=self.ids[present], series=series)

    def picked(self, rows: np.ndarray) -> "Rows":
        """These rows (an index or mask array) in this order; all ids stay."""
        return replace(
            self,
            series=self.series[rows],
            times=self.times[rows],
            values=self.values[rows],
            covariates={name: column[rows] for name, column in self.covariates.items()},
            cells={name: column[rows] for name, column in self.cells.items()},
        )

    def id_of(self, row: int) -> str:
        """The id of the series that a row belongs to."""
        return str(self.ids[self.series[row]])

    def time_of(self, row: int) -> str:
        """The time of a row as text, in the time zone that it came in."""
        return time_text(self.times[row], self.tz)


def time_text(time: np.datetime64 | np.integer, tz: str | None = None) -> str:
    """One inside time as text: a date alone where there is no time of day, a number for an integer step."""
    if not isinstance(time, np.datetime64):
        return str(time)
    stamp = pd.Timestamp(time)
    if tz is not None:
        return str(stamp.tz_localize("UTC").tz_convert(tz))
    return str(stamp.date()) if stamp == stamp.normalize() else str(stamp)
