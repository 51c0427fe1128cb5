"""A tuning in a real store: a run, its trials nested in it, and how both end."""

import logging

import pytest
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from forecasting import tune
from forecasting.errors import TrackingError
from forecasting.tracking import TuningRun
from tests.tuning.made import Diary, Line, lines


def tuned(run, *others, **options):
    given = {"space": {"slope": [2.0, "bad"]}, "n_trials": 4, "n_windows": 2, "n_test_windows": 2, "verbose": 0}
    return tune(Line(), lines(), random_state=0, callbacks=[run, *others], **given | options)


def nested_in(client, run):
    found = client.search_runs([run.experiment_id], f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{run.run_id}'")
    return sorted(found, key=lambda one: int(one.data.tags["trial"]))


def test_every_trial_is_a_run_nested_in_that_of_the_tuning(settings, client):
    with TuningRun(settings, "toy", Line()) as run:
        found = tuned(run, refit=True)

    trials = nested_in(client, run)
    table = found.trials
    assert set(table["state"]) == {"complete", "failed"}
    assert [trial.data.tags["state"] for trial in trials] == table["state"].tolist()
    for trial, row in zip(trials, table.itertuples(), strict=True):
        assert trial.info.status == {"complete": "FINISHED", "failed": "FAILED"}[row.state]
        assert trial.data.params == ({"slope": str(row.slope)} if row.trial else {})
        if row.state == "complete":
            assert trial.data.metrics == {"score": row.score, "seconds": pytest.approx(row.seconds)}
            steps = [metric.step for metric in client.get_metric_history(trial.info.run_id, "score")]
            assert steps == [1, 2]
        else:
            assert trial.data.tags["error"] == "ParameterError: parameter slope: it must be a number"

    parent = client.get_run(run.run_id)
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["kind"] == "tuning"
    assert parent.data.tags["mlflow.note.content"].startswith("Of 4 trials, number")
    parameters = parent.data.params
    assert parameters["slope"] == "0.0"
    assert parameters["tuning.space.slope"] == "[2.0, 'bad']"
    assert parameters["tuning.metric"] == "MASE"
    assert parameters["best.slope"] == "2.0"
    assert parameters["best.trial"] == str(found.best_trial)
    metrics = parent.data.metrics
    assert metrics["test.Tuned.MASE"] < metrics["test.Default.MASE"]
    assert "test.SeasonalNaive.MASE" in metrics
    assert [file.path for file in client.list_artifacts(run.run_id)] == ["accuracy", "trials.csv"]


def test_an_interrupted_tuning_leaves_its_trial_and_itself_killed(settings, client):
    with pytest.raises(KeyboardInterrupt), TuningRun(settings, "toy", Line()) as run:
        tuned(run, Diary(1), space={"slope": [2.0]})

    assert client.get_run(run.run_id).info.status == "KILLED"
    assert [trial.info.status for trial in nested_in(client, run)] == ["FINISHED", "KILLED"]


def test_a_store_that_refuses_trials_stops_no_tuning_and_fails_the_run_at_its_end(
    settings, client, monkeypatch, caplog
):
    from mlflow.exceptions import MlflowException

    def refuse(*arguments, **options):
        raise MlflowException("the disk is full")

    found = []

    def body(run):
        monkeypatch.setattr(run.client, "log_metric", refuse)
        found.append((run.run_id, tuned(run)))

    caplog.set_level(logging.WARNING)
    with pytest.raises(TrackingError, match="the disk is full"), TuningRun(settings, "toy", Line()) as run:
        body(run)

    ((run_id, tuning),) = found
    assert len(tuning.trials) == 4
    closed = client.get_run(run_id)
    assert closed.info.status == "FAILED"
    assert "the disk is full" in closed.data.tags["error"]
    assert any("The tuning goes on" in record.message for record in caplog.records)
