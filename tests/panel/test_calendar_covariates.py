"""Calendar covariates against the calendar."""

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import ParameterError
from forecasting.panel import Frequency
from forecasting.panel.calendar_covariates import (
    calendar_channels,
    check_calendar_covariates,
    is_calendar_covariate,
)


def times(start: str, periods: int, freq: str) -> np.ndarray:
    return pd.date_range(start, periods=periods, freq=freq).to_numpy().astype("datetime64[us]")


def test_the_hour_goes_once_round_a_day():
    found = calendar_channels("hour", times("2024-05-01", 4, "6h"), None)
    assert found.dtype == np.float32
    assert found == pytest.approx(np.array([[0, 1], [1, 0], [0, -1], [-1, 0]]), abs=1e-6)


def test_the_clock_of_the_time_zone_is_read():
    summer = calendar_channels("hour", times("2024-06-30T22:00", 1, "h"), "Europe/Berlin")
    assert summer == pytest.approx(np.array([[0, 1]]), abs=1e-6)
    assert calendar_channels("weekday", times("2024-06-30T22:00", 1, "h"), "Europe/Berlin")[0].argmax() == 0
    assert calendar_channels("weekday", times("2024-06-30T22:00", 1, "h"), None)[0].argmax() == 6


def test_weekdays_are_those_of_pandas():
    stamps = times("1960-02-20", 400, "D")
    found = calendar_channels("weekday", stamps.reshape(20, 20), None)
    assert found.shape == (20, 20, 7)
    assert (found.sum(axis=-1) == 1).all()
    assert found.argmax(axis=-1).ravel().tolist() == pd.DatetimeIndex(stamps).day_of_week.tolist()


def test_the_month_goes_once_round_a_year():
    found = calendar_channels("month", times("1969-12-31", 40, "D"), None)
    angle = 2 * np.pi * np.array([11] + [0] * 31 + [1] * 8) / 12
    assert found == pytest.approx(np.stack([np.sin(angle), np.cos(angle)], axis=1), abs=1e-6)


def test_sessions_and_holidays_are_those_of_the_exchange():
    stamps = times("2024-07-03", 5, "D")  # Wednesday, the fourth of July, Friday, and a weekend
    assert calendar_channels("session:XNYS", stamps, None).ravel().tolist() == [1, 0, 1, 0, 0]
    assert calendar_channels("holiday:XNYS", stamps, None).ravel().tolist() == [0, 1, 0, 0, 0]


@pytest.mark.parametrize("name", ["hour", "weekday", "month", "session:XNYS", "holiday:XETR"])
def test_names_that_there_are(name):
    assert is_calendar_covariate(name)


@pytest.mark.parametrize("name", ["day", "session", "holiday:", "hour:XNYS", "", 3])
def test_names_that_there_are_not(name):
    assert not is_calendar_covariate(name)


@pytest.mark.parametrize(
    ("name", "frequency"),
    [
        ("hour", "D"),
        ("hour", 1),
        ("weekday", "W"),
        ("weekday", "MS"),
        ("month", "YS"),
        ("month", 1),
        ("holiday:XNYS", "MS"),
    ],
)
def test_what_says_nothing_on_a_grid_is_refused(name, frequency):
    with pytest.raises(ParameterError, match="says nothing about the steps"):
        check_calendar_covariates([name], Frequency.parse(frequency))


def test_an_unknown_exchange_is_refused():
    with pytest.raises(ParameterError, match="there is no exchange calendar 'XNYSE'"):
        check_calendar_covariates(["session:XNYSE"], Frequency.parse("D"))
    check_calendar_covariates(["hour", "weekday", "month", "session:XNYS"], Frequency.parse("15min"))
    with pytest.raises(ParameterError, match="says nothing"):
        check_calendar_covariates(["session:XNYS"], Frequency.parse("session", "XNYS"))
