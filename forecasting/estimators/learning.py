"""From data and the parameters of a forecaster to a fitted ensemble, and all that was decided on the way."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from forecasting.errors import DataError, ParameterError
from forecasting.estimators.calibrating import MOST_HELD_OUT, recalibrated
from forecasting.estimators.earlier import earlier_blocks
from forecasting.estimators.encoding import Encoding
from forecasting.estimators.fitting import Fit, Model, fit_model, train_on
from forecasting.estimators.memory import check_memory, planned_memory
from forecasting.estimators.movement import recent_movement
from forecasting.estimators.partners import partner_forecasts, usual_smoother
from forecasting.estimators.planning import Division, divide, usual_batch_size, usual_rounds
from forecasting.estimators.preparing import Prepared, best_prepared, prepare, read_windows
from forecasting.estimators.trust import Combining
from forecasting.evaluation.intervals import SplitConformal
from forecasting.evaluation.quantile_conformal import levels_of
from forecasting.network import linear
from forecasting.network.callbacks import TrainingCallback, watching
from forecasting.network.health import Health, health
from forecasting.network.spec import NetworkSpec
from forecasting.network.training import TrainingPlan
from forecasting.panel import Notice, Panel, Roles, infer_roles, to_panel, treat_covariates
from forecasting.smoothing import recursion_steps
from forecasting.targets import Target, choices_for
from forecasting.windows import reach

if TYPE_CHECKING:
    from forecasting.estimators.forecaster import SimpleRNNForecaster

_MOST_COMPARED = 1_000_000
"""Values, about, on which targets are compared."""


@dataclass(frozen=True, eq=False)
class Learned:
    """What was learned from data.

    Attributes
    ----------
    panel : Panel
    division : Division
    encoding : Encoding
    levels : list of float
    prepared : Prepared
    memory : dict of str to int
        See `forecasting.estimators.memory.planned_memory`.
    fit : Fit
    notices : tuple of Notice
    """

    panel: Panel
    division: Division
    encoding: Encoding
    levels: list[float]
    prepared: Prepared
    memory: dict[str, int]
    fit: Fit
    notices: tuple[Notice, ...]

    def above_zero(self, target: str) -> bool:
        """Whether forecasts are kept above zero: all values are, and it was left open what to do about that."""
        return target == "auto" and not self.prepared.target.links and bool(np.nanmin(self.panel.values) > 0)

    def health(self) -> Health:
        """Of the networks, on the held-out windows."""
        model, season = self.fit.model, self.division.season_length
        return health(model.spec, model.weights, self.prepared.held_out.reading, self.fit.history, season)


def learn(
    settings: "SimpleRNNForecaster", data: pd.DataFrame | pd.Series | Panel, callbacks: Sequence[TrainingCallback]
) -> Learned:
    """Fit an ensemble by the parameters of a forecaster, which are checked and is not changed."""
    roles, inferred = _roles(settings, data)
    panel, notices = _read(settings, data, roles)
    division = divide(
        panel,
        horizon=settings.horizon,
        season_length=settings.season_length,
        lookback=settings.lookback,
        segment_length=settings.segment_length,
    )
    encoding = _encoding(settings, panel, division, roles)
    rng = check_random_state(settings.random_state)
    draw = rng.randint(2**31)
    prepared = _prepared(settings, panel, division, encoding, draw)
    levels = [] if settings.levels is None else list(settings.levels)
    spec = _spec(settings, division, prepared)
    plan = training_plan(settings, len(prepared.cuts))
    memory = planned_memory(spec, len(panel.values), len(prepared.held_cuts), plan.batch_size, division.season_length)
    check_memory(memory)
    combining = _combining(settings, prepared, division, draw) if settings.combine_naive else None
    _check_levels([*levels, *levels_of(spec.quantiles)], spec, prepared, combining)
    fit = fit_model(
        spec,
        prepared.windows,
        prepared.cuts,
        prepared.held_out,
        prepared.start,
        prepared.all_cuts if settings.refit else None,
        plan,
        combining=combining,
        movement=recent_movement(prepared.windows, prepared.held_cuts, prepared.batch.scale),
        age=prepared.windows.age(prepared.held_cuts),
        rng=np.random.default_rng(rng.randint(2**31)),
        callbacks=watching(callbacks, verbose=settings.verbose),
    )
    return Learned(panel, division, encoding, levels, prepared, memory, fit, (*inferred, *notices, *prepared.notices))


@dataclass(frozen=True, eq=False)
class LearnedOn:
    """What was learned by training on.

    Attributes
    ----------
    model : Model
    history : list of dict
        With the epochs of this training.
    health : Health
    memory : dict of str to int
    interrupted : bool
    """

    model: Model
    history: list[dict[str, float]]
    health: Health
    memory: dict[str, int]
    interrupted: bool


def learn_on(
    fitted: "SimpleRNNForecaster", panel: Panel, untrained: np.ndarray, callbacks: Sequence[TrainingCallback]
) -> LearnedOn:
    """Train a fitted forecaster, which is not changed, on all of a panel.

    Before that, its intervals are calibrated on the windows whose targets lie within the last ``untrained`` steps,
    int64 array of shape (n_series,).

    Raises
    ------
    DataError
        There is no window to train on.
    """
    model, encoding, horizon = fitted._model, fitted.encoding_, fitted._model.spec.horizon
    channels = None if encoding.is_empty else encoding.channels(panel, horizon)
    target = fitted.transform_.of(panel)
    windows, _ = read_windows(panel, fitted.gaps_, target, fitted.lookback_, fitted.season_length_, channels)
    least = fitted._least_history
    cuts = windows.cuts(horizon, least_history=least)
    if not len(cuts):
        raise DataError(
            f"there is no window to train on: {least} + {horizon} steps are needed, and the longest series has"
            f" {panel.lengths.max()}",
            remedy="Give longer histories, or fit anew",
        )
    fresh = linear.spread(windows.held_out_cuts(horizon, least_history=least, held_out=untrained), MOST_HELD_OUT)
    plan = training_plan(fitted, len(cuts)).continued(fitted._best_steps)
    memory = planned_memory(model.spec, len(panel.values), len(fresh), plan.batch_size, fitted.season_length_)
    check_memory(memory)
    model = replace(model, conformal=recalibrated(model, windows, fresh))
    rng = np.random.default_rng(check_random_state(fitted.random_state).randint(2**31))
    model, history, interrupted = train_on(
        model,
        windows,
        cuts,
        plan,
        entries=fitted.history_,
        rng=rng,
        callbacks=watching(callbacks, verbose=fitted.verbose),
    )
    shown = windows.gather(linear.spread(cuts, MOST_HELD_OUT)).reading
    examined = health(model.spec, model.weights, shown, history[len(fitted.history_) :], fitted.season_length_)
    return LearnedOn(model, history, examined, memory, interrupted)


def training_plan(settings: "SimpleRNNForecaster", windows: int) -> TrainingPlan:
    """How to train on so many windows: in rounds that double what was done, or in one of the stated number of steps."""
    steps, *further = usual_rounds(windows) if settings.max_steps is None else (settings.max_steps,)
    batch_size = settings.batch_size or usual_batch_size(windows)
    return TrainingPlan(steps, batch_size, settings.learning_rate, settings.clip_norm, tuple(further))


def _roles(settings: "SimpleRNNForecaster", data: pd.DataFrame | pd.Series | Panel) -> tuple[Roles, tuple[Notice, ...]]:
    """The covariates by role, as they are named or as the data tell."""
    lists = {role: getattr(settings, f"{role}_covariates") for role in ("past", "future", "static")}
    if settings.covariates is None:
        return Roles(**{role: tuple(_listed(names)) for role, names in lists.items()}), ()
    if any(names is not None for names in lists.values()):
        raise ParameterError(
            "the roles of covariates are either inferred or named",
            remedy="Leave covariates='infer' out, or past_covariates, future_covariates and static_covariates.",
            parameter="covariates",
        )
    roles, notice = infer_roles(data)
    return roles, (notice,)


def _read(
    settings: "SimpleRNNForecaster", data: pd.DataFrame | pd.Series | Panel, roles: Roles
) -> tuple[Panel, tuple[Notice, ...]]:
    along = [*roles.past, *roles.future]
    panel, notices = to_panel(
        data,
        frequency=settings.frequency,
        calendar=settings.calendar,
        irregular=settings.irregular,
        covariates=along,
        static=roles.static,
    )
    panel, carried = treat_covariates(panel.choose(along, roles.static), settings.gaps)
    return panel, (*notices, *carried)


def _encoding(settings: "SimpleRNNForecaster", panel: Panel, division: Division, roles: Roles) -> Encoding:
    calendar = _listed(settings.calendar_covariates)
    return Encoding.fit(panel, division.held_out, **roles.as_dict(), calendar=calendar)


def _listed(names: Iterable[str] | None) -> list[str]:
    return [] if names is None else list(names)


def _prepared(
    settings: "SimpleRNNForecaster", panel: Panel, division: Division, encoding: Encoding, seed: int
) -> Prepared:
    """The windows, under the best of the targets that may be chosen.

    In a large panel some of the series decide, drawn by ``seed``, so that no second path of all of them is held; where
    they leave no window to decide by, all of them do.
    """

    def best(targets: Sequence[Target], panel: Panel, division: Division) -> Prepared:
        channels = None if encoding.is_empty else encoding.channels(panel, settings.horizon)
        both = [prepare(panel, settings.gaps, one, division, settings.horizon, seed, channels) for one in targets]
        return best_prepared(both, panel)

    targets = choices_for(settings.target, panel)
    if len(targets) > 1 and len(panel.values) > _MOST_COMPARED:
        able = np.flatnonzero(division.held_out)
        count = -(-len(able) * _MOST_COMPARED // len(panel.values))
        some = np.sort(np.random.default_rng(seed).choice(able, count, replace=False))
        shown = replace(division, held_out=division.held_out[some])
        with suppress(DataError):
            targets = [Target.parse(best(targets, panel.take(some), shown).target.name)]
    return best(targets, panel, division)


def _combining(settings: "SimpleRNNForecaster", prepared: Prepared, division: Division, seed: int) -> Combining:
    windows, start, horizon, season = prepared.windows, prepared.start, settings.horizon, division.season_length
    smoother = usual_smoother(windows, prepared.cuts, horizon)
    earlier = earlier_blocks(windows, division, horizon, start, seed)
    return Combining(
        earlier,
        (start if earlier is None else earlier.map).forecast(prepared.held_out.reading),
        lambda: usual_smoother(windows, prepared.all_cuts, horizon) if settings.refit else smoother,
        partner_forecasts(windows, prepared.held_cuts, prepared.batch, start.anchor_kernel, smoother),
        usual=windows.channels is None and horizon <= recursion_steps(season, reach(division.lookback, season)),
    )


def _check_levels(levels: Sequence[float], spec: NetworkSpec, prepared: Prepared, combining: Combining | None) -> None:
    """Too few windows to calibrate a level on are a DataError, which is raised before the training, not at predict."""
    target = prepared.held_out.target
    if combining is not None and combining.earlier is not None and not spec.gaps:
        target = np.concatenate([combining.earlier.target, target])
    as_many_errors = SplitConformal.fit(target)
    for level in levels:
        as_many_errors.half_width(level, spec.horizon)


def _quantiles(settings: "SimpleRNNForecaster") -> tuple[float, ...]:
    """The probabilities to learn, rising: those asked for, their opposites and 0.5; none where none are asked for."""
    asked = [] if settings.learned_quantiles is None else [round(float(one), 9) for one in settings.learned_quantiles]
    around = {share for one in asked for share in (one, round(1 - one, 9)) if share != 0.5}
    return tuple(sorted({*around, 0.5})) if around else ()


def _spec(settings: "SimpleRNNForecaster", division: Division, prepared: Prepared) -> NetworkSpec:
    season, windows = division.season_length, prepared.windows
    padded = division.least_history < division.lookback
    quantiles = _quantiles(settings)
    return NetworkSpec(
        lookback=division.lookback,
        horizon=settings.horizon,
        segment_length=division.segment_length,
        units=settings.units,
        n_layers=settings.n_layers,
        masked=settings.gaps == "mask" or windows.has_missing or padded,
        elapsed=settings.gaps == "mask",
        linear_skip=settings.linear_skip,
        standardised=True,
        mixed_season=season if 1 < season <= division.lookback // 2 and not windows.lag else 0,
        n_members=settings.n_members,
        loss="pinball" if quantiles else "absolute",
        quantiles=quantiles,
        **({} if windows.channels is None else windows.channels.counts()),
    )
