"""Flow runs of the real network: with no server, and against one, with what the server shows afterwards."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.request import Request, urlopen

import pytest

from flows.local_servers import free_port
from flows.prefect_settings import state_folder
from flows.servers import prefect_server, running
from forecasting.settings import read_settings
from forecasting.storage import Ledger
from tests.flows.conftest import CATALOG, TINY_NETWORK, forecast_command, home_environment, make_home, readings

pytestmark = pytest.mark.integration

BROKEN = """
[broken]
source = { kind = "csv", path = "broken.csv", time_column = "time", targets = ["pressure"] }
frequency = "h"
horizon = 3
"""


def post(api: str, path: str, body: dict[str, Any] | None = None) -> Any:
    request = Request(f"{api}{path}", json.dumps(body or {}).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=10) as response:
        return json.load(response)


def ledger_rows(home: Path) -> int:
    with Ledger(f"sqlite:///{home}/data/forecasts.db") as ledger:
        return len(ledger.read("boiler"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A home in which a run was made with no server, and after that a Prefect server on it; its API address."""
    home = make_home(tmp_path_factory.mktemp("served") / "home", CATALOG + TINY_NETWORK + BROKEN)
    readings().assign(time="2024-01-01").to_csv(home / "broken.csv", index=False)
    alone = forecast_command(home, "run", "boiler", "broken", "--json")
    (home / "alone.json").write_text(json.dumps([alone.returncode, alone.stdout, alone.stderr]))
    with mock.patch.dict(os.environ, home_environment(home), clear=True):
        server = prefect_server(read_settings(), free_port())
        with running([server]):
            yield home, server.url


@pytest.fixture
def alone(served: tuple[Path, str]) -> tuple[int, dict[str, Any], str]:
    code, stdout, stderr = json.loads((served[0] / "alone.json").read_text())
    return code, json.loads(stdout), stderr


def test_with_no_server_a_run_ingests_trains_and_forecasts(alone, served):
    _, document, _ = alone
    boiler = document["datasets"][0]
    assert boiler["error"] is None
    assert boiler["ingest"]["rows"] == 480
    assert boiler["train"]["trained"] is True
    assert {row["series"] for row in boiler["train"]["accuracy"]} == {"pressure", "flow", "(all)"}
    assert all(row["mase"] > 0 and row["naive_mase"] > 0 for row in boiler["train"]["accuracy"])
    assert Path(boiler["train"]["report"]).stat().st_size > 10_000
    assert boiler["forecast"]["rows_written"] == 6
    assert ledger_rows(served[0]) == 6


def test_a_data_set_that_fails_does_not_keep_the_others_from_being_done(alone):
    code, document, stderr = alone
    broken = document["datasets"][1]
    assert code == 2
    assert broken["error"]["where"]["dataset"] == "broken"
    assert document["error"] == broken["error"]
    assert broken["ingest"] is broken["train"] is broken["forecast"] is None
    assert "Traceback" not in stderr
    assert "error: " in stderr


def test_neither_prefect_nor_tensorflow_writes_on_the_terminal(alone):
    _, _, stderr = alone
    for word in ("prefect", "cuda", "absl", "I0000", "Flow run", "Warning"):
        assert word not in stderr.replace("temporary Prefect server", "")


def test_a_run_made_with_no_server_is_seen_by_the_server_later(served):
    _, api = served
    runs = post(api, "/flow_runs/filter", {"sort": "START_TIME_ASC"})
    assert (runs[0]["name"], runs[0]["state_type"]) == ("run boiler broken", "FAILED")


def test_a_second_run_through_the_server_changes_nothing(served):
    home, api = served
    done = forecast_command(home, "run", "boiler", "--json")
    boiler = json.loads(done.stdout)["datasets"][0]
    assert done.returncode == 0
    assert boiler["ingest"]["changed"] is False
    assert boiler["train"]["trained"] is False
    assert boiler["forecast"]["rows_written"] == 0
    assert ledger_rows(home) == 6
    newest = post(api, "/flow_runs/filter", {"sort": "START_TIME_DESC"})[0]
    assert (newest["name"], newest["state_type"]) == ("run boiler", "COMPLETED")
    tasks = post(api, "/task_runs/filter", {"flow_runs": {"id": {"any_": [newest["id"]]}}})
    assert {task["name"] for task in tasks} == {"ingest boiler", "train boiler", "forecast boiler"}


def test_the_run_page_has_the_table_against_the_naive_forecast_and_the_links(served, alone):
    _, api = served
    artifacts = {one["key"]: one for one in post(api, "/artifacts/latest/filter")}
    assert set(artifacts) == {"boiler-accuracy", "boiler-forecast", "boiler-mlflow-run", "boiler-report"}
    rows = json.loads(artifacts["boiler-accuracy"]["data"])
    expected = {row["series"]: row for row in alone[1]["datasets"][0]["train"]["accuracy"]}
    for row in rows[:-1]:
        assert float(row["MASE SimpleRNN"]) == pytest.approx(expected[row["series"]]["mase"], abs=6e-4)
        assert float(row["MASE seasonal naive"]) == pytest.approx(expected[row["series"]]["naive_mase"], abs=6e-4)
    assert rows[-1]["series"] == "all 2 series"
    run = alone[1]["datasets"][0]["train"]
    assert run["run_id"] in artifacts["boiler-mlflow-run"]["data"]
    assert "report.html" in artifacts["boiler-report"]["data"]
    assert run["report"] in artifacts["boiler-report"]["description"]


def test_the_log_of_the_run_page_has_what_the_project_logs(served):
    _, api = served
    messages = [entry["message"] for entry in post(api, "/logs/filter", {"limit": 200})]
    assert any(message.startswith("boiler: reading from csv") for message in messages)


@pytest.mark.parametrize("step", ["ingest", "predict"])
def test_single_steps_are_flow_runs_where_a_server_runs(served, step):
    home, api = served
    done = forecast_command(home, step, "boiler", "--json")
    assert done.returncode == 0, done.stderr
    newest = post(api, "/flow_runs/filter", {"sort": "START_TIME_DESC"})[0]
    assert newest["name"] == {"ingest": "ingest boiler", "predict": "forecast boiler"}[step]


def test_bad_data_fail_at_once_and_are_not_tried_again(served):
    home, api = served
    done = forecast_command(home, "ingest", "broken", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["where"]["dataset"] == "broken"
    newest = post(api, "/flow_runs/filter", {"sort": "START_TIME_DESC"})[0]
    tasks = post(api, "/task_runs/filter", {"flow_runs": {"id": {"any_": [newest["id"]]}}})
    assert [(task["state_type"], task["run_count"]) for task in tasks] == [("FAILED", 1)]


def test_prefect_s_files_are_below_the_home(served):
    home, _ = served
    with mock.patch.dict(os.environ, home_environment(home), clear=True):
        assert (state_folder(read_settings()) / "prefect" / "prefect.db").exists()


def test_a_flow_called_from_python_runs_with_no_server(tmp_path):
    home = make_home(tmp_path / "home")
    program = "from flows.ingest import ingest\nresult = ingest('boiler')\nprint(result.rows, result.series)"
    done = forecast_command(home, program=program)
    assert (done.returncode, done.stdout) == (0, "480 2\n"), done.stderr
    assert (home / ".forecasting" / "prefect" / "prefect.db").exists()
