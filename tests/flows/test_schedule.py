"""`forecast schedule`: a real server fires a scheduled run, and its forecasts are in the ledger.

With a version of sqlalchemy or fastapi that is too new for the Prefect server, schedules never fire, or every flow run
fails, and nothing else shows it: this test does.
"""

import os
import signal
import time
from unittest import mock

import pytest

from flows.local_servers import free_port
from flows.schedule import deployments, scheduled_datasets
from flows.servers import prefect_server, running
from forecasting.errors import CatalogError
from forecasting.settings import read_settings
from tests.flows.conftest import CATALOG, TINY_NETWORK, home_environment, make_home
from tests.flows.test_flows import ledger_rows, post
from tests.flows.test_ui import read_document, start

EVERY_MINUTE = 'schedule = { cron = "* * * * *", timezone = "Europe/Berlin" }\n'


def test_only_data_sets_with_a_schedule_are_served(home):
    settings = read_settings()
    with pytest.raises(CatalogError, match="no data set has a schedule"):
        scheduled_datasets(settings)
    text = settings.catalog_path.read_text()
    settings.catalog_path.write_text(text + EVERY_MINUTE + text.replace("[boiler]", "[other]"))
    assert [dataset.name for dataset in scheduled_datasets(settings)] == ["boiler"]


def test_a_deployment_has_the_cron_entry_with_its_time_zone_and_one_run_at_a_time(home):
    settings = read_settings()
    settings.catalog_path.write_text(settings.catalog_path.read_text() + EVERY_MINUTE)
    (deployment,) = deployments(scheduled_datasets(settings))
    (entry,) = deployment.schedules
    assert (deployment.name, deployment.flow_name) == ("boiler", "pipeline")
    assert (entry.schedule.cron, entry.schedule.timezone) == ("* * * * *", "Europe/Berlin")
    assert deployment.parameters == {"names": ["boiler"]}
    assert deployment.concurrency_limit == 1
    assert deployment.entrypoint == "flows.pipeline.pipeline"


@pytest.mark.integration
def test_a_scheduled_run_fires_and_leaves_rows_in_the_ledger(tmp_path):
    home = make_home(tmp_path / "home", CATALOG + TINY_NETWORK + EVERY_MINUTE)
    with mock.patch.dict(os.environ, home_environment(home), clear=True):
        server = prefect_server(read_settings(), free_port())
    with running([server]):
        process = start(home, "schedule")
        try:
            document = read_document(process)
            assert document["prefect_api_url"] == server.url
            assert document["schedules"] == [{"dataset": "boiler", "cron": "* * * * *", "timezone": "Europe/Berlin"}]
            run = first_finished_run(server.url, seconds=240)
            assert run["state_type"] == "COMPLETED"
            assert run["auto_scheduled"] is True
            assert run["created_by"]["type"] == "SCHEDULE"
            assert ledger_rows(home) == 6
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            (deployment,) = post(server.url, "/deployments/filter")
            assert deployment["paused"] is True
            assert "Traceback" not in process.stderr.read()
        finally:
            process.kill()
            process.communicate()


def first_finished_run(api: str, seconds: float) -> dict:
    """The first run that has ended, however; pytest fails if there is none in time."""
    deadline = time.monotonic() + seconds
    ended = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}}}
    while time.monotonic() < deadline:
        runs = post(api, "/flow_runs/filter", ended | {"sort": "START_TIME_ASC"})
        if runs:
            return runs[0]
        time.sleep(1)
    pytest.fail(f"no scheduled run ended within {seconds} s")
