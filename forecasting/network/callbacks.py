"""What may watch a training: plain objects with three methods, and the progress line on the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class TrainingCallback(Protocol):
    """Told about a training as it goes on. Every method gets plain numbers and texts."""

    def on_train_begin(self, info: Mapping[str, Any]) -> None:
        """Before the first step: how many ``members``, ``windows`` and ``held_out_windows``, and ``epochs`` at most."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """After each epoch (counted from 0 over all members): ``loss``, ``val_loss``, ``learning_rate``, ..."""

    def on_train_end(self, logs: Mapping[str, float]) -> None:
        """After the last step, or when an error or the keyboard ends the training: ``seconds``, ``epochs``."""


class Callbacks:
    """Several callbacks as one."""

    def __init__(self, callbacks: Sequence[TrainingCallback]) -> None:
        self.callbacks = tuple(callbacks)

    def on_train_begin(self, info: Mapping[str, Any]) -> None:
        """Pass on."""
        for callback in self.callbacks:
            callback.on_train_begin(info)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Pass on."""
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)

    def on_train_end(self, logs: Mapping[str, float]) -> None:
        """Pass on."""
        for callback in self.callbacks:
            callback.on_train_end(logs)


def watching(callbacks: Sequence[TrainingCallback], *, verbose: int) -> list[TrainingCallback]:
    """These callbacks, after a progress line where ``verbose`` is not 0."""
    return [*([ProgressLine()] if verbose else []), *callbacks]


class ProgressLine:
    """One line on standard error that grows with the training and says how long it will still take."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = TaskID(0)

    def on_train_begin(self, info: Mapping[str, Any]) -> None:
        """Show the line."""
        self._task = self._progress.add_task("training", total=info["epochs"], note="")
        self._progress.start()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Move on, with the last losses."""
        note = "  ".join(f"{name} {logs[name]:.4f}" for name in ("loss", "val_loss") if name in logs)
        self._progress.update(self._task, completed=epoch + 1, note=note)

    def on_train_end(self, logs: Mapping[str, float]) -> None:
        """Fill the line, whatever was stopped early, and leave it."""
        self._progress.update(self._task, completed=self._progress.tasks[0].total, note=f"{logs['seconds']:.1f} s")
        self._progress.stop()
