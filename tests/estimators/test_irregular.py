"""Observations at irregular times, from the fit to whatever takes new data; and the time since the last one."""

import copy

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import SimpleRNNForecaster, audit, backtest, to_panel
from forecasting.errors import DataError, ParameterError
from forecasting.panel import cells
from forecasting.panel.frequency import Frequency
from tests.estimators.made import HORIZON, long_frame, one, tiny, wave

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def sensors(days: int = 70, *, tz: str | None = None) -> pd.DataFrame:
    """Two sensors that report up to three times a day, at any minute of it, and are silent for some days."""
    rng = np.random.default_rng(0)
    parts = []
    for number, name in enumerate(("a", "b")):
        minutes = np.sort(rng.choice(days * 1440, 2 * days, replace=False))
        minutes = minutes[(minutes // 1440) % 17 > 1]
        ds = pd.DatetimeIndex(pd.Timestamp("2024-02-20") + pd.to_timedelta(minutes, unit="min"))
        level = wave(days + 1, number)[minutes // 1440]
        y = level + rng.normal(scale=0.3, size=len(minutes))
        parts.append(pd.DataFrame({"unique_id": name, "ds": ds if tz is None else ds.tz_localize(tz), "y": y}))
    return pd.concat(parts, ignore_index=True)


def irregular(policy="mean", **changes):
    bare = {"linear_skip": False, "combine_naive": False}  # the recurrence alone decides
    return tiny(frequency="D", irregular=policy, gaps="mask", levels=[80], **bare, **changes)


@pytest.fixture(scope="module")
def frame():
    return sensors()


@pytest.fixture(scope="module", params=["last", "mean"])
def fitted(request, frame):
    return irregular(request.param).fit(frame[frame["ds"] < "2024-04-10"])


def test_without_a_policy_irregular_times_are_refused_with_the_remedy(frame):
    with pytest.raises(DataError, match="frequency='10min', with irregular='last' or irregular='mean'"):
        tiny().fit(frame)
    with pytest.raises(ParameterError, match="State the frequency"):
        tiny(irregular="mean").fit(frame)


def test_the_fit_says_what_was_done_and_what_it_was_fitted_with(fitted, frame):
    notice = {notice.kind: notice for notice in fitted.notices_}["irregular"]
    assert notice.count == (frame["ds"] < "2024-04-10").sum()
    assert notice.series == ("a", "b")
    assert fitted.irregular_ == fitted.irregular
    assert fitted._model.spec.elapsed
    assert fitted._model.spec.masked
    forecast = fitted.predict()
    assert forecast["ds"].min() > fitted.panel_.frame()["ds"].max()
    assert np.isfinite(forecast.drop(columns=["unique_id", "ds"])).all(axis=None)


def test_series_that_lie_on_the_grid_are_forecast_as_without_the_policy():
    plain, policy = (tiny(frequency="D", irregular=one_of).fit(long_frame()) for one_of in ("refuse", "mean"))
    pd.testing.assert_frame_equal(plain.predict(), policy.predict())
    assert [notice.kind for notice in policy.notices_] == [notice.kind for notice in plain.notices_]


def test_gaps_are_still_refused_unless_asked_for(frame):
    with pytest.raises(DataError, match="steps have no value"):
        irregular().set_params(gaps="refuse").fit(frame)
    filled = irregular().set_params(gaps="interpolate").fit(frame)
    assert not filled._model.spec.elapsed


@settings(max_examples=15)
@given(data=st.data())
def test_updates_in_any_parts_and_streams_forecast_as_the_whole_history(data, fitted, frame):
    first = frame["ds"] < "2024-04-10"
    cuts = sorted(data.draw(st.lists(st.integers(0, 18 * 1440), max_size=3)))
    bounds = [pd.Timestamp("2024-04-10") + pd.Timedelta(minutes=cut) for cut in (*cuts, 20 * 1440)]
    updated, before = copy.copy(fitted), first
    for bound in bounds:
        now = frame["ds"] < bound
        if (now & ~before).any():
            updated.update(frame[now & ~before].sample(frac=1, random_state=0))
        before = now
    whole = frame[before]
    pd.testing.assert_frame_equal(updated.predict(), fitted.predict(data=whole), **CLOSE)


def test_a_stream_takes_steps_with_the_age_of_their_last_observation(fitted, frame):
    whole = to_panel(frame, frequency="D", irregular=fitted.irregular)[0]
    behind = whole.drop_last(12)
    stream = copy.copy(fitted).update(behind).stream()
    ends = whole.keep_last(12)
    values, ages = ends.values.reshape(2, 12), ends.cells["age"].reshape(2, 12)
    assert np.isnan(values).any()
    for value, age in zip(values.T, ages.T, strict=True):
        stream.observe(value, pd.Series(age, index=["a", "b"]))
    pd.testing.assert_frame_equal(stream.predict(), fitted.predict(data=whole), **CLOSE)
    ageless = copy.copy(fitted).update(behind).stream()
    for value in values.T:
        ageless.observe(value)
    assert not np.allclose(ageless.forecast(), stream.forecast(), rtol=1e-9, atol=0)


def test_ages_are_checked_and_belong_to_irregular_times_alone(fitted):
    stream = fitted.stream()
    with pytest.raises(DataError, match=r"series b, time .*: the age of the observation is not from 0 to below 1 step"):
        stream.observe([1.0, 2.0], [0.0, 1.0])
    with pytest.raises(DataError, match="values of the shape"):
        stream.observe([1.0, 2.0], [0.5])
    assert stream.observed == 0
    with pytest.raises(ParameterError, match="fitted to observations that lie on the time grid"):
        tiny().fit(one()).stream().observe(3.0, 0.5)


def test_a_loaded_forecaster_goes_on_by_the_same_policy(fitted, frame, tmp_path):
    fitted.save(tmp_path / "model")
    loaded = SimpleRNNForecaster.load(tmp_path / "model")
    assert loaded.irregular_ == fitted.irregular
    pd.testing.assert_frame_equal(loaded.predict(), fitted.predict())
    assert loaded.predict(data=frame).equals(fitted.predict(data=frame))
    rows = frame[(frame["ds"] >= "2024-04-10") & (frame["ds"] < "2024-04-15 07:00")]
    pd.testing.assert_frame_equal(loaded.update(rows).predict(), copy.copy(fitted).update(rows).predict())


def test_what_a_gap_hides_is_stored_however_long_it_is(tmp_path):
    series = one(90)
    series.iloc[50:75] = np.nan
    fitted = tiny(gaps="mask", linear_skip=False, combine_naive=False).fit(series)
    fitted.save(tmp_path / "model")
    loaded = SimpleRNNForecaster.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.predict(), fitted.predict())
    stream, further = loaded.stream(), [np.nan, 31.0]
    for value in further:
        stream.observe(value)
    longer = pd.concat([series, pd.Series(further, pd.date_range("2024-03-31", periods=2, freq="D"), name="a")])
    pd.testing.assert_frame_equal(stream.predict(), fitted.predict(data=longer), **CLOSE)


def test_training_goes_on_with_further_observations(fitted, frame):
    went_on = copy.deepcopy(fitted).partial_fit(frame[frame["ds"] >= "2024-04-10"])
    pd.testing.assert_frame_equal(
        went_on.panel_.frame(), to_panel(frame, frequency="D", irregular=fitted.irregular)[0].frame()
    )
    assert np.isfinite(went_on.predict()["SimpleRNN"]).all()


def test_a_backtest_reads_rows_as_the_forecaster_does(frame):
    told = backtest(irregular(max_steps=2), frame, HORIZON, 2, verbose=0)
    panel, _ = to_panel(frame, frequency="D", irregular="mean")
    pd.testing.assert_frame_equal(told, backtest(irregular(max_steps=2), panel, HORIZON, 2, verbose=0))
    assert told["y"].isna().any()


@pytest.mark.parametrize("tz", [None, "Europe/Berlin"])
def test_an_audit_finds_nothing_that_moves(tz):
    report = audit(irregular(max_steps=2), sensors(tz=tz), n_cutoffs=2, verbose=0)
    assert report.passed, str(report)
    assert {"gate", "windows", "forecast"} <= set(report.stages["stage"])


def test_an_audit_finds_steps_that_bear_the_time_at_their_begin(monkeypatch):
    real = Frequency.mark

    def begins(self, times, tz=None):
        return self.advance(real(self, times, tz), -1, tz=tz)

    monkeypatch.setattr(cells.Frequency, "mark", begins)
    report = audit(irregular(max_steps=2), sensors(), n_cutoffs=2, verbose=0)
    assert not report.passed
    assert "the first to move was the gate" in str(report)


def test_covariates_beside_irregular_observations(frame):
    days = pd.date_range("2024-02-20", periods=90, freq="D")
    heat = pd.Series(np.arange(90) % 5.0, index=days)
    known = frame.assign(heat=heat[frame["ds"].dt.normalize()].to_numpy(), noise=np.sin(frame.index))
    fitted = irregular(future_covariates=["heat"], past_covariates=["noise"], max_steps=2).fit(known)
    ahead = pd.DataFrame({"ds": days, "heat": heat.to_numpy()}).merge(pd.DataFrame({"unique_id": ["a", "b"]}), "cross")
    assert np.isfinite(fitted.predict(future=ahead)["SimpleRNN"]).all()
    told = backtest(fitted, known, HORIZON, 2, verbose=0)
    assert np.isfinite(told["SimpleRNN"]).all()
    report = audit(fitted, known, n_cutoffs=1, verbose=0)
    assert report.passed, str(report)


def test_only_the_mask_tells_how_long_ago_the_last_observation_was():
    series = one()
    series.iloc[[20, 21, 40]] = np.nan
    plain, filled, masked = (tiny(gaps=policy).fit(one()) for policy in ("refuse", "interpolate", "mask"))
    assert [forecaster._model.spec.elapsed for forecaster in (plain, filled, masked)] == [False, False, True]
    holed = tiny(gaps="mask", linear_skip=False, combine_naive=False).fit(series)
    reading = holed.input_stages(to_panel(series)[0], np.array([60]))["windows"]["time since the last observation"]
    assert reading.max() == pytest.approx(np.log(3) / np.log(5))
    later = copy.deepcopy(holed)
    kernel = later._model.weights["rnn_0.kernel"]
    kernel[:, 8:12] += 1.0  # of the time since the last observation, after the window and the mask
    missing = series.copy()
    missing.iloc[-2] = np.nan
    assert not np.allclose(later.predict(data=missing)["SimpleRNN"], holed.predict(data=missing)["SimpleRNN"])


def test_a_longer_horizon_goes_on_from_its_own_forecasts(fitted):
    forecast = fitted.predict(horizon=3 * HORIZON)
    assert np.isfinite(forecast["SimpleRNN"]).all()
    assert len(forecast) == 6 * HORIZON
