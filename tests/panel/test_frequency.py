"""Frequencies: names, moving along them and counting, against pandas and exchange_calendars one step at a time."""

from datetime import datetime, timedelta

import exchange_calendars
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.errors import DataError, ParameterError
from forecasting.panel import Frequency


def stamps(*text: str) -> np.ndarray:
    return np.array(text, dtype="datetime64[us]")


@pytest.mark.parametrize(
    ("given_name", "canonical", "season_length"),
    [
        ("h", "h", 24),
        ("60min", "h", 24),
        ("90min", "90min", 16),
        ("15min", "15min", 96),
        ("min", "min", 1440),
        ("24h", "24h", 7),
        ("5h", "5h", 1),
        ("s", "s", 3600),
        ("ms", "ms", 1),
        ("D", "D", 7),
        ("2D", "2D", 1),
        ("7D", "W", 52),
        ("W-SAT", "W-SAT", 52),
        ("2W", "2W", 26),
        ("MS", "MS", 12),
        ("ME", "ME", 12),
        ("BME", "BME", 12),
        ("MS@15", "MS@15", 12),
        ("MS@31", "ME", 12),
        ("3MS", "QS", 4),
        ("QS-MAY", "QS-FEB", 4),
        ("QE-DEC", "QE-DEC", 4),
        ("QE-MAR", "QE-DEC", 4),
        ("6ME", "2QE", 2),
        ("4QS", "YS", 1),
        ("YE-JUN", "YE-JUN", 1),
        ("BYS-APR", "BYS-APR", 1),
        ("B", "B", 1),
        (1, "1", 1),
        ("30", "30", 1),
        (np.int64(5), "5", 1),
    ],
)
def test_a_name_has_one_canonical_form_and_a_usual_season(given_name, canonical, season_length):
    frequency = Frequency.parse(given_name)
    assert frequency.alias == canonical
    assert frequency.season_length == season_length
    assert Frequency.parse(frequency.alias) == frequency
    assert hash(Frequency.parse(frequency.alias)) == hash(frequency)


@pytest.mark.parametrize("alias", ["session", "B", "D"])
def test_with_an_exchange_days_mean_its_sessions(alias):
    frequency = Frequency.parse(alias, "XNYS")
    assert (frequency.alias, frequency.calendar, frequency.season_length) == ("session", "XNYS", 1)
    assert Frequency.parse(frequency.alias, frequency.calendar) == frequency


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("M", "'ME'"),
        ("H", "'h'"),
        ("T", "'min'"),
        ("15T", "'15min'"),
        ("Q", "'QE'"),
        ("Q-DEC", "'QE-DEC'"),
        ("Y", "'YE'"),
        ("A-JUN", "'YE-JUN'"),
        ("AS", "'YS'"),
        ("S", "'s'"),
        ("BM", "'BME'"),
        ("d", "'D'"),
        ("hourly", "'h'"),
        ("montly", "'MS'"),
        ("C", "'session'"),
    ],
)
def test_an_old_or_misspelt_name_is_refused_with_the_new_one(old, new):
    with pytest.raises(ParameterError) as error:
        Frequency.parse(old)
    assert new in error.value.remedy
    assert repr(old) in error.value.problem


@pytest.mark.parametrize(
    "wrong",
    ["", "0h", "xyz", "D-MON", "MS-FEB", "W-JAN", "ME@15", "MS@32", "MS@0", "4QS-FEB", "h@3", 0, -1, True, 1.5, None],
)
def test_what_is_no_frequency_is_refused(wrong):
    with pytest.raises(ParameterError, match="parameter frequency"):
        Frequency.parse(wrong)


def test_a_calendar_must_exist_and_go_with_the_frequency():
    with pytest.raises(ParameterError, match="Did you mean XNZE or XNYS"):
        Frequency.parse("B", "XNYZ")
    with pytest.raises(ParameterError, match="does not go with the exchange calendar XNYS"):
        Frequency.parse("MS", "XNYS")
    with pytest.raises(ParameterError, match="needs an exchange"):
        Frequency.parse("session")


LITERALS = [
    ("h", "2024-02-29T22:00", ["2024-02-29T23:00", "2024-03-01T00:00", "2024-03-01T01:00"]),
    ("D", "2024-02-28T09:30", ["2024-02-29T09:30", "2024-03-01T09:30", "2024-03-02T09:30"]),
    ("W", "2024-02-24", ["2024-03-02", "2024-03-09", "2024-03-16"]),
    ("MS", "2023-12-01", ["2024-01-01", "2024-02-01", "2024-03-01"]),
    ("ME", "2023-12-31", ["2024-01-31", "2024-02-29", "2024-03-31"]),
    ("MS@30", "2023-12-30", ["2024-01-30", "2024-02-29", "2024-03-30"]),
    ("MS@15", "2023-12-15", ["2024-01-15", "2024-02-15", "2024-03-15"]),
    ("BME", "2024-05-31", ["2024-06-28", "2024-07-31", "2024-08-30"]),
    ("QE", "2023-11-30", ["2024-02-29", "2024-05-31", "2024-08-31"]),
    ("YS-APR@6", "2020-04-06", ["2021-04-06", "2022-04-06", "2023-04-06"]),
    ("B", "2024-03-28", ["2024-03-29", "2024-04-01", "2024-04-02"]),
    ("2B", "2024-03-28", ["2024-04-01", "2024-04-03", "2024-04-05"]),
]


@pytest.mark.parametrize(("alias", "start", "expected"), LITERALS)
def test_steps_lead_to_these_times(alias, start, expected):
    frequency = Frequency.parse(alias)
    assert frequency.advance(stamps(start), np.array([1, 2, 3])).tolist() == stamps(*expected).tolist()
    count, on_grid = frequency.steps(stamps(start), stamps(*expected))
    assert count.tolist() == [1, 2, 3]
    assert on_grid.all()


def test_sessions_skip_weekends_and_holidays():
    frequency = Frequency.parse("session", "XNYS")
    # 29 March 2024 was Good Friday.
    later = frequency.advance(stamps("2024-03-27"), np.array([-1, 1, 2, 3]))
    assert later.tolist() == stamps("2024-03-26", "2024-03-28", "2024-04-01", "2024-04-02").tolist()
    count, on_grid = frequency.steps(
        stamps("2024-03-27"), stamps("2024-03-28", "2024-03-29", "2024-03-30", "2024-04-01")
    )
    assert count.tolist() == [1, 1, 1, 2]
    assert on_grid.tolist() == [True, False, False, True]


def test_sessions_are_those_of_exchange_calendars():
    calendar = exchange_calendars.get_calendar("XLON", start="1995-01-01", end="2005-12-31")
    frequency = Frequency.parse("session", "XLON")
    expected = calendar.sessions.to_numpy().astype("datetime64[us]")
    moved = frequency.advance(expected[:1], np.arange(len(expected)))
    assert (moved == expected).all()
    one_by_one = [calendar.next_session(session) for session in calendar.sessions[:-1:50]]
    assert frequency.advance(expected[:-1:50], 1).tolist() == [session.to_pydatetime() for session in one_by_one]


def test_a_forecast_beyond_the_known_sessions_is_refused():
    frequency = Frequency.parse("session", "XSHG")
    last = exchange_calendars.get_calendar("XSHG").bound_max()
    with pytest.raises(DataError, match=r"the sessions of XSHG are known from .* to .* only.*shorter horizon"):
        frequency.advance(np.array([last.to_datetime64()]).astype("datetime64[us]"), np.arange(5))
    with pytest.raises(DataError, match=r"time 1850-01-01.*known from"):
        frequency.steps(stamps("2020-01-02"), stamps("1850-01-01"))


def test_a_start_off_the_grid_is_refused():
    with pytest.raises(DataError, match=r"2024-03-30.*does not lie on the time grid B"):
        Frequency.parse("B").advance(stamps("2024-03-29", "2024-03-30"), 1)
    with pytest.raises(DataError, match=r"2024-03-15.*time grid QS-JAN"):
        Frequency.parse("QS-JAN").advance(stamps("2024-03-15"), 1)
    with pytest.raises(DataError, match="time grid W-FRI"):
        Frequency.parse("W-FRI").advance(stamps("2024-03-30"), 1)


def test_times_off_the_grid_are_counted_downwards_and_marked():
    count, on_grid = Frequency.parse("ME").steps(stamps("2024-01-31"), stamps("2024-02-28", "2024-02-29", "2023-12-30"))
    assert count.tolist() == [0, 1, -2]
    assert on_grid.tolist() == [False, True, False]
    count, on_grid = Frequency.parse("D").steps(
        stamps("2024-01-31T12:00"), stamps("2024-02-02T11:59", "2024-02-02T12:01")
    )
    assert count.tolist() == [1, 2]
    assert not on_grid.any()
    count, on_grid = Frequency.parse("2h").steps(stamps("2024-01-01"), stamps("2024-01-01T03:00", "2023-12-31T23:00"))
    assert count.tolist() == [1, -1]
    assert not on_grid.any()


def test_integer_steps_of_any_size():
    frequency = Frequency.parse(5)
    assert frequency.is_step
    assert frequency.advance(np.array([[3], [10]]), np.array([0, 1, -1])).tolist() == [[3, 8, -2], [10, 15, 5]]
    count, on_grid = frequency.steps(np.array([3]), np.array([13, 14, -2]))
    assert count.tolist() == [2, 2, -1]
    assert on_grid.tolist() == [True, False, True]


def test_starts_and_steps_are_broadcast():
    moved = Frequency.parse("MS").advance(stamps("2024-01-01", "2020-05-01")[:, None], np.arange(1, 4)[None, :])
    assert moved.shape == (2, 3)
    assert moved[1].tolist() == stamps("2020-06-01", "2020-07-01", "2020-08-01").tolist()


ORACLES = ["h", "15min", "D", "3D", "W-SUN", "W-WED", "MS", "ME", "BMS", "BME", "QS-JAN", "QE-DEC", "QE-NOV", "BQE-DEC",
           "YS-JAN", "YE-JUN", "BYE-DEC", "B", "2W-SAT", "5B"]  # fmt: skip


@pytest.mark.parametrize("alias", ORACLES)
def test_moving_agrees_with_pandas_one_step_at_a_time(alias):
    offset = pd.tseries.frequencies.to_offset(alias)
    stamp = offset.rollforward(pd.Timestamp("1996-02-10"))
    expected = [stamp]
    for _ in range(60):
        expected.append(expected[-1] + offset)
    start = np.array([stamp.to_datetime64()]).astype("datetime64[us]")
    frequency = Frequency.parse(alias)
    moved = frequency.advance(start, np.arange(61))
    assert moved.tolist() == [time.to_pydatetime() for time in expected]
    assert frequency.advance(moved[-1:], -np.arange(61)).tolist() == moved[::-1].tolist()
    count, on_grid = frequency.steps(start, moved)
    assert count.tolist() == list(range(61))
    assert on_grid.all()


@pytest.mark.parametrize("alias", ["D", "B", "W-SUN", "ME", "QS-JAN"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "America/Santiago", "Asia/Kolkata"])
def test_days_keep_their_clock_across_daylight_saving(alias, zone):
    offset = pd.tseries.frequencies.to_offset(alias)
    wall = [offset.rollforward(pd.Timestamp("2023-01-02T09:30"))]
    for _ in range(400):
        wall.append(wall[-1] + offset)
    expected = pd.DatetimeIndex(wall).tz_localize(zone).tz_convert("UTC").tz_localize(None).as_unit("us").to_numpy()
    moved = Frequency.parse(alias).advance(expected[:1], np.arange(401), tz=zone)
    assert (moved == expected).all()


def test_hours_are_counted_in_utc_across_daylight_saving():
    start = stamps("2024-03-31T00:00")
    assert Frequency.parse("h").advance(start, 3, tz="Europe/Berlin").tolist() == stamps("2024-03-31T03:00").tolist()


def test_a_day_without_midnight_begins_at_its_first_moment():
    # In Santiago the clock went from 24:00 on 7 September 2024 to 01:00 on the 8th.
    frequency, zone = Frequency.parse("D"), "America/Santiago"
    moved = frequency.advance(stamps("2024-09-06T04:00"), np.arange(5), tz=zone)
    shown = pd.DatetimeIndex(moved).tz_localize("UTC").tz_convert(zone).strftime("%d %H:%M").tolist()
    assert shown == ["06 00:00", "07 00:00", "08 01:00", "09 00:00", "10 00:00"]
    assert frequency.steps(moved[:1], moved, tz=zone)[1].all()
    assert (frequency.advance(moved[2:3], np.arange(-2, 3), tz=zone) == moved).all()


def test_a_skipped_time_of_day_is_the_first_moment_after_it_and_counts_as_on_the_grid():
    frequency, zone = Frequency.parse("D"), "Europe/Berlin"
    moved = frequency.advance(stamps("2024-03-30T01:30"), np.arange(3), tz=zone)
    assert moved.tolist() == stamps("2024-03-30T01:30", "2024-03-31T01:00", "2024-04-01T00:30").tolist()
    count, on_grid = frequency.steps(moved[:1], moved, tz=zone)
    assert count.tolist() == [0, 1, 2]
    assert on_grid.all()


def test_both_occurrences_of_a_repeated_time_of_day_are_on_the_grid():
    frequency, zone = Frequency.parse("D"), "Europe/Berlin"
    count, on_grid = frequency.steps(
        stamps("2024-10-26T00:30"), stamps("2024-10-27T00:30", "2024-10-27T01:30"), tz=zone
    )
    assert count.tolist() == [1, 1]
    assert on_grid.all()


ALIASES = st.sampled_from(
    [
        "h",
        "7min",
        "s",
        "D",
        "2D",
        "W",
        "3W-TUE",
        "MS",
        "ME",
        "BME",
        "BMS",
        "MS@15",
        "MS@30",
        "2MS",
        "QS",
        "QE-NOV",
        "YS",
        "YE-FEB",
        "B",
        "3B",
    ]
)
ZONES = st.sampled_from(
    [None, "UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu"]
)


@settings(max_examples=150)
@given(
    alias=ALIASES,
    zone=ZONES,
    moment=st.datetimes(datetime(1972, 1, 1), datetime(2037, 1, 1)),
    on_the_day=st.booleans(),
    moves=st.lists(st.integers(-400, 400), min_size=1, max_size=8),
)
def test_counting_undoes_moving(alias, zone, moment, on_the_day, moves):
    frequency = Frequency.parse(alias)
    wall = moment.replace(hour=0, minute=0, second=0, microsecond=0) if on_the_day else moment
    start = on_grid_at_or_after(frequency, wall, zone)
    moved = frequency.advance(start, np.array(moves), tz=zone)
    count, on_grid = frequency.steps(start, moved, tz=zone)
    assert count.tolist() == moves
    assert on_grid.all()


def on_grid_at_or_after(frequency: Frequency, wall: datetime, zone: str | None) -> np.ndarray:
    """The first start from a day on that the frequency accepts, tried day by day."""
    for days in range(800):
        local = pd.DatetimeIndex([wall + timedelta(days=days)]).as_unit("us")
        if zone is not None:
            local = local.tz_localize(zone, ambiguous=[True], nonexistent="NaT")
            if local.hasnans:
                continue
            local = local.tz_convert("UTC").tz_localize(None)
        start = local.to_numpy()
        if frequency.steps(start, start, tz=zone)[1].all():
            return start
    raise AssertionError("no start found")


@settings(max_examples=60)
@given(
    day=st.dates(pd.Timestamp("1950-01-01").date(), pd.Timestamp("2050-01-01").date()), move=st.integers(-3000, 3000)
)
def test_business_days_agree_with_numpy(day, move):
    start = np.busday_offset(np.array([day], dtype="datetime64[D]"), 0, roll="forward")
    moved = Frequency.parse("B").advance(start.astype("datetime64[us]"), move)
    assert moved.astype("datetime64[D]").tolist() == np.busday_offset(start, move).tolist()


@settings(max_examples=60)
@given(first=st.integers(0, 30_000), moves=st.lists(st.integers(-100, 100), min_size=1, max_size=5))
def test_counting_undoes_moving_along_sessions(first, moves):
    from forecasting.panel.calendars import sessions

    frequency = Frequency.parse("session", "XNYS")
    start = sessions("XNYS")[200 + first : 201 + first].astype("datetime64[us]")
    count, on_grid = frequency.steps(start, frequency.advance(start, np.array(moves)))
    assert count.tolist() == moves
    assert on_grid.all()


def test_a_hundred_thousand_series_take_moments():
    import time

    start = np.full((100_000, 1), np.datetime64("2024-01-31", "us"))
    began = time.perf_counter()
    moved = Frequency.parse("ME").advance(start, np.arange(1, 13))
    assert moved.shape == (100_000, 12)
    assert time.perf_counter() - began < 5
