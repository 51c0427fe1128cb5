"""One snapshot as a Parquet file: its digest, writing it, and reading it back.

Without covariates a file has format 1. With them it has format 2: further columns, and behind the rows of each series
the steps ahead of which covariates are known, whose ``y`` is null (a step that was not observed is NaN).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from forecasting.errors import StorageError
from forecasting.panel import Frequency, Panel, Roles, no_steps_ahead

_META = b"forecasting"
_PLAIN, _COVERED = 1, 2
CELL = "cell "
"""What the names of the columns of cells begin with."""
_CELLS = {"age": np.nan, "count": 0}
"""What steps are made of where observations came at irregular times, and what stands there ahead of them."""


def digest(panel: Panel, ahead: Panel | None = None) -> str:
    """SHA-256 of what the panel says, and what is known ahead of it, in hexadecimal.

    That is ids, times, values, cells, frequency, time zone, and covariates by name. It does not depend on the file
    format, the byte order, the bits of a NaN or the order of covariates; it does depend on the order of the series.
    """
    head: dict[str, Any] = {
        "format": _PLAIN,
        "frequency": panel.frequency.alias,
        "calendar": panel.frequency.calendar,
        "tz": panel.tz,
        "times": "int64" if panel.frequency.is_step else "datetime64[us]",
        "ids": [str(name) for name in panel.ids],
    }
    parts = [_ints(panel.indptr), _ints(panel.times), _floats(panel.values)]
    kinds = {"along": panel.covariates, "static": panel.static, "ahead": {} if ahead is None else ahead.covariates}
    if any(kinds.values()):
        head |= {"format": _COVERED} | {kind: sorted(columns) for kind, columns in kinds.items()}
        parts += [part for columns in kinds.values() for name in sorted(columns) for part in _column(columns[name])]
        parts += [_ints(ahead.indptr), _ints(ahead.times)] if ahead is not None and ahead.covariates else []
    parts += [_floats(panel.cells["age"]), _ints(panel.cells["count"])] if panel.cells else []
    hasher = hashlib.sha256(_text(head))
    for part in parts:
        hasher.update(part)
    return hasher.hexdigest()


def _text(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _ints(array: np.ndarray) -> bytes:
    return np.ascontiguousarray(array.view("int64"), dtype="<i8").tobytes()


def _floats(array: np.ndarray) -> bytes:
    return np.ascontiguousarray(np.where(np.isnan(array), np.nan, array + 0.0), dtype="<f8").tobytes()


def _column(column: np.ndarray) -> list[bytes]:
    """Numbers as they are; categories as the number of each, -1 where it is missing, and their names."""
    if column.dtype != object:
        return [b"numbers", _floats(column)]
    codes, names = pd.factorize(column, sort=True)
    return [b"categories", _text(list(names)), _ints(codes.astype(np.int64))]


def describe(dataset: str, panel: Panel, ahead: Panel | None, key: str, notices: tuple[Any, ...]) -> dict[str, Any]:
    """What is kept beside the rows, as JSON values."""
    ends = panel.stamps(np.array([panel.times.min(), panel.times.max()]))
    first, last = (str(end) if panel.frequency.is_step else pd.Timestamp(end).isoformat() for end in ends)
    said = {
        "format": _PLAIN,
        "dataset": dataset,
        "digest": key,
        "rows": len(panel.values),
        "series": panel.n_series,
        "first": first,
        "last": last,
        "frequency": panel.frequency.alias,
        "calendar": panel.frequency.calendar,
        "tz": panel.tz,
        "created": datetime.now(UTC).isoformat(timespec="microseconds"),
        "notices": [
            {"kind": n.kind, "message": n.message, "series": list(n.series), "count": int(n.count)} for n in notices
        ],
    }
    said |= {"cells": True} if panel.cells else {}
    if not (panel.covariates or panel.static):
        return said
    future = () if ahead is None else tuple(ahead.covariates)
    past = tuple(name for name in panel.covariates if name not in future)
    return said | {
        "format": _COVERED,
        "roles": Roles(past, future, tuple(panel.static)).as_dict(),
        "steps_ahead": 0 if ahead is None else len(ahead.values),
        "history": digest(panel),
    }


def write_rows(path: Path, panel: Panel, ahead: Panel | None, description: dict[str, Any]) -> None:
    """Write ``unique_id``, ``ds`` (UTC where the panel has a zone), ``y``, covariates, cells; and the description."""
    zone = None if panel.tz is None else "UTC"
    kind = pa.int64() if panel.frequency.is_step else pa.timestamp("us", tz=zone)
    ahead = no_steps_ahead(panel) if ahead is None else ahead
    series = np.concatenate([panel.series_index, ahead.series_index])
    order = np.argsort(series, kind="stable")
    columns: dict[str, Any] = {
        "unique_id": pa.array(panel.ids[series[order]], type=pa.string()),
        "ds": pa.array(np.concatenate([panel.times, ahead.times])[order].view("int64")).cast(kind),
        "y": pa.array(
            np.concatenate([panel.values, ahead.values])[order], type=pa.float64(), mask=order >= len(panel.values)
        ),
    }
    for name, column in panel.covariates.items():
        missing = np.full(len(ahead.values), None if column.dtype == object else np.nan, dtype=column.dtype)
        columns[name] = _array(np.concatenate([column, ahead.covariates.get(name, missing)])[order])
    columns |= {name: _array(column[series[order]]) for name, column in panel.static.items()}
    for name, column in panel.cells.items():
        missing = np.full(len(ahead.values), _CELLS[name], dtype=column.dtype)
        columns[CELL + name] = pa.array(np.concatenate([column, missing])[order])
    table = pa.table(columns).replace_schema_metadata({_META: json.dumps(description)})
    pq.write_table(table, path, compression="zstd")


def _array(column: np.ndarray) -> pa.Array:
    return pa.array(column, type=pa.string() if column.dtype == object else pa.float64())


def read_description(path: Path) -> dict[str, Any]:
    """The description alone, without reading the rows.

    Raises
    ------
    StorageError
        The file is absent, or is no snapshot that this version can read.
    """
    try:
        with pq.ParquetFile(path) as file:
            description: dict[str, Any] = json.loads((file.schema_arrow.metadata or {})[_META])
    except FileNotFoundError as error:
        raise StorageError("the snapshot is not there", remedy="Ingest the data set again.", file=path) from error
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise _damaged(path, "it cannot be read") from error
    if description.get("format") not in (_PLAIN, _COVERED):
        problem = f"the snapshot has format {description.get('format')}, this version reads {_PLAIN} and {_COVERED}"
        raise StorageError(problem, remedy="Update the package.", file=path)
    return description


def read_rows(path: Path) -> tuple[Panel, Panel]:
    """The panel and what is known ahead, after their digest has been compared with the one they were written under.

    Raises
    ------
    StorageError
        The file is absent or damaged.
    """
    description = read_description(path)
    try:
        table = pq.read_table(path, read_dictionary=["unique_id"], partitioning=None)
        panel, ahead = _panels(table, description)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise _damaged(path, "it cannot be read") from error
    if digest(panel, ahead) != description["digest"]:
        raise _damaged(path, "its content does not have the digest that it was written under")
    return panel, ahead


def _panels(table: pa.Table, description: Mapping[str, Any]) -> tuple[Panel, Panel]:
    """The rows with a value or NaN, and those whose value is null."""
    begins, ids = _runs(table["unique_id"])
    frequency = Frequency.parse(description["frequency"], description["calendar"])
    times = table["ds"].cast(pa.int64()).to_numpy()
    roles = {
        role: description["roles"][role] if "roles" in description else [] for role in ("past", "future", "static")
    }
    order = [name for name in table.column_names if name in {*roles["past"], *roles["future"]}]
    along = {name: _read_column(table[name]) for name in order}
    static = {name: _read_column(table[name])[begins[:-1]] for name in roles["static"]}
    behind = table["y"].is_null().to_numpy()
    series = np.repeat(np.arange(len(ids)), np.diff(begins))

    def part(rows: np.ndarray, names: list[str], static: dict[str, np.ndarray]) -> Panel:
        return Panel(
            values=table["y"].to_numpy()[rows],
            times=(times if frequency.is_step else times.view("datetime64[us]"))[rows],
            indptr=np.searchsorted(series[rows], np.arange(len(ids) + 1)),
            ids=ids,
            frequency=frequency,
            tz=description["tz"],
            covariates={name: along[name][rows] for name in names},
            static=static,
        )

    names = _CELLS if description.get("cells") else ()
    cells = {name: table[CELL + name].to_numpy()[~behind] for name in names}
    panel = replace(part(~behind, order, static), cells=cells)
    return panel, part(behind, [name for name in order if name in roles["future"]], {})


def _read_column(column: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_floating(column.type):
        return np.asarray(column.to_numpy())
    return np.array(column.to_pylist(), dtype=object)


def _runs(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Where each run of equal ids begins, int64 array of shape (n_series + 1,), and the ids of the runs."""
    joined = column.unify_dictionaries().combine_chunks()
    joined = joined.chunk(0) if isinstance(joined, pa.ChunkedArray) else joined
    codes = joined.indices.to_numpy()
    begins = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))
    names = np.array(joined.dictionary.to_pylist(), dtype=object)
    return np.append(begins, len(codes)).astype(np.int64), names[codes[begins]]


def _damaged(path: Path, how: str) -> StorageError:
    return StorageError(
        f"the snapshot is damaged: {how}", remedy="Ingest the data set again; it is then replaced.", file=path
    )
