"""A task: what one fit of ours forecasts, and the two rows that every accuracy table has of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pandas as pd

from benchmarks.best import BEST, Settings
from benchmarks.scoring import pooled
from forecasting import Panel, SimpleRNNForecaster, accuracy, backtest
from forecasting.evaluation.baselines import SEASONAL_NAIVE

OURS = "SimpleRNN"
DEFAULT, CHOSEN = f"{OURS} default", f"{OURS} best"
T = TypeVar("T")


@dataclass(frozen=True)
class Task:
    """What one fit forecasts.

    Attributes
    ----------
    name : str
        Key in `benchmarks.best`.
    horizon, season_length : int
    training : callable
        Gives the panel of everything that may be known before the test part.
    forced : mapping
        Parameters that the data force (frequency, calendar, gaps, target); they hold for both rows.
    levels : sequence of float
        Levels of the intervals, in percent; none where only points are scored.
    validation : (int, int)
        Windows, and steps between their cutoffs, on which candidates are compared: the last ones of the training data.
    criterion : str
        The column of `forecasting.accuracy` that decides between candidates. OWA relates to the seasonal naive.
    """

    name: str
    horizon: int
    season_length: int
    training: Callable[[], Panel]
    forced: Mapping[str, Any] = field(default_factory=dict)
    levels: Sequence[float] = ()
    validation: tuple[int, int] = (1, 1)
    criterion: str = "OWA"

    def forecaster(self, settings: Settings) -> SimpleRNNForecaster:
        """An unfitted forecaster with the given settings beside what the task states."""
        stated = {**self.forced, "levels": list(self.levels) or None, **settings}
        return SimpleRNNForecaster(self.horizon, season_length=self.season_length, random_state=0, verbose=0, **stated)

    def rows(self, run: Callable[[SimpleRNNForecaster], T]) -> dict[str, tuple[T, float]]:
        """What ``run`` gives for the default and for the best settings, and the seconds it took; by name of the row.

        Where the best settings are the default, it runs once.
        """
        results: dict[str, tuple[T, float]] = {}
        for name, settings in ((DEFAULT, {}), (CHOSEN, BEST.get(self.name, {}))):
            if name == CHOSEN and not settings:
                results[name] = results[DEFAULT]
                continue
            started = time.perf_counter()
            results[name] = run(self.forecaster(settings)), time.perf_counter() - started
        return results

    def validated(self, settings: Settings) -> float:
        """The criterion of some settings on the last windows of the training data; smaller is better."""
        panel = self.training()
        n_windows, step = self.validation
        frame = backtest(self.forecaster(settings), panel, self.horizon, n_windows, step)
        scores = accuracy(frame, panel, self.season_length, reference=SEASONAL_NAIVE)
        return float(pooled(scores).loc[OURS, self.criterion])


def named(forecasts: pd.DataFrame, name: str) -> pd.DataFrame:
    """Forecasts of ours with another name of the model, ends of intervals included."""
    ours = [column for column in map(str, forecasts) if column.startswith(OURS)]
    return forecasts.rename(columns={column: name + column.removeprefix(OURS) for column in ours})


def beside(frame: pd.DataFrame, rows: Mapping[str, tuple[pd.DataFrame, float]], keys: Sequence[str]) -> pd.DataFrame:
    """The frame with the forecasts of every row of ours beside, by ``keys``; rows as `Task.rows` gives them."""
    for name, (forecasts, _) in rows.items():
        ours = named(forecasts, name)
        columns = [column for column in map(str, ours) if column.startswith(name)]
        frame = frame.merge(ours[[*keys, *columns]], on=list(keys), validate="one_to_one")
    return frame
