"""The checks of scikit-learn's own list that can apply to a forecaster, which takes tables with times instead of X."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks
from sklearn.utils.validation import check_is_fitted

from forecasting import SimpleRNNForecaster
from forecasting.errors import ParameterError
from tests.estimators.covered import covered_frame
from tests.estimators.made import tiny, values
from tests.estimators.test_parameters import PARAMETERS

WITHOUT_X = [
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_estimators_unfitted",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
]
OTHER_VALUES = {name: parameter.other for name, parameter in PARAMETERS.items()}


@pytest.mark.parametrize("check", WITHOUT_X)
def test_checks_of_scikit_learn_that_need_no_x(check):
    getattr(estimator_checks, check)("SimpleRNNForecaster", SimpleRNNForecaster(4))


def test_a_fit_adds_only_attributes_that_end_or_begin_with_an_underscore(fitted):
    added = set(vars(fitted)) - set(vars(tiny()))
    assert added
    assert not [name for name in added if not name.endswith("_") and not name.startswith("_")]


def test_only_a_fit_makes_it_fitted(fitted):
    check_is_fitted(fitted)
    for forecaster in (tiny(), clone(fitted), copy.deepcopy(tiny())):
        with pytest.raises(NotFittedError):
            check_is_fitted(forecaster)


def test_a_fit_that_is_refused_leaves_it_unfitted(frame):
    forecaster = tiny(units=0)
    with pytest.raises(ParameterError):
        forecaster.fit(frame)
    assert vars(forecaster) == vars(tiny(units=0))


def test_data_that_cannot_be_written_to_are_read(frame, fitted):
    locked = frame.copy()
    arrays = {name: locked[name].to_numpy(copy=True) for name in ("ds", "y")}
    for array in arrays.values():
        array.flags.writeable = False
    locked = pd.DataFrame({"unique_id": locked["unique_id"], **arrays}, copy=False)
    assert values(clone(fitted).fit(locked).predict()) == values(fitted.predict())
    np.testing.assert_array_equal(arrays["y"], frame["y"])


def test_the_order_of_rows_and_what_is_not_asked_for_do_not_matter(frame, fitted):
    shuffled = frame.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(fitted.predict(data=shuffled), fitted.predict())
    alone = fitted.predict(data=frame[frame["unique_id"] == "b"])
    together = fitted.predict().query("unique_id == 'b'").reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, together, rtol=1e-5)


@pytest.mark.parametrize("name", PARAMETERS)
def test_each_parameter_survives_clone_pickle_set_and_text(name):
    value = OTHER_VALUES[name]
    forecaster = SimpleRNNForecaster(7).set_params(**{name: value})
    for copied in (clone(forecaster), pickle.loads(pickle.dumps(forecaster)), copy.deepcopy(forecaster)):
        assert copied.get_params() == forecaster.get_params()
        assert copied.get_params()[name] == value
    assert f"{name}={value!r}" in repr(forecaster) or value == SimpleRNNForecaster(7).get_params()[name]
    with sklearn.config_context(print_changed_only=False):
        assert f"{name}={value!r}" in repr(forecaster).replace("\n", " ")


def test_a_notebook_shows_it_before_and_after_a_fit(fitted):
    for forecaster in (tiny(), fitted):
        assert "SimpleRNNForecaster" in forecaster._repr_html_()


def test_a_fitted_one_with_every_parameter_away_from_its_default_survives_pickle_and_clone():
    fitting = {"horizon": 3, "lookback": 12, "levels": [60], "max_steps": 3, "verbose": 0}
    days = {"frequency": "D", "calendar": None}  # a calendar states the frequency
    days |= {"covariates": None}  # roles are either inferred or named
    whole = covered_frame((93,))
    data, future = whole.iloc[:90].drop(index=[20]), whole.iloc[90:]
    forecaster = SimpleRNNForecaster(**(OTHER_VALUES | fitting | days)).fit(data)
    forecast = forecaster.predict(future=future)
    copied = pickle.loads(pickle.dumps(forecaster))
    pd.testing.assert_frame_equal(copied.predict(future=future), forecast)
    pd.testing.assert_frame_equal(clone(forecaster).fit(data).predict(future=future), forecast)
