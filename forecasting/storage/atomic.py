"""Writing a file so that readers see the old content or the new, and never a part."""

import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

_ABANDONED_SECONDS = 3600.0
_SUFFIX = ".part"


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a file beside ``path``, bring it to the disk, then rename it.

    What a killed writer left behind is removed after an hour.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent)
    beside = path.parent / f".{path.name}.{uuid.uuid4().hex}{_SUFFIX}"
    try:
        write(beside)
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """The rename itself has to reach the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    for part in folder.glob(f".*{_SUFFIX}"):
        try:
            if time.time() - part.stat().st_mtime > _ABANDONED_SECONDS:
                part.unlink()
        except FileNotFoundError:
            continue
