"""SimpleRNNForecaster.predict with levels, alone, as one of the peers' scripts, see benchmarks/peers/exchange.py.

Settings: ``levels`` in percent, ``fit_series``, and ``parameters`` of SimpleRNNForecaster beside horizon, season length
and random state. The forecaster is fitted to the first ``fit_series`` series before the clock starts.

python -m benchmarks.ours_predict_job job.json
"""

from typing import Any

import pandas as pd

from benchmarks.peers.exchange import Job, read_job, run
from forecasting import SimpleRNNForecaster


def load(job: Job) -> Any:
    """A fitted forecaster."""
    settings, frame = job["settings"], pd.read_parquet(job["train"])
    first = frame[frame["unique_id"].isin(frame["unique_id"].unique()[: settings["fit_series"]])]
    fixed = {"season_length": job["season"], "random_state": job["seed"], "verbose": 0}
    return SimpleRNNForecaster(job["horizon"], **fixed, **settings["parameters"]).fit(first)


def forecast(job: Job, fitted: Any, frame: pd.DataFrame) -> pd.DataFrame:
    """Forecast every series of the frame."""
    return fitted.predict(levels=job["settings"]["levels"], data=frame).rename(columns={"SimpleRNN": "yhat"})


if __name__ == "__main__":
    run(read_job(), load, forecast, "numpy")
