"""Transforms of the target and the way back."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecasting.errors import DataError, ParameterError
from forecasting.panel import to_panel
from forecasting.targets import TARGETS, Target
from tests.panel.tables import days, long

NAMES = list(TARGETS)


def panel_of(values, name="a"):
    return to_panel(long(days(len(values)), values, name))[0]


@pytest.mark.parametrize("name", NAMES)
@given(
    values=arrays(float, st.integers(3, 20), elements=st.floats(1e-3, 1e6)).filter(lambda values: np.ptp(values) > 0)
)
def test_the_path_leads_back_to_the_values(name, values):
    target = Target.parse(name)
    assert target.values(target.path(panel_of(values))) == pytest.approx(values, rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
@given(ends=st.tuples(st.floats(-50, 50), st.floats(-50, 50)).map(sorted))
def test_the_way_back_keeps_the_ends_of_an_interval_in_order(name, ends):
    low, high = Target.parse(name).values(np.array(ends))
    assert low <= high


@pytest.mark.parametrize("name", NAMES)
def test_the_way_back_is_element_by_element_for_any_shape(name):
    target = Target.parse(name)
    path = np.linspace(-1, 1, 6).reshape(3, 2)
    expected = np.exp(path) if target.logarithm else path
    assert target.values(path).tolist() == expected.tolist()


def test_the_four_targets_are_a_link_and_a_choice_of_steps():
    assert {name: (target.logarithm, target.differenced) for name, target in TARGETS.items()} == {
        "none": (False, False),
        "log": (True, False),
        "difference": (False, True),
        "log_return": (True, True),
    }


@pytest.mark.parametrize("name", NAMES)
def test_missing_values_stay_missing(name):
    path = Target.parse(name).path(panel_of([1.0, np.nan, 3.0]))
    assert np.isnan(path).tolist() == [False, True, False]


def test_the_logarithm_of_a_path_is_natural():
    assert Target.parse("log").path(panel_of([1.0, np.e, np.e**2])) == pytest.approx([0, 1, 2])


@pytest.mark.parametrize("name", ["log", "log_return"])
@pytest.mark.parametrize("low", [0.0, -2.5])
def test_values_without_a_logarithm_are_refused_with_series_time_and_remedy(name, low):
    frame = pd.concat([long(days(4), name="fine"), long(days(4), [5.0, 4.0, low, low], "low")])
    with pytest.raises(DataError) as error:
        Target.parse(name).path(to_panel(frame)[0])
    assert error.value.where["series"] == "low"
    assert "2024-01-03" in error.value.where["time"]
    assert f"target '{name}' needs values above zero, and 2 are not, the first being {low:g}" in str(error.value)
    assert "'difference'" in error.value.remedy


@pytest.mark.parametrize("name", ["none", "difference"])
def test_values_of_zero_and_less_are_fine_without_a_logarithm(name):
    assert Target.parse(name).path(panel_of([0.0, -1.0, 2.0])).tolist() == [0.0, -1.0, 2.0]


def test_log_returns_of_several_steps_add_up_to_the_price():
    prices = np.array([100.0, 105, 99, 120])
    target = Target.parse("log_return")
    path = target.path(panel_of(prices))
    returns = np.log(prices[1:] / prices[:-1])
    assert np.diff(path) == pytest.approx(returns)
    assert target.values(path[0] + np.cumsum(returns)) == pytest.approx(prices[1:])


def test_an_unknown_target_is_refused_with_the_ones_there_are():
    with pytest.raises(ParameterError, match=r"parameter target: must be one of 'none', 'log', .*, not 'sqrt'"):
        Target.parse("sqrt")
