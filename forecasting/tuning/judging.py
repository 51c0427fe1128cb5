"""How parameters are judged: forecasts of the windows of the search, one fit after the other, and their score."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.backtest import backtest
from forecasting.evaluation.comparison import Comparison, compare
from forecasting.evaluation.handing import fresh
from forecasting.evaluation.metrics import POOLED, accuracy, first_cutoffs, seasonal_scale
from forecasting.evaluation.origins import Windows
from forecasting.panel import Panel

LOSSES = {"MASE": "MAE", "RMSSE": "MSE", "CRPS": "CRPS"}
"""Scores by which a tuning may choose, and the loss that `compare` tests for each."""
TUNED, DEFAULT = "Tuned", "Default"


@dataclass(frozen=True)
class Judge:
    """Scores an estimator with other parameters on some windows.

    Attributes
    ----------
    estimator : object
        With ``get_params`` and ``set_params``; a copy is made for each fit.
    panel : Panel
        The series up to the end of the last window.
    windows : Windows
        They lie one horizon apart.
    season_length : int
    metric : {"MASE", "RMSSE", "CRPS"}
    folder : Path or None
        Where fits are kept.
    """

    estimator: Any
    panel: Panel
    windows: Windows
    season_length: int
    metric: str
    folder: Path | None

    def with_parameters(self, parameters: Mapping[str, Any]) -> Any:
        """An unfitted copy of the estimator with these parameters."""
        return fresh(self.estimator).set_params(**parameters)

    def forecasts(self, parameters: Mapping[str, Any]) -> Iterator[pd.DataFrame]:
        """Frames of a backtest, each with all windows forecast so far; one more after each fit."""
        frames: list[pd.DataFrame] = []
        for fit in range(self.windows.n_fits):
            of_fit = self.windows.of_fit(fit)
            later = (self.windows.n_windows - of_fit.stop) * self.windows.step
            frame = backtest(
                {TUNED: fresh(self.with_parameters(parameters), silent=True)},
                self.panel.drop_last(later),
                self.windows.horizon,
                len(of_fit),
                baselines=(),
                season_length=self.season_length,
                folder=self.folder,
                verbose=0,
            )
            frame.attrs = {}
            frames.append(frame)
            yield pd.concat(frames, ignore_index=True)

    def score(self, frame: pd.DataFrame) -> float:
        """The mean of the metric over the series; lower is better.

        Raises
        ------
        ParameterError
            The metric needs intervals, and there are none.
        DataError
            It is not a number.
        """
        table = accuracy(frame, self.panel, self.season_length, models=[TUNED])
        if self.metric not in table:
            raise ParameterError(
                f"{self.metric} needs intervals, and the estimator forecasts none",
                parameter="metric",
                remedy="Give the estimator levels",
            )
        score = float(table.loc[table["unique_id"] == POOLED, self.metric].iloc[0])
        if not np.isfinite(score):
            raise DataError(
                f"the {self.metric} of the search windows is {score}: no series has both actual values in them and"
                " differences between seasons before them"
            )
        return score

    def comparison(self, tuned: pd.DataFrame, default: pd.DataFrame) -> Comparison:
        """Compare two frames of all windows, named `TUNED` and `DEFAULT`."""
        named = default.drop(columns="y").rename(columns=lambda name: name.replace(TUNED, DEFAULT, 1))
        both = tuned.merge(named, on=["unique_id", "cutoff", "ds"], validate="one_to_one")
        return self.compared(both, self.panel)

    def compared(self, frame: pd.DataFrame, panel: Panel) -> Comparison:
        """Compare the first model of a frame with the others, by the loss of the metric."""
        loss = LOSSES[self.metric]
        scale = None if loss == "CRPS" else seasonal_scale(panel, self.season_length, first_cutoffs(frame))
        return compare(frame, loss=loss, scale=scale)

    def tested(
        self, panel: Panel, n_windows: int, refit: bool | int, choices: Mapping[str, Mapping[str, Any]]
    ) -> pd.DataFrame:
        """A backtest of chosen parameters by name, with the seasonal naive forecast, on the last windows of a panel."""
        return backtest(
            {name: fresh(self.with_parameters(parameters), silent=True) for name, parameters in choices.items()},
            panel,
            self.windows.horizon,
            n_windows,
            refit=refit,
            season_length=self.season_length,
            folder=self.folder,
            verbose=0,
        )
