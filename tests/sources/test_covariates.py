"""Covariates of a data set: what the catalog refuses, and the columns that each source delivers."""

import re
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import CatalogError, DataError
from forecasting.panel import Roles, infer_roles
from forecasting.settings import built_in_catalog
from forecasting.sources import DataSet, find_dataset, placed, read_catalog, read_source

GOOD = """\
[shop]
horizon = 7
frequency = "D"
past_covariates = ["visitors"]
future_covariates = ["price", "promotion"]
static_covariates = ["region"]
calendar_covariates = ["weekday", "holiday:DE-BY"]
categorical_covariates = ["promotion"]

[shop.source]
kind = "csv"
path = "shop.csv"
id_column = "shop"
time_column = "day"
targets = ["sales"]
missing_values = ["NA", -1]
"""
TABLE = pd.DataFrame(
    {
        "shop": ["north"] * 4 + ["south"] * 3,
        "day": [f"2024-01-0{day}" for day in (1, 2, 3, 4, 1, 2, 3)],
        "sales": [10.0, 11, 12, np.nan, 5, 6, np.nan],
        "visitors": [1.0, 2, np.nan, np.nan, 4, 5, np.nan],
        "price": [9.5, 9.5, 8, 8, 7, 7, 6.5],
        "promotion": [0, 0, 1, 1, 0, 2, 1],
        "region": ["Nord", "Nord", "Nord", "Nord", "Süd", "Süd", "Süd"],
        "remark": ["", "", "opened late", "", "", "", ""],
    }
)


def dataset(folder: Path, text: str = GOOD, name: str = "shop") -> DataSet:
    (folder / "catalog.toml").write_text(text, encoding="utf-8")
    return find_dataset(folder / "catalog.toml", name)


def message(folder: Path, text: str) -> str:
    with pytest.raises(CatalogError) as caught:
        dataset(folder, text)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_the_estimator_gets_the_lists_and_nothing_of_what_is_not_there(tmp_path):
    shop = dataset(tmp_path)
    assert shop.roles == Roles(("visitors",), ("price", "promotion"), ("region",))
    found = {key: value for key, value in shop.estimator_parameters().items() if "covariates" in key}
    assert found == {
        "past_covariates": ["visitors"],
        "future_covariates": ["price", "promotion"],
        "static_covariates": ["region"],
        "calendar_covariates": ["weekday", "holiday:DE-BY"],
    }


def test_inferred_roles_take_the_place_of_the_word(tmp_path):
    text = GOOD.replace('past_covariates = ["visitors"]', 'covariates = "infer"')
    text = text.replace('future_covariates = ["price", "promotion"]\nstatic_covariates = ["region"]\n', "")
    shop = dataset(tmp_path, text)
    assert shop.estimator_parameters()["covariates"] == "infer"
    named = shop.with_roles(Roles(("a",), ("b",), ("c",)))
    assert named.roles == Roles(("a",), ("b",), ("c",))
    assert "covariates" not in named.estimator_parameters()
    assert dataset(tmp_path).with_roles(Roles(("a",))) == dataset(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"visitors"', '"price"', "line 5, key future_covariates: 'price' is named in 'past_covariates' already"),
        ('"region"', '"visitors"', "line 6, key static_covariates: 'visitors' is named in 'past_covariates' already"),
        ('"visitors"', '"sales"', "line 4, key past_covariates: 'sales' is a target already. Keep one of them."),
        ('"price",', '"day",', "line 5, key future_covariates: 'day' is the time, or a part of it already"),
        ('"region"', '"shop"', "line 6, key static_covariates: 'shop' is the id already"),
        ('"visitors"', '"visitors", "visitors"', "line 4, key past_covariates: 'visitors' is named twice"),
        ('"visitors"', '"y"', "line 4, key past_covariates: a covariate cannot be called 'y'"),
        ('"visitors"', '""', "line 4, key past_covariates.0: '' is not allowed"),
        ('["visitors"]', '"visitors"', "line 4, key past_covariates: 'visitors' is not a list."),
        ('["visitors"]', "[3]", "line 4, key past_covariates.0: 3 is not a text."),
        (
            '"weekday"',
            '"weekdays"',
            "line 7, key calendar_covariates: there is no calendar covariate 'weekdays'. There",
        ),
        ('"weekday"', '"hour"', "line 7, key calendar_covariates: 'hour' says nothing about the steps of the"),
        ("DE-BY", "DE-BX", "neither an exchange calendar nor a country 'DE-BX'. Did you mean DE-"),
        ('"weekday"', '"session:XNYX"', "line 7, key calendar_covariates: there is no exchange calendar 'XNYX'"),
        ('= ["promotion"]', '= ["promotions"]', "line 8, key categorical_covariates: 'promotions' is none of the"),
        ("past_covariates =", "past_covariate =", "line 4, key past_covariate: this key is not known here. Did you"),
        ('frequency = "D"', 'covariates = "infer"', "line 3, key covariates: the roles of covariates are either"),
        ('frequency = "D"', 'covariates = "guess"', "line 3, key covariates: 'guess' is not allowed"),
        ('"shop.csv"', '"shop.csv"\ncolumns = ["shop", "day", "sales", "prise"]', "'visitors'. There are: shop, day"),
    ],
)
def test_what_is_wrong_is_named_with_line_data_set_and_key(tmp_path, old, new, expected):
    assert old in GOOD
    said = message(tmp_path, GOOD.replace(old, new, 1))
    assert "dataset shop, key " in said
    assert expected in said.replace("dataset shop, ", "")


def test_quotes_have_no_columns_beside_and_may_have_a_calendar(tmp_path):
    text = '[banks]\ncalendar = "XNYS"\nhorizon = 5\nsource = { kind = "yahoo", tickers = ["JPM"] }\n'
    more = 'calendar_covariates = ["weekday", "holiday:US"]\n'
    assert dataset(tmp_path, text + more, "banks").calendar_covariates == ("weekday", "holiday:US")
    for more in ('past_covariates = ["x"]\n', 'covariates = "infer"\n'):
        assert f"key {more.split()[0]}: a source of the kind 'yahoo' has no further columns" in message(
            tmp_path, text + more
        )


def write_csv(folder: Path) -> None:
    TABLE.astype({"promotion": "str"}).to_csv(folder / "shop.csv", index=False, na_rep="NA")


def write_parquet(folder: Path) -> None:
    TABLE.assign(day=pd.to_datetime(TABLE["day"])).to_parquet(folder / "shop.parquet", index=False)


def write_sqlite(folder: Path) -> None:
    with sqlite3.connect(folder / "shop.db") as connection:
        TABLE.to_sql("shop", connection, index=False)
    connection.close()


SOURCES = {
    "csv": (write_csv, 'kind = "csv"\npath = "shop.csv"'),
    "parquet": (write_parquet, 'kind = "parquet"\npath = "shop.parquet"'),
    "sql": (write_sqlite, 'kind = "sql"\nurl = "sqlite:///shop.db"\nquery = "SELECT * FROM shop"'),
}


@pytest.fixture(params=SOURCES)
def source(request, tmp_path) -> str:
    """The catalog's text with each kind of source in turn, whose table is written."""
    write, entry = SOURCES[request.param]
    write(tmp_path)
    return GOOD.replace('kind = "csv"\npath = "shop.csv"', entry)


def test_each_source_delivers_its_covariates_beside_the_target(tmp_path, source):
    frame = read_source(dataset(tmp_path, source), tmp_path)
    assert list(frame) == ["unique_id", "ds", "y", "visitors", "price", "promotion", "region"]
    assert frame["ds"].tolist() == list(pd.to_datetime(TABLE["day"]))
    for name in ("visitors", "price"):
        np.testing.assert_array_equal(frame[name].to_numpy(float), TABLE[name])
    assert frame["promotion"].tolist() == ["0", "0", "1", "1", "0", "2", "1"]
    assert frame["region"].tolist() == TABLE["region"].tolist()


def test_all_columns_are_read_where_roles_are_inferred(tmp_path, source):
    lines = [line for line in source.splitlines() if not line.startswith(("past_", "future_", "static_"))]
    text = "\n".join(lines).replace("horizon = 7", 'horizon = 7\ncovariates = "infer"')
    frame = read_source(dataset(tmp_path, text), tmp_path)
    assert list(frame)[3:] == ["visitors", "price", "promotion", "region", "remark"]
    roles, _ = infer_roles(frame)
    assert roles == Roles(("visitors", "remark"), ("price", "promotion"), ("region",))


def test_a_column_that_the_source_does_not_have_is_named_with_its_place_in_the_catalog(tmp_path, source):
    shop = dataset(tmp_path, source.replace('"visitors"', '"visitor"'))
    with pytest.raises(CatalogError, match=r"has no column 'visitor'\. Did you mean 'visitors'") as caught:
        read_source(shop, tmp_path)
    assert caught.value.where == {"dataset": "shop", "key": "past_covariates"}
    said = str(placed(caught.value, tmp_path / "catalog.toml"))
    assert f"file {tmp_path / 'catalog.toml'}, line 4, dataset shop, key past_covariates: " in said


def test_a_code_that_the_source_does_not_have_is_named_too(tmp_path, source):
    text = source.replace('past_covariates = ["visitors"]', 'covariates = "infer"')
    text = text.replace('future_covariates = ["price", "promotion"]\nstatic_covariates = ["region"]\n', "")
    text = text.replace('categorical_covariates = ["promotion"]', 'categorical_covariates = ["promotoin"]')
    with pytest.raises(CatalogError, match=r"no column 'promotoin'\. Did you mean 'promotion'") as caught:
        read_source(dataset(tmp_path, text), tmp_path)
    assert caught.value.where["key"] == "categorical_covariates"


class TestTextFiles:
    def read(self, folder: Path, column: list[str], more: str = "", options: str = "") -> pd.Series:
        rows = [f"2024-01-{day + 1:02};{day},5;{cell}" for day, cell in enumerate(column)]
        (folder / "x.csv").write_text("\n".join(["t;y1;x", *rows]) + "\n", encoding="utf-8")
        text = f"""\
[x]
horizon = 1
past_covariates = ["x"]
{more}
[x.source]
kind = "csv"
path = "x.csv"
delimiter = ";"
decimal = ","
time_column = "t"
targets = ["y1"]
{options}
"""
        return read_source(dataset(folder, text, "x"), folder)["x"]

    def test_numbers_are_numbers_with_the_decimal_mark_of_the_file(self, tmp_path):
        assert self.read(tmp_path, ["1,5", " 2 ", "-3e2"]).tolist() == [1.5, 2.0, -300.0]
        found = self.read(tmp_path, ["1,5", "", "-99", "n/a"], options='missing_values = ["n/a", -99]')
        np.testing.assert_array_equal(found, [1.5, np.nan, np.nan, np.nan])

    def test_text_is_text(self, tmp_path):
        found = self.read(tmp_path, ["sun", " rain ", "", "-"], options='missing_values = ["-"]')
        assert found[:2].tolist() == ["sun", "rain"]
        assert found.isna().tolist() == [False, False, True, True]
        assert self.read(tmp_path, ["1.5", "2.5"]).tolist() == ["1.5", "2.5"]  # not numbers of this file

    def test_codes_are_text_where_the_catalog_says_so(self, tmp_path):
        found = self.read(tmp_path, ["7", "2b", "-1"], 'categorical_covariates = ["x"]', "missing_values = [-1]")
        assert found[:2].tolist() == ["7", "2b"]
        assert found.isna().tolist() == [False, False, True]

    @pytest.mark.parametrize(("cells", "line"), [(["1", "2", "oops"], 4), (["a", "b", "3", "c"], 4)])
    def test_numbers_among_texts_are_refused_with_the_line_of_the_fewer(self, tmp_path, cells, line):
        with pytest.raises(DataError, match=rf"line {line}, column x: the covariate holds numbers and text") as caught:
            self.read(tmp_path, cells)
        assert 'categorical_covariates = ["x"]' in str(caught.value.remedy)


def test_codes_of_a_typed_table_have_no_decimals(tmp_path):
    table = TABLE.assign(day=pd.to_datetime(TABLE["day"]), promotion=[0.0, 1, np.nan, 2, 0, 1.5, -1])
    table.to_parquet(tmp_path / "shop.parquet", index=False)
    text = GOOD.replace('kind = "csv"\npath = "shop.csv"', SOURCES["parquet"][1])
    found = read_source(dataset(tmp_path, text), tmp_path)["promotion"]
    assert found.dropna().tolist() == ["0", "1", "2", "0", "1.5"]
    assert found.isna().tolist() == [False, False, True, False, False, False, True]


def test_targets_that_are_series_of_their_own_share_the_covariates_of_the_table(tmp_path):
    text = """\
[macro]
horizon = 4
source = { kind = "sample", sample = "us-macro", targets = ["realgdp", "realcons"] }
past_covariates = ["unemp", "tbilrate"]
"""
    macro = dataset(tmp_path, text, "macro")
    frame = read_source(macro, tmp_path)
    assert list(frame) == ["unique_id", "ds", "y", "unemp", "tbilrate"]
    gdp, cons = (frame[frame["unique_id"] == name].reset_index(drop=True) for name in ("realgdp", "realcons"))
    assert len(gdp) == len(cons) == 203
    assert gdp["unemp"].tolist() == cons["unemp"].tolist()
    assert gdp["unemp"][0] == 5.8


@pytest.mark.parametrize("name", ["y", "unique_id", ""])
def test_a_column_that_cannot_be_a_covariate_is_named_where_all_are_read(tmp_path, name):
    TABLE.rename(columns={"remark": name}).to_csv(tmp_path / "shop.csv", index=False, na_rep="NA")
    lines = [line for line in GOOD.splitlines() if not line.startswith(("past_", "future_", "static_"))]
    text = "\n".join(lines).replace("horizon = 7", 'horizon = 7\ncovariates = "infer"')
    with pytest.raises(DataError, match="cannot have this name" if name else "a column has no name"):
        read_source(dataset(tmp_path, text), tmp_path)


def test_the_built_in_catalog_can_be_read_with_all_that_it_names(tmp_path):
    for entry in read_catalog(built_in_catalog()).values():
        frame = read_source(entry, tmp_path)
        assert set(entry.roles.along) <= set(frame.columns)


def test_the_example_of_the_page_is_valid(tmp_path):
    page = (Path(__file__).resolve().parents[2] / "docs" / "covariates.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    shops = dataset(tmp_path, example, "shops")
    assert shops.roles == Roles(("visitors",), ("price", "promotion"), ("region",))
