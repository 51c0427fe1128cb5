"""Forecasts: horizons, levels, other histories."""

import copy
import dataclasses

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import DataError
from forecasting.estimators.movement import recent_movement
from forecasting.estimators.preparing import read_windows
from forecasting.estimators.trust import NETWORKS_ALONE, Shares
from forecasting.panel import to_panel
from forecasting.smoothing import Smoother
from forecasting.targets import Target
from forecasting.windows import reach
from tests.estimators.made import HORIZON, TINY, long_frame, one, tiny, values, wave

TARGETS = ["none", "log", "difference", "log_return", "seasonal_difference"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_shorter_horizon_gives_the_first_steps_and_a_longer_one_goes_on(target, frame):
    forecaster = tiny(levels=[80], target=target).fit(frame)
    usual = forecaster.predict().groupby("unique_id")
    for horizon in (1, 3, 11):
        forecast = forecaster.predict(horizon=horizon)
        assert forecast.groupby("unique_id").size().unique().tolist() == [horizon]
        common = min(horizon, HORIZON)
        assert values(forecast.groupby("unique_id").head(common)) == values(usual.head(common))
    assert np.isfinite(forecast["SimpleRNN"]).all()
    assert forecast.groupby("unique_id")["ds"].is_monotonic_increasing.all()


def test_beyond_its_horizon_the_network_goes_on_from_its_own_forecasts(frame):
    forecaster = tiny().fit(frame)
    first = forecaster.predict()
    longer = pd.concat([frame, first.rename(columns={"SimpleRNN": "y"})])
    went_on = forecaster.predict(horizon=2 * HORIZON).groupby("unique_id").tail(HORIZON)
    assert values(went_on) == pytest.approx(np.array(values(forecaster.predict(data=longer))))


def test_an_extrapolation_beyond_the_horizon_is_said_in_the_log(fitted, caplog):
    fitted.predict(horizon=HORIZON)
    assert not caplog.records
    fitted.predict(horizon=HORIZON + 2)
    (record,) = caplog.records
    assert record.getMessage() == (
        f"steps {HORIZON + 1} to {HORIZON + 2} are an extrapolation: the model was fitted for {HORIZON}"
    )


def test_intervals_beyond_the_horizon_widen_as_those_of_a_random_walk(fitted):
    forecast = fitted.predict(horizon=2 * HORIZON, levels=[80]).groupby("unique_id").head(2 * HORIZON)
    width = (forecast["SimpleRNN-hi-80"] - forecast["SimpleRNN"]).to_numpy().reshape(-1, 2 * HORIZON)
    steps = np.arange(HORIZON + 1, 2 * HORIZON + 1)
    assert width[:, HORIZON:] / width[:, [HORIZON - 1]] == pytest.approx(np.sqrt(steps / HORIZON) * np.ones((3, 1)))


@pytest.mark.parametrize("target", TARGETS)
def test_intervals_are_nested_and_hold_the_point(target, frame):
    forecast = tiny(target=target).fit(frame).predict(levels=[50, 80, 90])
    columns = [f"SimpleRNN{end}" for end in ("-lo-90", "-lo-80", "-lo-50", "", "-hi-50", "-hi-80", "-hi-90")]
    ends = forecast[columns].to_numpy()
    assert (np.diff(ends, axis=1) >= 0).all()
    assert (ends[:, -1] > ends[:, 0]).all()
    if target in ("log", "log_return"):
        assert (ends > 0).all()
        middle = np.sqrt(ends[:, 0] * ends[:, -1])
    else:
        middle = (ends[:, 0] + ends[:, -1]) / 2
    assert middle == pytest.approx(forecast["SimpleRNN"])


def test_levels_name_their_columns_in_the_order_asked_for(fitted):
    assert list(fitted.predict(levels=[90, 62.5]).columns) == [
        "unique_id",
        "ds",
        "SimpleRNN",
        "SimpleRNN-lo-90",
        "SimpleRNN-hi-90",
        "SimpleRNN-lo-62.5",
        "SimpleRNN-hi-62.5",
    ]
    assert list(fitted.predict(levels=[]).columns) == ["unique_id", "ds", "SimpleRNN"]
    assert list(fitted.predict().columns)[3:] == [
        f"SimpleRNN-{end}-{level}" for level in (80, 90) for end in ("lo", "hi")
    ]


def test_intervals_are_calibrated_on_earlier_blocks_too_where_simple_forecasts_have_a_share(frame):
    def calibrated_on(**changes) -> tuple[int, float]:
        conformal = tiny(**changes).fit(frame)._model.conformal
        return len(conformal.to_arrays()["errors"]), conformal.to_arrays()["local"][3]

    held_out, independent = calibrated_on(combine_naive=False)
    more, further = calibrated_on()
    assert more > 1.5 * held_out
    assert further > 1.5 * independent
    learned = tiny(learned_quantiles=[0.1]).fit(frame)._model.conformal
    assert learned.pairs[0].independent == independent


def test_of_the_errors_that_intervals_are_calibrated_on_the_oldest_go_first(frame, monkeypatch):
    """Those of earlier blocks before those of held-out windows, whatever the series."""
    forecaster = tiny(combine_naive=True).fit(frame)
    before = forecaster._model.conformal.conformal.errors
    held_out = len(tiny(combine_naive=False).fit(frame)._model.conformal.conformal.errors)
    ends = frame.groupby("unique_id")["ds"].max()
    further = pd.concat(
        pd.DataFrame({"unique_id": name, "ds": pd.date_range(end, periods=3 * HORIZON + 1)[1:], "y": wave(3 * HORIZON)})
        for name, end in ends.items()
    )
    monkeypatch.setattr("forecasting.estimators.calibrating.MOST_ERRORS", held_out + 40)
    after = forecaster.partial_fit(further)._model.conformal.conformal.errors
    added = 3 * (2 * HORIZON + 1)
    assert len(after) == held_out + 40
    np.testing.assert_array_equal(after[:-added], before[len(before) - (len(after) - added) :])


def test_a_level_that_held_out_windows_alone_are_too_few_for_is_told_with_the_earlier_blocks():
    series = one(28)
    with pytest.raises(DataError, match=r"the 95 % interval needs the errors of at least 19 held-out forecasts"):
        tiny(horizon=3, levels=[95], combine_naive=False).fit(series)
    forecast = tiny(horizon=3, levels=[95]).fit(series).predict()
    assert (forecast["SimpleRNN-hi-95"] > forecast["SimpleRNN-lo-95"]).all()


def test_the_level_asked_for_does_not_move_the_point(fitted):
    assert fitted.predict()["SimpleRNN"].tolist() == fitted.predict(levels=[55])["SimpleRNN"].tolist()


def test_the_fitted_histories_given_again_change_nothing(frame, fitted):
    expected = fitted.predict()
    pd.testing.assert_frame_equal(fitted.predict(data=frame), expected)
    pd.testing.assert_frame_equal(fitted.predict(data=to_panel(frame)[0]), expected)
    some = fitted.predict(data=frame[frame["unique_id"] != "b"])
    pd.testing.assert_frame_equal(some, expected[expected["unique_id"] != "b"].reset_index(drop=True))


def test_only_the_end_of_a_history_is_read(frame, fitted):
    """The look-back and what its scale is measured on; for intervals and smoothing `reach`; beyond may lie anything."""
    alone = copy.copy(fitted)
    alone._use(dataclasses.replace(fitted._model, smoother=None, shares=NETWORKS_ALONE))
    tail = frame.groupby("unique_id").tail(TINY["lookback"] + TINY["season_length"])
    assert values(alone.predict(data=tail, levels=[])) == pytest.approx(np.array(values(alone.predict(levels=[]))))
    tail = frame.groupby("unique_id").tail(reach(TINY["lookback"], TINY["season_length"]))
    assert values(fitted.predict(data=tail)) == pytest.approx(np.array(values(fitted.predict())))


def test_series_never_seen_are_forecast(fitted):
    new = long_frame((70, 30)).replace({"unique_id": {"a": "new", "b": "newer"}})
    forecast = fitted.predict(data=new)
    assert forecast["unique_id"].unique().tolist() == ["new", "newer"]
    assert np.isfinite(np.array(values(forecast))).all()


def test_forecasts_move_with_the_level_and_the_scale_of_the_history(fitted):
    plain = np.array(values(fitted.predict(data=one())))
    moved = np.array(values(fitted.predict(data=one() * 3 + 1000)))
    assert moved == pytest.approx(plain * 3 + 1000, rel=1e-4)


@pytest.mark.parametrize("length", [1, 3, 8])
def test_a_history_may_be_shorter_than_the_look_back(length):
    forecaster = tiny(levels=[80], frequency="D").fit(one())
    short = pd.concat([one(length, seed=5, name="short"), one(seed=6, name="long")], axis=1).reset_index(names="ds")
    melted = short.melt("ds", var_name="unique_id", value_name="y").dropna()
    forecast = forecaster.predict(data=melted)
    part = forecast[forecast["unique_id"] == "short"]
    assert len(part) == HORIZON
    assert np.isfinite(np.array(values(part))).all()
    assert (np.abs(part["SimpleRNN"] - wave(length, 5)[-1]) < 40).all()


def test_another_frequency_is_refused(fitted):
    def series(freq):
        return pd.Series(wave(60), index=pd.date_range("2020-01-05", periods=60, freq=freq), name="a")

    with pytest.raises(DataError, match="the time does not lie on the time grid D"):
        fitted.predict(data=series("h"))
    with pytest.raises(DataError, match="354 steps have no value: 2020-01-06, "):
        fitted.predict(data=series("W"))
    with pytest.raises(DataError, match="the panel has the frequency W-SUN, not D"):
        fitted.predict(data=to_panel(series("W"))[0])


def test_a_history_without_a_change_is_forecast_to_stay(fitted):
    forecast = fitted.predict(data=one() * 0 + 4, levels=[80])
    assert forecast.drop(columns=["unique_id", "ds"]).to_numpy() == pytest.approx(4.0, abs=0.1)


def test_values_without_a_logarithm_are_refused_in_a_new_history(frame):
    forecaster = tiny(target="log").fit(frame)
    with pytest.raises(DataError, match="target 'log' needs values above zero"):
        forecaster.predict(data=one() - 40)
    with pytest.raises(DataError, match="target 'log' needs values above zero"):
        tiny(target="log").fit(one() - 40)


def test_without_a_share_the_networks_are_not_run(fitted, monkeypatch):
    alone = copy.copy(fitted)
    alone._use(dataclasses.replace(fitted._model, smoother=None, shares=Shares(1.0, 0.0, 1e-12)))
    expected = alone.predict(levels=[])
    monkeypatch.setattr("forecasting.estimators.fitting.forecast", lambda *_: pytest.fail("the networks are run"))
    with pytest.raises(pytest.fail.Exception, match="the networks are run"):
        alone.predict()
    alone._use(dataclasses.replace(alone._model, shares=Shares(1.0, 0.0, 0.0)))
    pd.testing.assert_frame_equal(alone.predict(levels=[]), expected)


def test_the_forecast_is_the_median_of_the_members_the_naive_forecast_and_the_smoothing_by_their_shares(frame):
    forecaster = tiny(n_members=3, linear_skip=False, levels=[80], target="none").fit(frame)
    model = dataclasses.replace(forecaster._model, smoother=Smoother(), shares=Shares(0.2, 0.3, 0.5))
    forecaster._use(model)
    windows, _ = read_windows(
        forecaster.panel_, "refuse", Target.parse("none"), forecaster.lookback_, forecaster.season_length_
    )
    batch = windows.gather(windows.end_cuts())
    alone = [
        dataclasses.replace(
            model,
            spec=dataclasses.replace(model.spec, n_members=1),
            weights={name: weight[[number]] for name, weight in model.weights.items()},
            smoother=None,
            shares=NETWORKS_ALONE,
        ).forecast_and_spread(batch.reading)[0]
        for number in range(3)
    ]
    assert len({str(part) for part in alone}) == 3
    naive = batch.inputs @ model.anchor_kernel
    smoothed = batch.scaled(windows.smoothed(windows.end_cuts(), Smoother(), HORIZON))
    expected = 0.2 * naive + 0.3 * smoothed + 0.5 * np.median(alone, axis=0)
    forecast = forecaster.predict()
    assert forecast["SimpleRNN"].to_numpy() == pytest.approx(batch.path(expected).ravel(), rel=1e-6)
    movement = recent_movement(windows, windows.end_cuts(), batch.scale)
    half = model.conformal.half_width(80, HORIZON, movement) * batch.scale[:, None]
    width = forecast["SimpleRNN-hi-80"] - forecast["SimpleRNN"]
    assert width.to_numpy() == pytest.approx(half.ravel())
