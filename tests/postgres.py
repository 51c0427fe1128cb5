"""A throw-away PostgreSQL server: its own cluster in a temporary folder, on a free port of the loopback address."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_USER = "forecaster"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """SQLAlchemy address of a running server, with a password; the server is stopped and removed at the end."""
    initdb, pg_ctl = _program("initdb"), _program("pg_ctl")
    owner = _owner()
    folder = Path(tempfile.mkdtemp(prefix="forecasting-postgres-"))
    password = secrets.token_hex(12)
    (folder / "password").write_text(password)
    if owner:
        for path in (folder, folder / "password"):
            shutil.chown(path, owner)
    data = folder / "data"

    def run(*command: str) -> None:
        done = subprocess.run(command, user=owner, cwd=folder, capture_output=True, text=True, timeout=120)
        if done.returncode:
            log = folder / "log"
            said = done.stderr + (log.read_text() if log.exists() else "")
            pytest.fail(f"{' '.join(command[:1])} failed:\n{said}", pytrace=False)

    port = _free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c timezone=UTC"
    try:
        run(
            initdb, "-D", str(data), "-U", _USER, "-A", "scram-sha-256", "-E", "UTF8", f"--pwfile={folder / 'password'}"
        )
        run(pg_ctl, "-D", str(data), "-l", str(folder / "log"), "-w", "-o", options, "start")
        yield f"postgresql://{_USER}:{password}@127.0.0.1:{port}/postgres"
    finally:
        if (data / "postmaster.pid").exists():
            run(pg_ctl, "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Address of an empty database of its own."""
    import psycopg

    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield postgres_server.rpartition("/")[0] + f"/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _program(name: str) -> str:
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = shutil.which(name) or (str(versions[-1]) if versions else None)
    if found is None:
        pytest.fail(
            f"the program {name!r} of PostgreSQL is needed by the integration tests and was not found on PATH or below "
            "/usr/lib/postgresql; install the server, for example: apt-get install postgresql",
            pytrace=False,
        )
    return found


def _owner() -> str | None:
    """PostgreSQL refuses to run as root; then another user of the machine owns the cluster."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
