"""The panel: all series of a data set in one ragged array.

Everything behind the gate works on panels. A panel is never changed; every method returns a new one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from forecasting.errors import DataError
from forecasting.panel.frequency import Frequency


@dataclass(frozen=True, eq=False)
class Panel:
    """Series of different lengths on complete time grids.

    Series ``i`` is ``values[indptr[i]:indptr[i + 1]]``. Within a series the times lie on the grid of ``frequency``
    without holes: a step that was not observed is there, with the value NaN.

    Attributes
    ----------
    values : float64 array of shape (n_total,), read-only
        In the unit of the target column; NaN where nothing was observed.
    times : array of shape (n_total,), datetime64[us] in UTC, or int64 steps, read-only
    indptr : int64 array of shape (n_series + 1,), read-only
    ids : str object array of shape (n_series,), read-only
    frequency : Frequency
    tz : str or None
        The time zone that the times came in and go out with; None for naive times and integer steps.
    covariates : mapping of str to array of shape (n_total,), read-only
        Beside the values: float64 (NaN: missing), or object with str for categories (None: missing).
    static : mapping of str to array of shape (n_series,), read-only
        What is the same throughout a series, of the same types; nothing is missing.
    cells : mapping of str to array of shape (n_total,), read-only
        Where observations at irregular times were put on the grid: ``age``, how long before its step the last
        observation that a value is made of was made, in steps from 0 to below 1 (float64, NaN without any), and
        ``count``, of how many it is made (int64). Empty where all lay on the grid.
    """

    values: np.ndarray
    times: np.ndarray
    indptr: np.ndarray
    ids: np.ndarray
    frequency: Frequency
    tz: str | None = None
    covariates: Mapping[str, np.ndarray] = field(default_factory=dict)
    static: Mapping[str, np.ndarray] = field(default_factory=dict)
    cells: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the arrays read-only (as views: what was handed in is not changed)."""
        for name in ("values", "times", "indptr", "ids"):
            object.__setattr__(self, name, _read_only(getattr(self, name)))
        for name in ("covariates", "static", "cells"):
            columns = {column: _read_only(array) for column, array in getattr(self, name).items()}
            object.__setattr__(self, name, columns)

    @property
    def n_series(self) -> int:
        """Number of series."""
        return len(self.ids)

    @property
    def lengths(self) -> np.ndarray:
        """Steps of each series, int64 array of shape (n_series,)."""
        return np.diff(self.indptr)

    @property
    def series_index(self) -> np.ndarray:
        """For each row the number of its series, int64 array of shape (n_total,)."""
        return np.repeat(np.arange(self.n_series), self.lengths)

    @property
    def has_missing(self) -> bool:
        """Whether any step has no value."""
        return bool(np.isnan(self.values).any())

    def __iter__(self) -> Iterator[np.ndarray]:
        """The values of one series after the other."""
        for start, stop in zip(self.indptr[:-1], self.indptr[1:], strict=True):
            yield self.values[start:stop]

    def with_values(self, values: np.ndarray) -> "Panel":
        """The same grid with other values, float64 array of shape (n_total,)."""
        return replace(self, values=np.asarray(values, dtype=np.float64))

    def choose(self, covariates: Sequence[str], static: Sequence[str]) -> "Panel":
        """The same series with these covariates alone; one that is not there is a DataError that names it."""
        absent = [name for name in covariates if name not in self.covariates]
        absent += [name for name in static if name not in self.static]
        if absent:
            there = ", ".join([*self.covariates, *self.static]) or "none"
            raise DataError(
                f"the panel has no covariate {', '.join(absent)}; its covariates are: {there}",
                remedy="Make it with to_panel(..., covariates=[...], static=[...]).",
                column=absent[0],
            )
        if list(covariates) == list(self.covariates) and list(static) == list(self.static):
            return self
        return replace(
            self,
            covariates={name: self.covariates[name] for name in covariates},
            static={name: self.static[name] for name in static},
        )

    def take(self, series: np.ndarray) -> "Panel":
        """Only the series with these numbers, in this order."""
        series = np.asarray(series, dtype=np.int64)
        return self._cut(series, self.indptr[series], self.indptr[series + 1])

    def drop_last(self, steps: int | np.ndarray) -> "Panel":
        """Without the last ``steps`` steps of every series; series that are not longer become empty, are left out.

        ``steps`` is one number, or one for each series.
        """
        keep = np.flatnonzero(self.lengths > steps)
        return self._cut(keep, self.indptr[keep], (self.indptr[1:] - steps)[keep])

    def keep_last(self, steps: int | np.ndarray) -> "Panel":
        """Only the last ``steps`` steps (one number, or one for each series); shorter series are kept whole."""
        start = np.maximum(self.indptr[:-1], self.indptr[1:] - steps)
        return self._cut(np.arange(self.n_series), start, self.indptr[1:])

    def _cut(self, series: np.ndarray, start: np.ndarray, stop: np.ndarray) -> "Panel":
        """The rows ``start`` to ``stop`` of some series."""
        indptr = np.concatenate([[0], np.cumsum(stop - start)]).astype(np.int64)
        rows = np.arange(indptr[-1]) + np.repeat(start - indptr[:-1], stop - start)
        return replace(
            self,
            values=self.values[rows],
            times=self.times[rows],
            indptr=indptr,
            ids=self.ids[series],
            covariates={name: column[rows] for name, column in self.covariates.items()},
            static={name: column[series] for name, column in self.static.items()},
            cells={name: column[rows] for name, column in self.cells.items()},
        )

    @property
    def ages(self) -> np.ndarray:
        """How long before its step each value was observed, in steps; float64 of shape (n_total,), 0 on the grid."""
        return np.nan_to_num(self.cells["age"]) if self.cells else np.zeros(len(self.values))

    def last_times(self) -> np.ndarray:
        """The last time of each series (its cutoff), array of shape (n_series,) like ``times``."""
        last: np.ndarray = self.times[self.indptr[1:] - 1]
        return last

    def future_times(self, horizon: int) -> np.ndarray:
        """The ``horizon`` times after the end of each series, array of shape (n_series, horizon) like ``times``."""
        steps = np.arange(1, horizon + 1)
        return self.frequency.advance(self.last_times()[:, None], steps[None, :], tz=self.tz)

    def stamps(self, times: np.ndarray) -> pd.Index:
        """Inside times as outside ones: UTC becomes the time zone that came in; steps stay integers."""
        flat = pd.Index(np.asarray(times).ravel())
        return flat if self.tz is None else pd.DatetimeIndex(flat).tz_localize("UTC").tz_convert(self.tz)

    def frame(self) -> pd.DataFrame:
        """Long frame: ``unique_id``, ``ds`` (in the time zone that came in), ``y``, the covariates, the static ones."""
        ids = pd.array(self.ids, dtype="str").take(self.series_index)
        columns = {"unique_id": ids, "ds": self.stamps(self.times), "y": np.array(self.values)}
        columns |= {name: np.array(column) for name, column in self.covariates.items()}
        columns |= {name: column[self.series_index] for name, column in self.static.items()}
        return pd.DataFrame(columns)


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view
