"""The flow that forecasts with the champion."""

from flows.artifacts import publish_forecast
from flows.prefect_api import NO_CACHE, flow, task
from flows.results import ForecastResult
from flows.retry import RETRY_DELAYS, may_help
from flows.steps import forecast_dataset
from forecasting.settings import read_settings


@task(
    name="forecast",
    task_run_name="forecast {name}",
    description="Forecast with the champion from the newest snapshot, and write to the ledger.",
    retries=len(RETRY_DELAYS),
    retry_delay_seconds=RETRY_DELAYS,
    retry_condition_fn=may_help,
    cache_policy=NO_CACHE,
)
def forecast_task(name: str, horizon: int | None = None, output: str | None = None) -> ForecastResult:
    """Forecast with the champion from the newest snapshot, and write to the ledger."""
    result = forecast_dataset(read_settings(), name, horizon=horizon, output=output)
    publish_forecast(result)
    return result


@flow(
    name="forecast",
    flow_run_name="forecast {name}",
    description="Forecast a data set with its champion, and write to the ledger.",
)
def forecast(name: str, horizon: int | None = None, output: str | None = None) -> ForecastResult:
    """Forecast a data set with its champion from the newest snapshot, and write to the ledger.

    Parameters
    ----------
    name : str
        Name of a data set of the catalog.
    horizon : int, optional
        Steps ahead; the data set's horizon if not given.
    output : str, optional
        A .csv or .parquet file to write the forecasts to as well.
    """
    return forecast_task(name, horizon, output)
