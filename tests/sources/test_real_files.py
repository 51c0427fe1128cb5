"""Public series as their agencies publish them, defects and all; collected only where the folder of them exists."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecasting.errors import DataError
from forecasting.panel import to_panel
from forecasting.sources import DataSet, read_source

LONG = {"time_column": "Date"}
MONTHS = {"date_format": "%Y-%b"}
QUARTERS = {"time_parts": {"year": "year", "quarter": "quarter"}}
ELECTRIC = {"time_column": "DATE", "date_format": "%b-%d-%Y", "targets": ["STS.M.I7.W.TOVT.NS0016.4.000"]}


def read(folder: Path, path: str, **source: Any) -> pd.DataFrame:
    full = {"kind": "csv", "path": path, **source}
    return read_source(DataSet.model_validate({"name": "real", "title": "Real", "source": full, "horizon": 1}), folder)


@pytest.mark.parametrize(
    ("path", "names", "fields"),
    [("government/co2-mm-mlo.csv", 6, 7), ("government/co2-mm-gl.csv", 4, 6)],
)
def test_headers_with_fewer_names_than_fields_are_refused(bench_data: Path, path: str, names: int, fields: int) -> None:
    with pytest.raises(DataError, match=rf"line 2: the line has {fields} fields but the header names {names} columns"):
        read(bench_data, path, time_column="Date", targets=["Average"])


def test_a_malformed_header_is_replaced_by_the_names_of_the_catalog(bench_data: Path) -> None:
    names = ["month", "decimal", "average", "deseasonalised", "days", "spread", "uncertainty"]
    frame = read(
        bench_data,
        "government/co2-mm-mlo.csv",
        columns=names,
        time_column="month",
        targets=["average", "uncertainty"],
        missing_values=[-0.99],
    )
    assert len(frame) == 2 * 820
    assert (frame["ds"].iloc[0], frame["y"].iloc[0]) == (pd.Timestamp("1958-03-01"), 315.71)
    assert 190 < frame.loc[frame["unique_id"] == "uncertainty", "y"].isna().sum() < 200


def test_a_line_that_lacks_its_last_field_is_refused(bench_data: Path) -> None:
    with pytest.raises(DataError, match=r"11 fields but the header names 12 columns .* 14 of 85 lines differ"):
        read(bench_data, "government/employment-us-annual.csv", time_column="year", targets=["population"])


def test_placeholder_zeros_come_through_for_the_gate_to_name(bench_data: Path) -> None:
    frame = read(bench_data, "government/sp500-monthly.csv", time_column="Date", targets=["SP500", "Dividend"])
    _, notices = to_panel(frame, frequency="MS")
    placeholder = [notice for notice in notices if notice.kind == "placeholder"]
    assert [notice.series for notice in placeholder] == [("Dividend",)]


@pytest.mark.parametrize(
    ("path", "rows", "series", "source"),
    [
        (
            "government/exchange-rates-monthly.csv",
            17237,
            34,
            {**LONG, "id_column": "Country", "targets": ["Exchange rate"]},
        ),
        (
            "government/global-temp-monthly.csv",
            3823,
            2,
            {"id_column": "Source", "time_column": "Year", "targets": ["Mean"]},
        ),
        ("government/gdp.csv", 13979, 262, {"id_column": "Country Code", "time_column": "Year", "targets": ["Value"]}),
        ("stocks/AXP.csv", 3020, 1, {**LONG, "id_column": "Name", "targets": ["Open"]}),
        ("sensors/ETTh1.csv", 2 * 17420, 2, {"time_column": "date", "targets": ["OT", "HUFL"]}),
        ("government/elec-equip-eu-monthly.csv", 257, 1, ELECTRIC),
        ("government/sea-level-monthly.csv", 1608, 1, {**MONTHS, "time_column": "Time", "targets": ["GMSL"]}),
        ("government/us-macro-quarterly.csv", 203, 1, {**QUARTERS, "targets": ["unemp"]}),
        ("government/airline-passengers.csv", 144, 1, {"time_column": "Month", "targets": ["Passengers"]}),
        ("government/yearly-water-usage.csv", 79, 1, {"time_column": "Year", "targets": ["Water"]}),
    ],
)
def test_well_formed_files_are_read_whole(
    bench_data: Path, path: str, rows: int, series: int, source: dict[str, Any]
) -> None:
    frame = read(bench_data, path, **source)
    assert (len(frame), frame["unique_id"].nunique()) == (rows, series)
    assert frame["ds"].dtype == "datetime64[us]"


def test_weekly_co2_with_dates_written_as_numbers(bench_data: Path) -> None:
    frame = read(bench_data, "government/co2-weekly-mlo.csv", time_column="date", targets=["co2"])
    assert (len(frame), int(frame["y"].isna().sum()), frame["ds"].iloc[0]) == (2284, 59, pd.Timestamp("1958-03-29"))


def test_hourly_pollution_with_its_time_in_four_columns(bench_data: Path) -> None:
    parts = {"year": "year", "month": "month", "day": "day", "hour": "hour"}
    source = {"time_parts": parts, "targets": ["pm2.5"]}
    with pytest.raises(DataError, match=r"line 2, column pm2\.5: 'NA' is text in a number column"):
        read(bench_data, "sensors/pollution.csv", **source)
    frame = read(bench_data, "sensors/pollution.csv", **source, missing_values=["NA"])
    assert (len(frame), int(frame["y"].isna().sum())) == (43824, 2067)
    assert (frame["ds"].iloc[0], frame["ds"].iloc[-1]) == (pd.Timestamp("2010-01-01"), pd.Timestamp("2014-12-31 23:00"))


def test_parquet_files_with_integer_steps(bench_data: Path) -> None:
    source = {"kind": "parquet", "path": "m4/hourly_train.parquet", "id_column": "unique_id", "time_column": "ds"}
    full = {**source, "targets": ["y"]}
    dataset = DataSet.model_validate({"name": "m4", "title": "M4", "source": full, "horizon": 48})
    frame = read_source(dataset, bench_data)
    assert (len(frame), frame["unique_id"].nunique(), str(frame["ds"].dtype)) == (353500, 414, "int64")
