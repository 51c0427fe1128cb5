"""Streams: one observation of every series at a time, with the states of the network carried on."""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from forecasting.errors import DataError
from forecasting.estimators.parameters import check_parameters, whole
from forecasting.network.carried import CarriedStates

if TYPE_CHECKING:
    from forecasting.estimators.classifier import SimpleRNNClassifier
    from forecasting.estimators.windowed import WindowedEstimator

_STEPS_AT_ONCE = 64
_FARTHEST = 1e18
"""Standard deviations from the mean up to which sums of products stay finite in float32."""


class Stream:
    """Many series that one fitted estimator follows, made by ``estimator.stream(n_series)``.

    The states of the recurrence are carried on, so that an observation costs the same however many came before, and
    nothing is read twice. The answer behind the ``k``-th observation is what the network says when it reads all ``k``
    as one history, with a state of zero before the first. With segments of ``m`` steps it reads the last
    ``k // m * m``: ``m`` recurrences are carried, so that one of them always ends at the latest observation. The linear
    skip reads the last ``n_steps``, as ever. With exactly ``n_steps`` observations that is the answer to the window;
    later the answer to the window differs, because it knows nothing of what came before.

    The stream has the weights and scales that the estimator had when it was made, and loads no Keras. What is refused
    changes nothing. It can be pickled; `to_arrays` stores the states alone.
    """

    def __init__(self, estimator: "WindowedEstimator", n_series: int) -> None:
        check_parameters("stream", {"n_series": n_series}, {"n_series": whole(1)})
        self._estimator, self._n_series = estimator, int(n_series)
        self._carried = CarriedStates(estimator._spec, estimator._weights, self._n_series)

    @property
    def n_series(self) -> int:
        """Series that are followed."""
        return self._n_series

    @property
    def n_observed(self) -> int:
        """Observations of each series so far."""
        return self._carried.count

    def observe(self, values: Any) -> None:
        """Take in the next observation of every series.

        Parameters
        ----------
        values : array-like of shape (n_series,), or (n_series, n_features) where windows have features

        Raises
        ------
        DataError
            Another shape, or values that are missing, infinite or absurdly large: the first series that has one is
            named by its number.
        """
        features = self._estimator.window_shape_[1:]
        self._read(self._numbers(values, (self.n_series, *features)).reshape(self.n_series, 1, -1), with_times=False)

    def read(self, history: Any) -> None:
        """Take in many observations of every series: the same as `observe` with one after the other.

        Parameters
        ----------
        history : array-like of shape (n_series, n_times), or (n_series, n_times, n_features)
            In order of time.

        Raises
        ------
        DataError
            As in `observe`; the step is named too, counted from the first of this history, which is 0.
        """
        n_times, features = (*np.shape(history), 0, 0)[1], self._estimator.window_shape_[1:]
        values = self._numbers(history, (self.n_series, n_times, *features))
        self._read(values.reshape(self.n_series, n_times, *(features or (1,))), with_times=True)

    def predict(self) -> np.ndarray:
        """What follows the latest observation: what the estimator's ``predict`` gives, one row for each series.

        Returns
        -------
        array of shape (n_series,), or (n_series, n_outputs)

        Raises
        ------
        DataError
            Fewer than ``n_steps`` observations so far.
        """
        return self._estimator._answer(self._outputs())

    def to_arrays(self) -> dict[str, np.ndarray]:
        """States and latest observations as plain arrays (for ``numpy.savez``; nothing has to be pickled)."""
        return {**self._carried.to_arrays(), "network": self._fingerprint()}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on where a stream was when its `to_arrays` gave these; what this one has seen is forgotten.

        Raises
        ------
        DataError
            They are of another number of series, of another network or of other weights, or no such arrays.
        """
        remedy = "Give what to_arrays gave of a stream of as many series from the same fitted estimator"
        try:
            if not np.array_equal(arrays["network"], self._fingerprint()):
                raise DataError("the states are those of other weights or scales", remedy=remedy)
            self._carried.restore(arrays)
        except DataError:
            raise
        except (KeyError, ValueError) as error:
            raise DataError(f"these are not the states of this stream: {error}", remedy=remedy) from error

    def _outputs(self) -> np.ndarray:
        """What every member says, float64 of shape (n_members, n_series, n_outputs)."""
        needed = self._carried.spec.lookback
        if self.n_observed < needed:
            raise DataError(
                f"each series has {self.n_observed} of the {needed} observations that an answer needs",
                remedy="Observe more, or read a history",
            )
        return self._carried.outputs()

    def _numbers(self, values: Any, shape: tuple[int, ...]) -> np.ndarray:
        """The values as float64 of this shape."""
        try:
            numbers = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"the observations are no numbers: {error}") from error
        if numbers.shape != shape:
            raise DataError(
                f"the observations have the shape {numbers.shape}, not {shape}", remedy="Give one row for each series"
            )
        return numbers

    def _read(self, values: np.ndarray, *, with_times: bool) -> None:
        """Take in values of shape (n_series, n_times, n_features)."""
        scaling = self._estimator._scaling
        known = np.abs(values - scaling.mean) < _FARTHEST * scaling.scale
        if not known.all():
            raise _unknown(*np.argwhere(~known)[0].tolist(), with_times=with_times)
        for first in range(0, values.shape[1], _STEPS_AT_ONCE):
            scaled = scaling.scaled(values[:, first : first + _STEPS_AT_ONCE])
            for step in np.ascontiguousarray(scaled.transpose(1, 2, 0)):
                self._carried.advance(step)

    def _fingerprint(self) -> np.ndarray:
        """Digest of what the states depend on."""
        estimator = self._estimator
        weights = [estimator._weights[name] for name in estimator._spec.shapes()]
        digest = hashlib.sha256(repr(estimator._spec).encode())
        for array in (estimator._scaling.mean, estimator._scaling.scale, *weights):
            digest.update(np.ascontiguousarray(array).tobytes())
        return np.frombuffer(digest.digest(), dtype=np.uint8).copy()


class ClassifierStream(Stream):
    """A `Stream` of a classifier: the most probable class of each series, and the probabilities of all."""

    _estimator: "SimpleRNNClassifier"

    def predict_proba(self) -> np.ndarray:
        """Probabilities of the classes behind the latest observation, float64 of shape (n_series, n_classes).

        They are calibrated as those of windows are; errors are those of `predict`.
        """
        return np.asarray(np.exp(self._estimator._log_probabilities(self._outputs())))


def _unknown(series: int, step: int, feature: int, *, with_times: bool) -> DataError:
    return DataError(
        "an observation is missing, infinite or absurdly large",
        remedy="Fill it, such as with the last value that was observed; the network has no way to pass over a step",
        series=f"number {series}",
        time=f"step {step}" if with_times else None,
        column=f"feature {feature}",
    )
