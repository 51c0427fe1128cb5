"""RNN health: what a trained recurrence remembers, and what stands in its way, in numbers and in sentences.

It is found from weights and windows alone, in a moment, whatever backend the network was trained on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from forecasting.errors import DataError
from forecasting.network.gradient_by_lag import forward, squared_gradient
from forecasting.network.spec import NetworkSpec, Weights
from forecasting.scaling import Reading, part_of

FADED = 0.01
"""A gradient below this share of the one at lag 0 is gone: so old a state moves the forecast a hundredth as far."""
SATURATED_STATE = 0.99
"""A unit beyond it passes on less than 1 - 0.99^2 = 2 % of a gradient; on saturation see Glorot and Bengio 2010."""
STILL_UNIT = 1e-3
"""A unit whose standard deviation over windows stays below it at every segment tells windows apart by nothing."""
SHORT_MEMORY = 0.5
"""Share of the segments; a memory below it leaves more than half of the look-back unused by the recurrence."""
EXPLODING = 10.0
"""Growth over lag 0 from which the oldest segments drown the newest: an order of magnitude."""
SATURATED_SHARE = 0.25
"""Share of saturated units from which a layer is said to be saturated; a rule of thumb."""
STILL_SHARE = 0.25
"""Share of still units from which a layer is said to be larger than it needs to be; a rule of thumb."""
CLIPPED_SHARE = 0.9
"""Share of clipped steps from which clipping no longer guards against the rare long gradient: it scales all."""
LARGE_UPDATE, SMALL_UPDATE = 0.5, 1e-3
"""Median change of the weights in an epoch, relative to their norm, beyond which they are replaced, or hardly move."""

_MOST_WINDOWS = 256
_PRODUCTS = 512


@dataclass(frozen=True)
class Health:
    """Health of the networks of a forecaster. Layers and lags are counted from 0; lag 0 is the last segment.

    Attributes
    ----------
    segment_length, season_length : int
        In steps.
    linear_skip : bool
        Whether a linear map reads the window beside the recurrence.
    gradient : tuple of float
        Norm of the gradient of the forecast, learned quantiles included, with respect to the states of all layers, by
        lag in segments, as share of that at lag 0 (root mean square over windows and members); all 0 where the
        recurrence does not reach it.
    gradient_by_layer : tuple of tuple of float
        The part of each layer's state, as share of its own at lag 0. The square of ``gradient`` is the mean of their
        squares.
    saturated, still : tuple of float
        For each layer the share of states beyond 0.99, and of units that no window moves.
    spectral_radius, largest_singular_value : tuple of float
        Of the recurrent kernel of each layer, mean over members.
    idle, diverged : float
        Share of members whose recurrence does not reach the forecast, as before training, when the head is zero; and
        share of those with weights that are not finite, which count in nothing else.
    clip_rate : float or None
        Share of training steps whose gradient was longer than ``clip_norm``.
    update_ratio : float or None
        Norm of the change of the weights in an epoch, as share of their norm; median over epochs.
    """

    segment_length: int
    season_length: int
    linear_skip: bool
    gradient: tuple[float, ...]
    gradient_by_layer: tuple[tuple[float, ...], ...]
    saturated: tuple[float, ...]
    still: tuple[float, ...]
    spectral_radius: tuple[float, ...]
    largest_singular_value: tuple[float, ...]
    idle: float
    diverged: float
    clip_rate: float | None = None
    update_ratio: float | None = None

    @property
    def memory_segments(self) -> int:
        """Effective memory: the lag from which on the gradient stays below 1 %; all segments if it never does."""
        return 1 + max((lag for lag, norm in enumerate(self.gradient) if norm >= FADED), default=-1)

    @property
    def memory_steps(self) -> int:
        """Effective memory in steps."""
        return self.memory_segments * self.segment_length

    @property
    def memory_seasons(self) -> float:
        """Effective memory in seasons."""
        return self.memory_steps / self.season_length

    @property
    def fades(self) -> bool:
        """Whether the gradient falls below 1 % within the look-back."""
        return self.memory_segments < len(self.gradient)

    @property
    def explodes(self) -> bool:
        """Whether the gradient grows tenfold within the look-back."""
        return max(self.gradient) > EXPLODING

    @property
    def mean_lag(self) -> float:
        """Mean lag in steps, weighted by the gradient."""
        total = sum(self.gradient)
        return self.segment_length * sum(lag * norm for lag, norm in enumerate(self.gradient)) / total if total else 0.0

    @property
    def problems(self) -> tuple[str, ...]:
        """For everything that is wrong a sentence that says so and what to change."""
        return tuple(_problems(self))

    @property
    def diagnosis(self) -> str:
        """A few plain sentences: how far back the recurrence reaches, what is wrong, and what to change."""
        if self.problems:
            return " ".join(self.problems)
        return (
            f"All is well: the gradient of the forecast reaches {_reach(self)}, and no layer is saturated or idle"
            f" (spectral radius {_listed(self.spectral_radius)})."
        )

    def as_metrics(self) -> dict[str, float]:
        """Plain numbers by flat names, ``health.memory_steps``, ``health.saturated.layer_0``, ... for logging."""
        whole = {
            "memory_steps": self.memory_steps,
            "memory_seasons": self.memory_seasons,
            "mean_lag": self.mean_lag,
            "gradient_oldest": self.gradient[-1],
            "gradient_largest": max(self.gradient),
            "idle": self.idle,
            "diverged": self.diverged,
            "clip_rate": self.clip_rate,
            "update_ratio": self.update_ratio,
        }
        by_layer = {
            f"{name}.layer_{layer}": value
            for name in ("saturated", "still", "spectral_radius", "largest_singular_value")
            for layer, value in enumerate(getattr(self, name))
        }
        return {f"health.{name}": float(value) for name, value in (whole | by_layer).items() if value is not None}

    def as_dict(self) -> dict[str, Any]:
        """All attributes, for JSON; `from_dict` takes them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """What `as_dict` gave, also after JSON has made lists of its tuples."""
        return cls(**{name: _tuples(value) for name, value in stored.items()})


def health(
    spec: NetworkSpec,
    weights: Weights,
    reading: Reading,
    history: Sequence[Mapping[str, float]] = (),
    season_length: int = 1,
    *,
    products: int | None = _PRODUCTS,
) -> Health:
    """Examine trained networks on some windows.

    Parameters
    ----------
    spec : NetworkSpec
    weights : dict of str to array
        Of all members, which are the first axis.
    reading : Reading
        Of scaled windows, of which at most 256, evenly spread, are read.
    history : sequence of mappings, optional
        Epochs of the training; ``clipped`` (share of steps) and ``update_ratio`` are read where there are any.
    season_length : int, default 1
        In steps.
    products : int or None, default 512
        Vector-Jacobian products for each member. The Frobenius norm over the outputs is estimated from random sign
        vectors r, as E ||r' J||^2 = ||J||_F^2 (Hutchinson 1989), to 3 % or better with 512. It is exact with None, and
        where there are as many products as windows times outputs.

    Raises
    ------
    DataError
        There is no window.
    """
    count = len(reading["window"])
    if not count:
        raise DataError("there is no window to examine the network on", remedy="Give at least one")
    chosen = np.unique(np.linspace(0, count - 1, _MOST_WINDOWS).astype(np.int64))
    reading = part_of(reading, chosen)
    finite = np.all([np.isfinite(weight).reshape(len(weight), -1).all(axis=1) for weight in weights.values()], axis=0)
    outputs = _outputs(len(chosen), spec.n_quantiles * spec.horizon, products)
    gradients, states = [], []
    for number in np.flatnonzero(finite):
        member = {name: weight[number] for name, weight in weights.items()}
        run = forward(spec, member, reading)
        gradients.append(squared_gradient(spec, member, reading, run, outputs))
        states.append(run.states)
    norms = np.sum([np.zeros((spec.segments, spec.n_layers)), *gradients], axis=0)
    kernels = [weights[f"rnn_{layer}.recurrent_kernel"][finite] for layer in range(spec.n_layers)]
    first = np.where(norms[0] > 0, norms[0], 1.0)
    return Health(
        segment_length=spec.segment_length,
        season_length=season_length,
        linear_skip=spec.linear_skip,
        gradient=_floats(np.sqrt(norms.sum(axis=1) / first.sum())),
        gradient_by_layer=tuple(_floats(by_lag) for by_lag in np.sqrt(norms / first).T),
        saturated=_floats(_mean([(np.abs(state) > SATURATED_STATE).mean(axis=(1, 2, 3)) for state in states], spec)),
        still=_floats(_mean([_still(state) for state in states], spec)),
        spectral_radius=_floats([_mean_of(_radius, layer) for layer in kernels]),
        largest_singular_value=_floats([_mean_of(_largest_singular_value, layer) for layer in kernels]),
        idle=sum(not gradient[0].any() for gradient in gradients) / len(finite),
        diverged=float(1 - finite.mean()),
        clip_rate=_of_epochs(history, "clipped", np.mean),
        update_ratio=_of_epochs(history, "update_ratio", np.median),
    )


def _outputs(windows: int, horizon: int, products: int | None) -> np.ndarray:
    """Directions of shape (directions, windows, horizon): every output alone, or scaled random signs."""
    directions = horizon if products is None else -(-products // windows)
    if directions >= horizon:
        return np.repeat(np.eye(horizon, dtype=np.float32)[:, None], windows, axis=1)
    signs = np.random.default_rng(0).integers(0, 2, (directions, windows, horizon)) * 2 - 1
    return np.asarray(signs / np.sqrt(directions), dtype=np.float32)


def _still(states: np.ndarray) -> np.ndarray:
    """Share of units of each layer that no window moves at any segment; 0 where one window cannot tell."""
    if states.shape[2] < 2:
        return np.zeros(len(states))
    return np.asarray((states.std(axis=2) < STILL_UNIT).all(axis=1).mean(axis=1))


def _radius(kernel: np.ndarray) -> float:
    return float(np.abs(np.linalg.eigvals(kernel)).max())


def _largest_singular_value(kernel: np.ndarray) -> float:
    return float(np.linalg.norm(kernel, 2))


def _mean_of(measure: Any, kernels: np.ndarray) -> float:
    return float(np.mean([measure(kernel) for kernel in kernels])) if len(kernels) else 0.0


def _mean(by_member: Sequence[np.ndarray], spec: NetworkSpec) -> np.ndarray:
    return np.mean(by_member, axis=0) if by_member else np.zeros(spec.n_layers)


def _of_epochs(history: Sequence[Mapping[str, float]], name: str, summary: Any) -> float | None:
    known = [epoch[name] for epoch in history if np.isfinite(epoch.get(name, np.nan))]
    return float(summary(known)) if known else None


def _floats(values: Sequence[float] | np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(part) for part in value) if isinstance(value, list | tuple) else value


def _problems(found: Health) -> Iterator[str]:
    if found.diverged:
        yield (
            f"{_percent(found.diverged)} of the networks have weights that are not finite:"
            " lower learning_rate or clip_norm, and look for absurd values in the data."
        )
    if found.idle:
        who = (
            "The recurrence adds" if found.idle + found.diverged == 1 else f"{_percent(found.idle)} of the networks add"
        )
        yield (
            f"{who} nothing to the linear forecast, which no training step made better on the held-out windows:"
            " give more data, lower learning_rate, or take the linear forecast for what there is."
        )
    yield from _problems_of_memory(found)
    yield from _problems_of_layers(found)
    yield from _problems_of_training(found)


def _problems_of_memory(found: Health) -> Iterator[str]:
    radius = _listed(found.spectral_radius)
    if found.explodes:
        lag = int(np.argmax(found.gradient))
        yield (
            f"The gradient of the forecast grows to {max(found.gradient):.3g} times its size over {lag} segments"
            f" (spectral radius {radius}): lower learning_rate or clip_norm, or use a longer segment_length."
        )
    elif found.gradient[0] and found.memory_segments < SHORT_MEMORY * len(found.gradient):
        beside = "; only the linear skip reads it" if found.linear_skip else ""
        yield (
            f"The gradient of the forecast falls below {_percent(FADED)} after {_reach(found)}"
            f" (spectral radius {radius}):"
            f" the recurrence does not use the older part of its look-back{beside}."
            " Use a longer segment_length if that part matters, or a shorter lookback if it does not."
        )


def _problems_of_layers(found: Health) -> Iterator[str]:
    for layer, share in enumerate(found.saturated):
        if share > SATURATED_SHARE:
            yield (
                f"{_percent(share)} of the states of recurrent layer {layer} are saturated (beyond {SATURATED_STATE})"
                " and pass on next to no gradient: lower learning_rate, or look for outliers in the data."
            )
    for layer, share in enumerate(found.still):
        if share > STILL_SHARE:
            yield (
                f"{_percent(share)} of the units of recurrent layer {layer} are the same in every window:"
                " fewer units would do, or a lower learning_rate keeps them alive."
            )


def _problems_of_training(found: Health) -> Iterator[str]:
    if found.clip_rate is not None and found.clip_rate > CLIPPED_SHARE:
        yield (
            f"{_percent(found.clip_rate)} of the training steps were clipped, so that long and short gradients"
            " count alike: raise clip_norm."
        )
    if found.update_ratio is not None and found.update_ratio > LARGE_UPDATE:
        yield f"An epoch changes the weights by {_percent(found.update_ratio)} of their norm: lower learning_rate."
    if found.update_ratio is not None and found.update_ratio < SMALL_UPDATE:
        yield f"An epoch changes the weights by only {found.update_ratio:.1g} of their norm: raise learning_rate."


def _reach(found: Health) -> str:
    seasons = f", {found.memory_seasons:.3g} seasons" if found.season_length > 1 else ""
    steps = f"{found.memory_steps} steps{seasons}"
    if found.fades:
        return f"{found.memory_segments} of {len(found.gradient)} segments ({steps})"
    return f"all {len(found.gradient)} segments ({steps})"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _listed(values: Sequence[float]) -> str:
    return " and ".join(f"{value:.2f}" for value in values)
