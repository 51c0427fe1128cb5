import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from forecasting.errors import DataError, ParameterError, SourceError, StorageError
from forecasting.storage import Ledger
from tests.storage.made_forecasts import DIGEST, forecasts

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)]


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/data/forecasts.db"
    address: str = request.getfixturevalue("postgres_url")
    return address


@pytest.fixture
def ledger(url: str) -> Any:
    with Ledger(url) as opened:
        yield opened


def test_what_was_written_is_read_back(ledger: Ledger) -> None:
    written = forecasts()
    assert ledger.write("sp500", "3", DIGEST, written.sample(frac=1, random_state=0)) == 6
    found = ledger.read()
    names = ["dataset", "unique_id", "cutoff", "step", "ds", "model", "model_version", "point"]
    assert list(found.columns) == [*names, "lo-80", "hi-80", "lo-95", "hi-95", "snapshot", "created"]
    for column in ("unique_id", "cutoff", "step", "ds"):
        assert found[column].tolist() == written[column].tolist()
    assert found["point"].tolist() == written["SimpleRNN"].tolist()
    assert found["hi-95"].tolist() == written["SimpleRNN-hi-95"].tolist()
    assert found["lo-80"].tolist() == written["SimpleRNN-lo-80"].tolist()
    assert set(found["dataset"]) == {"sp500"}
    assert set(found["model"]) == {"SimpleRNN"}
    assert set(found["model_version"]) == {"3"}
    assert set(found["snapshot"]) == {DIGEST}
    kinds = {name: str(found[name].dtype) for name in ("cutoff", "ds", "step", "point", "created", "unique_id")}
    assert kinds == {
        "cutoff": "datetime64[us]", "ds": "datetime64[us]", "step": "int64",
        "point": "float64", "created": "datetime64[us, UTC]", "unique_id": "str",
    }  # fmt: skip
    assert abs(pd.Timestamp.now("UTC") - found["created"].iloc[0]) < pd.Timedelta("1min")


def test_a_repeated_write_changes_nothing_and_an_extended_one_adds_only_what_is_new(ledger: Ledger) -> None:
    assert ledger.write("sp500", "3", DIGEST, forecasts()) == 6
    before = ledger.read()
    other = forecasts().assign(SimpleRNN=99.0)
    assert ledger.write("sp500", "3", DIGEST, other) == 0
    pd.testing.assert_frame_equal(ledger.read(), before)
    assert ledger.write("sp500", "3", DIGEST, forecasts(steps=5)) == 4
    assert ledger.write("sp500", "4", DIGEST, forecasts()) == 6
    assert ledger.write("other", "3", DIGEST, forecasts()) == 6
    assert ledger.write("sp500", "3", DIGEST, forecasts(cutoff="2019-01-01")) == 6


def test_a_forecast_from_revised_data_replaces_the_one_before_and_says_so(ledger: Ledger) -> None:
    ledger.write("sp500", "3", DIGEST, forecasts())
    assert ledger.write("sp500", "3", "1" * 64, forecasts(series=1).assign(SimpleRNN=99.0)) == 3
    found = ledger.read()
    assert len(found) == 6
    revised = found["unique_id"] == "s0"
    assert (found.loc[revised, "point"] == 99.0).all()
    assert (found.loc[revised, "snapshot"] == "1" * 64).all()
    assert (found.loc[~revised, "snapshot"] == DIGEST).all()


keys = st.tuples(st.sampled_from("ab"), st.integers(0, 2), st.integers(1, 2), st.sampled_from("12"))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.sets(keys, min_size=1), min_size=1, max_size=4))
def test_any_sequence_of_writes_leaves_each_key_once_with_its_first_value(
    url: str, batches: list[set[tuple[str, int, int, str]]]
) -> None:
    dataset, kept = os.urandom(8).hex(), {}
    with Ledger(url) as ledger:
        for value, batch in enumerate(batches):
            for version in "12":
                part = sorted(key for key in batch if key[3] == version)
                frame = pd.DataFrame([key[:3] for key in part], columns=["unique_id", "cutoff", "step"])
                frame = frame.assign(ds=frame["cutoff"] + frame["step"], SimpleRNN=float(value))
                new = [key for key in part if key not in kept]
                assert ledger.write(dataset, version, DIGEST, frame) == len(new)
                kept.update(dict.fromkeys(new, float(value)))
        found = ledger.read(dataset)
    columns = [found[name].tolist() for name in ("unique_id", "cutoff", "step", "model_version")]
    assert dict(zip(zip(*columns, strict=True), found["point"], strict=True)) == kept
    assert len(found) == len(kept)


def test_a_thousand_series_are_written_in_one_call(ledger: Ledger) -> None:
    written = forecasts(series=1500, steps=4)
    assert ledger.write("many", "1", DIGEST, written) == 6000
    assert ledger.write("many", "1", DIGEST, written) == 0
    assert ledger.read("many")["point"].sum() == written["SimpleRNN"].sum()


@pytest.mark.parametrize(
    ("cutoff", "tz", "kind"),
    [
        ("2024-03-30", "Europe/Berlin", "datetime64[us, Europe/Berlin]"),
        ("2024-03-30 12:00:00.000001", "UTC", "datetime64[us, UTC]"),
        ("0009-01-01", None, "datetime64[us]"),
        (-3, None, "int64"),
    ],
)
def test_times_come_back_with_their_type_and_zone(ledger: Ledger, cutoff: Any, tz: str | None, kind: str) -> None:
    written = forecasts(series=1, cutoff=cutoff, tz=tz)
    assert ledger.write("x", "1", DIGEST, written) == 3
    found = ledger.read("x")
    assert str(found["ds"].dtype) == str(found["cutoff"].dtype) == kind
    assert found["ds"].tolist() == written["ds"].tolist()
    assert found["cutoff"].tolist() == written["cutoff"].tolist()


def test_cutoffs_sort_by_time_and_not_as_text(ledger: Ledger) -> None:
    for cutoff in (10, -5, 9, -12, 100):
        ledger.write("steps", "1", DIGEST, forecasts(series=1, steps=1, cutoff=cutoff))
    assert ledger.read("steps")["cutoff"].tolist() == [-12, -5, 9, 10, 100]
    for cutoff in ("2024-01-01 00:00:00.5", "2024-01-01", "0999-01-01"):
        ledger.write("times", "1", DIGEST, forecasts(series=1, steps=1, cutoff=cutoff))
    assert ledger.read("times")["cutoff"].is_monotonic_increasing


def test_data_sets_of_different_kinds_can_be_read_together(ledger: Ledger) -> None:
    ledger.write("a", "1", DIGEST, forecasts(series=1, steps=1, cutoff=4))
    ledger.write("b", "1", DIGEST, forecasts(series=1, steps=1, tz="Asia/Tokyo"))
    ledger.write("c", "1", DIGEST, forecasts(series=1, steps=1, levels=(99.5,)))
    found = ledger.read()
    assert found["cutoff"].tolist() == [4, pd.Timestamp("2018-12-31", tz="Asia/Tokyo"), pd.Timestamp("2018-12-31")]
    assert found["ds"].tolist()[0] == 5
    np.testing.assert_array_equal(found["hi-99.5"], [np.nan, np.nan, 99.5])
    np.testing.assert_array_equal(found["lo-80"], [-80, -80, np.nan])


def test_only_what_is_asked_for_is_read(ledger: Ledger) -> None:
    for version in "12":
        for cutoff in ("2018-12-31", "2019-01-01"):
            ledger.write("sp500", version, DIGEST, forecasts(cutoff=cutoff, tz="UTC"))
    assert len(ledger.read("sp500")) == 24
    assert len(ledger.read("sp500", unique_id="s1")) == 12
    assert len(ledger.read("sp500", model_version="2", unique_id="s1")) == 6
    assert len(ledger.read(cutoff=pd.Timestamp("2019-01-01", tz="UTC"), model_version="1")) == 6
    assert len(ledger.read(cutoff=pd.Timestamp("2019-01-01"))) == 0
    assert len(ledger.read(cutoff="2019-01-01")) == 0
    assert len(ledger.read(cutoff="2019-01-01T00:00Z", model_version="1")) == 6
    assert len(ledger.read("dax")) == 0
    with pytest.raises(ParameterError, match="parameter cutoff: 'yesterday evening' is neither a time nor a step"):
        ledger.read(cutoff="yesterday evening")


def test_an_empty_ledger_has_the_columns_and_types(ledger: Ledger) -> None:
    found = ledger.read()
    assert len(found) == 0
    assert {"dataset", "unique_id", "cutoff", "step", "ds", "model", "model_version", "point"} <= set(found.columns)
    assert str(found["ds"].dtype) == "datetime64[us]"
    assert ledger.write("x", "1", DIGEST, forecasts().iloc[:0]) == 0


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda f: f.drop(columns="step"), "column step: forecasts lack a column"),
        (lambda f: f.drop(columns="SimpleRNN-lo-80"), "column SimpleRNN-lo-80: an interval lacks one side"),
        (lambda f: f.assign(SeasonalNaive=1.0), "forecasts of one model are written at a time, found SimpleRNN, Seas"),
        (
            lambda f: f[["unique_id", "cutoff", "step", "ds"]],
            "forecasts of one model are written at a time, found none",
        ),
        (
            lambda f: f.assign(SimpleRNN=np.nan),
            "series s0, time 2019-01-01 00:00:00, column SimpleRNN: the forecast is not",
        ),
        (
            lambda f: f.assign(**{"SimpleRNN-hi-95": np.inf}),
            "column SimpleRNN-hi-95: the forecast is not a finite number",
        ),
        (lambda f: f.assign(ds=f["ds"].astype("str")), "column ds: forecasts need time stamps or integer steps"),
        (lambda f: f.assign(cutoff=0), "cutoff and ds are of different types (int64, datetime64[us])"),
        (lambda f: f.assign(ds=f["ds"].dt.tz_localize("UTC")), "cutoff and ds are of different types"),
        (lambda f: pd.concat([f, f]), "series s0, time 2019-01-01 00:00:00: step 1 is there twice"),
    ],
)
def test_forecasts_that_cannot_be_kept_are_refused_and_nothing_is_written(
    tmp_path: Path, change: Any, problem: str
) -> None:
    with Ledger(f"sqlite:///{tmp_path}/forecasts.db") as ledger:
        with pytest.raises(DataError) as caught:
            ledger.write("sp500", "1", DIGEST, change(forecasts()))
        assert problem in str(caught.value)
        assert len(ledger.read()) == 0


def test_writers_at_the_same_time_write_each_row_once(url: str) -> None:
    def write(worker: int) -> int:
        with Ledger(url) as ledger:
            return sum(
                ledger.write(
                    "sp500", "1", DIGEST, forecasts(series=20, cutoff=cutoff).sample(frac=1, random_state=worker)
                )
                for cutoff in range(5)
            )

    with ThreadPoolExecutor(6) as workers:
        written = list(workers.map(write, range(6)))
    assert sum(written) == 20 * 3 * 5
    with Ledger(url) as ledger:
        assert len(ledger.read()) == 300


def test_a_failed_write_leaves_nothing_of_itself(url: str) -> None:
    with Ledger(url) as ledger:
        ledger.write("sp500", "1", DIGEST, forecasts())
        with ledger._engine.begin() as connection:
            connection.execute(text("ALTER TABLE forecasts ADD COLUMN extra INTEGER CHECK (step < 1000)"))
        wrong = forecasts(series=2000)
        wrong.loc[len(wrong) - 1, "step"] = 1000
        with pytest.raises(StorageError, match=r"cannot be used: .*(?:check|CHECK) constraint"):
            ledger.write("sp500", "2", DIGEST, wrong)
        assert len(ledger.read()) == 6


def test_a_ledger_of_another_schema_version_is_refused(url: str) -> None:
    with Ledger(url) as ledger:
        ledger.read()
        with ledger._engine.begin() as connection:
            connection.execute(text("UPDATE forecast_schema SET version = 2"))
    with Ledger(url) as ledger, pytest.raises(StorageError, match="the ledger has schema version 2, needed is 1"):
        ledger.read()


def test_opening_a_ledger_creates_nothing_until_it_is_used(tmp_path: Path) -> None:
    with Ledger(f"sqlite:///{tmp_path}/data/forecasts.db") as ledger:
        assert list(tmp_path.iterdir()) == []
        ledger.write("sp500", "1", DIGEST, forecasts())
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["forecasts.db"]


def test_sqlite_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    file = tmp_path / "forecasts.db"
    with Ledger(f"sqlite:///{file}") as ledger:
        ledger.write("sp500", "1", DIGEST, forecasts())
        with sqlite3.connect(file, isolation_level=None) as writer:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("DELETE FROM forecasts")
            assert len(ledger.read()) == 6
            writer.execute("ROLLBACK")
        writer.close()


def test_a_ledger_is_made_in_a_file_that_another_program_is_writing_to(tmp_path: Path) -> None:
    file = tmp_path / "forecasts.db"
    with (
        closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as writer,
        Ledger(f"sqlite:///{file}") as ledger,
    ):
        writer.execute("BEGIN IMMEDIATE")
        end = threading.Timer(0.3, writer.execute, ["COMMIT"])
        end.start()
        assert ledger.write("sp500", "1", DIGEST, forecasts()) == 6
        end.join()
        assert len(writer.execute("SELECT * FROM forecasts").fetchall()) == 6
        assert writer.execute("PRAGMA journal_mode").fetchall() == [("wal",)]


def test_a_ledger_does_not_wait_without_end_for_another_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecasting.storage.ledger._BUSY_SECONDS", 0.1)
    file = tmp_path / "forecasts.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as writer, Ledger(f"sqlite:///{file}") as ledger:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(SourceError, match="cannot be used: database is locked"):
            ledger.read()


def test_another_kind_of_database_is_refused_and_a_password_never_shows() -> None:
    with pytest.raises(ParameterError, match=r"no database address|not installed|cannot be kept in"):
        Ledger("mssql://me:s3cret@host/db")
    unreachable = Ledger("postgresql://me:s3cret@127.0.0.1:1/db")
    assert repr(unreachable) == "Ledger('postgresql://me:***@127.0.0.1:1/db')"
    with pytest.raises(SourceError, match="cannot be used: ") as caught:  # trying again may help
        unreachable.read()
    assert "s3cret" not in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_database_file_that_is_damaged_is_named(tmp_path: Path) -> None:
    (tmp_path / "forecasts.db").write_text("no database\n" * 100)
    with Ledger(f"sqlite:///{tmp_path}/forecasts.db") as ledger, pytest.raises(StorageError, match="not a database"):
        ledger.read()
    (tmp_path / "file").touch()
    with (
        Ledger(f"sqlite:///{tmp_path}/file/forecasts.db") as ledger,
        pytest.raises(StorageError, match="cannot be used"),
    ):
        ledger.read()


WRITER = """
import sys
from tests.storage.made_forecasts import DIGEST, forecasts
from forecasting.storage import Ledger

sys.stdin.readline()
with Ledger(sys.argv[1]) as ledger:
    print(ledger.write("sp500", "1", DIGEST, forecasts(series=200)))
"""


@pytest.mark.slow
def test_processes_that_make_the_ledger_at_the_same_time_do_not_disturb_each_other(url: str) -> None:
    checkout = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", WRITER, url]
    pipes: dict[str, Any] = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }
    started = [subprocess.Popen(command, cwd=checkout, **pipes) for _ in range(4)]
    answers = [process.communicate("go\n", timeout=120) for process in started]
    assert [process.returncode for process in started] == [0] * 4, answers
    assert sum(int(said) for said, _ in answers) == 600
