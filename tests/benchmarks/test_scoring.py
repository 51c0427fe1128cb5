"""Scores of tiny frames against numbers computed by hand."""

import math

import pandas as pd
import pytest

from benchmarks.metrics_check import disagreements
from benchmarks.scoring import over_points, pooled, with_actuals
from forecasting import accuracy, to_panel

TRAIN = pd.DataFrame(
    {"unique_id": ["a"] * 4 + ["b"] * 4, "ds": [1, 2, 3, 4] * 2, "y": [1.0, 3.0, 2.0, 6.0, 10.0, 10.0, 12.0, 14.0]}
)
TEST = pd.DataFrame({"unique_id": ["a", "b", "b"], "ds": [5, 5, 6], "y": [4.0, 10.0, 20.0]})
FORECAST = pd.DataFrame({"unique_id": ["b", "a", "b"], "ds": [6, 5, 5], "f": [20.0, 6.0, 15.0]})


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    return accuracy(with_actuals(TEST, [FORECAST]), to_panel(TRAIN)[0], 1)


def test_forecasts_are_laid_beside_actual_values_whatever_their_order() -> None:
    frame = with_actuals(TEST, [FORECAST])
    assert frame[["unique_id", "ds", "y", "f"]].to_numpy().tolist() == [
        ["a", 5, 4.0, 6.0],
        ["b", 5, 10.0, 15.0],
        ["b", 6, 20.0, 20.0],
    ]
    assert frame["cutoff"].tolist() == [4, 4, 4]


def test_a_lacking_forecast_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 of 3 values"):
        with_actuals(TEST, [FORECAST.iloc[:2]])


def test_pooled_scores_are_means_over_series(scores: pd.DataFrame) -> None:
    row = pooled(scores).loc["f"]
    # a: 200 * 2 / 10 = 40. b: 200 * 5 / 25 = 40 and 0, so 20.
    assert row["sMAPE"] == pytest.approx(30)
    # a: 2 / mean(2, 1, 4) = 6 / 7. b: 2.5 / mean(0, 2, 2) = 15 / 8.
    assert row["MASE"] == pytest.approx((6 / 7 + 15 / 8) / 2)


def test_over_points_weights_series_with_their_scored_values(scores: pd.DataFrame) -> None:
    assert over_points(scores, "sMAPE")["f"] == pytest.approx((40 + 40 + 0) / 3)
    assert over_points(scores, "MAE")["f"] == pytest.approx((2 + 5 + 0) / 3)


@pytest.mark.parametrize(("value", "wrong"), [(13.9124, False), (13.9126, True), (math.nan, True)])
def test_scores_disagree_beyond_half_a_unit_of_the_third_decimal(value: float, wrong: bool) -> None:
    official = pd.DataFrame({"sMAPE": [13.912]}, index=["sNaive"])
    found = disagreements(pd.DataFrame({"sMAPE": [value]}, index=["sNaive"]), official)
    assert bool(found) == wrong
