"""Files that the catalog names."""

from pathlib import Path

from forecasting.errors import SourceError


def located(path: str, base: Path) -> Path:
    """The file that a catalog entry means: relative paths begin at ``base``.

    Raises
    ------
    SourceError
        There is no such file.
    """
    file = base / Path(path).expanduser()
    if not file.is_file():
        problem = "this is not a file" if file.exists() else "there is no such file"
        remedy = "Correct the path in the catalog; relative paths begin at FORECASTING_HOME."
        raise SourceError(problem, remedy=remedy, file=file)
    return file


def read_bytes(path: str, base: Path) -> tuple[str, bytes]:
    """Name and content of the file.

    Raises
    ------
    SourceError
        The file is absent or cannot be read.
    """
    file = located(path, base)
    try:
        return str(file), file.read_bytes()
    except OSError as error:
        problem = f"the file cannot be read ({error.strerror})"
        raise SourceError(problem, remedy="Check its permissions and its disk.", file=file) from error
