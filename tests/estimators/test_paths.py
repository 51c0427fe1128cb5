"""Quantiles and sample paths of a fitted forecaster: order, agreement with the intervals, dependence, layout."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.exceptions import NotFittedError
from utilsforecast import losses

from forecasting import SimpleRNNForecaster
from forecasting.errors import ParameterError
from tests.estimators.made import HORIZON, one, tiny

SHARES = [0.02, 0.1, 0.5, 0.7, 0.9]


@pytest.fixture(scope="module")
def walk() -> SimpleRNNForecaster:
    """Fitted to a random walk, whose errors over the steps depend on each other."""
    steps = np.random.default_rng(3).normal(size=400).cumsum()
    series = pd.Series(100 + steps, index=pd.date_range("2023-01-01", periods=400, freq="D"), name="w")
    return tiny(8, season_length=1, levels=[80]).fit(series)


def test_quantiles_are_the_ends_of_the_intervals_and_the_forecast(fitted):
    forecast = fitted.predict(levels=[80, 40], quantiles=SHARES)

    names = [column for column in forecast if "-q-" in column]
    assert names == [f"SimpleRNN-q-{share}" for share in SHARES]
    for share, same in (
        (0.1, "SimpleRNN-lo-80"),
        (0.9, "SimpleRNN-hi-80"),
        (0.5, "SimpleRNN"),
        (0.7, "SimpleRNN-hi-40"),
    ):
        assert forecast[f"SimpleRNN-q-{share}"].to_numpy() == pytest.approx(forecast[same].to_numpy(), rel=1e-12)


@settings(max_examples=30)
@given(st.lists(st.floats(0.03, 0.97), min_size=2, max_size=6, unique=True), st.integers(1, 9))
def test_quantiles_never_cross(fitted, logarithmic, shares, horizon):
    shares = sorted(shares)
    for forecaster in (fitted, logarithmic):
        forecast = forecaster.predict(horizon=horizon, levels=[], quantiles=shares)
        assert (np.diff(forecast.iloc[:, 3:].to_numpy(), axis=1) >= 0).all()


@pytest.fixture(scope="module")
def logarithmic(frame) -> SimpleRNNForecaster:
    return tiny(target="log").fit(frame)


def test_quantile_losses_of_utilsforecast_read_the_columns(fitted, frame):
    forecast = fitted.predict(quantiles=SHARES)
    forecast["y"] = forecast["SimpleRNN"]
    columns = {"SimpleRNN": [f"SimpleRNN-q-{share}" for share in SHARES]}

    loss = losses.mqloss(forecast, columns, quantiles=np.array(SHARES))

    gap = forecast[columns["SimpleRNN"]].to_numpy() - forecast[["y"]].to_numpy()
    pinball = np.maximum(-np.array(SHARES) * gap, (1 - np.array(SHARES)) * gap)
    assert loss["SimpleRNN"].mean() == pytest.approx(pinball.mean())


@pytest.mark.parametrize("quantiles", [[0], [1], [50], 0.5, [0.1, 0.1], ["a"]])
def test_quantiles_outside_of_zero_to_one_are_refused_by_name(fitted, quantiles):
    with pytest.raises(ParameterError, match="quantiles must be"):
        fitted.predict(quantiles=quantiles)


def test_paths_come_as_a_long_frame_that_can_be_reshaped(fitted):
    forecast = fitted.predict(levels=[])

    paths = fitted.predict_paths(5, random_state=0)

    assert list(paths) == ["unique_id", "sample", "ds", "SimpleRNN"]
    assert paths["unique_id"].tolist() == np.repeat(["a", "b", "c"], 5 * HORIZON).tolist()
    assert paths["sample"].tolist() == 3 * np.repeat(np.arange(5), HORIZON).tolist()
    array = paths["SimpleRNN"].to_numpy().reshape(3, 5, HORIZON)
    assert len(np.unique(array)) > 50
    for _, sample in paths.groupby("sample"):
        pd.testing.assert_frame_equal(
            sample[["unique_id", "ds"]].reset_index(drop=True), forecast[["unique_id", "ds"]], check_dtype=False
        )


def test_the_same_random_state_gives_the_same_paths_and_another_gives_others(fitted, tmp_path):
    first = fitted.predict_paths(3, random_state=1)

    pd.testing.assert_frame_equal(fitted.predict_paths(3, random_state=1), first)
    assert not fitted.predict_paths(3, random_state=2)["SimpleRNN"].equals(first["SimpleRNN"])
    assert not fitted.predict_paths(3)["SimpleRNN"].equals(fitted.predict_paths(3)["SimpleRNN"])
    fitted.save(tmp_path / "model")
    again = SimpleRNNForecaster.load(tmp_path / "model").predict_paths(3, random_state=1)
    assert again["SimpleRNN"].to_numpy() == pytest.approx(first["SimpleRNN"].to_numpy())


@pytest.mark.parametrize("horizon", [3, 8, 12])
def test_each_step_of_the_paths_has_the_quantiles_of_predict(walk, horizon):
    paths = walk.predict_paths(8000, horizon, random_state=0)["SimpleRNN"].to_numpy().reshape(8000, horizon)
    quantiles = walk.predict(horizon, quantiles=SHARES)

    for share in SHARES:
        below = (paths <= quantiles[f"SimpleRNN-q-{share}"].to_numpy()).mean(axis=0)
        assert below == pytest.approx(share, abs=0.02)


def test_steps_of_the_paths_depend_on_each_other_as_held_out_errors_did(walk):
    paths = walk.predict_paths(4000, random_state=0)["SimpleRNN"].to_numpy().reshape(4000, 8)
    errors = (
        walk.validation_.assign(error=lambda rows: rows["y"] - rows["SimpleRNN"])["error"].to_numpy().reshape(-1, 8)
    )

    expected = spearmanr(errors).statistic

    assert expected[0, 7] < expected[6, 7]
    assert spearmanr(paths).statistic == pytest.approx(expected, abs=0.12)


def test_a_sum_over_steps_has_the_spread_of_held_out_sums_where_independent_steps_have_not(walk):
    paths = walk.predict_paths(4000, random_state=0)["SimpleRNN"].to_numpy().reshape(4000, 8)
    errors = (
        walk.validation_.assign(error=lambda rows: rows["y"] - rows["SimpleRNN"])["error"].to_numpy().reshape(-1, 8)
    )

    held_out = np.sqrt((errors.sum(axis=1) ** 2).mean())
    apart = np.sqrt(paths.var(axis=0).sum())

    assert paths.sum(axis=1).std() == pytest.approx(held_out, rel=0.25)
    assert apart < 0.6 * held_out


def test_paths_of_a_logarithm_stay_above_zero(frame):
    forecaster = tiny(target="log_return").fit(frame)

    assert (forecaster.predict_paths(50, 20, random_state=0)["SimpleRNN"] > 0).all()


def test_paths_go_on_from_other_histories(fitted):
    series = one(name="other")

    paths = fitted.predict_paths(2, 3, series, random_state=0)

    assert paths["unique_id"].unique().tolist() == ["other"]
    assert paths["ds"].min() > series.index.max()


@pytest.mark.parametrize("bad", [{"n_paths": 0}, {"n_paths": 2.5}, {"horizon": 0}, {"random_state": -1}])
def test_a_bad_parameter_is_refused_by_name(fitted, bad):
    with pytest.raises(ParameterError, match=f"{next(iter(bad))} must be"):
        fitted.predict_paths(**bad)


def test_an_unfitted_forecaster_draws_nothing():
    with pytest.raises(NotFittedError):
        tiny().predict_paths()


def test_width_follows_how_much_a_series_moved_lately():
    """Errors that grow with the latest changes: a restless end gets wider intervals than a calm one."""
    rng = np.random.default_rng(0)
    size = np.exp(np.sin(np.arange(1200) / 15))
    frame = pd.DataFrame({"unique_id": "a", "ds": np.arange(1200), "y": 50 + (size * rng.normal(size=1200)).cumsum()})
    forecaster = tiny(1, season_length=1, lookback=40, levels=[80], target="none").fit(frame)

    def half(stop: int) -> float:
        forecast = forecaster.predict(data=frame[:stop])
        return float(forecast["SimpleRNN-hi-80"].iloc[0] - forecast["SimpleRNN"].iloc[0])

    restless, calm = (np.mean([half(start + shift) for shift in range(10)]) for start in (1155, 1110))
    assert forecaster._model.conformal.power > 0.5
    assert restless > 2 * calm
