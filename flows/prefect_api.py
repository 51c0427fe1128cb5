"""Prefect, imported after its environment is set: the one place from which the flows get it."""

from flows.prefect_settings import make_prefect_home, prepare

prepare()
make_prefect_home()

from prefect import flow, task  # noqa: E402  (the environment must stand first)
from prefect.artifacts import create_link_artifact, create_table_artifact  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.events.worker import EventsWorker  # noqa: E402
from prefect.logging import get_run_logger  # noqa: E402
from prefect.logging.handlers import APILogWorker  # noqa: E402
from prefect.runtime import flow_run  # noqa: E402

__all__ = [
    "NO_CACHE",
    "create_link_artifact",
    "create_table_artifact",
    "finish_reporting",
    "flow",
    "flow_run",
    "get_run_logger",
    "task",
]


def finish_reporting(seconds: float = 30.0) -> None:
    """Return when all that was logged and reported so far has reached the server, or after so many seconds each."""
    EventsWorker.drain_all(timeout=seconds)
    APILogWorker.drain_all(timeout=seconds)
