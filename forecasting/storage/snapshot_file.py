"""One snapshot as a Parquet file: its digest, writing it, and reading it back."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from forecasting.errors import StorageError
from forecasting.panel import Frequency, Panel

_META = b"forecasting"
_FORMAT = 1
_CELLS = {"age": "<f8", "count": "<i8"}


def digest(panel: Panel) -> str:
    """SHA-256 of what the panel says: ids, times, values, cells, frequency and time zone, in hexadecimal.

    It does not depend on the file format, the byte order or the bits of a NaN; it does depend on the order of the
    series.
    """
    head = {
        "format": _FORMAT,
        "frequency": panel.frequency.alias,
        "calendar": panel.frequency.calendar,
        "tz": panel.tz,
        "times": "int64" if panel.frequency.is_step else "datetime64[us]",
        "ids": [str(name) for name in panel.ids],
    }
    values = _plain_nan(panel.values)
    hasher = hashlib.sha256(json.dumps(head, sort_keys=True, separators=(",", ":")).encode())
    for array, kind in ((panel.indptr, "<i8"), (panel.times.view("int64"), "<i8"), (values, "<f8")):
        hasher.update(np.ascontiguousarray(array, dtype=kind).tobytes())
    for name, kind in _CELLS.items() if panel.cells else ():
        hasher.update(np.ascontiguousarray(_plain_nan(panel.cells[name]), dtype=kind).tobytes())
    return hasher.hexdigest()


def _plain_nan(values: np.ndarray) -> np.ndarray:
    """The same values with one kind of NaN and of zero."""
    return np.where(np.isnan(values), np.nan, values + 0.0)


def describe(dataset: str, panel: Panel, key: str, notices: tuple[Any, ...]) -> dict[str, Any]:
    """What is kept beside the rows, as JSON values."""
    ends = panel.stamps(np.array([panel.times.min(), panel.times.max()]))
    first, last = (str(end) if panel.frequency.is_step else pd.Timestamp(end).isoformat() for end in ends)
    return {
        "format": _FORMAT,
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


def write_rows(path: Path, panel: Panel, description: dict[str, Any]) -> None:
    """Write columns ``unique_id``, ``ds`` (UTC where the panel has a time zone), ``y`` and the cells, if there are any,
    and the description."""
    zone = None if panel.tz is None else "UTC"
    kind = pa.int64() if panel.frequency.is_step else pa.timestamp("us", tz=zone)
    table = pa.table(
        {
            "unique_id": pa.array(np.repeat(panel.ids, panel.lengths), type=pa.string()),
            "ds": pa.array(panel.times.view("int64")).cast(kind),
            "y": pa.array(panel.values, type=pa.float64()),
            **{name: pa.array(column) for name, column in panel.cells.items()},
        }
    )
    pq.write_table(table.replace_schema_metadata({_META: json.dumps(description)}), path, compression="zstd")


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
    if description.get("format") != _FORMAT:
        problem = f"the snapshot has format {description.get('format')}, this version reads {_FORMAT}"
        raise StorageError(problem, remedy="Update the package.", file=path)
    return description


def read_rows(path: Path) -> Panel:
    """The panel, after its digest has been compared with the one it was written under.

    Raises
    ------
    StorageError
        The file is absent or damaged.
    """
    description = read_description(path)
    try:
        table = pq.read_table(path, read_dictionary=["unique_id"], partitioning=None)
        panel = _panel(table, description)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise _damaged(path, "it cannot be read") from error
    if digest(panel) != description["digest"]:
        raise _damaged(path, "its content does not have the digest that it was written under")
    return panel


def _panel(table: pa.Table, description: dict[str, Any]) -> Panel:
    codes, ids = _runs(table["unique_id"])
    frequency = Frequency.parse(description["frequency"], description["calendar"])
    times = table["ds"].cast(pa.int64()).to_numpy()
    return Panel(
        values=table["y"].to_numpy(),
        times=times if frequency.is_step else times.view("datetime64[us]"),
        indptr=codes,
        ids=ids,
        frequency=frequency,
        tz=description["tz"],
        cells={name: table[name].to_numpy() for name in _CELLS if name in table.column_names},
    )


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
