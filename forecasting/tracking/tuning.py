"""A tuning as an MLflow run, with its trials as nested runs."""

import logging
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from forecasting.errors import TrackingError
from forecasting.tracking.run import TrainingRun

if TYPE_CHECKING:
    from forecasting.tuning.tune import Tuning

_logger = logging.getLogger(__name__)

_STATUS = {"complete": "FINISHED", "pruned": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
_LONGEST_TAG = 1000  # characters of an error that are kept as a tag


class TuningRun(TrainingRun):
    """One tuning as an MLflow run, opened by ``with``, and a callback for `forecasting.tune`.

    The run has the parameters of the estimator, those of the tuning (``tuning.metric``, ``tuning.space.units``, ...)
    and what was chosen (``best.units``), the accuracy on the test windows as metrics and as a file, the table of trials
    as a file, and the verdict as its description. Every trial of this call is a run nested in it, with its parameters
    as far as they differ, the ``score`` after each fit by the number of windows, and its state as a tag. Parameters
    are those of `TrainingRun`.

    A store that does not take what a trial has to tell stops no tuning: it is logged, and leaving raises it.

    Raises
    ------
    TrackingError
        On entering, if the store does not answer; on leaving, if something could not be written.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._trial: str | None = None
        self._failure: TrackingError | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the run with the status that fits."""
        failure = self._failure if error is None else None
        super().__exit__(kind, error or failure, trace)
        if failure is not None:
            raise failure

    def on_tune_begin(self, info: Mapping[str, Any]) -> None:
        """Log what is searched, and how."""
        with self._kept_going():
            self.log_parameters({"tuning": info})

    def on_trial_begin(self, trial: int, parameters: Mapping[str, Any]) -> None:
        """Open a nested run."""
        from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

        self._trial = None
        tags = {MLFLOW_PARENT_RUN_ID: self.run_id, "dataset": self.dataset, "trial": str(trial)}
        with self._kept_going(), self.errors("creating the run of a trial"):
            name = f"trial {trial}" if trial else "trial 0: default"
            self._trial = self.client.create_run(self.experiment_id, run_name=name, tags=tags).info.run_id
            for parameter, value in parameters.items():
                self.client.log_param(self._trial, parameter, value)

    def on_score(self, trial: int, windows: int, score: float) -> None:  # noqa: ARG002 - the form of a callback
        """Log the score after a fit."""
        self._write_metrics({"score": score}, windows)

    def on_trial_end(self, trial: int, result: Mapping[str, Any]) -> None:  # noqa: ARG002 - the form of a callback
        """Close the nested run with the status that fits."""
        if self._trial is None:
            return
        self._write_metrics({"seconds": result["seconds"]}, 0)
        with self._kept_going(), self.errors("closing the run of a trial"):
            self.client.set_tag(self._trial, "state", result["state"])
            if result["error"]:
                self.client.set_tag(self._trial, "error", result["error"][:_LONGEST_TAG])
            self.client.set_terminated(self._trial, _STATUS[result["state"]])

    def on_tune_end(self, tuning: "Tuning | None") -> None:
        """Log what was chosen and what it is worth."""
        if tuning is None:
            return
        with self._kept_going():
            self.log_parameters({"best": tuning.best_params, "best.trial": tuning.best_trial})
            self.log_accuracy("test", tuning.scores)
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "trials.csv"
                tuning.trials.to_csv(file, index=False)
                self.log_file(file)
            with self.errors("writing the description"):
                self.client.set_tag(self.run_id, "mlflow.note.content", str(tuning).replace("\n", "\n\n"))

    def _tags(self) -> dict[str, str]:
        return super()._tags() | {"kind": "tuning", "mlflow.source.name": "forecasting.tune"}

    def _write_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        if self._trial is None:
            return
        now = int(time.time() * 1000)
        with self._kept_going(), self.errors("writing the metrics of a trial"):
            for name, value in metrics.items():
                self.client.log_metric(self._trial, name, value, now, step)

    @contextmanager
    def _kept_going(self) -> Iterator[None]:
        """Log what the store refuses, and keep the first refusal for the end."""
        try:
            yield
        except TrackingError as error:
            _logger.warning("%s. The tuning goes on", error.problem)
            self._failure = self._failure or error
