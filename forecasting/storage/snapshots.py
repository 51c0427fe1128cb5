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
from forecasting.panel import Notice, Panel, Roles
from forecasting.storage import snapshot_file
from forecasting.storage.atomic import write_atomically

logger = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NONE = Roles()


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
    roles : Roles
        The covariates, by what is known of them.
    steps_ahead : int
        Steps behind the ends of all series of which covariates are known.
    history : str
        The digest without what is known ahead of the ends: it says what a model learns from.
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
    roles: Roles = _NONE
    steps_ahead: int = 0
    history: str = ""


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

    def write(
        self, dataset: str, panel: Panel, notices: Iterable[Notice] = (), *, ahead: Panel | None = None
    ) -> Snapshot:
        """Keep a panel and make it the latest of its data set; content that is there already is not written again.

        Parameters
        ----------
        dataset : str
        panel : Panel
            With its covariates.
        notices : iterable of Notice
        ahead : Panel, optional
            What is known ahead, from `forecasting.panel.lay_ahead`; its covariates are those that are known ahead.

        Raises
        ------
        StorageError
            The panel is empty, a covariate has the name of another column, or the folder cannot be written to.
        """
        folder = self._folder(dataset)
        if not panel.n_series or (panel.lengths == 0).any():
            raise StorageError("an empty series cannot be kept", remedy="Leave it out.", dataset=dataset)
        cells = [snapshot_file.CELL + name for name in panel.cells]
        columns = ["unique_id", "ds", "y", *panel.covariates, *panel.static, *cells]
        if len(set(columns)) < len(columns):
            twice = next(name for name in columns if columns.count(name) > 1)
            raise StorageError(
                "two columns have this name", remedy="Rename the covariate.", dataset=dataset, column=twice
            )
        key = snapshot_file.digest(panel, ahead)
        path = folder / f"{key}.parquet"
        try:
            if not _is_whole(path):
                description = snapshot_file.describe(dataset, panel, ahead, key, tuple(notices))
                write_atomically(path, lambda beside: snapshot_file.write_rows(beside, panel, ahead, description))
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
        return self.read_with_ahead(snapshot)[0]

    def read_with_ahead(self, snapshot: Snapshot) -> tuple[Panel, Panel]:
        """The panel of a snapshot and what is known ahead of its ends, the digest verified.

        Returns
        -------
        panel, ahead : Panel
            The same series, each of the second beginning one step behind its end, or empty; without values, and with
            the covariates known ahead alone.

        Raises
        ------
        StorageError
            As for `read`.
        """
        panel, ahead = snapshot_file.read_rows(snapshot.path)
        if snapshot_file.digest(panel, ahead) != snapshot.digest:
            problem = "the file does not hold the content of this snapshot"
            raise StorageError(
                problem, remedy="Ingest the data set again.", dataset=snapshot.dataset, file=snapshot.path
            )
        return panel, ahead

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
        panel, ahead = snapshot_file.read_rows(path)
    except StorageError as error:
        logger.warning("%s It is written anew.", error)
        return False
    return snapshot_file.digest(panel, ahead) == path.stem


def _snapshot(path: Path) -> Snapshot:
    said = snapshot_file.read_description(path)
    if said["digest"] != path.stem:
        raise StorageError("the snapshot has another digest than its file name", remedy="Ingest again.", file=path)
    notices = tuple(Notice(**{**notice, "series": tuple(notice["series"])}) for notice in said["notices"])
    roles = Roles(**{role: tuple(names) for role, names in said.get("roles", {}).items()})
    known: dict[str, Any] = {"history": said["digest"], **said, "roles": roles, "notices": notices, "path": path}
    return Snapshot(**{key: value for key, value in known.items() if key not in ("format", "cells")})
