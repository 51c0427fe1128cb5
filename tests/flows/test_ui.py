"""`forecast ui`: both servers start, show the home's own data, and are gone after Ctrl-C."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.request import urlopen

import pytest

from flows.local_servers import answers, free_port, port_is_free
from tests.flows.conftest import forecast_command, home_environment
from tests.flows.test_local_servers import is_running

pytestmark = pytest.mark.integration


def read_document(process: "subprocess.Popen[str]", seconds: float = 180) -> dict:
    """The JSON document that the command writes when it is ready, while it goes on running."""
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    lines = []
    while not lines or lines[-1] != "}\n":
        line = process.stdout.readline()
        assert line, process.stderr.read()
        lines.append(line)
    timer.cancel()
    return json.loads("".join(lines))


def start(home: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "flows", *arguments, "--json"],
        env=home_environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=home,
    )


def members(group: int) -> list[int]:
    """The processes of a process group that run."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(place.name)) == group and is_running(int(place.name)):
                found.append(int(place.name))
        except ProcessLookupError:
            continue
    return found


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_both_servers_start_and_both_are_gone_after_the_signal(home, how):
    mlflow_port, prefect_port = free_port(), free_port()
    process = start(home, "ui", "--mlflow-port", str(mlflow_port), "--prefect-port", str(prefect_port))
    try:
        interfaces = {one["name"]: one for one in read_document(process)["interfaces"]}
        assert interfaces["mlflow"]["url"].startswith(f"http://127.0.0.1:{mlflow_port}/")
        assert interfaces["prefect"]["url"] == f"http://127.0.0.1:{prefect_port}"
        assert answers(f"http://127.0.0.1:{mlflow_port}/health")
        assert answers(f"http://127.0.0.1:{prefect_port}/api/health")
        with urlopen(f"http://127.0.0.1:{prefect_port}/ui-settings", timeout=10) as response:
            assert json.load(response)["api_url"] == f"http://127.0.0.1:{prefect_port}/api"
        servers = json.loads((home / ".forecasting" / "servers.json").read_text())
        groups = [entry["pid"] for entry in servers.values()]
        assert len(groups) == 2
        assert all(members(group) for group in groups)
        process.send_signal(how)
        assert process.wait(60) == 0
        assert not any(members(group) for group in groups)
        assert port_is_free(mlflow_port)
        assert port_is_free(prefect_port)
        assert json.loads((home / ".forecasting" / "servers.json").read_text()) == {}
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.communicate()


def test_a_busy_port_that_was_asked_for_is_exit_code_2_and_nothing_is_started(home):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = forecast_command(home, "ui", "--prefect-port", str(port), "--json", timeout=60)
    assert done.returncode == 2
    assert f"port {port} is in use" in json.loads(done.stdout)["error"]["message"]
    assert not list(home.rglob("*-server.log"))
