"""Windows: where the history of every series may be cut, and gathering a batch of cut places.

No window is kept. A cut is a row number; its window is gathered when a batch needs it, scaled by what the window
itself shows, and never reaches into another series:

    series      o o o o o o o o o o o o o o
    inputs            [- - lookback - -]          the last input is row cut - 1
    targets                             [- h -]   rows cut ... cut + horizon - 1
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forecasting.errors import DataError
from forecasting.scaling import NOTHING_YET, Batch, Reading, joined, mean_step, scaled_batch, squashed
from forecasting.smoothing import Smoother, with_holes
from forecasting.threads import in_threads

# More are gathered in parts: paths, row numbers and differences take many times the room of what they give.
_VALUES_AT_ONCE = 100_000
_SMOOTHED_AT_ONCE = 200_000
"""So many values of histories, that threads have enough to work on at a time."""


def reach(lookback: int, season_length: int) -> int:
    """Steps before a cut that its window, and the forecast from it, depend on."""
    return 2 * (lookback + season_length)


@dataclass(frozen=True, eq=False)
class Cuts:
    """Places to cut at: int64 arrays of shape (n_cuts,), ``series`` and ``row``, which counts through the panel."""

    series: np.ndarray
    row: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    def take(self, which: np.ndarray) -> "Cuts":
        """Only these cuts (an index or mask array)."""
        return Cuts(self.series[which], self.row[which])

    def parts(self, size: int) -> Iterator["Cuts"]:
        """These cuts, at most ``size`` at a time and in their order; where there are none, none once."""
        for first in range(0, max(len(self), 1), size):
            part = slice(first, first + size)
            yield Cuts(self.series[part], self.row[part])


class CutRanges:
    """Places to cut at that follow each other within each series; the same interface as `Cuts`, but nothing is kept.

    Parameters
    ----------
    start, stop : int64 arrays of shape (n_series,)
        The places of a series are the rows from ``start`` to before ``stop``; none where that is not later.
    """

    def __init__(self, start: np.ndarray, stop: np.ndarray) -> None:
        self._start = start
        self._ends = np.cumsum(np.maximum(stop - start, 0))

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def series(self) -> np.ndarray:
        """Of every place."""
        return self.take(np.arange(len(self))).series

    @property
    def row(self) -> np.ndarray:
        """Of every place."""
        return self.take(np.arange(len(self))).row

    def take(self, which: np.ndarray) -> Cuts:
        """Only these places (an array of their numbers)."""
        series = np.searchsorted(self._ends, which, side="right")
        before = np.concatenate([[0], self._ends[:-1]])
        return Cuts(series, self._start[series] + which - before[series])


@dataclass(frozen=True, eq=False)
class Channels:
    """Covariates of all series as a network reads them.

    Attributes
    ----------
    past : float32 array of shape (n_total, n_past)
        What is known up to the present only, row by row as the path.
    ahead : float32 array of shape (n_ahead, n_future)
        What is known ahead, with rows of its own: those of a series go on behind its end as far as they are known.
    begin : int64 array of shape (n_series,)
        The row of ``ahead`` at which each series begins.
    static : float32 array of shape (n_series, n_static)
    horizon : int
        Steps ahead that a network reads.
    """

    past: np.ndarray
    ahead: np.ndarray
    begin: np.ndarray
    static: np.ndarray
    horizon: int

    def counts(self) -> dict[str, Any]:
        """How many channels a network reads: ``past_channels``, ``future_channels`` and ``static_channels``."""
        past, future, static = (part.shape[1] for part in (self.past, self.ahead, self.static))
        return {"past_channels": past + future, "future_channels": future, "static_channels": static}

    def read(self, series: np.ndarray, rows: np.ndarray, first: np.ndarray) -> Reading:
        """``past``, ``future`` and ``static`` of windows, as far as there are any.

        Parameters
        ----------
        series : int64 array of shape (n,)
        rows : int64 array of shape (n, lookback)
            Of the path; the last one is that before the cut.
        first : int64 array of shape (n,)
            Row of the path at which the series begins.
        """
        reading = {"past": self.past[rows], "static": self.static[series]}
        if self.ahead.shape[1]:
            there = rows + (self.begin[series] - first)[:, None]
            reading["past"] = np.concatenate([reading["past"], self.ahead[there]], axis=2)
            reading["future"] = self.ahead[there[:, -1:] + 1 + np.arange(self.horizon)]
        return {name: array for name, array in reading.items() if array.shape[-1]}


class Windows:
    """Gathers windows from the paths of all series.

    Parameters
    ----------
    path : float64 array of shape (n_total,)
        All series one after the other, NaN where not observed. The first value of each series is observed. These are
        the targets.
    indptr : int64 array of shape (n_series + 1,)
        Series ``i`` is ``path[indptr[i]:indptr[i + 1]]``.
    lookback : int
        Steps that a window shows.
    season_length : int
        Steps of a season; the scale is made of differences that lie this far apart.
    lag : int, default 0
        The inputs are differences of the path that lie so many steps apart: 1 for its steps, a season for seasonal
        differences; 0 for the path itself.
    filled : float64 array of shape (n_total,), optional
        The path with some of its holes filled: these are the inputs. No window is cut right behind a filled step,
        because what fills it may know what comes next. By default the path itself. A hole that is left repeats the last
        value before it and counts as not observed.
    channels : Channels, optional
        Covariates beside the path.
    ages : float64 array of shape (n_total,), optional
        How long before its step each value was observed, in steps from 0 to below 1. With it, windows tell the time
        since the last observation; see `squashed`.
    from_zero : bool, default False
        Whether ratios of the path have a meaning, as those of logarithms have not.
    """

    def __init__(
        self,
        path: np.ndarray,
        indptr: np.ndarray,
        lookback: int,
        season_length: int,
        *,
        lag: int = 0,
        filled: np.ndarray | None = None,
        channels: Channels | None = None,
        ages: np.ndarray | None = None,
        from_zero: bool = False,
    ) -> None:
        self.path = path
        self.indptr = indptr
        self.lookback = lookback
        self.season_length = season_length
        self.lag = lag
        self.from_zero = from_zero
        self.channels = channels
        self._filled = inputs = path if filled is None else filled
        seen = ~np.isnan(inputs)
        whole = bool(seen.all())
        self._seen = np.broadcast_to(True, seen.shape) if whole else seen  # takes no room
        self._inputs = inputs if whole else inputs[_nearest_seen(seen, indptr)]
        self._invented = None if filled is None else self._seen & np.isnan(path)
        self._ages = ages
        self._elapsed = None if ages is None else _elapsed(self._seen, indptr, ages)

    def cuts(self, horizon: int, *, least_history: int, held_out: np.ndarray | int = 0) -> Cuts | CutRanges:
        """All places with ``least_history`` steps before them and ``horizon`` steps of targets behind them.

        Parameters
        ----------
        horizon : int
        least_history : int
            Steps of its series that a window must hold at least.
        held_out : int or int64 array of shape (n_series,), default 0
            Steps at the end of each series that no target may touch.
        """
        start, stop = self.indptr[:-1] + least_history, self.indptr[1:] - held_out - horizon + 1
        return self._between(start, stop)

    def held_out_cuts(self, horizon: int, *, least_history: int, held_out: np.ndarray) -> Cuts | CutRanges:
        """All places whose ``horizon`` targets lie within the last ``held_out`` steps of their series."""
        start, stop = self.indptr[1:] - held_out, self.indptr[1:] - horizon + 1
        return self._between(np.maximum(start, self.indptr[:-1] + least_history), stop)

    def end_cuts(self) -> Cuts:
        """The end of every series: the windows to forecast from."""
        return Cuts(np.arange(len(self.indptr) - 1), self.indptr[1:])

    def age(self, cuts: Cuts | CutRanges) -> np.ndarray:
        """Steps from each cut to the end of its series, int64 of shape (n_cuts,)."""
        return np.asarray(self.indptr[1:][cuts.series] - cuts.row)

    def elapsed_ends(self, steps: int) -> np.ndarray | None:
        """Steps since the last observation at the last steps of every series, as `squashed` takes them.

        float64 of shape (n_series, steps); None where windows do not tell it.
        """
        if self._elapsed is None:
            return None
        rows, first = self.indptr[1:, None] + np.arange(-steps, 0), self.indptr[:-1, None]
        return np.where(rows >= first, self._elapsed[np.maximum(rows, first)], NOTHING_YET)

    def ends(self, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The last steps of every series, arrays of shape (n_series, steps).

        Returns
        -------
        inputs : float64 array
            The path; unobserved steps repeat the last observed value, steps before the series began its first one.
        seen : bool array
            Whether the step is there, observed or filled.
        observed : bool array
        """
        rows, first = self.indptr[1:, None] + np.arange(-steps, 0), self.indptr[:-1, None]
        inside, rows = rows >= first, np.maximum(rows, first)
        return self._inputs[rows], self._seen[rows] & inside, ~np.isnan(self.path[rows]) & inside

    def seasonal_naive(self, cuts: Cuts, horizon: int) -> np.ndarray:
        """The seasonal naive forecast behind these cuts, on the path; float64 of shape (n, horizon)."""
        season = np.arange(horizon) % self.season_length - self.season_length
        rows = np.maximum(cuts.row[:, None] + season, self.indptr[cuts.series][:, None])
        return np.asarray(self._inputs[rows])

    def smoother(self, cuts: Cuts, horizon: int) -> Smoother:
        """What these cuts say about exponential smoothings, whose targets must lie within the series."""
        after = self.path[cuts.row[:, None] + np.arange(horizon)]
        return Smoother.fit(*self._histories(cuts), after, self.season_length, from_zero=self.from_zero)

    def smoothed(self, cuts: Cuts, smoother: Smoother, horizon: int) -> np.ndarray:
        """Exponential smoothings of what is known at these cuts, on the path; float64 of shape (n, horizon)."""
        at_once = max(1, _SMOOTHED_AT_ONCE // reach(self.lookback, self.season_length))

        def forecast(part: Cuts) -> np.ndarray:
            return smoother.forecast(*self._histories(part), self.season_length, horizon)

        return np.concatenate(in_threads(forecast, list(cuts.parts(at_once))))

    def _histories(self, cuts: Cuts) -> tuple[np.ndarray, np.ndarray]:
        """What lies within `reach` before these cuts, and how many steps of it are there, as a `Smoother` takes it."""
        first, steps = self.indptr[cuts.series], reach(self.lookback, self.season_length)
        rows = np.maximum(cuts.row[:, None] + np.arange(-steps, 0), first[:, None])
        history = self._inputs[rows]
        return with_holes(history, self._seen[rows]) if self.has_missing else history, cuts.row - first

    def extended(self, path: np.ndarray) -> "Windows":
        """The same series, each going on with its row of ``path``, an array of shape (n_series, steps).

        Covariates must be known ahead for that long, and none of them up to the present only.
        """
        ends, steps = self.indptr[1:], path.shape[1]
        place = np.repeat(ends, steps)
        return Windows(
            np.insert(self.path, place, path.ravel()),
            self.indptr + steps * np.arange(len(self.indptr)),
            self.lookback,
            self.season_length,
            lag=self.lag,
            from_zero=self.from_zero,
            filled=np.insert(self._filled, place, path.ravel()),
            channels=self._extended_channels(len(place)),
            ages=None if self._ages is None else np.insert(self._ages, place, 0.0),
        )

    def repeated(self, series: np.ndarray, times: int) -> "Windows":
        """Some series, each so many times over, with no more of their history than forecasts from their ends depend on.

        Parameters
        ----------
        series : int64 array of shape (n,)
            Their numbers.
        times : int
            The repetitions of a series stand side by side.
        """
        ends = self.indptr[series + 1]
        seen = np.maximum.accumulate(np.where(self._seen, np.arange(len(self.path)), 0))
        first = seen[np.maximum(ends - reach(self.lookback, self.season_length), self.indptr[series])]
        length = np.repeat(ends - first, times)
        indptr = np.concatenate([[0], np.cumsum(length)])
        rows = np.arange(indptr[-1]) + np.repeat(np.repeat(first, times) - indptr[:-1], length)
        channels = self.channels
        if channels is not None:
            begin = np.repeat(channels.begin[series] + first - self.indptr[series], times)
            static = np.repeat(channels.static[series], times, axis=0)
            channels = replace(channels, past=channels.past[rows], begin=begin, static=static)
        return Windows(
            self.path[rows],
            indptr,
            self.lookback,
            self.season_length,
            lag=self.lag,
            from_zero=self.from_zero,
            filled=self._filled[rows],
            channels=channels,
            ages=None if self._ages is None else self._ages[rows],
        )

    def _extended_channels(self, rows: int) -> Channels | None:
        if self.channels is None:
            return None
        return replace(self.channels, past=np.zeros((len(self.path) + rows, 0), dtype=np.float32))

    @property
    def share_missing(self) -> float:
        """Share of the steps that is not observed, filled or not."""
        return float(np.isnan(self.path).mean())

    @property
    def has_missing(self) -> bool:
        """Whether a step of the inputs is not observed."""
        return self._inputs is not self._filled

    def _between(self, start: np.ndarray, stop: np.ndarray) -> Cuts | CutRanges:
        cuts = CutRanges(start, stop)
        if self._invented is None or not self._invented.any():
            return cuts
        return cuts.take(np.flatnonzero(~self._invented[cuts.row - 1]))

    def gather(self, cuts: Cuts) -> Batch:
        """The windows before these cuts."""
        at_once = max(1, _VALUES_AT_ONCE // (self.lookback + self.lag))
        if len(cuts) <= at_once:
            return self._gathered(cuts)
        return joined([self._gathered(part) for part in cuts.parts(at_once)])

    def _gathered(self, cuts: Cuts) -> Batch:
        first = self.indptr[cuts.series][:, None]
        lag = self.lag
        rows = cuts.row[:, None] + np.arange(-self.lookback - lag, 0)
        inside = rows >= first
        rows = np.maximum(rows, first)
        shown_rows = rows[:, -self.lookback :]
        covariates = {} if self.channels is None else self.channels.read(cuts.series, shown_rows, first[:, 0])
        if self._elapsed is not None:
            elapsed = np.where(inside[:, -self.lookback :], self._elapsed[shown_rows], NOTHING_YET)
            covariates["elapsed"] = squashed(elapsed, self.season_length)
        return scaled_batch(
            self._inputs[rows],
            self._seen[rows] & inside,
            lambda still: self._mean_step(cuts.take(still)),
            self.season_length,
            lag=lag,
            covariates=covariates,
        )

    def lowest(self, cuts: Cuts) -> np.ndarray:
        """Lowest observed value of the path within `reach` before each cut, float64 of shape (n,)."""
        start = np.maximum(cuts.row - reach(self.lookback, self.season_length), self.indptr[cuts.series])
        last = len(self.path) - 1
        lowest = np.fmin.reduceat(self.path, np.minimum(np.column_stack([start, cuts.row]), last).ravel())[::2]
        return np.where(cuts.row > last, np.fmin(lowest, self.path[-1]), lowest)

    def targets(self, cuts: Cuts, batch: Batch, horizon: int) -> np.ndarray:
        """What came after the cuts, scaled like their windows: float32 of shape (n, horizon).

        NaN where it was not observed, or where the window shows no change.
        """
        after = np.where(batch.moving[:, None], self.path[cuts.row[:, None] + np.arange(horizon)], np.nan)
        return batch.scaled(after).astype(np.float32)

    def _mean_step(self, cuts: Cuts) -> np.ndarray:
        """`mean_step` within `reach` before each cut."""
        rows = cuts.row[:, None] + np.arange(-reach(self.lookback, self.season_length), 0)
        first = self.indptr[cuts.series][:, None]
        inside, rows = rows >= first, np.maximum(rows, first)
        return mean_step(self._inputs[rows], self._seen[rows] & inside)


def _elapsed(seen: np.ndarray, indptr: np.ndarray, ages: np.ndarray) -> np.ndarray:
    """For each row the steps since the last observation of its series, up to the row itself; -1 before the first."""
    rows = np.arange(len(seen))
    first = np.repeat(indptr[:-1], np.diff(indptr))
    last = np.maximum.accumulate(np.where(seen, rows, -1))
    since = rows - last + ages[np.maximum(last, 0)]
    return np.where(last < first, NOTHING_YET, since)


def _nearest_seen(seen: np.ndarray, indptr: np.ndarray) -> np.ndarray:
    """For each row the last observed row of its series up to it, or where there is none the first one after it."""
    rows = np.arange(len(seen))
    before = np.maximum.accumulate(np.where(seen, rows, np.repeat(indptr[:-1], np.diff(indptr))))
    after = np.minimum.accumulate(np.where(seen, rows, len(seen))[::-1])[::-1]
    nearest: np.ndarray = np.where(seen[before], before, after)
    if (nearest >= np.repeat(indptr[1:], np.diff(indptr))).any():
        raise DataError("a series has no observed value", remedy="Leave it out")
    return nearest
