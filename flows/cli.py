"""The `forecast` command.

Exit codes: 0 done, 1 failed, 2 bad input or usage, 130 interrupted. With ``--json`` standard output holds exactly one
JSON document; progress and errors go to standard error. Nothing heavy is imported before a command needs it.

``run`` is always a Prefect flow run: without a server a temporary one is started, which takes 10 to 20 seconds. The
single steps ``ingest``, ``train`` and ``predict`` are flow runs where a server is configured or runs locally, so that
they are seen in its UI; without one they run as plain function calls and start at once.
"""

import contextlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperGroup

from flows.prefect_settings import prepare, require_server
from flows.results import DatasetResult, ErrorRecord, PipelineError, as_document
from flows.terminal import Session, session

if TYPE_CHECKING:
    from forecasting.settings import Settings


class _Commands(TyperGroup):
    """The commands; with ``--json`` an error in the command line is a document as well."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """Run a command line and end the process with its exit code."""
        given = sys.argv[1:] if args is None else args
        try:
            code = super().main(args, *rest, **options | {"standalone_mode": False})
        except Exception as error:
            if not hasattr(error, "format_message"):
                raise
            from typer.rich_utils import rich_format_error

            if "--json" in given:
                record = ErrorRecord("UsageError", error.format_message(), error.format_message(), None, {}, 2)
                typer.echo(json.dumps(as_document({"error": record}), indent=2))
            rich_format_error(cast(Any, error))
            sys.exit(2)
        sys.exit(code if isinstance(code, int) else 0)


app = typer.Typer(
    name="forecast",
    cls=_Commands,
    help="Forecasts of the data sets of the catalog: ingest, train, predict, look, schedule.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a data set; `forecast datasets` lists them.")]
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Names of data sets.")]
Json = Annotated[bool, typer.Option("--json", help="Write the result as one JSON document.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the trace of an error.")]


@app.command()
def datasets(as_json: Json = False, debug: Debug = False) -> None:
    """List the data sets of the catalog."""
    with session(as_json=as_json, debug=debug) as terminal:
        from flows import views
        from forecasting.settings import read_settings
        from forecasting.sources import read_catalog

        path = read_settings().catalog_path
        found = list(read_catalog(path).values())
        terminal.show(views.datasets_document(path, found), *views.datasets_view(path, found))


@app.command()
def ingest(name: Name, as_json: Json = False, debug: Debug = False) -> None:
    """Read a data set from its source, check it, and keep a snapshot."""
    with session(as_json=as_json, debug=debug) as terminal:
        from flows import views

        settings = _settings_for([name])
        if _has_server():
            from flows.ingest import ingest as flow_run

            result = flow_run(name)
        else:
            from flows.steps import ingest_dataset

            result = ingest_dataset(settings, name)
        terminal.show(result, *views.ingest_view(result))


@app.command()
def train(
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="Train even if the model is up to date.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a model on the newest snapshot, compare it with the naive forecast, and register it."""
    with session(as_json=as_json, debug=debug) as terminal:
        from flows import views

        settings = _settings_for([name])
        if _has_server():
            from flows.train import train as flow_run

            result = flow_run(name, force=force)
        else:
            from flows.steps import train_dataset

            result = train_dataset(settings, name, force=force)
        terminal.show(result, *views.train_view([result]))


@app.command()
def predict(
    name: Name,
    horizon: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Steps ahead; the data set's horizon if not given.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the forecasts to this .csv or .parquet file.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Forecast from the newest snapshot with the champion, and write to the ledger."""
    with session(as_json=as_json, debug=debug) as terminal:
        from flows import views
        from flows.output import check_output

        settings = _settings_for([name])
        target = None if output is None else str(check_output(output))
        if _has_server():
            from flows.forecast import forecast as flow_run

            result = flow_run(name, horizon=horizon, output=target)
        else:
            from flows.steps import forecast_dataset

            result = forecast_dataset(settings, name, horizon=horizon, output=target)
        terminal.show(result, *views.forecast_view(result))


@app.command()
def run(names: Names, as_json: Json = False, debug: Debug = False) -> None:
    """Ingest, train where needed, and forecast, for one data set after the other."""
    with session(as_json=as_json, debug=debug) as terminal:
        from flows import views

        names = list(dict.fromkeys(names))
        settings = _settings_for(names)
        try:
            results = _run_pipeline(settings, names, terminal)
        except PipelineError as error:
            for result in error.results:
                if result.error is not None:
                    terminal.tell(result.error)
            terminal.show(views.run_document(error.results), *views.run_view(error.results))
            raise
        terminal.show(views.run_document(results), *views.run_view(results))


@app.command()
def audit(
    name: Name,
    cutoffs: Annotated[int, typer.Option(min=1, metavar="N", help="Cutoffs to try; each costs four fits.")] = 2,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Overwrite everything after a cutoff and show that nothing before it moves; exit code 1 if something does."""
    with session(as_json=as_json, debug=debug) as terminal:
        from flows import views
        from flows.audit import audit_dataset

        result = audit_dataset(_settings(), name, n_cutoffs=cutoffs)
        terminal.show(result, *views.audit_view(result))
        if not result.passed:
            raise typer.Exit(1)


@app.command()
def ui(
    mlflow_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the MLflow UI; 5000 or the next free one.")
    ] = None,
    prefect_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the Prefect UI; 4200 or the next free one.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Start the MLflow and the Prefect UI on this machine, until stopped with Ctrl-C."""
    with session(as_json=as_json, debug=debug) as terminal:
        from flows import servers, views

        settings = _settings()
        terminal.say("starting the servers (10 to 30 s)")
        with (
            servers.stop_signals(),
            servers.user_interfaces(settings, mlflow_port=mlflow_port, prefect_port=prefect_port) as (
                planned,
                interfaces,
            ),
        ):
            terminal.show({"interfaces": interfaces}, *views.interfaces_view(interfaces))
            with contextlib.suppress(KeyboardInterrupt):
                servers.watch(planned)
            terminal.say("stopping")


@app.command()
def schedule(
    limit: Annotated[int, typer.Option(min=1, help="How many data sets may be run at the same time.")] = 1,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Run every data set that has a schedule at its times, until stopped with Ctrl-C."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "INFO")
    with session(as_json=as_json, debug=debug) as terminal:
        from flows import schedule, servers, views

        settings = _settings()
        found = schedule.scheduled_datasets(settings)
        require_server(settings)
        terminal.say("starting to serve (up to 30 s)")
        with servers.stop_signals(), servers.prefect_for_schedule(settings) as url:
            os.environ["PREFECT_API_URL"] = url
            prepare(settings)

            def ready() -> None:
                terminal.show(views.schedule_document(url, found), *views.schedule_view(url, found))

            schedule.serve(found, limit=limit, on_ready=ready)
            terminal.say("stopping")


@app.command()
def doctor(
    full: Annotated[
        bool, typer.Option("--full", help="Also import TensorFlow, to see its devices (about 10 s).")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Check versions, device, stores and servers; exit code 1 if something needed is broken."""
    with session(as_json=as_json, debug=debug) as terminal:
        from flows import views
        from flows.doctor import examine, is_well

        checks = examine(full=full)
        terminal.show({"well": is_well(checks), "checks": checks}, *views.doctor_view(checks))
        if not is_well(checks):
            raise typer.Exit(1)


def main() -> None:
    """Entry point of the console script."""
    app(prog_name="forecast")


def _settings() -> "Settings":
    from forecasting.settings import read_settings

    return read_settings()


def _settings_for(names: list[str]) -> "Settings":
    """The settings, after all names were found in the catalog, with the environment of Prefect set."""
    from forecasting.sources import find_dataset

    settings = _settings()
    for name in names:
        find_dataset(settings.catalog_path, name)
    prepare(settings)
    require_server(settings)
    return settings


def _run_pipeline(settings: "Settings", names: list[str], terminal: Session) -> tuple[DatasetResult, ...]:
    """The pipeline flow, against the server there is, or a temporary one."""
    from flows.servers import stop_signals, temporary_prefect

    with contextlib.ExitStack() as stack:
        if not _has_server():
            terminal.say("starting a temporary Prefect server (10 to 20 s; `forecast ui` keeps one running)")
            stack.enter_context(stop_signals())
            stack.enter_context(temporary_prefect(settings))
        from flows.pipeline import pipeline

        return pipeline(names)


def _has_server() -> bool:
    """Whether flow runs are reported to a server that stays; known after the environment of Prefect is set."""
    return "PREFECT_API_URL" in os.environ
