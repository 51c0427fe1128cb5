"""What may watch a tuning: plain objects with five methods, and the progress line on the terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from forecasting.tuning.tune import Tuning


class TuningCallback(Protocol):
    """Told about a tuning as it goes on."""

    def on_tune_begin(self, info: Mapping[str, Any]) -> None:
        """Before the first trial.

        ``trials`` (at most; None without a limit), ``trials_before`` (taken over from an earlier call), ``space`` (in
        words, by parameter), ``metric``, ``horizon``, ``n_windows``, ``n_test_windows``, ``cutoff`` (the last time that
        the search sees, over all series).
        """

    def on_trial_begin(self, trial: int, parameters: Mapping[str, Any]) -> None:
        """Before a trial, counted from 0; its parameters as far as they differ from those of the estimator."""

    def on_score(self, trial: int, windows: int, score: float) -> None:
        """After each fit of a trial: how many windows are forecast, and their score."""

    def on_trial_end(self, trial: int, result: Mapping[str, Any]) -> None:
        """After a trial.

        ``state`` ("complete", "pruned", "failed", "interrupted"), ``score`` (None if there is none), ``seconds``, and
        ``error`` (None or text).
        """

    def on_tune_end(self, tuning: "Tuning | None") -> None:
        """At the end, with the result; None when an error or the keyboard ended the tuning."""


class Callbacks:
    """Several callbacks as one."""

    def __init__(self, callbacks: Sequence[TuningCallback]) -> None:
        self.callbacks = tuple(callbacks)

    def on_tune_begin(self, info: Mapping[str, Any]) -> None:
        """Pass on."""
        for callback in self.callbacks:
            callback.on_tune_begin(info)

    def on_trial_begin(self, trial: int, parameters: Mapping[str, Any]) -> None:
        """Pass on."""
        for callback in self.callbacks:
            callback.on_trial_begin(trial, parameters)

    def on_score(self, trial: int, windows: int, score: float) -> None:
        """Pass on."""
        for callback in self.callbacks:
            callback.on_score(trial, windows, score)

    def on_trial_end(self, trial: int, result: Mapping[str, Any]) -> None:
        """Pass on."""
        for callback in self.callbacks:
            callback.on_trial_end(trial, result)

    def on_tune_end(self, tuning: "Tuning | None") -> None:
        """Pass on."""
        for callback in self.callbacks:
            callback.on_tune_end(tuning)


class TrialLine:
    """One line on standard error: how many trials are done, and the best score."""

    def __init__(self) -> None:
        columns = (TextColumn("tuning"), BarColumn(bar_width=30), TextColumn("{task.fields[note]}"))
        self._progress = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))
        self._task = TaskID(0)
        self._done = 0
        self._best = float("inf")

    def on_tune_begin(self, info: Mapping[str, Any]) -> None:
        """Show the line."""
        self._done = info["trials_before"]
        self._task = self._progress.add_task("tuning", total=info["trials"], completed=self._done, note="")
        self._progress.start()

    def on_trial_begin(self, trial: int, parameters: Mapping[str, Any]) -> None:
        """Nothing to show yet."""

    def on_score(self, trial: int, windows: int, score: float) -> None:
        """Nothing to show yet."""

    def on_trial_end(self, trial: int, result: Mapping[str, Any]) -> None:  # noqa: ARG002 - the form of a callback
        """Move on, with the best score."""
        if result["state"] == "interrupted":
            return
        self._done += 1
        if result["state"] == "complete":
            self._best = min(self._best, result["score"])
        note = f"{self._done} trials" + (f", best {self._best:.4f}" if self._best < float("inf") else "")
        self._progress.update(self._task, completed=self._done, note=note)

    def on_tune_end(self, tuning: "Tuning | None") -> None:  # noqa: ARG002 - the form of a callback
        """Leave the line as it is."""
        self._progress.stop()
