"""Forecasts through every kind of transform of the target."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting import SimpleRNNForecaster, audit, to_panel
from forecasting.errors import DataError, ParameterError
from forecasting.estimators.trust import Shares
from tests.estimators.made import HORIZON, TINY, long_frame, one, tiny, values, wave

SEASON = TINY["season_length"]
NAMES = ["box_cox", "asinh", "robust+asinh+difference", "log+standard", "box_cox+seasonal_difference"]


@pytest.mark.parametrize("name", NAMES)
def test_a_fitted_transform_is_shown_and_comes_back_with_the_forecaster(name, frame, tmp_path):
    forecaster = tiny(target=name, levels=[80]).fit(frame)
    forecaster.save(tmp_path / "model")
    loaded = SimpleRNNForecaster.load(tmp_path / "model")
    assert (loaded.target_, loaded.target) == (name, name)
    assert loaded.transform_.numbers.keys() == forecaster.transform_.numbers.keys()
    other = long_frame((30, 40)).replace("b", "new")
    for horizon, data in ((None, None), (9, None), (9, other)):
        pd.testing.assert_frame_equal(loaded.predict(horizon, data=data), forecaster.predict(horizon, data=data))


@pytest.mark.parametrize("name", NAMES)
def test_the_ends_of_intervals_and_quantiles_are_taken_back_one_by_one(name, frame):
    forecaster = tiny(target=name).fit(frame)
    forecast = forecaster.predict(9, levels=[50, 80], quantiles=[0.1, 0.5, 0.9])
    assert (forecast["SimpleRNN-q-0.1"] == forecast["SimpleRNN-lo-80"]).all()
    assert (forecast["SimpleRNN-q-0.9"] == forecast["SimpleRNN-hi-80"]).all()
    ends = ["SimpleRNN-lo-80", "SimpleRNN-lo-50", "SimpleRNN", "SimpleRNN-hi-50", "SimpleRNN-hi-80"]
    assert (forecast[ends].diff(axis=1).iloc[:, 1:] > 0).all(axis=None)
    ahead = to_panel(forecast.rename(columns={"SimpleRNN": "y"})[["unique_id", "ds", "y"]])[0]
    path = {column: forecaster.transform_.path(ahead.with_values(forecast[column])) for column in ends}
    for level in (50, 80):  # on the path an interval is as wide below as above
        low, high = path[f"SimpleRNN-lo-{level}"], path[f"SimpleRNN-hi-{level}"]
        assert (low + high) / 2 == pytest.approx(path["SimpleRNN"], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("horizon", [HORIZON, 11])
def test_a_forecast_of_seasonal_differences_is_that_of_a_plain_loop(horizon):
    series = one()
    forecaster = tiny(target="seasonal_difference", combine_naive=False).fit(series)
    assert forecaster.anchor_ == "seasonal_naive"
    known = series.tolist()
    lookback = forecaster.lookback_
    while len(known) < len(series) + horizon:
        shown = known[-lookback - SEASON :]
        differences = [shown[t] - shown[t - SEASON] for t in range(SEASON, len(shown))]
        scale = np.mean(np.abs(differences))
        scale = max(scale, 0.1 * np.mean(np.abs(np.diff(shown))))
        window = np.array([differences], dtype=np.float32) / np.float32(scale)
        ahead = forecaster._model.forecast_and_spread({"window": window, "observed": np.ones_like(window)})[0][0]
        known += [shown[-SEASON + step % SEASON] + scale * ahead[step] for step in range(HORIZON)]
    expected = known[len(series) : len(series) + horizon]
    assert forecaster.predict(horizon)["SimpleRNN"].to_numpy() == pytest.approx(expected, rel=1e-4)


def test_growth_of_a_steady_rate_adds_up_over_the_steps():
    prices = pd.Series(100 * 1.01 ** np.arange(80), index=pd.date_range("2024-01-01", periods=80, freq="D"), name="a")
    forecaster = tiny(season_length=1, combine_naive=False, target="log_return").fit(prices)
    forecast = forecaster.predict(9)["SimpleRNN"].to_numpy()
    returns = np.diff(np.log(np.append(prices.iloc[-1], forecast)))
    assert returns == pytest.approx(np.full(9, np.log(1.01)), rel=0.05)
    assert forecast[-1] == pytest.approx(prices.iloc[-1] * np.exp(returns.sum()))


@pytest.mark.parametrize("name", NAMES)
def test_no_number_knows_of_the_held_out_part(name, frame):
    later = frame.groupby("unique_id").cumcount(ascending=False) < 4
    other = frame.assign(y=frame["y"].where(~later, frame["y"] * 3))
    first, second = (tiny(target=name, max_steps=1).fit(data).transform_ for data in (frame, other))
    for key, number in first.numbers.items():
        assert np.array_equal(number, second.numbers[key]), key


def test_an_audit_finds_nothing_and_shows_the_numbers():
    forecaster = tiny(target="box_cox+robust+asinh", max_steps=2)
    report = audit(forecaster, long_frame((60, 50)), n_cutoffs=1, verbose=0)
    assert report.passed
    division = forecaster.fit(long_frame((60, 50))).fitted_stages()["division"]
    assert division["target's box_cox.power"] == forecaster.transform_.numbers["box_cox.power"]
    assert division["target's robust.scale"].shape == (2,)


def test_forecasts_through_box_cox_do_not_depend_on_the_unit():
    plain, tons = (np.array(values(tiny(target="box_cox").fit(one() * unit).predict())) for unit in (1, 2.0**20))
    assert tons / 2.0**20 == pytest.approx(plain, rel=1e-5)


def test_scaling_changes_what_windows_do_not_scale_away():
    """Each window is scaled by itself; only what is below a millionth of its level is taken for rounding.

    Above zero, moreover, a season may grow with the level, which it may not where zero has been moved.
    """
    for level, equal in ((-100, True), (1e9, False)):
        plain, scaled = (tiny(target=name, levels=[80]).fit(one() + level).predict() for name in ("none", "standard"))
        ends = ["SimpleRNN", "SimpleRNN-lo-80", "SimpleRNN-hi-80"]
        width = plain[ends].max(axis=1) - plain[ends].min(axis=1)
        apart = (plain[ends] - scaled[ends]).abs().max(axis=1) / width
        assert bool((apart < 1e-3).all()) == equal


@pytest.mark.parametrize(
    ("target", "from_zero"),
    [("none", True), ("difference", True), ("seasonal_difference", True), ("log", False), ("standard", False)],
)
def test_seasons_of_a_smoothing_grow_only_where_the_values_themselves_are_smoothed(target, from_zero):
    smoother = tiny(target=target, max_steps=1).fit(long_frame())._model.smoother
    assert smoother.from_zero == from_zero


def test_a_season_that_grows_is_forecast_to_grow():
    level = 20.0 + np.arange(64.0)
    grown = pd.Series(level * np.resize([0.5, 1.6, 1.0, 0.9], 64), index=one(64).index, name="a")
    missed = []
    for by_ratio in (True, False):
        forecaster = tiny(target="none", max_steps=1).fit(grown[:60])
        assert forecaster._model.smoother is not None
        smoother = replace(forecaster._model.smoother, from_zero=by_ratio)
        forecaster._model = replace(forecaster._model, smoother=smoother, shares=Shares(0.0, 1.0, 0.0))
        missed.append(np.abs(forecaster.predict(horizon=4)["SimpleRNN"] - grown[60:].to_numpy()).mean())
    assert missed[0] < missed[1] / 2


def test_scaling_decides_where_a_logarithm_begins():
    assert values(tiny(target="robust+asinh").fit(one()).predict()) != values(tiny(target="asinh").fit(one()).predict())


def test_series_of_any_sign_can_be_read_through_the_inverse_hyperbolic_sine():
    signed = pd.Series((wave(80) - 32) ** 3, index=one(80).index, name="a")
    with pytest.raises(DataError, match="needs values above zero"):
        tiny(target="box_cox").fit(signed)
    assert np.isfinite(tiny(target="robust+asinh").fit(signed).predict()["SimpleRNN"]).all()


def test_seasonal_differences_of_a_series_without_a_season_are_refused(frame):
    with pytest.raises(ParameterError, match="needs a season, and the season length is 1"):
        tiny(season_length=1, target="seasonal_difference").fit(frame)


def test_a_new_series_has_its_own_numbers_and_a_known_one_those_of_the_fit(frame):
    forecaster = tiny(target="robust+asinh").fit(frame)
    new = to_panel(one(30, seed=9, name="new") * 100)[0]
    forecast = forecaster.predict(data=new)["SimpleRNN"]
    assert forecast.between(1000, 10_000).all()
    known = frame[frame["unique_id"] == "b"]
    again = forecaster.predict(data=known)["SimpleRNN"].to_numpy()
    whole = forecaster.predict()
    assert again == pytest.approx(whole.loc[whole["unique_id"] == "b", "SimpleRNN"].to_numpy(), rel=1e-6)


def test_a_series_that_an_update_brings_keeps_the_numbers_of_its_first_rows(frame, tmp_path):
    forecaster = tiny(target="robust+asinh").fit(frame)
    new = one(60, seed=9, name="new") * 100
    forecaster.update(new[:40], new_series=True)
    numbers = forecaster.transform_.numbers["robust.center"]
    assert numbers["new"] == np.median(new[:40])
    forecaster.update(new[40:])
    assert forecaster.transform_.numbers["robust.center"].equals(numbers)
    forecaster.save(tmp_path / "model")
    pd.testing.assert_frame_equal(SimpleRNNForecaster.load(tmp_path / "model").predict(), forecaster.predict())
