"""Real files with their real defects, as tables at the gate."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import DataError
from forecasting.panel import to_panel, treat_gaps


def column(path: Path, time: str, value: str) -> pd.DataFrame:
    table = pd.read_csv(path)
    return pd.DataFrame({"unique_id": path.stem, "ds": table[time], "y": table[value]})


REFUSED = [
    (
        "sensors/nab/realKnownCause/machine_temperature_system_failure.csv",
        "timestamp",
        "value",
        "2014-01-07 02:00:00",
        "12 repeated rows",
    ),
    (
        "sensors/nab/realAdExchange/exchange-2_cpc_results.csv",
        "timestamp",
        "value",
        "2011-08-24 12:00:01",
        "values 0.13125, 0.119452887538",
    ),
    (
        "sensors/nab/realAWSCloudwatch/ec2_disk_write_bytes_1ef3de.csv",
        "timestamp",
        "value",
        "2014-03-09 03:00:00",
        "occurs 12 times",
    ),
    (
        "sensors/nab/realTraffic/TravelTime_387.csv",
        "timestamp",
        "value",
        "2015-07-10 14:38:00",
        "lies 14min after 2015-07-10 14:24:00",
    ),
    (
        "sensors/nab/realTraffic/occupancy_6005.csv",
        "timestamp",
        "value",
        "2015-09-01 23:01:00",
        "most frequent step is 5min",
    ),
    ("government/employment-us-annual.csv", "year", "population", "1947", "values 106018.0, 101827.0"),
    ("government/co2-weekly-mlo.csv", "date", "co2", "19580329", "read as dates"),
]


@pytest.mark.parametrize(("name", "time", "value", "at", "words"), REFUSED, ids=lambda part: Path(str(part)).stem)
def test_a_defect_is_refused_where_it_is(bench_data, name, time, value, at, words):
    with pytest.raises(DataError) as error:
        to_panel(column(bench_data / name, time, value), dataset="real")
    assert error.value.where["time"] == at
    assert words in error.value.problem


@pytest.mark.parametrize(
    ("name", "first"),
    [("elec-equip-eu-monthly", "Jan-1-1995"), ("shampoo", "1-01"), ("sea-level-monthly", "1880-Jan")],
)
def test_dates_of_other_forms_are_refused(bench_data, name, first):
    table = pd.read_csv(bench_data / "government" / f"{name}.csv")
    with pytest.raises(DataError, match=f"the time '{first}' cannot be read"):
        to_panel(table.iloc[:, :2].set_axis(["ds", "y"], axis=1))


LET_IN = [
    ("sensors/nab/realKnownCause/rogue_agent_key_hold.csv", "timestamp", "value", "5min", {"gaps": 3456}),
    ("sensors/nab/realAdExchange/exchange-3_cpc_results.csv", "timestamp", "value", "h", {"gaps": 109}),
    ("sensors/nab/realTweets/Twitter_volume_AAPL.csv", "timestamp", "value", "5min", {}),
    ("sensors/daily-min-temperatures.csv", "Date", "Temp", "D", {"gaps": 2}),
    ("government/cpi-us.csv", "Date", "Index", "MS", {"gaps": 1}),
    ("government/oil-wti-daily.csv", "Date", "Price", "B", {"gaps": 373}),
    ("government/oil-wti-weekly.csv", "Date", "Price", "W-FRI", {}),
    ("government/oil-wti-monthly.csv", "Date", "Price", "MS@15", {}),
    ("government/airline-passengers.csv", "Month", "Passengers", "MS", {}),
    ("government/co2-annmean-mlo.csv", "Year", "Mean", "1", {}),
]


@pytest.mark.parametrize(("name", "time", "value", "alias", "expected"), LET_IN, ids=lambda part: Path(str(part)).stem)
def test_the_frequency_is_found_and_gaps_are_counted(bench_data, name, time, value, alias, expected):
    panel, notices = to_panel(column(bench_data / name, time, value))
    assert panel.frequency.alias == alias
    assert {notice.kind: notice.count for notice in notices} == expected


def test_weekly_carbon_dioxide_has_59_missing_weeks(bench_data):
    table = pd.read_csv(bench_data / "government/co2-weekly-mlo.csv", dtype={"date": "str"})
    panel, notices = to_panel(pd.DataFrame({"ds": pd.to_datetime(table["date"], format="%Y%m%d"), "y": table["co2"]}))
    assert (panel.frequency.alias, panel.frequency.season_length) == ("W-SAT", 52)
    assert {notice.kind: notice.count for notice in notices} == {"missing": 59}
    filled, treated = treat_gaps(panel, "interpolate")
    assert treated[0].count == 59
    assert not np.isnan(filled.values).any()


def test_placeholder_zeros_at_the_end_of_monthly_quotes_are_remarked(bench_data):
    wide = pd.read_csv(bench_data / "government/sp500-monthly.csv", index_col="Date", parse_dates=True)
    panel, notices = to_panel(wide)
    assert panel.frequency.alias == "MS"
    (notice,) = notices
    assert notice.kind == "placeholder"
    assert set(notice.series) == set(wide.columns) - {"SP500"}


def test_shares_lie_on_the_sessions_of_their_exchange(bench_data):
    table = pd.concat([pd.read_csv(path) for path in sorted((bench_data / "stocks").glob("*.csv"))])
    panel, notices = to_panel(table, calendar="XNYS", id_col="Name", time_col="Date", target_col="Close")
    assert panel.n_series == 19
    assert [(notice.kind, notice.series, notice.count) for notice in notices] == [("gaps", ("CSCO", "INTC", "MSFT"), 3)]
    assert np.isnan(panel.values[panel.times == np.datetime64("2010-04-01")]).sum() == 3
    # 1 January 2018 was a Monday and a holiday.
    assert (panel.future_times(1) == np.datetime64("2018-01-02")).all()
    _, opening = to_panel(table, calendar="XNYS", id_col="Name", time_col="Date", target_col="Open")
    assert {notice.kind: notice.count for notice in opening} == {"gaps": 3, "missing": 16}
    assert to_panel(table, id_col="Name", time_col="Date", target_col="Close")[0].frequency.alias == "B"


def test_economies_of_unequal_length_share_a_panel(bench_data):
    rates = pd.read_csv(bench_data / "government/exchange-rates-monthly.csv")
    panel, notices = to_panel(rates, id_col="Country", time_col="Date", target_col="Exchange rate")
    assert (panel.n_series, panel.frequency.alias, notices) == (34, "MS", ())
    gdp = pd.read_csv(bench_data / "government/gdp.csv")
    panel, notices = to_panel(gdp, id_col="Country Name", time_col="Year", target_col="Value")
    assert panel.n_series == 262
    assert {notice.kind: notice.count for notice in notices} == {"gaps": 21}
    temperatures = pd.read_csv(bench_data / "government/global-temp-monthly.csv")
    panel, _ = to_panel(temperatures, id_col="Source", time_col="Year", target_col="Mean")
    assert dict(zip(panel.ids, panel.lengths.tolist(), strict=True)) == {"GISTEMP": 1728, "gcag": 2095}


def test_pollution_has_2067_missing_hours_of_which_the_first_24_are_cut_off(bench_data):
    table = pd.read_csv(bench_data / "sensors/pollution.csv")
    times = pd.to_datetime(table[["year", "month", "day", "hour"]])
    panel, notices = to_panel(pd.DataFrame({"ds": times, "y": table["pm2.5"]}))
    assert panel.frequency.alias == "h"
    assert {notice.kind: notice.count for notice in notices} == {"trimmed": 24, "missing": 2067 - 24}


@pytest.mark.parametrize(
    ("name", "n_series", "alias"),
    [
        ("m4/hourly_train", 414, "1"),
        ("m3/monthly_train", 1428, "1"),
        ("hospital/monthly_train", 767, "MS"),
        ("retail/aus_retail", 152, "MS"),
    ],
)
def test_collections_of_series_pass_without_remark(bench_data, name, n_series, alias):
    panel, notices = to_panel(pd.read_parquet(bench_data / f"{name}.parquet"))
    assert (panel.n_series, panel.frequency.alias, notices) == (n_series, alias, ())
