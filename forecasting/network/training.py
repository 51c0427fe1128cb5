"""Training an ensemble: steps over random windows, a falling learning rate, and the best epoch by held-out windows."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from forecasting.network.forward import forecast
from forecasting.network.quantiles import by_quantile, mean_pinball
from forecasting.network.spec import Weights
from forecasting.scaling import Reading
from forecasting.windows import CutRanges, Cuts, Windows

if TYPE_CHECKING:
    from forecasting.network.engine import Engine

EPOCHS = 20
"""A round is looked at this many times: an epoch is this share of its steps, not a pass over the windows."""
_WORTH_ANOTHER_ROUND = 0.01


@dataclass(frozen=True, eq=False)
class Examples:
    """Windows and what came after them, as the network takes them.

    Attributes
    ----------
    reading : Reading
        Of n scaled windows.
    target : float32 array of shape (n, horizon)
        NaN where unobserved.
    weight : float32 array of shape (n,), optional
        How much each counts; by default all the same.
    """

    reading: Reading
    target: np.ndarray
    weight: np.ndarray | None = None


class Source(Protocol):
    """Where a training takes its windows from: they are numbered, and made when they are asked for."""

    def __len__(self) -> int:
        """How many windows there are."""

    def examples(self, which: np.ndarray) -> Examples:
        """The windows with these numbers, an int64 array of shape (n,)."""


@dataclass(frozen=True, eq=False)
class CutWindows:
    """The windows of a panel at given cuts, as a `Source`.

    Attributes
    ----------
    windows : Windows
    cuts : Cuts or CutRanges
    horizon : int
        Steps of targets behind each cut.
    """

    windows: Windows
    cuts: Cuts | CutRanges
    horizon: int

    def __len__(self) -> int:
        return len(self.cuts)

    def examples(self, which: np.ndarray) -> Examples:
        """The windows with these numbers."""
        chosen = self.cuts.take(which)
        batch = self.windows.gather(chosen)
        return Examples(batch.reading, self.windows.targets(chosen, batch, self.horizon))


@dataclass(frozen=True)
class TrainingPlan:
    """How to train.

    Attributes
    ----------
    steps : int
        Gradient steps; the learning rate falls to zero over them along a cosine (Loshchilov and Hutter 2016,
        arXiv 1608.03983).
    batch_size : int
        Windows per step.
    learning_rate : float
        That of Adam at the first step of a round.
    clip_norm : float
        Largest global norm of the gradient (Pascanu et al. 2013, arXiv 1211.5063).
    further : tuple of int, default ()
        Steps of further rounds, in which the learning rate rises and falls again (warm restarts, in the same paper). A
        round is made where the one before it made the held-out error less by 1 %.
    """

    steps: int
    batch_size: int
    learning_rate: float
    clip_norm: float
    further: tuple[int, ...] = ()

    @property
    def rounds(self) -> tuple[int, ...]:
        """Steps of all rounds."""
        return self.steps, *self.further

    def continued(self, steps: int) -> "TrainingPlan":
        """The plan for going on, with more windows, from what ``steps`` steps have reached: shorter and slower."""
        return replace(self, steps=-(-steps // 4), learning_rate=self.learning_rate / 2, further=())

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
        How many of the windows have targets that do not overlap, about.
    """

    reading: Reading
    target: np.ndarray
    independent: float

    def error(self, forecast: np.ndarray) -> float:
        """Mean absolute scaled error over the observed targets."""
        return float(np.nanmean(np.abs(self.target - forecast)))

    def ensemble_error(self, forecasts: np.ndarray) -> float:
        """The error of the median of the members, from forecasts of shape (n_members, n, horizon)."""
        return self.error(np.median(forecasts, axis=0))


class Judge(Protocol):
    """Windows that are not trained on, and how far off an ensemble is there: `HeldOut`, or another kind of error."""

    @property
    def reading(self) -> Reading:
        """Of n scaled windows."""

    def ensemble_error(self, forecasts: np.ndarray) -> float:
        """How far off these outputs of all members are, of shape (n_members, n, horizon); the less the better."""


@dataclass(frozen=True, eq=False)
class PinballJudge:
    """Windows that are not trained on, judged by the mean pinball loss of all quantiles: a `Judge`.

    Attributes
    ----------
    held_out : HeldOut
    quantiles : tuple of float
    """

    held_out: HeldOut
    quantiles: tuple[float, ...]

    @property
    def reading(self) -> Reading:
        """Of the held-out windows."""
        return self.held_out.reading

    def ensemble_error(self, forecasts: np.ndarray) -> float:
        """That of the medians of the members, from outputs of shape (n_members, n, n_quantiles * horizon)."""
        median = np.median(forecasts, axis=0)
        return mean_pinball(self.held_out.target, by_quantile(median, len(self.quantiles)), self.quantiles)


@dataclass(eq=False)
class Trained:
    """Result of a training.

    Attributes
    ----------
    weights : dict of str to array
        Those of the best epoch by the held-out windows, or the last ones where none are held out.
    steps : int
        Steps after which these weights stood.
    taken : int
        Steps that were taken in all.
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
    taken: int = 0


def train(
    engine: "Engine",
    weights: Weights,
    source: Source,
    plan: TrainingPlan,
    rngs: Sequence[np.random.Generator],
    *,
    held_out: Judge | None = None,
    patience: int | None = None,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
) -> Trained:
    """Train all members side by side from given weights, each on its own windows drawn at random from ``source``.

    With held-out windows, the weights kept are those with which the ensemble has the lowest error there, the start
    included: a training that only makes things worse changes nothing.

    Parameters
    ----------
    engine : Engine
    weights : dict of str to array
        Where to begin.
    source : Source
        The windows to train on.
    plan : TrainingPlan
    rngs : sequence of numpy.random.Generator
        One for each member, which draws its windows; the same states give the same training.
    held_out : Judge, optional
    patience : int, optional
        Epochs without a better held-out error after which to stop a round. By default it goes on to its end: large
        steps at the start lead away from a good linear map, and what they lead to shows only as the learning rate
        falls. Where there is nothing to learn, the best of many epochs is better by chance, and patience is a guard.
    on_epoch : callable, optional
        Given each entry of the history.
    """
    best = Trained(weights, 0)
    with engine.lock:
        try:
            lowest = np.inf if held_out is None else _error(engine, weights, held_out)
            for steps in plan.rounds:
                before, this_round = lowest, replace(plan, steps=steps)
                engine.begin(best.weights, plan.clip_norm, steps * plan.batch_size)
                lowest = _run(engine, best, lowest, source, this_round, rngs, held_out, patience, on_epoch)
                if held_out is None or lowest >= (1 - _WORTH_ANOTHER_ROUND) * before:
                    break
        except KeyboardInterrupt:
            best.interrupted = True
    return best


def _run(
    engine: "Engine",
    best: Trained,
    lowest: float,
    source: Source,
    plan: TrainingPlan,
    rngs: Sequence[np.random.Generator],
    held_out: Judge | None,
    patience: int | None,
    on_epoch: Callable[[dict[str, float]], None] | None,
) -> float:
    """The steps of a round; writes what is best so far into ``best``, and returns its held-out error."""
    orders = [_Shuffled(len(source), plan, rng) for rng in rngs]
    waited, earlier = 0, best.taken
    started = time.monotonic() - (best.history[-1]["seconds"] if best.history else 0.0)
    losses: list[float] = []
    before, clipped = best.weights, 0.0
    every = -(-plan.steps // EPOCHS)
    for step, batch in enumerate(_ahead(lambda: _drawn(source, orders), plan.steps)):
        losses.append(engine.step(batch.reading, batch.target, plan.rate(step), batch.weight))
        best.taken = earlier + step + 1
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
        error = 0.0 if held_out is None else _error(engine, now, held_out)
        waited += 1
        if held_out is None or error < lowest:
            lowest, waited = error, 0
            best.weights, best.steps = now, best.taken
        if held_out is not None:
            entry["val_loss"] = error
        entry["seconds"] = time.monotonic() - started
        best.history.append(entry)
        if on_epoch:
            on_epoch(entry)
        if waited == patience:
            break
    return lowest


def _ahead(read: Callable[[], Examples], count: int) -> Iterator[Examples]:
    """What ``count`` calls give, each made in another thread while the one before is used."""
    with ThreadPoolExecutor(1) as reader:
        upcoming = [reader.submit(read)] if count else []
        for left in reversed(range(count)):
            batch = upcoming.pop().result()
            if left:
                upcoming.append(reader.submit(read))
            yield batch


def _drawn(source: Source, orders: "Sequence[_Shuffled]") -> Examples:
    """The next batch of every member: arrays of shape (n_members, batch_size, ...)."""
    drawn = source.examples(np.concatenate([order.draw() for order in orders]))

    def by_member(array: np.ndarray) -> np.ndarray:
        return array.reshape(len(orders), -1, *array.shape[1:])

    reading = {name: by_member(array) for name, array in drawn.reading.items()}
    return Examples(reading, by_member(drawn.target), None if drawn.weight is None else by_member(drawn.weight))


def _error(engine: "Engine", weights: Weights, held_out: Judge) -> float:
    return held_out.ensemble_error(forecast(engine.spec, weights, held_out.reading))


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
