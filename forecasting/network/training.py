"""Training an ensemble: steps over random windows, a falling learning rate, and stopping by the held-out windows."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from forecasting.network.spec import Weights
from forecasting.windows import CutRanges, Cuts, Reading, Windows

if TYPE_CHECKING:
    from forecasting.network.engine import Engine

_Batch = tuple[Reading, np.ndarray]

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

    def continued(self, steps: int) -> "TrainingPlan":
        """The plan for going on, with more windows, from what ``steps`` steps have reached: shorter and slower."""
        return replace(self, steps=-(-steps // 4), learning_rate=self.learning_rate / 2)

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        return float(self.learning_rate * 0.5 * (1 + np.cos(np.pi * step / self.steps)))


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Windows that are not trained on.

    Attributes
    ----------
    reading : Reading
        Of n scaled windows.
    target : float32 array of shape (n, horizon)
        What came next, NaN where unobserved.
    independent : float
        How many of the windows have targets that do not overlap.
    """

    reading: Reading
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
        One entry per epoch: ``loss`` (mean over the members), ``val_loss`` (of the ensemble, where windows are held
        out), ``learning_rate``, ``clipped`` (share of the gradients that were longer than the clip norm),
        ``update_ratio`` (length of the change of all weights since the last epoch over that of the weights),
        ``seconds``.
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
    cuts: Cuts | CutRanges,
    plan: TrainingPlan,
    rngs: Sequence[np.random.Generator],
    *,
    held_out: HeldOut | None = None,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
) -> Trained:
    """Train all members side by side from given weights, each on its own windows drawn at random from ``cuts``.

    With held-out windows, the weights kept are those with which the median of the members has the lowest error there,
    the start included: a training that only makes things worse changes nothing.

    Parameters
    ----------
    engine : Engine
    weights : dict of str to array
        Where to begin.
    windows : Windows
    cuts : Cuts
        Where windows may be cut for training.
    plan : TrainingPlan
    rngs : sequence of numpy.random.Generator
        One for each member, which draws its windows; the same states give the same training.
    held_out : HeldOut, optional
    on_epoch : callable, optional
        Given each entry of the history.
    """
    best = Trained(weights, 0)
    with engine.lock:
        engine.begin(weights, plan.clip_norm, plan.steps * plan.batch_size)
        try:
            _run(engine, best, windows, cuts, plan, rngs, held_out, on_epoch)
        except KeyboardInterrupt:
            best.interrupted = True
    return best


def _run(
    engine: "Engine",
    best: Trained,
    windows: Windows,
    cuts: Cuts | CutRanges,
    plan: TrainingPlan,
    rngs: Sequence[np.random.Generator],
    held_out: HeldOut | None,
    on_epoch: Callable[[dict[str, float]], None] | None,
) -> None:
    """The steps of a training; writes what is best so far into ``best``."""
    lowest = np.inf if held_out is None else _error(engine, held_out)
    orders = [_Shuffled(len(cuts), plan, rng) for rng in rngs]
    started, waited = time.monotonic(), 0
    losses: list[float] = []
    before, clipped = best.weights, 0.0
    every = -(-plan.steps // EPOCHS)
    for step, batch in enumerate(_ahead(lambda: _drawn(windows, cuts, orders, engine.spec.horizon), plan.steps)):
        losses.append(engine.step(*batch, plan.rate(step)))
        if (step + 1) % every and step + 1 < plan.steps:
            continue
        now = engine.take()
        entry = {
            "loss": float(np.mean(losses)),
            "learning_rate": plan.rate(step),
            "clipped": (engine.clipped - clipped) / (len(losses) * len(rngs)),
            "update_ratio": _length({name: now[name] - before[name] for name in now}) / _length(before),
        }
        losses, before, clipped = [], now, engine.clipped
        error = 0.0 if held_out is None else _error(engine, held_out)
        waited += 1
        if held_out is None or error < lowest:
            lowest, waited = error, 0
            best.weights, best.steps = now, step + 1
        if held_out is not None:
            entry["val_loss"] = error
        entry["seconds"] = time.monotonic() - started
        best.history.append(entry)
        if on_epoch:
            on_epoch(entry)
        if waited >= PATIENCE:
            break


def _ahead(read: Callable[[], _Batch], count: int) -> Iterator[_Batch]:
    """What ``count`` calls give, each made in another thread while the one before is used."""
    with ThreadPoolExecutor(1) as reader:
        upcoming = [reader.submit(read)] if count else []
        for left in reversed(range(count)):
            batch = upcoming.pop().result()
            if left:
                upcoming.append(reader.submit(read))
            yield batch


def _drawn(windows: Windows, cuts: Cuts | CutRanges, orders: "Sequence[_Shuffled]", horizon: int) -> _Batch:
    """The next batch of every member: a reading and targets, of shape (n_members, batch_size, ...)."""
    chosen = cuts.take(np.concatenate([order.draw() for order in orders]))
    batch = windows.gather(chosen)

    def by_member(array: np.ndarray) -> np.ndarray:
        return array.reshape(len(orders), -1, *array.shape[1:])

    reading = {name: by_member(array) for name, array in batch.reading.items()}
    return reading, by_member(windows.targets(chosen, batch, horizon))


def _error(engine: "Engine", held_out: HeldOut) -> float:
    return held_out.error(np.median(engine.forecast(None, held_out.reading), axis=0))


def _length(weights: Weights) -> float:
    """Euclidean length of all weights together."""
    return float(np.sqrt(sum(np.square(weight, dtype=np.float64).sum() for weight in weights.values())))


class _Shuffled:
    """Draws batches of window numbers: every window once before any window twice."""

    def __init__(self, count: int, plan: TrainingPlan, rng: np.random.Generator) -> None:
        self._count, self._size, self._rng = count, plan.batch_size, rng
        self._round = min(count, plan.steps * plan.batch_size)
        self._left = np.zeros(0, dtype=np.int64)

    def draw(self) -> np.ndarray:
        """Numbers of the windows of the next batch, int64 array of shape (batch_size,)."""
        while len(self._left) < self._size:
            another = self._rng.choice(self._count, self._round, replace=False)
            self._left = np.concatenate([self._left, another])
        drawn, self._left = self._left[: self._size], self._left[self._size :]
        return drawn
