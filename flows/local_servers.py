"""Local server processes: started in their own process group, watched, stopped with all their children.

The addresses of running servers are kept in ``servers.json`` below the state folder, so that another command finds
them. An entry counts only while its process lives and the server answers.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypedDict

from forecasting.errors import ParameterError, SourceError, StorageError

HOST = "127.0.0.1"


def answers(url: str, timeout: float = 2.0) -> bool:
    """Whether a GET of this address is answered with a success status within ``timeout`` seconds."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:
            return bool(200 <= response.status < 300)
    except (OSError, ValueError):
        return False


def reachable(url: str, timeout: float = 5.0) -> bool:
    """Whether anything at all answers there, be it a refusal, within ``timeout`` seconds."""
    try:
        with urllib.request.urlopen(url, timeout=timeout):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False


def port_is_free(port: int, host: str = HOST) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose_port(asked: int | None, usual: int, *, taken: Sequence[int] = ()) -> int:
    """A port to listen on: the one that was asked for, or the usual one, or the next free one after it.

    Raises
    ------
    ParameterError
        The port that was asked for is in use, or the 50 ports from the usual one on are.
    """
    if asked is not None:
        if asked in taken or not port_is_free(asked):
            raise ParameterError(
                f"port {asked} is in use", remedy="Name another port, or stop what listens there.", parameter="port"
            )
        return asked
    for port in range(usual, usual + 50):
        if port not in taken and port_is_free(port):
            return port
    raise ParameterError(f"no free port from {usual} to {usual + 49}", remedy="Name a port.", parameter="port")


def free_port() -> int:
    """A port that nobody listens on, chosen by the system."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Inside, no other command starts servers for this folder: no port is chosen twice, no server started twice."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "starting.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass
class LocalServer:
    """A server process on the loopback interface.

    Parameters
    ----------
    name : str
        Short name, also the stem of the log file.
    command : sequence of str
    environment : mapping of str to str
        The whole environment of the process.
    url : str
        What other programs are pointed to.
    health_url : str
        Answers with a success status as soon as the server can be used.
    folder : Path
        The state folder: log file and ``servers.json``.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    url: str
    health_url: str
    folder: Path
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def log_path(self) -> Path:
        """What the server writes; begun anew at each start."""
        return self.folder / f"{self.name}-server.log"

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process; :meth:`wait` says when it can be used."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                list(self.command),
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
            )

    def wait(self, timeout: float = 120.0) -> None:
        """Return when the server answers.

        Raises
        ------
        SourceError
            The process ended, or did not answer within ``timeout`` seconds; with the end of its log.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not self.alive:
                code = self.process.returncode if self.process is not None else None
                raise SourceError(
                    f"the {self.name} server ended with code {code}: {self._log_end()}", file=self.log_path
                )
            if answers(self.health_url):
                _record(self.folder, self.name, self.url, self.process.pid if self.process else 0, self.health_url)
                return
            time.sleep(0.25)
        raise SourceError(
            f"the {self.name} server does not answer after {timeout:.0f} s: {self._log_end()}", file=self.log_path
        )

    def stop(self, patience: float = 10.0) -> None:
        """Stop the process and all that it started; after ``patience`` seconds without mercy."""
        if self.process is None:
            return
        process, self.process = self.process, None
        _forget(self.folder, self.name, process.pid)
        try:
            _signal_group(process.pid, signal.SIGTERM)
            if not _group_ends(process, patience):
                _signal_group(process.pid, signal.SIGKILL)
                _group_ends(process, patience)
        except KeyboardInterrupt:  # somebody is in a hurry: nothing may be left behind all the same
            _signal_group(process.pid, signal.SIGKILL)
            raise

    def __enter__(self) -> Self:
        """Start the process."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the process and all that it started."""
        self.stop()

    def _log_end(self, lines: int = 5) -> str:
        text = self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""
        return " / ".join(line.strip() for line in text.splitlines()[-lines:] if line.strip()) or "nothing in its log"


def running_servers(folder: Path) -> dict[str, str]:
    """Name and address of the local servers that run and answer; the recorded ones that do not are left out."""
    return {
        name: entry["url"]
        for name, entry in _read(folder).items()
        if _process_exists(entry["pid"]) and answers(entry["health_url"])
    }


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _group_ends(process: "subprocess.Popen[bytes]", patience: float) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return ended
        time.sleep(0.05)
    return False


def _process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class _Entry(TypedDict):
    url: str
    pid: int
    health_url: str


def _read(folder: Path) -> dict[str, _Entry]:
    path = folder / "servers.json"
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise StorageError("the list of running servers is damaged", remedy="Remove the file.", file=path) from error


def _write(folder: Path, entries: Mapping[str, object]) -> None:
    path = folder / "servers.json"
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(entries, indent=2), encoding="utf-8")
    beside.replace(path)


def _record(folder: Path, name: str, url: str, pid: int, health_url: str) -> None:
    _write(folder, {**_read(folder), name: {"url": url, "pid": pid, "health_url": health_url}})


def _forget(folder: Path, name: str, pid: int) -> None:
    entries = _read(folder)
    if name in entries and entries[name]["pid"] == pid:
        _write(folder, {key: value for key, value in entries.items() if key != name})
