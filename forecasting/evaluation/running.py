"""Working through the fits of a backtest, in one process or several, past those that are kept, with progress."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from forecasting.errors import ParameterError
from forecasting.evaluation.keeping import Kept, panel_digest
from forecasting.evaluation.origins import Contestant, Part, Windows, run_fit
from forecasting.panel import Panel

THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
"""What TensorFlow reads when it is loaded; the variables of BLAS are set by joblib."""


class Runner:
    """Runs contestants over the same windows.

    Parameters
    ----------
    panel, windows
        As named.
    n_jobs : int
        Processes; -1: one for each core. They share the cores: BLAS and TensorFlow get as many threads in each as
        there are cores for it, at least one.
    folder : Path or None
        Where finished fits are kept.
    advance : callable
        Called after each finished window.
    silent : bool
        Whether estimators with a ``verbose`` parameter are made silent.
    """

    def __init__(
        self,
        panel: Panel,
        windows: Windows,
        *,
        n_jobs: int,
        folder: Path | None,
        advance: Callable[[], None],
        silent: bool,
    ) -> None:
        if n_jobs < 1 and n_jobs != -1:
            raise ParameterError(f"it must be at least 1, or -1 for all cores, not {n_jobs}", parameter="n_jobs")
        self.panel, self.windows, self.folder, self.advance = panel, windows, folder, advance
        if n_jobs == 1:
            self.processes = 1
        else:
            from joblib import cpu_count

            self.processes = cpu_count() if n_jobs == -1 else n_jobs
        self.silent = silent or self.processes > 1
        self._data = panel_digest(panel) if folder is not None else ""

    def run(self, contestants: Sequence[Contestant]) -> list[list[Part]]:
        """The parts of each contestant, in the order of its fits."""
        parts: dict[tuple[int, int], Part] = {}
        stores = [self._store(contestant) for contestant in contestants]
        waiting = []
        for number, store in enumerate(stores):
            for fit in range(self.windows.n_fits):
                kept = store.read(fit) if store else None
                if kept is None:
                    waiting.append((number, fit))
                else:
                    parts[number, fit] = kept
                    self._count(fit)
        for number, fit, part in self._fitted(contestants, waiting):
            store = stores[number]
            if store:
                store.write(fit, part)
            parts[number, fit] = part
        return [[parts[number, fit] for fit in range(self.windows.n_fits)] for number in range(len(contestants))]

    def _store(self, contestant: Contestant) -> Kept | None:
        return None if self.folder is None else Kept(self.folder, contestant, self._data, self.windows)

    def _count(self, fit: int) -> None:
        for _ in self.windows.of_fit(fit):
            self.advance()

    def _fitted(
        self, contestants: Sequence[Contestant], waiting: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[int, int, Part]]:
        """Number of the contestant, number of the fit, and what it gave, as each is finished."""
        if self.processes == 1 or len(waiting) < 2:
            for number, fit in waiting:
                part = run_fit(
                    contestants[number], self.panel, self.windows, fit, silent=self.silent, advance=self.advance
                )
                yield number, fit, part
            return
        from joblib import Parallel, cpu_count, delayed, parallel_config

        processes = min(self.processes, len(waiting))
        threads = max(1, cpu_count() // processes)
        with parallel_config("loky", inner_max_num_threads=threads, initializer=_limit_threads, initargs=(threads,)):
            parallel = Parallel(n_jobs=processes, return_as="generator_unordered", batch_size=1)
            tasks = (
                delayed(_work)(contestants[number], self.panel, self.windows, number, fit) for number, fit in waiting
            )
            for number, fit, part in parallel(tasks):
                self._count(fit)
                yield number, fit, part


def _limit_threads(threads: int) -> None:
    """Set, before a worker loads TensorFlow, how many threads it may use."""
    for name in THREADS:
        os.environ[name] = str(threads)


def _work(contestant: Contestant, panel: Panel, windows: Windows, number: int, fit: int) -> tuple[int, int, Part]:
    """What a worker process does."""
    return number, fit, run_fit(contestant, panel, windows, fit, silent=True)


@contextmanager
def progress_line(windows: int, *, shown: bool) -> Iterator[Callable[[], None]]:
    """A line on standard error with the windows that are done; gives the function that counts one."""
    if not shown:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("backtest"), BarColumn(bar_width=30), MofNCompleteColumn(), TextColumn("windows"))
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("backtest", total=windows)
        yield lambda: progress.advance(task)
