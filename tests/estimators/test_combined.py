"""Several forecasters whose forecasts are averaged."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from forecasting import CombinedForecaster, backtest
from forecasting.errors import ParameterError, StorageError
from tests.estimators.made import HORIZON, long_frame, tiny, values

SETTINGS = [{}, {"lookback": 12}, {"segment_length": 2, "random_state": 5}]


@pytest.fixture(scope="module")
def combined(frame):
    return CombinedForecaster(tiny(levels=[80, 95]), SETTINGS).fit(frame)


@pytest.fixture(scope="module")
def apart(frame):
    return [tiny(levels=[80, 95]).set_params(**one).fit(frame) for one in SETTINGS]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"horizon": 2 * HORIZON},
        {"levels": [50]},
        {"levels": [], "quantiles": [0.1, 0.5]},
        {"strategy": "recursive"},
    ],
    ids=str,
)
def test_every_column_is_the_mean_of_those_fitted_apart(combined, apart, asked):
    frames = [one.predict(**asked) for one in apart]
    found = combined.predict(**asked)
    assert list(found) == list(frames[0])
    assert found[["unique_id", "ds"]].equals(frames[0][["unique_id", "ds"]])
    np.testing.assert_allclose(values(found), np.mean([values(one) for one in frames], axis=0), rtol=1e-12)
    assert values(frames[0]) != values(frames[1])


def test_other_histories_are_forecast_by_all(combined, apart, frame):
    shorter = frame.groupby("unique_id").head(40)
    expected = np.mean([values(one.predict(data=shorter)) for one in apart], axis=0)
    np.testing.assert_allclose(values(combined.predict(data=shorter)), expected, rtol=1e-12)


def test_the_forecaster_given_stays_as_it_is(frame):
    plain = tiny()
    before = plain.get_params()
    CombinedForecaster(plain, [{"lookback": 12}]).fit(frame)
    assert plain.get_params() == before
    with pytest.raises(NotFittedError):
        plain.predict()


def test_it_stands_in_a_backtest(frame):
    settings = SETTINGS[:2]
    both = backtest(CombinedForecaster(tiny(levels=[80]), settings), frame, HORIZON, 2, verbose=0)
    each = [backtest(tiny(levels=[80]).set_params(**one), frame, HORIZON, 2, verbose=0) for one in settings]
    for name in ("SimpleRNN", "SimpleRNN-lo-80"):
        np.testing.assert_allclose(both[name], (each[0][name] + each[1][name]) / 2, rtol=1e-12)


def test_all_read_what_is_known_ahead():
    frame = long_frame((60,))
    frame["x"] = np.arange(60.0) % 3
    ahead = pd.DataFrame({"unique_id": "a", "ds": pd.date_range(frame["ds"].max(), periods=5)[1:], "x": 1.0})
    combined = CombinedForecaster(tiny(future_covariates=["x"]), SETTINGS[:2]).fit(frame)
    expected = np.mean([values(one.predict(future=ahead)) for one in combined.forecasters_], axis=0)
    np.testing.assert_allclose(values(combined.predict(future=ahead)), expected, rtol=1e-12)


def test_a_loaded_one_forecasts_exactly_as_the_saved_one(combined, frame, tmp_path):
    combined.save(tmp_path / "kept")
    loaded = CombinedForecaster.load(tmp_path / "kept")
    pd.testing.assert_frame_equal(loaded.predict(), combined.predict(), check_exact=True)
    assert loaded.settings[1:] == SETTINGS[1:]
    pd.testing.assert_frame_equal(loaded.fit(frame).predict(), combined.predict())
    with pytest.raises(StorageError, match="not empty"):
        combined.save(tmp_path / "kept")


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_what_is_not_there_is_not_loaded(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(StorageError, match="no combined forecaster"):
        CombinedForecaster.load(tmp_path / name)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ([], "nothing to combine"),
        ([{"look_back": 12}], "no parameter 'look_back'.*lookback"),
        ([{}, {"horizon": 9}], "different horizons"),
        ([{"units": 0}], "units"),
    ],
)
def test_settings_that_cannot_be_are_refused(frame, settings, problem):
    with pytest.raises(ParameterError, match=problem):
        CombinedForecaster(tiny(), settings).fit(frame)


def test_it_cannot_forecast_before_it_is_fitted(tmp_path):
    with pytest.raises(NotFittedError):
        CombinedForecaster(tiny(), SETTINGS).predict()
    with pytest.raises(NotFittedError):
        CombinedForecaster(tiny(), SETTINGS).save(tmp_path / "kept")
