"""Covariates through the gate: numbers and categories, what is refused, and what the panel carries on."""

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import DataError, ParameterError
from forecasting.panel import Panel, to_panel, treat_covariates
from tests.panel.tables import days, long


@pytest.fixture
def table() -> pd.DataFrame:
    """Two series, shuffled, one with an absent day; a number, a category and a static category."""
    first = long(days(5), name="b").assign(heat=[1.0, 2, 3, 4, 5], sky=["sun", "rain", "sun", "sun", None], kind="x")
    second = long(days(3, "2024-02-01"), name="a").assign(heat=[7, 8, 9], sky=["rain", "rain", "sun"], kind="y")
    whole = pd.concat([first.drop(index=2), second], ignore_index=True)
    return whole.iloc[[3, 0, 6, 2, 5, 1, 4]]


def read(table: pd.DataFrame, **options) -> Panel:
    return to_panel(table, frequency="D", **{"covariates": ["heat", "sky"], "static": ["kind"], **options})[0]


def test_covariates_lie_beside_the_values_in_order_and_on_the_grid(table):
    panel = read(table)
    assert panel.ids.tolist() == ["a", "b"]
    assert panel.values.tolist()[:3] == [1.0, 2.0, 3.0]
    assert panel.covariates["heat"].dtype == np.float64
    assert panel.covariates["heat"].tolist()[:5] == [7.0, 8.0, 9.0, 1.0, 2.0]
    assert np.isnan(panel.covariates["heat"][5])
    assert panel.covariates["sky"].tolist() == ["rain", "rain", "sun", "sun", "rain", None, "sun", None]
    assert panel.static["kind"].tolist() == ["y", "x"]


def test_without_being_asked_for_no_column_is_read(table):
    panel = to_panel(table, frequency="D")[0]
    assert not panel.covariates
    assert not panel.static


def test_what_is_cut_taken_and_written_out_again_keeps_its_covariates(table):
    panel = read(table)
    assert panel.drop_last(2).covariates["heat"].tolist()[:3] == [7.0, 1.0, 2.0]
    assert panel.keep_last(1).covariates["sky"].tolist() == ["sun", None]
    assert panel.take(np.array([1])).static["kind"].tolist() == ["x"]
    assert panel.with_values(panel.values * 2).covariates["sky"].tolist() == panel.covariates["sky"].tolist()
    again = read(panel.frame())
    assert again.frame().equals(panel.frame())
    assert list(panel.frame()) == ["unique_id", "ds", "y", "heat", "sky", "kind"]


def test_covariates_cannot_be_written_to(table):
    with pytest.raises(ValueError, match="read-only"):
        read(table).covariates["heat"][0] = 0.0


def test_truth_values_are_numbers_and_categorical_numbers_are_categories(table):
    table = table.assign(heat=table["heat"] > 2, sky=table["heat"].astype("int64").astype("category"))
    panel = read(table)
    assert panel.covariates["heat"].tolist()[:3] == [1.0, 1.0, 1.0]
    assert panel.covariates["sky"].tolist()[:3] == ["7", "8", "9"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heat": np.inf}, r"series b, time 2024-01-01, column heat: the value is infinite"),
        ({"heat": pd.Timestamp("2024-01-01")}, r"column heat: the value .* is a .*, not a number"),
        ({"kind": ["x", "x", "y", "x", "y", "x", "x"]}, r"series a, time .*, column kind: .*said to be static"),
        ({"kind": ["x", None, "y", "x", "y", "x", "y"]}, r"series b, time 2024-01-01, column kind: .*is missing"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(table, change, message):
    with pytest.raises(DataError, match=message):
        read(table.assign(**change).sort_index())


def test_a_column_that_is_not_there_is_named(table):
    with pytest.raises(DataError, match="there is no column heta"):
        read(table, covariates=["heta"])
    with pytest.raises(DataError, match="the panel has no covariate heta; its covariates are: heat, sky, kind"):
        to_panel(read(table), covariates=["heta"])


def test_of_a_panel_those_asked_for_are_kept(table):
    chosen, _ = to_panel(read(table), covariates=["sky"])
    assert list(chosen.covariates) == ["sky"]
    assert not chosen.static


@pytest.mark.parametrize("names", [["heat", "heat"], ["y"], ["ds"], ["kind"]])
def test_a_column_is_one_thing_alone(table, names):
    with pytest.raises(ParameterError, match="is named twice"):
        read(table, covariates=names)


def test_wide_tables_and_series_have_no_covariates():
    wide = pd.DataFrame({"a": [1.0, 2, 3], "heat": [1.0, 2, 3]}, index=days(3))
    with pytest.raises(DataError, match="read from long tables only"):
        to_panel(wide, covariates=["heat"])
    with pytest.raises(DataError, match="read from long tables only"):
        to_panel(wide["a"], covariates=["heat"])


def test_a_single_series_needs_no_id(table):
    alone = table.loc[table["unique_id"] == "a", ["ds", "y", "heat"]]
    assert to_panel(alone, frequency="D", covariates=["heat"])[0].covariates["heat"].tolist() == [7.0, 8.0, 9.0]


def test_missing_covariates_are_refused_with_series_time_and_column(table):
    panel = read(table)
    with pytest.raises(DataError, match=r"series b, time 2024-01-05, column sky: the covariate is missing at"):
        treat_covariates(panel, "refuse")
    absent = panel.choose(["heat"], [])  # on the third of January, as the target
    assert treat_covariates(absent, "refuse") == (absent, ())


@pytest.mark.parametrize("policy", ["interpolate", "mask"])
def test_missing_covariates_carry_the_last_known_value_of_their_series_forward(table, policy):
    table.loc[table["unique_id"].eq("b") & table["ds"].eq("2024-01-01"), "heat"] = np.nan
    panel, notices = treat_covariates(read(table), policy)
    assert panel.covariates["heat"].tolist()[4:] == [2.0, 2.0, 4.0, 5.0]
    assert np.isnan(panel.covariates["heat"][3])  # nothing was known before, and not that of another series
    assert panel.covariates["sky"].tolist()[3:] == ["sun", "rain", "rain", "sun", "sun"]
    assert [(notice.kind, notice.count) for notice in notices] == [("carried", 2), ("carried", 2)]


def test_complete_covariates_are_left_as_they_are(table):
    panel = read(table[table["unique_id"] == "a"])
    assert treat_covariates(panel, "refuse") == (panel, ())
