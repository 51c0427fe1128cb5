"""SimpleRNNClassifier: the class that follows a window, such as the direction of the next move."""

import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.utils.multiclass import _check_partial_fit_first_call, check_classification_targets
from sklearn.utils.validation import check_is_fitted

from forecasting.errors import DataError
from forecasting.estimators.arrays import ArrayWindows
from forecasting.estimators.windowed import WindowedEstimator
from forecasting.network.callbacks import TrainingCallback
from forecasting.network.spec import Weights

_STRENGTHS = (1.0, 0.01)
"""Inverse penalties of the logistic regressions that are tried as a start; the first is scikit-learn's default."""
_MOST_TRUST = 2.0
_LEAST_GAIN = 1e-6
"""Of log loss, for which the temperature leaves 1."""


class SimpleRNNClassifier(ClassifierMixin, WindowedEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Predict the class that follows a window, with probabilities, by a plain tanh recurrent network.

    The network is that of `SimpleRNNRegressor`; its outputs are one number per class (logits), the mean over the
    members, trained by cross-entropy. It starts at a logistic regression of the window, or at the frequencies of the
    classes where those do better on the samples held out.

    Probabilities are calibrated on the samples held out: softmax(log f + (z - log f) / T) with the logits z, the
    frequencies f of the classes in what was trained on, and the temperature T that has the lowest log loss there. It is
    temperature scaling (Guo et al. 2017, arXiv 1706.04599) towards what one would say without looking at the window,
    instead of towards equal probabilities: where nothing can be predicted, it says how often each class occurs.

    Parameters
    ----------
    segment_length : int, optional
        Steps of the window that one step of the recurrence reads; divides the number of steps. By default the shortest
        that gives no more than 32 segments, or 1 where that would leave fewer than 4.
    units : int, default 32
        Size of the state.
    n_layers : int, default 1
        Recurrent layers, each adding to the states of the one below.
    linear_skip : bool, default True
        Whether a linear map leads from the window to the logits, beside the recurrence.
    n_members : int, default 3
        Networks that are trained side by side and predict together.
    max_steps : int, optional
        Gradient steps per network at most; by default as many as show every sample once, from 1,000 to 2,000, and 100
        where nothing is held out that could tell when to stop.
    batch_size : int, default 128
        Samples per gradient step. Up to so many samples are read in every step; the fit does not depend on their order
        then, and samples that are repeated are one sample of more weight.
    learning_rate : float, default 0.005
        Of Adam, at the first step; it falls to zero along a cosine.
    clip_norm : float, default 1.0
        Largest global norm of a gradient.
    validation_fraction : float, default 0.15
        Share of the samples, the last ones, that is held out, to stop the training and to calibrate; 0, or fewer than
        10 samples, hold none out.
    refit : bool, default True
        Whether training goes on with everything, what was held out included, for a quarter of the steps that were best
        before and at half the rate. The temperature stays.
    warm_start : bool, default False
        Whether `fit` goes on from the weights and scales of the last fit.
    random_state : int or numpy.random.RandomState, optional
        The same number gives the same predictions.
    verbose : int, default 0
        From 1 on a progress line is shown.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
        In order.
    temperature_ : float
        What the evidence of the window is divided by; 1 where nothing is held out.
    n_features_in_, feature_names_in_, window_shape_, n_held_out_, n_iter_, history_, loss_curve_
        See `SimpleRNNRegressor`; the losses are cross-entropies in nats.

    Examples
    --------
    >>> import numpy as np
    >>> from forecasting import SimpleRNNClassifier, make_windows
    >>> X, after = make_windows(np.sin(np.arange(400) / 5), lookback=20)
    >>> rises = after > X[:, -1]
    >>> classifier = SimpleRNNClassifier(max_steps=50, random_state=0).fit(X[:300], rises[:300])
    >>> bool(classifier.score(X[300:], rises[300:]) > 0.95)
    True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, callbacks: Sequence[TrainingCallback] = ()) -> Self:
        """Fit to windows and the classes that followed them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps) or (n_samples, n_steps, n_features)
            Windows, in order of time.
        y : array-like of shape (n_samples,)
            The class of each, of any type that can be sorted.
        sample_weight : array-like of shape (n_samples,), optional
            How much each sample counts; one of weight 0 counts as absent.
        callbacks : sequence of TrainingCallback, optional
            Told about every epoch.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            What scikit-learn refuses: wrong shapes, missing or infinite values, targets that are no classes, fewer than
            2 samples.
        ParameterError, DataError
            The same kind: a parameter that is not allowed, fewer than 2 classes, other classes or windows of another
            shape than before.
        KeyboardInterrupt
            Stopped from the keyboard; the estimator then holds the best weights so far.
        """
        goes_on = self._goes_on()
        X, y, weight = self._samples(X, y, sample_weight, goes_on=goes_on)
        if not goes_on:
            classes = np.unique(y)
            if len(classes) < 2:
                raise DataError(
                    f"{type(self).__name__} needs samples of at least 2 classes, and there is only the class "
                    f"{classes.tolist()[0]!r}",
                    remedy="Give samples of another class too, with weights above 0",
                )
            self.classes_ = classes
            self.temperature_ = 1.0
        self._fit(X, self._numbers(y), weight, callbacks)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train on for one pass over these samples; the first call also decides scales and linear start.

        Nothing is held out, and the temperature stays what it is, at first 1.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`. Not every class has to occur.
        classes : array-like of shape (n_classes,), optional
            All classes that will ever occur; needed in the first call, unless `fit` was called before.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As in `fit`; ``classes`` is missing in the first call, or different from the classes known.
        """
        trained = self._is_trained()
        if _check_partial_fit_first_call(self, classes):
            self.temperature_ = 1.0
        X, y, weight = self._samples(X, y, sample_weight, goes_on=trained)
        self._partial_fit(X, self._numbers(y), weight)
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Calibrated logits: with two classes that of the second over the first, of shape (n_samples,).

        With more classes the logarithms of their probabilities, of shape (n_samples, n_classes). Parameters and errors
        are those of `predict`.
        """
        logarithms = self.predict_log_proba(X)
        return np.asarray(logarithms[:, 1] - logarithms[:, 0] if len(self.classes_) == 2 else logarithms)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of the probabilities, float64 of shape (n_samples, n_classes); see `predict`."""
        outputs = self._outputs(X)
        return self._calibrated(outputs.mean(axis=0), 1 / self.temperature_)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes, in the order of ``classes_``, float64 of shape (n_samples, n_classes)."""
        return np.asarray(np.exp(self.predict_log_proba(X)))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each window, of shape (n_samples,).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps) or (n_samples, n_steps, n_features)

        Raises
        ------
        sklearn.exceptions.NotFittedError
            `fit` has not been called.
        ValueError
            X has another shape than in `fit`, or missing or infinite values.
        """
        check_is_fitted(self)
        return np.asarray(self.classes_[self.predict_log_proba(X).argmax(axis=1)])

    def _samples(
        self, X: Any, y: Any, sample_weight: Any, *, goes_on: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        X, y, weight = self._validated(X, y, sample_weight, reset=not goes_on)
        check_classification_targets(y)
        return X, y, weight

    def _numbers(self, y: np.ndarray) -> np.ndarray:
        """The place of each class in ``classes_``."""
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise DataError(
                f"y has classes that are not known: {', '.join(map(repr, unknown.tolist()))}",
                remedy=f"Known are {', '.join(map(repr, self.classes_.tolist()))}; fit anew for others",
            )
        return np.searchsorted(self.classes_, y)

    @property
    def _loss(self) -> str:
        return "cross_entropy"

    def _understand(self, y: np.ndarray, weight: np.ndarray) -> None:
        count = len(self.classes_)
        total = np.bincount(y, weights=weight, minlength=count)
        self._log_frequencies = np.log((total + 1) / (total.sum() + count))  # as if each had been seen once more

    def _with_everything(self, weights: Weights, y: np.ndarray, weight: np.ndarray) -> Weights:
        """What the window adds to the frequencies stays, and they become those of all samples."""
        before = self._log_frequencies
        self._understand(y, weight)
        moved = weights["head.bias"] + (self._log_frequencies - before).astype(np.float32)
        return {**weights, "head.bias": moved}

    def _encoded(self, y: np.ndarray) -> np.ndarray:
        return np.asarray(np.eye(len(self.classes_), dtype=np.float32)[y])

    def _constant(self) -> np.ndarray:
        return np.asarray(self._log_frequencies)

    def _linear_maps(self, source: ArrayWindows) -> list[tuple[np.ndarray, np.ndarray]]:
        """Logistic regressions, or none where the samples are of one class."""
        sample = source.sample()
        numbers, inputs = sample.target.argmax(axis=1), self._rows(sample).astype(np.float64)
        if len(np.unique(numbers)) < 2:
            return []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # where to start need not be the very best
            models = [LogisticRegression(C=strength) for strength in _STRENGTHS]
            return [self._as_map(model.fit(inputs, numbers, sample_weight=sample.weight)) for model in models]

    def _as_map(self, model: LogisticRegression) -> tuple[np.ndarray, np.ndarray]:
        """A logistic regression as kernel and bias; classes that it has not seen keep their frequencies."""
        kernel, bias = model.coef_.T, model.intercept_
        if len(model.classes_) == 2:
            kernel, bias = np.hstack([-kernel / 2, kernel / 2]), np.concatenate([-bias / 2, bias / 2])
        every = np.zeros((len(kernel), len(self.classes_))), self._log_frequencies.copy()
        every[0][:, model.classes_], every[1][model.classes_] = kernel, bias
        return every

    def _ensemble_error(self, outputs: np.ndarray, target: np.ndarray, weight: np.ndarray) -> float:
        return _log_loss(log_softmax(outputs.mean(axis=0), axis=1), target, weight)

    def _calibrated(self, logits: np.ndarray, trust: float) -> np.ndarray:
        """Logarithms of the probabilities, from what the window adds to the frequencies, times ``trust``."""
        return np.asarray(log_softmax(self._log_frequencies + trust * (logits - self._log_frequencies), axis=1))

    def _calibrate(self, outputs: np.ndarray, target: np.ndarray, weight: np.ndarray) -> None:
        logits = outputs.mean(axis=0)

        def loss(trust: float) -> float:
            return _log_loss(self._calibrated(logits, trust), target, weight)

        found = minimize_scalar(loss, bounds=(0, _MOST_TRUST), method="bounded")
        self.temperature_ = float(1 / found.x) if found.fun < loss(1.0) - _LEAST_GAIN else 1.0


def _log_loss(logarithms: np.ndarray, target: np.ndarray, weight: np.ndarray) -> float:
    """Mean log loss of logarithms of probabilities, for targets that are one-hot."""
    return float(np.average(-(target * logarithms).sum(axis=1), weights=weight))
