"""The windows of a backtest: where each is cut, what is fitted for it, and what an estimator forecasts in it."""

import inspect
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.frames import interval_columns, levels_in, models_in, require_columns
from forecasting.evaluation.handing import fresh, handed, known_ahead
from forecasting.panel import Panel

_LOG = logging.getLogger(__name__)
_KEYS = ["unique_id", "ds"]


@dataclass(frozen=True)
class Windows:
    """Where the windows of a backtest lie, counted in steps from the end of each series.

    Attributes
    ----------
    horizon, n_windows, step : int
        Scored steps of a window, number of windows, steps from one cutoff to the next.
    refit : int
        Windows that share a fit.
    gap : int
        Steps between a cutoff and the first scored step.
    train_size : int or None
        Steps that a fit sees at most; None: everything up to its cutoff.
    """

    horizon: int
    n_windows: int
    step: int
    refit: int
    gap: int = 0
    train_size: int | None = None

    @property
    def n_fits(self) -> int:
        """How many times each estimator is fitted."""
        return -(-self.n_windows // self.refit)

    def of_fit(self, fit: int) -> range:
        """The windows that are forecast with a fit, counted from 0."""
        return range(fit * self.refit, min((fit + 1) * self.refit, self.n_windows))

    def after(self, window: int) -> int:
        """Steps of each series after the cutoff of a window, all of them held back."""
        return self.gap + self.horizon + (self.n_windows - 1 - window) * self.step

    def training(self, panel: Panel, fit: int) -> Panel:
        """What a fit may see: everything up to the cutoff of its first window, or the last ``train_size`` steps."""
        seen = panel.drop_last(self.after(self.of_fit(fit)[0]))
        return seen if self.train_size is None else seen.keep_last(self.train_size)

    def history(self, panel: Panel, window: int) -> Panel:
        """What is observed at the cutoff of a window, from where the training data of its fit begin."""
        seen = panel.drop_last(self.after(window))
        if self.train_size is None:
            return seen
        first = self.of_fit(window // self.refit)[0]
        return seen.keep_last(self.train_size + self.after(first) - self.after(window))

    def rows(self, panel: Panel, window: int) -> np.ndarray:
        """The scored rows of the panel, int64 array of shape (n_series, horizon)."""
        rows: np.ndarray = panel.indptr[1:, None] - self.after(window) + self.gap + np.arange(self.horizon)
        return rows


@dataclass(frozen=True)
class Contestant:
    """An estimator with the name that its forecasts get; with None they keep the name that they come with."""

    estimator: Any
    name: str | None = None

    @property
    def title(self) -> str:
        """For messages."""
        return self.name or type(self.estimator).__name__

    @property
    def takes_histories(self) -> bool:
        """Whether ``predict`` takes ``data``, histories to go on from without another fit."""
        return "data" in inspect.signature(self.estimator.predict).parameters


@dataclass(frozen=True, eq=False)
class Part:
    """What one fit of one estimator forecast.

    Attributes
    ----------
    columns : tuple of str
        Models and interval ends.
    values : float64 array of shape (n_columns, windows of the fit, n_series, horizon)
    trained_until : str
        The last time that the fit saw.
    trained_steps : int
        Steps that the fit saw, over all series.
    seconds : float
        Of the fit.
    """

    columns: tuple[str, ...]
    values: np.ndarray
    trained_until: str
    trained_steps: int
    seconds: float


def run_fit(
    contestant: Contestant,
    panel: Panel,
    windows: Windows,
    fit: int,
    *,
    silent: bool,
    advance: Callable[[], None] = lambda: None,
) -> Part:
    """Fit a fresh copy of an estimator and forecast the windows that share the fit.

    Parameters
    ----------
    contestant, panel, windows
        As named.
    fit : int
        Number of the fit, counted from 0.
    silent : bool
        Whether a copy with a ``verbose`` parameter is made silent.
    advance : callable
        Called after every window.

    Raises
    ------
    DataError
        The estimator did not forecast every step of every series.
    """
    panel = handed(panel, contestant.estimator)
    training = windows.training(panel, fit)
    fitted = fresh(contestant.estimator, silent=silent)
    began = time.perf_counter()
    by_history = contestant.takes_histories
    fitted.fit(training if by_history else training.frame())
    seconds = time.perf_counter() - began
    columns: tuple[str, ...] = ()
    values = []
    for window in windows.of_fit(fit):
        frame = _forecast(fitted, by_history, contestant, panel, windows, window)
        if columns and tuple(frame) != columns:
            raise DataError(f"the columns of {contestant.title} differ from window to window: {list(frame)}")
        columns = tuple(map(str, frame))
        values.append(frame.to_numpy(np.float64).reshape(panel.n_series, windows.horizon, -1))
        advance()
    until = str(training.stamps(training.last_times().max()[None])[0])
    stacked = np.moveaxis(np.stack(values), -1, 0)
    return Part(columns, stacked, until, len(training.values), seconds)


def _forecast(
    fitted: Any, by_history: bool, contestant: Contestant, panel: Panel, windows: Windows, window: int
) -> pd.DataFrame:
    """The forecasts of a window without their keys: one row per series and step, in the order of the panel."""
    steps = windows.gap + windows.horizon
    history = windows.history(panel, window)
    ahead = known_ahead(panel, windows.after(window), steps, contestant.estimator)
    predicted = fitted.predict(horizon=steps, data=history, **ahead) if by_history else fitted.predict(steps, **ahead)
    require_columns(predicted, _KEYS, f"what {contestant.title} predicted")
    times = panel.times[windows.rows(panel, window)]
    keys = pd.DataFrame({"unique_id": np.repeat(panel.ids, windows.horizon), "ds": panel.stamps(times)})
    rows = keys.merge(predicted, on=_KEYS, how="left", validate="one_to_one")
    models = [name for name in models_in(rows) if pd.api.types.is_numeric_dtype(rows[name])]
    if not models:
        raise DataError(f"{contestant.title} predicted no column of numbers", column=str(list(predicted)))
    lost = rows[models].isna().any(axis=1)
    if lost.any():
        first = rows.loc[lost].iloc[0]
        raise DataError(
            f"{contestant.title} left {int(lost.sum())} of {len(rows)} steps without a forecast",
            series=first["unique_id"],
            time=first["ds"],
            remedy="Its predict must cover every step of every series that it is given",
        )
    return _named(rows, models, contestant)


def _named(rows: pd.DataFrame, models: list[str], contestant: Contestant) -> pd.DataFrame:
    """The columns of the models, each followed by its interval ends, under the name of the contestant if it has one."""
    if contestant.name is not None and len(models) > 1:
        raise ParameterError(
            f"{contestant.name!r} names one model, and its estimator forecasts {models}",
            remedy="Give an estimator of several models in a list, without a name",
            parameter="estimator",
        )
    columns = {}
    for model in models:
        name = contestant.name or model
        columns[name] = rows[model]
        for level in levels_in(rows, model):
            for there, here in zip(interval_columns(model, level), interval_columns(name, level), strict=True):
                columns[here] = rows[there]
    return pd.DataFrame(columns)
