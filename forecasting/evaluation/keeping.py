"""What of a backtest is kept on disk so that an interrupted one goes on, and the digests that tell what it is of."""

import hashlib
import inspect
import json
import logging
import sys
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from forecasting.errors import ParameterError
from forecasting.evaluation.origins import Contestant, Part, Windows
from forecasting.panel import Panel

_LOG = logging.getLogger(__name__)
_CODE = {"panel", "scaling", "smoothing", "targets", "windows", "network", "estimators", "evaluation"}


@cache
def code_digest() -> str:
    """Digest of the source files that decide what a model of this package learns and forecasts."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        place = file.relative_to(root)
        if place.parts[0].removesuffix(".py") in _CODE:
            digest.update(f"{place.as_posix()}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def panel_digest(panel: Panel) -> str:
    """Digest of everything that a panel holds."""
    from joblib import hash as digest_of

    held = {field.name: getattr(panel, field.name) for field in fields(panel)}
    return str(
        digest_of(
            {name: value if isinstance(value, np.ndarray | Mapping) else repr(value) for name, value in held.items()}
        )
    )


class Kept:
    """The finished fits of one estimator in a folder: a file of arrays for each, nothing pickled.

    Parameters
    ----------
    folder : Path
        Where the fits of all backtests may be kept. Those of this one have a folder of their own in it, named by a
        digest of the data, the windows, the estimator's class, parameters and code.
    contestant : Contestant
    data : str
        `panel_digest` of the data.
    windows : Windows

    Raises
    ------
    ParameterError
        The estimator has a parameter that cannot be pickled, which the digest is made from.
    """

    def __init__(self, folder: Path, contestant: Contestant, data: str, windows: Windows) -> None:
        about = {
            "estimator": _identity(contestant.estimator),
            "parameters": _state_digest(contestant),
            "name": contestant.name,
            "code": _code_of(type(contestant.estimator)),
            "data": data,
            "windows": asdict(windows),
        }
        text = json.dumps(about, indent=1, sort_keys=True)
        self.folder = folder / hashlib.sha256(text.encode()).hexdigest()[:24]
        self._about = text

    def read(self, fit: int) -> Part | None:
        """A finished fit; None where there is none, or its file is damaged."""
        path = self._path(fit)
        try:
            with np.load(path, allow_pickle=False) as file:
                facts = json.loads(str(file["facts"]))
                return Part(tuple(facts.pop("columns")), file["values"], **facts)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            _LOG.warning("%s cannot be read (%s): its windows are forecast again", path, error)
            return None

    def write(self, fit: int, part: Part) -> None:
        """Keep a finished fit: the file is written beside its place and renamed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "about.json").write_text(self._about, encoding="utf-8")
        facts = {field.name: getattr(part, field.name) for field in fields(part) if field.name != "values"}
        beside = self.folder / f".{uuid.uuid4().hex}.npz"
        try:
            np.savez(beside, values=part.values, facts=np.array(json.dumps(facts)))
            beside.replace(self._path(fit))
        finally:
            beside.unlink(missing_ok=True)

    def _path(self, fit: int) -> Path:
        return self.folder / f"fit-{fit:04d}.npz"


def _identity(estimator: Any) -> str:
    return f"{type(estimator).__module__}.{type(estimator).__qualname__}"


def _state_digest(contestant: Contestant) -> str:
    """Digest of the parameters, or of the whole object where it has no ``get_params``."""
    from joblib import hash as digest_of

    estimator = contestant.estimator
    try:
        return str(digest_of(estimator.get_params() if hasattr(estimator, "get_params") else estimator))
    except Exception as error:  # noqa: BLE001  # whatever pickling an unknown object raises
        raise ParameterError(
            f"{contestant.title} cannot be told apart from others, because it cannot be pickled ({error})",
            parameter="folder",
            remedy="Leave out the folder, or give parameters that can be pickled",
        ) from None


def _code_of(kind: type) -> str:
    """Digest of the code behind an estimator: of this package, or the source file of the class and its version."""
    package = kind.__module__.partition(".")[0]
    if package == "forecasting":
        return code_digest()
    try:
        source = Path(inspect.getsourcefile(kind) or "").read_bytes()
    except (OSError, TypeError):
        source = b""
    version = getattr(sys.modules.get(package), "__version__", "")
    return f"{package} {version} {hashlib.sha256(source).hexdigest()}"
