"""The command line and the environment of the tracking server."""

import sys

import pytest

from forecasting.errors import TrackingError
from forecasting.tracking import server_command
from tests.tracking.conftest import settings_at


def option(argv, name):
    return argv[argv.index(name) + 1]


def test_the_server_serves_the_local_store_and_its_artifacts_on_the_loopback_address(settings):
    argv, _ = server_command(settings)
    assert argv[:4] == [sys.executable, "-m", "mlflow", "server"]
    assert option(argv, "--host") == "127.0.0.1"
    assert option(argv, "--port") == "5000"
    assert option(argv, "--backend-store-uri") == settings.tracking_uri
    assert option(argv, "--artifacts-destination") == settings.artifacts.as_uri()
    assert option(argv, "--default-artifact-root") == settings.artifacts.as_uri()
    assert settings.artifacts.is_dir()


def test_host_and_port_can_be_chosen(settings):
    argv, _ = server_command(settings, host="127.0.0.2", port=5050)
    assert (option(argv, "--host"), option(argv, "--port")) == ("127.0.0.2", "5050")


def test_a_server_that_is_configured_does_not_become_its_own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    settings = settings_at(tmp_path / "home", MLFLOW_TRACKING_URI="http://127.0.0.1:5000")
    argv, environment = server_command(settings)
    assert option(argv, "--backend-store-uri") == f"sqlite:///{(settings.home / 'mlflow' / 'mlflow.db').as_posix()}"
    assert "MLFLOW_TRACKING_URI" not in environment


def test_the_environment_is_slim_unless_it_says_otherwise(settings, monkeypatch):
    monkeypatch.delenv("MLFLOW_WORKERS", raising=False)
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    _, environment = server_command(settings)
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert environment["MLFLOW_WORKERS"] == "1"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    monkeypatch.setenv("MLFLOW_WORKERS", "3")
    assert server_command(settings)[1]["MLFLOW_WORKERS"] == "3"


def test_a_home_may_have_its_own_configuration(settings, monkeypatch):
    monkeypatch.delenv("MLFLOW_WORKERS", raising=False)
    (settings.home / "mlflow" / "server.env").write_text("# two\n\nMLFLOW_WORKERS = 2\nMLFLOW_UVICORN_OPTS=--a=b --c\n")
    _, environment = server_command(settings)
    assert environment["MLFLOW_WORKERS"] == "2"
    assert environment["MLFLOW_UVICORN_OPTS"] == "--a=b --c"


@pytest.mark.parametrize("line", ["MLFLOW_WORKERS", "=2", "export X=1"])
def test_a_line_that_sets_nothing_is_named(settings, line):
    (settings.home / "mlflow" / "server.env").write_text(f"MLFLOW_WORKERS=2\n{line}\n")
    with pytest.raises(TrackingError, match=r"server\.env, line 2: .*NAME=value"):
        server_command(settings)


def test_an_installation_without_the_configuration_says_where_it_looked(settings, tmp_path, monkeypatch):
    monkeypatch.setattr("forecasting.tracking.server.PACKAGE", tmp_path / "site" / "forecasting")
    with pytest.raises(TrackingError, match=r"server\.env is in none of"):
        server_command(settings)
    installed = tmp_path / "site" / "forecasting" / "tracking"
    installed.mkdir(parents=True)
    (installed / "server.env").write_text("MLFLOW_WORKERS=1\n")
    assert server_command(settings)[1]["MLFLOW_WORKERS"] == "1"
