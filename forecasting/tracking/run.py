"""A training run: everything that is known about one training, in the experiment of its data set."""

import getpass
import logging
import tempfile
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecasting.errors import TrackingError
from forecasting.tracking.epochs import EpochMetrics
from forecasting.tracking.facts import backend_tags, flat_parameters, git_tags, version_tags
from forecasting.tracking.scores import description, pooled_metrics
from forecasting.tracking.store import configure, experiment_id, tracking_errors
from forecasting.tracking.trained_on import SnapshotFacts, dataset_input, sentence, short_digest

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

    from forecasting.settings import Settings

_logger = logging.getLogger(__name__)

_LONGEST_TAG = 1000  # characters of an error that are kept as a tag
_LARGEST_BATCH = 100  # parameters that MLflow takes in one request
_FITTED = ("season_length_", "lookback_", "levels_", "n_parameters_")


class TrainingRun:
    """One training as an MLflow run, opened by ``with``.

    Entering creates the run with its parameters, tags and data set. Leaving closes it: FINISHED, or FAILED with the
    error as a tag, or KILLED when it was interrupted. It does not touch MLflow's own notion of an active run, so that
    it can be used in any thread and beside other runs.

    Parameters
    ----------
    settings : Settings
    dataset : str
        Name of the data set, and of the experiment.
    estimator : object with ``get_params``
        Unfitted or fitted; its parameters are logged.
    snapshot : SnapshotFacts, optional
        The data that it is trained on.
    title : str, optional
        The data set's name for people, used when its experiment is made.
    flow_run_id, flow_run_url : str, optional
        The flow run that this training is part of.

    Attributes
    ----------
    run_id : str
        Known within ``with``.
    epochs : EpochMetrics
        The callback for ``fit``.

    Raises
    ------
    TrackingError
        On entering, if the store does not answer; on leaving, if metrics of epochs could not be written.
    """

    run_id: str
    epochs: EpochMetrics

    def __init__(
        self,
        settings: "Settings",
        dataset: str,
        estimator: Any,
        *,
        snapshot: SnapshotFacts | None = None,
        title: str | None = None,
        flow_run_id: str | None = None,
        flow_run_url: str | None = None,
    ) -> None:
        self.settings = settings
        self.dataset = dataset
        self.title = title
        self.snapshot = snapshot
        self.client: MlflowClient
        self.experiment_id: str
        self._parameters = flat_parameters(estimator.get_params())
        self._flow_run = {"id": flow_run_id, "url": flow_run_url}
        self._began = 0.0

    def __enter__(self) -> "TrainingRun":
        """Create the run."""
        self.client = configure(self.settings)
        self.experiment_id = experiment_id(self.client, self.settings, self.dataset, self.title)
        began = datetime.now(UTC)
        with self.errors("creating the run"):
            run = self.client.create_run(
                self.experiment_id,
                run_name=f"{began:%Y-%m-%d %H:%M:%S} {self.dataset}",
                tags=self._tags(),
            )
        self.run_id = run.info.run_id
        self._began = time.monotonic()
        self.epochs = EpochMetrics(self.client, self.run_id)
        try:
            self.log_parameters(self._parameters)
            self._log_dataset()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the run with the status that fits."""
        try:
            self._close("FINISHED" if error is None else "FAILED" if isinstance(error, Exception) else "KILLED", error)
        except TrackingError as second:
            if error is None:
                raise
            _logger.error("the run %s could not be closed: %s", self.run_id, second)  # the first error is the cause

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Log parameters as text; long values are cut, visibly."""
        from mlflow.entities import Param

        logged = [Param(name, text) for name, text in flat_parameters(parameters).items()]
        with self.errors("writing parameters"):
            for start in range(0, len(logged), _LARGEST_BATCH):
                self.client.log_batch(self.run_id, params=logged[start : start + _LARGEST_BATCH])

    def log_metrics(self, metrics: Mapping[str, float], *, model_id: str | None = None) -> None:
        """Log single figures; with ``model_id`` also as figures of that logged model, on the snapshot's data."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        data = self.snapshot if model_id else None
        logged = [
            Metric(
                name,
                float(value),
                now,
                step=0,
                model_id=model_id,
                dataset_name=self.dataset if data else None,
                dataset_digest=short_digest(data) if data else None,
                run_id=self.run_id if model_id else None,
            )
            for name, value in metrics.items()
        ]
        with self.errors("writing metrics"):
            self.client.log_batch(self.run_id, metrics=logged)

    def log_fit(self, estimator: Any) -> None:
        """Log what is known after ``fit``: fitted values, seconds, health, the device and the backend.

        Raises
        ------
        TrackingError
            If metrics of the epochs could not be written.
        """
        self.epochs.close()
        fitted = {f"fitted.{name[:-1]}": getattr(estimator, name) for name in _FITTED}
        self.log_parameters(fitted | {"fitted.frequency": estimator.frequency_.alias})
        single = {"fit_seconds": estimator.fit_seconds_, "epochs": len(estimator.history_)}
        self.log_metrics(single | estimator.health_.as_metrics())
        tags = {"device": str(estimator.device_), "health": estimator.health_.diagnosis, **backend_tags()}
        with self.errors("writing tags"):
            for name, value in tags.items():
                self.client.set_tag(self.run_id, name, value)

    def log_accuracy(self, part: str, accuracy: pd.DataFrame, *, model_id: str | None = None) -> None:
        """Log an accuracy table: its pooled rows as metrics, the whole table as a file.

        Parameters
        ----------
        part : str
            What was forecast, "validation" or "test"; the metrics are named ``test.MASE`` for the model and
            ``test.SeasonalNaive.MASE`` for another one.
        accuracy : DataFrame
            One row per series (``unique_id``) and ``model``, and rows "(all)" over all series. A figure that is
            missing (the coverage of a model without intervals) is not logged.
        model_id : str, optional
            The logged model that the figures belong to.
        """
        self.log_metrics(pooled_metrics(part, accuracy), model_id=model_id)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{part}.csv"
            accuracy.to_csv(file, index=False, float_format="%.6g")
            self.log_file(file, "accuracy")

    def describe(self, accuracy: Mapping[str, pd.DataFrame]) -> str:
        """Write what the run found as its description, and give the text back (Markdown)."""
        parts = [description(accuracy), sentence(self.title or self.dataset, self.snapshot) if self.snapshot else ""]
        if self._flow_run["url"]:
            parts.append(f"Part of the [flow run]({self._flow_run['url']}).")
        text = "\n\n".join(part for part in parts if part)
        with self.errors("writing the description"):
            self.client.set_tag(self.run_id, "mlflow.note.content", text)
        return text

    def log_figure(self, name: str, figure: "Figure") -> None:
        """Keep a matplotlib figure as ``figures/<name>.png``."""
        with self.errors("writing a figure"):
            self.client.log_figure(self.run_id, figure, f"figures/{name}.png", save_kwargs={"dpi": 120})

    def log_file(self, path: Path, folder: str | None = None) -> None:
        """Keep a file, in a folder of the run's artifacts or at their top."""
        with self.errors(f"writing {path.name}"):
            self.client.log_artifact(self.run_id, str(path), folder)

    def _tags(self) -> dict[str, str]:
        known = {
            "dataset": self.dataset,
            "snapshot.digest": self.snapshot.digest if self.snapshot else None,
            "weights": "fresh",
            "prefect.flow_run_id": self._flow_run["id"],
            "prefect.flow_run_url": self._flow_run["url"],
            "mlflow.user": _user(),
            "mlflow.source.name": "forecast train",
            "mlflow.source.type": "JOB",
        }
        return {name: value for name, value in known.items() if value} | version_tags() | backend_tags() | git_tags()

    def _log_dataset(self) -> None:
        """Note the data without copying it: name, digest, where it lies, what it spans."""
        if self.snapshot is None:
            return
        data = dataset_input(self.dataset, self.snapshot)
        with self.errors("writing the data set"):
            self.client.log_inputs(self.run_id, [data])

    def _close(self, status: str, error: BaseException | None) -> None:
        late: TrackingError | None = None
        try:
            self.epochs.close()
        except TrackingError as failure:
            late, error = failure, error or failure
            status = "FAILED" if status == "FINISHED" else status
        if late is None:
            self.log_metrics({"seconds": time.monotonic() - self._began})
        with self.errors("closing the run"):
            if error is not None:
                self.client.set_tag(self.run_id, "error", f"{type(error).__name__}: {error}"[:_LONGEST_TAG])
            self.client.set_terminated(self.run_id, status)
        if late is not None:
            raise late

    def errors(self, doing: str) -> AbstractContextManager[None]:
        """Turn what the store raises into a `TrackingError` that names the data set."""
        return tracking_errors(doing, self.settings.tracking_uri, dataset=self.dataset)


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return None
