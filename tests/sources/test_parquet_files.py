import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import DataError, SourceError
from forecasting.sources import DataSet, read_source

HOURS = pd.date_range("2024-03-31", periods=3, freq="h", tz="Europe/Berlin")


def read(folder: Path, frame: pd.DataFrame, *, index: bool = False, **source: Any) -> pd.DataFrame:
    frame.to_parquet(folder / "river.parquet", index=index)
    full = {"kind": "parquet", "path": "river.parquet", "time_column": "time", "targets": ["level"], **source}
    return read_source(DataSet.model_validate({"name": "river", "title": "r", "source": full, "horizon": 1}), folder)


def test_typed_columns_come_through_as_they_are(tmp_path: Path) -> None:
    frame = pd.DataFrame({"time": HOURS, "level": [1, 2, 3], "site": ["a", "b", "a"]})
    found = read(tmp_path, frame, id_column="site")
    assert found["ds"].tolist() == HOURS.tolist()
    assert str(found["ds"].dtype) == "datetime64[us, Europe/Berlin]"
    assert found["y"].dtype == "float64"
    assert found["unique_id"].tolist() == ["a", "b", "a"]


def test_an_index_that_was_saved_is_a_column_too(tmp_path: Path) -> None:
    frame = pd.DataFrame({"level": [1.0, 2.0]}, index=pd.Index([1, 2], name="time"))
    found = read(tmp_path, frame, index=True)
    assert found["ds"].tolist() == [1, 2]
    assert found["ds"].dtype == "int64"


def test_dates_decimals_missing_values_and_categories_are_understood(tmp_path: Path) -> None:
    days = [datetime.date(2024, 1, day) for day in (1, 2, 3)]
    levels = [Decimal("1.50"), None, Decimal("-99.90")]
    frame = pd.DataFrame({"time": days, "level": levels, "site": pd.Categorical(["x", "x", "y"])})
    found = read(tmp_path, frame, id_column="site", missing_values=[-99.9])
    assert found["ds"].tolist() == [pd.Timestamp(day) for day in days]
    np.testing.assert_array_equal(found["y"], [1.5, np.nan, np.nan])
    assert found["unique_id"].tolist() == ["x", "x", "y"]


def test_whole_numbers_can_be_dates_if_that_is_stated(tmp_path: Path) -> None:
    frame = pd.DataFrame({"time": [20240131, 20240229], "level": [1.0, 2.0]})
    found = read(tmp_path, frame, date_format="%Y%m%d")
    assert found["ds"].tolist() == [pd.Timestamp("2024-01-31"), pd.Timestamp("2024-02-29")]


def test_infinite_values_come_through_for_the_gate_to_refuse(tmp_path: Path) -> None:
    found = read(tmp_path, pd.DataFrame({"time": [1, 2], "level": [np.inf, 1.0]}))
    assert found["y"].tolist() == [np.inf, 1.0]


@pytest.mark.parametrize(
    ("frame", "source", "problem"),
    [
        ({"time": [1], "flow": [1.0]}, {}, "column level: there is no such column. There are: time, flow."),
        ({"time": [], "level": []}, {}, "the table has no rows"),
        ({"time": [1, 2], "level": ["1.5", "high"]}, {}, "row 2, column level: 'high' is text in a number column"),
        ({"time": [1, 2], "level": [True, False]}, {}, "row 1, column level: True is not a number"),
        ({"time": [pd.Timestamp("2024"), None], "level": [1.0, 2.0]}, {}, "row 2, column time: the time is missing"),
        ({"time": [1.5, 2.5], "level": [1.0, 2.0]}, {}, "column time: values like"),
        ({"time": [pd.Timestamp("2024")], "level": [1.0]}, {"date_format": "%Y"}, "date_format has no meaning"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_named(
    tmp_path: Path, frame: dict[str, Any], source: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, pd.DataFrame(frame), **source)
    said = str(caught.value)
    assert said.startswith(f"dataset river, file {tmp_path / 'river.parquet'}")
    assert problem in said


def test_a_damaged_file_and_an_absent_one_are_named(tmp_path: Path) -> None:
    file = tmp_path / "river.parquet"
    source = {"kind": "parquet", "path": str(file), "time_column": "time", "targets": ["level"]}
    dataset = DataSet.model_validate({"name": "river", "title": "r", "source": source, "horizon": 1})
    with pytest.raises(SourceError, match="there is no such file"):
        read_source(dataset, tmp_path)
    pd.DataFrame({"time": [1], "level": [1.0]}).to_parquet(file)
    whole = file.read_bytes()
    for damaged in (b"", b"time,level\n1,1\n", whole[:-20], whole[:40]):
        file.write_bytes(damaged)
        with pytest.raises(DataError, match=r"river.parquet: the file is no Parquet file, or is damaged"):
            read_source(dataset, tmp_path)
