"""Every parameter of the estimators on windows: what is refused, and that it does something."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from forecasting import SimpleRNNClassifier, SimpleRNNRegressor, make_windows
from forecasting.errors import DataError, ParameterError

Estimator = SimpleRNNRegressor | SimpleRNNClassifier
TINY: dict[str, Any] = {"units": 4, "n_members": 1, "max_steps": 6, "random_state": 0}
WINDOWS, AFTER = make_windows(np.sin(np.arange(200) / 2) + np.random.default_rng(0).normal(0, 0.3, 200), 8)


def losses(estimator: Estimator) -> list[float]:
    return estimator.loss_curve_


def outputs(estimator: Estimator) -> list[float]:
    if isinstance(estimator, SimpleRNNClassifier):
        return estimator.predict_proba(WINDOWS)[:, 1].tolist()
    return estimator.predict(WINDOWS).tolist()


def size(estimator: Estimator) -> int:
    return sum(weight.size for weight in estimator._weights.values())


@dataclass
class Parameter:
    """What is refused, what the message says is allowed, and another value with what shows that it acts."""

    refused: list[Any]
    allowed: str
    other: Any
    seen: Callable[[Estimator], Any]
    common: dict[str, Any] = field(default_factory=dict)


NUMBERS = [0, -1, 2.5, "3", True, np.nan]
FLAGS = [1, "yes", None]
RATES = [0, -0.1, np.inf, np.nan, "fast", True]

PARAMETERS = {
    "segment_length": Parameter(NUMBERS, "a whole number, at least 1, or None", 2, size),
    "units": Parameter([*NUMBERS, None], "a whole number, at least 1", 5, size),
    "n_layers": Parameter(NUMBERS, "a whole number, at least 1", 2, size),
    "linear_skip": Parameter(FLAGS, "True or False", False, size),
    "n_members": Parameter(NUMBERS, "a whole number, at least 1", 2, size),
    "max_steps": Parameter(NUMBERS, "a whole number, at least 1, or None", 3, lambda e: e.n_iter_),
    "batch_size": Parameter(NUMBERS, "a whole number, at least 1", 5, losses),
    "learning_rate": Parameter(RATES, "a finite number above 0", 0.1, losses),
    "clip_norm": Parameter(RATES, "a finite number above 0", 1e-4, outputs, common={"linear_skip": False}),
    "validation_fraction": Parameter(
        [-0.1, 1, 1.5, np.nan, "some", True, None], "a number from 0 to below 1", 0.4, lambda e: e.n_held_out_
    ),
    "refit": Parameter(
        FLAGS,
        "True or False",
        False,
        lambda e: {entry["stage"] for entry in e.history_},
        common={"linear_skip": False, "learning_rate": 0.05},
    ),
    "warm_start": Parameter(FLAGS, "True or False", True, lambda e: losses(e.fit(*e.seen_)), common={"refit": False}),
    "random_state": Parameter(
        ["a", -1, 2**32, 1.5],
        "a whole number from 0 to 2**32 - 1 or a numpy.random.RandomState, or None",
        1,
        outputs,
        common={"linear_skip": False},
    ),
    "verbose": Parameter([-1, "loud", None, 0.5], "a whole number, at least 0", 1, lambda e: e.verbose),
}
OF_THE_REGRESSOR = {
    "loss": Parameter(
        ["mse", None, 1], "one of 'squared_error', 'absolute_error', 'quantile'", "absolute_error", losses
    ),
    "quantile": Parameter(
        [0, 1, -0.5, 90, "0.9", None, True, np.nan],
        "a number above 0 and below 1",
        0.9,
        outputs,
        common={"loss": "quantile"},
    ),
}
EVERY = [(SimpleRNNRegressor, {**PARAMETERS, **OF_THE_REGRESSOR}), (SimpleRNNClassifier, PARAMETERS)]


def fitted(estimator: Estimator) -> Estimator:
    targets = AFTER > 0 if isinstance(estimator, SimpleRNNClassifier) else AFTER
    estimator.fit(WINDOWS, targets)
    estimator.seen_ = (WINDOWS, targets)
    return estimator


@pytest.mark.parametrize(("kind", "entries"), EVERY)
def test_every_parameter_has_its_entry(kind, entries):
    parameters = inspect.signature(kind).parameters
    assert entries.keys() == parameters.keys()
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters.values())


@pytest.mark.parametrize(("kind", "entries"), EVERY)
def test_a_clone_has_every_parameter_away_from_its_default(kind, entries):
    otherwise = {name: entry.other for name, entry in entries.items()}
    defaults = inspect.signature(kind).parameters
    assert all(otherwise[name] != defaults[name].default for name in otherwise)
    copied = clone(kind(**otherwise))
    assert copied.get_params() == otherwise
    assert kind().set_params(**otherwise).get_params() == otherwise
    for name in otherwise:
        assert f"{name}=" in repr(kind(**otherwise))


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [(kind, name, value) for kind, entries in EVERY for name, entry in entries.items() for value in entry.refused],
    ids=repr,
)
def test_a_wrong_value_is_refused_with_what_is_allowed(kind, name, value):
    allowed = dict(EVERY)[kind][name].allowed
    with pytest.raises(ParameterError) as error:
        fitted(kind(**TINY).set_params(**{name: value}))
    assert f"{kind.__name__}: {name} must be {allowed}, not {value!r}" in str(error.value)
    with pytest.raises(ParameterError, match=name):
        kind(**TINY).set_params(**{name: value}).partial_fit(WINDOWS, AFTER > 0, **classes_for(kind))


def classes_for(kind: type[Estimator]) -> dict[str, Any]:
    return {"classes": [False, True]} if kind is SimpleRNNClassifier else {}


@pytest.mark.parametrize(
    ("kind", "name"), [(SimpleRNNRegressor, name) for name in EVERY[0][1] if name != "verbose"], ids=str
)
def test_another_value_shows(kind, name):
    entry = EVERY[0][1][name]
    base = fitted(kind(**{**TINY, **entry.common}))
    other = fitted(kind(**{**TINY, **entry.common}).set_params(**{name: entry.other}))
    assert entry.seen(other) != entry.seen(base)


def test_a_progress_line_is_shown_where_wanted(capsys):
    fitted(SimpleRNNRegressor(**TINY))
    assert capsys.readouterr() == ("", "")
    fitted(SimpleRNNRegressor(**TINY, verbose=1))
    assert "training" in capsys.readouterr().err


def test_a_segment_that_does_not_divide_the_window_is_refused():
    with pytest.raises(DataError, match="8 steps, which is not a multiple of segment_length=3"):
        SimpleRNNRegressor(**TINY, segment_length=3).fit(WINDOWS, AFTER)


@pytest.mark.parametrize(("steps", "segment"), [(1, 1), (3, 1), (8, 1), (32, 1), (48, 2), (90, 3), (97, 1), (240, 8)])
def test_windows_are_read_in_few_segments_where_they_divide(steps, segment):
    assert SimpleRNNRegressor()._segment(steps) == segment
