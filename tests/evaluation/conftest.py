"""Panels made by hand, and an estimator that is quick and simple enough to follow."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from forecasting.panel.frequency import Frequency
from forecasting.panel.panel import Panel

MakePanel = Callable[..., Panel]


class MeanForecaster(BaseEstimator):
    """Forecasts the mean of what it was fitted on, plus ``weight`` times the last value of the history it is given."""

    def __init__(self, weight: float = 0.0, levels: Sequence[float] = ()) -> None:
        self.weight = weight
        self.levels = levels

    def fit(self, data: Panel) -> "MeanForecaster":
        self.mean_ = float(np.nanmean(data.values))
        self.spread_ = float(np.nanstd(data.values))
        self.fitted_on_ = data
        return self

    def predict(self, *, horizon: int, data: Panel) -> pd.DataFrame:
        last = np.array([values[~np.isnan(values)][-1] for values in data])
        point = np.repeat(self.mean_ + self.weight * last, horizon)
        frame = pd.DataFrame(
            {"unique_id": np.repeat(data.ids, horizon), "ds": data.stamps(data.future_times(horizon)), "Mean": point}
        )
        for level in self.levels:
            frame[f"Mean-lo-{level:g}"] = point - self.spread_ * level / 50
            frame[f"Mean-hi-{level:g}"] = point + self.spread_ * level / 50
        return frame


@pytest.fixture
def make_panel() -> MakePanel:
    """Series by name on integer steps from 1 on, each with its own length."""

    def make(series: dict[str, Sequence[float]], frequency: str | int = 1, start: str | None = None) -> Panel:
        grid = Frequency.parse(frequency)
        arrays = [np.asarray(values, dtype=np.float64) for values in series.values()]
        origin = np.int64(1) if start is None else np.datetime64(start, "us")
        return Panel(
            values=np.concatenate(arrays),
            times=np.concatenate([grid.advance(origin, np.arange(len(values))) for values in arrays]),
            indptr=np.concatenate([[0], np.cumsum([len(values) for values in arrays])]).astype(np.int64),
            ids=np.array(list(series), dtype=object),
            frequency=grid,
        )

    return make
