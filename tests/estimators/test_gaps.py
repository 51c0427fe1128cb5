"""Series with steps that have no value."""

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import DataError
from forecasting.panel import to_panel
from tests.estimators.made import HORIZON, long_frame, one, tiny, values

HOLES = [20, 21, 40]


@pytest.fixture(scope="module")
def holed():
    series = one()
    series.iloc[HOLES] = np.nan
    return series


def test_gaps_are_refused_unless_a_policy_is_chosen(holed):
    with pytest.raises(DataError) as error:
        tiny().fit(holed)
    assert error.value.where == {"series": "a", "time": "2024-01-21"}
    assert "3 steps have no value: 2024-01-21, 2024-01-22, 2024-02-10" in str(error.value)
    assert "'interpolate'" in error.value.remedy


@pytest.mark.parametrize(("policy", "kind"), [("interpolate", "interpolated"), ("mask", "masked")])
def test_a_policy_is_applied_and_told(policy, kind, holed):
    forecaster = tiny(gaps=policy, levels=[80]).fit(holed)
    notices = {notice.kind: notice for notice in forecaster.notices_}
    assert notices[kind].count == 3
    assert notices[kind].series == ("a",)
    assert np.isnan(forecaster.panel_.values).sum() == 3
    assert np.isfinite(np.array(values(forecaster.predict()))).all()


def test_absent_rows_are_the_same_as_missing_values(holed):
    for policy in ("interpolate", "mask"):
        missing, absent = (tiny(gaps=policy).fit(data).predict() for data in (holed, holed.dropna()))
        pd.testing.assert_frame_equal(missing, absent)


def test_only_the_mask_tells_the_network_what_is_missing(holed):
    plain, filled, masked = (tiny(gaps=policy).fit(one()) for policy in ("refuse", "interpolate", "mask"))
    assert plain.n_parameters_ == filled.n_parameters_ < masked.n_parameters_  # later histories may have gaps
    filled, masked_holes = (tiny(gaps=policy).fit(holed) for policy in ("interpolate", "mask"))
    assert filled.n_parameters_ == plain.n_parameters_
    assert masked_holes.n_parameters_ == masked.n_parameters_


@pytest.mark.parametrize("policy", ["interpolate", "mask"])
def test_missing_steps_are_never_targets_and_never_scored(policy):
    series = one()
    series.iloc[-3] = np.nan
    checked = tiny(gaps=policy).fit(series).validation_
    missing = checked["ds"] == series.index[-3]
    assert missing.any()
    assert checked.loc[missing, "y"].isna().all()
    assert checked.loc[~missing, "y"].notna().all()


def test_no_window_that_was_judged_begins_behind_a_filled_step():
    series = one()
    series.iloc[-6] = np.nan
    kept = tiny(gaps="mask").fit(series).validation_["cutoff"].unique()
    assert series.index[-6] in kept
    filled = tiny(gaps="interpolate").fit(series).validation_["cutoff"].unique()
    assert set(kept) - set(filled) == {series.index[-6]}


@pytest.mark.parametrize("policy", ["interpolate", "mask"])
@pytest.mark.parametrize("target", ["none", "log_return"])
def test_a_history_may_end_within_a_gap(policy, target, holed):
    panel = to_panel(holed)[0].drop_last(60 - 22)  # ends with the two missing days
    assert np.isnan(panel.values[-2:]).all()
    forecaster = tiny(gaps=policy, target=target, levels=[80]).fit(holed)
    forecast = forecaster.predict(data=panel, horizon=2 * HORIZON)
    assert forecast["ds"].iloc[0] == pd.Timestamp("2024-01-23")
    assert np.isfinite(np.array(values(forecast))).all()
    assert (np.abs(forecast["SimpleRNN"] - holed.iloc[19]) < 25).all()


@pytest.mark.parametrize("policy", ["interpolate", "mask"])
def test_a_panel_that_ends_within_a_gap_can_be_fitted(policy, holed):
    panel = to_panel(holed)[0].drop_last(60 - 41)
    forecast = tiny(gaps=policy).fit(panel).predict()
    assert forecast["ds"].iloc[0] == pd.Timestamp("2024-02-11")
    assert np.isfinite(forecast["SimpleRNN"]).all()


def test_what_fills_a_gap_is_no_knowledge_at_a_cut_within_it(holed):
    """What follows a gap decides the line across it; a forecast made before that line was known must not move."""
    other = holed.copy()
    other.iloc[22:] = 500.0 + np.arange(38)
    forecaster = tiny(gaps="interpolate").fit(holed)
    first, second = (forecaster.predict(data=to_panel(data)[0].drop_last(60 - 21)) for data in (holed, other))
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize("hole", [3, 5], ids=["none to train on", "none to validate on"])
def test_gaps_that_leave_no_window_are_refused_before_training(hole):
    series = one(8)
    series.iloc[hole] = np.nan
    with pytest.raises(DataError, match="leave no window to train on or none to validate on"):
        tiny(horizon=2, lookback=4, gaps="interpolate", frequency="D").fit(series)
    assert len(tiny(horizon=2, lookback=4, gaps="mask", frequency="D").fit(series).predict()) == 2


def test_held_out_steps_without_any_value_are_refused_before_training():
    series = one(60)
    series.iloc[30:59] = np.nan
    panel = to_panel(series)[0].drop_last(1)
    with pytest.raises(DataError, match="none to validate on"):
        tiny(gaps="mask").fit(panel)


def test_gaps_in_a_new_history_follow_the_policy_of_the_forecaster(holed):
    with pytest.raises(DataError, match="3 steps have no value"):
        tiny().fit(one()).predict(data=holed)
    forecaster = tiny(gaps="mask").fit(long_frame())
    assert np.isfinite(forecaster.predict(data=holed)["SimpleRNN"]).all()


def test_a_gap_longer_than_the_look_back_does_not_blow_up_the_intervals():
    series = one(90)
    series.iloc[60:80] = np.nan
    forecast = tiny(levels=[80], gaps="mask").fit(series).predict()
    assert (forecast["SimpleRNN-hi-80"] - forecast["SimpleRNN-lo-80"]).max() < 20 * series.std()
