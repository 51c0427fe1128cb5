"""The metrics of each epoch, written to MLflow in batches while the network trains."""

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from forecasting.errors import TrackingError
from forecasting.tracking.store import tracking_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

_logger = logging.getLogger(__name__)

_LARGEST_BATCH = 1000  # metrics that MLflow takes in one request
# The step and the time stamp of a metric say the first two, and the number of a stage measures nothing.
_NOT_METRICS = {"epoch", "seconds", "stage"}


class EpochMetrics:
    """Training callback that writes the logs of each epoch to a run.

    Metrics wait in memory and are written together: after ``flush_epochs`` epochs, after ``flush_seconds`` seconds,
    and at the end of training. A store that does not take them never stops a training: they are kept, tried again
    after a pause that doubles, and `close` raises if they could not be written in the end.

    Parameters
    ----------
    client : MlflowClient
    run_id : str
    flush_seconds : float, default 5.0
    flush_epochs : int, default 50
    """

    def __init__(
        self, client: "MlflowClient", run_id: str, *, flush_seconds: float = 5.0, flush_epochs: int = 50
    ) -> None:
        self._client = client
        self._run_id = run_id
        self._flush_seconds = flush_seconds
        self._flush_epochs = flush_epochs
        self._waiting: list[Metric] = []
        self._epochs_waiting = 0
        self._last_try = time.monotonic()
        self._pause = 0.0
        self._failure: TrackingError | None = None
        self._steps_before = 0
        self._steps = 0

    def on_train_begin(self, info: Mapping[str, Any]) -> None:  # noqa: ARG002 - the form of a callback
        """Begin a training. A second one in the same run goes on counting the steps."""
        self._steps_before = self._steps
        self._last_try = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Take the logs of an epoch; write what waits if it is time."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        step = self._steps_before + epoch
        self._steps = max(self._steps, step + 1)
        self._waiting += [
            Metric(key=name, value=float(value), timestamp=now, step=step)
            for name, value in logs.items()
            if name not in _NOT_METRICS
        ]
        self._epochs_waiting += 1
        waited = time.monotonic() - self._last_try
        due = waited >= self._flush_seconds or self._epochs_waiting >= self._flush_epochs
        if due and waited >= self._pause:
            self._try_to_write()

    def on_train_end(self, logs: Mapping[str, float]) -> None:  # noqa: ARG002 - the form of a callback
        """Write what waits. The logs of the end repeat those of the last epoch and are not written again."""
        self._try_to_write()

    def close(self) -> None:
        """Write what still waits.

        Raises
        ------
        TrackingError
            If it could not be written.
        """
        if self._waiting:
            self._try_to_write()
        if self._failure is not None:
            raise self._failure

    def _try_to_write(self) -> None:
        self._failure = None
        try:
            while self._waiting:
                batch = self._waiting[:_LARGEST_BATCH]
                with tracking_errors("writing the metrics of the epochs", self._client.tracking_uri):
                    self._client.log_batch(self._run_id, metrics=batch)
                del self._waiting[: len(batch)]
            self._pause = 0.0
        except TrackingError as error:
            self._failure = error
            self._pause = max(2 * self._pause, 2 * self._flush_seconds, 1.0)
            _logger.warning("%s. Training goes on; the metrics are kept and tried again", error.problem)
        self._epochs_waiting = 0
        self._last_try = time.monotonic()
