import datetime
from pathlib import Path

import pandas as pd
import pytest

from forecasting.errors import DataError
from forecasting.panel import to_panel
from forecasting.settings import built_in_catalog
from forecasting.sources import DataSet, find_dataset, read_source


def test_the_closes_of_the_sp500_lie_on_sessions(tmp_path: Path) -> None:
    dataset = find_dataset(built_in_catalog(), "sp500")
    frame = read_source(dataset, tmp_path)
    assert frame["unique_id"].unique().tolist() == ["close"]
    assert (len(frame), frame["ds"].min(), frame["ds"].max()) == (
        5031,
        pd.Timestamp("1999-01-04"),
        pd.Timestamp("2018-12-31"),
    )
    assert frame["y"].iloc[0] == pytest.approx(1228.099976)
    panel, _ = to_panel(frame, frequency=dataset.frequency, calendar=dataset.calendar, dataset=dataset.name)
    assert (len(panel.values), panel.has_missing) == (5031, False)


def test_the_co2_series_has_its_59_missing_weeks(tmp_path: Path) -> None:
    dataset = find_dataset(built_in_catalog(), "mauna-loa-co2")
    frame = read_source(dataset, tmp_path)
    assert (len(frame), int(frame["y"].isna().sum())) == (2284, 59)
    panel, notices = to_panel(frame, frequency=dataset.frequency, dataset=dataset.name)
    assert (len(panel.values), panel.frequency.alias) == (2284, "W-SAT")
    assert any(notice.count == 59 for notice in notices)


def test_the_macro_table_gives_several_quarterly_series(tmp_path: Path) -> None:
    dataset = find_dataset(built_in_catalog(), "us-macro")
    frame = read_source(dataset, tmp_path)
    assert frame["unique_id"].unique().tolist() == ["realgdp", "realcons", "realinv", "cpi", "unemp", "tbilrate"]
    first = frame.iloc[0]
    assert (first["ds"], first["y"]) == (pd.Timestamp("1959-01-01"), 2710.349)
    panel, _ = to_panel(frame, frequency=dataset.frequency, dataset=dataset.name)
    assert panel.lengths.tolist() == [203] * 6
    assert panel.times.max().astype(datetime.datetime) == datetime.datetime(2009, 7, 1)


def test_a_column_that_a_sample_does_not_have_is_named(tmp_path: Path) -> None:
    source = {"kind": "sample", "sample": "sp500", "targets": ["clos"]}
    dataset = DataSet.model_validate({"name": "x", "title": "x", "source": source, "horizon": 1})
    with pytest.raises(
        DataError, match=r"column clos: there is no such column. Did you mean 'close'\? There are: date, open"
    ):
        read_source(dataset, tmp_path)
