"""The flow that trains, compares and registers a model."""

from flows.artifacts import publish_training
from flows.prefect_api import NO_CACHE, flow, flow_run, task
from flows.prefect_settings import flow_run_page
from flows.results import TrainResult
from flows.retry import RETRY_DELAYS, may_help
from flows.steps import train_dataset
from forecasting.settings import read_settings


@task(
    name="train",
    task_run_name="train {name}",
    description="Backtest, fit on everything, log and register.",
    retries=len(RETRY_DELAYS),
    retry_delay_seconds=RETRY_DELAYS,
    retry_condition_fn=may_help,
    cache_policy=NO_CACHE,
)
def train_task(name: str, snapshot: str | None = None, force: bool = False) -> TrainResult:
    """Backtest, fit on everything, log and register; then publish the artifacts of the run page."""
    settings = read_settings()
    result = train_dataset(
        settings,
        name,
        snapshot=snapshot,
        force=force,
        flow_run_id=flow_run.id,
        flow_run_url=flow_run_page(settings, flow_run.id),
    )
    publish_training(result)
    return result


@flow(
    name="train",
    flow_run_name="train {name}",
    description="Train a model, compare it with the naive forecast, register it.",
)
def train(name: str, snapshot: str | None = None, force: bool = False) -> TrainResult:
    """Train a model on a snapshot, compare it with the seasonal naive forecast, and register it.

    Parameters
    ----------
    name : str
        Name of a data set of the catalog.
    snapshot : str, optional
        Digest of the snapshot; the newest one if not given.
    force : bool
        Train even if a model with the same training key is registered.
    """
    return train_task(name, snapshot, force)
