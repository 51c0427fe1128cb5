"""What a training run holds, and how it ends."""

import logging
import threading

import pytest
from matplotlib.figure import Figure

from forecasting.errors import TrackingError
from forecasting.tracking import TrainingRun
from tests.tracking.fakes import LastValueForecaster


def artifacts(client, run_id, path=None):
    return sorted(file.path for file in client.list_artifacts(run_id, path))


def test_a_finished_run_holds_parameters_tags_data_and_metrics(settings, client, snapshot, frame):
    estimator = LastValueForecaster(model={"units": 8, "layers": [1, 2]}, note="x" * 900)
    with TrainingRun(
        settings, "toy", estimator, snapshot=snapshot, flow_run_id="f1", flow_run_url="http://p/f1"
    ) as opened:
        estimator.fit(frame, callbacks=[opened.epochs], epochs=4)
        opened.log_fit(estimator)
    run = client.get_run(opened.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name.endswith(" toy")
    parameters = run.data.params
    assert parameters["horizon"] == "3"
    assert parameters["model.units"] == "8"
    assert parameters["model.layers"] == "[1, 2]"
    assert parameters["fitted.lookback"] == "4"
    assert parameters["fitted.frequency"] == "D"
    assert len(parameters["note"]) == 500
    assert parameters["note"].endswith(" ... (cut, 900 characters)")
    tags = run.data.tags
    assert tags["dataset"] == "toy"
    assert tags["snapshot.digest"] == snapshot.digest
    assert tags["weights"] == "fresh"
    assert tags["device"] == "CPU"
    assert tags["backend"] == "tensorflow"
    assert tags["prefect.flow_run_id"] == "f1"
    assert tags["prefect.flow_run_url"] == "http://p/f1"
    assert {"version.python", "version.keras", "version.tensorflow", "version.numpy", "version.pandas"} <= set(tags)
    assert "error" not in tags
    (data,) = run.inputs.dataset_inputs
    assert data.dataset.name == "toy"
    assert snapshot.digest.startswith(data.dataset.digest)
    assert '"num_rows": 40' in data.dataset.profile
    metrics = run.data.metrics
    assert metrics["loss"] == 0.25
    assert metrics["fit_seconds"] == 0.25
    assert metrics["epochs"] == 4
    assert metrics["seconds"] > 0
    assert [metric.step for metric in client.get_metric_history(opened.run_id, "val_loss")] == [0, 1, 2, 3]


def test_accuracy_is_logged_for_the_model_and_the_naive_forecast(settings, client, accuracy):
    with TrainingRun(settings, "toy", LastValueForecaster()) as run:
        run.log_accuracy("test", accuracy)
    metrics = client.get_run(run.run_id).data.metrics
    del metrics["seconds"]
    assert metrics == {
        "test.MAE": 1.5,
        "test.MASE": 0.75,
        "test.coverage-80": 81.25,
        "test.SeasonalNaive.MAE": 2.0,
        "test.SeasonalNaive.MASE": 1.0,
    }
    text = (settings.artifacts / "toy" / run.run_id / "artifacts" / "accuracy" / "test.csv").read_text()
    assert text.splitlines()[0] == "model,unique_id,windows,scored,missing,MAE,MASE,coverage-80"
    assert len(text.splitlines()) == 7


def test_figures_and_files_are_kept(settings, client, tmp_path):
    report = tmp_path / "report.html"
    report.write_text("<h1>Report</h1>")
    with TrainingRun(settings, "toy", LastValueForecaster()) as run:
        run.log_figure("forecast", Figure())
        run.log_file(report)
    assert artifacts(client, run.run_id) == ["figures", "report.html"]
    assert artifacts(client, run.run_id, "figures") == ["figures/forecast.png"]


def test_a_run_that_fails_is_marked_with_its_error_and_the_error_goes_on(settings, client):
    with (
        pytest.raises(ValueError, match="the loss is not a number"),
        TrainingRun(settings, "toy", LastValueForecaster()) as run,
    ):
        raise ValueError("the loss is not a number")
    closed = client.get_run(run.run_id)
    assert closed.info.status == "FAILED"
    assert closed.data.tags["error"] == "ValueError: the loss is not a number"


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_a_run_that_is_interrupted_is_marked_killed_and_keeps_its_epochs(settings, client, frame, interruption):
    estimator = LastValueForecaster()

    class Interrupt:
        def on_train_begin(self, info): ...

        def on_epoch_end(self, epoch, logs):
            if epoch == 1:
                raise interruption

    with pytest.raises(interruption), TrainingRun(settings, "toy", estimator) as run:
        estimator.fit(frame, callbacks=[run.epochs, Interrupt()])
    closed = client.get_run(run.run_id)
    assert closed.info.status == "KILLED"
    assert [metric.step for metric in client.get_metric_history(run.run_id, "loss")] == [0, 1]


def refuse_metrics(run, monkeypatch):
    from mlflow.exceptions import MlflowException

    def refuse(*arguments, **options):
        raise MlflowException("the disk is full")

    monkeypatch.setattr(run.client, "log_batch", refuse)


def train_without_a_place_for_metrics(settings, monkeypatch, body):
    with TrainingRun(settings, "toy", LastValueForecaster()) as run:
        refuse_metrics(run, monkeypatch)
        body(run)


def test_epochs_that_could_not_be_written_fail_the_run_at_its_end(settings, client, frame, monkeypatch):
    trained = []

    def body(run):
        trained.append((run.run_id, LastValueForecaster().fit(frame, callbacks=[run.epochs])))

    with pytest.raises(TrackingError, match="the disk is full"):
        train_without_a_place_for_metrics(settings, monkeypatch, body)
    ((run_id, _),) = trained
    closed = client.get_run(run_id)
    assert closed.info.status == "FAILED"
    assert "the disk is full" in closed.data.tags["error"]


def test_a_store_that_fails_while_closing_does_not_hide_the_first_error(settings, monkeypatch, caplog):
    caplog.set_level(logging.ERROR)

    def body(run):
        raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        train_without_a_place_for_metrics(settings, monkeypatch, body)
    assert "could not be closed" in caplog.text


def test_a_run_that_cannot_note_its_parameters_does_not_stay_open(settings, client, monkeypatch):
    def refuse(self, parameters):
        raise TrackingError("refused")

    monkeypatch.setattr(TrainingRun, "log_parameters", refuse)
    run = TrainingRun(settings, "toy", LastValueForecaster())
    with pytest.raises(TrackingError, match="refused"):
        run.__enter__()
    assert client.get_run(run.run_id).info.status == "FAILED"


def test_runs_in_two_threads_beside_an_active_run_of_mlflow_do_not_mix(settings, client, frame):
    import mlflow

    runs = {}

    def train(name):
        estimator = LastValueForecaster(note=name)
        with TrainingRun(settings, name, estimator) as runs[name]:
            estimator.fit(frame, callbacks=[runs[name].epochs], epochs=3)

    with mlflow.start_run(run_name="of somebody else") as other:
        threads = [threading.Thread(target=train, args=(name,)) for name in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert mlflow.active_run().info.run_id == other.info.run_id
    assert client.get_run(other.info.run_id).data.metrics == {}
    for name in ("one", "two"):
        closed = client.get_run(runs[name].run_id)
        assert closed.info.status == "FINISHED"
        assert closed.data.params["note"] == name
        assert len(client.get_metric_history(runs[name].run_id, "loss")) == 3


def test_a_description_begins_with_the_comparison_and_names_data_and_flow(settings, client, snapshot, accuracy):
    with TrainingRun(
        settings, "toy", LastValueForecaster(), snapshot=snapshot, title="Toy data", flow_run_url="http://p/f1"
    ) as run:
        text = run.describe({"validation": accuracy, "test": accuracy})
    assert client.get_run(run.run_id).data.tags["mlflow.note.content"] == text
    assert text.startswith("MASE 0.75 on test (SeasonalNaive 1).")
    assert text.index("**Test**") < text.index("**Validation**")
    assert "Trained on Toy data: 40 rows in 2 series, 2020-01-01 to 2020-01-20, snapshot `0123456789ab`." in text
    assert "[flow run](http://p/f1)" in text
