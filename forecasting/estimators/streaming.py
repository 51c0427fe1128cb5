"""Forecasting series whose values arrive one step at a time: what is kept of them does not grow."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecasting.errors import DataError, ParameterError
from forecasting.estimators.forecasts import NAME, Outlook, forecast_frame, values_of
from forecasting.estimators.movement import relative_movement, weighted_change
from forecasting.estimators.parameters import check_parameters, percentages, shares
from forecasting.estimators.preparing import read_windows
from forecasting.panel.notice import counted, shortened
from forecasting.panel.rows import time_text
from forecasting.scaling import Batch, mean_step, scaled_batch, squashed
from forecasting.smoothing import with_holes
from forecasting.windows import reach

if TYPE_CHECKING:
    from forecasting.estimators.forecaster import SimpleRNNForecaster

_SERIES_AT_ONCE = 4096
Values = Mapping[str, float] | pd.Series | Sequence[float] | np.ndarray | float
"""One number for each series: by id, in the order of the series, or alone where there is one."""


class Stream:
    """All series of a fitted forecaster, each of which goes on by one step with every observation.

    Made by `SimpleRNNForecaster.stream`. It goes on from where the forecaster is at that time, and neither changes the
    other afterwards. Kept are the last ``2 * (lookback_ + season_length_)`` steps of each series, on which alone a
    forecast depends; an observation is written over the oldest step. That costs the same however long the stream has
    run and however far the networks look back.

    A forecast reads the whole look-back: every window is scaled and standardised by what it shows itself, so that each
    observation changes all that the recurrence has read, and no state of it can be carried.

    Attributes
    ----------
    ids : array of str
        The series, in the order in which arrays of values are given and forecasts come.
    observed : int
        Observations since it began.
    """

    def __init__(self, fitted: "SimpleRNNForecaster") -> None:
        if not fitted.encoding_.is_empty:
            names = ", ".join([*fitted.encoding_.columns, *fitted.encoding_.calendar])
            raise ParameterError(
                f"a stream has no covariates, and the forecaster was fitted with {names}",
                remedy="Use update(...) and predict(...) instead.",
            )
        panel, season = fitted.panel_, fitted.season_length_
        self._model, self._levels = fitted._model, list(fitted.levels_)
        self._irregular = fitted.irregular_
        self._gaps, self._target, self._season = fitted.gaps_, fitted.transform_.of(panel), season
        self._lookback, self._above_zero = fitted.lookback_, fitted.above_zero_
        windows, _ = read_windows(panel, self._gaps, self._target, self._lookback, season)
        kept = reach(self._lookback, season)
        self._steps = _Ring(*windows.ends(kept), windows.elapsed_ends(kept))
        rows = np.where(np.isnan(panel.values), -1, np.arange(len(panel.values)))
        self._missing = panel.indptr[1:] - 1 - np.maximum.reduceat(rows, panel.indptr[:-1])
        self._known = panel.lengths.copy()
        self._ends = panel.keep_last(1)
        self.ids = panel.ids
        self.observed = 0

    def observe(self, values: Values, ages: Values | None = None) -> "Stream":
        """Let every series go on by one step.

        Parameters
        ----------
        values : mapping, Series or array of shape (n_series,)
            The value of each series, by id or in the order of ``ids``; a number alone where there is one series. NaN
            for a series that was not observed, unless the forecaster refuses gaps. Where it was fitted to observations
            at irregular times, the last or the mean of those since the step before, as it was fitted.
        ages : the same, optional
            How long before the step the last of these observations was made, in steps from 0 to below 1; by default
            0. Only where the forecaster was fitted to observations at irregular times; it is told to the networks
            under ``gaps="mask"``.

        Returns
        -------
        self

        Raises
        ------
        DataError
            A series has no value, is not known, or its value is infinite or has no logarithm where the target is one.
            Names series and time. The stream is as it was.
        ParameterError
            Ages are given, and the forecaster refuses irregular times.
        """
        value, age = self._checked(values), self._checked_ages(ages)
        missing = np.isnan(value)
        with np.errstate(invalid="ignore"):
            path = self._target.path_of(value)
        before = self._steps.newest()
        self._steps.push(np.where(missing, before, path), ~missing, age)
        closed = np.flatnonzero(~missing & (self._missing > 0)) if self._gaps == "interpolate" else ()
        for series in closed:
            self._draw_line(int(series), before[[series]], value[series])
        self._missing = np.where(missing, self._missing + 1, 0)
        self._known += 1
        self.observed += 1
        return self

    def forecast(self) -> np.ndarray:
        """The point forecasts of the steps fitted for, float64 of shape (n_series, horizon), and no frame.

        Equal to those of `predict`.
        """
        return values_of(self._target, self._center()[0], self._lowest())

    def predict(self, levels: Sequence[float] | None = None, *, quantiles: Sequence[float] = ()) -> pd.DataFrame:
        """The frame that `SimpleRNNForecaster.predict` gives after `update` with all observations.

        A step that was not observed counts as a step nevertheless: forecasts begin behind it.

        Parameters
        ----------
        levels, quantiles
            As for `SimpleRNNForecaster.predict`.

        Raises
        ------
        ParameterError
            They are not as they may be.
        """
        wanted = self._levels if levels is None else levels
        given = {"levels": wanted, "quantiles": quantiles}
        check_parameters("predict", given, {"levels": percentages(), "quantiles": shares()})
        center, scale, spread = self._center()
        movement = self._movement(scale) if len(wanted) or len(quantiles) else np.ones(len(scale))
        outlook = Outlook(center, scale, spread, movement, self._lowest())
        columns = outlook.columns(self._model, self._target, wanted, quantiles)
        steps = 1 + np.arange(columns[NAME].shape[1])
        return forecast_frame(self.ids, self._ends.stamps(self._times(steps)), columns)

    def _checked(self, values: object) -> np.ndarray:
        """One value for each series, float64 in the order of ``ids``."""
        value = self._one_each(values)
        self._refuse(np.isinf(value), "the value is infinite", "Correct it, or give NaN if it is not known.")
        if self._target.needs_positive:
            words = f"target {self._target.name!r} needs values above zero"
            self._refuse(value <= 0, words, "Fit with target 'none', 'difference' or 'robust+asinh'.")
        if self._gaps == "refuse":
            self._refuse(
                np.isnan(value), "the step has no value", "Fit with gaps='interpolate' or 'mask' to let gaps in."
            )
        return value

    def _checked_ages(self, ages: object) -> np.ndarray:
        """How long before the step each observation was made, float64 in the order of ``ids``."""
        if ages is None:
            return np.zeros(len(self.ids))
        if self._irregular == "refuse":
            raise ParameterError(
                "the forecaster was fitted to observations that lie on the time grid",
                remedy="Leave the ages out, or fit with irregular='last' or 'mean'.",
                parameter="ages",
            )
        age: np.ndarray = np.nan_to_num(self._one_each(ages))
        outside = (age < 0) | (age >= 1)
        self._refuse(outside, "the age of the observation is not from 0 to below 1 step", "Give it in steps.")
        return age

    def _one_each(self, values: object) -> np.ndarray:
        """One number for each series, float64 in the order of ``ids``."""
        named = isinstance(values, Mapping | pd.Series)
        value = self._by_id(pd.Series(values)) if named else np.atleast_1d(_numbers(values))
        if value.shape != self.ids.shape:
            raise DataError(
                f"there are {len(self.ids)} series, and values of the shape {value.shape}",
                remedy="Give one number for each series, in the order of 'ids' or by id.",
            )
        return value

    def _by_id(self, values: pd.Series) -> np.ndarray:
        names = values.index.map(str)
        twice = names[names.duplicated()]
        if len(twice):
            raise DataError("the series has two values", remedy="Give one.", series=twice[0])
        number = names.get_indexer(pd.Index(self.ids))
        if (number < 0).any():
            absent = self.ids[number < 0]
            raise DataError(
                f"{counted(len(absent), 'series has', 'series have')} no value: {shortened(absent)}",
                remedy="Give NaN for what was not observed.",
                series=absent[0],
                time=self._time(int(np.flatnonzero(number < 0)[0])),
            )
        unknown = names.difference(pd.Index(self.ids))
        if len(unknown):
            raise DataError(
                f"the stream has no series {shortened(unknown)}", remedy="Correct the id.", series=unknown[0]
            )
        return np.asarray(_numbers(values)[number])

    def _refuse(self, wrong: np.ndarray, problem: str, remedy: str) -> None:
        if wrong.any():
            series = int(np.flatnonzero(wrong)[0])
            raise DataError(problem, remedy=remedy, series=self.ids[series], time=self._time(series))

    def _draw_line(self, series: int, path: np.ndarray, after: float) -> None:
        """Fill the gap of one series, behind ``path`` of shape (1,), by a straight line between the values."""
        target, length = self._target.take(np.array([series])), int(self._missing[series])
        before = target.values(path)[0]
        line = before + np.arange(1, length + 1) / (length + 1) * (after - before)
        self._steps.fill(series, target.path_of(line[None])[0])

    def _center(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Forecasts on the path, of shape (n_series, horizon), the scale of each window, and the scaled spread."""
        centers, scales, spreads = [], [], []
        for first in range(0, len(self.ids), _SERIES_AT_ONCE):
            some = slice(first, first + _SERIES_AT_ONCE)
            batch = self._window(some)
            point, spread = self._model.forecast_and_spread(batch.reading, self._smoothed(batch, some))
            centers.append(batch.path(point))
            scales.append(batch.scale)
            spreads.append(spread)
        return np.concatenate(centers), np.concatenate(scales), np.concatenate(spreads)

    def _window(self, some: slice) -> Batch:
        lag = self._target.lag(self._season)
        path, seen, _ = self._steps.last(self._lookback + lag, some)
        elapsed = self._steps.elapsed(self._lookback, some)
        told = {} if elapsed is None else {"elapsed": squashed(elapsed, self._season)}

        def steps_of(still: np.ndarray) -> np.ndarray:
            inputs, there, _ = self._steps.last(reach(self._lookback, self._season), some.start + still)
            return mean_step(inputs, there)

        return scaled_batch(path, seen, steps_of, self._season, lag=lag, covariates=told)

    def _smoothed(self, batch: Batch, some: slice) -> np.ndarray | None:
        smoother, horizon = self._model.smoother, self._model.spec.horizon
        if smoother is None:
            return None
        inputs, seen, _ = self._steps.last(reach(self._lookback, self._season), some)
        return batch.scaled(smoother.forecast(with_holes(inputs, seen), self._known[some], self._season, horizon))

    def _movement(self, scale: np.ndarray) -> np.ndarray:
        return relative_movement(self._of_kept(lambda path: weighted_change(path, self._season)), scale)

    def _lowest(self) -> np.ndarray | None:
        return self._of_kept(lambda path: np.fmin.reduce(path, axis=1)) if self._above_zero else None

    def _of_kept(self, measure: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """A measure, of shape (n,), of the kept paths of n series, NaN where not observed, for all series."""
        parts = []
        for first in range(0, len(self.ids), _SERIES_AT_ONCE):
            some = slice(first, first + _SERIES_AT_ONCE)
            path, _, observed = self._steps.last(reach(self._lookback, self._season), some)
            parts.append(measure(np.where(observed, path, np.nan)))
        return np.concatenate(parts)

    def _times(self, steps: np.ndarray) -> np.ndarray:
        """The times so many steps after the last observation, of shape (n_series, n_steps)."""
        ends, moves = self._ends, self.observed + steps
        return ends.frequency.advance(ends.last_times()[:, None], moves[None, :], tz=ends.tz)

    def _time(self, series: int) -> str:
        """The time that is to be observed, as text."""
        return time_text(self._times(np.array([1]))[series, 0], self._ends.tz)


def _numbers(values: object) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"the values are no numbers: {error}", remedy="Give one number for each series.") from None


class _Ring:
    """The last steps of all series, each written over the oldest one.

    Parameters
    ----------
    inputs : float64 array of shape (n_series, steps)
        Unobserved steps repeat the last value.
    seen, observed : bool arrays of the same shape
        Whether a step is an input, observed or filled; and whether it was observed.
    elapsed : float64 array of the same shape, optional
        Steps since the last observation.
    """

    def __init__(
        self, inputs: np.ndarray, seen: np.ndarray, observed: np.ndarray, elapsed: np.ndarray | None = None
    ) -> None:
        self._inputs, self._seen, self._observed = (np.ascontiguousarray(part.T) for part in (inputs, seen, observed))
        self._elapsed = None if elapsed is None else np.ascontiguousarray(elapsed.T)
        self._oldest = 0

    def newest(self) -> np.ndarray:
        """The inputs of the last step, of shape (n_series,)."""
        return np.asarray(self._inputs[self._oldest - 1].copy())

    def push(self, inputs: np.ndarray, seen: np.ndarray, age: np.ndarray) -> None:
        """One more step of every series."""
        if self._elapsed is not None:
            self._elapsed[self._oldest] = np.where(seen, age, self._elapsed[self._oldest - 1] + 1)
        self._inputs[self._oldest], self._seen[self._oldest], self._observed[self._oldest] = inputs, seen, seen
        self._oldest = (self._oldest + 1) % len(self._inputs)

    def fill(self, series: int, line: np.ndarray) -> None:
        """Put values in place of the unobserved steps before the last one of a series."""
        line = line[-(len(self._inputs) - 1) :]
        rows = (self._oldest - 1 - len(line) + np.arange(len(line))) % len(self._inputs)
        self._inputs[rows, series], self._seen[rows, series] = line, True

    def elapsed(self, steps: int, series: slice | np.ndarray) -> np.ndarray | None:
        """Steps since the last observation at the last steps of some series, of shape (n, steps), the oldest first."""
        if self._elapsed is None:
            return None
        rows = (self._oldest - steps + np.arange(steps)) % len(self._elapsed)
        return np.asarray(self._elapsed[rows][:, series].T)

    def last(self, steps: int, series: slice | np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Inputs, seen and observed of the last steps of some series, of shape (n, steps), the oldest first."""
        size = len(self._inputs)
        first = (self._oldest - steps) % size
        parts = (slice(first, min(first + steps, size)), slice(0, max(first + steps - size, 0)))
        inputs, seen, observed = (
            np.concatenate([array[part][:, series] for part in parts]).T
            for array in (self._inputs, self._seen, self._observed)
        )
        return inputs, seen, observed
