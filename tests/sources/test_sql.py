import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecasting.errors import DataError, ForecastingError, ParameterError, SourceError
from forecasting.sources import DataSet, read_source

QUERY = "SELECT site, at, level FROM gauges ORDER BY site, at"
ROWS = [("a", "2024-01-01 00:00:00", 1.5), ("a", "2024-01-01 01:00:00", None), ("b", "2024-01-01 00:00:00", 2.0)]


def dataset(**source: Any) -> DataSet:
    columns = {"id_column": "site", "time_column": "at", "targets": ["level"]}
    full = {"kind": "sql", "query": QUERY, **columns, **source}
    return DataSet.model_validate({"name": "gauges", "title": "Gauges", "source": full, "horizon": 1})


def refused(base: Path, kind: type[ForecastingError], **source: Any) -> str:
    with pytest.raises(kind) as caught:
        read_source(dataset(**source), base)
    assert str(caught.value).startswith("dataset gauges")
    return str(caught.value)


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    file = tmp_path / "river gauges 100%.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE gauges (site TEXT, at TEXT, level REAL)")
        connection.executemany("INSERT INTO gauges VALUES (?, ?, ?)", ROWS)
    connection.close()
    return file


def test_rows_of_sqlite_become_a_long_frame(sqlite_file: Path) -> None:
    for url in (f"sqlite:///{sqlite_file}", f"sqlite:///{sqlite_file.name}"):
        frame = read_source(dataset(url=url), sqlite_file.parent)
        assert frame["unique_id"].tolist() == ["a", "a", "b"]
        assert frame["ds"].tolist() == [pd.Timestamp(at) for _, at, _ in ROWS]
        assert frame["y"].isna().tolist() == [False, True, False]


def test_the_address_can_come_from_the_environment(sqlite_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAUGES_URL", f"sqlite:///{sqlite_file}")
    assert len(read_source(dataset(url_env="GAUGES_URL"), Path("/"))) == 3
    monkeypatch.setenv("GAUGES_URL", " ")
    said = refused(Path("/"), ParameterError, url_env="GAUGES_URL")
    assert "parameter GAUGES_URL: the environment variable is not set" in said


def test_a_query_reaches_the_database_as_it_is_written(sqlite_file: Path) -> None:
    query = "SELECT site, at, level FROM gauges WHERE site LIKE 'a%' AND ':x' = ':x' AND '%s %(y)s' <> '?'"
    assert len(read_source(dataset(url=f"sqlite:///{sqlite_file}", query=query), Path("/"))) == 2


@pytest.mark.parametrize(
    "query", ["DELETE FROM gauges", "DELETE FROM gauges RETURNING site, at, level", "DROP TABLE gauges"]
)
def test_sqlite_is_read_only(sqlite_file: Path, query: str) -> None:
    before = sqlite_file.read_bytes()
    said = refused(Path("/"), DataError, url=f"sqlite:///{sqlite_file}", query=query)
    assert "refuses the query: attempt to write a readonly database" in said
    assert sqlite_file.read_bytes() == before


def test_an_sqlite_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert "there is no such file" in refused(tmp_path, SourceError, url="sqlite:///absent.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("SELEKT 1", 'refuses the query: near "SELEKT": syntax error'),
        ("SELECT site, at, level FROM gauge", "refuses the query: no such table: gauge"),
        ("SELECT site, at, 'high' AS level FROM gauges", "row 1, column level: 'high' is text in a number column"),
        ("SELECT site, at FROM gauges", "column level: there is no such column. There are: site, at."),
        ("SELECT site, at, level, level FROM gauges", "column level: the column is there more than once"),
        ("SELECT site, at, level FROM gauges WHERE 0", "the table has no rows"),
        ("SELECT site, NULL AS at, level FROM gauges", "row 1, column at: the time is missing"),
    ],
)
def test_what_is_wrong_with_a_query_is_named(sqlite_file: Path, query: str, problem: str) -> None:
    assert problem in refused(Path("/"), DataError, url=f"sqlite:///{sqlite_file}", query=query)


def test_a_file_that_is_no_database_is_a_source_error(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("time,level\n" * 100)
    assert "file is not a database" in refused(tmp_path, SourceError, url="sqlite:///x.db")


def test_a_server_that_does_not_answer_is_a_source_error_without_the_password() -> None:
    said = refused(Path("/"), SourceError, url="postgresql://me:s3cr%40t@127.0.0.1:1/db")
    assert "postgresql://me:***@127.0.0.1:1/db cannot be read: " in said
    assert "s3cr" not in said


def test_a_driver_that_is_not_installed_is_named() -> None:
    said = refused(Path("/"), ParameterError, url="mysql+pymysql://me:s3cret@host/db")
    assert "the database driver pymysql is not installed" in said
    assert "s3cret" not in said


@pytest.mark.integration
def test_rows_of_postgresql_keep_their_types(postgres_url: str) -> None:
    query = """
        SELECT site, at::timestamptz AS at, level::numeric(8, 2) AS level
        FROM (VALUES ('a', '2024-03-31 00:00+00', 1.25), ('a', '2024-03-31 01:00+00', NULL)) AS rows (site, at, level)
    """
    frame = read_source(dataset(url=postgres_url, query=query), Path("/"))
    assert frame["ds"].tolist() == [pd.Timestamp("2024-03-31 00:00Z"), pd.Timestamp("2024-03-31 01:00Z")]
    assert str(frame["ds"].dtype) == "datetime64[us, UTC]"
    assert frame["y"].iloc[0] == 1.25
    assert pd.isna(frame["y"].iloc[1])
    dates = "SELECT 'a' AS site, DATE '2024-02-29' AS at, 1 AS level WHERE 'x%' LIKE 'x%'"
    assert read_source(dataset(url=postgres_url, query=dates), Path("/"))["ds"].tolist() == [pd.Timestamp("2024-02-29")]


@pytest.mark.integration
def test_postgresql_is_read_only_and_its_refusals_are_named(postgres_url: str) -> None:
    import psycopg

    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE gauges (site text, at timestamp, level float8)")
        connection.execute("INSERT INTO gauges VALUES ('a', '2024-01-01', 1)")
    query = "DELETE FROM gauges RETURNING site, at, level"
    said = refused(Path("/"), DataError, url=postgres_url, query=query)
    assert "cannot execute DELETE in a read-only transaction" in said
    assert len(read_source(dataset(url=postgres_url), Path("/"))) == 1
    assert 'relation "gauge" does not exist' in refused(
        Path("/"), DataError, url=postgres_url, query="SELECT * FROM gauge"
    )
    wrong = postgres_url.replace(postgres_url.split(":")[2].split("@")[0], "wr0ng%20s3cret")
    said = refused(Path("/"), SourceError, url=wrong)
    assert "password authentication failed" in said
    assert "s3cret" not in said
