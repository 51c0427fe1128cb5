"""Accuracy tables as metric names and as text."""

import numpy as np
import pandas as pd

from forecasting.tracking.scores import description, pooled_metrics, version_figures


def test_metric_names_tell_part_model_and_measure_and_missing_figures_have_none(accuracy):
    assert set(pooled_metrics("validation", accuracy)) == {
        "validation.MAE",
        "validation.MASE",
        "validation.coverage-80",
        "validation.SeasonalNaive.MAE",
        "validation.SeasonalNaive.MASE",
    }


def test_a_version_carries_the_scaled_error_and_the_coverage_of_the_test_only(accuracy):
    other = accuracy.assign(MASE=9.0)
    assert version_figures({"validation": other, "test": accuracy}) == {
        "test.MASE": "0.75",
        "test.coverage-80": "81.25",
        "test.SeasonalNaive.MASE": "1",
    }
    assert version_figures({}) == {}


def test_the_description_is_a_sentence_and_a_table_with_the_network_first(accuracy):
    swapped = accuracy.iloc[::-1]
    lines = description({"test": swapped}).splitlines()
    assert lines[0] == "MASE 0.75 on test (SeasonalNaive 1)."
    assert lines[2] == "**Test** (12 values scored)"
    assert lines[4] == "| |&emsp;SimpleRNN|&emsp;SeasonalNaive|"
    assert "|MASE|&emsp;0.75|&emsp;1|" in lines
    assert "|coverage-80|&emsp;81.25|&emsp;-|" in lines


def test_a_scaled_error_that_is_unknown_is_not_made_up(accuracy):
    unknown = accuracy.assign(MASE=np.nan)
    assert description({"test": unknown}).startswith("**Test**")
    own = accuracy.copy()
    own.loc[own["model"] == "SimpleRNN", "MASE"] = np.nan
    assert description({"test": own}).startswith("MASE unknown on test (SeasonalNaive 1).")


def test_without_accuracy_there_is_no_description():
    assert description({}) == ""
    assert pooled_metrics("test", pd.DataFrame({"unique_id": ["a"], "model": ["SimpleRNN"], "MAE": [1.0]})) == {}
