"""Snapshots with covariates: everything comes back, everything is in the digest, and those without are as they were."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.errors import StorageError
from forecasting.panel import Panel, Roles, known_rows, no_steps_ahead
from forecasting.storage import SnapshotStore
from forecasting.storage.snapshot_file import digest
from tests.storage.panels import make_panel, panels
from tests.storage.test_snapshots import assert_same

NAMES = ["heat", "sky", "sky ä", "price"]
CELLS = {
    True: st.one_of(st.none(), st.text(max_size=3), st.sampled_from(["sun", "rain", "None", "nan", ""])),
    False: st.one_of(st.just(np.nan), st.floats(allow_infinity=False, allow_nan=False)),
}


def column(draw: st.DrawFn, length: int, *, text: bool, whole: bool = False) -> np.ndarray:
    cells = CELLS[text].filter(lambda cell: cell is not None and cell == cell) if whole else CELLS[text]
    return np.array(draw(st.lists(cells, min_size=length, max_size=length)), dtype=object if text else np.float64)


def steps_behind(panel: Panel, lengths: list[int]) -> Panel:
    """The steps behind the ends of a panel, without values and covariates."""
    times = [panel.future_times(max(lengths))[series, :length] for series, length in enumerate(lengths)]
    return Panel(
        values=np.full(sum(lengths), np.nan),
        times=np.concatenate(times).astype(panel.times.dtype),
        indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        ids=panel.ids,
        frequency=panel.frequency,
        tz=panel.tz,
    )


@st.composite
def covered(draw: st.DrawFn) -> tuple[Panel, Panel]:
    """Any panel with any covariates, and steps behind some of its ends of which some of them are known."""
    panel = draw(panels())
    text = {name: draw(st.booleans()) for name in draw(st.lists(st.sampled_from(NAMES), unique=True))}
    static = {name: draw(st.booleans()) for name in draw(st.lists(st.sampled_from(["kind", "size"]), unique=True))}
    panel = replace(
        panel,
        covariates={name: column(draw, len(panel.values), text=kind) for name, kind in text.items()},
        static={name: column(draw, panel.n_series, text=kind, whole=True) for name, kind in static.items()},
    )
    known = draw(st.lists(st.sampled_from(list(text)), unique=True)) if text else []
    lengths = draw(st.lists(st.integers(0, 3), min_size=panel.n_series, max_size=panel.n_series)) if known else []
    if not sum(lengths):
        return panel, no_steps_ahead(panel, [name for name in text if name in known])
    ahead = steps_behind(panel, lengths)
    return panel, replace(
        ahead,
        covariates={name: column(draw, sum(lengths), text=text[name]) for name in text if name in known},
    )


def assert_columns(found, expected) -> None:
    assert list(found) == list(expected)
    for name, cells in expected.items():
        assert found[name].dtype == cells.dtype
        np.testing.assert_array_equal(found[name], cells)


@settings(max_examples=80)
@given(covered())
def test_every_panel_comes_back_with_its_covariates_and_what_is_known_ahead(tmp_path_factory, both) -> None:
    panel, ahead = both
    store = SnapshotStore(tmp_path_factory.getbasetemp() / "covered")
    snapshot = store.write("any", panel, ahead=ahead)
    found, behind = store.read_with_ahead(snapshot)
    for one, other in ((found, panel), (behind, ahead)):
        assert_same(one, other)
        assert_columns(one.covariates, other.covariates)
        assert_columns(one.static, other.static)
    assert_same(store.read(snapshot), panel)
    past = tuple(name for name in panel.covariates if name not in ahead.covariates)
    assert snapshot.roles == Roles(past, tuple(ahead.covariates), tuple(panel.static))
    assert snapshot.steps_ahead == len(ahead.values)
    assert snapshot.history == digest(panel)
    assert store.write("any", panel, ahead=ahead) == snapshot == store.latest("any")


def example() -> tuple[Panel, Panel]:
    panel = replace(
        make_panel([3, 2]),
        covariates={"heat": np.arange(5.0), "sky": np.array(["sun", None, "rain", "sun", "sun"], dtype=object)},
        static={"kind": np.array(["large", "small"], dtype=object), "size": np.array([5.0, 2.0])},
    )
    ahead = replace(steps_behind(panel, [2, 0]), covariates={"heat": np.array([5.0, np.nan])})
    return panel, ahead


def changed(panel: Panel, ahead: Panel) -> list[tuple[Panel, Panel]]:
    heat, sky, kind = panel.covariates["heat"], panel.covariates["sky"], panel.static["kind"]
    other_sky = np.array(["sun", None, "rain", "sun", "rain"], dtype=object)
    return [
        (replace(panel, covariates={"heat": heat + (np.arange(5) == 3), "sky": sky}), ahead),
        (replace(panel, covariates={"heat": heat, "sky": other_sky}), ahead),
        (replace(panel, covariates={"heat": heat, "clouds": sky}), ahead),
        (replace(panel, covariates={"heat": heat}), ahead),
        (replace(panel, static={**panel.static, "kind": kind[::-1]}), ahead),
        (replace(panel, static={"size": panel.static["size"]}), ahead),
        (panel, replace(ahead, covariates={"heat": np.array([5.0, 6.0])})),
        (panel, replace(ahead, times=ahead.times + np.timedelta64(1, "D"))),
        (panel, replace(steps_behind(panel, [1, 1]), covariates=ahead.covariates)),
        (panel, no_steps_ahead(panel, ["heat"])),
        (panel, no_steps_ahead(panel)),
        (panel, no_steps_ahead(panel, ["sky"])),
    ]


def test_the_digest_changes_with_everything_about_covariates() -> None:
    panel, ahead = example()
    found = [digest(panel, ahead), *(digest(*other) for other in changed(panel, ahead))]
    assert len(set(found)) == len(found)
    numbers = replace(panel, covariates={"heat": np.array(["0.0", "1.0", "2.0", "3.0", "4.0"], dtype=object)})
    assert digest(numbers) != digest(replace(panel, covariates={"heat": np.arange(5.0)}))


def test_the_digest_does_not_change_with_what_says_nothing() -> None:
    panel, ahead = example()
    turned = replace(panel, covariates=dict(reversed(panel.covariates.items())))
    assert digest(turned, ahead) == digest(panel, ahead)
    assert digest(panel, no_steps_ahead(panel)) == digest(panel) == digest(panel, None)
    minus = replace(
        panel, covariates={**panel.covariates, "heat": panel.covariates["heat"] * np.array([-1, 1, 1, 1, 1])}
    )
    assert digest(minus, ahead) == digest(panel, ahead)
    assert digest(panel, ahead) == "f378367f307f7be5e86d23bfb7668659c40f265229db5d9ae1e6da2f8402a3ef"


def test_what_is_known_ahead_is_no_part_of_the_history(tmp_path: Path) -> None:
    panel, ahead = example()
    store = SnapshotStore(tmp_path)
    before = store.write("shop", panel, ahead=ahead)
    after = store.write("shop", panel, ahead=replace(ahead, covariates={"heat": np.array([7.0, 8.0])}))
    assert before.digest != after.digest
    assert before.history == after.history != before.digest


def test_without_covariates_the_file_is_of_the_format_that_it_was(tmp_path: Path) -> None:
    panel = make_panel([3, 2], tz="Europe/Berlin")
    snapshot = SnapshotStore(tmp_path).write("river", panel, ahead=no_steps_ahead(panel))
    assert snapshot.digest == snapshot.history
    assert snapshot.digest == "09ab94311da61523863430eb80c78ee542c5b89ea4909ddbbed0bb37a1b93e3c"
    schema = pq.read_schema(snapshot.path)
    said = json.loads(schema.metadata[b"forecasting"])
    assert schema.names == ["unique_id", "ds", "y"]
    assert list(said) == [
        *("format", "dataset", "digest", "rows", "series", "first", "last"),
        *("frequency", "calendar", "tz", "created", "notices"),
    ]
    assert said["format"] == 1


def test_any_tool_reads_the_long_frame_that_a_forecaster_takes(tmp_path: Path) -> None:
    panel, ahead = example()
    frame = pd.read_parquet(SnapshotStore(tmp_path).write("shop", panel, ahead=ahead).path)
    assert list(frame) == ["unique_id", "ds", "y", "heat", "sky", "kind", "size"]
    assert frame["unique_id"].tolist() == ["s0"] * 5 + ["s1"] * 2
    assert frame["y"].isna().tolist() == [False, False, False, True, True, False, False]
    assert frame["heat"].dropna().tolist() == [0.0, 1.0, 2.0, 5.0, 3.0, 4.0]
    assert frame["kind"].tolist() == ["large"] * 5 + ["small"] * 2
    assert known_rows(ahead).to_dict("list") == {
        "unique_id": ["s0"],
        "ds": [pd.Timestamp("2024-01-05")],
        "heat": [5.0],
    }


def test_a_changed_covariate_in_the_file_is_noticed(tmp_path: Path) -> None:
    panel, ahead = example()
    store = SnapshotStore(tmp_path)
    snapshot = store.write("shop", panel, ahead=ahead)
    table = pq.read_table(snapshot.path)
    forged = table.to_pandas()
    forged.loc[3, "heat"] += 1
    pq.write_table(table.set_column(3, "heat", [forged["heat"].to_numpy()]), snapshot.path)
    with pytest.raises(StorageError, match="does not have the digest that it was written under"):
        store.read(snapshot)


def test_a_covariate_with_the_name_of_another_column_is_refused(tmp_path: Path) -> None:
    panel, _ = example()
    for other in (
        replace(panel, covariates={"y": np.arange(5.0)}),
        replace(panel, static={"sky": panel.static["kind"]}),
    ):
        with pytest.raises(StorageError, match="two columns have this name"):
            SnapshotStore(tmp_path).write("shop", other)
    assert not list(tmp_path.rglob("*.parquet"))
