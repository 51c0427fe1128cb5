"""The flow that takes a snapshot of a data set."""

from flows.prefect_api import NO_CACHE, flow, task
from flows.results import IngestResult
from flows.retry import RETRY_DELAYS, may_help
from flows.steps import ingest_dataset
from forecasting.settings import read_settings


@task(
    name="ingest",
    task_run_name="ingest {name}",
    description="Read the source, check it, and keep a snapshot.",
    retries=len(RETRY_DELAYS),
    retry_delay_seconds=RETRY_DELAYS,
    retry_condition_fn=may_help,
    cache_policy=NO_CACHE,
)
def ingest_task(name: str) -> IngestResult:
    """Read the source, check it, and keep a snapshot."""
    return ingest_dataset(read_settings(), name)


@flow(
    name="ingest",
    flow_run_name="ingest {name}",
    description="Read a data set from its source, check it, keep a snapshot.",
)
def ingest(name: str) -> IngestResult:
    """Read a data set from its source, check it, and keep a snapshot.

    Parameters
    ----------
    name : str
        Name of a data set of the catalog.
    """
    return ingest_task(name)
