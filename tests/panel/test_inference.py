"""What frequency is found in which times."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.errors import DataError
from forecasting.panel import Frequency, to_panel
from tests.panel.tables import days, long


def found(*times: object, **options: object) -> Frequency:
    frames = [long(stamps, name=f"s{number}") for number, stamps in enumerate(times)]
    return to_panel(pd.concat(frames, ignore_index=True), **options)[0].frequency


@pytest.mark.parametrize(
    ("alias", "expected"),
    [
        ("s", "s"),
        ("5min", "5min"),
        ("h", "h"),
        ("6h", "6h"),
        ("D", "D"),
        ("2D", "2D"),
        ("W-WED", "W-WED"),
        ("2W-SUN", "2W-SUN"),
        ("MS", "MS"),
        ("ME", "ME"),
        ("BMS", "BMS"),
        ("BME", "BME"),
        ("2MS", "2MS"),
        ("QS", "QS-JAN"),
        ("QS-FEB", "QS-FEB"),
        ("QE-DEC", "QE-DEC"),
        ("QE-OCT", "QE-OCT"),
        ("6MS", "2QS-JAN"),
        ("YS", "YS-JAN"),
        ("YE-JUN", "YE-JUN"),
        ("10YS", "10YS-JAN"),
        ("B", "B"),
    ],
)
def test_complete_series_show_their_frequency(alias, expected):
    assert found(days(30, "1990-01-01", alias), now="2500-01-01").alias == expected


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["2024-01-15", "2024-02-15", "2024-03-15", "2024-05-15"], "MS@15"),
        (["2023-12-30", "2024-01-30", "2024-02-29", "2024-03-30"], "MS@30"),
        (["2023-12-29", "2024-01-29", "2024-02-29", "2024-03-29"], "MS@29"),
        (["2024-01-31", "2024-02-29", "2024-03-31"], "ME"),
        (["2020-02-29", "2021-02-28", "2022-02-28"], "YE-FEB"),
        (["2020-04-06", "2021-04-06", "2022-04-06"], "YS-APR@6"),
        (["2024-01-01T12:00", "2024-02-01T12:00", "2024-03-01T12:00"], "MS"),
        (["2024-01-01", "2024-01-29", "2024-02-26"], "4W-MON"),
        (["2019", "2020", "2022"], "YS-JAN"),
    ],
)
def test_fixed_days_of_the_month_are_found(times, expected):
    assert found(times).alias == expected


@pytest.mark.parametrize(
    ("alias", "expected"),
    [("W-SAT", "W-SAT"), ("h", "h"), ("5min", "5min"), ("D", "D"), ("B", "B"), ("ME", "ME"), ("QS", "QS-JAN")],
)
@pytest.mark.parametrize("absent", [0.1, 0.3, 0.6])
def test_gaps_do_not_hide_the_frequency(alias, expected, absent):
    times = days(200, "1980-01-01", alias)
    kept = np.random.default_rng(0).random(200) >= absent
    assert found(times[kept], now="2500-01-01").alias == expected


def test_business_days_are_found_only_where_every_stamp_is_a_weekday():
    weekdays = pd.bdate_range("2024-01-01", periods=40)
    assert found(weekdays).alias == "B"
    assert found(weekdays.union(pd.DatetimeIndex(["2024-01-13"]))).alias == "D"
    assert found(days(5, "2024-01-01")).alias == "D"


def test_a_series_within_one_week_follows_the_business_days_of_the_others():
    assert found(days(5, "2024-01-01"), pd.bdate_range("2024-01-01", periods=40)).alias == "B"
    with pytest.raises(DataError, match="different frequencies"):
        found(days(7, "2024-01-01"), pd.bdate_range("2024-01-01", periods=40))


def test_series_that_differ_only_in_the_weekday_or_month_share_the_frequency_without_it():
    assert found(days(9, freq="W-SAT"), days(9, freq="W-SUN")).alias == "W"
    assert found(days(9, "2000", "QS-JAN"), days(9, "2000", "QS-FEB")).alias == "QS"
    assert found(days(9, "2000", "YE-DEC"), days(9, "2000", "YE-JUN")).alias == "YE"


def test_short_series_follow_the_others():
    panel, _ = to_panel(
        pd.concat(
            [
                long(days(9, freq="MS")),
                long(days(1, "2024-05-01"), name="b"),
                long(pd.DatetimeIndex(["2024-01-01", "2024-04-01"]), name="c"),
            ]
        )
    )
    assert panel.frequency.alias == "MS"
    assert panel.lengths.tolist() == [9, 1, 4]


def test_different_frequencies_are_refused_with_the_series_that_have_them():
    frame = pd.concat([long(days(9), name="x"), long(days(9), name="y"), long(days(9, freq="h"), name="z")])
    with pytest.raises(DataError) as error:
        to_panel(frame, dataset="mix")
    assert error.value.problem == "the series have different frequencies: D in x, y; h in z"
    assert error.value.where == {"dataset": "mix", "series": "z"}


def test_too_few_stamps_are_refused_with_the_number_that_is_needed():
    with pytest.raises(DataError, match=r"series a: a frequency can be inferred from 3 or more time stamps.*has 2"):
        to_panel(long(days(2)))
    assert to_panel(long(days(2)), frequency="D")[0].lengths.tolist() == [2]


def test_times_without_a_grid_are_refused_with_the_first_that_breaks_it():
    times = [*days(20, freq="10min"), pd.Timestamp("2024-01-01T03:14"), pd.Timestamp("2024-01-01T03:24")]
    with pytest.raises(DataError) as error:
        to_panel(long(times))
    assert error.value.where == {"series": "a", "time": "2024-01-01 03:14:00"}
    assert error.value.problem == (
        "the times follow no grid: the most frequent step is 10min (95% of the steps), "
        "but this time lies 4min after 2024-01-01 03:10:00"
    )
    assert "with irregular='last' or irregular='mean'" in error.value.remedy


def test_jitter_of_seconds_is_no_grid():
    jitter = pd.to_timedelta(np.random.default_rng(0).integers(-20, 20, 100), unit="s")
    with pytest.raises(DataError, match="follow no grid"):
        found(days(100, freq="h") + jitter)


def test_a_monthly_series_with_a_stray_day_is_refused_at_that_day():
    with pytest.raises(DataError, match=r"time 2024-03-02: .*80% of them are day 1 of a month, this one is not"):
        found(["2024-01-01", "2024-02-01", "2024-03-02", "2024-04-01", "2024-05-01"])
    with pytest.raises(DataError, match=r"time 2024-03-30: .*80% of them are the last day of a month"):
        found(["2024-01-31", "2024-02-29", "2024-03-30", "2024-04-30", "2024-05-31"])


def test_integer_steps_of_any_size_are_found():
    assert found([1, 2, 3, 7]).alias == "1"
    assert found([1990, 2000, 2010, 2040]).alias == "10"
    with pytest.raises(DataError, match=r"time 14: .*most frequent step is 5 .*lies 4 after 10"):
        found([0, 5, 10, 14, 19, 24])


def test_whole_numbers_that_read_as_dates_are_refused_unless_they_are_said_to_be_steps():
    numbers = [20240101, 20240102, 20240103, 20240104]
    with pytest.raises(DataError, match=r"whole numbers that all read as dates.*%Y%m%d"):
        found(numbers)
    assert found(numbers, frequency=1).alias == "1"


def test_periods_state_their_frequency():
    for freq, alias in [
        ("M", "MS"),
        ("Q", "QS"),
        ("Y", "YS"),
        ("W-SUN", "W"),
        ("D", "D"),
        ("h", "h"),
        ("3h", "3h"),
        ("Q-FEB", "QS"),
    ]:
        series = pd.Series([1.0, 2.0], index=pd.period_range("2020-01-01", periods=2, freq=freq))
        panel, _ = to_panel(series)
        assert panel.frequency.alias == alias
        assert panel.times[0] == series.index[0].start_time.to_datetime64()
    with pytest.raises(DataError, match="periods of 'ms' cannot be read"):
        to_panel(pd.Series([1.0, 2.0], index=pd.period_range("2020-01-01", periods=2, freq="ms")))


def test_days_and_hours_are_told_apart_in_a_time_zone():
    local = days(60, "2024-03-01").tz_localize("Europe/Berlin")
    assert found(local).alias == "D"
    assert found(days(60, "2024-03-01").tz_localize("UTC").tz_convert("Europe/Berlin")).alias == "24h"
    assert found(days(1500, "2024-03-01", "h").tz_localize("UTC").tz_convert("Europe/Berlin")).alias == "h"


FIRST = {"W-TUE": "2001-01-02", "ME": "2001-01-31", "QE-DEC": "2001-03-31", "MS@15": "2001-01-15"}


@settings(max_examples=60)
@given(
    alias=st.sampled_from(["7min", "h", "D", "W-TUE", "MS", "ME", "QE-DEC", "YS-JAN", "MS@15", "B"]),
    kept=st.lists(st.booleans(), min_size=25, max_size=40).filter(lambda kept: sum(kept) >= 3),
    number=st.integers(1, 3),
)
def test_whatever_is_found_fits_every_stamp(alias, kept, number):
    start = np.array([FIRST.get(alias, "2001-01-01")], dtype="datetime64[us]")
    times = Frequency.parse(alias).advance(start, np.flatnonzero(kept))
    frame = pd.concat([long(pd.Series(times), name=f"s{copy}") for copy in range(number)])
    steps = np.diff(np.flatnonzero(kept))
    # Unless one of the steps divides all others and is not rare, or the stamps are too few of a week's five days.
    may_be_refused = (steps % steps.min()).any() or (steps == steps.min()).mean() < 0.1 or alias == "B"
    try:
        panel, _ = to_panel(frame, now="2100-01-01")
    except DataError as error:
        refused = str(error)
    else:
        count, on_grid = panel.frequency.steps(np.repeat(panel.times[panel.indptr[:-1]], panel.lengths), panel.times)
        assert on_grid.all()
        assert np.isin(times, panel.times).all()
        assert count.max() + 1 == panel.lengths.max()
        return
    assert "no grid" in refused
    assert may_be_refused


def test_a_series_that_changes_from_days_to_months_is_refused_unless_the_frequency_is_stated():
    daily = pd.date_range("2024-01-01", periods=30, freq="D")
    monthly = pd.date_range("2024-02-01", periods=29, freq="MS")
    frame = pd.DataFrame({"unique_id": "a", "ds": daily.append(monthly), "y": np.arange(59.0)})
    with pytest.raises(DataError, match=r"series a: the frequency seems to change: .* 824 of 883 steps are absent"):
        to_panel(frame)
    panel, _ = to_panel(frame, frequency="D")
    assert panel.lengths.tolist() == [883]
