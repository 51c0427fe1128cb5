"""What scikit-learn expects of an estimator."""

import copy
import inspect
import io
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from forecasting import SimpleRNNForecaster
from forecasting.errors import DataError, ParameterError
from tests.estimators.made import long_frame, tiny, values

OTHERWISE = {
    "horizon": 5,
    "season_length": 4,
    "lookback": 12,
    "levels": [70, 90],
    "learned_quantiles": [0.2, 0.8],
    "frequency": "D",
    "calendar": "XNYS",
    "irregular": "mean",
    "gaps": "mask",
    "target": "log",
    "covariates": "infer",
    "past_covariates": ["noise"],
    "future_covariates": ["heat"],
    "static_covariates": ["region"],
    "calendar_covariates": ["weekday"],
    "segment_length": 2,
    "units": 7,
    "n_layers": 2,
    "linear_skip": False,
    "combine_naive": False,
    "n_members": 5,
    "max_steps": 17,
    "batch_size": 9,
    "learning_rate": 0.5,
    "clip_norm": 3.0,
    "refit": False,
    "random_state": 11,
    "verbose": 0,
}


def test_every_parameter_is_away_from_its_default_here():
    parameters = inspect.signature(SimpleRNNForecaster).parameters
    assert OTHERWISE.keys() == parameters.keys()
    assert all(OTHERWISE[name] != parameter.default for name, parameter in parameters.items())


def test_parameters_are_stored_untouched():
    forecaster = SimpleRNNForecaster(**OTHERWISE)
    assert all(getattr(forecaster, name) is value for name, value in OTHERWISE.items())
    assert vars(forecaster).keys() == OTHERWISE.keys()


def test_only_the_horizon_may_be_given_by_its_place():
    with pytest.raises(TypeError, match="positional"):
        SimpleRNNForecaster(3, 4)


def test_nothing_is_checked_before_fit():
    forecaster = SimpleRNNForecaster(horizon="soon", units=-1)
    assert forecaster.units == -1


def test_parameters_can_be_read_set_and_cloned():
    forecaster = SimpleRNNForecaster(**OTHERWISE)
    assert forecaster.get_params() == OTHERWISE
    copied = clone(forecaster)
    assert copied is not forecaster
    assert copied.get_params() == OTHERWISE
    assert SimpleRNNForecaster(1).set_params(**OTHERWISE).get_params() == OTHERWISE
    with pytest.raises(ValueError, match="Invalid parameter 'speed'"):
        forecaster.set_params(speed=1)


def test_a_clone_of_a_fitted_forecaster_is_not_fitted(fitted):
    copied = clone(fitted)
    assert copied.get_params() == fitted.get_params()
    assert not [name for name in vars(copied) if name.endswith("_")]


def test_the_text_of_a_forecaster_names_what_differs_from_the_default():
    text = repr(SimpleRNNForecaster(6, units=7, target="log"))
    assert text == "SimpleRNNForecaster(horizon=6, target='log', units=7)"


def test_what_needs_a_fit_says_so(tmp_path):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        tiny().predict()
    with pytest.raises(NotFittedError, match="not fitted yet"):
        tiny().save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_fitting_gives_the_forecaster_back_and_leaves_parameters_and_data_alone(frame):
    levels = [80]
    forecaster = tiny(levels=levels)
    before, data = copy.deepcopy(forecaster.get_params()), frame.copy(deep=True)
    assert forecaster.fit(frame) is forecaster
    assert forecaster.get_params() == before
    assert forecaster.levels is levels
    forecaster.levels_.append(50)
    assert levels == [80]
    pd.testing.assert_frame_equal(frame, data)


def test_predicting_leaves_the_forecaster_and_the_data_alone(fitted, frame, tmp_path):
    def snapshot(name):
        fitted.save(tmp_path / name)
        with np.load(tmp_path / name / "arrays.npz") as arrays:
            return (tmp_path / name / "forecaster.json").read_text(), {key: arrays[key].tolist() for key in arrays}

    fitted.predict()
    before, names, data = snapshot("before"), set(vars(fitted)), frame.copy(deep=True)
    first = fitted.predict(levels=[60])
    fitted.predict(horizon=9, data=frame)
    assert snapshot("after") == before
    assert set(vars(fitted)) == names
    pd.testing.assert_frame_equal(frame, data)
    pd.testing.assert_frame_equal(fitted.predict(levels=[60]), first)


@pytest.mark.parametrize("way", ["pickle", "deepcopy", "joblib"])
def test_copies_forecast_the_same(way, fitted):
    if way == "pickle":
        copied = pickle.loads(pickle.dumps(fitted))
    elif way == "deepcopy":
        copied = copy.deepcopy(fitted)
    else:
        buffer = io.BytesIO()
        joblib.dump(fitted, buffer)
        buffer.seek(0)
        copied = joblib.load(buffer)
    pd.testing.assert_frame_equal(copied.predict(), fitted.predict())
    pd.testing.assert_frame_equal(copied.validation_, fitted.validation_)
    assert copied.get_params() == fitted.get_params()


def test_the_same_seed_gives_the_same_forecasts(frame, fitted):
    again = clone(fitted).fit(frame)
    pd.testing.assert_frame_equal(again.predict(), fitted.predict())
    pd.testing.assert_frame_equal(again.validation_, fitted.validation_)


def test_another_seed_gives_other_forecasts(frame):
    generator = np.random.RandomState(0)
    seeds = [0, 1, None, None, generator, generator, np.random.RandomState(0)]
    first, second, free, other, drawn, next_draw, same_draw = (
        values(tiny(random_state=seed, linear_skip=False, combine_naive=False).fit(frame).predict()) for seed in seeds
    )
    assert first != second
    assert free != other
    assert drawn != next_draw
    assert first == drawn == same_draw


def test_fitting_again_begins_anew(frame):
    forecaster = tiny().fit(long_frame((40,)))
    forecaster.fit(frame)
    pd.testing.assert_frame_equal(forecaster.predict(), tiny().fit(frame).predict())
    assert len(forecaster.history_) == len(tiny().fit(frame).history_)


@pytest.mark.parametrize("gap_policy", ["refuse", "interpolate"])
def test_parameters_set_after_a_fit_wait_for_the_next_one(gap_policy, frame, tmp_path):
    forecaster = tiny(levels=[80], gaps=gap_policy, target="log").fit(frame)
    expected = forecaster.predict()
    fitted = {name: getattr(forecaster, name) for name in ("target_", "gaps_", "lookback_", "season_length_")}
    changes = {"gaps": "mask", "target": "difference", "lookback": 12, "season_length": 2, "levels": [50], "units": 9}
    forecaster.set_params(horizon=9, **changes)
    pd.testing.assert_frame_equal(forecaster.predict(), expected)
    pd.testing.assert_frame_equal(forecaster.predict(data=frame), expected)
    assert {name: getattr(forecaster, name) for name in fitted} == fitted
    assert fitted["target_"] == "log"
    if gap_policy == "refuse":
        with pytest.raises(DataError, match="1 step has no value"):
            forecaster.predict(data=frame.drop(index=20))
    forecaster.save(tmp_path / "model")
    pd.testing.assert_frame_equal(
        SimpleRNNForecaster.load(tmp_path / "model").predict()["SimpleRNN"].to_frame(), expected[["SimpleRNN"]]
    )
    assert len(forecaster.fit(frame).predict()) == 3 * 9


def test_a_fit_that_fails_leaves_the_one_before_in_use(frame):
    forecaster = tiny().fit(frame)
    before = forecaster.predict()
    with pytest.raises(DataError):
        forecaster.fit(frame.assign(y=1.0))
    pd.testing.assert_frame_equal(forecaster.predict(), before)
    forecaster.set_params(units=0)
    with pytest.raises(ParameterError):
        forecaster.fit(frame)
    pd.testing.assert_frame_equal(forecaster.predict(), before)
