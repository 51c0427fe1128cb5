"""The environment that Prefect reads when it is imported.

Prefect takes its settings from environment variables at import time, so they are set here, in one place, before
:mod:`flows.prefect_api` imports it. What the user has set stays as it is.

Where Prefect keeps its files: ``PREFECT_HOME`` if set, otherwise ``.forecasting/prefect`` below ``FORECASTING_HOME``.
Every server that is started for this home uses the same folder and hence the same database, so that a run made with a
temporary server is seen in the UI later.
"""

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from flows.local_servers import HOST, reachable, running_servers
from forecasting.errors import SourceError
from forecasting.settings import Settings, masked, read_settings

PREFECT_PORT = 4200
MLFLOW_PORT = 5000
TEMPORARY = "temporary"
"""Name of the server that is started for one command; others do not use it."""


def state_folder(settings: Settings) -> Path:
    """Folder for what the servers and flows of this home leave behind: Prefect's files, server logs and addresses."""
    return settings.home / ".forecasting"


def prefect_environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that Prefect should see, without those that are set already.

    Parameters
    ----------
    settings : Settings
    environ : mapping of str to str
        The present environment; its values win.
    """
    wanted = {
        "FORECASTING_HOME": str(settings.home),
        "PREFECT_HOME": str(state_folder(settings) / "prefect"),
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "true",
        # A temporary server takes 10 to 30 s to start on a small machine; Prefect gives up after 20 s by itself.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        # What the project logs is shown on the page of the flow run.
        "PREFECT_LOGGING_EXTRA_LOGGERS": "forecasting,flows",
        # Outside of a flow run there is no page, and a program that imports the flows may log there.
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    }
    return {key: value for key, value in wanted.items() if key not in environ}


def api_url(settings: Settings) -> str | None:
    """Address of the Prefect API that flows report to: the configured one, else that of a running ``forecast ui``."""
    return settings.prefect_api_url or running_servers(state_folder(settings)).get("prefect")


def flow_run_page(settings: Settings, flow_run_id: str) -> str:
    """The page of a flow run: at the server that it reports to, or where a later ``forecast ui`` will show it."""
    local = running_servers(state_folder(settings))
    url = api_url(settings)
    if url is None or url == local.get(TEMPORARY):
        url = f"http://{HOST}:{PREFECT_PORT}"
    return f"{masked(url).rstrip('/').removesuffix('/api')}/runs/flow-run/{flow_run_id}"


def prepare(settings: Settings | None = None, environ: MutableMapping[str, str] = os.environ) -> None:
    """Set what Prefect reads; to be called before it is imported.

    Raises
    ------
    ParameterError
        ``FORECASTING_HOME`` is not set and this is not a checkout.
    """
    settings = settings or read_settings(environ)
    environ.update(prefect_environment(settings, environ))
    url = api_url(settings)
    if url is not None:
        environ["PREFECT_API_URL"] = url


def make_prefect_home(environ: Mapping[str, str] = os.environ) -> None:
    """Make the folder of ``PREFECT_HOME``; Prefect itself makes it only where the folder above is there."""
    Path(environ["PREFECT_HOME"]).expanduser().mkdir(parents=True, exist_ok=True)


def require_server(settings: Settings) -> None:
    """Fail at once, and in words, when nothing answers at the configured address of the Prefect API.

    Raises
    ------
    SourceError
        Nothing answers there within five seconds.
    """
    url = settings.prefect_api_url
    if url is not None and not reachable(f"{url.rstrip('/')}/health"):
        raise SourceError(
            f"the Prefect server {masked(url)} does not answer",
            remedy="Start it, or unset PREFECT_API_URL (flows then run with a temporary server)",
        )
