"""`forecast ui`: the MLflow and the Prefect server on the loopback interface, started and stopped together."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType

from flows.local_servers import HOST, LocalServer, choose_port, free_port, one_at_a_time, running_servers
from flows.prefect_settings import (
    MLFLOW_PORT,
    PREFECT_PORT,
    TEMPORARY,
    api_url,
    make_prefect_home,
    prefect_environment,
    state_folder,
)
from forecasting.errors import SourceError
from forecasting.settings import Settings, masked
from forecasting.tracking.store import is_server, page_url


@dataclass(frozen=True)
class Interface:
    """A user interface that can be opened.

    Attributes
    ----------
    name : str
        "mlflow" or "prefect".
    url : str
        To be opened in a browser.
    started : bool
        Whether this command started it; otherwise it ran already or is configured.
    note : str
        Empty, or what is unusual about it.
    """

    name: str
    url: str
    started: bool
    note: str = ""


def prefect_server(settings: Settings, port: int, *, temporary: bool = False) -> LocalServer:
    """A Prefect server on the database of this home; a temporary one has no UI, starts no runs, and is not shared."""
    environment = {**os.environ, **prefect_environment(settings, os.environ)}
    for name in ("PREFECT_API_URL", "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"):
        environment.pop(name, None)
    make_prefect_home(environment)
    # The pages ask this address for their data; by default it is that of the usual port, whatever the server's own is.
    environment["PREFECT_SERVER_UI_API_URL"] = f"http://{HOST}:{port}/api"
    options = ["--no-ui", "--no-scheduler", "--no-late-runs"] if temporary else []
    return LocalServer(
        name=TEMPORARY if temporary else "prefect",
        command=[sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port), *options],
        environment=environment,
        url=f"http://{HOST}:{port}/api",
        health_url=f"http://{HOST}:{port}/api/health",
        folder=state_folder(settings),
    )


def mlflow_server(settings: Settings, port: int) -> LocalServer:
    """An MLflow server on the tracking store of the settings."""
    from forecasting.tracking import server_command

    command, environment = server_command(settings, HOST, port)
    return LocalServer(
        name="mlflow",
        command=command,
        environment=environment,
        url=f"http://{HOST}:{port}",
        health_url=f"http://{HOST}:{port}/health",
        folder=state_folder(settings),
    )


def plan(
    settings: Settings, *, mlflow_port: int | None = None, prefect_port: int | None = None
) -> tuple[list[LocalServer], list[Interface]]:
    """Which servers to start, and all interfaces there will be.

    A server that is configured by its address, or runs already for this home, is named and not started again.

    Raises
    ------
    ParameterError
        A port that was asked for is in use.
    """
    present = running_servers(state_folder(settings))
    servers: list[LocalServer] = []
    interfaces: list[Interface] = []
    wanted: list[tuple[str, str | None, int | None, int, Callable[[Settings, int], LocalServer]]] = [
        ("mlflow", _configured_mlflow(settings), mlflow_port, MLFLOW_PORT, mlflow_server),
        ("prefect", settings.prefect_api_url, prefect_port, PREFECT_PORT, prefect_server),
    ]
    taken: list[int] = []
    for name, configured, asked, usual, build in wanted:
        if configured is not None:
            interfaces.append(
                Interface(name, interface_url(name, configured), started=False, note="configured, not started here")
            )
        elif name in present:
            interfaces.append(Interface(name, interface_url(name, present[name]), started=False, note="runs already"))
        else:
            port = choose_port(asked, usual, taken=taken)
            taken.append(port)
            server = build(settings, port)
            note = "" if asked is not None or port == usual else f"port {usual} is in use"
            servers.append(server)
            interfaces.append(Interface(name, interface_url(name, server.url), started=True, note=note))
    return servers, interfaces


@contextlib.contextmanager
def temporary_prefect(settings: Settings) -> Iterator[None]:
    """A Prefect server for as long as it takes; ``PREFECT_API_URL`` is its address inside.

    Prefect would start one by itself, but in the process group of the command, where Ctrl-C stops the server before
    the flow can say that it was interrupted.
    """
    with contextlib.ExitStack() as stack:
        with one_at_a_time(state_folder(settings)):
            server = prefect_server(settings, free_port(), temporary=True)
            stack.enter_context(running([server]))
        os.environ["PREFECT_API_URL"] = server.url
        try:
            yield
        finally:
            from flows.prefect_api import finish_reporting

            finish_reporting()
            del os.environ["PREFECT_API_URL"]


def interface_url(name: str, url: str) -> str:
    """The page to open for the address of a server; without a user name and password."""
    return page_url(url) if name == "mlflow" else masked(url).rstrip("/").removesuffix("/api")


@contextlib.contextmanager
def user_interfaces(
    settings: Settings, *, mlflow_port: int | None = None, prefect_port: int | None = None
) -> Iterator[tuple[list[LocalServer], list[Interface]]]:
    """Both servers, started where they are neither configured nor running; gives :func:`plan`'s answer."""
    with contextlib.ExitStack() as stack:
        with one_at_a_time(state_folder(settings)):
            servers, interfaces = plan(settings, mlflow_port=mlflow_port, prefect_port=prefect_port)
            stack.enter_context(running(servers))
        yield servers, interfaces


@contextlib.contextmanager
def prefect_for_schedule(settings: Settings) -> Iterator[str]:
    """The address of the Prefect API that keeps the schedules; a server is started if there is none."""
    with contextlib.ExitStack() as stack:
        with one_at_a_time(state_folder(settings)):
            url = api_url(settings)
            if url is None:
                server = prefect_server(settings, choose_port(None, PREFECT_PORT))
                stack.enter_context(running([server]))
                url = server.url
        yield url


@contextlib.contextmanager
def running(servers: Sequence[LocalServer]) -> Iterator[None]:
    """All servers answer inside, all are stopped afterwards; they start side by side.

    Raises
    ------
    SourceError
        A server does not start.
    """
    with contextlib.ExitStack() as stack:
        for server in servers:
            stack.enter_context(server)
        for server in servers:
            server.wait()
        yield


@contextlib.contextmanager
def stop_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP interrupt like Ctrl-C, so that what was started is stopped on the way out."""

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def watch(servers: Sequence[LocalServer]) -> None:
    """Wait until interrupted.

    Raises
    ------
    SourceError
        A server ended by itself.
    """
    while True:
        for server in servers:
            if not server.alive:
                raise SourceError(
                    f"the {server.name} server ended by itself", remedy="Its log says why.", file=server.log_path
                )
        time.sleep(0.5)


def _configured_mlflow(settings: Settings) -> str | None:
    return settings.tracking_uri if is_server(settings.tracking_uri) else None
