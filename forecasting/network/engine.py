"""The Keras side: one compiled network per shape, whose weights are put in and taken out as arrays.

Keras keeps memory for every model that was ever built, and compiling takes longer than many a training. So a shape is
built once per process and reused by all members of an ensemble, all refits and all forecasts.
"""

import functools
import os
import threading
from collections.abc import Iterator

import numpy as np

from forecasting.network.spec import NetworkSpec, Weights

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from keras import layers, ops

_PREDICT_BATCH = 4096


def build(spec: NetworkSpec) -> keras.Model:
    """The network of a shape, on ``window`` and ``observed``, both (batch, lookback), giving (batch, horizon).

    With x_t the t-th segment of the window, the first layer is h_t = tanh(W_xh x_t + W_hh h_{t-1} + b): the first
    product is a convolution with kernel and stride of one segment. Every further layer adds to the states of the one
    below what a recurrence makes of them after layer normalisation. The last state gives all steps of the horizon.
    """
    window = layers.Input((spec.lookback,), name="window")
    observed = layers.Input((spec.lookback,), name="observed")
    states = layers.Reshape((spec.segments, spec.segment_length))(window)
    if spec.masked:
        absent = layers.Reshape((spec.segments, spec.segment_length))(1.0 - observed)
        states = layers.Concatenate()([states, absent])
    for layer in range(spec.n_layers):
        last = layer == spec.n_layers - 1
        read = layers.LayerNormalization(name=f"norm_{layer}")(states) if layer else states
        found = layers.SimpleRNN(spec.units, return_sequences=not last, name=f"rnn_{layer}")(read)
        states = found + (states[:, -1] if last else states) if layer else found
    output = layers.Dense(spec.horizon, name="head")(states)
    if spec.linear_skip:
        output = output + layers.Dense(spec.horizon, use_bias=False, name="skip")(window)
    return keras.Model([window, observed], output)


def mean_absolute_error(target: object, forecast: object) -> object:
    """Mean absolute error over the observed targets; NaN in the target means not observed."""
    seen = ops.isfinite(target)
    error = ops.where(seen, ops.abs(ops.where(seen, target, 0.0) - forecast), 0.0)
    return ops.sum(error) / ops.maximum(ops.sum(ops.cast(seen, error.dtype)), 1.0)


class Engine:
    """A compiled network of one shape. Hold ``lock`` while using it: its weights are those of whoever used it last.

    ``device`` names backend and device, such as ``"tensorflow cpu:0"``.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        self.spec = spec
        self.lock = threading.RLock()
        self.device = f"{keras.backend.backend()} {keras.distribution.list_devices()[0]}"
        self.model = build(spec)
        self._variables = {f"{layer.name}.{weight.name}": weight for layer, weight in _named(self.model)}
        self._optimizer: keras.optimizers.Optimizer = None

    def put(self, weights: Weights) -> None:
        """Use these weights."""
        for name, variable in self._variables.items():
            variable.assign(weights[name])

    def take(self) -> Weights:
        """Copies of the weights in use."""
        return {name: np.asarray(variable).copy() for name, variable in self._variables.items()}

    def begin(self, weights: Weights, clip_norm: float) -> None:
        """Start a training: these weights, and an Adam optimizer that has seen nothing."""
        if self._optimizer is None or self._optimizer.global_clipnorm != clip_norm:
            self._optimizer = keras.optimizers.Adam(1e-3, global_clipnorm=clip_norm)
            compiled = keras.backend.backend() == "jax"  # on TensorFlow XLA takes longer to compile than it saves
            self.model.compile(optimizer=self._optimizer, loss=mean_absolute_error, jit_compile=compiled)
            self._optimizer.build(self.model.trainable_variables)
        for variable in self._optimizer.variables:
            variable.assign(np.zeros(variable.shape, dtype=variable.dtype))
        self.put(weights)

    def step(self, inputs: np.ndarray, observed: np.ndarray, target: np.ndarray, learning_rate: float) -> float:
        """One training step; returns the loss before it."""
        self._optimizer.learning_rate = learning_rate
        return float(self.model.train_on_batch([inputs, observed], target))

    def forecast(self, weights: Weights | None, inputs: np.ndarray, observed: np.ndarray) -> np.ndarray:
        """Scaled forecasts of shape (n, horizon), float32, from scaled windows of shape (n, lookback).

        With ``weights=None`` the weights in use are used.
        """
        with self.lock:
            if weights is not None:
                self.put(weights)
            parts = [
                self.model.predict_on_batch([inputs[i : i + _PREDICT_BATCH], observed[i : i + _PREDICT_BATCH]])
                for i in range(0, len(inputs), _PREDICT_BATCH)
            ]
        return np.concatenate(parts) if parts else np.zeros((0, self.spec.horizon), np.float32)


@functools.lru_cache(maxsize=16)
def engine(spec: NetworkSpec) -> Engine:
    """The engine of a shape; the same object for the same shape as long as it is among the last used."""
    return Engine(spec)


def _named(model: keras.Model) -> Iterator[tuple[keras.layers.Layer, keras.Variable]]:
    for layer in model.layers:
        for weight in layer.weights:
            yield layer, weight
