"""forecasting.backtest as one of the peers' scripts, see benchmarks/peers/exchange.py.

Settings: ``n_windows``, ``step`` (between cutoffs), ``refit``, ``n_jobs``, and ``parameters`` of SimpleRNNForecaster
beside horizon, season length and random state. Forecasts hold ``cutoff`` beside ``ds``.

python -m benchmarks.ours_backtest_job job.json
"""

from typing import Any

import pandas as pd

from benchmarks.ours_job import load
from benchmarks.peers.exchange import Job, read_job, run
from forecasting import backtest


def forecast(job: Job, estimator: Any, frame: pd.DataFrame) -> pd.DataFrame:
    """Fit and forecast every window."""
    settings = dict(job["settings"])
    fixed = {"season_length": job["season"], "random_state": job["seed"], "verbose": 0}
    forecaster = estimator(job["horizon"], **fixed, **settings.pop("parameters"))
    result = backtest(forecaster, frame, job["horizon"], baselines=[], verbose=0, **settings)
    return result.rename(columns={"SimpleRNN": "yhat"})[["unique_id", "cutoff", "ds", "yhat"]]


if __name__ == "__main__":
    run(read_job(), load, forecast, "keras", "tensorflow")
