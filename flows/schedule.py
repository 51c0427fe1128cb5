"""`forecast schedule`: every data set with a cron entry is run at its times, until stopped.

Each such data set becomes a deployment of the pipeline flow; a runner asks the Prefect server for due runs and starts
each in a fresh process. One run of a data set at a time: one that is due while the last one still runs is cancelled,
for the running one reads the newest data anyway.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from forecasting.errors import CatalogError

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.deployments.runner import RunnerDeployment

    from forecasting.settings import Settings
    from forecasting.sources import DataSet

RUNNER_NAME = "forecast-schedule"


def scheduled_datasets(settings: "Settings") -> "list[DataSet]":
    """The data sets of the catalog that have a schedule.

    Raises
    ------
    CatalogError
        The catalog is wrong, or no data set has a schedule.
    """
    from forecasting.sources import read_catalog

    found = [dataset for dataset in read_catalog(settings.catalog_path).values() if dataset.schedule is not None]
    if not found:
        raise CatalogError(
            "no data set has a schedule",
            remedy='Give one a schedule, for example schedule = { cron = "0 6 * * *", timezone = "UTC" }.',
            file=settings.catalog_path,
        )
    return found


def deployments(datasets: "Iterable[DataSet]") -> "list[RunnerDeployment]":
    """One deployment of the pipeline flow for each data set, named as the data set."""
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.deployments.runner import RunnerDeployment
    from prefect.schedules import Cron
    from prefect.types.entrypoint import EntrypointType

    from flows.pipeline import pipeline

    return [
        RunnerDeployment.from_flow(
            pipeline,
            name=dataset.name,
            schedule=Cron(dataset.schedule.cron, timezone=dataset.schedule.timezone),
            parameters={"names": [dataset.name]},
            description=f"{dataset.title}: snapshot, training where needed, forecast.",
            tags=["forecasting", dataset.name],
            concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        for dataset in datasets
        if dataset.schedule is not None
    ]


def serve(datasets: "Iterable[DataSet]", *, limit: int, on_ready: Callable[[], None]) -> None:
    """Serve the schedules of these data sets until SIGINT, SIGTERM or SIGHUP.

    On the way out the schedules are paused, so that no runs pile up while nothing serves them, and runs in progress
    are stopped.

    Parameters
    ----------
    datasets : iterable of DataSet
    limit : int
        How many data sets may be run at the same time.
    on_ready : callable
        Called without arguments as soon as due runs are looked for.

    """
    asyncio.run(_serve(deployments(datasets), limit, on_ready))


async def _serve(served: "list[RunnerDeployment]", limit: int, on_ready: Callable[[], None]) -> None:
    from prefect.runner import Runner

    runner = Runner(name=RUNNER_NAME, limit=limit, pause_on_shutdown=True)
    for deployment in served:
        await _cancel_overdue(await runner.aadd_deployment(deployment))
    stop = asyncio.Event()
    running = asyncio.create_task(runner.start())
    while not runner.started and not running.done():
        await asyncio.sleep(0.05)
    # The runner sets its own handler for SIGTERM when it starts, which ends the process half-way: ours come after.
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    on_ready()
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        stopping.cancel()
        await running
        return
    await runner.astop()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def _cancel_overdue(deployment_id: "UUID") -> None:
    """Of the runs that became due while nothing served them keep the last; it reads the newest data, as each would."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.client.schemas.sorting import FlowRunSort
    from prefect.states import Cancelled

    overdue = FlowRunFilter.model_validate(
        {
            "deployment_id": {"any_": [deployment_id]},
            "state": {"type": {"any_": ["SCHEDULED"]}},
            "expected_start_time": {"before_": datetime.now(UTC)},
        }
    )
    async with get_client() as client:
        runs = await client.read_flow_runs(flow_run_filter=overdue, sort=FlowRunSort.EXPECTED_START_TIME_DESC)
        for run in runs[1:]:
            await client.set_flow_run_state(run.id, Cancelled(message="Missed while nothing served it."), force=True)
