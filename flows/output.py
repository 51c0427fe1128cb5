"""The file that forecasts are written to on request."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from forecasting.errors import ParameterError, StorageError

if TYPE_CHECKING:
    import pandas as pd

_SUFFIXES = (".csv", ".parquet")


def check_output(path: Path | str) -> Path:
    """The absolute path, if a table can be written there.

    Raises
    ------
    ParameterError
        Another suffix than .csv or .parquet, or the folder does not exist.
    """
    target = Path(path).expanduser().absolute()
    if target.suffix.lower() not in _SUFFIXES:
        raise ParameterError(
            f"cannot write a file of type {target.suffix or 'without suffix'!r}",
            remedy="Give a name that ends in .csv or .parquet.",
            file=target,
        )
    if not target.parent.is_dir():
        raise ParameterError("the folder does not exist", remedy=f"Make {target.parent} first.", file=target)
    if target.is_dir():
        raise ParameterError("this is a folder", remedy="Give the name of a file.", file=target)
    return target


def write_output(frame: "pd.DataFrame", path: Path) -> None:
    """Write the frame beside the target and rename it, so that no half-written file is ever seen.

    Raises
    ------
    StorageError
        The folder cannot be written to.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.suffix.lower() == ".csv":
            frame.to_csv(beside, index=False)
        else:
            frame.to_parquet(beside, index=False)
        beside.replace(path)
    except OSError as error:
        raise StorageError(f"cannot be written: {error}", file=path) from error
    finally:
        beside.unlink(missing_ok=True)
