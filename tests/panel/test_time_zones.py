"""Time zones: in, inside and out, across daylight saving in both directions."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import DataError, ParameterError
from forecasting.panel import to_panel
from tests.panel.tables import days, long

BERLIN = "Europe/Berlin"


@pytest.mark.parametrize("start", ["2024-03-25", "2024-10-21"])
@pytest.mark.parametrize("freq", ["D", "h"])
@pytest.mark.parametrize("zone", [BERLIN, "America/New_York", "UTC", "Asia/Kolkata"])
def test_the_time_zone_that_comes_in_goes_out_and_the_future_follows_its_clock(start, freq, zone):
    whole = pd.date_range(pd.Timestamp(start, tz=zone), periods=400, freq=freq).as_unit("us")
    panel, notices = to_panel(long(whole[:300]))
    assert (panel.tz, panel.frequency.alias, notices) == (zone, freq, ())
    assert panel.times[0] == pd.Timestamp(start, tz=zone).tz_convert("UTC").tz_localize(None).to_datetime64()
    assert panel.frame()["ds"].tolist() == whole[:300].tolist()
    assert str(panel.frame()["ds"].dt.tz) == zone
    assert panel.stamps(panel.future_times(100)).tolist() == whole[300:].tolist()


def test_naive_stamps_are_placed_in_the_time_zone_that_is_stated():
    panel, _ = to_panel(long(days(10, "2024-03-28")), tz=BERLIN)
    assert panel.times[:5].tolist() == [
        dt.datetime(2024, 3, 27, 23),
        dt.datetime(2024, 3, 28, 23),
        dt.datetime(2024, 3, 29, 23),
        dt.datetime(2024, 3, 30, 23),
        dt.datetime(2024, 3, 31, 22),
    ]
    assert panel.frequency.alias == "D"
    assert panel.frame()["ds"].dt.tz_localize(None).tolist() == days(10, "2024-03-28").tolist()


def test_aware_stamps_are_converted_to_the_time_zone_that_is_stated():
    panel, _ = to_panel(long(days(10, freq="h").tz_localize("UTC")), tz="Asia/Tokyo")
    assert panel.tz == "Asia/Tokyo"
    assert panel.times[0] == np.datetime64("2024-01-01T00:00")
    assert panel.frame()["ds"].iloc[0] == pd.Timestamp("2024-01-01T09:00", tz="Asia/Tokyo")


@pytest.mark.parametrize(
    ("start", "problem"),
    [
        ("2024-10-27T00:30", "the clock of Europe/Berlin shows 2024-10-27 02:30:00 twice"),
        ("2024-03-31T00:30", "the clock of Europe/Berlin never shows 2024-03-31 02:30:00"),
    ],
)
def test_local_times_that_are_ambiguous_or_do_not_exist_are_refused(start, problem):
    with pytest.raises(DataError) as error:
        to_panel(long(days(6, start, "h")), tz=BERLIN, dataset="grid")
    assert problem in error.value.problem
    assert error.value.where == {"dataset": "grid", "series": "a", "column": "ds"}
    assert "offset from UTC" in error.value.remedy


def test_offsets_that_differ_become_utc_or_the_time_zone_that_is_stated():
    text = ["2024-03-30T00:00+01:00", "2024-03-31T00:00+01:00", "2024-04-01T00:00+02:00", "2024-04-02T00:00+02:00"]
    panel, notices = to_panel(long(text), tz=BERLIN)
    assert (panel.tz, panel.frequency.alias, notices) == (BERLIN, "D", ())
    hourly = ["2024-03-31T01:00+01:00", "2024-03-31T03:00+02:00", "2024-03-31T04:00+02:00"]
    panel, notices = to_panel(long(hourly))
    assert panel.tz == "UTC"
    assert panel.times.tolist() == [dt.datetime(2024, 3, 31, hour) for hour in (0, 1, 2)]
    assert [(notice.kind, notice.count) for notice in notices] == [("time_zone", 3)]
    with pytest.raises(DataError, match="state it with tz"):
        to_panel(long(text))


def test_python_datetimes_of_several_zones_become_utc():
    stamps = [
        pd.Timestamp("2024-01-01T00:00Z"),
        pd.Timestamp("2024-01-01T02:00", tz=BERLIN),
        pd.Timestamp("2024-01-01T02:00Z"),
    ]
    panel, notices = to_panel(long(pd.Series(stamps, dtype=object)))
    assert panel.times.tolist() == [dt.datetime(2024, 1, 1, hour) for hour in (0, 1, 2)]
    assert (panel.tz, [notice.kind for notice in notices]) == ("UTC", ["time_zone"])


@pytest.mark.parametrize("zone", ["UTC", "UTC+05:30", "UTC-03:00"])
def test_fixed_offsets_go_out_as_they_came(zone):
    offset = {"UTC": "Z", "UTC+05:30": "+05:30", "UTC-03:00": "-03:00"}[zone]
    panel, _ = to_panel(long([f"2024-01-0{day}T00:00{offset}" for day in (1, 2, 3)]))
    assert panel.tz == zone
    assert panel.frame()["ds"].iloc[1] == pd.Timestamp(f"2024-01-02T00:00{offset}")


def test_stamps_with_and_without_an_offset_are_refused():
    with pytest.raises(DataError, match="the time '2024-01-02' has no offset from UTC, others of the column have one"):
        to_panel(long(["2024-01-01T00:00Z", "2024-01-02", "2024-01-03T00:00Z"]))


def test_a_time_zone_must_exist_have_a_name_and_belong_to_dates():
    with pytest.raises(ParameterError, match="there is no time zone 'Europe/Berln'"):
        to_panel(long(days(3)), tz="Europe/Berln")
    with pytest.raises(ParameterError, match="time zone 'UTC' is given, but the times are integer steps"):
        to_panel(long([1, 2, 3]), tz="UTC")

    class House(dt.tzinfo):
        def utcoffset(self, when: dt.datetime | None) -> dt.timedelta:
            return dt.timedelta(minutes=17)

        def dst(self, when: dt.datetime | None) -> dt.timedelta:
            return dt.timedelta(0)

        def tzname(self, when: dt.datetime | None) -> str:
            return "house"

    with pytest.raises(DataError, match=r"has no name.*tz_convert"):
        to_panel(long(days(3).tz_localize(House())))


def test_a_gap_across_daylight_saving_is_filled_on_the_clock():
    local = days(12, "2024-03-26").tz_localize(BERLIN)
    panel, notices = to_panel(long(local.delete([5, 6])))
    assert panel.frame()["ds"].tolist() == local.tolist()
    assert notices[0].message.endswith("first in a at 2024-03-31 00:00:00+01:00, 2024-04-01 00:00:00+02:00")


def test_midnight_in_a_zone_that_skips_it_stays_a_daily_series():
    local = pd.date_range(pd.Timestamp("2024-09-05", tz="America/Santiago"), periods=3, freq="D").append(
        pd.DatetimeIndex(["2024-09-08T01:00", "2024-09-09T00:00"]).tz_localize("America/Santiago")
    )
    panel, _ = to_panel(long(local))
    assert panel.frequency.alias == "D"
    from_sunday, _ = to_panel(long(local[2:]), frequency="D")
    assert from_sunday.stamps(from_sunday.future_times(1))[0] == pd.Timestamp("2024-09-10", tz="America/Santiago")
