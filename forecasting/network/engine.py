"""The Keras side: one compiled ensemble per shape, whose weights are put in and taken out as arrays.

Keras keeps memory for every model that was ever built, and compiling takes longer than many a training. So a shape is
built once per process and reused by all refits and all forecasts.
"""

import functools
import os
import threading
from typing import Any

import numpy as np

from forecasting.network.spec import NetworkSpec, Weights
from forecasting.scaling import Reading, part_of

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from keras import ops

from forecasting.network.layers import (
    MemberAhead,
    MemberDense,
    MemberNorm,
    MemberRNN,
    flat,
    in_every_segment,
    mixed,
    quantiles_around,
    segmented,
    standardised,
)
from forecasting.network.losses import member_losses

_PREDICT_BATCH = 4096
_WORTH_COMPILING = 2e11
"""Operations of a training from which on XLA saves more than the seconds that it takes to compile, on two cores."""


class Ensemble(keras.Model):  # type: ignore[misc]  # Keras has no types
    """Networks of one shape side by side.

    With x_t the t-th segment of the window, the first layer is h_t = tanh(W_xh x_t + W_hh h_{t-1} + b): the first
    product is a convolution with kernel and stride of one segment. Every further layer adds to the states of the one
    below what a recurrence makes of them after layer normalisation. The last state gives all steps of the horizon.
    Covariates are read with the segments that they belong to; those known ahead are one more step behind the last.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__(name="ensemble")
        self.spec = spec
        members, units, steps = spec.n_members, spec.units, spec.segments
        self.norms = [MemberNorm(members, units, name=f"norm_{layer}") for layer in range(1, spec.n_layers)]
        self.rnns = [
            MemberRNN(members, units if layer else spec.features, units, steps, name=f"rnn_{layer}")
            for layer in range(spec.n_layers)
        ]
        if spec.future_channels:
            self.ahead = MemberAhead(members, spec.horizon * spec.future_channels, units, name="ahead")
        self.head = MemberDense(members, units, spec.horizon, name="head")
        if spec.gaps:
            self.spread = MemberDense(members, units, spec.gaps, name="spread")
        if spec.mixed_season:
            self.mix = MemberDense(members, units, spec.seasons_ahead * spec.mixed_seasons, name="mix")
        if spec.linear_skip:
            self.skip = MemberDense(members, spec.skip_rows, spec.horizon, use_bias=False, name="skip")

    def call(self, inputs: Any) -> Any:
        """Forecasts from a reading whose arrays are (members or 1, batch, ...).

        They have the shape (members, batch, n_quantiles * horizon): all steps of the lowest quantile first.
        """
        spec = self.spec
        # Spread before any product: TensorFlow 2.21 with oneDNN writes beyond its memory in some broadcast products.
        reading = {
            name: ops.broadcast_to(inputs[name], (spec.n_members, ops.shape(inputs[name])[1], *shape))
            for name, shape in spec.reading_shapes().items()
        }
        states = self.rnns[0](self._segments(reading))
        for norm, rnn in zip(self.norms, self.rnns[1:], strict=True):
            states = states + rnn(norm(states))
        last = states[:, -1]
        if spec.future_channels:
            last = self.ahead(last, flat(reading["future"]))
        output = self.head(last)
        if spec.mixed_season:
            output = output + mixed(self.mix(last), reading["window"], spec.mixed_season, spec.horizon)
        if spec.linear_skip:
            output = output + self.skip(self._design(reading))
        return quantiles_around(output, self.spread(last), spec.n_quantiles) if spec.gaps else output

    def _segments(self, reading: dict[str, Any]) -> Any:
        """What the recurrence reads, (members, segments, batch, features)."""
        spec, window = self.spec, reading["window"]
        parts = [segmented(standardised(window) if spec.standardised else window, spec.segments, spec.segment_length)]
        if spec.masked:
            parts.append(segmented(1.0 - reading["observed"], spec.segments, spec.segment_length))
        if spec.elapsed:
            parts.append(segmented(reading["elapsed"], spec.segments, spec.segment_length))
        if spec.past_channels:
            parts.append(segmented(flat(reading["past"]), spec.segments, spec.segment_length * spec.past_channels))
        if spec.static_channels:
            parts.append(in_every_segment(reading["static"], spec.segments))
        return ops.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]

    def _design(self, reading: dict[str, Any]) -> Any:
        """What the linear skip reads, (members, batch, skip_rows), as `forecasting.network.design` has it."""
        spec, parts = self.spec, [reading["window"]]
        if spec.past_channels:
            parts.append(flat(reading["past"][:, :, -spec.segment_length :]))
        if spec.future_channels:
            parts.append(flat(reading["future"]))
        if spec.static_channels:
            parts.append(reading["static"])
        return ops.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Sum over the members of their losses; ``y`` has the shape (members, batch, horizon)."""
        del x, training
        losses = member_losses(self.spec.loss, y, y_pred, sample_weight, quantiles=self.spec.quantiles)
        return ops.sum(losses)


class MemberAdam(keras.optimizers.Adam):  # type: ignore[misc]
    """Adam that clips the gradient of each member by its own global norm, and counts how often it does."""

    def __init__(self, clip_norm: float) -> None:
        super().__init__(1e-3)
        self.clip_norm = clip_norm

    def build(self, variables: list[Any]) -> None:
        """Add a counter to the variables of Adam."""
        super().build(variables)
        self.clipped = self.add_variable((), name="clipped")

    def _clip_gradients(self, gradients: list[Any]) -> list[Any]:
        squares = [ops.sum(ops.square(part), axis=tuple(range(1, len(part.shape)))) for part in gradients]
        norm = ops.sqrt(sum(squares[1:], squares[0]))
        share = self.clip_norm / ops.maximum(norm, self.clip_norm)
        self.assign_add(self.clipped, ops.sum(ops.cast(share < 1.0, "float32")))
        return [part * ops.reshape(share, (-1,) + (1,) * (len(part.shape) - 1)) for part in gradients]


class Engine:
    """A compiled ensemble of one shape. Hold ``lock`` while using it: its weights are those of whoever used it last.

    ``device`` names backend and device, such as ``"tensorflow cpu:0"``.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        self.spec = spec
        self.lock = threading.RLock()
        self.device = f"{keras.backend.backend()} {keras.distribution.list_devices()[0]}"
        self.model = Ensemble(spec)
        self.model({name: np.zeros((1, 1, *shape), np.float32) for name, shape in spec.reading_shapes().items()})
        layers = self.model.layers
        self._variables = {f"{layer.name}.{weight.name}": weight for layer in layers for weight in layer.weights}
        self._optimizer: MemberAdam
        self._compiled_for: tuple[float, bool] | None = None

    def put(self, weights: Weights) -> None:
        """Use these weights."""
        for name, variable in self._variables.items():
            variable.assign(weights[name])

    def take(self) -> Weights:
        """Copies of the weights in use."""
        return {name: np.asarray(variable).copy() for name, variable in self._variables.items()}

    def begin(self, weights: Weights, clip_norm: float, windows: int = 0) -> None:
        """Start a training: these weights, and an Adam optimizer that has seen nothing.

        ``windows`` is how many windows it will read at most: a long training is compiled by XLA first.
        """
        work = 6 * windows * self.spec.n_members * self.spec.multiplications()
        compiled = keras.backend.backend() == "jax" or work > _WORTH_COMPILING
        if self._compiled_for != (clip_norm, compiled):
            self._compiled_for = clip_norm, compiled
            self._optimizer = MemberAdam(clip_norm)
            self.model.compile(optimizer=self._optimizer, jit_compile=compiled)
            self._optimizer.build(self.model.trainable_variables)
        for variable in self._optimizer.variables:
            variable.assign(np.zeros(variable.shape, dtype=variable.dtype))
        self.put(weights)

    @property
    def clipped(self) -> float:
        """How many gradients were clipped since the training began, over all members."""
        return float(self._optimizer.clipped)

    def step(
        self, reading: Reading, target: np.ndarray, learning_rate: float, weight: np.ndarray | None = None
    ) -> float:
        """One training step of every member; returns the mean of their losses before it.

        The arrays of ``reading`` have the shape (n_members, batch, ...), ``target`` (n_members, batch, horizon), and
        ``weight``, how much each window counts, (n_members, batch).
        """
        self._optimizer.learning_rate = learning_rate
        return float(self.model.train_on_batch(self._needed(reading), target, weight)) / self.spec.n_members

    def forecast(self, weights: Weights, reading: Reading) -> np.ndarray:
        """What `forecasting.network.forward.forecast` gives, made on the device of this engine."""
        needed = self._needed(reading)
        with self.lock:
            self.put(weights)
            parts = [
                self.model.predict_on_batch(
                    {name: array[None] for name, array in part_of(needed, slice(i, i + _PREDICT_BATCH)).items()}
                )
                for i in range(0, len(needed["window"]), _PREDICT_BATCH)
            ]
        if not parts:
            return np.zeros((self.spec.n_members, 0, self.spec.n_quantiles * self.spec.horizon), np.float32)
        return np.concatenate(parts, axis=1)

    def _needed(self, reading: Reading) -> Reading:
        return {name: reading[name] for name in self.spec.reading_shapes()}


def on_accelerator() -> bool:
    """Whether networks are computed elsewhere than on processors."""
    return not str(keras.distribution.list_devices()[0]).startswith("cpu")


@functools.lru_cache(maxsize=16)
def engine(spec: NetworkSpec) -> Engine:
    """The engine of a shape; the same object for the same shape as long as it is among the last used."""
    return Engine(spec)
