"""Every parameter: what is refused, and that it does something."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting import SimpleRNNForecaster
from forecasting.errors import DataError, ParameterError
from forecasting.estimators.parameters import Allowed, check_parameters, one_of, whole
from forecasting.panel.calendar_covariates import CALENDAR_COVARIATES
from forecasting.targets import WORDS
from tests.estimators.covered import covered_frame
from tests.estimators.made import long_frame, one, tiny, values, wave

Forecaster = SimpleRNNForecaster


def rows(forecaster: Forecaster) -> int:
    return len(forecaster.predict())


def points(forecaster: Forecaster) -> list[list[float]]:
    return values(forecaster.predict())


def losses(forecaster: Forecaster) -> list[float]:
    return [entry["loss"] for entry in forecaster.history_]


def last_time(forecaster: Forecaster) -> pd.Timestamp:
    return forecaster.predict()["ds"].max()


def channels(forecaster: Forecaster) -> set[str]:
    return set(forecaster._model.spec.reading_shapes())


def covered() -> pd.DataFrame:
    return covered_frame((60, 50))


def workdays() -> pd.DataFrame:
    """Sessions of a stock exchange: no weekends, and no first of January."""
    import exchange_calendars

    days = exchange_calendars.get_calendar("XNYS").sessions_in_range("2023-10-02", "2023-12-29")
    return pd.DataFrame({"unique_id": "a", "ds": days, "y": wave(len(days))})


def holed() -> pd.DataFrame:
    return long_frame((60,)).drop(index=[20, 21])


def scattered() -> pd.DataFrame:
    """About two observations a day, at any time of it."""
    rng = np.random.default_rng(0)
    hours = np.sort(rng.choice(24 * 60, 120, replace=False))
    ds = pd.Timestamp("2024-01-01 00:30") + pd.to_timedelta(hours, unit="h")
    return pd.DataFrame({"unique_id": "a", "ds": ds, "y": wave(120)})


@dataclass
class Parameter:
    """What is refused, what the message says is allowed, and another value with what shows that it acts."""

    refused: list[Any]
    allowed: str
    other: Any
    seen: Callable[[Forecaster], Any]
    data: Callable[[], pd.DataFrame] = long_frame
    common: dict[str, Any] = field(default_factory=dict)
    base: dict[str, Any] = field(default_factory=dict)


NUMBERS = [0, -1, 2.5, "3", True, np.nan]
FLAGS = [1, "yes", None]
NAMES = [["heat", "heat"], [3], "heat", 1, [""]]
RATES = [0, -0.1, np.inf, np.nan, "fast", True]

PARAMETERS = {
    "horizon": Parameter([*NUMBERS, None], "a whole number, at least 1", 3, rows),
    "season_length": Parameter(NUMBERS, "a whole number, at least 1, or None", 2, points),
    "lookback": Parameter([*NUMBERS, 1], "a whole number, at least 2, or None", 12, lambda f: f.lookback_),
    "levels": Parameter(
        [[0], [100], [0.8], [80, 80], ["80"], [True], "80", 80, {80: 1}],
        "a list of different numbers of percent, from 1 to below 100 (80, not 0.8), or None",
        [80, 95],
        lambda f: list(f.predict().columns),
        common={"max_steps": 1},
    ),
    "learned_quantiles": Parameter(
        [[0], [1], [0.0001], [90], [0.1, 0.1], ["0.1"], [True], 0.9, "0.9"],
        "a list of different numbers from 0.001 to 0.999, not of 0.5 alone, or None",
        [0.1, 0.9],
        lambda f: f.n_parameters_,
    ),
    "frequency": Parameter(["fortnight", 2.5, None, 0, ""], "", "D", last_time, workdays, {"gaps": "interpolate"}),
    "calendar": Parameter(["XXXX", 3], "", "XNYS", last_time, workdays, {"gaps": "interpolate"}),
    "irregular": Parameter(
        ["first", None, True, 0],
        "one of 'refuse', 'last', 'mean'",
        "mean",
        points,
        scattered,
        {"frequency": "D", "gaps": "mask"},
        {"irregular": "last"},
    ),
    "gaps": Parameter(
        ["fill", None, 1],
        "one of 'refuse', 'interpolate', 'mask'",
        "mask",
        points,
        holed,
        {"linear_skip": False, "combine_naive": False},
        {"gaps": "interpolate"},
    ),
    "target": Parameter(["sqrt", None, 0, ["log"], "difference+log"], WORDS, "log", points),
    "covariates": Parameter(["guess", ["infer"], "", True, 1], "'infer', or None", "infer", channels, covered),
    "past_covariates": Parameter(NAMES, "a list of different names of columns, or None", ["noise"], channels, covered),
    "future_covariates": Parameter(NAMES, "a list of different names of columns, or None", ["heat"], channels, covered),
    "static_covariates": Parameter(
        NAMES, "a list of different names of columns, or None", ["region"], channels, covered
    ),
    "calendar_covariates": Parameter(
        [*NAMES, ["day"], ["session"], ["hour:XNYS"]],
        f"a list of different ones of {CALENDAR_COVARIATES}, or None",
        ["weekday"],
        points,
        common={"combine_naive": False},
    ),
    "segment_length": Parameter(NUMBERS, "a whole number, at least 1, or None", 2, lambda f: f.n_parameters_),
    "units": Parameter(NUMBERS, "a whole number, at least 1", 5, lambda f: f.n_parameters_),
    "n_layers": Parameter(NUMBERS, "a whole number, at least 1", 2, lambda f: f.n_parameters_),
    "linear_skip": Parameter(FLAGS, "True or False", False, lambda f: f.n_parameters_),
    "combine_naive": Parameter(FLAGS, "True or False", False, lambda f: f.shares_),
    "n_members": Parameter(NUMBERS, "a whole number, at least 1", 2, lambda f: f.n_parameters_),
    "max_steps": Parameter(NUMBERS, "a whole number, at least 1, or None", 3, losses),
    "batch_size": Parameter(NUMBERS, "a whole number, at least 1, or None", 5, losses),
    "learning_rate": Parameter(RATES, "a finite number above 0", 0.1, losses),
    "clip_norm": Parameter(RATES, "a finite number above 0", 0.01, losses),
    "refit": Parameter(
        FLAGS,
        "True or False",
        False,
        lambda f: {entry["stage"] for entry in f.history_},
        common={"linear_skip": False, "learning_rate": 0.01},
    ),
    "random_state": Parameter(
        ["a", -1, 2**32, 1.5],
        "a whole number from 0 to 2**32 - 1 or a numpy.random.RandomState, or None",
        1,
        points,
        common={"combine_naive": False},
    ),
    "verbose": Parameter([-1, "loud", None, 0.5], "a whole number, at least 0", 1, lambda f: f.verbose),
}


def test_every_parameter_has_its_entry():
    assert PARAMETERS.keys() == inspect.signature(SimpleRNNForecaster).parameters.keys()


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, entry in PARAMETERS.items() for value in entry.refused], ids=repr
)
def test_a_wrong_value_is_refused_with_what_is_allowed(name, value, frame):
    with pytest.raises(ParameterError) as error:
        tiny().set_params(**{name: value}).fit(frame)
    assert error.value.where["parameter"] == name
    assert repr(value) in str(error.value)
    if PARAMETERS[name].allowed:
        assert f"{name} must be {PARAMETERS[name].allowed}, not {value!r}" in str(error.value)
    else:  # the gate says it: by examples
        assert "Give a name" in str(error.value) or "Examples" in str(error.value) or "such as" in str(error.value)


@pytest.mark.parametrize("name", [name for name in PARAMETERS if name != "verbose"])
def test_another_value_shows(name):
    entry = PARAMETERS[name]
    data = entry.data()
    base = tiny(**entry.common).set_params(**entry.base).fit(data)
    other = tiny(**entry.common).set_params(**{name: entry.other}).fit(data)
    assert entry.seen(other) != entry.seen(base)


def test_a_progress_line_is_shown_on_standard_error_where_wanted(frame, capsys):
    tiny().fit(frame)
    assert capsys.readouterr() == ("", "")
    tiny(verbose=1).fit(frame)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "training" in shown.err


def test_all_wrong_values_are_named_at_once(frame):
    with pytest.raises(ParameterError) as error:
        tiny(units=0, learning_rate=-1).fit(frame)
    assert error.value.where["parameter"] == "units, learning_rate"
    assert "SimpleRNNForecaster: units must be" in str(error.value)
    assert "learning_rate must be a finite number above 0, not -1" in str(error.value)


@pytest.mark.parametrize(
    "levels", [(80, 95), np.array([80, 95]), range(80, 100, 15), pd.Series([80.0, 95.0])], ids=type
)
def test_levels_may_be_any_sequence(levels):
    forecast = tiny(levels=levels).fit(one(90)).predict()
    assert list(forecast.columns)[-2:] == ["SimpleRNN-lo-95", "SimpleRNN-hi-95"]


def test_numbers_of_numpy_are_numbers(frame):
    plain = tiny(learning_rate=0.01).fit(frame)
    numbers = {"units": np.int64(4), "horizon": np.int32(4), "learning_rate": np.float64(0.01), "refit": np.True_}
    assert points(tiny().set_params(**numbers).fit(frame)) == points(plain)


def test_a_look_back_that_is_no_multiple_of_the_segment_names_one_that_is(frame):
    with pytest.raises(
        ParameterError, match=r"look-back of 10 steps is not a multiple of the segment of 4.*lookback=12"
    ):
        tiny(lookback=10, segment_length=4).fit(frame)


def test_a_season_longer_than_the_look_back_leaves_the_last_value_as_anchor(frame):
    forecaster = tiny(season_length=20).fit(frame)
    assert forecaster.anchor_ == "naive"
    assert forecaster.lookback_ % forecaster.segment_length_ == 0


def test_what_is_left_open_is_chosen_and_told(frame):
    forecaster = tiny(season_length=None, lookback=None).fit(frame)
    assert forecaster.season_length_ == 7
    assert forecaster.segment_length_ == 7
    assert forecaster.lookback_ % 7 == 0
    assert forecaster.levels_ == []
    assert forecaster.season_length is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"horizon": 0}, "predict: horizon must be a whole number, at least 1, not 0"),
        ({"horizon": 2.0}, "predict: horizon must be a whole number, at least 1, not 2.0"),
        ({"levels": [0]}, r"predict: levels must be a list of different .*, not \[0\]"),
        ({"levels": 80}, "predict: levels must be a list of different .*, not 80"),
    ],
)
def test_predict_refuses_wrong_values_in_the_same_way(given, words, fitted):
    with pytest.raises(ParameterError, match=words):
        fitted.predict(**given)


def test_a_level_that_the_held_out_errors_cannot_bear_is_refused_with_the_number_needed(frame, fitted):
    with pytest.raises(DataError, match=r"99.99 % interval needs the errors of at least 9999 held-out forecasts"):
        fitted.predict(levels=[99.99])
    with pytest.raises(DataError, match="at least 9999"):
        tiny(levels=[99.99]).fit(frame)


def test_rules_are_told_in_words():
    rules = {"a": whole(2), "b": one_of("x", "y"), "c": Allowed(lambda value: value is None, "nothing")}
    check_parameters("Thing", {"a": 2, "b": "y", "c": None}, rules)
    with pytest.raises(ParameterError) as error:
        check_parameters("Thing", {"a": 1, "b": "z", "c": 0}, rules)
    parts = [
        "a must be a whole number, at least 2, not 1",
        "b must be one of 'x', 'y', not 'z'",
        "c must be nothing, not 0",
    ]
    assert error.value.problem == f"Thing: {'; '.join(parts)}"
