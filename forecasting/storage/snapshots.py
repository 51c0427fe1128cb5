"""The snapshot store: what was ingested, kept under the digest of its content, one folder per data set."""

import json
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forecasting.errors import StorageError
from forecasting.panel import Notice, Panel
from forecasting.storage import snapshot_file
from forecasting.storage.atomic import write_atomically

logger = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Snapshot:
    """What was ingested of a data set at one time.

    Attributes
    ----------
    dataset, digest : str
        The digest is the SHA-256 of the content, 64 hexadecimal digits.
    path : Path
        The Parquet file.
    rows, series : int
    first, last : str
        Earliest and latest time: ISO 8601 in the data's time zone, or integer steps as text.
    frequency : str
        Canonical alias.
    calendar, tz : str or None
    created : str
        When this content was first written, ISO 8601 in UTC.
    notices : tuple of Notice
        What the gate remarked when this content was first written.
    """

    dataset: str
    digest: str
    path: Path
    rows: int
    series: int
    first: str
    last: str
    frequency: str
    calendar: str | None
    tz: str | None
    created: str
    notices: tuple[Notice, ...] = ()


class SnapshotStore:
    """Snapshots below one folder: ``root/DATASET/DIGEST.parquet`` and ``root/DATASET/latest.json``.

    Files are written beside and renamed, the pointer last; a writer that is killed at any moment leaves the last good
    snapshot in use.

    Parameters
    ----------
    root : Path
        Made when the first snapshot is written.
    """

    def __init__(self, root: Path) -> None:
        """Remember the folder; nothing is made yet."""
        self.root = Path(root)

    def write(self, dataset: str, panel: Panel, notices: Iterable[Notice] = ()) -> Snapshot:
        """Keep a panel and make it the latest of its data set; content that is there already is not written again.

        Raises
        ------
        StorageError
            The panel is empty, has covariates, which snapshots do not keep, or the folder cannot be written to.
        """
        folder = self._folder(dataset)
        if not panel.n_series or (panel.lengths == 0).any():
            raise StorageError("an empty series cannot be kept", remedy="Leave it out.", dataset=dataset)
        if panel.covariates or panel.static:
            names = ", ".join([*panel.covariates, *panel.static])
            raise StorageError(
                f"snapshots do not keep covariates ({names})",
                remedy="Keep panel.choose([], []), or fit an estimator on the panel itself.",
                dataset=dataset,
            )
        key = snapshot_file.digest(panel)
        path = folder / f"{key}.parquet"
        try:
            if not _is_whole(path):
                description = snapshot_file.describe(dataset, panel, key, tuple(notices))
                write_atomically(path, lambda beside: snapshot_file.write_rows(beside, panel, description))
            self._point(folder, key)
        except StorageError:
            raise
        except OSError as error:
            problem = f"the snapshot cannot be written ({error.strerror or error})"
            raise StorageError(
                problem, remedy="Check the disk and its permissions.", dataset=dataset, file=path
            ) from error
        return self.get(dataset, key)

    def latest(self, dataset: str) -> Snapshot:
        """The snapshot that was written last.

        Raises
        ------
        StorageError
            Nothing was ingested yet, or the pointer or the snapshot is damaged.
        """
        pointer = self._folder(dataset) / "latest.json"
        try:
            key = str(json.loads(pointer.read_text(encoding="utf-8"))["digest"])
        except FileNotFoundError as error:
            remedy = f"Run: forecast ingest {dataset}."
            raise StorageError("nothing was ingested yet", remedy=remedy, dataset=dataset) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            remedy = "Ingest the data set again."
            raise StorageError("the pointer is damaged", remedy=remedy, dataset=dataset, file=pointer) from error
        return self.get(dataset, key)

    def get(self, dataset: str, digest: str) -> Snapshot:
        """The snapshot with this digest.

        Raises
        ------
        StorageError
            There is none, or it is damaged.
        """
        if not _DIGEST.fullmatch(digest):
            raise StorageError(f"{digest!r} is no digest", remedy="Give 64 hexadecimal digits.", dataset=dataset)
        return _snapshot(self._folder(dataset) / f"{digest}.parquet")

    def read(self, snapshot: Snapshot) -> Panel:
        """The panel of a snapshot, its digest verified.

        Raises
        ------
        StorageError
            The file is absent or damaged, or holds something else than the snapshot says.
        """
        panel = snapshot_file.read_rows(snapshot.path)
        if snapshot_file.digest(panel) != snapshot.digest:
            problem = "the file does not hold the content of this snapshot"
            raise StorageError(
                problem, remedy="Ingest the data set again.", dataset=snapshot.dataset, file=snapshot.path
            )
        return panel

    def history(self, dataset: str) -> list[Snapshot]:
        """All snapshots of a data set, the oldest first; empty if there is none.

        Raises
        ------
        StorageError
            One of them is damaged.
        """
        found = [_snapshot(path) for path in self._folder(dataset).glob("*.parquet") if _DIGEST.fullmatch(path.stem)]
        return sorted(found, key=lambda snapshot: (snapshot.created, snapshot.digest))

    def _folder(self, dataset: str) -> Path:
        if not _NAME.fullmatch(dataset):
            problem = f"{dataset!r} cannot be the name of a folder"
            raise StorageError(problem, remedy="Use letters, digits, '-' and '_' only, at most 100.", dataset=dataset)
        return self.root / dataset

    @staticmethod
    def _point(folder: Path, key: str) -> None:
        pointer = {"digest": key, "since": datetime.now(UTC).isoformat(timespec="microseconds")}
        target = folder / "latest.json"
        if target.exists() and _pointed(target) == key:
            return
        write_atomically(target, lambda beside: _write_text(beside, json.dumps(pointer) + "\n"))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _pointed(pointer: Path) -> str | None:
    """The digest that a pointer names, None if it is damaged."""
    try:
        return str(json.loads(pointer.read_text(encoding="utf-8"))["digest"])
    except (ValueError, KeyError, TypeError):
        return None


def _is_whole(path: Path) -> bool:
    """Whether the file is there and undamaged; a damaged one is reported, and then written anew."""
    if not path.exists():
        return False
    try:
        panel = snapshot_file.read_rows(path)
    except StorageError as error:
        logger.warning("%s It is written anew.", error)
        return False
    return snapshot_file.digest(panel) == path.stem


def _snapshot(path: Path) -> Snapshot:
    said = snapshot_file.read_description(path)
    if said["digest"] != path.stem:
        raise StorageError("the snapshot has another digest than its file name", remedy="Ingest again.", file=path)
    notices = tuple(Notice(**{**notice, "series": tuple(notice["series"])}) for notice in said["notices"])
    known: dict[str, Any] = {key: value for key, value in said.items() if key not in ("format", "notices")}
    return Snapshot(**known, path=path, notices=notices)
