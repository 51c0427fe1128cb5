"""The estimators on windows: what they learn, how they are weighted and continued, and scikit-learn's tools on them."""

import copy
import io
import pickle
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.special import log_softmax
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, QuantileRegressor, RidgeCV
from sklearn.metrics import log_loss, mean_pinball_loss
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from forecasting import SimpleRNNClassifier, SimpleRNNRegressor, make_windows
from forecasting.errors import DataError, ParameterError
from forecasting.network.linear import PENALTIES
from tests.estimators.made import Watch

TINY: dict[str, Any] = {"units": 4, "n_members": 1, "max_steps": 6, "random_state": 0}
STEPS = 8


def wave(length: int = 208, seed: int = 0) -> np.ndarray:
    return np.sin(np.arange(length) / 2) + np.random.default_rng(seed).normal(0, 0.3, length)


X, Y = make_windows(wave(), STEPS)
X2, Y2 = make_windows(wave(), STEPS, 2)
SIGNS = np.where(Y > 0, "up", "down")
LEVELS = np.digitize(Y, [-0.5, 0.5])


def regressor(**changes: Any) -> SimpleRNNRegressor:
    return SimpleRNNRegressor(**{**TINY, **changes})


def classifier(**changes: Any) -> SimpleRNNClassifier:
    return SimpleRNNClassifier(**{**TINY, **changes})


@pytest.fixture(scope="module")
def fitted_regressor():
    return regressor().fit(X, Y)


@pytest.fixture(scope="module")
def fitted_classifier():
    return classifier().fit(X, SIGNS)


# What they learn


def test_what_no_linear_map_can_predict_is_learned():
    """The logistic map is a parabola of the last value; a linear map explains about half of it."""
    chaos = np.empty(700)
    chaos[0] = 0.3
    for step in range(1, len(chaos)):
        chaos[step] = 3.8 * chaos[step - 1] * (1 - chaos[step - 1])
    windows, after = make_windows(chaos, STEPS)
    linear = RidgeCV().fit(windows[:500], after[:500])
    network = SimpleRNNRegressor(units=8, n_members=1, learning_rate=0.02, random_state=0, max_steps=200)
    network.fit(windows[:500], after[:500])
    assert linear.score(windows[500:], after[500:]) < 0.6
    assert network.score(windows[500:], after[500:]) > 0.9


@pytest.mark.slow
def test_further_features_are_read():
    """The next value is the product of two other features at the last step, and the first feature tells nothing."""
    series = np.random.default_rng(0).normal(size=(900, 3))
    series[1:, 0] = series[:-1, 1] * series[:-1, 2]
    windows, after = make_windows(series, STEPS)
    network = SimpleRNNRegressor(units=16, n_members=1, learning_rate=0.02, random_state=0, max_steps=400)
    network.fit(windows[:700], after[:700])
    assert network.score(windows[700:], after[700:]) > 0.6
    assert network.window_shape_ == (STEPS, 3)
    alone = network.fit(windows[:700, :, 0], after[:700])
    assert alone.score(windows[700:, :, 0], after[700:]) < 0.1


def test_one_feature_may_have_an_axis_of_its_own(fitted_regressor):
    with_axis = regressor().fit(X[:, :, None], Y)
    assert with_axis.predict(X[:, :, None]).tolist() == fitted_regressor.predict(X).tolist()


def test_before_the_first_step_a_network_is_a_ridge_regression():
    """A step so small that it changes nothing leaves the linear start."""
    network = regressor(learning_rate=1e-12, validation_fraction=0.0).fit(X, Y)
    scaled = (X - X.mean()) / X.std()
    target = (Y - Y.mean()) / Y.std()
    ridge = RidgeCV(np.array(PENALTIES) * len(X)).fit(scaled, target)
    np.testing.assert_allclose(network.predict(X), Y.mean() + Y.std() * ridge.predict(scaled), atol=1e-5)


def test_before_the_first_step_a_classifier_is_a_logistic_regression():
    network = classifier(learning_rate=1e-12, validation_fraction=0.0).fit(X, LEVELS)
    logistic = LogisticRegression().fit((X - X.mean()) / X.std(), LEVELS)
    np.testing.assert_allclose(network.predict_proba(X), logistic.predict_proba((X - X.mean()) / X.std()), atol=1e-4)
    assert network.temperature_ == 1.0


def test_several_outputs_are_predicted_at_once():
    network = regressor(max_steps=1).fit(X2, Y2)
    assert network.predict(X2[:5]).shape == (5, 2)
    assert regressor(max_steps=1).fit(X, Y[:, None]).predict(X[:5]).shape == (5, 1)
    assert network.n_held_out_ == 29
    assert network.score(X2, Y2) > 0.5


@pytest.mark.slow
def test_the_absolute_error_gives_the_median_of_the_members():
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(len(Y)) < 0.2, 50.0, rng.normal(size=len(Y)))
    options = {"n_members": 3, "linear_skip": False, "max_steps": 100, "learning_rate": 0.05}
    noise = rng.normal(size=X.shape)
    middle = regressor(loss="absolute_error", **options).fit(noise, noisy)
    mean = regressor(**options).fit(noise, noisy)
    assert np.median(middle.predict(noise)) == pytest.approx(np.median(noisy), abs=1.5)
    assert np.median(mean.predict(noise)) > 4
    assert (
        middle.predict(X[:4]).tolist()
        == middle._target_scaling.restored(np.median(middle._outputs(X[:4]), axis=0)).ravel().tolist()
    )


def skewed(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows, and targets whose spread depends on the last value and reaches farther up than down."""
    rng = np.random.default_rng(seed)
    windows = rng.normal(size=(rows, 8))
    return windows, windows[:, 0] + np.exp(0.5 * windows[:, -1]) * rng.exponential(size=rows)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_quantile_is_learned_as_well_as_a_linear_quantile_regression_does_or_better(share):
    (windows, targets), (later, actual) = skewed(2000, 0), skewed(2000, 1)
    network = regressor(loss="quantile", quantile=share, max_steps=200, units=8, n_members=2).fit(windows, targets)
    linear = QuantileRegressor(quantile=share, alpha=0).fit(windows, targets)
    predicted = network.predict(later)
    assert (actual < predicted).mean() == pytest.approx(share, abs=0.04)
    mine, other = (mean_pinball_loss(actual, one, alpha=share) for one in (predicted, linear.predict(later)))
    assert mine < 1.02 * other


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_before_the_first_step_as_many_targets_lie_below_a_quantile_as_it_says(share):
    windows, targets = skewed(500, 0)
    weight = np.random.default_rng(2).integers(0, 3, size=500)
    options = {"loss": "quantile", "quantile": share, "learning_rate": 1e-12, "validation_fraction": 0.0}
    network = regressor(**options).fit(windows, targets, sample_weight=weight)
    below = np.average(targets <= network.predict(windows) + 1e-5, weights=weight)
    assert below == pytest.approx(share, abs=0.005)


# Determinism, copies, and what a fit leaves alone


@pytest.mark.parametrize("kind", ["regressor", "classifier"])
@pytest.mark.parametrize("way", ["pickle", "deepcopy", "joblib"])
def test_copies_predict_the_same(kind, way, request):
    estimator = request.getfixturevalue(f"fitted_{kind}")
    if way == "pickle":
        copied = pickle.loads(pickle.dumps(estimator))
    elif way == "deepcopy":
        copied = copy.deepcopy(estimator)
    else:
        buffer = io.BytesIO()
        joblib.dump(estimator, buffer)
        buffer.seek(0)
        copied = joblib.load(buffer)
    assert copied.predict(X).tolist() == estimator.predict(X).tolist()
    assert copied.get_params() == estimator.get_params()


def test_the_same_seed_gives_the_same_predictions_and_another_does_not():
    free = {"linear_skip": False}
    first, again, other = (regressor(random_state=seed, **free).fit(X, Y).predict(X) for seed in (3, 3, 4))
    assert first.tolist() == again.tolist()
    assert np.abs(first - other).max() > 1e-3


def test_fit_leaves_parameters_and_data_alone_and_predict_the_estimator():
    windows, targets = X.copy(), Y.copy()
    estimator = regressor()
    before = estimator.get_params()
    assert estimator.fit(windows, targets) is estimator
    assert estimator.get_params() == before
    assert (windows == X).all()
    assert (targets == Y).all()
    state = pickle.dumps(estimator)
    estimator.predict(windows)
    assert pickle.dumps(estimator) == state


def test_a_fit_tells_what_it_did(fitted_regressor, fitted_classifier):
    for estimator in (fitted_regressor, fitted_classifier):
        assert estimator.n_features_in_ == STEPS
        assert estimator.window_shape_ == (STEPS,)
        assert estimator.n_held_out_ == 30
        stages = [entry["stage"] for entry in estimator.history_]
        assert estimator.n_iter_ == len(stages) >= 6  # of so few steps each is an epoch
        assert estimator.loss_curve_ == [entry["loss"] for entry in estimator.history_]
        assert all(
            ("val_loss" in entry) == (stage == 0) for entry, stage in zip(estimator.history_, stages, strict=True)
        )
    assert fitted_classifier.classes_.tolist() == ["down", "up"]


def test_callbacks_are_told():
    watch = Watch()
    estimator = regressor().fit(X, Y, callbacks=[watch])
    assert watch.begun == [{"members": 1, "windows": 170, "held_out_windows": 30, "epochs": 40}]
    assert [logs for _, logs in watch.epochs] == estimator.history_


def test_a_training_interrupted_from_the_keyboard_leaves_the_best_so_far():
    estimator = regressor()
    with pytest.raises(KeyboardInterrupt, match="best weights until then"):
        estimator.fit(X, Y, callbacks=[Watch(interrupt_at=2)])
    assert len(estimator.history_) == 3
    assert estimator.score(X, Y) > 0.5


def test_the_names_of_columns_are_remembered_and_compared():
    frame = pd.DataFrame(X, columns=[f"lag {STEPS - step}" for step in range(STEPS)])
    estimator = regressor(max_steps=1).fit(frame, Y)
    assert estimator.feature_names_in_.tolist() == list(frame.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.predict(frame[frame.columns[::-1]])


# Weights


@pytest.mark.parametrize("estimator", [regressor(validation_fraction=0.0), classifier(validation_fraction=0.0)])
def test_a_weight_counts_as_so_many_samples(estimator):
    counts = np.random.default_rng(0).integers(0, 3, size=60)
    y = SIGNS[:60] if isinstance(estimator, SimpleRNNClassifier) else Y[:60]
    order = np.random.default_rng(1).permutation(np.repeat(np.arange(60), counts))
    weighted = copy.deepcopy(estimator).fit(X[:60], y, sample_weight=counts)
    repeated = copy.deepcopy(estimator).fit(X[order], y[order])
    assert weighted._outputs(X).tolist() == repeated._outputs(X).tolist()


def test_weights_move_the_fit_of_many_samples_too(fitted_regressor):
    weight = np.where(np.arange(len(Y)) % 2, 10.0, 0.1)
    shifted = np.where(np.arange(len(Y)) % 2, Y + 5, Y)
    assert np.mean(regressor().fit(X, shifted, weight).predict(X) - fitted_regressor.predict(X)) > 4


def test_held_out_errors_are_weighted():
    weight = np.ones(len(Y))
    weight[-15:] = 0.0
    first = regressor().fit(X, Y, weight)
    second = regressor().fit(X[:-15], Y[:-15])
    assert first.predict(X).tolist() == second.predict(X).tolist()


# Going on


def test_warm_start_goes_on_from_the_last_fit():
    cold = regressor(linear_skip=False, max_steps=30, refit=False)
    first = cold.fit(X, Y).history_[-1]["val_loss"]
    scaling = cold._scaling
    cold.set_params(warm_start=True).fit(X, Y)
    assert cold.history_[0]["val_loss"] <= first * 1.05
    assert cold._scaling is scaling
    assert cold.set_params(warm_start=False).fit(X, Y).history_[-1]["val_loss"] == first


def test_warm_start_refuses_what_does_not_fit_the_network():
    estimator = regressor(warm_start=True, max_steps=1).fit(X, Y)
    with pytest.raises(ValueError, match="X has 7 features, but SimpleRNNRegressor is expecting 8"):
        estimator.fit(X[:, 1:], Y)
    with pytest.raises(DataError, match="y has 2 outputs, but SimpleRNNRegressor was fitted to 1"):
        estimator.fit(X2, Y2)
    other = classifier(warm_start=True, max_steps=1).fit(X, SIGNS)
    with pytest.raises(DataError, match="classes that are not known: 0, 1, 2"):
        other.fit(X, LEVELS)


@pytest.mark.parametrize(
    ("name", "value"),
    {
        "units": 5,
        "n_layers": 2,
        "n_members": 2,
        "linear_skip": False,
        "segment_length": 2,
        "loss": "absolute_error",
    }.items(),
)
def test_going_on_with_another_network_is_refused(name, value, fitted_regressor):
    estimator = copy.deepcopy(fitted_regressor).set_params(**{name: value})
    for go_on in (estimator.partial_fit, estimator.set_params(warm_start=True).fit):
        with pytest.raises(ParameterError, match=f"goes on with the network of the last fit, but {name} changed"):
            go_on(X, Y)
    assert estimator.predict(X).tolist() == fitted_regressor.predict(X).tolist()


def test_a_first_fit_that_fails_leaves_the_estimator_unfitted():
    estimator = regressor(segment_length=3)
    with pytest.raises(DataError, match="not a multiple"):
        estimator.fit(X, Y)
    with pytest.raises(NotFittedError):
        estimator.predict(X)


def test_partial_fit_trains_on():
    estimator = regressor(linear_skip=False, learning_rate=0.02, batch_size=32, random_state=0)
    scores = [estimator.partial_fit(X, Y).score(X, Y) for _ in range(15)]
    assert scores[-1] > max(0.5, scores[0])
    assert estimator.n_iter_ == 15 * 7
    assert len(estimator.history_) == 15 * 7
    assert estimator.n_held_out_ == 0
    assert [entry["epoch"] for entry in estimator.history_] == list(range(15 * 7))
    estimator.partial_fit(X[:1], Y[:1])
    assert estimator.n_iter_ == 15 * 7 + 1


def test_partial_fit_of_a_classifier_knows_its_classes_from_the_first_call():
    estimator = classifier(learning_rate=0.02)
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        estimator.partial_fit(X, LEVELS)
    ups = LEVELS == 2
    estimator.partial_fit(X[ups], LEVELS[ups], classes=[0, 1, 2])
    assert estimator.predict_proba(X).shape == (len(X), 3)
    assert (estimator.predict(X) == 2).all()
    for _ in range(20):
        estimator.partial_fit(X, LEVELS)
    assert estimator.score(X, LEVELS) > 0.6
    with pytest.raises(DataError, match="classes that are not known: 3"):
        estimator.partial_fit(X[:2], [0, 3])
    with pytest.raises(ValueError, match="is not the same as on last call"):
        estimator.partial_fit(X, LEVELS, classes=[0, 1])


def test_partial_fit_goes_on_after_fit(fitted_classifier):
    estimator = copy.deepcopy(fitted_classifier)
    before = estimator.n_iter_, estimator.temperature_
    estimator.partial_fit(X, SIGNS)
    assert (estimator.n_iter_, estimator.temperature_) == (before[0] + 2, before[1])


# Probabilities


def test_the_temperature_has_the_lowest_log_loss_on_what_was_held_out():
    estimator = classifier(refit=False, max_steps=60, learning_rate=0.05).fit(X, SIGNS)
    held = slice(len(X) - estimator.n_held_out_, None)
    logits = estimator._outputs(X[held]).mean(axis=0)
    frequencies = estimator._log_frequencies
    truth = (SIGNS[held] == "up").astype(int)

    def loss(temperature):
        logs = log_softmax(frequencies + (logits - frequencies) / temperature, axis=1)
        return log_loss(truth, np.exp(logs))

    best = min(loss(1 / trust) for trust in np.linspace(0.001, 2, 400))
    assert loss(estimator.temperature_) <= best + 1e-6
    np.testing.assert_allclose(
        estimator.predict_proba(X[held]),
        np.exp(log_softmax(frequencies + (logits - frequencies) / estimator.temperature_, axis=1)),
    )


@pytest.mark.slow
def test_where_nothing_can_be_predicted_probabilities_are_the_frequencies():
    rng = np.random.default_rng(3)
    noise, rises = rng.normal(size=(600, STEPS)), rng.random(600) < 0.6
    estimator = classifier(max_steps=100).fit(noise[:400], rises[:400])
    up = estimator.predict_proba(noise[400:])[:, 1]
    assert np.abs(up - rises[:400].mean()).max() < 0.1
    always_up = log_loss(rises[400:], np.full(200, rises[:400].mean()))
    assert log_loss(rises[400:], up) < always_up + 0.005


def test_after_a_refit_the_frequencies_are_those_of_all_samples():
    """The held-out days all rise; nothing can be told from windows that do not change."""
    still, rises = np.ones((200, STEPS)), np.arange(200) % 2 == 0
    rises[-30:] = True
    up = (rises.sum() + 1) / (len(rises) + 2)
    estimator = classifier(learning_rate=1e-12).fit(still, rises)
    np.testing.assert_allclose(estimator.predict_proba(still)[:, 1], up, rtol=1e-5)
    assert estimator.temperature_ == 1.0
    assert classifier(learning_rate=1e-12, refit=False).fit(still, rises).predict_proba(still[:1])[0, 1] < 0.51


def test_decisions_probabilities_and_classes_agree(fitted_classifier):
    up = fitted_classifier.predict_proba(X)[:, 1]
    decision = fitted_classifier.decision_function(X)
    np.testing.assert_allclose(decision, np.log(up / (1 - up)), rtol=1e-9)
    assert ((decision > 0) == (fitted_classifier.predict(X) == "up")).all()
    many = classifier(max_steps=1).fit(X, LEVELS)
    assert many.decision_function(X).shape == (len(X), 3)
    np.testing.assert_allclose(many.predict_proba(X).sum(axis=1), 1)
    assert (many.predict_proba(X).argmax(axis=1) == many.predict(X)).all()
    np.testing.assert_allclose(np.exp(many.predict_log_proba(X)), many.predict_proba(X))


# scikit-learn's tools


def test_in_a_pipeline_with_a_search_over_splits_in_time():
    search = GridSearchCV(
        make_pipeline(StandardScaler(), regressor(max_steps=2)),
        {"simplernnregressor__units": [2, 4]},
        cv=TimeSeriesSplit(3, gap=1),
    ).fit(X, Y)
    assert search.best_score_ > 0.5
    assert search.best_estimator_.predict(X).shape == Y.shape


@pytest.mark.parametrize("estimator", [regressor(max_steps=2), classifier(max_steps=2)])
def test_in_a_cross_validation_by_several_threads(estimator):
    targets = SIGNS if isinstance(estimator, SimpleRNNClassifier) else Y
    alone = cross_val_score(estimator, X, targets, cv=TimeSeriesSplit(3))
    with joblib.parallel_backend("threading", n_jobs=2):
        together = cross_val_score(estimator, X, targets, cv=TimeSeriesSplit(3))
    assert together.tolist() == alone.tolist()
    assert alone.mean() > 0.4


@pytest.mark.slow
def test_in_a_cross_validation_by_several_processes():
    estimator = regressor(max_steps=2)
    alone = cross_val_score(estimator, X, Y, cv=TimeSeriesSplit(3))
    np.testing.assert_allclose(cross_val_score(estimator, X, Y, cv=TimeSeriesSplit(3), n_jobs=2), alone, rtol=1e-6)


def test_with_transformed_targets():
    prices = np.exp(0.1 * Y)
    plain = regressor(max_steps=2).fit(X, np.log(prices))
    through = TransformedTargetRegressor(regressor(max_steps=2), func=np.log, inverse_func=np.exp).fit(X, prices)
    np.testing.assert_allclose(through.predict(X), np.exp(plain.predict(X)))


def test_windows_with_features_go_through_a_pipeline():
    series = np.column_stack([wave(), np.arange(208.0)])
    windows, after = make_windows(series, STEPS)
    pipeline = make_pipeline(FunctionTransformer(lambda part: part - part[:, -1:]), regressor(max_steps=2))
    assert pipeline.fit(windows, after).predict(windows).shape == after.shape


# What is refused


@pytest.mark.parametrize("kind", [regressor, classifier])
@pytest.mark.parametrize(
    ("windows", "targets", "message"),
    [
        (np.where(X.flat[30] == X, np.nan, X), Y, "contains NaN"),
        (np.where(X.flat[30] == X, np.inf, X), Y, "contains infinity"),
        (X[:, 0], Y, "Expected 2D array, got 1D array"),
        (X[:, :, None, None], Y, "X has 4 axes"),
        (X[:0], Y[:0], "0 sample"),
        (X[:1], Y[:1], "1 sample"),
        (X, Y[:-1], "inconsistent numbers of samples"),
        (X[:, :0], Y, r"0 feature\(s\)"),
    ],
)
def test_samples_that_cannot_be_used_are_refused(kind, windows, targets, message):
    with pytest.raises(ValueError, match=message):
        kind().fit(windows, targets if kind is regressor else targets > 0)


def test_targets_that_cannot_be_used_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        regressor().fit(X, np.where(Y > 1, np.nan, Y))
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        classifier().fit(X, Y)
    with pytest.raises(DataError, match="at least 2 classes, and there is only the class 'up'"):
        classifier().fit(X, np.full(len(X), "up"))
    with pytest.raises(DataError, match="at least 2 classes"):
        classifier().fit(X, SIGNS, sample_weight=(SIGNS == "up").astype(float))


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.zeros(len(Y)), "at least one non-zero"),
        (-np.ones(len(Y)), "[Nn]egative"),
        (np.ones(3), "sample_weight.shape"),
        (np.full(len(Y), np.nan), "NaN"),
        (np.arange(len(Y)) == 5, "only 1 sample has a weight above 0"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        regressor().fit(X, Y, sample_weight=weight)


def test_windows_unlike_those_of_the_fit_are_refused(fitted_regressor):
    with pytest.raises(ValueError, match="X has 7 features, but SimpleRNNRegressor is expecting 8"):
        fitted_regressor.predict(X[:, 1:])
    with pytest.raises(
        DataError, match=r"windows of the shape \(8, 2\), but SimpleRNNRegressor was fitted to .* \(8,\)"
    ):
        fitted_regressor.predict(np.stack([X, X], axis=2))
    with pytest.raises(ValueError, match="NaN"):
        fitted_regressor.predict(np.where(X > 1, np.nan, X))


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "decision_function", "loss_curve_"]
)
def test_what_needs_a_fit_says_so(method):
    with pytest.raises(NotFittedError, match="SimpleRNNClassifier instance is not fitted yet"):
        getattr(classifier(), method)(X)
