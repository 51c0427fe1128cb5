"""Fitting the members of a forecaster: start, train, decide on held-out windows, calibrate, and train again on all."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from forecasting.evaluation.intervals import SplitConformal
from forecasting.network import linear
from forecasting.network.callbacks import Callbacks
from forecasting.network.spec import NetworkSpec, Weights, initial_weights
from forecasting.network.training import EPOCHS, HeldOut, Trained, TrainingPlan, train
from forecasting.windows import Cuts, Windows

if TYPE_CHECKING:
    from forecasting.network.engine import Engine

_TRUSTS = np.linspace(0.0, 1.0, 21)
_PRIOR_WINDOWS = 4.0
"""Equal weights count as much as this many held-out windows."""


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted ensemble: everything that a forecast needs but the histories.

    Attributes
    ----------
    spec : NetworkSpec
    members : list of dict of str to array
        Weights of each network; the ensemble is the median of their forecasts.
    anchor : str
        ``"naive"`` or ``"seasonal_naive"``: which of them was better on the held-out windows.
    anchor_kernel : float64 array of shape (lookback, horizon)
    trust : float
        Share of the ensemble in the forecast; the rest is the anchor.
    penalty : float or None
        Ridge penalty of the linear start; None where the anchor alone was the better start.
    conformal : SplitConformal
        Of the absolute scaled errors on the held-out windows.
    """

    spec: NetworkSpec
    members: list[Weights]
    anchor: str
    anchor_kernel: np.ndarray
    trust: float
    penalty: float | None
    conformal: SplitConformal

    def forecast(self, inputs: np.ndarray, observed: np.ndarray) -> np.ndarray:
        """Scaled forecasts of shape (n, horizon) from scaled windows of shape (n, lookback)."""
        network = _engine(self.spec)
        median = np.median([network.forecast(weights, inputs, observed) for weights in self.members], axis=0)
        return _combined(median, inputs @ self.anchor_kernel, self.trust)


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
        One entry per epoch of every training: ``epoch``, ``member``, ``stage`` (0 with windows held out, 1 on all),
        ``loss``, ``val_loss`` (stage 0), ``learning_rate``, ``seconds``.
    interrupted : bool
        Whether the training was interrupted; the model is then the best there was.
    """

    model: Model
    validated: np.ndarray
    device: str
    history: list[dict[str, float]] = field(default_factory=list)
    interrupted: bool = False


def fit_model(
    spec: NetworkSpec,
    windows: Windows,
    cuts: Cuts,
    held_out: HeldOut,
    all_cuts: Cuts | None,
    plan: TrainingPlan,
    *,
    n_members: int,
    combine: bool,
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
        The windows that decide: when to stop, which start, how much trust, how wide the intervals.
    all_cuts : Cuts or None
        For the second training, from fresh weights and for as many steps as were best in the first; None for none.
    plan : TrainingPlan
    n_members : int
    combine : bool
        Whether the ensemble is combined with the naive forecast.
    rng : numpy.random.Generator
    callbacks : sequence of TrainingCallback
    """
    network, history = _engine(spec), _History(Callbacks(callbacks))
    anchor, anchor_kernel = linear.best_anchor(windows, cuts, spec.horizon, rng, held_out)
    first, penalty = anchor_kernel, None
    if spec.linear_skip:
        kernels = linear.ridge_kernels(windows, cuts, anchor_kernel, spec.horizon, rng)
        penalty = linear.best_penalty(kernels, anchor_kernel, held_out)
        first = anchor_kernel if penalty is None else kernels[penalty]
    seeds = rng.spawn(n_members)
    stages = 1 if all_cuts is None else 2
    info = {"members": n_members, "windows": len(cuts), "held_out_windows": len(held_out.inputs)}
    with history.of({**info, "epochs": n_members * stages * EPOCHS}):
        trained: list[Trained] = []
        for seed in seeds:
            start = initial_weights(spec, seed, first)
            watch = history.watch(len(trained), stage=0)
            trained.append(train(network, start, windows, cuts, plan, seed, held_out=held_out, on_epoch=watch))
            if trained[-1].interrupted:
                break
        forecasts = [network.forecast(result.weights, held_out.inputs, held_out.observed) for result in trained]
        median, naive = np.median(forecasts, axis=0), held_out.inputs @ anchor_kernel
        trust = _best_trust(median, naive, held_out) if combine else 1.0
        validated = _combined(median, naive, trust)
        members = [result.weights for result in trained]
        interrupted = trained[-1].interrupted
        if all_cuts is not None and not interrupted:
            if penalty is not None:
                first = linear.ridge_kernels(windows, all_cuts, anchor_kernel, spec.horizon, rng)[penalty]
            for member, (seed, result) in enumerate(zip(seeds, trained, strict=True)):
                start = initial_weights(spec, seed, first)
                again, watch = plan.shortened(result.steps), history.watch(member, stage=1)
                final = train(network, start, windows, all_cuts, again, seed, on_epoch=watch)
                if final.interrupted:
                    interrupted = True
                    break
                members[member] = final.weights
    conformal = SplitConformal.fit(np.abs(held_out.target - validated))
    model = Model(spec, members, anchor, anchor_kernel, trust, penalty, conformal)
    return Fit(model, validated, network.device, history.entries, interrupted)


def _engine(spec: NetworkSpec) -> "Engine":
    from forecasting.network.engine import engine  # loads Keras and its backend, which takes seconds

    return engine(spec)


def _combined(ensemble: np.ndarray, anchor: np.ndarray, trust: float) -> np.ndarray:
    return trust * np.asarray(ensemble, dtype=np.float64) + (1 - trust) * anchor


def _best_trust(ensemble: np.ndarray, anchor: np.ndarray, held_out: HeldOut) -> float:
    """The weight with the lowest error on the held-out windows, drawn towards one half where these are few.

    A forecast combination (Bates and Granger 1969). Equal weights are hard to beat by weights estimated from little,
    see Smith and Wallis 2009, "A simple explanation of the forecast combination puzzle".
    """
    errors = [held_out.error(_combined(ensemble, anchor, trust)) for trust in _TRUSTS]
    best = _TRUSTS[int(np.argmin(errors))]
    return float((held_out.independent * best + _PRIOR_WINDOWS * 0.5) / (held_out.independent + _PRIOR_WINDOWS))


class _History:
    """Collects the epochs of all trainings under one running number, and passes them on."""

    def __init__(self, callbacks: Callbacks) -> None:
        self.entries: list[dict[str, float]] = []
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
            self._callbacks.on_train_end({"seconds": seconds, "epochs": float(len(self.entries))})

    def watch(self, member: int, *, stage: int) -> Callable[[dict[str, float]], None]:
        """What a training calls with each of its epochs."""

        def add(entry: dict[str, float]) -> None:
            self.entries.append({"epoch": len(self.entries), "member": member, "stage": stage, **entry})
            self._callbacks.on_epoch_end(len(self.entries) - 1, self.entries[-1])

        return add
