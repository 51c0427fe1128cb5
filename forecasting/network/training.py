"""Training one network: steps over random windows, a falling learning rate, and stopping by the held-out windows."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from forecasting.network.spec import Weights
from forecasting.windows import Cuts, Windows

if TYPE_CHECKING:
    from forecasting.network.engine import Engine

EPOCHS = 20
"""A training is looked at this many times: an epoch is this share of its steps, not a pass over the windows."""
PATIENCE = 6
"""Epochs without a better held-out error after which a training stops."""


@dataclass(frozen=True)
class TrainingPlan:
    """How to train.

    Attributes
    ----------
    steps : int
        Gradient steps at most; the learning rate falls to zero over them along a cosine (Loshchilov and Hutter 2016,
        arXiv 1608.03983).
    batch_size : int
        Windows per step.
    learning_rate : float
        That of Adam at the first step.
    clip_norm : float
        Largest global norm of the gradient (Pascanu et al. 2013, arXiv 1211.5063).
    """

    steps: int
    batch_size: int
    learning_rate: float
    clip_norm: float

    def shortened(self, steps: int) -> "TrainingPlan":
        """The same plan over fewer steps."""
        return replace(self, steps=steps)

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        return float(self.learning_rate * 0.5 * (1 + np.cos(np.pi * step / self.steps)))


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Windows that are not trained on.

    Attributes
    ----------
    inputs, observed, target : float32 arrays of shape (n, lookback), (n, lookback), (n, horizon)
        Scaled windows, which steps of them were observed, and what came next, NaN where unobserved.
    independent : float
        How many of the windows have targets that do not overlap.
    """

    inputs: np.ndarray
    observed: np.ndarray
    target: np.ndarray
    independent: float

    def error(self, forecast: np.ndarray) -> float:
        """Mean absolute scaled error over the observed targets."""
        return float(np.nanmean(np.abs(self.target - forecast)))


@dataclass(eq=False)
class Trained:
    """Result of a training.

    Attributes
    ----------
    weights : dict of str to array
        Those of the best epoch by the held-out windows, or the last ones where none are held out.
    steps : int
        Steps after which these weights stood.
    history : list of dict
        One entry per epoch: ``loss``, ``val_loss`` (where windows are held out), ``learning_rate``, ``seconds``.
    interrupted : bool
        Whether the keyboard stopped it; the weights are then the best until then.
    """

    weights: Weights
    steps: int
    history: list[dict[str, float]] = field(default_factory=list)
    interrupted: bool = False


def train(
    engine: "Engine",
    weights: Weights,
    windows: Windows,
    cuts: Cuts,
    plan: TrainingPlan,
    rng: np.random.Generator,
    *,
    held_out: HeldOut | None = None,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
) -> Trained:
    """Train from given weights on windows drawn at random from ``cuts``.

    With held-out windows, the weights kept are those with the lowest error there, the start included: a training that
    only makes things worse changes nothing.

    Parameters
    ----------
    engine : Engine
    weights : dict of str to array
        Where to begin.
    windows : Windows
    cuts : Cuts
        Where windows may be cut for training.
    plan : TrainingPlan
    rng : numpy.random.Generator
        Draws the windows; the same generator state gives the same training.
    held_out : HeldOut, optional
    on_epoch : callable, optional
        Given each entry of the history.
    """
    best = Trained(weights, 0)
    with engine.lock:
        engine.begin(weights, plan.clip_norm)
        try:
            _run(engine, best, windows, cuts, plan, rng, held_out, on_epoch)
        except KeyboardInterrupt:
            best.interrupted = True
    return best


def _run(
    engine: "Engine",
    best: Trained,
    windows: Windows,
    cuts: Cuts,
    plan: TrainingPlan,
    rng: np.random.Generator,
    held_out: HeldOut | None,
    on_epoch: Callable[[dict[str, float]], None] | None,
) -> None:
    """The steps of a training; writes what is best so far into ``best``."""
    lowest = np.inf if held_out is None else held_out.error(_forecast(engine, held_out))
    order = _Shuffled(len(cuts), plan.batch_size, rng)
    started, waited = time.monotonic(), 0
    losses: list[float] = []
    every = -(-plan.steps // EPOCHS)
    for step in range(plan.steps):
        chosen = cuts.take(order.draw())
        batch = windows.gather(chosen)
        target = windows.targets(chosen, batch, engine.spec.horizon)
        losses.append(engine.step(batch.inputs, batch.observed, target, plan.rate(step)))
        if (step + 1) % every and step + 1 < plan.steps:
            continue
        entry = {"loss": float(np.mean(losses)), "learning_rate": plan.rate(step)}
        losses = []
        error = 0.0 if held_out is None else held_out.error(_forecast(engine, held_out))
        waited += 1
        if held_out is None or error < lowest:
            lowest, waited = error, 0
            best.weights, best.steps = engine.take(), step + 1
        if held_out is not None:
            entry["val_loss"] = error
        entry["seconds"] = time.monotonic() - started
        best.history.append(entry)
        if on_epoch:
            on_epoch(entry)
        if waited >= PATIENCE:
            break


def _forecast(engine: "Engine", held_out: HeldOut) -> np.ndarray:
    return engine.forecast(None, held_out.inputs, held_out.observed)


class _Shuffled:
    """Draws batches of window numbers: every window once before any window twice."""

    def __init__(self, count: int, batch_size: int, rng: np.random.Generator) -> None:
        self._count, self._size, self._rng = count, batch_size, rng
        self._left = np.zeros(0, dtype=np.int64)

    def draw(self) -> np.ndarray:
        """Numbers of the windows of the next batch, int64 array of shape (batch_size,)."""
        while len(self._left) < self._size:
            self._left = np.concatenate([self._left, self._rng.permutation(self._count)])
        drawn, self._left = self._left[: self._size], self._left[self._size :]
        return drawn
