"""Fitting the members of a forecaster: start, train, decide on held-out windows, calibrate, and go on with all."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecasting.estimators.earlier import Errors
from forecasting.estimators.trust import NETWORKS_ALONE, Combining, Shares
from forecasting.evaluation.local import LocalConformal
from forecasting.evaluation.quantile_conformal import QuantileConformal
from forecasting.network import linear
from forecasting.network.callbacks import Callbacks
from forecasting.network.forward import forecast
from forecasting.network.linear import LinearStart
from forecasting.network.quantiles import by_quantile, spread_bias
from forecasting.network.spec import NetworkSpec, Weights, initial_weights
from forecasting.network.training import EPOCHS, CutWindows, HeldOut, PinballJudge, TrainingPlan, train
from forecasting.scaling import Batch, Reading
from forecasting.smoothing import Smoother
from forecasting.windows import CutRanges, Cuts, Windows

if TYPE_CHECKING:
    from forecasting.network.engine import Engine

_MOST_ERRORS = 4_000
"""Windows that the quantiles begin with the errors of, at most."""


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted ensemble: everything that a forecast needs but the histories.

    Attributes
    ----------
    spec : NetworkSpec
    weights : dict of str to array
        Of all members; the ensemble is the median of their forecasts.
    anchor : str
        ``"naive"`` or ``"seasonal_naive"``: which of them was better on the held-out windows.
    anchor_kernel : float64 array of shape (lookback, horizon)
    smoother : Smoother or None
        Makes the smoothing that the ensemble is combined with; None where that has no share.
    shares : Shares
        Of the anchor, the smoothing and the ensemble in the forecast.
    penalty : float or None
        Ridge penalty of the linear start; None where the anchor alone was the better start.
    conformal : LocalConformal or QuantileConformal
        Of the scaled errors on the held-out windows and, where no quantiles were learned, on the blocks before them.
    """

    spec: NetworkSpec
    weights: Weights
    anchor: str
    anchor_kernel: np.ndarray
    smoother: Smoother | None
    shares: Shares
    penalty: float | None
    conformal: LocalConformal | QuantileConformal

    def forecast_and_spread(
        self, reading: Reading, smoothed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scaled forecasts, and how far the learned quantiles lie from them.

        What the ensemble is combined with moves a forecast and its quantiles together: what the networks say about the
        spread stays. Where they have no share and no quantiles were learned they are not run.

        Parameters
        ----------
        reading : Reading
            Of n scaled windows.
        smoothed : array of shape (n, horizon), optional
            The scaled forecasts of ``smoother``; needed where there is one.

        Returns
        -------
        float64 array of shape (n, horizon)
        float64 array of shape (n, n_quantiles, horizon)
            Rising, not corrected by held-out windows, 0 in the middle; where no quantiles were learned, that alone.
        """
        window = reading["window"]
        none = np.zeros((len(window), self.spec.horizon))
        naive = window @ self.anchor_kernel if self.shares.naive else none
        ensemble, spread = none, none[:, None]
        if self.shares.networks or self.spec.gaps:
            ensemble, spread = _point_and_spread(self.spec, _median(self.spec, self.weights, reading))
        return self.shares.combined(ensemble, naive, smoothed), spread

    def forecast_at(self, windows: Windows, cuts: Cuts) -> tuple[Batch, np.ndarray, np.ndarray]:
        """The windows before these cuts, and what `forecast_and_spread` gives of them."""
        batch, smoothed = windows.gather(cuts), None
        if self.smoother is not None:
            smoothed = batch.scaled(windows.smoothed(cuts, self.smoother, self.spec.horizon))
        return batch, *self.forecast_and_spread(batch.reading, smoothed)

    def ends(
        self, level: float, horizon: int, spread: np.ndarray, movement: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper end of the interval of a level, relative to scaled forecasts, both of shape (n, horizon).

        Parameters
        ----------
        level : float
            In percent.
        horizon : int
        spread : array of shape (n, n_quantiles, steps)
            As `forecast_and_spread` gives it.
        movement : array of shape (n,)
            See `forecasting.estimators.movement.recent_movement`.
        """
        if isinstance(self.conformal, QuantileConformal):
            return self.conformal.ends(level, horizon, spread, movement)
        half = self.conformal.half_width(level, horizon, movement)
        return -half, half

    def draw(
        self, n_draws: int, horizon: int, spread: np.ndarray, movement: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Errors of scaled forecasts as they might come, float64 of shape (n, n_draws, horizon); see `ends`."""
        if isinstance(self.conformal, QuantileConformal):
            return self.conformal.draw(n_draws, horizon, spread, movement, rng)
        return self.conformal.draw(n_draws, horizon, movement, rng)


@dataclass(eq=False)
class Fit:
    """A fit: the model, and what it went through.

    Attributes
    ----------
    model : Model
    validated : float64 array of shape (n_held_out, horizon)
        Scaled forecasts of the held-out windows by networks that were not trained on them.
    device : str
        Backend and device of the training.
    history : list of dict
        One entry per epoch of both trainings: ``epoch``, ``stage`` (0 with windows held out, 1 on all), and what
        `forecasting.network.training.Trained` says of an epoch.
    interrupted : bool
        Whether the training was interrupted; the model is then the best there was.
    steps : int
        Gradient steps after which the held-out windows were forecast best.
    """

    model: Model
    validated: np.ndarray
    device: str
    history: list[dict[str, float]] = field(default_factory=list)
    interrupted: bool = False
    steps: int = 0


def fit_model(
    spec: NetworkSpec,
    windows: Windows,
    cuts: Cuts | CutRanges,
    held_out: HeldOut,
    start: LinearStart,
    all_cuts: Cuts | CutRanges | None,
    plan: TrainingPlan,
    *,
    combining: Combining | None,
    movement: np.ndarray,
    age: np.ndarray,
    rng: np.random.Generator,
    callbacks: Sequence[Any],
) -> Fit:
    """Fit an ensemble.

    Parameters
    ----------
    spec : NetworkSpec
    windows : Windows
    cuts : Cuts
        For the first training; their targets do not touch what is held out.
    held_out : HeldOut
        The windows that decide: which epoch to keep, which shares, how wide the intervals.
    start : LinearStart
        Where the linear skip begins, and the naive forecast to combine with.
    all_cuts : Cuts or None
        For going on, for a quarter of the steps that were best in the first training; None for not going on.
    plan : TrainingPlan
    combining : Combining or None
        For combining the ensemble with a simple forecast; None for the ensemble alone.
    movement : float64 array of shape (n_held_out,)
        How much the series moved just before each held-out window, which the width of the intervals may follow.
    age : int64 array of shape (n_held_out,)
        Steps from the end of each held-out window to the end of its series.
    rng : numpy.random.Generator
    callbacks : sequence of TrainingCallback
    """
    network, history = _engine(spec), History(Callbacks(callbacks))
    rngs = rng.spawn(spec.n_members)
    info = {"members": spec.n_members, "windows": len(cuts), "held_out_windows": len(held_out.target)}
    with history.of({**info, "epochs": EPOCHS * (len(plan.rounds) + (all_cuts is not None))}):
        weights, watch = _first_weights(spec, windows, cuts, start, rngs), history.watch(stage=0)
        source = CutWindows(windows, cuts, spec.horizon)
        judge = PinballJudge(held_out, spec.quantiles) if spec.quantiles else held_out
        trained = train(network, weights, source, plan, rngs, held_out=judge, on_epoch=watch)
        median, apart = _point_and_spread(spec, _median(spec, trained.weights, held_out.reading))
        smoother, shares, validated, steps = None, NETWORKS_ALONE, np.asarray(median, dtype=np.float64), trained.steps
        if combining is not None:
            shares = combining.best(median, held_out.target)
            smoother = combining.smoother() if shares.smoothing else None
            validated = shares.combined(median, *combining.partners)
        if all_cuts is not None and not trained.interrupted:
            onwards, watch = plan.continued(steps), history.watch(stage=1)
            source = CutWindows(windows, all_cuts, spec.horizon)
            trained = train(network, trained.weights, source, onwards, rngs, on_epoch=watch)
    errors, earlier = Errors(held_out.target - validated, movement, age, held_out.independent), None
    if combining is not None and not spec.gaps:  # earlier blocks have no learned quantiles
        earlier = combining.earlier_errors(shares, median, held_out.target)
    conformal = _calibrated(spec, errors, apart, earlier)
    anchor, kernel = start.anchor, start.anchor_kernel
    model = Model(spec, trained.weights, anchor, kernel, smoother, shares, start.penalty, conformal)
    return Fit(model, validated, network.device, history.entries, trained.interrupted, steps)


def train_on(
    model: Model,
    windows: Windows,
    cuts: Cuts | CutRanges,
    plan: TrainingPlan,
    *,
    entries: Sequence[dict[str, float]],
    rng: np.random.Generator,
    callbacks: Sequence[Any],
) -> tuple[Model, list[dict[str, float]], bool]:
    """Train a fitted ensemble on; everything about it but the weights stays.

    Parameters
    ----------
    model : Model
    windows : Windows
    cuts : Cuts or CutRanges
        All that there is.
    plan : TrainingPlan
    entries : sequence of dict
        The history until here.
    rng : numpy.random.Generator
    callbacks : sequence of TrainingCallback

    Returns
    -------
    model : Model
    entries : list of dict
        The history with the epochs of this training, whose ``stage`` is one more than the last.
    interrupted : bool
        Whether the training was interrupted; the weights are then those until there.
    """
    network, history = _engine(model.spec), History(Callbacks(callbacks), entries)
    rngs = rng.spawn(model.spec.n_members)
    stage = 1 + int(max((entry["stage"] for entry in entries), default=0))
    info = {"members": model.spec.n_members, "windows": len(cuts), "held_out_windows": 0, "epochs": EPOCHS}
    with history.of(info):
        watch = history.watch(stage=stage)
        source = CutWindows(windows, cuts, model.spec.horizon)
        trained = train(network, model.weights, source, plan, rngs, on_epoch=watch)
    return replace(model, weights=trained.weights), history.entries, trained.interrupted


def _engine(spec: NetworkSpec) -> "Engine":
    from forecasting.network.engine import engine  # loads Keras and its backend, which takes seconds

    return engine(spec)


def _first_weights(
    spec: NetworkSpec,
    windows: Windows,
    cuts: Cuts | CutRanges,
    start: LinearStart,
    rngs: list[np.random.Generator],
) -> Weights:
    """The linear start, and around it the quantiles of its errors on windows to train on."""
    weights = initial_weights(spec, rngs, start.kernel)
    if spec.gaps:
        shown = CutWindows(windows, linear.spread(cuts, _MOST_ERRORS), spec.horizon)
        examples = shown.examples(np.arange(len(shown)))
        bias = spread_bias(examples.target - start.forecast(examples.reading), spec.quantiles)
        weights["spread.bias"] = np.tile(bias, (spec.n_members, 1))
    return weights


def _calibrated(
    spec: NetworkSpec, errors: Errors, apart: np.ndarray, earlier: Errors | None
) -> LocalConformal | QuantileConformal:
    """What errors, the oldest first, say about how wide intervals are, or about learned quantiles."""
    scaled, movement, age, independent = errors
    if earlier is not None:
        scaled, movement, age = (np.concatenate(pair) for pair in zip(earlier[:-1], errors[:-1], strict=True))
        independent += earlier.independent
    order = np.argsort(-age, kind="stable")
    if spec.gaps:
        return QuantileConformal.fit(spec.quantiles, scaled[order], apart[order], movement[order], independent)
    return LocalConformal.fit(scaled[order], movement[order], independent)


def _point_and_spread(spec: NetworkSpec, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points of shape (n, horizon), and quantiles less these, float64 of shape (n, n_quantiles, horizon)."""
    quantiles = by_quantile(outputs, spec.n_quantiles)
    point = quantiles[:, spec.n_quantiles // 2]
    return point, quantiles.astype(np.float64) - point[:, None]


def _median(spec: NetworkSpec, weights: Weights, reading: Reading) -> np.ndarray:
    return np.asarray(np.median(forecast(spec, weights, reading), axis=0))


class History:
    """Collects the epochs of all trainings under one running number, and passes them on."""

    def __init__(self, callbacks: Callbacks, entries: Sequence[dict[str, float]] = ()) -> None:
        self.entries = list(entries)
        self._before = len(self.entries)
        self._callbacks = callbacks

    @contextmanager
    def of(self, info: dict[str, Any]) -> Iterator[None]:
        """Tell the callbacks when the trainings begin, and when they end, however they do."""
        started = time.monotonic()
        self._callbacks.on_train_begin(info)
        try:
            yield
        finally:
            seconds = time.monotonic() - started
            self._callbacks.on_train_end({"seconds": seconds, "epochs": float(len(self.entries) - self._before)})

    def watch(self, *, stage: int) -> Callable[[dict[str, float]], None]:
        """What a training calls with each of its epochs."""

        def add(entry: dict[str, float]) -> None:
            self.entries.append({"epoch": len(self.entries), "stage": stage, **entry})
            self._callbacks.on_epoch_end(len(self.entries) - 1 - self._before, self.entries[-1])

        return add
