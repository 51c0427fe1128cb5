"""SimpleRNNForecaster: one plain recurrent network for all series of a data set, with scikit-learn's conventions."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from forecasting.errors import ParameterError
from forecasting.estimators import stages, storing
from forecasting.estimators.calibrating import recent_movement
from forecasting.estimators.encoding import Encoding
from forecasting.estimators.fitting import Model, fit_model
from forecasting.estimators.memory import check_memory, planned_memory
from forecasting.estimators.parameters import (
    Allowed,
    check_parameters,
    flag,
    names,
    one_of,
    or_none,
    percentages,
    positive,
    seed,
    shares,
    whole,
)
from forecasting.estimators.planning import Division, divide, usual_steps
from forecasting.estimators.preparing import Prepared, best_prepared, prepare, read_windows
from forecasting.estimators.rolling import forecast_path
from forecasting.estimators.trust import earlier_evidence
from forecasting.evaluation.frames import interval_columns, quantile_column
from forecasting.evaluation.intervals import SplitConformal
from forecasting.network.callbacks import ProgressLine, TrainingCallback
from forecasting.network.health import health
from forecasting.network.spec import NetworkSpec
from forecasting.network.training import TrainingPlan
from forecasting.panel import Panel, read_future, to_panel, treat_covariates
from forecasting.panel.calendar_covariates import CALENDAR_COVARIATES, is_calendar_covariate
from forecasting.targets import WORDS, choices_for, is_target
from forecasting.windows import Channels, Windows

NAME = "SimpleRNN"
"""The name of the forecast's column."""

_log = logging.getLogger(__name__)

_COLUMNS = names(bool, "a list of different names of columns")
_RULES: dict[str, Allowed] = {
    "horizon": whole(1),
    "season_length": or_none(whole(1)),
    "lookback": or_none(whole(2)),
    "levels": or_none(percentages()),
    "gaps": one_of("refuse", "interpolate", "mask"),
    "target": Allowed(is_target, WORDS),
    "past_covariates": or_none(_COLUMNS),
    "future_covariates": or_none(_COLUMNS),
    "static_covariates": or_none(_COLUMNS),
    "calendar_covariates": or_none(names(is_calendar_covariate, f"a list of different ones of {CALENDAR_COVARIATES}")),
    "segment_length": or_none(whole(1)),
    "units": whole(1),
    "n_layers": whole(1),
    "linear_skip": flag(),
    "combine_naive": flag(),
    "n_members": whole(1),
    "max_steps": or_none(whole(1)),
    "batch_size": whole(1),
    "learning_rate": positive(),
    "clip_norm": positive(),
    "refit": flag(),
    "random_state": or_none(seed()),
    "verbose": whole(0),
}


class SimpleRNNForecaster(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Forecast many series with one plain tanh recurrent network.

    The recurrence is h_t = tanh(W_xh x_t + W_hh h_{t-1} + b), where x_t is a segment of the look-back, by default a
    season. All series are learned by one network, each window scaled by what it shows itself; the last state gives all
    steps of the horizon at once, added to a linear map of the window that starts as a ridge regression. The forecast is
    the median of a few such networks, combined with the naive forecast as far as windows at many times advise it.

    Parameters
    ----------
    horizon : int
        Steps to forecast.
    season_length : int, optional
        Steps of a season; by default the usual one of the frequency (24 for hours, 12 for months, 1 for sessions).
    lookback : int, optional
        Steps that the network reads, at least 2. By default half of what the median series can spare, but no more than
        15 % of all steps where series are few, in whole segments, from 2 to 14 of them. A stated look-back must fit
        into every series; with the default one, windows that begin before a series does are padded.
    levels : sequence of float, optional
        Coverage of the prediction intervals in percent; none by default. Any level can be asked for at `predict`.
    frequency : str or int, default "infer"
        The step between observations; see `forecasting.panel.Frequency`.
    calendar : str, optional
        An exchange such as ``"XNYS"``, whose sessions are then the steps.
    gaps : {"refuse", "interpolate", "mask"}, default "refuse"
        What to do about steps without a value: stop; read a straight line in their place; or tell the network that they
        are missing. They are never targets, and never scored.
    target : str, default "auto"
        What the network sees of the series; forecasts come back in the unit of the series. ``"none"``, or some of
        ``"log"``, ``"box_cox"``, ``"asinh"``, ``"standard"`` and ``"robust"``, and last ``"difference"`` or
        ``"seasonal_difference"``, joined by ``"+"``; ``"log_return"`` is ``"log+difference"``. See
        `forecasting.targets`. ``"auto"`` is the logarithm where all values are above zero and held-out windows are
        forecast clearly better by it, else the values.
    past_covariates : sequence of str, optional
        Columns that are known up to the present only. Numbers, or text, which is read as categories.
    future_covariates : sequence of str, optional
        Columns that are known ahead; `predict` is given them for the steps to forecast.
    static_covariates : sequence of str, optional
        Columns that are the same throughout a series.
    calendar_covariates : sequence of str, optional
        Any of ``"hour"``, ``"weekday"``, ``"month"``, ``"session:XNYS"`` (whether an exchange trades on the day) and
        ``"holiday:XNYS"`` (whether it does not, from Monday to Friday). They are known ahead, and need no column.
    segment_length : int, optional
        Steps of the look-back that one step of the recurrence reads; by default a season, or 4 steps where there is no
        season.
    units : int, default 64
        Size of the state.
    n_layers : int, default 3
        Recurrent layers, each adding to the states of the one below.
    linear_skip : bool, default True
        Whether a linear map leads from the window to the output, beside the recurrence.
    combine_naive : bool, default True
        Whether the forecast is combined with the naive one; see `forecasting.estimators.trust`.
    n_members : int, default 3
        Networks whose median is the forecast.
    max_steps : int, optional
        Gradient steps per network at most; by default as many as show every window once, from 1,000 to 2,000.
    batch_size : int, default 128
        Windows per gradient step.
    learning_rate : float, default 0.002
        Of Adam, at the first step.
    clip_norm : float, default 1.0
        Largest global norm of a gradient.
    refit : bool, default True
        Whether the networks go on to be trained on everything, held-out windows included, for a quarter of the steps
        that were best before.
    random_state : int or numpy.random.RandomState, optional
        The same number gives the same forecasts.
    verbose : int, default 1
        0 shows no progress line.

    Attributes
    ----------
    panel_ : Panel
        The series that `predict` goes on from.
    frequency_ : Frequency
    season_length_, lookback_, segment_length_ : int
    levels_ : list of float
    anchor_ : str
        ``"naive"`` or ``"seasonal_naive"``: the one that was better on the held-out windows.
    trust_ : float
        Share of the network in the forecast, 0 to 1; the rest is the naive forecast.
    history_ : list of dict
        One entry per epoch: ``epoch``, ``stage`` (1: going on with everything), ``loss``, ``val_loss``,
        ``learning_rate``, ``clipped``, ``update_ratio``, ``seconds``.
    validation_ : DataFrame
        Forecasts of the held-out windows by networks not trained on them: ``unique_id``, ``cutoff``, ``ds``, ``y``,
        ``SimpleRNN``, ``SeasonalNaive``. They decided when to stop and how wide the intervals are, so they flatter: use
        `forecasting.evaluation.backtest` to judge. Not kept by `save`.
    health_ : Health
        How far back the recurrence reaches and what stands in its way; ``health_.diagnosis`` says it in words.
    memory_plan_ : dict of str to int
        Bytes that the fit was reckoned to hold, by what for. Not kept by `save`.
    n_parameters_ : int
        Of all members together.
    fit_seconds_ : float
    encoding_ : Encoding
        How covariates become numbers.
    n_features_in_ : int
    feature_names_in_ : array of str
        The covariates that data must hold beside id, time and target, without those of the calendar.
    target_, gaps_ : str
        Transform and policy that were fitted with.
    transform_ : Target
        The transform with what was fitted of it, before the held-out part; ``transform_.numbers`` are its numbers.
    device_ : str
        Backend and device of the training.
    notices_ : tuple of Notice
        What was seen or done about the data.
    """

    def __init__(
        self,
        horizon: int,
        *,
        season_length: int | None = None,
        lookback: int | None = None,
        levels: Sequence[float] | None = None,
        frequency: str | int = "infer",
        calendar: str | None = None,
        gaps: str = "refuse",
        target: str = "auto",
        past_covariates: Sequence[str] | None = None,
        future_covariates: Sequence[str] | None = None,
        static_covariates: Sequence[str] | None = None,
        calendar_covariates: Sequence[str] | None = None,
        segment_length: int | None = None,
        units: int = 64,
        n_layers: int = 3,
        linear_skip: bool = True,
        combine_naive: bool = True,
        n_members: int = 3,
        max_steps: int | None = None,
        batch_size: int = 128,
        learning_rate: float = 2e-3,
        clip_norm: float = 1.0,
        refit: bool = True,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 1,
    ) -> None:
        self.horizon = horizon
        self.season_length = season_length
        self.lookback = lookback
        self.levels = levels
        self.frequency = frequency
        self.calendar = calendar
        self.gaps = gaps
        self.target = target
        self.past_covariates = past_covariates
        self.future_covariates = future_covariates
        self.static_covariates = static_covariates
        self.calendar_covariates = calendar_covariates
        self.segment_length = segment_length
        self.units = units
        self.n_layers = n_layers
        self.linear_skip = linear_skip
        self.combine_naive = combine_naive
        self.n_members = n_members
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.clip_norm = clip_norm
        self.refit = refit
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, data: pd.DataFrame | pd.Series | Panel, callbacks: Sequence[TrainingCallback] = ()) -> Self:
        """Fit anew to all series.

        Parameters
        ----------
        data : DataFrame, Series or Panel
            A long frame (``unique_id``, ``ds``, ``y``), a wide frame, a series, or a panel; see
            `forecasting.panel.to_panel`. Covariates are further columns of a long frame.
        callbacks : sequence of TrainingCallback, optional
            Told about every epoch.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            A parameter has a value that is not allowed.
        DataError
            The data cannot be used, or a series is too short.
        ResourceError
            The fit needs more memory than the machine has free.
        KeyboardInterrupt
            Stopped from the keyboard; if an epoch was done by then, the estimator is fitted with the best weights so
            far.
        """
        check_parameters(type(self).__name__, self.get_params(deep=False), _RULES)
        started = time.monotonic()
        past, future, static, dates = (
            [] if names is None else list(names)
            for names in (
                self.past_covariates,
                self.future_covariates,
                self.static_covariates,
                self.calendar_covariates,
            )
        )
        along = [*past, *future]
        panel, notices = to_panel(
            data, frequency=self.frequency, calendar=self.calendar, covariates=along, static=static
        )
        panel, carried = treat_covariates(panel.choose(along, static), self.gaps)
        division = divide(
            panel,
            horizon=self.horizon,
            season_length=self.season_length,
            lookback=self.lookback,
            segment_length=self.segment_length,
        )
        encoding = Encoding.fit(panel, division.held_out, past=past, future=future, static=static, calendar=dates)
        channels = None if encoding.is_empty else encoding.channels(panel, self.horizon)
        rng = check_random_state(self.random_state)
        draw = rng.randint(2**31)
        choices = [
            prepare(panel, self.gaps, target, division, self.horizon, draw, channels)
            for target in choices_for(self.target, panel)
        ]
        prepared = best_prepared(choices, panel)
        del choices
        levels = [] if self.levels is None else list(self.levels)
        as_many_errors = SplitConformal.fit(prepared.held_out.target)
        for level in levels:  # too few held-out windows for a level are said before the training, not at predict
            as_many_errors.half_width(level, self.horizon)
        spec = self._spec(division, prepared)
        memory = planned_memory(spec, len(panel.values), len(prepared.held_cuts), self.batch_size)
        check_memory(memory)
        fit = fit_model(
            spec,
            prepared.windows,
            prepared.cuts,
            prepared.held_out,
            prepared.start,
            prepared.all_cuts if self.refit else None,
            TrainingPlan(
                self.max_steps or usual_steps(len(prepared.cuts), self.batch_size),
                self.batch_size,
                self.learning_rate,
                self.clip_norm,
            ),
            earlier=earlier_evidence(prepared.windows, division, self.horizon, prepared.start, draw)
            if self.combine_naive
            else None,
            movement=recent_movement(prepared.windows, prepared.held_cuts, prepared.batch.scale),
            rng=np.random.default_rng(rng.randint(2**31)),
            callbacks=[*([ProgressLine()] if self.verbose else []), *callbacks],
        )
        self.memory_plan_ = memory
        self.panel_ = panel
        self.frequency_ = panel.frequency
        self.season_length_ = division.season_length
        self.lookback_ = division.lookback
        self.levels_ = levels
        self.history_ = fit.history
        self.notices_ = (*notices, *carried, *prepared.notices)
        self.encoding_ = encoding
        self.gaps_ = self.gaps
        self.target_, self.transform_ = prepared.target.name, prepared.target
        self._start = prepared.start
        self._use(fit.model)
        target = prepared.target.take(prepared.held_cuts.series)
        self.validation_ = _validation_frame(
            panel,
            prepared.held_cuts.series,
            prepared.held_cuts.row,
            target.values(prepared.batch.path(fit.validated)),
            target.values(prepared.windows.seasonal_naive(prepared.held_cuts, self.horizon)),
        )
        self.health_ = health(
            spec,
            fit.model.weights,
            prepared.held_out.reading,
            fit.history,
            division.season_length,
        )
        self.device_ = fit.device
        self.fit_seconds_ = time.monotonic() - started
        if fit.interrupted:
            raise KeyboardInterrupt("the training was interrupted; the estimator holds the best weights until then")
        return self

    def predict(
        self,
        horizon: int | None = None,
        levels: Sequence[float] | None = None,
        data: pd.DataFrame | pd.Series | Panel | None = None,
        future: pd.DataFrame | None = None,
        *,
        quantiles: Sequence[float] = (),
    ) -> pd.DataFrame:
        """Forecast every series from its own end.

        Parameters
        ----------
        horizon : int, optional
            Steps to forecast; by default those fitted for. Beyond them the network goes on from its own forecasts, and
            the intervals widen like those of a random walk: an extrapolation, of which the log warns.
        levels : sequence of float, optional
            Coverage of the intervals in percent; by default those given to the estimator.
        data : DataFrame, Series or Panel, optional
            Histories to go on from, of the frequency fitted to; by default those fitted to. Series may be new, and
            shorter or longer than the look-back. With the covariates fitted to.
        future : DataFrame, optional
            The covariates known ahead: ``unique_id``, ``ds`` and their columns, for as many steps behind the end of
            every series as were fitted for, or the next multiple of that where ``horizon`` is longer: the networks read
            them all at once. Other rows are not read.
        quantiles : sequence of float, optional
            Probabilities above 0 and below 1; none by default. They are the ends of the intervals (0.1 and 0.9 those
            of 80 %), 0.5 is the forecast, and they never cross.

        Returns
        -------
        DataFrame
            ``unique_id``, ``ds``, ``SimpleRNN``, for each level ``SimpleRNN-lo-80`` and ``SimpleRNN-hi-80``, and for
            each quantile ``SimpleRNN-q-0.1``; ``horizon`` rows per series.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            `fit` has not been called.
        ParameterError, DataError
            As for `fit`.
        """
        check_is_fitted(self)
        steps = self._model.spec.horizon if horizon is None else horizon
        wanted = self.levels_ if levels is None else levels
        given = {"horizon": steps, "levels": wanted, "quantiles": quantiles}
        check_parameters("predict", given, {"horizon": whole(1), "levels": percentages(), "quantiles": shares()})
        panel, windows = self._histories(data, steps, future)
        center, scale = forecast_path(self._model, windows, steps)
        movement = recent_movement(windows, windows.end_cuts(), scale)
        paths = {NAME: center}
        for level in wanted:
            half = self._model.conformal.half_width(level, steps, movement) * scale[:, None]
            paths |= zip(interval_columns(NAME, level), (center - half, center + half), strict=True)
        for share in quantiles:
            side = 2 * share - 1
            half = self._model.conformal.half_width(100 * abs(side), steps, movement) if side else np.zeros(steps)
            paths[quantile_column(NAME, share)] = center + np.sign(side) * half * scale[:, None]
        target = self.transform_.of(panel)
        columns = {column: target.values(path).ravel() for column, path in paths.items()}
        ids = np.repeat(panel.ids, steps)
        return pd.DataFrame({"unique_id": ids, "ds": panel.stamps(panel.future_times(steps)), **columns})

    def predict_paths(
        self,
        n_paths: int = 100,
        horizon: int | None = None,
        data: pd.DataFrame | pd.Series | Panel | None = None,
        future: pd.DataFrame | None = None,
        *,
        random_state: int | np.random.RandomState | None = None,
    ) -> pd.DataFrame:
        """Draw possible futures of every series, with steps that depend on each other as held-out errors did.

        For what depends on several steps at once: a sum, a largest value, the first step above a threshold. Each single
        step is distributed as the intervals and quantiles of `predict` say; see
        `forecasting.evaluation.intervals.SplitConformal.draw`. Series are drawn independently of each other.

        Parameters
        ----------
        n_paths : int, default 100
            Per series.
        horizon, data, future
            As for `predict`.
        random_state : int or numpy.random.RandomState, optional
            The same number gives the same paths.

        Returns
        -------
        DataFrame
            ``unique_id``, ``sample`` (from 0), ``ds``, ``SimpleRNN``, sorted by series (in the order of `predict`),
            sample and time. ``frame["SimpleRNN"].to_numpy().reshape(n_series, n_paths, horizon)`` is the array.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            `fit` has not been called.
        ParameterError, DataError
            As for `fit`.
        """
        check_is_fitted(self)
        steps = self._model.spec.horizon if horizon is None else horizon
        given = {"n_paths": n_paths, "horizon": steps, "random_state": random_state}
        rules = {"n_paths": whole(1), "horizon": whole(1), "random_state": or_none(seed())}
        check_parameters("predict_paths", given, rules)
        panel, windows = self._histories(data, steps, future)
        center, scale = forecast_path(self._model, windows, steps)
        movement = recent_movement(windows, windows.end_cuts(), scale)
        rng = np.random.default_rng(check_random_state(random_state).randint(2**31))
        paths = center[:, None] + self._model.conformal.draw(n_paths, steps, movement, rng) * scale[:, None, None]
        times = np.repeat(panel.future_times(steps).reshape(panel.n_series, 1, steps), n_paths, axis=1)
        return pd.DataFrame(
            {
                "unique_id": np.repeat(panel.ids, n_paths * steps),
                "sample": np.tile(np.repeat(np.arange(n_paths), steps), panel.n_series),
                "ds": panel.stamps(times.ravel()),
                NAME: self.transform_.of(panel).values(paths).ravel(),
            }
        )

    def save(self, folder: str | Path) -> None:
        """Write the fitted estimator into a new folder: two files, JSON and arrays, nothing pickled.

        Kept are the parameters, the weights and as much of each series as a forecast needs.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            `fit` has not been called.
        StorageError
            The folder exists and is not empty, or cannot be written.
        """
        check_is_fitted(self)
        storing.write(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The estimator that `save` wrote into a folder.

        Raises
        ------
        StorageError
            There is none, it is damaged, or a newer version of the package wrote it.
        """
        loaded: Self = storing.read(cls, Path(folder))
        return loaded

    def fitted_stages(self) -> dict[str, dict[str, Any]]:
        """What was fitted, by stage and name, in the order of fitting: what `forecasting.audit` compares.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            `fit` has not been called: `save` does not keep all of this.
        """
        check_is_fitted(self, "validation_")
        return stages.fitted_stages(self)

    def input_stages(self, data: Panel, steps: np.ndarray) -> dict[str, dict[str, Any]]:
        """What the network reads of the first steps of series that go on, by stage and name.

        Parameters
        ----------
        data : Panel
            Of the frequency fitted to.
        steps : int64 array of shape (n_series,)
            The target path is given for so many steps of each series, and windows (at most 1,000, evenly spread) that
            end within them.
        """
        check_is_fitted(self)
        return stages.input_stages(self, data, steps)

    def _use(self, model: Model) -> None:
        self._model = model
        self.n_features_in_ = len(self.encoding_.columns)
        self.feature_names_in_ = np.array(self.encoding_.columns, dtype=object)
        self.segment_length_ = model.spec.segment_length
        self.anchor_ = model.anchor
        self.trust_ = model.trust
        self.n_parameters_ = sum(weight.size for weight in model.weights.values())

    def _spec(self, division: Division, prepared: Prepared) -> NetworkSpec:
        season, windows = division.season_length, prepared.windows
        padded = division.least_history < division.lookback
        return NetworkSpec(
            lookback=division.lookback,
            horizon=self.horizon,
            segment_length=division.segment_length,
            units=self.units,
            n_layers=self.n_layers,
            masked=self.gaps == "mask" or windows.has_missing or padded,
            linear_skip=self.linear_skip,
            standardised=True,
            mixed_season=season if 1 < season <= division.lookback // 2 and not windows.lag else 0,
            n_members=self.n_members,
            **({} if windows.channels is None else windows.channels.counts()),
        )

    def _histories(
        self, data: pd.DataFrame | pd.Series | Panel | None, horizon: int, future: pd.DataFrame | None
    ) -> tuple[Panel, Windows]:
        """What to forecast from; a warning where the horizon is beyond the fitted one."""
        panel, fitted = self.panel_ if data is None else self._read(data), self._model.spec.horizon
        target = self.transform_.of(panel)
        channels = self._channels(panel, horizon, future)
        windows, _ = read_windows(panel, self.gaps_, target, self.lookback_, self.season_length_, channels)
        if horizon > fitted:
            _log.warning(
                "steps %d to %d are an extrapolation: the model was fitted for %d", fitted + 1, horizon, fitted
            )
        return panel, windows

    def _read(self, data: pd.DataFrame | pd.Series | Panel) -> Panel:
        frequency, encoding = self.frequency_, self.encoding_
        panel, notices = to_panel(
            data,
            frequency=frequency,
            calendar=frequency.calendar,
            allow_constant=True,
            covariates=encoding.along,
            static=encoding.of_series,
        )
        panel, carried = treat_covariates(panel.choose(encoding.along, encoding.of_series), self.gaps_)
        for notice in (*notices, *carried):
            _log.warning("%s", notice.message)
        return panel

    def _channels(self, panel: Panel, steps: int, future: pd.DataFrame | None) -> Channels | None:
        """The covariates that a forecast of ``steps`` steps reads."""
        encoding, fitted = self.encoding_, self._model.spec.horizon
        if future is not None and not encoding.future:
            raise ParameterError(
                "the forecaster was fitted without covariates known ahead",
                remedy="Leave 'future' out, or fit with future_covariates=[...].",
                parameter="future",
            )
        if encoding.is_empty:
            return None
        if steps > fitted and encoding.past:
            names = ", ".join(column.name for column in encoding.past)
            raise ParameterError(
                f"{steps} steps are more than the {fitted} fitted for, and going on from them needs values of the past"
                f" covariates ({names}) that are not known",
                remedy="Ask for fewer steps, or fit for a longer horizon.",
                parameter="horizon",
            )
        ahead = -(-steps // fitted) * fitted
        known = read_future(future, panel, encoding.ahead, ahead) if encoding.future else {}
        return encoding.channels(panel, fitted, ahead, known)


def _validation_frame(
    panel: Panel, series: np.ndarray, rows: np.ndarray, forecast: np.ndarray, seasonal_naive: np.ndarray
) -> pd.DataFrame:
    """Held-out forecasts as a backtest has them; ``rows`` are the cuts, forecasts have the shape (n, horizon)."""
    horizon = forecast.shape[1]
    ahead = (rows[:, None] + np.arange(horizon)).ravel()
    return pd.DataFrame(
        {
            "unique_id": np.repeat(panel.ids[series], horizon),
            "cutoff": panel.stamps(np.repeat(panel.times[rows - 1], horizon)),
            "ds": panel.stamps(panel.times[ahead]),
            "y": panel.values[ahead],
            NAME: forecast.ravel(),
            "SeasonalNaive": seasonal_naive.ravel(),
        }
    )
