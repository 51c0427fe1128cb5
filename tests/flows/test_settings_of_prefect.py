import logging
import warnings
from importlib import import_module

import pytest
from sqlalchemy.exc import OperationalError

from flows.prefect_settings import api_url, prefect_environment, prepare, state_folder
from flows.retry import RETRY_DELAYS, is_passing, may_help
from flows.servers import plan
from forecasting.errors import DataError, SourceError, StorageError, TrackingError
from forecasting.settings import read_settings
from tests.flows.test_local_servers import local_server


def test_prefect_keeps_its_files_below_the_home_and_reports_to_nobody(home):
    environment = prefect_environment(read_settings(), {})
    assert environment["PREFECT_HOME"] == str(home / ".forecasting" / "prefect")
    assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert int(environment["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"]) >= 60


def test_what_the_user_has_set_stays(home):
    mine = {"PREFECT_HOME": "/mine", "DO_NOT_TRACK": "0"}
    environment = dict(mine)
    prepare(read_settings(), environment)
    assert mine.items() <= environment.items()


def test_what_is_logged_outside_of_a_flow_run_is_no_warning_of_prefect(home, caplog, monkeypatch):
    import_module("flows.prefect_api")
    logger = logging.getLogger("forecasting.elsewhere")
    monkeypatch.setattr(logger, "handlers", [caplog.handler])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logger.warning("told")
    assert "told" in caplog.text


def test_preparing_makes_nothing_on_disk(home):
    before = sorted(home.rglob("*"))
    prepare(read_settings(), {})
    assert sorted(home.rglob("*")) == before


def test_the_configured_server_comes_before_a_local_one(home, monkeypatch):
    assert api_url(read_settings()) is None
    monkeypatch.setenv("PREFECT_API_URL", "http://elsewhere:4200/api")
    assert api_url(read_settings()) == "http://elsewhere:4200/api"


def test_a_running_local_server_is_found(home):
    settings = read_settings()
    server = local_server(state_folder(settings))
    server.name = "prefect"
    with server:
        server.wait(30)
        environment: dict[str, str] = {}
        prepare(settings, environment)
        assert environment["PREFECT_API_URL"] == server.url
        planned, interfaces = plan(settings)
        assert [one.name for one in planned] == ["mlflow"]
        assert {one.name: one.started for one in interfaces} == {"mlflow": True, "prefect": False}
    assert api_url(settings) is None


def test_configured_servers_are_named_and_not_started(home, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:geheim@tracking:5000")
    monkeypatch.setenv("PREFECT_API_URL", "http://flows:4200/api")
    planned, interfaces = plan(read_settings())
    assert planned == []
    assert interfaces[0].url.startswith("http://tracking:5000/")
    assert interfaces[1].url == "http://flows:4200"


def chained(cause: Exception) -> Exception:
    try:
        raise StorageError("the ledger cannot be used") from cause
    except StorageError as error:
        return error


class NoSuchModelError(Exception):
    error_code = "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SourceError("no route"), True),
        (TrackingError("no answer"), True),
        (chained(OperationalError("select 1", {}, Exception("gone"))), True),
        (DataError("text among numbers"), False),
        (StorageError("nothing was ingested yet"), False),
        (ValueError("a mistake"), False),
        (chained(NoSuchModelError("no champion")), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error, expected):
    assert is_passing(error) is expected


class Attempt:
    """What a retry condition is given of a task run that failed."""

    def __init__(self, error: Exception, run_count: int) -> None:
        self.error = error
        self.run_count = run_count

    def result(self, raise_on_failure: bool) -> None:
        raise self.error


def test_a_new_attempt_is_told_with_its_delay(caplog):
    attempt = Attempt(SourceError("the server is away"), run_count=1)
    assert may_help(None, attempt, attempt) is True
    assert "the server is away. Tried again in 2 s" in caplog.text


def test_after_the_last_attempt_nothing_more_is_promised(caplog):
    attempt = Attempt(SourceError("the server is away"), run_count=len(RETRY_DELAYS) + 1)
    assert may_help(None, attempt, attempt) is True
    assert caplog.text == ""


def test_bad_data_are_not_tried_again(caplog):
    attempt = Attempt(DataError("text among numbers"), run_count=1)
    assert may_help(None, attempt, attempt) is False
    assert caplog.text == ""


def test_every_task_has_growing_delays_a_condition_and_no_cache(home):
    from flows.forecast import forecast_task
    from flows.ingest import ingest_task
    from flows.train import train_task

    for task in (ingest_task, train_task, forecast_task):
        assert task.retries == len(RETRY_DELAYS)
        assert list(task.retry_delay_seconds) == sorted(RETRY_DELAYS)
        assert task.retry_condition_fn is may_help
        assert task.cache_policy.compute_key(None, {}, {}) is None


@pytest.mark.parametrize(
    ("dataset", "key"), [("sp500", "sp500-report"), ("Heat Pump_2", "heat-pump-2-report"), ("-x-", "x-report")]
)
def test_artifact_keys_are_lower_case_with_dashes(home, dataset, key):
    from flows.artifacts import artifact_key

    assert artifact_key(dataset, "report") == key
