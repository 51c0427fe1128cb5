import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from flows.local_servers import LocalServer, answers, choose_port, free_port, port_is_free, reachable, running_servers
from forecasting.errors import ParameterError, SourceError, StorageError

SERVER = """
import http.server, os, signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("child", child.pid, flush=True)
if {stubborn}:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
http.server.HTTPServer(("127.0.0.1", {port}), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def local_server(folder: Path, program: str = SERVER, stubborn: bool = False) -> LocalServer:
    port = free_port()
    return LocalServer(
        name="little",
        command=[sys.executable, "-c", program.format(port=port, stubborn=stubborn)],
        environment=dict(os.environ),
        url=f"http://127.0.0.1:{port}",
        health_url=f"http://127.0.0.1:{port}/",
        folder=folder,
    )


def child_of(server: LocalServer) -> int:
    return int(server.log_path.read_text().split()[1])


def is_running(pid: int) -> bool:
    """Whether the process runs; one that ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_server_answers_is_found_by_others_and_is_stopped_with_its_children(tmp_path):
    server = local_server(tmp_path)
    with server:
        server.wait(30)
        child = child_of(server)
        assert running_servers(tmp_path) == {"little": server.url}
        assert is_running(child)
    assert not answers(server.health_url)
    assert not is_running(child)
    assert running_servers(tmp_path) == {}


def test_a_server_that_does_not_listen_to_signals_is_killed(tmp_path):
    server = local_server(tmp_path, stubborn=True)
    server.start()
    server.wait(30)
    child = child_of(server)
    began = time.monotonic()
    server.stop(patience=0.5)
    assert time.monotonic() - began < 10
    assert not answers(server.health_url)
    assert not is_running(child)


def test_an_interrupt_while_it_is_stopped_kills_it_at_once(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    server = local_server(tmp_path, stubborn=True)
    server.start()
    server.wait(30)
    process = server.process
    monkeypatch.setattr("flows.local_servers._group_ends", interrupted)
    with pytest.raises(KeyboardInterrupt):
        server.stop()
    assert process.wait(10) == -signal.SIGKILL


def test_a_server_that_ends_at_once_is_told_with_its_code_and_its_log(tmp_path):
    server = local_server(tmp_path, "import sys; print('no room left'); sys.exit(3)")
    with server, pytest.raises(SourceError, match=r"code 3.*no room left"):
        server.wait(30)


def test_a_server_that_never_answers_is_told_after_the_time_limit(tmp_path):
    server = local_server(tmp_path, "import time; time.sleep(600)")
    with server, pytest.raises(SourceError, match="does not answer after 1 s"):
        server.wait(1)
    assert not server.alive


def test_a_recorded_server_whose_process_is_gone_does_not_count(tmp_path):
    server = local_server(tmp_path)
    with server:
        server.wait(30)
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
        assert running_servers(tmp_path) == {}


def test_a_damaged_list_is_told_with_its_file(tmp_path):
    (tmp_path / "servers.json").write_text("{")
    with pytest.raises(StorageError, match=r"servers\.json"):
        running_servers(tmp_path)


class TestPorts:
    def test_the_usual_port_is_taken_if_it_is_free(self):
        port = free_port()
        assert choose_port(None, port) == port

    def test_the_next_free_one_is_taken_if_it_is_not(self):
        with socket.socket() as busy:
            busy.bind(("127.0.0.1", 0))
            busy.listen()
            port = busy.getsockname()[1]
            assert not port_is_free(port)
            assert choose_port(None, port) > port

    def test_one_port_is_not_given_twice(self):
        port = free_port()
        assert choose_port(None, port, taken=[port]) > port

    def test_a_busy_port_that_was_asked_for_is_refused(self):
        with socket.socket() as busy:
            busy.bind(("127.0.0.1", 0))
            busy.listen()
            port = busy.getsockname()[1]
            with pytest.raises(ParameterError, match=str(port)):
                choose_port(port, 5000)


def test_a_refusal_is_an_answer_of_a_reachable_server(tmp_path):
    server = local_server(tmp_path)
    with server:
        server.wait(30)
        assert reachable(f"{server.url}/nothing-here")
        assert not answers(f"{server.url}/nothing-here")
    assert not reachable(server.url)


def test_the_list_is_written_whole_or_not_at_all(tmp_path):
    with local_server(tmp_path) as server:
        server.wait(30)
        entry = json.loads((tmp_path / "servers.json").read_text())["little"]
        assert entry == {"url": server.url, "pid": server.process.pid, "health_url": server.health_url}
        assert sorted(path.name for path in tmp_path.iterdir()) == ["little-server.log", "servers.json"]
