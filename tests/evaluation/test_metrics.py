"""Accuracy: numbers worked out by hand, missing values, leakage, pooled rows, refusals."""

import math

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.metrics import accuracy, error_by_step, first_cutoffs, seasonal_scale
from tests.evaluation.conftest import MakePanel

NAN = math.nan


@pytest.fixture
def frame() -> pd.DataFrame:
    """Two windows of series "a" (history 1 2 4 8 | 10 20 | 30 nan), one of series "b" (history 5 5 5 5 | 0 5)."""
    return pd.DataFrame(
        {
            "unique_id": ["a", "a", "a", "a", "b", "b"],
            "cutoff": [4, 4, 6, 6, 4, 4],
            "ds": [5, 6, 7, 8, 5, 6],
            "y": [10.0, 20.0, 30.0, NAN, 0.0, 5.0],
            "Model": [12.0, 16.0, 30.0, 99.0, 0.0, 15.0],
            "Model-lo-80": [10.0, 14.0, 20.0, 90.0, -1.0, 10.0],
            "Model-hi-80": [14.0, 18.0, 40.0, 99.0, 1.0, 20.0],
            "SeasonalNaive": [8.0, 8.0, 20.0, 20.0, 5.0, 5.0],
        }
    )


@pytest.fixture
def panel(make_panel: MakePanel):
    return make_panel({"a": [1, 2, 4, 8, 10, 20, 30, NAN], "b": [5, 5, 5, 5, 0, 5]})


def test_accuracy_of_two_small_series_is_what_was_worked_out_by_hand(frame, panel) -> None:
    table = accuracy(frame, panel, season_length=1).set_index(["unique_id", "model"])

    # a: errors 2 4 0; scale (1 + 2 + 4) / 3; Winkler 4 + 0, 4 + 10 * 2, 20 + 0
    expected = {
        "windows": 2,
        "scored": 3,
        "missing": 1,
        "MAE": 2.0,
        "RMSE": math.sqrt(20 / 3),
        "MASE": 2 / (7 / 3),
        "RMSSE": math.sqrt(20 / 3) / math.sqrt((1 + 4 + 16) / 3),
        "sMAPE": 200 * (2 / 22 + 4 / 36 + 0) / 3,
        "direction": 100.0,  # 10 and 12 above 8; 20 and 16 above 8; 30 and 30 above 20
        "pinball": (0 + 1 + 0.4 + 0.6 + 2 + 1.8 + 1 + 0 + 1) / 9,  # quantiles 10, 50, 90 % of each step
        "CRPS": (2 / 2 + 0.2 / 2 * 16) / 1.5,  # of the mean absolute error and the mean Winkler score
        "coverage-80": 200 / 3,
        "width-80": 28 / 3,
        "winkler-80": 16.0,
    }
    assert list(table.columns) == list(expected)
    np.testing.assert_allclose(table.loc[("a", "Model")].astype(float), list(expected.values()))
    # b: errors 0 10, a constant history gives no scale, 0/0 counts as 0
    row = table.loc[("b", "Model")]
    np.testing.assert_allclose(row[["MAE", "RMSE", "sMAPE"]].astype(float), [5, math.sqrt(50), 50])
    assert math.isnan(row["MASE"])
    assert math.isnan(row["RMSSE"])
    assert row["direction"] == 100  # 0 and 0 below 5; the second actual value did not move
    np.testing.assert_allclose(row[["coverage-80", "width-80", "winkler-80"]].astype(float), [50, 6, 6 + 50 / 2])
    np.testing.assert_allclose(table.loc[("a", "SeasonalNaive"), ["MAE", "MASE"]].astype(float), [24 / 3, 8 / (7 / 3)])


def test_pooled_rows_are_sums_of_counts_and_means_over_series(frame, panel) -> None:
    pooled = accuracy(frame, panel, 1).set_index(["unique_id", "model"]).loc[("(all)", "Model")]

    assert (pooled["windows"], pooled["scored"], pooled["missing"]) == (3, 5, 1)
    np.testing.assert_allclose(
        pooled[["MAE", "RMSE", "MASE", "coverage-80"]].astype(float),
        [(2 + 5) / 2, (math.sqrt(20 / 3) + math.sqrt(50)) / 2, 6 / 7, (200 / 3 + 50) / 2],
    )


def test_rows_come_series_by_series_in_the_order_of_the_frame_and_pooled_last(frame, panel) -> None:
    table = accuracy(frame.iloc[::-1], panel, 1)

    assert list(zip(table["unique_id"], table["model"], strict=True)) == [
        *[("b", "Model"), ("b", "SeasonalNaive")],
        *[("a", "Model"), ("a", "SeasonalNaive")],
        *[("(all)", "Model"), ("(all)", "SeasonalNaive")],
    ]


def test_a_model_without_intervals_has_no_coverage_but_keeps_its_errors(frame, panel) -> None:
    row = accuracy(frame, panel, 1).set_index(["unique_id", "model"]).loc[("a", "SeasonalNaive")]

    assert row[["coverage-80", "width-80", "winkler-80"]].isna().all()
    assert row["MAE"] == 8.0


def test_models_and_levels_choose_what_is_scored(frame, panel) -> None:
    table = accuracy(frame, panel, 1, models=["SeasonalNaive"], levels=[])

    assert set(table["model"]) == {"SeasonalNaive"}
    assert not any(column.startswith("coverage") for column in table)


def test_values_after_the_first_cutoff_do_not_reach_the_scale(frame, panel) -> None:
    absurd = panel.with_values(np.where(panel.times <= 4, panel.values, 1e12))

    np.testing.assert_array_equal(
        seasonal_scale(absurd, 1, first_cutoffs(frame)), seasonal_scale(panel, 1, first_cutoffs(frame))
    )
    assert seasonal_scale(absurd, 1, first_cutoffs(frame))["a"] == pytest.approx(7 / 3)


def test_missing_history_is_left_out_of_the_scale_and_series_do_not_touch(make_panel: MakePanel) -> None:
    panel = make_panel({"a": [1, NAN, 4, 8, 0], "b": [1000, 1003, 0], "c": [1, 2]})
    cutoffs = pd.Series({"c": 1, "b": 2, "a": 4})

    assert seasonal_scale(panel, 1, cutoffs).to_dict() == pytest.approx({"c": NAN, "b": 3, "a": 4}, nan_ok=True)
    assert seasonal_scale(panel, 2, cutoffs).to_dict() == pytest.approx({"c": NAN, "b": NAN, "a": 3}, nan_ok=True)


def test_squared_scale_is_that_of_utilsforecast(make_panel: MakePanel) -> None:
    from utilsforecast.losses import rmsse

    panel = make_panel({"a": np.random.default_rng(0).normal(size=40).cumsum()})
    frame = pd.DataFrame({"unique_id": "a", "cutoff": 30, "ds": np.arange(31, 36), "y": panel.values[30:35], "M": 1.0})

    own = accuracy(frame, panel, 4)["RMSSE"].iloc[0]

    theirs = rmsse(frame.drop(columns="cutoff"), ["M"], 4, panel.frame().iloc[:30])["M"].iloc[0]
    assert own == pytest.approx(theirs)


def test_directions_are_counted_from_the_last_value_observed_at_each_cutoff(make_panel: MakePanel) -> None:
    panel = make_panel({"a": [1, 5, NAN, 7, 2, 9]})
    frame = pd.DataFrame(
        {
            "unique_id": "a",
            "cutoff": [3, 3, 4, 4],
            "ds": [4, 5, 5, 6],
            "y": [7.0, 2.0, 2.0, 9.0],
            "M": [6.0, 6.0, 6.0, 6.0],  # from 5: up up; from 7: down down
            "Naive": [5.0, 5.0, 7.0, 7.0],
        }
    )

    table = accuracy(frame, panel, 1).set_index(["unique_id", "model"])["direction"]

    assert table["a", "M"] == 50  # 7 up, 2 down; 2 down, 9 up
    assert math.isnan(table["a", "Naive"])


def test_owa_is_the_mean_of_both_ratios_and_one_for_the_reference(frame, panel) -> None:
    table = accuracy(frame, panel, 1, reference="SeasonalNaive").set_index(["unique_id", "model"])

    model, unit = table.loc[("(all)", "Model")], table.loc[("(all)", "SeasonalNaive")]
    assert unit["OWA"] == 1.0
    assert model["OWA"] == pytest.approx((model["sMAPE"] / unit["sMAPE"] + model["MASE"] / unit["MASE"]) / 2)
    assert math.isnan(table.loc[("b", "Model"), "OWA"])


def test_error_by_step_scales_by_series_and_counts_steps_from_each_cutoff(frame, panel) -> None:
    table = error_by_step(frame, panel, season_length=1)

    # series "b" has no scale; of series "a" step 1 has the errors 2 and 0, step 2 only 4
    assert list(table.index) == [1, 2]
    np.testing.assert_allclose(table["Model"], np.array([1.0, 4.0]) / (7 / 3))
    np.testing.assert_allclose(table["SeasonalNaive"], np.array([6.0, 12.0]) / (7 / 3))


def test_a_series_without_any_actual_value_stays_in_the_table_with_unknown_errors(frame, panel) -> None:
    frame.loc[frame["unique_id"] == "b", "y"] = NAN

    table = accuracy(frame, panel, 1).set_index(["unique_id", "model"])

    assert table.loc[("b", "Model"), "missing"] == 2
    assert math.isnan(table.loc[("b", "Model"), "MAE"])
    assert table.loc[("(all)", "Model"), "MAE"] == 2.0


def test_a_missing_forecast_of_an_observed_value_is_refused_with_its_place(frame, panel) -> None:
    frame.loc[1, "Model-lo-80"] = NAN

    with pytest.raises(DataError, match=r"column Model-lo-80, series a, time 6: 1 of 6 forecasts are missing"):
        accuracy(frame, panel, 1)


def test_what_cannot_be_scored_is_refused(frame, panel) -> None:
    with pytest.raises(DataError, match="column cutoff"):
        accuracy(frame.drop(columns="cutoff"), panel, 1)
    with pytest.raises(DataError, match="no forecasts"):
        accuracy(frame.iloc[:0], panel, 1)
    with pytest.raises(DataError, match="series c: the panel has no such series"):
        accuracy(frame.replace({"unique_id": {"b": "c"}}), panel, 1)
    with pytest.raises(ParameterError, match="no model is named 'Naive2'"):
        accuracy(frame, panel, 1, reference="Naive2")
    with pytest.raises(ParameterError, match="interval of 95 %"):
        accuracy(frame, panel, 1, levels=[80, 95])
    with pytest.raises(ParameterError, match="at least 1, not 0"):
        accuracy(frame, panel, 0)
    with pytest.raises(ParameterError, match=r"a panel is needed, not a DataFrame\. Give the panel_"):
        accuracy(frame, frame[["unique_id", "ds", "y"]], 1)
