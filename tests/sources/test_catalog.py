from pathlib import Path

import pytest

from forecasting.errors import CatalogError
from forecasting.panel import Frequency, Roles
from forecasting.settings import built_in_catalog
from forecasting.sources import DataSet, find_dataset, read_catalog, read_source
from forecasting.sources.datasets import CsvSource, SampleSource, SqlSource

GOOD = """\
[river]
title = "River gauge"
frequency = "h"
timezone = "Europe/Berlin"
horizon = 24
gaps = "mask"
levels = [50, 90]
schedule = { cron = "*/30 6-18 * * mon-fri", timezone = "UTC" }

[river.source]
kind = "csv"
path = "river.csv"
time_column = "time"
targets = ["level", "flow"]
missing_values = ["NA", -99.9]

[river.model]
random_state = 7
layers = [1, 2]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "catalog.toml"
    path.write_text(text, encoding="utf-8")
    return path


def message(folder: Path, text: str) -> str:
    path = write(folder, text)
    with pytest.raises(CatalogError) as caught:
        read_catalog(path)
    assert caught.value.exit_code == 2
    said = str(caught.value)
    assert said.startswith(f"file {path}")
    return said.removeprefix(f"file {path}, ").removeprefix(f"file {path}: ")


def test_a_data_set_is_read_with_its_types(tmp_path: Path) -> None:
    river = read_catalog(write(tmp_path, GOOD))["river"]
    assert isinstance(river.source, CsvSource)
    assert river.source.targets == ("level", "flow")
    assert river.source.missing_values == ("NA", -99.9)
    assert (river.name, river.title, river.timezone, river.levels) == (
        "river",
        "River gauge",
        "Europe/Berlin",
        (50, 90),
    )
    assert river.schedule is not None
    assert river.schedule.cron == "*/30 6-18 * * mon-fri"
    assert (river.target, river.season_length, river.lookback, river.test_windows) == ("auto", None, None, 8)


def test_the_estimator_gets_what_the_catalog_says_and_cannot_change_it(tmp_path: Path) -> None:
    river = find_dataset(write(tmp_path, GOOD), "river")
    expected = {
        "horizon": 24,
        "season_length": None,
        "lookback": None,
        "levels": [50, 90],
        "frequency": "h",
        "calendar": None,
        "irregular": "refuse",
        "gaps": "mask",
        "target": "auto",
        "random_state": 7,
        "layers": [1, 2],
    }
    assert river.estimator_parameters() == expected
    river.estimator_parameters()["layers"].append(3)
    river.estimator_parameters()["levels"].append(3)
    assert river.estimator_parameters() == expected


def test_a_title_that_is_left_out_is_the_name(tmp_path: Path) -> None:
    assert find_dataset(write(tmp_path, GOOD.replace('title = "River gauge"\n', "")), "river").title == "river"


def test_the_built_in_catalog_holds_the_three_samples() -> None:
    catalog = read_catalog(built_in_catalog())
    assert list(catalog) == ["sp500", "mauna-loa-co2", "us-macro"]
    stocks, sensor, macro = catalog.values()
    assert stocks.source == SampleSource(kind="sample", sample="sp500", targets=("close",))
    assert (stocks.calendar, stocks.target, stocks.horizon, stocks.levels) == ("XNYS", "log_return", 5, (80, 95))
    assert (sensor.gaps, sensor.season_length, sensor.frequency) == ("interpolate", 52, "W-SAT")
    assert (macro.season_length, macro.frequency) == (4, "QS")
    assert all(entry.schedule for entry in catalog.values())


def test_the_commented_examples_of_the_built_in_catalog_are_valid(tmp_path: Path) -> None:
    text = built_in_catalog().read_text(encoding="utf-8")
    _, _, examples = text.partition("# Examples to copy.")
    lines = [line.removeprefix("#").removeprefix(" ") for line in examples.splitlines()]
    entries = "\n".join(line for line in lines if line.startswith("[") or " = " in line.split("#")[0])
    alone = 'source = { kind = "csv", path = "air.csv"'
    position = entries.index(alone)
    entries = entries[:position] + "[air]\nhorizon = 1\n" + entries[position:]
    catalog = read_catalog(write(tmp_path, entries))
    assert list(catalog) == ["boiler", "traffic", "air", "shops", "priced-shops", "us-unemployment", "meters", "banks"]
    assert {entry.source.kind for entry in catalog.values()} == {"csv", "parquet", "sql", "yahoo", "sample"}
    assert catalog["priced-shops"].roles == Roles(("visitors",), ("price", "promotion"), ("region",))
    assert len(read_source(catalog["us-unemployment"], tmp_path).columns) == 6


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("horizon", "horizont", "horizont: this key is not known here. Did you mean 'horizon'?"),
        ("path =", "pathh =", "line 12, source.pathh: this key is not known here. Did you mean 'path'?"),
        ("horizon = 24\n", "", "line 1, horizon: this key is missing. Add it."),
        ('path = "river.csv"\n', "", "line 10, source.path: this key is missing."),
        ("horizon = 24", "horizon = 0", "line 5, horizon: 0 is not allowed: input should be greater"),
        ("horizon = 24", 'horizon = "24"', "line 5, horizon: '24' is not a whole number."),
        ("horizon = 24", "horizon = true", "line 5, horizon: True is not a whole number."),
        ('"h"', '"hourly"', "line 3, frequency: "),
        ('"h"', "1.5", "line 3, frequency: 1.5 is not a text or a whole number."),
        ('"Europe/Berlin"', '"Europe/Berlino"', "line 4, timezone: there is no time zone 'Europe/Berlino'"),
        ('"mask"', '"maks"', "line 6, gaps: 'maks' is not allowed"),
        ('"mask"', '"mask"\nirregular = "first"', "line 7, irregular: 'first' is not allowed"),
        ('frequency = "h"', 'irregular = "last"', "frequency: observations at irregular times need a grid"),
        ('frequency = "h"', 'frequency = "B"\nirregular = "last"', "line 4, irregular: irregular='last' does not go"),
        ('"mask"', '"mask"\ntarget = "sqrt"', "line 7, target: there is no target 'sqrt'. Use 'auto', 'none'"),
        ("[50, 90]", "[50, 100]", "line 7, levels.1: 100 is not allowed: input should be less than 100"),
        ("[50, 90]", "[50, 50]", "line 7, levels: 50 is named twice"),
        ("[50, 90]", "80", "line 7, levels: 80 is not a list."),
        ("6-18", "6-25", "line 8, schedule.cron: '25' is no hour. Use 0 to 23."),
        ('timezone = "UTC"', 'timezone = "utc+1"', "line 8, schedule.timezone: there is no time zone"),
        (', timezone = "UTC"', "", "line 8, schedule.timezone: this key is missing."),
        ('"csv"', '"cvs"', "line 11, source.kind: there is no source of the kind 'cvs'. Did you mean 'csv'?"),
        ('kind = "csv"\n', "", "line 10, source.kind: this key is missing."),
        ('time_column = "time"\n', "", "line 10, source.time_column: exactly one of"),
        ('"level", "flow"', '"level", "level"', "line 14, source.targets: 'level' is named twice"),
        ('"level", "flow"', "", "line 14, source.targets: [] is not allowed"),
        ('["NA", -99.9]', '["NA", true]', "line 15, source.missing_values.1: True is not a text or a number"),
        ("random_state", "horizon", "line 18, model.horizon: 'horizon' belongs to the data set itself."),
        ("[river.model]", "model = 3\n[x]", "source.model: this key is not known here"),
        ("[river]", "[River]", "line 1, dataset River: 'River' cannot be the name of a data set."),
        ('title = "River gauge"', 'name = "river"', "line 2, name: a data set's name is that of its"),
        ("[river]", "title = 3\n[river]", "line 1, dataset title: 'title' stands outside of a data set."),
        ('frequency = "h"', 'calendar = "XNYX"', "line 3, calendar: there is no exchange calendar 'XNYX'"),
        ('frequency = "h"', 'frequency = "h"\ncalendar = "XNYS"', "line 3, frequency: "),
        ('path = "river.csv"', 'path = "river.csv"\nencoding = "utf8000"', "source.encoding: there is no encoding"),
        ('path = "river.csv"', 'path = "r.csv"\nheader = false', "line 13, source.header: a file without"),
        ('path = "river.csv"', 'path = "r.csv"\ndecimal = ","', "line 13, source.decimal: ',' cannot be"),
        ('path = "river.csv"', 'path = "r.csv"\nid_column = "id"', "source.targets: a table with 'id_column' has one"),
        ('time_column = "time"', 'time_parts = { yaer = "y" }', "source.time_parts.yaer: this key is not known here."),
        ('time_column = "time"', 'time_parts = { year = "y", day = "d" }', "source.time_parts.day: 'day' is given"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line_and_key(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    said = message(tmp_path, GOOD.replace(old, new, 1))
    assert expected in said.replace("dataset river, key ", "")


def test_all_problems_of_a_file_are_reported_in_one_message_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = GOOD.replace("horizon", "horizont").replace('"mask"', '"fill"') + "[other]\nhorizon = -1\n"
    said = message(tmp_path, text).splitlines()
    assert said[0] == "the catalog has 5 problems:"
    begins = ["  line 1, dataset river, key horizon: this key is missing", "  line 5, dataset river, key horizont: "]
    begins += ["  line 6, dataset river, key gaps: ", "  line 20, dataset other, key source: this key is missing"]
    begins += ["  line 21, dataset other, key horizon: -1 is not allowed"]
    assert len(said) == 6
    for line, begin in zip(said[1:], begins, strict=True):
        assert line.startswith(begin)


@pytest.mark.parametrize(
    ("text", "line"),
    [("[a]\nhorizon = \n", 2), ("[a]\nx = 1\nx = 2\n", 3), ("[a]\nx = [1,\n", 3), ("[a]\n[b]\n[a]\n", 3)],
)
def test_a_syntax_error_names_its_line(tmp_path: Path, text: str, line: int) -> None:
    said = message(tmp_path, text)
    assert said.startswith(f"line {line}: the catalog is no valid TOML: ")
    assert "(at" not in said


def test_a_catalog_that_is_not_utf_8_or_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "catalog.toml"
    path.write_bytes("[a]\ntitle = 'Köln'\n".encode("latin-1"))
    with pytest.raises(CatalogError, match=r"line 2: byte 14 is not UTF-8"):
        read_catalog(path)
    with pytest.raises(CatalogError, match="the catalog cannot be read"):
        read_catalog(tmp_path / "absent.toml")


def test_a_name_that_is_not_there_gets_a_suggestion_and_the_list(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"there is no data set 'rivre'\. Did you mean 'river'\? There are: river\."):
        find_dataset(write(tmp_path, GOOD), "rivre")


def test_a_password_in_an_address_does_not_show(tmp_path: Path) -> None:
    entry = """\
[meters]
horizon = 1
[meters.source]
kind = "sql"
url = "postgresql://me:s3cret@host/db"
query = "SELECT 1"
time_column = "t"
targets = ["y"]
"""
    meters = find_dataset(write(tmp_path, entry), "meters")
    assert isinstance(meters.source, SqlSource)
    assert "s3cret" not in repr(meters) + str(meters.model_dump()) + meters.model_dump_json()
    both = message(tmp_path, entry + 'url_env = "METERS_URL"\n')
    assert both.startswith("line 9, dataset meters, key source.url_env: exactly one of 'url' and 'url_env' is needed")
    assert "s3cret" not in both
    assert "s3cret" not in message(tmp_path, entry.replace("url = ", "url = [").replace('/db"', '/db"]'))


def test_every_frequency_of_the_built_in_catalog_is_its_own_canonical_name() -> None:
    for entry in read_catalog(built_in_catalog()).values():
        if entry.frequency != "infer":
            assert Frequency.parse(entry.frequency, entry.calendar).alias == entry.frequency


def test_a_data_set_cannot_be_changed(tmp_path: Path) -> None:
    river = find_dataset(write(tmp_path, GOOD), "river")
    with pytest.raises(ValueError, match="frozen"):
        river.horizon = 3  # type: ignore[misc]
    assert isinstance(river, DataSet)
