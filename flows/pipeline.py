"""The main job as a flow: ingest, train where needed, forecast."""

from flows.forecast import forecast_task
from flows.ingest import ingest_task
from flows.prefect_api import flow, flow_run, get_run_logger
from flows.results import DatasetResult, ErrorRecord, PipelineError
from flows.train import train_task


def _flow_run_name() -> str:
    return f"run {' '.join(flow_run.parameters['names'])}"


@flow(
    name="pipeline",
    flow_run_name=_flow_run_name,
    description="For each data set: take a snapshot, train if data, configuration or code changed, forecast.",
)
def pipeline(names: list[str]) -> tuple[DatasetResult, ...]:
    """Ingest, train where needed, and forecast, for one data set after the other.

    A data set that fails does not keep the others from being done; the flow run fails at the end.

    Parameters
    ----------
    names : list of str
        Names of data sets of the catalog.

    Raises
    ------
    PipelineError
        At least one data set failed; the error carries the results of all.
    """
    results = tuple(_run_dataset(name) for name in names)
    if any(result.error is not None for result in results):
        raise PipelineError(results)
    return results


def _run_dataset(name: str) -> DatasetResult:
    ingested = trained = forecasted = error = None
    try:
        ingested = ingest_task(name)
        trained = train_task(name, ingested.digest, wait_for=[ingested])
        forecasted = forecast_task(name, wait_for=[trained])
    except Exception as problem:  # noqa: BLE001  (told in the result; the other data sets go on)
        error = ErrorRecord.of(problem)
        get_run_logger().error(error.message)
    return DatasetResult(name, ingested, trained, forecasted, error)
