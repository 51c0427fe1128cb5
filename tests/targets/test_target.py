"""Transforms of the target and the way back."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import boxcox
from sklearn.preprocessing import RobustScaler, StandardScaler

from forecasting.errors import DataError, ParameterError
from forecasting.panel import Panel, to_panel
from forecasting.targets import Target, choices_for, is_target
from tests.panel.tables import days, long

PLAIN = ["none", "log", "difference", "log_return"]
FITTED = ["box_cox", "standard", "robust", "robust+asinh", "log+standard", "box_cox+robust+asinh+seasonal_difference"]
NAMES = [*PLAIN, "asinh", "seasonal_difference", *FITTED]


def panel_of(*series) -> Panel:
    frames = [long(days(len(values)), values, chr(97 + number)) for number, values in enumerate(series)]
    return to_panel(pd.concat(frames))[0]


def lengths_of(*lengths: int, seed: int = 0) -> Panel:
    """Series above zero, each ten times as large as the one before."""
    rng = np.random.default_rng(seed)
    return panel_of(*(10.0**number * (5 + rng.random(length)) for number, length in enumerate(lengths)))


TWO = lengths_of(12, 9)


@settings(max_examples=40)
@pytest.mark.parametrize("name", NAMES)
@given(
    values=arrays(float, st.integers(3, 20), elements=st.floats(1e-3, 1e6)).filter(lambda values: np.ptp(values) > 0),
    held_out=st.integers(0, 2),
)
def test_the_path_leads_back_to_the_values(name, values, held_out):
    both = np.stack([values, values[::-1] * 7])
    panel = replace(TWO, values=both.ravel(), times=np.arange(both.size), indptr=np.array([0, 1, 2]) * len(values))
    target = Target.parse(name).fit(panel, held_out, season_length=2)
    back = target.values(target.path(panel).reshape(both.shape))
    assert (np.abs(back - both) <= 1e-7 * both.max(axis=1, keepdims=True)).all()


@settings(max_examples=40)
@pytest.mark.parametrize("name", NAMES)
@given(ends=st.tuples(st.floats(-50, 50), st.floats(-50, 50)).map(sorted))
def test_the_way_back_keeps_the_ends_of_an_interval_in_order(name, ends):
    target = Target.parse(name).fit(TWO, 3, 2)
    low, high = target.values(np.array(ends)[:, None].repeat(2, axis=1).T).T
    assert (low <= high).all()


@pytest.mark.parametrize("name", NAMES)
def test_quantiles_of_the_path_are_quantiles_of_the_values(name):
    """What rises takes every order statistic along: the same element, exactly."""
    panel = lengths_of(31)
    target = Target.parse(name).fit(panel, 0, 4)
    path = target.path(panel)
    for share in (0, 0.1, 0.5, 0.9, 1):
        back = target.values(np.quantile(path, share, method="nearest")[None])
        assert back[0] == pytest.approx(np.quantile(panel.values, share, method="nearest"), rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_way_back_is_series_by_series_for_any_shape_behind(name):
    panel = lengths_of(12, 9, 10)
    target = Target.parse(name).fit(panel, 2, 2)
    path = np.linspace(0.1, 0.9, 18).reshape(3, 2, 3)
    whole = target.values(path)
    for number in range(3):
        one = target.take(np.array([number]))
        assert one.values(path[number].reshape(1, -1)).tolist() == [whole[number].ravel().tolist()]


@pytest.mark.parametrize("name", NAMES)
def test_missing_values_stay_missing_and_tell_nothing(name):
    holed = panel_of([1.0, np.nan, 3.0, 4.0, 7.0, 6.0])
    path = Target.parse(name).fit(holed, 0, 2).path(holed)
    assert np.isnan(path).tolist() == [False, True, False, False, False, False]


def test_without_a_link_the_values_are_not_copied():
    panel = lengths_of(12, 9)
    target = Target.parse("difference").fit(panel, 2)
    assert np.shares_memory(target.path(panel), panel.values)
    assert target.numbers == {}


@pytest.mark.parametrize(
    ("name", "links", "reading", "lag"),
    [
        ("none", (), "", 0),
        ("log", ("log",), "", 0),
        ("difference", (), "difference", 1),
        ("log_return", ("log",), "difference", 1),
        ("log+difference", ("log",), "difference", 1),
        ("seasonal_difference", (), "seasonal_difference", 7),
        ("box_cox+robust+asinh+seasonal_difference", ("box_cox", "robust", "asinh"), "seasonal_difference", 7),
    ],
)
def test_a_name_is_links_and_a_reading(name, links, reading, lag):
    target = Target.parse(name)
    assert (target.name, target.links, target.reading, target.lag(7)) == (name, links, reading, lag)


@pytest.mark.parametrize(
    "name",
    [
        "sqrt",
        "",
        "log+",
        "+log",
        "log+none",
        "difference+log",
        "difference+seasonal_difference",
        "robust+log",
        "log+box_cox",
        "log+log",
        "asinh+asinh",
        "log + difference",
        "auto+log",
        "log_return+asinh",
        None,
        0,
        ["log"],
    ],
)
def test_what_is_no_target_is_refused_with_what_there_is(name):
    assert not is_target(name)
    with pytest.raises(
        ParameterError, match=r"parameter target: must be one of 'none', 'log_return', or some of 'log'"
    ):
        Target.parse(name)


def test_auto_is_a_choice_and_no_transform():
    assert is_target("auto")
    with pytest.raises(ParameterError, match="not 'auto'"):
        Target.parse("auto")
    assert [target.name for target in choices_for("auto", panel_of([1.0, 2, 4]))] == ["none", "log"]
    assert [target.name for target in choices_for("auto", panel_of([1.0, 0, 4]))] == ["none"]
    assert [target.name for target in choices_for("box_cox", panel_of([1.0, 2, 4]))] == ["box_cox"]


def test_seasonal_differences_need_a_season():
    with pytest.raises(ParameterError, match="needs a season, and the season length is 1"):
        Target.parse("log+seasonal_difference").lag(1)


def test_scaling_is_that_of_scikit_learn_before_the_held_out_part():
    panel = lengths_of(30, 24)
    for name, scaler in (("standard", StandardScaler()), ("robust", RobustScaler())):
        target = Target.parse(name).fit(panel, np.array([5, 4]))
        expected = [
            scaler.fit(values[:-held, None]).transform(values[:, None])[:, 0]
            for values, held in zip(panel, (5, 4), strict=True)
        ]
        assert target.path(panel) == pytest.approx(np.concatenate(expected))


def test_box_cox_is_that_of_scipy_in_units_of_the_median():
    panel = lengths_of(40, 28)
    target = Target.parse("box_cox").fit(panel, 4, 4)
    power = target.numbers["box_cox.power"]
    expected = [boxcox(values / np.median(values[:-4]), power) for values in panel]
    assert target.path(panel) == pytest.approx(np.concatenate(expected))
    assert target.numbers["box_cox.unit"].to_dict() == {
        name: np.median(values[:-4]) for name, values in zip("ab", panel, strict=True)
    }


def test_below_the_path_of_zero_a_power_gives_zero():
    panel = panel_of(np.linspace(1, 9, 40))
    target = Target.parse("box_cox").fit(panel, 0, 4)
    assert target.numbers["box_cox.power"] > 0
    assert target.values(np.array([[-1e6, -1e3]])) == pytest.approx(np.zeros((1, 2)), abs=1e-12)


def test_several_links_are_applied_from_left_to_right():
    panel = lengths_of(30)
    target = Target.parse("log+robust+asinh").fit(panel, 6)
    logs = np.log(panel.values)
    low, center, high = np.quantile(logs[:-6], [0.25, 0.5, 0.75])
    assert target.path(panel) == pytest.approx(np.arcsinh((logs - center) / (high - low)))
    assert {name: number.to_dict() for name, number in target.numbers.items()} == {
        "robust.center": {"a": pytest.approx(center)},
        "robust.scale": {"a": pytest.approx(high - low)},
    }


@pytest.mark.parametrize("name", FITTED)
def test_nothing_of_the_held_out_part_is_in_the_numbers(name):
    panel = lengths_of(30, 24)
    values = np.array(panel.values)
    values[[28, 29, 53]] = 1e7
    fitted = [
        Target.parse(name).fit(one, np.array([2, 1]), 4).to_arrays() for one in (panel, panel.with_values(values))
    ]
    assert {key: array.tolist() for key, array in fitted[0].items()} == {
        key: array.tolist() for key, array in fitted[1].items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_arrays_keep_everything(name):
    panel = lengths_of(30, 24)
    target = Target.parse(name).fit(panel, 3, 4)
    again = Target.from_arrays(name, target.to_arrays())
    assert again.path(panel).tolist() == target.path(panel).tolist()
    assert (again.name, again.links, again.reading) == (target.name, target.links, target.reading)


def test_known_series_keep_their_numbers_and_new_ones_have_those_of_their_history():
    panel, other = lengths_of(30, 24), lengths_of(20, 22, 26, seed=1)
    target = Target.parse("box_cox+robust").fit(panel, 3, 4)
    mixed = other.take(np.array([2, 1, 0]))  # c is new
    found = target.of(mixed)
    assert found.ids.tolist() == ["c", "b", "a"]
    assert found.numbers["box_cox.power"] == target.numbers["box_cox.power"]
    unit = found.numbers["box_cox.unit"]
    assert unit[["a", "b"]].tolist() == target.numbers["box_cox.unit"].tolist()
    assert unit["c"] == np.median(list(other)[2])
    path = boxcox(list(other)[2] / unit["c"], target.numbers["box_cox.power"])
    assert found.numbers["robust.center"]["c"] == pytest.approx(np.median(path))
    assert found.values(found.path(mixed)[:26].reshape(1, -1).repeat(3, axis=0))[0] == pytest.approx(list(other)[2])
    assert Target.parse("log").fit(panel).of(other).numbers == {}


def test_a_series_without_any_change_keeps_its_unit():
    panel = panel_of([1.0, 2, 3, 4], [5.0, 5, 5, 9])
    numbers = Target.parse("standard").fit(panel, 1).numbers
    assert numbers["standard.scale"]["b"] == 1


def test_numbers_that_were_not_fitted_are_asked_for():
    panel = lengths_of(8)
    for call in (lambda: Target.parse("robust").path(panel), lambda: Target.parse("box_cox").values(panel.values)):
        with pytest.raises(ParameterError, match=r"has no numbers yet. Use what fit\(panel\) gives back"):
            call()


@pytest.mark.parametrize("name", ["log", "log_return", "box_cox"])
@pytest.mark.parametrize("low", [0.0, -2.5])
def test_values_that_a_link_cannot_take_are_refused_with_series_time_and_remedy(name, low):
    frame = pd.concat([long(days(4), name="fine"), long(days(4), [5.0, 4.0, low, low], "low")])
    with pytest.raises(DataError) as error:
        Target.parse(name).fit(to_panel(frame)[0])
    assert error.value.where["series"] == "low"
    assert "2024-01-03" in error.value.where["time"]
    assert f"target '{name}' needs values above zero, and 2 are not, the first being {low:g}" in str(error.value)
    assert "'difference'" in error.value.remedy


@pytest.mark.parametrize("name", ["none", "difference", "asinh", "standard", "robust+asinh"])
def test_values_of_zero_and_less_are_fine_elsewhere(name):
    panel = panel_of([0.0, -1.0, 2.0])
    target = Target.parse(name).fit(panel)
    assert target.values(target.path(panel)[None])[0] == pytest.approx([0.0, -1.0, 2.0])


@pytest.mark.parametrize("at_once", [1, 10**6])
def test_a_series_that_does_not_come_back_is_named(at_once, monkeypatch):
    monkeypatch.setattr("forecasting.targets.target._VALUES_AT_ONCE", at_once)
    steep = np.sqrt(100 + np.arange(60) % 4 + np.arange(60))  # even after squaring
    lost = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1e200])  # whose square is no number
    with pytest.raises(DataError) as error, np.errstate(over="ignore"):
        Target.parse("box_cox").fit(panel_of(steep, lost), 1, 4)
    assert error.value.where["series"] == "b"
    assert "cannot be undone" in str(error.value)


def test_a_series_that_is_held_out_whole_is_named():
    with pytest.raises(DataError, match="comes back as nan") as error:
        Target.parse("robust").fit(panel_of([1.0, 2, 4, 3, 5, 6], [1.0, 2, 3]), 3)
    assert error.value.where["series"] == "b"


def test_log_returns_of_several_steps_add_up_to_the_price():
    prices = np.array([100.0, 105, 99, 120])
    target = Target.parse("log_return")
    path = target.path(panel_of(prices))
    returns = np.log(prices[1:] / prices[:-1])
    assert np.diff(path) == pytest.approx(returns)
    assert target.values(path[0] + np.cumsum(returns)) == pytest.approx(prices[1:])
