"""SimpleRNNForecaster as one of the peers' scripts, see benchmarks/peers/exchange.py.

Settings: parameters of the estimator beside horizon, season length and random state.

python -m benchmarks.ours_job job.json
"""

from importlib import import_module
from typing import Any

import pandas as pd

from benchmarks.peers.exchange import Job, read_job, run


def load(_job: Job) -> Any:
    """The estimator, and Keras with its backend."""
    import_module("keras")
    return import_module("forecasting").SimpleRNNForecaster


def forecast(job: Job, estimator: Any, frame: pd.DataFrame) -> pd.DataFrame:
    """Fit and forecast."""
    fixed = {"season_length": job["season"], "random_state": job["seed"], "verbose": 0}
    forecaster = estimator(job["horizon"], **fixed, **job["settings"]).fit(frame)
    forecasts: pd.DataFrame = forecaster.predict()
    return forecasts.rename(columns={"SimpleRNN": "yhat"})[["unique_id", "ds", "yhat"]]


if __name__ == "__main__":
    run(read_job(), load, forecast, "keras", "tensorflow")
