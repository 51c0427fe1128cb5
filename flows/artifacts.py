"""What a flow run shows on its page: accuracy against the naive forecast, links to the run and the report."""

import re

from flows.prefect_api import create_link_artifact, create_table_artifact
from flows.results import ForecastResult, ForecastStep, SeriesAccuracy, TrainResult
from forecasting.evaluation.metrics import POOLED


def artifact_key(dataset: str, what: str) -> str:
    """A key as Prefect allows it: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", f"{dataset}-{what}".lower()).strip("-")


def publish_training(result: TrainResult) -> None:
    """The accuracy table, and links to the MLflow run and to the report."""
    create_table_artifact(
        key=artifact_key(result.dataset, "accuracy"),
        table=accuracy_rows(result),
        description=(
            f"**{result.dataset}**, model version {result.version}: accuracy over {result.test_windows} test windows "
            f"of {result.horizon} steps that the model did not see, beside the seasonal naive forecast's on the same "
            f"windows. MASE is the error over the mean seasonal difference before the tests; less is better. Coverage "
            f"is the share of actual values inside the interval."
        ),
    )
    create_link_artifact(
        key=artifact_key(result.dataset, "mlflow-run"),
        link=result.run_url,
        link_text=f"MLflow run of {result.dataset} version {result.version}",
        description=f"Parameters, metrics, figures and model of **{result.dataset}** version {result.version}.",
    )
    file = "" if result.report is None else f", the file `{result.report}`"  # browsers open no file from a page
    create_link_artifact(
        key=artifact_key(result.dataset, "report"),
        link=result.report_url,
        link_text=f"Report of {result.dataset} version {result.version}",
        description=f"Report of **{result.dataset}** version {result.version}{file}",
    )


def publish_forecast(result: ForecastResult) -> None:
    """The first forecast steps."""
    create_table_artifact(
        key=artifact_key(result.dataset, "forecast"),
        table=[
            {
                "series": step.series,
                "time": step.ds,
                "forecast": _number(step.forecast),
                **_interval(result.level, step),
            }
            for step in result.steps
        ],
        description=(
            f"**{result.dataset}**, model version {result.model_version}: {len(result.steps)} of {result.rows} "
            f"forecasts ({result.series} series, {result.horizon} steps); {result.rows_written} are new in the ledger."
        ),
    )


def accuracy_rows(result: TrainResult) -> list[dict[str, str]]:
    """The accuracy table as text, one row a series."""
    return [
        {
            "series": f"all {result.series} series" if row.series == POOLED else row.series,
            "MASE SimpleRNN": f"{row.mase:.3f}",
            "MASE seasonal naive": f"{row.naive_mase:.3f}",
            "better": row.better,
            **_coverage(result.level, row),
        }
        for row in result.accuracy
    ]


def _number(value: float) -> str:
    return f"{value:,.6g}"


def _interval(level: int | None, step: ForecastStep) -> dict[str, str]:
    if level is None:
        return {}
    return {f"low {level} %": _number(step.low), f"high {level} %": _number(step.high)}


def _coverage(level: int | None, row: SeriesAccuracy) -> dict[str, str]:
    if level is None:
        return {}
    return {
        f"coverage of {level} % SimpleRNN": f"{row.coverage:.0f} %",
        f"coverage of {level} % seasonal naive": f"{row.naive_coverage:.0f} %",
    }
