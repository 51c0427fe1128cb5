"""What the results look like in a terminal, and the documents that consist of more than one result."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from flows.results import AuditResult, DatasetResult, ForecastResult, IngestResult, SeriesAccuracy, TrainResult
from forecasting.evaluation.metrics import POOLED
from forecasting.settings import masked

if TYPE_CHECKING:
    from flows.doctor import Check
    from flows.servers import Interface
    from forecasting.sources import DataSet

_MOST_ROWS = 40


def datasets_document(path: Path, datasets: "Iterable[DataSet]") -> dict[str, Any]:
    """The catalog as a document."""
    return {"catalog": str(path), "datasets": [dataset.model_dump(mode="json") for dataset in datasets]}


def datasets_view(path: Path, datasets: "Sequence[DataSet]") -> list[RenderableType]:
    """The catalog as a table."""
    table = _table("Data sets")
    for title in ("name", "title", "source", "frequency"):
        table.add_column(title, overflow="fold")
    table.add_column("horizon", justify="right")
    table.add_column("schedule")
    for dataset in datasets:
        schedule = "" if dataset.schedule is None else f"{dataset.schedule.cron} ({dataset.schedule.timezone})"
        table.add_row(
            Text(dataset.name, style="bold"),
            escape(dataset.title),
            dataset.source.kind,
            str(dataset.frequency) if dataset.calendar is None else f"sessions of {dataset.calendar}",
            str(dataset.horizon),
            schedule,
        )
    return [table, line("catalog", str(path))]


def ingest_view(result: IngestResult) -> list[RenderableType]:
    """A snapshot, and what was noticed about the data."""
    state = "new snapshot" if result.changed else "same content as the last snapshot"
    series = f"{result.series:,} series" if result.series != 1 else "1 series"
    grid = f"frequency {result.frequency}" if result.calendar is None else f"sessions of {result.calendar}"
    head = Text.assemble(
        (result.dataset, "bold"),
        f"  {state} {result.digest[:12]}: {result.rows:,} steps in {series}, ",
        f"{_short(result.first)} to {_short(result.last)}, {grid}",
    )
    covariates = [line("  covariates", _covariates(result))] if result.covariates else []
    return [head, *covariates, *(_notice(notice.kind, notice.message) for notice in result.notices)]


def _covariates(result: IngestResult) -> str:
    titles = {"past": "known up to the present", "future": "known ahead", "static": "static"}
    words = {role: f"{titles[role]}: {', '.join(names)}" for role, names in result.covariates.items()}
    if "future" in words:
        words["future"] += f" (for {result.steps_ahead:,} steps behind the ends)"
    return "; ".join(words.values())


def train_view(results: Sequence[TrainResult]) -> list[RenderableType]:
    """Accuracy against the naive forecast for each series, which model forecasts, and where to look."""
    if not results:
        return []
    return [Text(), accuracy_table(results), *(_model_line(result) for result in results), *_places(results)]


def _places(results: Sequence[TrainResult]) -> list[RenderableType]:
    """Where to look; lines of their own that are never wrapped, so that they can be copied."""
    width = max(len(result.dataset) for result in results)
    return [
        Text.assemble((f"{result.dataset:<{width}}", "bold"), f"  {what}  {where}")
        for result in results
        for what, where in (("report", result.report or result.report_url), ("MLflow", result.run_url))
    ]


def _model_line(result: TrainResult) -> Text:
    state = "was trained and registered" if result.trained else "is up to date, not trained again"
    text = Text.assemble((result.dataset, "bold"), f"  model version {result.version} {state}")
    if result.champion == result.version:
        return text.append("; it is the champion")
    return text.append(
        f"; the champion stays version {result.champion} until its alias is moved (MLflow, Models, {result.dataset})",
        style="yellow",
    )


def accuracy_table(results: Sequence[TrainResult]) -> Table:
    """MASE of the model and of the seasonal naive forecast on the same test windows, the better one marked."""
    table = _table("Accuracy on test windows that the model did not see (MASE: less is better)")
    table.add_column("data set")
    table.add_column("series", overflow="fold")
    table.add_column("MASE\nSimpleRNN", justify="right")
    table.add_column("MASE\nseasonal naive", justify="right")
    table.add_column("better")
    table.add_column("coverage of\ninterval", justify="right")
    table.add_column("test windows", justify="right")
    for result in results:
        for number, row in enumerate(_shown_rows(result)):
            first = number == 0
            table.add_row(
                Text(f"{result.dataset} v{result.version}" if first else "", style="bold"),
                f"all {result.series} series" if row.series == POOLED else row.series,
                Text(f"{row.mase:.3f}", style="bold green" if row.better == "SimpleRNN" else ""),
                Text(f"{row.naive_mase:.3f}", style="bold yellow" if row.better == "seasonal naive" else ""),
                row.better,
                "" if result.level is None else f"{row.coverage:.0f} % of {result.level} %",
                f"{result.test_windows} x {result.horizon} steps" if first else "",
            )
        hidden = result.series - _MOST_ROWS
        if hidden > 0:
            table.add_row("", f"{hidden} more series: see the report")
        table.add_section()
    return table


def _shown_rows(result: TrainResult) -> tuple[SeriesAccuracy, ...]:
    if result.series <= _MOST_ROWS:
        return result.accuracy
    return (*result.accuracy[:_MOST_ROWS], result.accuracy[-1])


def forecast_view(result: ForecastResult) -> list[RenderableType]:
    """The first forecast steps, and what was written."""
    table = _table(f"{result.dataset}: forecast with model version {result.model_version}")
    table.add_column("series", overflow="fold")
    table.add_column("time")
    table.add_column("forecast", justify="right")
    table.add_column("" if result.level is None else f"{result.level} % interval", justify="right")
    before = None
    for step in result.steps:
        interval = "" if result.level is None else f"{_number(step.low)} to {_number(step.high)}"
        name = step.series if step.series != before else ""
        table.add_row(name, step.ds, Text(_number(step.forecast), style="bold"), interval)
        before = step.series
    views: list[RenderableType] = [table]
    if result.rows > len(result.steps):
        rest = (
            f"{result.rows - len(result.steps):,} more rows: {result.series:,} series with {result.horizon} steps each"
        )
        views.append(Text(rest, style="dim"))
    views.append(ledger_line(result))
    if result.output is not None:
        views.append(line("forecasts", result.output))
    return views


def ledger_line(result: ForecastResult) -> Text:
    """What the ledger took."""
    kept = f"{result.rows_written:,} new rows" if result.rows_written else "unchanged"
    return Text.assemble(
        (result.dataset, "bold"), f"  {result.rows:,} forecasts, {result.first} to {result.last}; ledger: {kept}"
    )


def audit_view(result: AuditResult) -> list[RenderableType]:
    """How each stage took what was overwritten, and the findings in words."""
    table = _table(f"{result.dataset}: leakage audit, {result.seconds:.0f} s")
    table.add_column("stage")
    for title in ("held", "moved", "refused", "other"):
        table.add_column(title, justify="right")
    table.add_column("largest change", justify="right")
    table.add_column("in the control it")
    for row in result.stages:
        moved = Text(str(row.moved), style="bold red" if row.moved else "")
        table.add_row(
            row.stage, str(row.held), moved, str(row.refused), str(row.other), f"{row.change:.3g}", row.control
        )
    verdict, *rest = result.words
    return [table, Text(verdict, style="green" if result.passed else "bold red"), *map(Text, rest)]


def run_document(results: Sequence[DatasetResult]) -> dict[str, Any]:
    """The pipeline's results as one document; with ``error`` where a data set failed."""
    document: dict[str, Any] = {"datasets": list(results)}
    errors = [result.error for result in results if result.error is not None]
    if errors:
        document["error"] = errors[0]
    return document


def run_view(results: Sequence[DatasetResult]) -> list[RenderableType]:
    """All that was done: the data, the forecasts, their accuracy against the naive forecast, and where to look."""
    views: list[RenderableType] = []
    for result in results:
        if result.ingest is not None:
            views.extend(ingest_view(result.ingest))
    for result in results:
        if result.forecast is not None:
            views.extend([Text(), *forecast_view(result.forecast)])
    views.extend(train_view([result.train for result in results if result.train is not None]))
    if any(result.error is None for result in results):
        views.append(Text("`forecast ui` shows the runs in the browser", style="dim"))
    return views


def interfaces_view(interfaces: "Sequence[Interface]") -> list[RenderableType]:
    """The addresses of the user interfaces."""
    titles = {"mlflow": "MLflow (runs, models)", "prefect": "Prefect (flow runs, schedules)"}
    table = Table.grid(padding=(0, 2))
    for interface in interfaces:
        table.add_row(Text(titles[interface.name], style="bold"), interface.url, Text(interface.note, style="yellow"))
    views: list[RenderableType] = [table]
    prefect = next(interface for interface in interfaces if interface.name == "prefect")
    if prefect.started:
        views.append(
            Text(
                "The `forecast` commands of this home report to this Prefect server while it runs; "
                f"for other programs set PREFECT_API_URL={prefect.url}/api",
                style="dim",
            )
        )
    if any(interface.started for interface in interfaces):
        views.append(Text("Ctrl-C stops what was started here.", style="dim"))
    return views


def schedule_document(url: str, datasets: "Sequence[DataSet]") -> dict[str, Any]:
    """What is served, and by which server."""
    return {
        "prefect_api_url": masked(url),
        "schedules": [
            {"dataset": dataset.name, "cron": dataset.schedule.cron, "timezone": dataset.schedule.timezone}
            for dataset in datasets
            if dataset.schedule is not None
        ],
    }


def schedule_view(url: str, datasets: "Sequence[DataSet]") -> list[RenderableType]:
    """What is served, as a table."""
    table = _table("Scheduled data sets")
    for title in ("name", "cron", "time zone"):
        table.add_column(title)
    for dataset in datasets:
        if dataset.schedule is not None:
            table.add_row(Text(dataset.name, style="bold"), dataset.schedule.cron, dataset.schedule.timezone)
    return [
        table,
        line("Prefect", masked(url).removesuffix("/api")),
        Text("Ctrl-C stops and pauses the schedules.", style="dim"),
    ]


def doctor_view(checks: "Sequence[Check]") -> list[RenderableType]:
    """The checks, one line each."""
    marks = {"ok": ("ok", "green"), "note": ("note", "yellow"), "broken": ("broken", "bold red")}
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column()
    table.add_column(overflow="fold")
    for check in checks:
        text, style = marks[check.state]
        table.add_row(Text(text, style=style), Text(check.name, style="bold"), check.detail)
    return [table]


def line(label: str, where: str) -> Text:
    """Where to look."""
    return Text.assemble((label, "bold"), f"  {where}")


def _notice(kind: str, message: str) -> Text:
    return Text.assemble(("  ! ", "yellow"), (f"{kind}: ", "yellow"), message)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=box.SIMPLE_HEAD)


def _short(time: str) -> str:
    return time.removesuffix("T00:00:00")


def _number(value: float) -> str:
    return f"{value:,.6g}"
