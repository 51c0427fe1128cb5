"""Metrics of epochs: when they are written, and what happens when they cannot be."""

import math

import pytest

from forecasting.errors import TrackingError
from forecasting.tracking import EpochMetrics
from forecasting.tracking.store import experiment_id


class Recorder:
    """A client that keeps what it is given, and refuses as long as it is told to."""

    tracking_uri = "sqlite:////somewhere/mlflow.db"

    def __init__(self):
        self.batches = []
        self.calls = 0
        self.refusing = False

    def log_batch(self, run_id, metrics):
        from mlflow.exceptions import MlflowException

        self.calls += 1
        if self.refusing:
            raise MlflowException("database is locked\nand much more")
        self.batches.append([(metric.key, metric.value, metric.step) for metric in metrics])

    @property
    def written(self):
        return [entry for batch in self.batches for entry in batch]


def train(callback, epochs, *, first=0):
    callback.on_train_begin({"epochs": epochs})
    for epoch in range(first, first + epochs):
        callback.on_epoch_end(epoch, {"loss": 1.0 / (epoch + 1)})
    callback.on_train_end({"loss": 0.0})


def test_what_only_counts_is_no_metric_and_neither_are_seconds_for_that_name_is_the_whole_run_s():
    client = Recorder()
    callback = EpochMetrics(client, "run")
    callback.on_train_begin({"epochs": 1})
    callback.on_epoch_end(0, {"epoch": 0, "stage": 0, "loss": 0.5, "seconds": 0.1, "clipped": 0.25})
    callback.close()
    assert client.written == [("loss", 0.5, 0), ("clipped", 0.25, 0)]


def test_epochs_are_written_in_batches_and_the_rest_at_the_end():
    client = Recorder()
    train(EpochMetrics(client, "run", flush_seconds=1000, flush_epochs=50), 120)
    assert [len(batch) for batch in client.batches] == [50, 50, 20]
    assert client.written == [("loss", 1.0 / (epoch + 1), epoch) for epoch in range(120)]


def test_epochs_are_written_after_some_seconds():
    client = Recorder()
    train(EpochMetrics(client, "run", flush_seconds=0), 3)
    assert [len(batch) for batch in client.batches] == [1, 1, 1]


def test_a_batch_is_never_larger_than_mlflow_takes():
    client = Recorder()
    callback = EpochMetrics(client, "run", flush_seconds=1000)
    callback.on_train_begin({})
    callback.on_epoch_end(0, {f"m{k}": 1.0 for k in range(2500)})
    callback.on_train_end({})
    assert [len(batch) for batch in client.batches] == [1000, 1000, 500]


def test_the_number_of_the_epoch_is_no_metric():
    client = Recorder()
    callback = EpochMetrics(client, "run")
    callback.on_epoch_end(4, {"epoch": 4, "loss": 0.5})
    callback.close()
    assert client.written == [("loss", 0.5, 4)]


def test_a_second_training_in_the_run_goes_on_counting():
    client = Recorder()
    callback = EpochMetrics(client, "run")
    train(callback, 2)
    train(callback, 3)
    assert [step for _, _, step in client.written] == [0, 1, 2, 3, 4]


def test_a_store_that_refuses_never_stops_the_training_and_is_one_error_when_closed(caplog):
    client = Recorder()
    client.refusing = True
    callback = EpochMetrics(client, "run", flush_seconds=0)
    train(callback, 30)
    assert client.calls == 2, "after a failure it pauses: once in the first epoch, once at the end"
    with pytest.raises(
        TrackingError, match=r"writing the metrics of the epochs failed at .*: database is locked"
    ) as caught:
        callback.close()
    assert "much more" not in str(caught.value)
    assert client.written == []
    assert "Training goes on" in caplog.text


def test_nothing_is_lost_and_nothing_raised_when_the_store_comes_back():
    client = Recorder()
    client.refusing = True
    callback = EpochMetrics(client, "run", flush_seconds=0)
    callback.on_train_begin({})
    callback.on_epoch_end(0, {"loss": 1.0})
    client.refusing = False
    callback.on_epoch_end(1, {"loss": 0.5})
    callback.on_train_end({})
    callback.close()
    assert client.written == [("loss", 1.0, 0), ("loss", 0.5, 1)]


def test_a_real_store_keeps_every_epoch_also_one_without_a_number(settings, client):
    run = client.create_run(experiment_id(client, settings, "toy", None)).info.run_id
    callback = EpochMetrics(client, run)
    callback.on_train_begin({})
    for epoch, loss in enumerate([1.0, math.nan, 0.25]):
        callback.on_epoch_end(epoch, {"loss": loss, "learning_rate": 0.01})
    callback.on_train_end({})
    history = client.get_metric_history(run, "loss")
    assert [metric.step for metric in history] == [0, 1, 2]
    assert history[0].value == 1.0
    assert math.isnan(history[1].value)
    assert len(client.get_metric_history(run, "learning_rate")) == 3
