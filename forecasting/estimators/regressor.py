"""SimpleRNNRegressor: numbers that follow a window."""

import copy
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.linear_model import RidgeCV
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from forecasting.errors import DataError
from forecasting.estimators.arrays import ArrayWindows, Scaling
from forecasting.estimators.carrying import Stream
from forecasting.estimators.parameters import Allowed, one_of, probability
from forecasting.estimators.windowed import WindowedEstimator
from forecasting.network.callbacks import TrainingCallback
from forecasting.network.linear import PENALTIES

_LOSSES = {"squared_error": "squared", "absolute_error": "absolute", "quantile": "pinball"}


class SimpleRNNRegressor(RegressorMixin, WindowedEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Predict the numbers that follow a window with a plain tanh recurrent network.

    The recurrence h_t = tanh(W_xh x_t + W_hh h_{t-1} + b) reads the window in segments; its last state gives all
    outputs at once, added to a linear map of the window that starts as a ridge regression. The prediction is the mean
    (with the other losses the median) of a few such networks.

    Windows and targets are standardised on what is trained on, each feature over all steps. The last
    ``validation_fraction`` of the samples, taken to be in order of time, decides when to stop; where that is fewer than
    10 samples nothing is held out, and all steps are taken. As many samples before them as targets of several steps
    share with them are left out.

    Parameters
    ----------
    loss : {"squared_error", "absolute_error", "quantile"}, default "squared_error"
        What is minimised: the prediction is then of the mean, of the median, or of a quantile (by the pinball loss).
    quantile : float, default 0.5
        The probability of the quantile that is predicted with ``loss="quantile"``; not read with other losses.
    segment_length : int, optional
        Steps of the window that one step of the recurrence reads; divides the number of steps. By default the shortest
        that gives no more than 32 segments, or 1 where that would leave fewer than 4.
    units : int, default 32
        Size of the state.
    n_layers : int, default 1
        Recurrent layers, each adding to the states of the one below.
    linear_skip : bool, default True
        Whether a linear map leads from the window to the outputs, beside the recurrence.
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
        Share of the samples, the last ones, that is held out; 0 holds none out.
    refit : bool, default True
        Whether training goes on with everything, what was held out included, for a quarter of the steps that were best
        before and at half the rate.
    warm_start : bool, default False
        Whether `fit` goes on from the weights and scales of the last fit.
    random_state : int or numpy.random.RandomState, optional
        The same number gives the same predictions.
    verbose : int, default 0
        From 1 on a progress line is shown.

    Attributes
    ----------
    n_features_in_ : int
        Steps of a window.
    feature_names_in_ : array of str
        Names of the columns, where X was a frame with names.
    window_shape_ : tuple of int
        (n_steps,) or (n_steps, n_features).
    n_held_out_ : int
        Samples that were held out.
    n_iter_ : int
        Gradient steps taken since the fit began.
    history_ : list of dict
        One entry per epoch, a twentieth of a training: ``epoch``, ``stage`` (1: going on with everything), ``loss``,
        ``val_loss`` (where samples are held out), ``learning_rate``, ``clipped``, ``update_ratio``, ``seconds``.
    loss_curve_ : list of float
        The losses of the history; squared or absolute errors, or pinball losses, in units of the spread of the targets.

    Examples
    --------
    >>> import numpy as np
    >>> from forecasting import SimpleRNNRegressor, make_windows
    >>> X, y = make_windows(np.sin(np.arange(400) / 5), lookback=20)
    >>> regressor = SimpleRNNRegressor(max_steps=50, random_state=0).fit(X[:300], y[:300])
    >>> bool(regressor.score(X[300:], y[300:]) > 0.99)
    True
    """

    _rules: ClassVar[dict[str, Allowed]] = {
        "loss": one_of(*_LOSSES),
        "quantile": probability(),
        **WindowedEstimator._rules,
    }

    def __init__(
        self,
        *,
        loss: str = "squared_error",
        quantile: float = 0.5,
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
        super().__init__(
            segment_length=segment_length,
            units=units,
            n_layers=n_layers,
            linear_skip=linear_skip,
            n_members=n_members,
            max_steps=max_steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            clip_norm=clip_norm,
            validation_fraction=validation_fraction,
            refit=refit,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.loss = loss
        self.quantile = quantile

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, callbacks: Sequence[TrainingCallback] = ()) -> Self:
        """Fit to windows and what followed them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_steps) or (n_samples, n_steps, n_features)
            Windows, in order of time.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The next value of each, or the next values.
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
            What scikit-learn refuses: wrong shapes, missing or infinite values, fewer than 2 samples.
        ParameterError, DataError
            The same kind: a parameter that is not allowed, windows of another shape than before.
        KeyboardInterrupt
            Stopped from the keyboard; the estimator then holds the best weights so far.
        """
        self._fit(*self._samples(X, y, sample_weight, goes_on=self._goes_on()), callbacks)
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on for one pass over these samples; the first call also decides scales and linear start.

        Nothing is held out. Parameters, returned object and errors are those of `fit`.
        """
        self._partial_fit(*self._samples(X, y, sample_weight, goes_on=self._is_trained()))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """What follows these windows: float64 of the shape that ``y`` had, (n_samples,) or (n_samples, n_outputs).

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
        return self._answer(self._outputs(X))

    def stream(self, n_series: int = 1) -> Stream:
        """Follow series from their beginning, one observation of each at a time; see `Stream`.

        Parameters
        ----------
        n_series : int, default 1

        Raises
        ------
        sklearn.exceptions.NotFittedError
            `fit` has not been called.
        ParameterError
            ``n_series`` is not a whole number above 0.

        Examples
        --------
        >>> import numpy as np
        >>> from forecasting import SimpleRNNRegressor, make_windows
        >>> X, y = make_windows(np.sin(np.arange(400) / 5), lookback=20)
        >>> stream = SimpleRNNRegressor(max_steps=50, random_state=0).fit(X, y).stream()
        >>> stream.read(X[:1])
        >>> stream.observe(y[:1])
        >>> bool(abs(stream.predict() - y[1]) < 0.1)
        True
        """
        check_is_fitted(self)
        return Stream(copy.copy(self), n_series)

    def _answer(self, outputs: np.ndarray) -> np.ndarray:
        predicted = self._target_scaling.restored(self._combined(outputs))
        return predicted[:, 0] if self._one_column else predicted

    def _samples(
        self, X: Any, y: Any, sample_weight: Any, *, goes_on: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        X, y, weight = self._validated(X, y, sample_weight, reset=not goes_on, multi_output=True, y_numeric=True)
        one_column = y.ndim == 1
        targets = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        if goes_on and targets.shape[1] != self._spec.horizon:
            raise DataError(
                f"y has {targets.shape[1]} outputs, but {type(self).__name__} was fitted to {self._spec.horizon}",
                remedy="Give as many, or fit anew",
            )
        self._one_column = one_column
        return X, targets, weight

    @property
    def _loss(self) -> str:
        return _LOSSES[self.loss]

    @property
    def _quantiles(self) -> tuple[float, ...]:
        return (float(self.quantile),) if self._loss == "pinball" else ()

    def _understand(self, y: np.ndarray, weight: np.ndarray) -> None:
        self._target_scaling = Scaling.of_targets(y, weight)

    def _encoded(self, y: np.ndarray) -> np.ndarray:
        return self._target_scaling.scaled(y)

    def _constant(self) -> np.ndarray:
        return np.zeros(self._spec.horizon)

    def _linear_maps(self, source: ArrayWindows) -> list[tuple[np.ndarray, np.ndarray]]:
        """The ridge regression whose penalty has the lowest error when each sample is left out in turn.

        For a quantile it is moved to that quantile of its errors, and the quantile of the targets stands beside it.
        """
        sample = source.sample()
        penalties = np.array(PENALTIES) * source.weight.mean() * len(sample.target)
        inputs, target = (part.astype(np.float64) for part in (self._rows(sample), sample.target))
        ridge = RidgeCV(penalties).fit(inputs, target, sample_weight=sample.weight)
        kernel, bias = ridge.coef_.reshape(self._spec.horizon, -1).T, np.atleast_1d(ridge.intercept_)
        if not self._spec.quantiles:
            return [(kernel, bias)]
        left = target - inputs @ kernel
        return [
            (map_, np.quantile(error, self.quantile, axis=0, weights=sample.weight, method="inverted_cdf"))
            for map_, error in ((kernel, left), (np.zeros_like(kernel), target))
        ]

    def _combined(self, outputs: np.ndarray) -> np.ndarray:
        combine = np.mean if self._spec.loss == "squared" else np.median
        return np.asarray(combine(outputs, axis=0))

    def _ensemble_error(self, outputs: np.ndarray, target: np.ndarray, weight: np.ndarray) -> float:
        error = self._combined(outputs) - target
        if self._spec.quantiles:
            error = np.maximum((1 - self.quantile) * error, -self.quantile * error)
        else:
            error = np.square(error) if self._spec.loss == "squared" else np.abs(error)
        return float(np.average(error.mean(axis=1), weights=weight))
