"""An estimator whose best parameters are known, series for it, and a callback that writes down what it is told."""

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from forecasting.errors import ParameterError
from forecasting.panel import Panel

HORIZON = 4


class Line(BaseEstimator):
    """Goes on from the last value by ``slope`` per step, off by ``bias``, and by ``wobble`` up and down in turn."""

    fitted_on: ClassVar[list[Panel]] = []
    at_fit: ClassVar[Any] = None

    def __init__(self, slope=0.0, bias=0.0, wobble=0.0, levels=(), season_length=1, horizon=HORIZON, verbose=1):
        self.slope = slope
        self.bias = bias
        self.wobble = wobble
        self.levels = levels
        self.season_length = season_length
        self.horizon = horizon
        self.verbose = verbose

    def fit(self, data: Panel) -> "Line":
        if self.slope == "bad":
            raise ParameterError("it must be a number", parameter="slope")
        if self.slope == "broken":
            raise KeyError("an oversight")
        Line.fitted_on.append(data)
        if Line.at_fit is not None:
            Line.at_fit()
        self.fitted_ = True
        return self

    def predict(self, *, horizon: int, data: Panel) -> pd.DataFrame:
        steps = np.arange(1, horizon + 1)
        last = np.array([values[-1] for values in data])
        up_or_down = (-1.0) ** (data.lengths // HORIZON)
        point = last[:, None] + self.slope * steps + (self.bias + self.wobble * up_or_down)[:, None]
        frame = pd.DataFrame(
            {
                "unique_id": np.repeat(data.ids, horizon),
                "ds": data.stamps(data.future_times(horizon)),
                "Line": point.ravel(),
            }
        )
        for level in self.levels:
            frame[f"Line-lo-{level}"], frame[f"Line-hi-{level}"] = frame["Line"] - 1, frame["Line"] + 1
        return frame


def lines(length: int = 60, noise: float = 0.1) -> pd.DataFrame:
    """Two daily series that rise by 2 a day, nearly."""
    rng = np.random.default_rng(0)
    return pd.concat(
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": pd.date_range("2025-01-01", periods=length, freq="D"),
                "y": start + 2.0 * np.arange(length) + noise * rng.normal(size=length),
            }
        )
        for name, start in (("a", 0.0), ("b", 500.0))
    )


class Diary:
    """Writes down what it is told; can press Ctrl-C when a trial begins or has its first score."""

    def __init__(self, interrupt_at: int | None = None, *, within: bool = False) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.interrupt_at, self.within = interrupt_at, within

    def on_tune_begin(self, info):
        self.told.append(("begin", dict(info)))

    def on_trial_begin(self, trial, parameters):
        self.told.append(("trial", trial, dict(parameters)))
        if trial == self.interrupt_at and not self.within:
            raise KeyboardInterrupt

    def on_score(self, trial, windows, score):
        self.told.append(("score", trial, windows, score))
        if trial == self.interrupt_at and self.within:
            raise KeyboardInterrupt

    def on_trial_end(self, trial, result):
        self.told.append(("done", trial, dict(result)))

    def on_tune_end(self, tuning):
        self.told.append(("end", tuning))
