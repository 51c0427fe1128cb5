"""The shape of an ensemble of networks, and its weights before training."""

from dataclasses import dataclass

import numpy as np

NORM_EPSILON = 1e-3
"""What layer normalisation adds to a variance."""
LEAST_VARIANCE = 1e-6
"""What is added to the variance of a window that is standardised."""

Weights = dict[str, np.ndarray]
"""Weights by ``layer.weight``, float32, members first: all that tells one trained ensemble of a shape from another."""


@dataclass(frozen=True)
class NetworkSpec:
    """What decides the shape of an ensemble of networks.

    Attributes
    ----------
    lookback, horizon : int
        Steps in, steps out.
    segment_length : int
        Steps of the look-back that one step of the recurrence reads; divides ``lookback``.
    units, n_layers : int
        Size of the state, and number of recurrent layers on top of each other.
    masked : bool
        Whether the networks are told which steps were observed.
    elapsed : bool
        Whether they are told the time since the last observation at every step.
    linear_skip : bool
        Whether a linear map leads from the window straight to the output.
    standardised : bool
        Whether the recurrence reads the window with its mean and standard deviation taken out.
    mixed_season : int
        Season length of the mixing of past seasons beside the recurrence; 0 for none.
    n_members : int
        Networks that are trained side by side.
    past_channels, future_channels, static_channels : int
        Covariates along the look-back (those known ahead included), along the horizon, and of the series.
    loss : {"absolute", "squared", "cross_entropy", "pinball"}
        What a training minimises, see `forecasting.network.losses`. With cross-entropy the outputs are the logits of
        ``horizon`` classes.
    quantiles : tuple of float
        Probabilities, rising and odd in number, of the quantiles that each step has, the middle one of which is the
        point; see `forecasting.network.quantiles`. None for the point alone.
    """

    lookback: int
    horizon: int
    segment_length: int
    units: int
    n_layers: int
    masked: bool
    linear_skip: bool
    standardised: bool = False
    mixed_season: int = 0
    n_members: int = 1
    past_channels: int = 0
    future_channels: int = 0
    static_channels: int = 0
    loss: str = "absolute"
    elapsed: bool = False
    quantiles: tuple[float, ...] = ()

    @property
    def segments(self) -> int:
        """Steps of the recurrence."""
        return self.lookback // self.segment_length

    @property
    def features(self) -> int:
        """Numbers that one step of the recurrence reads."""
        return self.segment_length * (1 + self.masked + self.elapsed + self.past_channels) + self.static_channels

    @property
    def skip_rows(self) -> int:
        """Numbers that the linear skip reads; see `forecasting.network.design`."""
        past, future = self.segment_length * self.past_channels, self.horizon * self.future_channels
        return self.lookback + past + future + self.static_channels

    @property
    def n_quantiles(self) -> int:
        """Outputs of each step."""
        return max(1, len(self.quantiles))

    @property
    def gaps(self) -> int:
        """Gaps between quantiles that the network says, over all steps."""
        return (self.n_quantiles - 1) * self.horizon

    def reading_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every array that is read of one window; see `forecasting.scaling.Reading`."""
        shapes: dict[str, tuple[int, ...]] = {"window": (self.lookback,), "observed": (self.lookback,)}
        if self.elapsed:
            shapes["elapsed"] = (self.lookback,)
        if self.past_channels:
            shapes["past"] = (self.lookback, self.past_channels)
        if self.future_channels:
            shapes["future"] = (self.horizon, self.future_channels)
        if self.static_channels:
            shapes["static"] = (self.static_channels,)
        return shapes

    @property
    def mixed_seasons(self) -> int:
        """Whole seasons of the look-back that are mixed, besides the last one."""
        return self.lookback // self.mixed_season - 1 if self.mixed_season else 0

    @property
    def seasons_ahead(self) -> int:
        """Seasons that the horizon reaches into."""
        return -(-self.horizon // self.mixed_season) if self.mixed_season else 0

    def multiplications(self) -> int:
        """Multiplications that one window costs one member, forwards."""
        recurrent = self.features * self.units + (2 * self.n_layers - 1) * self.units**2
        output = self.units * (self.horizon + self.gaps + self.seasons_ahead * self.mixed_seasons)
        mixed = self.mixed_seasons * self.seasons_ahead * self.mixed_season
        ahead = (self.horizon * self.future_channels + self.units) * self.units * bool(self.future_channels)
        return self.segments * recurrent + ahead + output + mixed + self.skip_rows * self.horizon * self.linear_skip

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every weight of one member, in the order of the computation."""
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in range(self.n_layers):
            if layer:
                shapes[f"norm_{layer}.gamma"] = shapes[f"norm_{layer}.beta"] = (self.units,)
            shapes[f"rnn_{layer}.kernel"] = (self.units if layer else self.features, self.units)
            shapes[f"rnn_{layer}.recurrent_kernel"] = (self.units, self.units)
            shapes[f"rnn_{layer}.bias"] = (self.units,)
        if self.future_channels:
            shapes["ahead.kernel"] = (self.horizon * self.future_channels, self.units)
            shapes["ahead.recurrent_kernel"] = (self.units, self.units)
            shapes["ahead.bias"] = (self.units,)
        shapes["head.kernel"] = (self.units, self.horizon)
        shapes["head.bias"] = (self.horizon,)
        if self.gaps:
            shapes["spread.kernel"] = (self.units, self.gaps)
            shapes["spread.bias"] = (self.gaps,)
        if self.mixed_season:
            shapes["mix.kernel"] = (self.units, self.seasons_ahead * self.mixed_seasons)
            shapes["mix.bias"] = (self.seasons_ahead * self.mixed_seasons,)
        if self.linear_skip:
            shapes["skip.kernel"] = (self.skip_rows, self.horizon)
        return shapes


def initial_weights(spec: NetworkSpec, rngs: list[np.random.Generator], skip: np.ndarray | None = None) -> Weights:
    """Weights before training.

    Recurrent kernels are orthogonal (Saxe et al. 2013, arXiv 1312.6120), input kernels Glorot uniform. The head is
    zero, so that before training the forecast is that of the linear skip; without one the head is Glorot uniform too.
    What reads the covariates known ahead begins at zero, and so adds nothing to the last state.

    Parameters
    ----------
    spec : NetworkSpec
    rngs : list of numpy.random.Generator
        One for each member.
    skip : array of shape (skip_rows, horizon), optional
        Where the linear skip begins; zero by default.
    """
    members = [_initial_member(spec, rng, skip) for rng in rngs]
    return {name: np.stack([member[name] for member in members]) for name in spec.shapes()}


def _initial_member(spec: NetworkSpec, rng: np.random.Generator, skip: np.ndarray | None) -> Weights:
    weights = {}
    for name, shape in spec.shapes().items():
        kind = name.split(".")[1]
        if kind == "recurrent_kernel" and name.startswith("rnn"):
            value = _orthogonal(shape, rng)
        elif kind == "gamma":
            value = np.ones(shape)
        elif kind == "kernel" and (name.startswith("rnn") or (name == "head.kernel" and not spec.linear_skip)):
            limit = np.sqrt(6 / sum(shape))
            value = rng.uniform(-limit, limit, shape)
        elif name == "skip.kernel" and skip is not None:
            value = skip
        else:
            value = np.zeros(shape)
        weights[name] = np.asarray(value, dtype=np.float32)
    return weights


def _orthogonal(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    q, r = np.linalg.qr(rng.standard_normal(shape))
    return np.asarray(q * np.sign(np.diag(r)))
