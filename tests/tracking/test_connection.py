"""Where the store is, what happens when it does not answer, and what is never written."""

import http.server
import importlib.util
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import forecasting
from forecasting.errors import TrackingError
from forecasting.tracking import configure, page_url
from forecasting.tracking.store import experiment_id
from tests.tracking.conftest import settings_at

ROOT = Path(forecasting.__file__).resolve().parent.parent


def test_importing_the_tracking_room_alone_loads_nothing_heavy():
    code = (
        "import sys, forecasting.tracking as t; dir(t); "
        "print(sorted({'mlflow', 'pandas', 'tensorflow', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_exported_name_can_be_loaded():
    import forecasting.tracking as tracking

    assert all(getattr(tracking, name) is not None for name in tracking.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = tracking.nothing


def test_mlflow_imported_from_the_repository_root_is_the_installed_package():
    import mlflow

    code = "import importlib.util; print(importlib.util.find_spec('mlflow').origin)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    origin = Path(done.stdout.strip())
    assert origin.name == "__init__.py"
    assert ROOT / "mlflow" not in origin.parents
    assert hasattr(mlflow, "log_metric")


@pytest.mark.skipif(not (ROOT / "mlflow").is_dir(), reason="not a checkout")
def test_the_folder_mlflow_holds_no_python_file():
    assert list((ROOT / "mlflow").glob("**/*.env")) != []
    kept = [path for path in (ROOT / "mlflow").rglob("*.py") if "artifacts" not in path.relative_to(ROOT).parts]
    assert kept == []
    assert importlib.util.find_spec("mlflow").origin is not None


def test_a_new_local_store_lies_below_the_home_and_nothing_in_the_current_directory(fresh_store):
    settings, left_in_the_current_directory = fresh_store
    assert (settings.home / "mlflow" / "mlflow.db").is_file()
    assert left_in_the_current_directory == []
    assert configure(settings).get_experiment("0").artifact_location == (settings.artifacts / "0").as_uri()


def test_configuring_points_the_whole_process_at_the_store(settings):
    import mlflow

    configure(settings)
    assert mlflow.get_tracking_uri() == settings.tracking_uri
    assert mlflow.get_registry_uri() == settings.tracking_uri


def test_an_experiment_is_made_once_and_described(settings, client):
    number = experiment_id(client, settings, "toy", "Toy data")
    assert experiment_id(client, settings, "toy", "Toy data") == number
    experiment = client.get_experiment(number)
    assert experiment.name == "toy"
    assert experiment.artifact_location == (settings.artifacts / "toy").as_uri()
    assert "Toy data" in experiment.tags["mlflow.note.content"]


def test_a_deleted_experiment_is_named_with_the_command_that_restores_it(settings, client):
    number = experiment_id(client, settings, "toy", None)
    client.delete_experiment(number)
    with pytest.raises(TrackingError, match=rf"dataset toy: .*deleted.*--experiment-id {number}"):
        experiment_id(client, settings, "toy", None)


def test_a_server_that_is_not_there_is_one_error_with_its_address_at_once(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = settings_at(tmp_path / "home", MLFLOW_TRACKING_URI=f"http://me:secret@127.0.0.1:{port}")
    began = time.monotonic()
    with pytest.raises(TrackingError) as caught:
        configure(settings)
    assert time.monotonic() - began < 3
    assert f"127.0.0.1:{port} cannot be reached" in str(caught.value)
    assert "MLFLOW_TRACKING_URI" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_server_that_accepts_and_never_answers_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("forecasting.tracking.store._REACHED_WITHIN", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(TrackingError, match=f"{address} cannot be reached .*timed out"):
            configure(settings_at(tmp_path / "home", MLFLOW_TRACKING_URI=address))


@contextmanager
def answering(code: int):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(code)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_proxy_without_its_server_counts_as_unreachable(tmp_path):
    with answering(503) as address, pytest.raises(TrackingError, match="it answers 503"):
        configure(settings_at(tmp_path / "home", MLFLOW_TRACKING_URI=address))


def test_a_server_that_asks_for_credentials_counts_as_reachable(tmp_path):
    with answering(401) as address:
        client = configure(settings_at(tmp_path / "home", MLFLOW_TRACKING_URI=address))
    assert client.tracking_uri == address


def test_a_refusal_of_a_server_becomes_one_line(tmp_path):
    with answering(401) as address:
        settings = settings_at(tmp_path / "home", MLFLOW_TRACKING_URI=address)
        client = configure(settings)
        with pytest.raises(TrackingError, match=f"opening the experiment failed at {address}") as caught:
            experiment_id(client, settings, "toy", None)
    assert "\n" not in str(caught.value)


def test_a_server_that_goes_away_is_told_in_a_few_words(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with answering(200) as address:
        settings = settings_at(tmp_path / "home", MLFLOW_TRACKING_URI=address)
        client = configure(settings)
    with pytest.raises(TrackingError) as caught:
        experiment_id(client, settings, "toy", None)
    assert caught.value.problem == f"opening the experiment failed at {address}: the server does not answer"


def test_a_database_that_cannot_be_opened_is_named(tmp_path):
    settings = settings_at(tmp_path / "home")
    (settings.home / "mlflow").mkdir()
    (settings.home / "mlflow" / "mlflow.db").write_text("this is no database, but it is long enough to be read as one")
    with pytest.raises(TrackingError, match=r"opening the tracking store failed at sqlite:.*not a database"):
        configure(settings)


def test_page_addresses_open_the_mode_for_training_and_hold_no_password():
    assert page_url("http://me:secret@host:5000/", "models/toy") == (
        "http://host:5000/#/models/toy?workflowType=machine_learning"
    )
