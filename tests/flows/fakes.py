"""A forecaster without a network, for tests that are about the steps, the flows and the command."""

import json
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from forecasting.errors import StorageError
from forecasting.network.health import Health
from forecasting.panel import to_panel
from tests.tracking.fakes import NO_COVARIATES


class MeanForecaster(BaseEstimator):
    """Forecasts the mean of the last season of each series; the interval is as wide as its level in per cent."""

    encoding_ = NO_COVARIATES

    def __init__(
        self,
        horizon=3,
        *,
        season_length=None,
        lookback=None,
        levels=(80,),
        frequency="infer",
        calendar=None,
        irregular="refuse",
        gaps="refuse",
        target="none",
        shift=0.0,
    ):
        self.horizon = horizon
        self.season_length = season_length
        self.lookback = lookback
        self.levels = levels
        self.frequency = frequency
        self.calendar = calendar
        self.irregular = irregular
        self.gaps = gaps
        self.target = target
        self.shift = shift

    def fit(self, data, callbacks=()):
        self.panel_, self.notices_ = to_panel(data)
        self.frequency_ = self.panel_.frequency
        self.season_length_ = self.season_length or self.frequency_.season_length
        self.target_ = self.target
        self.lookback_, self.levels_ = self.lookback or self.season_length_, list(self.levels)
        self.history_ = [{"epoch": 0, "loss": 1.0, "val_loss": 1.0, "learning_rate": 0.1, "seconds": 0.0}]
        for callback in callbacks:
            callback.on_train_begin({"epochs": 1})
            callback.on_epoch_end(0, {"loss": 1.0, "val_loss": 1.0})
            callback.on_train_end({})
        before = self.panel_.drop_last(self.horizon)
        actual = self.panel_.frame().groupby("unique_id", sort=False).tail(self.horizon)
        cutoffs = dict(zip(before.ids, before.stamps(before.last_times()), strict=True))
        held = actual.assign(cutoff=actual["unique_id"].map(cutoffs))
        self.validation_ = held.merge(self.predict(data=before), on=["unique_id", "ds"])
        self.health_ = Health(1, 1, True, (1.0,), ((1.0,),), (0.0,), (0.0,), (0.9,), (1.0,), 0.0, 0.0)
        self.n_parameters_, self.fit_seconds_, self.device_ = 1, 0.0, "CPU"
        return self

    def predict(self, horizon=None, levels=None, data=None, future=None):
        panel = self.panel_ if data is None else to_panel(data)[0]
        horizon = horizon or self.horizon
        means = [np.nanmean(values[-self.season_length_ :]) + self.shift for values in panel]
        frame = pd.DataFrame(
            {
                "unique_id": np.repeat(panel.ids, horizon),
                "ds": panel.stamps(panel.future_times(horizon)),
                "SimpleRNN": np.repeat(means, horizon),
            }
        )
        for level in self.levels_ if levels is None else levels:
            frame[f"SimpleRNN-lo-{level}"] = frame["SimpleRNN"] - level
            frame[f"SimpleRNN-hi-{level}"] = frame["SimpleRNN"] + level
        return frame

    def save(self, folder):
        Path(folder).mkdir(parents=True, exist_ok=True)
        state = {"parameters": self.get_params(), "season": self.season_length_, "levels": self.levels_}
        (Path(folder) / "state.json").write_text(json.dumps(state))
        self.panel_.frame().to_parquet(Path(folder) / "panel.parquet")

    @classmethod
    def load(cls, folder):
        state = json.loads((Path(folder) / "state.json").read_text())
        if state.get("format"):
            raise StorageError(f"another version of this package wrote it (format {state['format']})", file=folder)
        loaded = cls(**state["parameters"])
        loaded.season_length_, loaded.levels_ = state["season"], state["levels"]
        loaded.panel_ = to_panel(pd.read_parquet(Path(folder) / "panel.parquet"))[0]
        loaded.lookback_ = loaded.season_length_
        return loaded


def estimators_module():
    """A module that takes the place of ``forecasting.estimators``."""
    module = types.ModuleType("forecasting.estimators")
    module.SimpleRNNForecaster = MeanForecaster
    return module


def install():
    """Put the module in place in this process."""
    sys.modules["forecasting.estimators"] = estimators_module()
