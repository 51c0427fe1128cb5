"""The layers of an ensemble: every weight has the members in front, so that one pass computes all of them.

Arrays are (members, batch, ...). What all members share is spread to them before it comes here: see the engine.
"""

from typing import Any

import keras
from keras import ops

from forecasting.network.quantiles import LEAST_GAP, rising
from forecasting.network.spec import LEAST_VARIANCE, NORM_EPSILON

_UNROLLED = 64
"""Recurrences of up to this many steps are written out; longer ones are a loop, slower but quickly compiled."""


class MemberDense(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """y = x W + b for x of shape (members or 1, batch, features)."""

    def __init__(self, members: int, features: int, outputs: int, *, use_bias: bool = True, name: str) -> None:
        super().__init__(name=name)
        self.kernel = self.add_weight(shape=(members, features, outputs), name="kernel")
        self.bias = self.add_weight(shape=(members, outputs), initializer="zeros", name="bias") if use_bias else None

    def call(self, inputs: Any) -> Any:
        """Outputs of shape (members, batch, outputs)."""
        product = ops.matmul(inputs, self.kernel)
        return product if self.bias is None else product + self.bias[:, None]


class MemberNorm(keras.layers.Layer):  # type: ignore[misc]
    """Layer normalisation (Ba et al. 2016, arXiv 1607.06450) over the last axis of (members, steps, batch, units)."""

    def __init__(self, members: int, units: int, *, name: str) -> None:
        super().__init__(name=name)
        self.gamma = self.add_weight(shape=(members, units), initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=(members, units), initializer="zeros", name="beta")

    def call(self, inputs: Any) -> Any:
        """The same shape."""
        center = ops.mean(inputs, axis=-1, keepdims=True)
        apart = inputs - center
        spread = ops.mean(ops.square(apart), axis=-1, keepdims=True)
        gamma, beta = self.gamma[:, None, None], self.beta[:, None, None]
        return apart * ops.rsqrt(spread + NORM_EPSILON) * gamma + beta


class MemberRNN(keras.layers.Layer):  # type: ignore[misc]
    """The plain recurrence h_t = tanh(W_xh x_t + W_hh h_{t-1} + b), from h_0 = 0.

    The same function as ``keras.layers.SimpleRNN`` for each member. The products W_xh x_t do not wait for each other
    and are one product for all steps (Appleyard et al. 2016, arXiv 1604.01946).
    """

    def __init__(self, members: int, features: int, units: int, steps: int, *, name: str) -> None:
        super().__init__(name=name)
        self.features, self.units, self.steps = features, units, steps
        self.kernel = self.add_weight(shape=(members, features, units), name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(members, units, units), name="recurrent_kernel")
        self.bias = self.add_weight(shape=(members, units), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        """All states, of shape (members, steps, batch, units), from (members or 1, steps, batch, features)."""
        shared, _, batch, _ = ops.shape(inputs)
        rows = ops.reshape(inputs, (shared, self.steps * batch, self.features))
        read = ops.matmul(rows, self.kernel) + self.bias[:, None]
        read = ops.reshape(read, (self.kernel.shape[0], self.steps, batch, self.units))
        if self.steps == 1 or self.steps > _UNROLLED:  # a loop of one step gives the recurrent kernel a gradient, of 0
            return self._looped(ops.moveaxis(read, 1, 0))
        first, *later = ops.unstack(read, self.steps, axis=1)
        states = [ops.tanh(first)]
        for now in later:
            states.append(ops.tanh(now + ops.matmul(states[-1], self.recurrent_kernel)))
        return ops.stack(states, axis=1)

    def _looped(self, read: Any) -> Any:
        def step(state: Any, now: Any) -> tuple[Any, Any]:
            state = ops.tanh(now + ops.matmul(state, self.recurrent_kernel))
            return state, state

        _, states = ops.scan(step, ops.zeros_like(read[0]), read)
        return ops.moveaxis(states, 0, 1)


def segmented(window: Any, segments: int, segment_length: int) -> Any:
    """(members, batch, lookback) as (members, segments, batch, segment_length)."""
    members, batch, _ = ops.shape(window)
    return ops.transpose(ops.reshape(window, (members, batch, segments, segment_length)), (0, 2, 1, 3))


def standardised(window: Any) -> Any:
    """Each window with its own mean taken out and divided by its own standard deviation.

    As in reversible instance normalisation (Kim et al. 2022), but nothing has to be reversed: only the recurrence reads
    it, so that no window drives tanh into saturation.
    """
    apart = window - ops.mean(window, axis=-1, keepdims=True)
    return apart * ops.rsqrt(ops.mean(ops.square(apart), axis=-1, keepdims=True) + LEAST_VARIANCE)


class MemberAhead(keras.layers.Layer):  # type: ignore[misc]
    """What is known ahead, read as one more step of a plain recurrence: s + tanh(W_f f + W_s s + b)."""

    def __init__(self, members: int, features: int, units: int, *, name: str) -> None:
        super().__init__(name=name)
        self.kernel = self.add_weight(shape=(members, features, units), name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(members, units, units), name="recurrent_kernel")
        self.bias = self.add_weight(shape=(members, units), initializer="zeros", name="bias")

    def call(self, state: Any, future: Any) -> Any:
        """The next state, (members, batch, units), from a state of that shape and (members, batch, features)."""
        read = ops.matmul(future, self.kernel) + ops.matmul(state, self.recurrent_kernel)
        return state + ops.tanh(read + self.bias[:, None])


def flat(channels: Any) -> Any:
    """(members, batch, steps, channels) as (members, batch, steps * channels), step by step."""
    members, batch, steps, count = ops.shape(channels)
    return ops.reshape(channels, (members, batch, steps * count))


def in_every_segment(static: Any, segments: int) -> Any:
    """(members, batch, channels) as (members, segments, batch, channels)."""
    members, batch, channels = ops.shape(static)
    return ops.broadcast_to(static[:, None], (members, segments, batch, channels))


def mixed(share: Any, window: Any, season: int, horizon: int) -> Any:
    """Past seasons of the window, as far as they differ from its last one, weighted and added up.

    Parameters
    ----------
    share : tensor of shape (members, batch, seasons ahead * (seasons - 1))
        For each season of the horizon, what each season before the last one of the window counts.
    window : tensor of shape (members or 1, batch, lookback)
    season, horizon : int

    Returns
    -------
    tensor of shape (members, batch, horizon)
    """
    shared, batch, lookback = ops.shape(window)[0], ops.shape(window)[1], window.shape[2]
    seasons, ahead = lookback // season, -(-horizon // season)
    past = ops.reshape(window[:, :, lookback - seasons * season :], (shared, batch, seasons, season))
    apart = past[:, :, :-1] - past[:, :, -1:]
    share = ops.reshape(share, (ops.shape(share)[0], batch, ahead, seasons - 1))
    added = ops.matmul(share, apart)
    return ops.reshape(added, (ops.shape(share)[0], batch, ahead * season))[:, :, :horizon]


def quantiles_around(point: Any, read: Any, n_quantiles: int) -> Any:
    """Quantiles that never cross, of a point and of what the gaps between them are made of.

    Parameters
    ----------
    point : tensor of shape (members, batch, horizon)
    read : tensor of shape (members, batch, (n_quantiles - 1) * horizon)
        Any numbers: softplus makes gaps of them.
    n_quantiles : int

    Returns
    -------
    tensor of shape (members, batch, n_quantiles * horizon)
        All steps of the lowest quantile first.
    """
    gaps = ops.split(LEAST_GAP + ops.softplus(read), n_quantiles - 1, axis=-1)
    return ops.concatenate(rising(point, gaps), axis=-1)
