"""Rolling-origin backtests: what the forecasts would have been at earlier cutoffs, beside the seasonal naive."""

import logging
from typing import Any, Protocol, cast

import numpy as np
import pandas as pd

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.baselines import SEASONAL_NAIVE, seasonal_naive
from forecasting.evaluation.frames import levels_in, models_in, require_columns
from forecasting.panel import Panel, to_panel

_LOG = logging.getLogger(__name__)


class Forecaster(Protocol):
    """What a backtest needs of an estimator, besides being clonable by scikit-learn."""

    def fit(self, data: Panel) -> Any:
        """Fit on a panel."""

    def predict(self, *, horizon: int, data: Panel, **ahead: pd.DataFrame) -> pd.DataFrame:
        """Forecast the steps that follow each series of ``data``, without fitting again.

        With the parameter ``future_covariates``, ``future`` is a frame of these for the window's own steps.
        """


def backtest(
    estimator: Forecaster,
    data: Any,
    horizon: int,
    n_windows: int,
    step: int | None = None,
    season_length: int | None = None,
) -> pd.DataFrame:
    """Forecast the last part of every series from earlier cutoffs, with a clone of the estimator fitted once.

    With ``horizon=3``, ``n_windows=3`` and the default ``step=3``, counted from the end of each series::

        observed   . . . . . . . . . . . . . . . .
        fitted on  # # # # # # #
        window 1   # # # # # # # f f f
        window 2   # # # # # # # o o o f f f
        window 3   # # # # # # # o o o o o o f f f

    ``#`` stands up to the first cutoff: all that is ever fitted. ``o`` is observed by the time of the window's own
    cutoff and handed to ``predict`` as history. ``f`` is forecast and compared with what was observed. With
    ``step < horizon`` windows overlap, with ``step > horizon`` some steps are never forecast.

    Cutoffs are counted from the end of each series. If series end at different times, the one model has seen, of the
    longer-lived ones, times at which the others had not yet been observed.

    Parameters
    ----------
    estimator : Forecaster
        Not changed: a clone is fitted. ``predict`` gives ``unique_id``, ``ds``, the models and their interval ends.
    data : Panel, or anything that `forecasting.panel.to_panel` takes
        Frames are read with the ``frequency`` and ``calendar`` parameters of the estimator, if it has them. Missing
        values stay missing: an actual value that was filled in would be scored as if it had been observed.
    horizon : int
        Steps per window, at least 1.
    n_windows : int
        Number of windows, at least 1.
    step : int, optional
        Steps from one cutoff to the next, at least 1; ``horizon`` by default.
    season_length : int, optional
        Season of the baseline; by default the estimator's parameter of that name, else the usual one of the frequency.

    Returns
    -------
    DataFrame
        ``unique_id``, ``cutoff`` (the last time known to the window), ``ds``, ``y`` (NaN where missing), the columns of
        the estimator, and ``SeasonalNaive`` with the same levels. Sorted by series (in the order of the panel), cutoff
        and time.

    Raises
    ------
    DataError
        Series are too short, or the estimator did not forecast every step of every series.
    """
    for name, value in (("horizon", horizon), ("n_windows", n_windows), ("step", horizon if step is None else step)):
        if value < 1:
            raise ParameterError(f"it must be at least 1, not {value}", parameter=name)
    from sklearn.base import clone

    parameters = cast(Any, estimator).get_params(deep=False)
    panel = _read(data, parameters)
    wanted = parameters.get("season_length") if season_length is None else season_length
    season = panel.frequency.season_length if wanted is None else int(wanted)
    back = horizon + np.arange(n_windows)[::-1] * (horizon if step is None else step)
    check_lengths(panel, int(back[0]), season)
    fitted = clone(estimator)
    fitted.fit(panel.drop_last(int(back[0])))
    windows = [_window(fitted, panel, horizon, int(steps), season) for steps in back]
    frame = pd.concat(windows, ignore_index=True)
    series = np.tile(np.repeat(np.arange(panel.n_series), horizon), n_windows)
    return frame.iloc[np.argsort(series, kind="stable")].reset_index(drop=True)


def _read(data: Any, parameters: dict[str, Any]) -> Panel:
    reading = {key: parameters[key] for key in ("frequency", "calendar") if key in parameters}
    past, future, static = (_named(parameters, f"{kind}_covariates") for kind in ("past", "future", "static"))
    columns: dict[str, Any] = {"covariates": [*past, *future], "static": static}
    panel, notices = to_panel(data, **columns) if isinstance(data, Panel) else to_panel(data, **reading, **columns)
    for notice in notices:
        _LOG.warning(notice.message)
    return panel


def _named(parameters: dict[str, Any], name: str) -> list[str]:
    columns = parameters.get(name)
    return [] if columns is None else list(columns)


def check_lengths(panel: Panel, held_out: int, season: int) -> None:
    """Raise DataError for series without a season and one step before the first cutoff."""
    needed = held_out + season + 1
    short = np.flatnonzero(panel.lengths < needed)
    if len(short):
        names = ", ".join(f"{panel.ids[i]} ({panel.lengths[i]})" for i in short[:5])
        more = f" and {len(short) - 5} more" if len(short) > 5 else ""
        raise DataError(
            f"too short for this backtest, which needs {needed} steps "
            f"({held_out} in the windows, a season of {season} and one before them)",
            series=names + more,
            remedy="Use fewer windows or a shorter horizon, or leave these series out",
        )


def _window(fitted: Forecaster, panel: Panel, horizon: int, back: int, season: int) -> pd.DataFrame:
    """One window: the ``horizon`` steps that follow the cutoff ``back`` steps before the end of each series."""
    history = panel.drop_last(back)
    rows = (panel.indptr[1:, None] - back + np.arange(horizon)).ravel()
    actual = pd.DataFrame(
        {
            "unique_id": np.repeat(panel.ids, horizon),
            "cutoff": panel.stamps(np.repeat(history.last_times(), horizon)),
            "ds": panel.stamps(panel.times[rows]),
            "y": panel.values[rows],
        }
    )
    known = _named(cast(Any, fitted).get_params(deep=False), "future_covariates")
    ahead = {"future": panel.drop_last(back - horizon).keep_last(horizon).frame()} if known else {}
    predicted = fitted.predict(horizon=horizon, data=history, **ahead)
    require_columns(predicted, ["unique_id", "ds"], "what the estimator predicted")
    if SEASONAL_NAIVE in predicted.columns:
        raise DataError(f"the estimator's column has the name of the baseline, {SEASONAL_NAIVE}", remedy="Rename it")
    window = actual.merge(predicted, on=["unique_id", "ds"], how="left", validate="one_to_one")
    lost = window[models_in(predicted)].isna().any(axis=1)
    if lost.any():
        first = window.loc[lost].iloc[0]
        raise DataError(
            f"the estimator left {int(lost.sum())} of {len(window)} steps without a forecast",
            series=first["unique_id"],
            time=first["ds"],
            remedy="Its predict must cover every step of every series that it is given",
        )
    baseline = seasonal_naive(history, horizon, season, levels_in(predicted))
    return window.merge(baseline, on=["unique_id", "ds"], how="left", validate="one_to_one")
