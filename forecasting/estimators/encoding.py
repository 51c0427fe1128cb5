"""Covariates as numbers for a network: scaled, or one channel for each category; fitted, stored, and read again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from forecasting.errors import DataError
from forecasting.panel import Panel, Roles
from forecasting.panel.calendar_covariates import calendar_channels, check_calendar_covariates
from forecasting.panel.covariates import is_missing
from forecasting.panel.notice import shortened
from forecasting.panel.rows import time_text
from forecasting.windows import Channels

MOST_CATEGORIES = 64
"""Categories of a covariate at most: each is a channel, and the linear skip reads every channel at every step ahead."""

_Where = Callable[[int], dict[str, object]]


@dataclass(frozen=True)
class Column:
    """How one covariate becomes channels.

    Attributes
    ----------
    name : str
    mean, scale : float
        Of numbers: ``(x - mean) / scale`` is one channel. A missing value is 0, the mean.
    categories : tuple of str or None
        Of categories, in order: one channel for each, 1 where it is meant. None for numbers.
    """

    name: str
    mean: float = 0.0
    scale: float = 1.0
    categories: tuple[str, ...] | None = None

    @classmethod
    def fit(cls, name: str, values: np.ndarray, known: np.ndarray) -> Self:
        """Mean and standard deviation of the ``known`` values (a mask or slice); the categories of all of them."""
        present = values[~is_missing(values)]
        if not len(present) or (values.dtype != object and np.isnan(values[known]).all()):
            raise DataError(
                "the covariate has no known value before the held-out part",
                remedy="Leave it out; with covariates='infer', drop the column or name the covariates.",
                column=name,
            )
        if values.dtype == object:
            categories = tuple(sorted(set(present)))
            if len(categories) > MOST_CATEGORIES:
                raise DataError(
                    f"the covariate has {len(categories)} categories, and at most {MOST_CATEGORIES} can be read",
                    remedy="Group them, or give numbers that describe them.",
                    column=name,
                )
            return cls(name, categories=categories)
        mean, scale = float(np.nanmean(values[known])), float(np.nanstd(values[known]))
        return cls(name, mean, scale if scale > 0 else 1.0)

    @property
    def width(self) -> int:
        """Number of channels."""
        return 1 if self.categories is None else len(self.categories)

    def channels(self, values: np.ndarray, where: _Where) -> np.ndarray:
        """The channels of values of any shape, float32 with one axis more; ``where`` tells the place of a flat index.

        Raises
        ------
        DataError
            A category was not there when this was fitted, or numbers have become categories or the other way round.
        """
        if (values.dtype == object) != (self.categories is not None):
            kinds = ["numbers", "categories"] if self.categories is None else ["categories", "numbers"]
            raise DataError(f"the covariate was fitted as {kinds[0]}, and holds {kinds[1]}", column=self.name)
        if self.categories is None:
            return np.asarray(np.nan_to_num((values - self.mean) / self.scale), dtype=np.float32)[..., None]
        flat = values.ravel()
        numbers = pd.Index(self.categories, dtype=object).get_indexer(pd.Index(flat, dtype=object))
        unknown = np.flatnonzero((numbers < 0) & ~is_missing(flat))
        if len(unknown):
            raise DataError(
                f"the category {flat[unknown[0]]!r} was not there when the forecaster was fitted; it knows"
                f" {shortened(self.categories, 8)}",
                remedy="Correct it, or fit anew on data that hold it.",
                **{**where(int(unknown[0])), "column": self.name},
            )
        return np.asarray(numbers.reshape(values.shape)[..., None] == np.arange(self.width), dtype=np.float32)


@dataclass(frozen=True)
class Encoding:
    """How the covariates of a forecaster become channels.

    Numbers are standardised by the mean and standard deviation of all series together: a series that was never seen is
    read on the same scale, and what a covariate's level says of a series is kept. The linear skip reads a covariate
    both ahead and along the end of the look-back, so that it can take the difference to what the series is used to.

    Attributes
    ----------
    past, future, static : tuple of Column
    calendar : tuple of str
        Names of `forecasting.panel.calendar_covariates.calendar_channels`, which are known ahead.
    """

    past: tuple[Column, ...] = ()
    future: tuple[Column, ...] = ()
    static: tuple[Column, ...] = ()
    calendar: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        panel: Panel,
        held_out: np.ndarray,
        *,
        past: Sequence[str],
        future: Sequence[str],
        static: Sequence[str],
        calendar: Sequence[str],
    ) -> Self:
        """Fit to what stands before the last ``held_out`` steps of each series, int64 array of shape (n_series,)."""
        check_calendar_covariates(calendar, panel.frequency)
        if not (past or future or static or calendar):
            return cls()
        known = np.arange(len(panel.values)) < np.repeat(panel.indptr[1:] - held_out, panel.lengths)
        return cls(
            tuple(Column.fit(name, panel.covariates[name], known) for name in past),
            tuple(Column.fit(name, panel.covariates[name], known) for name in future),
            tuple(Column.fit(name, panel.static[name], np.ones(panel.n_series, dtype=bool)) for name in static),
            tuple(calendar),
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is no covariate."""
        return not (self.past or self.future or self.static or self.calendar)

    @property
    def roles(self) -> Roles:
        """Names of all columns, by what is known of them."""
        named = ((column.name for column in columns) for columns in (self.past, self.future, self.static))
        return Roles(*map(tuple, named))

    @property
    def kinds(self) -> dict[str, str]:
        """For each column ``"numbers"`` or ``"categories"``, as it was fitted; in the order of `columns`."""
        columns = (*self.past, *self.future, *self.static)
        return {column.name: "numbers" if column.categories is None else "categories" for column in columns}

    @property
    def along(self) -> list[str]:
        """Names of the columns that lie along the series."""
        return [column.name for column in (*self.past, *self.future)]

    @property
    def ahead(self) -> list[str]:
        """Names of the columns that must be given for the steps ahead."""
        return [column.name for column in self.future]

    @property
    def columns(self) -> list[str]:
        """Names of all columns that data must have beside id, time and target."""
        return [*self.along, *self.of_series]

    @property
    def of_series(self) -> list[str]:
        """Names of the static columns."""
        return [column.name for column in self.static]

    def channels(
        self, panel: Panel, horizon: int, steps: int = 0, future: Mapping[str, np.ndarray] | None = None
    ) -> Channels:
        """The covariates of a panel for networks that read ``horizon`` steps ahead.

        Parameters
        ----------
        panel : Panel
        horizon : int
        steps : int, default 0
            Steps behind the end of each series that are known ahead.
        future : mapping of str to array of shape (n_series, steps), optional
            The columns known ahead for these steps, from `forecasting.panel.read_future`.
        """
        past = [column.channels(panel.covariates[column.name], _row_of(panel)) for column in self.past]
        static = [column.channels(panel.static[column.name], _series_of(panel)) for column in self.static]
        shown, later = self._known_ahead(panel, steps, future or {})
        begin = panel.indptr[:-1] + steps * np.arange(panel.n_series)
        ahead = np.empty((len(shown) + steps * panel.n_series, shown.shape[1]), dtype=np.float32)
        ahead[np.arange(len(shown)) + steps * panel.series_index] = shown
        ahead[(begin + panel.lengths)[:, None] + np.arange(steps)] = later
        return Channels(_beside(past, len(shown)), ahead, begin, _beside(static, panel.n_series), horizon)

    def _known_ahead(self, panel: Panel, steps: int, future: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """What is known ahead, along the panel (n_total, channels) and behind its ends (n_series, steps, channels)."""
        shown = [column.channels(panel.covariates[column.name], _row_of(panel)) for column in self.future]
        # A step that holds what was observed until its time belongs to the day before a midnight.
        back = np.timedelta64(1 if panel.cells else 0, "us")
        shown += [calendar_channels(name, panel.times - back, panel.tz) for name in self.calendar]
        later: list[np.ndarray] = []
        if steps:
            later += [column.channels(future[column.name], _step_of(panel, steps)) for column in self.future]
            times = panel.future_times(steps) - back
            later += [calendar_channels(name, times, panel.tz) for name in self.calendar]
        none = np.zeros((panel.n_series, steps, 0 if later else sum(part.shape[1] for part in shown)), np.float32)
        return _beside(shown, len(panel.values)), np.concatenate([none, *later], axis=2)

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON; `from_dict` takes it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """What `as_dict` gave, also after JSON has made lists of its tuples."""

        def column(one: Mapping[str, Any]) -> Column:
            categories = one["categories"]
            return Column(**{**one, "categories": None if categories is None else tuple(categories)})

        columns = {kind: tuple(map(column, stored[kind])) for kind in ("past", "future", "static")}
        return cls(**columns, calendar=tuple(stored["calendar"]))


def _beside(parts: list[np.ndarray], rows: int) -> np.ndarray:
    return np.concatenate([np.zeros((rows, 0), dtype=np.float32), *parts], axis=1)


def _row_of(panel: Panel) -> _Where:
    return lambda row: {
        "series": panel.ids[np.searchsorted(panel.indptr, row, side="right") - 1],
        "time": time_text(panel.times[row], panel.tz),
    }


def _step_of(panel: Panel, steps: int) -> _Where:
    return lambda place: {
        "series": panel.ids[place // steps],
        "time": time_text(panel.future_times(steps).ravel()[place], panel.tz),
    }


def _series_of(panel: Panel) -> _Where:
    return lambda series: {"series": panel.ids[series]}
