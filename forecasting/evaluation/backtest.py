"""Rolling-origin backtests: what the forecasts would have been at earlier cutoffs, all models in the same windows."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.baselines import BASELINES, baseline
from forecasting.evaluation.frames import levels_in, models_in
from forecasting.evaluation.handing import columns_ahead, read, settled, stated, steps_ahead
from forecasting.evaluation.origins import Contestant, Part, Windows
from forecasting.evaluation.running import Runner, progress_line
from forecasting.panel import Panel

_LOG = logging.getLogger(__name__)
FITS = "fits"
"""Where the attributes of a backtest's frame say what was fitted when, see `fits`."""


class Forecaster(Protocol):
    """What a backtest needs of an estimator, besides being clonable by scikit-learn.

    The panels that it is handed have the covariates that its parameters ``past_covariates``, ``future_covariates`` and
    ``static_covariates`` name, where it has such parameters, and no others.
    """

    def fit(self, data: Panel) -> Any:
        """Fit on a panel."""

    def predict(self, *, horizon: int, data: Panel, **ahead: pd.DataFrame) -> pd.DataFrame:
        """Forecast the steps that follow each series of ``data``, without fitting again.

        With the parameter ``future_covariates``, ``future`` is a frame of these for the steps to forecast.
        """


def backtest(
    estimator: Any,
    data: Any,
    horizon: int,
    n_windows: int,
    step: int | None = None,
    *,
    refit: bool | int = False,
    window: str = "expanding",
    train_size: int | None = None,
    gap: int = 0,
    baselines: Sequence[str] = ("seasonal_naive",),
    season_length: int | None = None,
    n_jobs: int = 1,
    folder: str | Path | None = None,
    verbose: int = 1,
) -> pd.DataFrame:
    """Forecast the last part of every series from earlier cutoffs, by one or several estimators in the same windows.

    With ``horizon=3``, ``n_windows=3``, the default ``step=3`` and ``refit=2``, counted from the end of each series::

        observed   . . . . . . . . . . . . . . . .
        window 0   # # # # # # # f f f                  first fit
        window 1   # # # # # # # o o o f f f            the same fit
        window 2   # # # # # # # # # # # # # f f f      second fit

    ``#`` is fitted on. ``o`` is observed by the time of the window's own cutoff and handed to ``predict`` as history.
    ``f`` is forecast and compared with what was observed. With ``step < horizon`` windows overlap, with
    ``step > horizon`` some steps are never forecast.

    Cutoffs are counted from the end of each series. If series end at different times, one model of all series has seen,
    of the longer-lived ones, times at which the others had not yet been observed.

    Parameters
    ----------
    estimator : Forecaster, str, or several of them in a list or (with names) a dict
        Never changed: every fit is made by a fresh copy, with weights of its own (a clone by scikit-learn; a deep copy
        of objects without ``get_params``, which must therefore come unfitted). ``fit(panel)`` and
        ``predict(horizon=, data=panel)`` give a frame with ``unique_id``, ``ds``, models and their interval ends.
        Objects whose ``predict`` takes no ``data`` are fitted on a long frame and asked for ``predict(horizon)``; they
        need ``refit=True``. A string names a baseline. In a dict the key becomes the name of the model's column.
    data : Panel, or anything that `forecasting.panel.to_panel` takes
        Frames are read with the ``frequency``, ``calendar`` and ``irregular`` of the first estimator that states them,
        and with the covariates that any of them names. Each is handed its own covariates only: along the series up to
        the cutoff, and those known ahead for ``gap + horizon`` steps behind it. Missing values stay missing: an actual
        value that was filled in would be scored as if it had been observed.
    horizon : int
        Scored steps per window, at least 1.
    n_windows : int
        Number of windows, at least 1.
    step : int, optional
        Steps from one cutoff to the next, at least 1; ``horizon`` by default.
    refit : bool or int, default False
        False: fit once, before the first cutoff. True: at every cutoff. A number k: at every k-th.
    window : {"expanding", "sliding"}, default "expanding"
        Whether a fit sees everything up to its cutoff, or the last ``train_size`` steps of each series.
    train_size : int, optional
        Needed by sliding windows, and only by them.
    gap : int, default 0
        Steps between the cutoff and the first scored step, for values that become known late or forecasts that are
        needed early. Estimators forecast ``gap + horizon`` steps; the first ``gap`` are not scored.
    baselines : sequence of str, default ("seasonal_naive",)
        Any of ``"naive"``, ``"seasonal_naive"``, ``"drift"``, ``"ets"``, ``"theta"``, with the levels that the
        estimators forecast; see `forecasting.evaluation.baselines.baseline`.
    season_length : int, optional
        Season of the baselines; by default the ``season_length`` of the first estimator that states one, else the usual
        one of the frequency.
    n_jobs : int, default 1
        Processes that fits are shared among; -1: one for each core. Each gets its share of the cores for BLAS and
        TensorFlow. One fit is never divided, so ``refit=False`` gains only with several estimators.
    folder : path, optional
        Finished fits with their windows are kept here, and not made again by the same call on the same data: an
        interrupted backtest goes on. What belongs together is told by a digest of data, windows, parameters and code.
    verbose : int, default 1
        1 shows a line of progress on standard error, instead of that of each estimator with a ``verbose`` parameter.

    Returns
    -------
    DataFrame
        ``unique_id``, ``cutoff`` (the last time known to the window), ``ds``, ``y`` (NaN where missing), the columns of
        the estimators, then those of the baselines. Sorted by series (in the order of the panel), cutoff and time.
        `fits` tells which fit each window was forecast with.

    Raises
    ------
    DataError
        Series are too short, two models have one name, or an estimator did not forecast every step of every series.
    ParameterError
        A parameter has a value that is not allowed.
    """
    windows = _windows(horizon, n_windows, step, refit, window, train_size, gap)
    contestants, named = _contestants(estimator, baselines)
    contestants = [replace(one, estimator=settled(one.estimator, data)) for one in contestants]
    panel, notices = read(data, *(contestant.estimator for contestant in contestants))
    for notice in notices:
        _LOG.warning(notice.message)
    season = _season(season_length, contestants, panel)
    check_lengths(panel, windows.after(0), season)
    _check_refit(contestants, windows)
    _check_ahead(contestants, windows)
    total = windows.n_windows * (len(contestants) + len(named))
    with progress_line(total, shown=verbose > 0) as advance:
        place = None if folder is None else Path(folder)
        runner = Runner(panel, windows, n_jobs=n_jobs, folder=place, advance=advance, silent=verbose > 0)
        parts = runner.run(contestants)
        levels = levels_in(pd.DataFrame(columns=[column for part in parts for column in part[0].columns]))
        parts += runner.run([Contestant(baseline(one, season, levels), name) for one, name in named.items()])
    return _assembled(panel, windows, parts)


def fits(frame: pd.DataFrame) -> pd.DataFrame:
    """Which fit each window of a backtest was forecast with.

    Parameters
    ----------
    frame : DataFrame
        As `backtest` returned it. Its ``attrs`` hold the answer: they survive a copy, a selection and a Parquet file,
        but not a merge.

    Returns
    -------
    DataFrame
        One row per model and window: ``model``, ``window`` and ``fit`` (both counted from 0), ``weights`` (``"fresh"``
        in the first window of a fit, ``"kept"`` in those that share it), ``trained_until`` (the last time that the fit
        saw, over all series), ``trained_steps`` (steps that it saw, over all series) and ``seconds`` (of the fit).

    Raises
    ------
    DataError
        The frame does not hold it.
    """
    if FITS not in frame.attrs:
        raise DataError("the frame does not say what was fitted when", remedy="Give the frame that backtest returned")
    return pd.DataFrame(frame.attrs[FITS])


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


def _windows(
    horizon: int, n_windows: int, step: int | None, refit: bool | int, window: str, train_size: int | None, gap: int
) -> Windows:
    """The windows that the parameters describe, after checking them."""
    counts = {"horizon": horizon, "n_windows": n_windows, "step": horizon if step is None else step}
    for name, value in counts.items():
        if value < 1:
            raise ParameterError(f"it must be at least 1, not {value}", parameter=name)
    if gap < 0:
        raise ParameterError(f"it must be at least 0, not {gap}", parameter="gap")
    if not isinstance(refit, bool) and refit < 1:
        raise ParameterError(
            f"it must be True, False or a number of windows of at least 1, not {refit}", parameter="refit"
        )
    if window not in ("expanding", "sliding"):
        raise ParameterError(f"it must be 'expanding' or 'sliding', not {window!r}", parameter="window")
    if (train_size is not None) != (window == "sliding"):
        raise ParameterError("sliding windows need it, and expanding ones have none", parameter="train_size")
    if train_size is not None and train_size < 1:
        raise ParameterError(f"it must be at least 1, not {train_size}", parameter="train_size")
    shared = (1 if refit else n_windows) if isinstance(refit, bool) else refit
    return Windows(**counts, refit=shared, gap=gap, train_size=train_size)


def _contestants(estimator: Any, baselines: Sequence[str]) -> tuple[list[Contestant], dict[str, str | None]]:
    """The estimators, and the baselines with the names that they were given."""
    if isinstance(baselines, str):
        raise ParameterError(f"it must be a list of names, not the text {baselines!r}", parameter="baselines")
    if isinstance(estimator, Mapping):
        given = list(estimator.items())
    else:
        given = [(None, one) for one in (estimator if isinstance(estimator, list | tuple) else [estimator])]
    contestants: list[Contestant] = []
    named: dict[str, str | None] = {}
    for name, one in given:
        if isinstance(one, str):
            named[one] = name
        elif isinstance(one, type) or not (hasattr(one, "fit") and hasattr(one, "predict")):
            raise ParameterError(
                f"it must have fit and predict, or name a baseline; {one!r} does not", parameter="estimator"
            )
        else:
            contestants.append(Contestant(one, name))
    named = named | {one: None for one in baselines if one not in named}
    for one in named:
        if one not in BASELINES:
            raise ParameterError(
                f"there is no baseline {one!r}", parameter="baselines", remedy=f"Use {', '.join(BASELINES)}"
            )
    if not contestants and not named:
        raise ParameterError("there is nothing to test", parameter="estimator")
    return contestants, named


def _check_refit(contestants: Sequence[Contestant], windows: Windows) -> None:
    for contestant in contestants:
        if windows.refit > 1 and windows.n_windows > 1 and not contestant.takes_histories:
            raise ParameterError(
                f"{contestant.title} has to be fitted at every cutoff: its predict takes no data, later histories",
                parameter="refit",
                remedy="Set refit=True",
            )


def _check_ahead(contestants: Sequence[Contestant], windows: Windows) -> None:
    """Raise ParameterError where the last window lacks steps for which covariates known ahead are needed."""
    steps = windows.gap + windows.horizon
    for contestant in contestants:
        needed = steps_ahead(contestant.estimator, steps)
        if columns_ahead(contestant.estimator) and needed > steps:
            raise ParameterError(
                f"{contestant.title} needs its covariates known ahead for {needed} steps, and the last window has"
                f" {steps}, the gap and the horizon",
                parameter="horizon",
                remedy=f"Give an estimator that is fitted for {steps} steps",
            )


def _season(season_length: int | None, contestants: Sequence[Contestant], panel: Panel) -> int:
    values = stated("season_length", *(contestant.estimator for contestant in contestants))
    values = values if season_length is None else [season_length]
    season = int(next(iter(values), panel.frequency.season_length))
    if season < 1:
        raise ParameterError(f"it must be at least 1, not {season}", parameter="season_length")
    return season


def _assembled(panel: Panel, windows: Windows, parts: Sequence[Sequence[Part]]) -> pd.DataFrame:
    """One long frame of all parts, ordered by series, window and step."""
    rows = np.stack([windows.rows(panel, window) for window in range(windows.n_windows)], axis=1)
    rows = rows.reshape(-1)  # (n_series, n_windows, horizon)
    cutoffs = np.stack([panel.indptr[1:] - windows.after(window) - 1 for window in range(windows.n_windows)], axis=1)
    columns: dict[str, Any] = {
        "unique_id": np.repeat(panel.ids, windows.n_windows * windows.horizon),
        "cutoff": panel.stamps(np.repeat(panel.times[cutoffs.reshape(-1)], windows.horizon)),
        "ds": panel.stamps(panel.times[rows]),
        "y": panel.values[rows],
    }
    records: list[dict[str, Any]] = []
    for fitted in parts:
        names = fitted[0].columns
        for part in fitted:
            if part.columns != names:
                raise DataError(f"the forecasts have other columns in other windows: {names} and {part.columns}")
        for number, name in enumerate(names):
            if name in columns:
                raise DataError(
                    "two models have this name",
                    column=name,
                    remedy="Give names: backtest({'mine': estimator, ...}, ...)",
                )
            values = np.concatenate([part.values[number] for part in fitted])
            columns[name] = np.moveaxis(values, 0, 1).reshape(-1)
        records += _records(names, fitted, windows)
    frame = pd.DataFrame(columns)
    frame.attrs[FITS] = records
    return frame


def _records(names: Sequence[str], fitted: Sequence[Part], windows: Windows) -> list[dict[str, Any]]:
    models = models_in(pd.DataFrame(columns=list(names)))
    return [
        {
            "model": model,
            "window": window,
            "fit": fit,
            "weights": "fresh" if window == windows.of_fit(fit)[0] else "kept",
            "trained_until": part.trained_until,
            "trained_steps": part.trained_steps,
            "seconds": round(part.seconds, 3),
        }
        for model in models
        for fit, part in enumerate(fitted)
        for window in windows.of_fit(fit)
    ]
