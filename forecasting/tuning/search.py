"""The search of a tuning: one trial after the other, told, scored, stopped early and recorded."""

import logging
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any

import optuna
import pandas as pd

from forecasting.evaluation.comparison import Comparison
from forecasting.tuning.callbacks import TuningCallback
from forecasting.tuning.judging import Judge
from forecasting.tuning.study import Study, Trial

CLEARLY = 1.0
"""Standard errors of the mean difference over the windows by which a trial must be better than the default."""

_log = logging.getLogger(__name__)


class Search:
    """Runs the trials of a study.

    Parameters
    ----------
    judge : Judge
    study : Study
    watcher : TuningCallback
        Told about every trial.
    """

    def __init__(self, judge: Judge, study: Study, watcher: TuningCallback) -> None:
        self.judge, self.study, self.watcher = judge, study, watcher
        self._frames: dict[int, pd.DataFrame] = {}
        self._best = float("inf")

    def run(self, n_trials: int | None, seconds: float | None) -> None:
        """Run trials until there are so many, or so much time has passed, whichever is first; at least the default."""
        began = monotonic()
        done = len(self.study.finished())
        if done == 0:
            self._default()
            done = 1
        while (n_trials is None or done < n_trials) and (seconds is None or monotonic() - began < seconds):
            self._another(done)
            done += 1

    def choice(self) -> tuple[Trial, Comparison | None]:
        """The trial to take, and how the best one compares with the default; None where none has a better score.

        The best one is taken if the mean difference of its loss to that of the default is at least its standard error,
        else the default.
        """
        default, *others = self.study.finished()
        better = [trial for trial in others if trial.state == "complete" and trial.score < default.score]
        if not better:
            return default, None
        best = min(better, key=lambda trial: trial.score)
        comparison = self.judge.comparison(self._frame(best), self._frame(default))
        return (best if comparison.table["statistic"].iloc[0] >= CLEARLY else default), comparison

    def _default(self) -> None:
        """The estimator as it is: what it raises ends the tuning, for it would be raised by every trial."""
        began, scores = monotonic(), []
        try:
            self.watcher.on_trial_begin(0, {})
            for windows, score, frame in self._scored({}):
                scores.append((windows, score))
                self._frames[0] = frame
                self.watcher.on_score(0, windows, score)
        except BaseException as error:
            self.watcher.on_trial_end(0, _result(_interruption(error), None, monotonic() - began, _named(error)))
            raise
        taken = monotonic() - began
        self.study.add_default(scores, taken)
        self.watcher.on_trial_end(0, _result("complete", scores[-1][1], taken))

    def _another(self, number: int) -> None:
        trial = self.study.ask()
        began = monotonic()
        try:
            self.watcher.on_trial_begin(number, trial.params)
            state, score, windows, error = self._tried(number, trial)
        except BaseException as stop:
            self.study.interrupt(trial)
            self.watcher.on_trial_end(number, _result("interrupted", None, monotonic() - began, _named(stop)))
            raise
        taken = monotonic() - began
        self.study.tell(trial, state, score, windows=windows, seconds=taken, error=error)
        self.watcher.on_trial_end(number, _result(state, score, taken, error))

    def _tried(self, number: int, trial: optuna.Trial) -> tuple[str, float | None, int, str | None]:
        """State, score, windows forecast, and error of a trial."""
        steps = self._scored(trial.params)
        score, windows, frame = None, 0, pd.DataFrame()
        while True:
            try:
                step = next(steps, None)
            except Exception as error:  # noqa: BLE001  # whatever parameters make an estimator raise is their result
                _log.warning("trial %d failed: %s (%s)", number, _named(error), trial.params)
                return "failed", None, windows, _named(error)
            if step is None:
                self._keep(number, score, frame)
                return "complete", score, windows, None
            windows, score, frame = step
            self.watcher.on_score(number, windows, score)
            trial.report(score, windows)
            if self.judge.windows.refit < windows < self.judge.windows.n_windows and trial.should_prune():
                return "pruned", score, windows, None

    def _scored(self, parameters: Mapping[str, Any]) -> Iterator[tuple[int, float, pd.DataFrame]]:
        """After each fit: windows forecast so far, their score, and their frame."""
        for fit, frame in enumerate(self.judge.forecasts(parameters)):
            yield self.judge.windows.of_fit(fit).stop, self.judge.score(frame), frame

    def _keep(self, number: int, score: float | None, frame: pd.DataFrame) -> None:
        """Hold the forecasts of the default and of the best other trial, and of no more."""
        if score is not None and score < self._best:
            self._best = score
            self._frames = {0: self._frames[0]} if 0 in self._frames else {}
            self._frames[number] = frame

    def _frame(self, trial: Trial) -> pd.DataFrame:
        """All windows of a finished trial: held, else from the kept fits, else made again."""
        if trial.number in self._frames:
            return self._frames[trial.number]
        return list(self.judge.forecasts(trial.parameters if trial.number else {}))[-1]


def _interruption(error: BaseException) -> str:
    return "failed" if isinstance(error, Exception) else "interrupted"


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _result(state: str, score: float | None, seconds: float, error: str | None = None) -> dict[str, Any]:
    return {"state": state, "score": score, "seconds": seconds, "error": error}
