import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.errors import StorageError
from forecasting.panel import Notice, Panel
from forecasting.storage import SnapshotStore
from forecasting.storage.snapshot_file import digest
from tests.storage.panels import GRIDS, make_panel, panels


def assert_same(found: Panel, expected: Panel) -> None:
    np.testing.assert_array_equal(found.values, expected.values)
    np.testing.assert_array_equal(found.times, expected.times)
    np.testing.assert_array_equal(found.indptr, expected.indptr)
    assert found.ids.tolist() == expected.ids.tolist()
    assert (found.frequency, found.tz) == (expected.frequency, expected.tz)
    assert (found.times.dtype, found.values.dtype, found.indptr.dtype) == (expected.times.dtype, "float64", "int64")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@settings(max_examples=40)
@given(panels())
def test_every_panel_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, panel: Panel) -> None:
    store = SnapshotStore(tmp_path_factory.getbasetemp() / "store")
    snapshot = store.write("any", panel)
    assert_same(store.read(snapshot), panel)
    assert store.latest("any") == store.get("any", snapshot.digest) == snapshot
    assert snapshot.digest == digest(panel)


def test_what_steps_are_made_of_comes_back_and_is_part_of_the_digest(tmp_path: Path) -> None:
    plain, store = make_panel([2, 3]), SnapshotStore(tmp_path)
    cells = {"age": np.array([0.25, np.nan, 0.0, 0.5, 0.0]), "count": np.array([3, 0, 1, 2, 1])}
    panel = replace(plain, cells=cells)
    snapshot = store.write("any", panel)
    found = store.read(snapshot)
    assert_same(found, panel)
    for name, column in cells.items():
        np.testing.assert_array_equal(found.cells[name], column)
        assert found.cells[name].dtype == column.dtype
    assert not store.read(store.write("other", plain)).cells
    other = replace(panel, cells={**cells, "age": cells["age"] * 0.5})
    assert len({digest(plain), digest(panel), digest(other)}) == 3


@settings(max_examples=40)
@given(panels(), st.data())
def test_the_digest_changes_with_anything_that_the_panel_says(panel: Panel, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(panel.values) - 1))
    values = panel.values.copy()
    values[row] = 0.0 if np.isnan(values[row]) else np.nan
    changed = [
        panel.with_values(values),
        replace(panel, ids=np.array([name + "x" for name in panel.ids], dtype=object)),
        replace(panel, times=panel.times + 1),
        replace(panel, tz="Asia/Tokyo"),
        replace(panel, frequency=make_panel([1], frequency="min").frequency),
    ]
    assert len({digest(panel), *(digest(other) for other in changed)}) == 6


def test_the_digest_is_that_of_the_content_and_stays_the_same_over_time() -> None:
    panel = make_panel([3, 2], tz="Europe/Berlin")
    assert digest(panel) == digest(replace(panel, values=panel.values.astype(">f8")))
    nans = panel.with_values(np.where(panel.values == 1, np.nan, panel.values))
    other = nans.values.copy()
    other.view("uint64")[1] |= 1
    assert digest(nans) == digest(nans.with_values(other))
    assert digest(panel) == "09ab94311da61523863430eb80c78ee542c5b89ea4909ddbbed0bb37a1b93e3c"


def test_a_snapshot_says_what_it_holds(tmp_path: Path) -> None:
    notices = (Notice("gaps", "two steps are absent", ("s0", "s1"), 2), Notice("sorted", "rows were sorted"))
    panel = make_panel([3, 2], frequency="h", tz="Europe/Berlin")
    snapshot = SnapshotStore(tmp_path).write("river", panel, notices)
    assert snapshot == SnapshotStore(tmp_path).latest("river")
    assert (snapshot.dataset, snapshot.rows, snapshot.series) == ("river", 5, 2)
    assert (snapshot.first, snapshot.last) == ("2024-01-02T00:00:00+01:00", "2024-01-02T02:00:00+01:00")
    assert (snapshot.frequency, snapshot.calendar, snapshot.tz) == ("h", None, "Europe/Berlin")
    assert snapshot.notices == notices
    assert pd.Timestamp(snapshot.created).tzinfo is not None
    steps = SnapshotStore(tmp_path).write("steps", make_panel([4], frequency=1))
    assert (steps.first, steps.last) == ("0", "3")


def test_any_tool_can_read_a_snapshot(tmp_path: Path) -> None:
    snapshot = SnapshotStore(tmp_path).write("river", make_panel([2, 1], frequency="h", tz="Europe/Berlin"))
    frame = pd.read_parquet(snapshot.path)
    assert frame["unique_id"].tolist() == ["s0", "s0", "s1"]
    assert frame["ds"].iloc[0] == pd.Timestamp("2024-01-01T23:00Z")
    assert frame["y"].tolist() == [0, 1, 2]


def test_the_same_content_is_not_written_again(tmp_path: Path) -> None:
    store, panel = SnapshotStore(tmp_path), make_panel([3])
    first = store.write("river", panel, [Notice("sorted", "rows were sorted")])
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert store.write("river", panel) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert files(tmp_path) == sorted([f"{first.digest}.parquet", "latest.json"])


def test_content_that_was_there_before_can_become_the_latest_again(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path)
    old, new = store.write("river", make_panel([3])), store.write("river", make_panel([4]))
    assert store.latest("river") == new
    assert store.write("river", make_panel([3])) == old == store.latest("river")
    assert store.history("river") == [old, new]
    assert store.history("lake") == []


def test_data_sets_are_kept_apart(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path)
    river, lake = store.write("river", make_panel([3])), store.write("lake", make_panel([3]))
    assert river.digest == lake.digest
    assert river.path != lake.path
    assert lake.dataset == "lake"


@pytest.mark.parametrize("name", ["../river", "a/b", "", ".", "..", "a\\b", "/etc", "a b", "x" * 101, "-a", "a\0"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    store = SnapshotStore(tmp_path / "store")
    for use in (lambda: store.write(name, make_panel([1])), lambda: store.latest(name), lambda: store.history(name)):
        with pytest.raises(StorageError, match="cannot be the name of a folder"):
            use()
    with pytest.raises(StorageError, match="is no digest"):
        store.get("river", f"../{'0' * 64}")
    assert list(tmp_path.iterdir()) == []


def test_nothing_ingested_is_said_with_the_command_to_run(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"dataset river: nothing was ingested yet. Run: forecast ingest river."):
        SnapshotStore(tmp_path).latest("river")
    with pytest.raises(StorageError, match="the snapshot is not there"):
        SnapshotStore(tmp_path).get("river", "0" * 64)


def test_an_empty_series_is_refused(tmp_path: Path) -> None:
    for panel in (make_panel([2, 0]), make_panel([1]).take(np.arange(0))):
        with pytest.raises(StorageError, match="an empty series cannot be kept"):
            SnapshotStore(tmp_path).write("river", panel)
    assert files(tmp_path) == []


@pytest.mark.parametrize("keep", [0, 4, 100, -30, -1])
def test_a_damaged_file_is_named_and_written_anew_by_the_next_ingestion(
    tmp_path: Path, keep: int, caplog: pytest.LogCaptureFixture
) -> None:
    store, panel = SnapshotStore(tmp_path), make_panel([50])
    snapshot = store.write("river", panel)
    snapshot.path.write_bytes(snapshot.path.read_bytes()[:keep])
    with pytest.raises(StorageError, match=f"file {snapshot.path}: the snapshot is damaged"):
        store.read(snapshot)
    assert store.write("river", panel).digest == snapshot.digest
    assert "the snapshot is damaged" in caplog.text
    assert_same(store.read(store.latest("river")), panel)


def test_every_changed_byte_of_the_values_is_noticed(tmp_path: Path) -> None:
    store, panel = SnapshotStore(tmp_path), make_panel([50])
    snapshot = store.write("river", panel)
    table = pq.read_table(snapshot.path)
    frame = table.to_pandas()
    frame.loc[20, "y"] += 1e-9
    forged = table.set_column(2, "y", [frame["y"].to_numpy()])
    pq.write_table(forged, snapshot.path)
    with pytest.raises(StorageError, match="does not have the digest that it was written under"):
        store.read(snapshot)


def test_another_file_under_the_name_of_a_snapshot_is_noticed(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path)
    river, other = store.write("river", make_panel([3])), store.write("river", make_panel([4]))
    river.path.write_bytes(other.path.read_bytes())
    with pytest.raises(StorageError, match="does not hold the content of this snapshot"):
        store.read(river)
    with pytest.raises(StorageError, match="another digest than its file name"):
        store.get("river", river.digest)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path)
    snapshot = store.write("river", make_panel([3]))
    table = pq.read_table(snapshot.path)
    said = json.loads(table.schema.metadata[b"forecasting"]) | {"format": 3}
    pq.write_table(table.replace_schema_metadata({b"forecasting": json.dumps(said)}), snapshot.path)
    with pytest.raises(StorageError, match=r"has format 3, this version reads 1 and 2. Update the package."):
        store.latest("river")


@pytest.mark.parametrize("content", ["", "{}", "[]", '"x"', '{"digest": 3}', '{"digest": "../x"}'])
def test_a_damaged_pointer_is_named_and_set_anew_by_the_next_ingestion(tmp_path: Path, content: str) -> None:
    store = SnapshotStore(tmp_path)
    snapshot = store.write("river", make_panel([3]))
    (tmp_path / "river" / "latest.json").write_text(content)
    with pytest.raises(StorageError, match="dataset river"):
        store.latest("river")
    assert store.write("river", make_panel([3])) == snapshot == store.latest("river")


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.storage.panels import make_panel
from forecasting.storage import SnapshotStore

replace = Path.replace

def write_killed_at(moment, root):
    renames = 0

    def killed(self, target):
        nonlocal renames
        if renames == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        renames += 1
        return replace(self, target)

    Path.replace = killed
    SnapshotStore(root).write("river", make_panel([9]))

for moment, root in enumerate(sys.argv[1:]):
    child = os.fork()
    if not child:
        write_killed_at(moment, Path(root))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status))
"""


def test_a_writer_killed_before_either_rename_leaves_the_last_good_snapshot(tmp_path: Path) -> None:
    folders, old = [tmp_path / "before the file", tmp_path / "before the pointer"], make_panel([3])
    kept = [SnapshotStore(folder).write("river", old) for folder in folders]
    checkout = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", KILLED, *map(str, folders)]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == [str(-signal.SIGKILL)] * 2, done.stderr
    for moment, (folder, snapshot) in enumerate(zip(folders, kept, strict=True)):
        store = SnapshotStore(folder)
        assert len([name for name in files(folder) if name.endswith(".part")]) == 1
        assert store.latest("river") == snapshot
        assert_same(store.read(snapshot), old)
        assert len(store.history("river")) == 1 + moment
        assert store.write("river", make_panel([9])) == store.latest("river")


def test_what_a_killed_writer_left_is_removed_after_an_hour_and_not_before(tmp_path: Path) -> None:
    parts = [tmp_path / "river" / f".{age}.part" for age in ("old", "new")]
    parts[0].parent.mkdir()
    for part, age in zip(parts, (7200, 1800), strict=True):
        part.touch()
        os.utime(part, (time.time() - age, time.time() - age))
    SnapshotStore(tmp_path).write("river", make_panel([3]))
    assert [part.exists() for part in parts] == [False, True]


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"dataset river, file .*: the snapshot cannot be written"):
        SnapshotStore(tmp_path / "file").write("river", make_panel([1]))


def test_every_kind_of_time_axis_is_tried_above() -> None:
    units = {make_panel([2], frequency=f, calendar=c, tz=z).frequency.unit for f, c, z in GRIDS}
    assert units == {"day", "microsecond", "month", "step", "session"}
