"""What SimpleRNNRegressor and SimpleRNNClassifier share: from windows in arrays to a trained ensemble."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import (
    _check_sample_weight,  # what scikit-learn gives to estimators of others, if by a private name
    check_is_fitted,
    validate_data,
)

from forecasting.errors import DataError, ParameterError
from forecasting.estimators.arrays import ArrayWindows, Scaling, merged, padded_parts, read
from forecasting.estimators.fitting import History
from forecasting.estimators.parameters import (
    Allowed,
    check_parameters,
    flag,
    or_none,
    positive,
    seed,
    share,
    whole,
)
from forecasting.network.callbacks import Callbacks, TrainingCallback, watching
from forecasting.network.design import design
from forecasting.network.spec import NetworkSpec, Weights, initial_weights
from forecasting.network.training import EPOCHS, Examples, Trained, TrainingPlan, train

if TYPE_CHECKING:
    from forecasting.network.engine import Engine

_FEWEST_HELD_OUT, _MOST_JUDGED = 10, 4000
_FEWEST_STEPS, _MOST_STEPS = 1000, 2000
_STEPS_UNWATCHED = 100
_PATIENCE = 6
"""A forecaster is combined with a naive forecast by other windows besides. Here the held-out samples alone judge, so
that the best of many epochs would often be better by chance than what there is without a network."""
_PARAMETERS = {"quantiles": "quantile"}
"""Attributes of a network that are parameters of another name."""
_MOST_SEGMENTS, _FEWEST_SEGMENTS = 32, 4


class WindowedEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A plain recurrent network on windows that come as arrays; see the two estimators for what they share."""

    _rules: ClassVar[dict[str, Allowed]] = {
        "segment_length": or_none(whole(1)),
        "units": whole(1),
        "n_layers": whole(1),
        "linear_skip": flag(),
        "n_members": whole(1),
        "max_steps": or_none(whole(1)),
        "batch_size": whole(1),
        "learning_rate": positive(),
        "clip_norm": positive(),
        "validation_fraction": share(),
        "refit": flag(),
        "warm_start": flag(),
        "random_state": or_none(seed()),
        "verbose": whole(0),
    }

    def __init__(
        self,
        *,
        segment_length: int | None = None,
        units: int = 32,
        n_layers: int = 1,
        linear_skip: bool = True,
        n_members: int = 3,
        max_steps: int | None = None,
        batch_size: int = 128,
        learning_rate: float = 5e-3,
        clip_norm: float = 1.0,
        validation_fraction: float = 0.15,
        refit: bool = True,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.segment_length = segment_length
        self.units = units
        self.n_layers = n_layers
        self.linear_skip = linear_skip
        self.n_members = n_members
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.clip_norm = clip_norm
        self.validation_fraction = validation_fraction
        self.refit = refit
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @property
    def loss_curve_(self) -> list[float]:
        """Loss of each epoch, the mean over the members."""
        check_is_fitted(self)
        return [entry["loss"] for entry in self.history_]

    def __sklearn_is_fitted__(self) -> bool:
        return self._is_trained()

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    # What the two estimators say of themselves.

    @property
    @abstractmethod
    def _loss(self) -> str:
        """Name of the loss, see `forecasting.network.losses`."""

    @property
    def _quantiles(self) -> tuple[float, ...]:
        """Probabilities of the outputs, for the pinball loss; none by default."""
        return ()

    @abstractmethod
    def _encoded(self, y: np.ndarray) -> np.ndarray:
        """Targets as the network learns them, float32 of shape (n_samples, n_outputs)."""

    @abstractmethod
    def _understand(self, y: np.ndarray, weight: np.ndarray) -> None:
        """Fit what `_encoded` needs on the part that is trained on."""

    @abstractmethod
    def _constant(self) -> np.ndarray:
        """The best outputs without looking at the window, float64 of shape (n_outputs,)."""

    @abstractmethod
    def _linear_maps(self, source: ArrayWindows) -> list[tuple[np.ndarray, np.ndarray]]:
        """Linear maps to start from, the usual one first: kernels (skip_rows, n_outputs) and biases (n_outputs,)."""

    @abstractmethod
    def _ensemble_error(self, outputs: np.ndarray, target: np.ndarray, weight: np.ndarray) -> float:
        """How far off the ensemble is, from the outputs of its members, (n_members, n_samples, n_outputs)."""

    @abstractmethod
    def _answer(self, outputs: np.ndarray) -> np.ndarray:
        """What ``predict`` gives, from the outputs of the members, (n_members, n_samples, n_outputs)."""

    def _calibrate(self, outputs: np.ndarray, target: np.ndarray, weight: np.ndarray) -> None:
        """Learn from the outputs on held-out windows what the training cannot tell; nothing by default."""

    def _with_everything(self, weights: Weights, y: np.ndarray, weight: np.ndarray) -> Weights:
        """The weights to go on from when what was held out is trained on too; the same by default."""
        del y, weight
        return weights

    # From here on nothing depends on which of the two it is.

    def _fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray,
        callbacks: Sequence[TrainingCallback],
    ) -> None:
        """Fit to validated samples, none of weight 0; anew, or with ``warm_start`` from where the last fit ended."""
        trained_on, held = self._divided(len(X), y.shape[1] if y.ndim == 2 else 1)
        part = X[:trained_on], y[:trained_on], weight[:trained_on]
        if len(part[0]) <= self.batch_size:
            part = merged(*part)
        anew = not self._goes_on()
        if anew:
            self._shape(*part)
        else:
            self._check_same_network()
        self._seed()
        source, everything = self._source(*part), self._source(X, y, weight)
        held_out = _Judge(self, everything, held) if held else None
        if anew:
            self._weights = self._first_weights(source, held_out)
        plan = self._plan(len(source), watched=held_out is not None)
        refit = self.refit and held_out is not None
        history = History(Callbacks(watching(callbacks, verbose=self.verbose)))
        info = {"members": self._spec.n_members, "windows": len(source), "held_out_windows": held}
        network, steps = self._engine(), 0
        with history.of({**info, "epochs": (1 + refit) * EPOCHS}):
            watch = history.watch(stage=0)
            trained = train(
                network,
                self._weights,
                source,
                plan,
                self._rngs,
                held_out=held_out,
                patience=_PATIENCE,
                on_epoch=watch,
            )
            steps += trained.taken
            if held_out is not None:
                self._calibrate(held_out.outputs(trained.weights), held_out.target, held_out.weight)
            if refit and not trained.interrupted:
                onwards, watch = plan.continued(trained.steps), history.watch(stage=1)
                weights = self._with_everything(trained.weights, y, weight)
                trained = train(network, weights, everything, onwards, self._rngs, on_epoch=watch)
                steps += trained.taken
        self._weights = trained.weights
        self.history_, self.n_iter_ = history.entries, steps
        self.n_held_out_ = held
        _stop_if(trained)

    def _partial_fit(self, X: np.ndarray, y: np.ndarray, weight: np.ndarray) -> None:
        """Train on for one pass over validated samples, none of weight 0."""
        anew = not self._is_trained()
        if anew:
            self._shape(X, y, weight)
            self._seed()
            self.history_, self.n_iter_, self.n_held_out_ = [], 0, 0
        else:
            self._check_same_network()
        source = self._source(X, y, weight)
        if anew:
            self._weights = self._first_weights(source, None)
        size = min(self.batch_size, len(X))
        plan = TrainingPlan(-(-len(X) // size), size, self.learning_rate, self.clip_norm)
        trained = train(self._engine(), self._weights, source, plan, self._rngs)
        self._weights = trained.weights
        first = len(self.history_)
        added = [{"epoch": first + number, "stage": 0, **entry} for number, entry in enumerate(trained.history)]
        self.history_, self.n_iter_ = [*self.history_, *added], self.n_iter_ + trained.taken
        _stop_if(trained)

    def _seed(self) -> None:
        rng = check_random_state(self.random_state)
        self._rngs = np.random.default_rng(rng.randint(2**31)).spawn(self.n_members)

    def _shape(self, X: np.ndarray, y: np.ndarray, weight: np.ndarray) -> None:
        """The shape of the network and the scales of a fit that begins anew."""
        self._segment(X.shape[1])  # refuses before anything of an earlier fit is lost
        self._scaling = Scaling.of_windows(X, weight)
        self._understand(y, weight)
        self._spec = self._network(X.shape[1:], self._encoded(y[:1]).shape[1])
        self.window_shape_ = X.shape[1:]

    def _network(self, window: tuple[int, ...], outputs: int) -> NetworkSpec:
        """The network that the parameters ask for, on windows of a shape."""
        return NetworkSpec(
            lookback=window[0],
            horizon=outputs,
            segment_length=self._segment(window[0]),
            units=self.units,
            n_layers=self.n_layers,
            masked=False,
            linear_skip=self.linear_skip,
            n_members=self.n_members,
            past_channels=window[1] - 1 if len(window) == 2 else 0,
            loss=self._loss,
            quantiles=self._quantiles,
        )

    def _check_same_network(self) -> None:
        wanted, trained = asdict(self._network(self.window_shape_, self._spec.horizon)), asdict(self._spec)
        changed = [_PARAMETERS.get(name, name) for name in wanted if wanted[name] != trained[name]]
        if changed:
            raise ParameterError(
                f"{type(self).__name__} goes on with the network of the last fit, but {', '.join(changed)} changed",
                remedy="Set it back, or fit anew with warm_start=False",
                parameter=", ".join(changed),
            )

    def _first_weights(self, source: ArrayWindows, held_out: "_Judge | None") -> Weights:
        """Random ones, with the linear skip and the bias of the head at the best linear map there is."""
        constant = np.zeros((self._spec.skip_rows, self._spec.horizon)), self._constant()
        if not self.linear_skip:
            kernel, bias = None, constant[1]
        else:
            maps = [*self._linear_maps(source), constant]
            kernel, bias = maps[0] if held_out is None else min(maps, key=held_out.error_of)
        weights = initial_weights(self._spec, self._rngs, kernel)
        weights["head.bias"] = np.tile(bias.astype(np.float32), (self.n_members, 1))
        return weights

    def _rows(self, examples: Examples) -> np.ndarray:
        """What of these windows the linear skip reads, of shape (n, skip_rows)."""
        return design(examples.reading, self._spec.segment_length)

    def _source(self, X: np.ndarray, y: np.ndarray, weight: np.ndarray) -> ArrayWindows:
        return ArrayWindows(X, self._encoded(y), weight, self._scaling)

    def _segment(self, steps: int) -> int:
        if self.segment_length is not None:
            if steps % self.segment_length:
                raise DataError(
                    f"the windows have {steps} steps, which is not a multiple of segment_length={self.segment_length}",
                    remedy="Give windows or segments of another length",
                )
            return self.segment_length
        divisors = [
            length for length in range(1, steps + 1) if steps % length == 0 and steps // length <= _MOST_SEGMENTS
        ]
        return divisors[0] if steps // divisors[0] >= min(_FEWEST_SEGMENTS, steps) else 1

    def _divided(self, count: int, outputs: int) -> tuple[int, int]:
        """How many of the first samples to train on, and how many of the last to hold out.

        Between them are as many as targets of several steps share with those held out.
        """
        held = int(count * self.validation_fraction)
        if held < _FEWEST_HELD_OUT or count - held - (outputs - 1) < 2:
            return count, 0
        return count - held - (outputs - 1), held

    def _plan(self, count: int, *, watched: bool) -> TrainingPlan:
        size = min(self.batch_size, count)
        usual = int(np.clip(-(-count // self.batch_size), _FEWEST_STEPS, _MOST_STEPS)) if watched else _STEPS_UNWATCHED
        return TrainingPlan(self.max_steps or usual, size, self.learning_rate, self.clip_norm)

    def _engine(self) -> "Engine":
        from forecasting.network.engine import engine  # loads Keras and its backend, which takes seconds

        return engine(self._spec)

    def _outputs(self, X: Any) -> np.ndarray:
        """What every member says of windows, float64 of shape (n_members, n_samples, n_outputs)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64, allow_nd=True)
        self._check_windows(X)
        return self._read(X, self._weights)

    def _read(self, X: np.ndarray, weights: Weights) -> np.ndarray:
        parts = []
        for rows, count in padded_parts(X):
            parts.append(self._engine().forecast(weights, read(rows, self._scaling))[:, :count])
        return np.concatenate(parts, axis=1).astype(np.float64)

    def _check_windows(self, X: np.ndarray) -> None:
        if X.ndim > 3:
            raise DataError(
                f"X has {X.ndim} axes",
                remedy="Give windows as (n_samples, n_steps) or (n_samples, n_steps, n_features)",
            )
        if hasattr(self, "window_shape_") and X.shape[1:] != self.window_shape_:
            raise DataError(
                f"X has windows of the shape {X.shape[1:]}, but {type(self).__name__} was fitted to windows of "
                f"{self.window_shape_}",
                remedy="Give windows like those, or fit anew",
            )

    def _validated(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool, **checks: Any
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Checked samples without those of weight 0; ``reset`` forgets what an earlier fit saw."""
        check_parameters(type(self).__name__, self.get_params(deep=False), self._rules)
        X, y = validate_data(
            self, X, y, reset=reset, dtype=np.float64, allow_nd=True, ensure_min_samples=2 if reset else 1, **checks
        )
        if X.ndim > 3 or not reset:
            self._check_windows(X)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        counted = weight > 0
        if reset and counted.sum() < 2:
            raise DataError("only 1 sample has a weight above 0", remedy="At least 2 are needed")
        return (X, y, weight) if counted.all() else (X[counted], y[counted], weight[counted])

    def _is_trained(self) -> bool:
        return hasattr(self, "_weights")

    def _goes_on(self) -> bool:
        """Whether a fit begins where the last one ended."""
        return bool(self.warm_start) and self._is_trained()


def _stop_if(trained: Trained) -> None:
    if trained.interrupted:
        raise KeyboardInterrupt("the training was interrupted; the estimator holds the best weights until then")


class _Judge:
    """The last ``held`` windows of a source, or some of very many, which say how far off an ensemble is there."""

    def __init__(self, owner: WindowedEstimator, source: ArrayWindows, held: int) -> None:
        self._owner = owner
        rows = np.linspace(len(source) - held, len(source) - 1, min(held, _MOST_JUDGED)).round().astype(np.int64)
        examples = source.examples(rows)
        self.reading, self.target, self.weight = examples.reading, examples.target, source.weight[rows]
        self._rows = owner._rows(examples)

    def error_of(self, linear: tuple[np.ndarray, np.ndarray]) -> float:
        """How far off a linear map is there, given as kernel and bias."""
        kernel, bias = linear
        return self.ensemble_error((self._rows @ kernel + bias)[None])

    def ensemble_error(self, forecasts: np.ndarray) -> float:
        """The error that the estimator minimises."""
        return self._owner._ensemble_error(forecasts.astype(np.float64), self.target, self.weight)

    def outputs(self, weights: Weights) -> np.ndarray:
        """What every member says of these rows, float64 of shape (n_members, n_rows, n_outputs)."""
        return self._owner._engine().forecast(weights, self.reading).astype(np.float64)
