"""Public holidays against the dates of the law, and the codes of countries."""

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import DataError, ParameterError
from forecasting.panel import Frequency
from forecasting.panel.calendar_covariates import calendar_channels, check_calendar_covariates
from forecasting.panel.public_holidays import is_country, public_holidays

# By the law of each place: 5 U.S.C. 6103; Einigungsvertrag Art. 2 and BayFTG Art. 1; Code du travail L3133-1;
# Banking and Financial Dealings Act 1971 with the day of the coronation; Holidays Act 178 of 1948.
DATES = {
    ("US", 2024): "01-01 01-15 02-19 05-27 06-19 07-04 09-02 10-14 11-11 11-28 12-25",
    ("US", 2021): "01-01 01-18 02-15 05-31 06-18 06-19 07-04 07-05 09-06 10-11 11-11 11-25 12-24 12-25 12-31",
    ("US", 2022): "01-01 01-17 02-21 05-30 06-19 06-20 07-04 09-05 10-10 11-11 11-24 12-25 12-26",
    ("DE", 2024): "01-01 03-29 04-01 05-01 05-09 05-20 10-03 12-25 12-26",
    ("DE-BY", 2024): "01-01 01-06 03-29 04-01 05-01 05-09 05-20 05-30 10-03 11-01 12-25 12-26",
    ("FR", 2023): "01-01 04-10 05-01 05-08 05-18 05-29 07-14 08-15 11-01 11-11 12-25",
    ("GB-ENG", 2023): "01-01 01-02 04-07 04-10 05-01 05-08 05-29 08-28 12-25 12-26",
    ("JP", 2024): "01-01 01-08 02-11 02-12 02-23 03-20 04-29 05-03 05-04 05-05 05-06 07-15 08-11 08-12 09-16 09-22"
    " 09-23 10-14 11-03 11-04 11-23",
}


def year(number: int) -> np.ndarray:
    return np.arange(f"{number}-01-01", f"{number + 1}-01-01", dtype="datetime64[D]")


@pytest.mark.parametrize(("code", "number"), DATES, ids=str)
def test_the_days_are_those_of_the_law(code, number):
    days = year(number)
    found = [str(day)[5:] for day in days[public_holidays(days, code)]]
    assert found == DATES[code, number].split()


@pytest.mark.parametrize("tz", [None, "Europe/Berlin", "America/New_York"])
def test_hours_belong_to_the_day_that_the_clock_of_the_zone_shows(tz):
    local = pd.date_range("2024-10-01", "2024-10-05", freq="h", inclusive="left", tz=tz)
    utc = local if tz is None else local.tz_convert("UTC").tz_localize(None)
    found = calendar_channels("holiday:DE", utc.to_numpy().astype("datetime64[us]"), tz)
    assert found.shape == (96, 1)
    assert found.ravel().tolist() == [float(stamp.day == 3) for stamp in local]


def test_any_shape_of_times_is_read():
    days = year(2023)[:360].astype("datetime64[us]")
    flat = calendar_channels("holiday:FR", days, None)
    assert calendar_channels("holiday:FR", days.reshape(3, 120), None).reshape(360, 1).tolist() == flat.tolist()
    assert calendar_channels("holiday:FR", days[:0], None).shape == (0, 1)


@pytest.mark.parametrize("frequency", ["D", "h", "15min", "B"])
def test_days_and_parts_of_days_have_public_holidays(frequency):
    check_calendar_covariates(["holiday:US", "holiday:DE-BY", "holiday:XNYS"], Frequency.parse(frequency))


def test_sessions_may_be_public_holidays_though_they_are_never_those_of_their_exchange():
    sessions = Frequency.parse("session", "XNYS")
    check_calendar_covariates(["holiday:US"], sessions)
    columbus = np.array(["2024-10-14"], dtype="datetime64[us]")
    assert calendar_channels("holiday:US", columbus, None).item() == 1
    assert calendar_channels("session:XNYS", columbus, None).item() == 1
    with pytest.raises(ParameterError, match="says nothing"):
        check_calendar_covariates(["holiday:XNYS"], sessions)


@pytest.mark.parametrize("frequency", ["W", "MS", 1])
def test_longer_steps_have_none(frequency):
    with pytest.raises(ParameterError, match="'holiday:US' says nothing about the steps"):
        check_calendar_covariates(["holiday:US"], Frequency.parse(frequency))


@pytest.mark.parametrize(
    ("code", "near"),
    [
        ("us", "US"),
        ("USA", "US"),
        ("Germany", "DE"),
        ("germani", "DE"),
        ("DE-BX", "DE-B"),
        ("de-by", "DE-BY"),
        ("DE-Bayern", "DE-BY"),
        ("XNYX", "XNYS"),
        ("UZ1", None),
        ("??", None),
    ],
)
def test_an_unknown_code_is_refused_with_the_nearest(code, near):
    with pytest.raises(ParameterError, match="neither an exchange calendar nor a country") as caught:
        check_calendar_covariates([f"holiday:{code}"], Frequency.parse("D"))
    assert caught.value.where == {"parameter": "calendar_covariates"}
    assert (near or "Use a code such as XNYS, US or DE-BY.") in str(caught.value.remedy)


def test_every_country_that_is_known_has_two_letters():
    assert is_country("US")
    assert is_country("DE-BY")
    assert is_country("BY")  # Belarus
    assert not [code for code in ("USA", "us", "DE-", "-BY", "XNYS", "") if is_country(code)]


def test_years_that_are_not_known_are_named():
    with pytest.raises(DataError, match=r"time 1960-01-01: the public holidays of DE are known from 1991 to 2100 only"):
        public_holidays(year(1960), "DE")
