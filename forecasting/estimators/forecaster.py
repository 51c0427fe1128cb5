"""SimpleRNNForecaster: one plain recurrent network for all series of a data set, with scikit-learn's conventions."""

import copy
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from forecasting.errors import ParameterError
from forecasting.estimators import stages, storing
from forecasting.estimators.fitting import Model
from forecasting.estimators.forecasts import Outlook, forecast_frame, paths_frame, validation_frame
from forecasting.estimators.histories import extended, histories
from forecasting.estimators.learning import learn, learn_on
from forecasting.estimators.parameters import (
    check_parameters,
    flag,
    one_of,
    or_none,
    percentages,
    seed,
    shares,
    whole,
)
from forecasting.estimators.rules import FORECASTER_RULES
from forecasting.estimators.simulating import simulated_paths
from forecasting.estimators.streaming import Stream
from forecasting.network.callbacks import TrainingCallback
from forecasting.panel import Panel


class SimpleRNNForecaster(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Forecast many series with one plain tanh recurrent network.

    The recurrence is h_t = tanh(W_xh x_t + W_hh h_{t-1} + b), where x_t is a segment of the look-back, by default a
    season. All series are learned by one network, each window scaled by what it shows itself; the last state gives all
    steps of the horizon at once, added to a linear map of the window that starts as a ridge regression. The forecast is
    the median of a few such networks, combined with the naive forecast and an exponential smoothing as windows at many
    times advise it.

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
    learned_quantiles : sequence of float, optional
        Probabilities whose quantiles the networks learn beside the median, with the pinball loss; with each its
        opposite is learned, 0.9 with 0.1. Intervals, quantiles and sample paths are then made of these, corrected by
        held-out windows (conformalised quantile regression), and the forecast is the learned median. By default none:
        their width then comes from the held-out errors of the forecast alone. See
        `forecasting.evaluation.quantile_conformal`.
    frequency : str or int, default "infer"
        The step between observations; see `forecasting.panel.Frequency`.
    calendar : str, optional
        An exchange such as ``"XNYS"``, whose sessions are then the steps.
    irregular : {"refuse", "last", "mean"}, default "refuse"
        What to do about observations that lie off the time grid: stop; or let each step of the stated ``frequency``
        hold the last, or the mean, of the observations since the step before it. See `forecasting.panel.to_panel`. New
        data are read by the same rule.
    gaps : {"refuse", "interpolate", "mask"}, default "refuse"
        What to do about steps without a value: stop; read a straight line in their place; or tell the network that they
        are missing, and how long ago the last observation was. They are never targets, and never scored.
    target : str, default "auto"
        What the network sees of the series; forecasts come back in the unit of the series. ``"none"``, or some of
        ``"log"``, ``"box_cox"``, ``"asinh"``, ``"standard"`` and ``"robust"``, and last ``"difference"`` or
        ``"seasonal_difference"``, joined by ``"+"``; ``"log_return"`` is ``"log+difference"``. See
        `forecasting.targets`. ``"auto"`` is the logarithm where all values are above zero and held-out windows are
        forecast clearly better by it, else the values.
    covariates : {"infer"}, optional
        Whether the roles of all columns besides id, time and target are inferred from the data given to `fit`, in the
        place of the three lists below: a column that is the same throughout every series is static; one with values
        behind the last target of its series, in rows at the end whose ``y`` is empty, is known ahead; any other is
        known up to the present. ``covariates_`` and a notice tell what was inferred.
    past_covariates : sequence of str, optional
        Columns that are known up to the present only. Numbers, or text, which is read as categories.
    future_covariates : sequence of str, optional
        Columns that are known ahead; `predict` is given them for the steps to forecast.
    static_covariates : sequence of str, optional
        Columns that are the same throughout a series.
    calendar_covariates : sequence of str, optional
        Any of ``"hour"``, ``"weekday"``, ``"month"``, ``"session:XNYS"`` (whether an exchange trades on the day),
        ``"holiday:XNYS"`` (whether it does not, from Monday to Friday), and ``"holiday:US"`` or ``"holiday:DE-BY"``
        (the public holidays of a country or a part of it). They are known ahead, and need no column.
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
        Whether the forecast of the networks is combined with the naive one and with an exponential smoothing; see
        `forecasting.estimators.trust`.
    n_members : int, default 3
        Networks whose median is the forecast.
    max_steps : int, optional
        Gradient steps per network; by default 500, or 1,000 where there are more than 25,000 windows, and then rounds
        of as many as were made before, up to 4,000 in all, each only where the one before made the held-out error 1 %
        less.
    batch_size : int, optional
        Windows per gradient step; by default 128, or 64 or 32 where that is more than a quarter of those trained on.
    learning_rate : float, default 0.002
        Of Adam, at the first step of each round.
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
    learned_quantiles_ : list of float
        All probabilities that were learned, rising, 0.5 among them; empty where none were asked for.
    anchor_ : str
        ``"naive"`` or ``"seasonal_naive"``: the one that was better on the held-out windows.
    smoother_ : Smoother or None
        Chooses the exponential smoothing that the networks are combined with, series by series; None where it has no
        share.
    shares_ : dict of str to float
        The shares of ``"naive"`` (that is ``anchor_``), ``"smoothing"`` and ``"networks"`` in the forecast.
    history_ : list of dict
        One entry per epoch: ``epoch``, ``stage`` (0: with windows held out; 1: going on with everything; one more with
        every `partial_fit`), ``loss``, ``val_loss``, ``learning_rate``, ``clipped``, ``update_ratio``, ``seconds``.
    validation_ : DataFrame
        Forecasts of the held-out windows by networks not trained on them: ``unique_id``, ``cutoff``, ``ds``, ``y``,
        ``SimpleRNN``, ``SeasonalNaive``. They decided which epoch to keep and how wide the intervals are, so they
        flatter: use `forecasting.evaluation.backtest` to judge. Not kept by `save`.
    health_ : Health
        How far back the recurrence reaches and what stands in its way; ``health_.diagnosis`` says it in words.
    memory_plan_ : dict of str to int
        Bytes that the fit was reckoned to hold, by what for. Not kept by `save`.
    n_parameters_ : int
        Of all members together.
    fit_seconds_ : float
        Of `fit` and every `partial_fit` since.
    encoding_ : Encoding
        How covariates become numbers.
    covariates_ : dict of str to list of str
        The columns that are read as ``"past"``, ``"future"`` and ``"static"`` covariates, named or inferred.
    n_features_in_ : int
    feature_names_in_ : array of str
        The covariates that data must hold beside id, time and target, without those of the calendar.
    above_zero_ : bool
        Whether forecasts are kept above zero; see `forecasting.targets.above_zero`.
    target_, gaps_, irregular_ : str
        Transform and policies that were fitted with.
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
        learned_quantiles: Sequence[float] | None = None,
        frequency: str | int = "infer",
        calendar: str | None = None,
        irregular: str = "refuse",
        gaps: str = "refuse",
        target: str = "auto",
        covariates: str | None = None,
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
        batch_size: int | None = None,
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
        self.learned_quantiles = learned_quantiles
        self.frequency = frequency
        self.calendar = calendar
        self.irregular = irregular
        self.gaps = gaps
        self.target = target
        self.covariates = covariates
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
        check_parameters(type(self).__name__, self.get_params(deep=False), FORECASTER_RULES)
        started = time.monotonic()
        learned = learn(self, data, callbacks)
        panel, division, fit, prepared = learned.panel, learned.division, learned.fit, learned.prepared
        self.memory_plan_ = learned.memory
        self.panel_ = panel
        self.frequency_ = panel.frequency
        self.season_length_ = division.season_length
        self.lookback_ = division.lookback
        self.levels_ = learned.levels
        self.history_ = fit.history
        self.notices_ = learned.notices
        self.encoding_ = learned.encoding
        self.gaps_, self.irregular_ = self.gaps, self.irregular
        self.target_, self.transform_ = prepared.target.name, prepared.target
        self.above_zero_ = learned.above_zero(self.target)
        self._start = prepared.start
        self._least_history, self._best_steps = division.least_history, fit.steps
        self._untrained = np.zeros(panel.n_series, dtype=np.int64)
        self._use(fit.model)
        self.validation_ = validation_frame(panel, prepared, fit.validated, above_zero=self.above_zero_)
        self.health_ = learned.health()
        self.device_ = fit.device
        self.fit_seconds_ = time.monotonic() - started
        if fit.interrupted:
            raise KeyboardInterrupt("the training was interrupted; the estimator holds the best weights until then")
        return self

    def update(self, data: pd.DataFrame | pd.Series | Panel, *, new_series: bool = False) -> Self:
        """Go on from further observations, without training.

        `predict` then gives what ``predict(data=...)`` gives for the whole history. Nothing that was fitted changes.

        Parameters
        ----------
        data : DataFrame, Series or Panel
            Rows that follow on from the end of their series, in any form that `fit` takes, with the covariates fitted
            to. Rows that are known already may be repeated as they are. A series may have no row: it keeps its end.
        new_series : bool, default False
            Whether series that are not known begin here. By default they are refused: an id may be misspelt.

        Returns
        -------
        self

        Raises
        ------
        sklearn.exceptions.NotFittedError
            `fit` has not been called.
        DataError
            A row differs from what is known, or lies before it or off the time grid; a series is not known; a step or a
            covariate is missing and ``gaps`` is ``"refuse"``; or what `predict` refuses. Names series and time. The
            estimator is as it was.
        """
        check_is_fitted(self)
        check_parameters("update", {"new_series": new_series}, {"new_series": flag()})
        self.panel_, self._untrained = extended(self, data, new_series=new_series)
        self.transform_ = self.transform_.of(self.panel_)
        return self

    def partial_fit(
        self, data: pd.DataFrame | pd.Series | Panel | None = None, callbacks: Sequence[TrainingCallback] = ()
    ) -> Self:
        """Train on from the fitted weights, on all that there is; where nothing was fitted this is `fit`.

        As long and as slowly as `fit` went on with everything: a quarter of the steps that were best, at half the rate.
        Look-back, target, scaling of covariates, ``anchor_`` and ``shares_`` stay as they were fitted. The intervals
        are calibrated on what came since the last training as well, forecast before it is trained on.

        Parameters
        ----------
        data : DataFrame, Series or Panel, optional
            Rows for `update`, which goes first; by default what is known is trained on.
        callbacks : sequence of TrainingCallback, optional
            Told about every epoch.

        Returns
        -------
        self

        Raises
        ------
        ParameterError, DataError, ResourceError
            As for `fit` and `update`. The estimator is as it was.
        KeyboardInterrupt
            Stopped from the keyboard; the estimator holds the weights until then.
        """
        if not hasattr(self, "panel_"):
            if data is None:
                raise ParameterError("the first call needs data", remedy="Give a history.", parameter="data")
            return self.fit(data, callbacks)
        check_parameters(type(self).__name__, self.get_params(deep=False), FORECASTER_RULES)
        started = time.monotonic()
        panel, untrained = (self.panel_, self._untrained) if data is None else extended(self, data)
        learned = learn_on(self, panel, untrained, callbacks)
        self.panel_, self._untrained = panel, np.zeros_like(untrained)
        self.history_, self.health_, self.memory_plan_ = learned.history, learned.health, learned.memory
        self._use(learned.model)
        self.fit_seconds_ += time.monotonic() - started
        if learned.interrupted:
            raise KeyboardInterrupt("the training was interrupted; the estimator holds the weights until then")
        return self

    def stream(self) -> Stream:
        """An object that takes one observation of every series at a time and forecasts, without training.

        It goes on from where `predict` does, keeps no more of each series than a forecast reads, and gives what
        `update` and `predict` give.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            `fit` has not been called.
        ParameterError
            The forecaster was fitted with covariates.
        """
        check_is_fitted(self)
        return Stream(self)

    def predict(
        self,
        horizon: int | None = None,
        levels: Sequence[float] | None = None,
        data: pd.DataFrame | pd.Series | Panel | None = None,
        future: pd.DataFrame | None = None,
        *,
        quantiles: Sequence[float] = (),
        strategy: str = "direct",
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
            of 80 %), 0.5 is the forecast, and they never cross. Where quantiles were learned, others than these are
            interpolated between them, or beyond them made of held-out errors, of which the log warns.
        strategy : {"direct", "recursive"}, default "direct"
            ``"direct"`` takes all steps fitted for from one reading of the window. ``"recursive"`` takes the first one
            alone, appends it to the history and reads again; intervals and quantiles are then those of 500 simulated
            futures, drawn with the ``random_state`` of the estimator, see `forecasting.estimators.simulating`.

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
        given = {"horizon": steps, "levels": wanted, "quantiles": quantiles, "strategy": strategy}
        rules = {"horizon": whole(1), "levels": percentages(), "quantiles": shares()}
        check_parameters("predict", given, {**rules, "strategy": one_of("direct", "recursive")})
        at_once = self._model.spec.horizon if strategy == "direct" else 1
        points_only = not len(wanted) and not len(quantiles)
        panel, target, windows = histories(self, data, steps, future, at_once)
        outlook = Outlook.of(
            self._model, windows, steps, above_zero=self.above_zero_, at_once=at_once, points_only=points_only
        )
        if strategy == "recursive" and not points_only:
            seed = check_random_state(copy.deepcopy(self.random_state)).randint(2**31)  # a generator is not moved on
            paths = simulated_paths(self._model, windows, steps, np.random.default_rng(seed))
            columns = outlook.simulated(paths, target, wanted, quantiles)
        else:
            columns = outlook.columns(self._model, target, wanted, quantiles)
        return forecast_frame(panel.ids, panel.stamps(panel.future_times(steps)), columns)

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
        `forecasting.evaluation.local.LocalConformal.draw`. Series are drawn independently of each other.

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
        panel, target, windows = histories(self, data, steps, future)
        outlook = Outlook.of(self._model, windows, steps, above_zero=self.above_zero_)
        rng = np.random.default_rng(check_random_state(random_state).randint(2**31))
        return paths_frame(panel, outlook.draws(self._model, target, n_paths, rng))

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
        self.covariates_ = self.encoding_.roles.as_dict()
        self.segment_length_ = model.spec.segment_length
        self.learned_quantiles_ = list(model.spec.quantiles)
        self.anchor_ = model.anchor
        self.smoother_ = model.smoother
        self.shares_ = asdict(model.shares)
        self.n_parameters_ = sum(weight.size for weight in model.weights.values())
