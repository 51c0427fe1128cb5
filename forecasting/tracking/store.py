"""The connection to the tracking store: where it is, what it says when it fails, and the experiment of a data set."""

import logging
import os
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from forecasting.errors import ForecastingError, TrackingError
from forecasting.settings import masked

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from forecasting.settings import Settings

_REACHED_WITHIN = 5.0  # seconds that a server has for its first answer
_LONGEST_REASON = 300  # characters
_GATEWAY_ERRORS = {502, 503, 504}  # a proxy answers, the server behind it does not

# Set only where the environment says nothing. They must stand before mlflow is imported: it reads some at import.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # A request that fails is repeated after 0, 2 and 4 seconds. MLflow's own default goes on for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    # With a uv.lock in the current directory MLflow would copy that project's files into every model.
    "MLFLOW_UV_AUTO_DETECT": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # Otherwise the end of every run is announced on standard output.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_DATABASES = {"sqlite", "postgresql", "mysql", "mssql"}
# The folder for artifacts that MLflow notes in a database when it makes one; ./mlruns if this is not set.
_ARTIFACT_ROOT = "_MLFLOW_SERVER_ARTIFACT_ROOT"
_CHATTY_LOGGERS = ("mlflow", "alembic")


def configure(settings: "Settings") -> "MlflowClient":
    """Point MLflow at the store of ``settings``, without noise, and make sure that it answers.

    Sets the tracking and the registry address for this process and its children. Nothing is written to the current
    directory; a local SQLite store is created, with its folder, on first use.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    MlflowClient
        Bound to that address.

    Raises
    ------
    TrackingError
        If the server does not answer within a few seconds, or the store cannot be opened.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    uri = settings.tracking_uri
    if is_server(uri):
        _require_answer(uri)
    elif _is_database(uri):
        settings.artifacts.mkdir(parents=True, exist_ok=True)

    import mlflow

    for name in _CHATTY_LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    with tracking_errors("opening the tracking store", uri):
        if mlflow.get_tracking_uri() != uri:
            mlflow.set_tracking_uri(uri)
        if mlflow.get_registry_uri() != uri:
            mlflow.set_registry_uri(uri)
        return _open_database(settings) if _is_database(uri) else mlflow.MlflowClient(uri, uri)


def is_server(uri: str) -> bool:
    """Whether a tracking address is one of a server, and not of a database or a folder."""
    return uri.startswith(("http://", "https://"))


def page_url(server: str, page: str = "experiments") -> str:
    """The address of a page of a tracking server, opened in its mode for training models.

    Parameters
    ----------
    server : str
        ``http://host:port``; a user name and password in it are left out.
    page : str, default "experiments"
        ``experiments/<id>/runs/<id>``, ``models/<name>``, ...
    """
    return f"{_bare(server)}/#/{page}?workflowType=machine_learning"


def _bare(server: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//", server).rstrip("/")


def _is_database(uri: str) -> bool:
    return uri.split(":", 1)[0].split("+", 1)[0] in _DATABASES


def _open_database(settings: "Settings") -> "MlflowClient":
    """Let MLflow make its tables if there are none, with every experiment's artifacts below the home."""
    from mlflow import MlflowClient

    before = os.environ.get(_ARTIFACT_ROOT)
    os.environ[_ARTIFACT_ROOT] = settings.artifacts.as_uri()
    try:
        client = MlflowClient(settings.tracking_uri, settings.tracking_uri)
        client.search_experiments(max_results=1)
        return client
    finally:
        if before is None:
            del os.environ[_ARTIFACT_ROOT]
        else:
            os.environ[_ARTIFACT_ROOT] = before


@contextmanager
def tracking_errors(doing: str, uri: str, *, dataset: str | None = None) -> Iterator[None]:
    """Turn whatever MLflow and its stores raise into one `TrackingError`: what was being done, where, and why not."""
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except ForecastingError:
        raise
    except (MlflowException, RequestException, SQLAlchemyError, OSError, ImportError) as error:
        raise TrackingError(
            f"{doing} failed at {masked(uri)}: {_reason(error)}",
            remedy="`forecast doctor` shows which stores and servers answer",
            dataset=dataset,
        ) from error


def _reason(error: Exception) -> str:
    """The first line of an error, without passwords; the many layers of a failed connection in three words."""
    text = masked(str(error).strip().split("\n")[0])
    if "Max retries exceeded" in text or "Read timed out" in text:
        return "the server does not answer"
    return text[:_LONGEST_REASON].rstrip(".") or type(error).__name__


def experiment_id(client: "MlflowClient", settings: "Settings", dataset: str, title: str | None) -> str:
    """The experiment of a data set; it is made if there is none.

    Artifacts of a database without a server go below ``settings.artifacts``; a server decides by itself where it keeps
    them.

    Raises
    ------
    TrackingError
        If the experiment was deleted in MLflow (its name stays taken until it is restored or purged).
    """
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

    location = (settings.artifacts / dataset).as_uri() if _is_database(settings.tracking_uri) else None
    tags = {
        "mlflow.note.content": f"**{title or dataset}**: trainings of the forecasting model. Each run "
        "compares the network with the seasonal naive forecast on the same test windows; its model is registered as "
        f"`{dataset}`.",
        "mlflow.experimentKind": "custom_model_development",
    }
    with tracking_errors("opening the experiment", settings.tracking_uri, dataset=dataset):
        found = client.get_experiment_by_name(dataset)
        if found is None:
            try:
                return str(client.create_experiment(dataset, artifact_location=location, tags=tags))
            except MlflowException as error:
                if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
                    raise
                found = client.get_experiment_by_name(dataset)  # another process was faster
    if found is None or found.lifecycle_stage != "active":
        raise TrackingError(
            f"the experiment {dataset} was deleted in MLflow at {masked(settings.tracking_uri)}",
            remedy=f"Restore it: mlflow experiments restore --experiment-id {found.experiment_id if found else '?'}",
            dataset=dataset,
        )
    return str(found.experiment_id)


def _require_answer(uri: str) -> None:
    """Fail at once, and in words, when no server answers at the address."""
    try:
        with urllib.request.urlopen(f"{_bare(uri)}/health", timeout=_REACHED_WITHIN):
            return
    except urllib.error.HTTPError as error:
        if error.code not in _GATEWAY_ERRORS:
            return  # it answers: what it refuses without credentials, MLflow asks for with them
        reason = f"it answers {error.code} {error.reason}"
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLError):
            return  # certificates are checked by MLflow, with its own settings
        reason = str(error.reason)
    except (OSError, ValueError) as error:
        reason = str(error)
    raise TrackingError(
        f"the MLflow server {masked(uri)} cannot be reached ({reason})",
        remedy="Start it, or correct or unset MLFLOW_TRACKING_URI (without it a local store is used)",
    )
