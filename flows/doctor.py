"""`forecast doctor`: is everything there that the main job needs, and in which version."""

import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flows.local_servers import answers, running_servers
from flows.prefect_settings import state_folder
from forecasting.errors import ForecastingError
from forecasting.settings import Settings, masked, open_database, read_settings

DISTRIBUTION = "rnn-forecasting"
_VERSIONS = ("tensorflow", "keras", "mlflow", "prefect", "pandas", "scikit-learn")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    name : str
    state : "ok", "note" or "broken"
        A note is worth knowing and keeps nothing from working.
    detail : str
    """

    name: str
    state: Literal["ok", "note", "broken"]
    detail: str


def is_well(checks: Sequence[Check]) -> bool:
    """Whether nothing is broken."""
    return all(check.state != "broken" for check in checks)


def examine(*, full: bool = False) -> list[Check]:
    """Look at everything.

    Parameters
    ----------
    full : bool
        Import TensorFlow in a process of its own to see its devices, which takes about ten seconds.
    """
    checks = [_versions(), _requirements(), _device(full=full)]
    try:
        settings = read_settings()
    except ForecastingError as error:
        return [*checks, Check("home", "broken", str(error))]
    named: list[tuple[str, Callable[[Settings], Check]]] = [
        ("home", _home),
        ("catalog", _catalog),
        ("snapshots", _snapshots),
        ("database", _database),
        ("MLflow", _mlflow),
        ("Prefect", _prefect),
    ]
    for name, look in named:
        try:
            checks.append(look(settings))
        except ForecastingError as error:
            checks.append(Check(name, "broken", str(error)))
    return checks


def _versions() -> Check:
    found = [
        f"Python {platform.python_version()}",
        *(f"{name} {_version(name)}" for name in (DISTRIBUTION, *_VERSIONS)),
    ]
    return Check("versions", "ok", ", ".join(found))


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _requirements() -> Check:
    """Whether what is installed is what this package asks for; other versions are known to fail in quiet ways."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(text) for text in importlib.metadata.requires(DISTRIBUTION) or []]
    except importlib.metadata.PackageNotFoundError:
        return Check("requirements", "note", f"{DISTRIBUTION} is not installed as a package; nothing to compare with")
    wrong = []
    needed = [
        requirement
        for requirement in wanted
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    ]
    for requirement in needed:
        version = _version(requirement.name)
        if version == "not installed" or not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} is {version}, needed is {requirement.specifier or 'any version'}")
    if wrong:
        return Check("requirements", "broken", "; ".join(wrong) + ". Install the package again, with its requirements")
    return Check(
        "requirements", "ok", f"all {len(needed)} packages in the range that this version is known to work with"
    )


def _device(*, full: bool) -> Check:
    cores = f"{os.cpu_count()} CPU cores"
    driver = Path("/proc/driver/nvidia/version").exists()
    if not full:
        text = "an NVIDIA driver is there; --full shows whether TensorFlow uses it" if driver else "no NVIDIA driver"
        return Check("device", "ok", f"{cores}, {text}")
    program = "import tensorflow as tf; print(','.join(d.name for d in tf.config.list_physical_devices()))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=tempfile.gettempdir(),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Check("device", "broken", f"TensorFlow cannot be imported: {reason}")
    devices = done.stdout.strip().splitlines()[-1]
    if driver and "GPU" not in devices:
        return Check("device", "note", f"{cores}; an NVIDIA driver is there, but TensorFlow sees only {devices}")
    return Check("device", "ok", f"{cores}; TensorFlow sees {devices}")


def _home(settings: Settings) -> Check:
    return _writable("home", settings.home)


def _catalog(settings: Settings) -> Check:
    from forecasting.sources import read_catalog

    names = list(read_catalog(settings.catalog_path))
    return Check("catalog", "ok", f"{settings.catalog_path}: {', '.join(names)}")


def _snapshots(settings: Settings) -> Check:
    return _writable("snapshots", settings.snapshots)


def _writable(name: str, folder: Path) -> Check:
    """Whether a file can be made in the folder, or, as long as it does not exist, in the nearest one above."""
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return Check(name, "broken", f"{existing} cannot be written to: {error.strerror}")
    return Check(name, "ok", f"{folder}" if existing == folder else f"{folder} (made on first use)")


def _database(settings: Settings) -> Check:
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    shown = masked(settings.database_url)
    file = settings.database_url.removeprefix("sqlite:///")
    if file != settings.database_url and not Path(file).exists():
        return Check("database", _writable("", Path(file).parent).state, f"{shown} (made on first use)")
    engine = open_database(settings.database_url)
    try:
        with engine.connect() as connection:
            connection.execute(text("select 1"))
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        return Check("database", "broken", f"{shown} cannot be reached: {reason}")
    finally:
        engine.dispose()
    return Check("database", "ok", f"{shown} answers")


def _mlflow(settings: Settings) -> Check:
    uri = settings.tracking_uri
    if uri.startswith(("http://", "https://")):
        if answers(f"{uri.rstrip('/')}/health", timeout=5):
            return Check("MLflow", "ok", f"{masked(uri)} answers")
        return Check("MLflow", "broken", f"{masked(uri)} does not answer. Start it, or unset MLFLOW_TRACKING_URI")
    place = masked(uri)
    return Check(
        "MLflow",
        _writable("", settings.artifacts).state,
        f"{place}, no server needed; artifacts in {settings.artifacts}",
    )


def _prefect(settings: Settings) -> Check:
    configured = settings.prefect_api_url
    if configured is not None:
        if answers(f"{configured.rstrip('/')}/health", timeout=5):
            return Check("Prefect", "ok", f"{masked(configured)} answers")
        return Check("Prefect", "broken", f"{masked(configured)} does not answer. Start it, or unset PREFECT_API_URL")
    local = running_servers(state_folder(settings)).get("prefect")
    if local is not None:
        return Check("Prefect", "ok", f"{local} runs (started by this home's `forecast ui` or `forecast schedule`)")
    return Check("Prefect", "ok", "no server configured: `forecast run` starts a temporary one")
