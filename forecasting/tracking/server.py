"""How the tracking server is started: its command line and its environment."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from forecasting.errors import TrackingError
from forecasting.tracking.facts import PACKAGE
from forecasting.tracking.store import is_server

if TYPE_CHECKING:
    from forecasting.settings import Settings

_CONFIGURATION = "server.env"


def server_command(settings: "Settings", host: str = "127.0.0.1", port: int = 5000) -> tuple[list[str], dict[str, str]]:
    """The MLflow server over the local store, with the settings of ``mlflow/server.env``.

    It serves the store that is used when no server is configured: what was logged directly is seen through the
    server, and the other way round. Variables that are already set in the environment win over the file.

    Parameters
    ----------
    settings : Settings
    host : str, default "127.0.0.1"
    port : int, default 5000

    Returns
    -------
    argv : list of str
        The server has a child process, which it stops when it is itself ended by SIGTERM or SIGINT.
    environment : dict of str to str
        The whole environment of the process.

    Raises
    ------
    TrackingError
        If the configuration is missing or has a line that is not ``NAME=value``.
    """
    uri = settings.tracking_uri
    store = f"sqlite:///{settings.home / 'mlflow' / 'mlflow.db'}" if is_server(uri) else uri
    settings.artifacts.mkdir(parents=True, exist_ok=True)
    root = settings.artifacts.as_uri()
    argv = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port)]
    argv += ["--backend-store-uri", store, "--artifacts-destination", root, "--default-artifact-root", root]
    environment = _configuration(settings) | os.environ
    environment.pop("MLFLOW_TRACKING_URI", None)  # the address of this very server, or of another one
    environment.pop("MLFLOW_REGISTRY_URI", None)
    return argv, environment


def _configuration(settings: "Settings") -> dict[str, str]:
    """The variables of the nearest configuration: of the home, of the checkout, of the installed package."""
    places = [settings.home / "mlflow", PACKAGE.parent / "mlflow", PACKAGE / "tracking"]
    found = next((place / _CONFIGURATION for place in places if (place / _CONFIGURATION).is_file()), None)
    if found is None:
        raise TrackingError(
            f"the server's configuration {_CONFIGURATION} is in none of {', '.join(map(str, places))}",
            remedy="Install the package again",
        )
    return _read(found)


def _read(file: Path) -> dict[str, str]:
    variables: dict[str, str] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise TrackingError(f"{text!r} is not of the form NAME=value", file=file, line=number)
        variables[name.strip()] = value.strip()
    return variables
