"""neuralforecast's cross_validation: many cutoffs, one global model over all series.

Settings: as of neural.py, and ``n_windows``, ``step`` (between cutoffs) and ``refit`` (at every cutoff, or once before
the first). Forecasts hold ``cutoff`` beside ``ds``.
"""

from typing import Any

import pandas as pd
from exchange import Job, read_job, run
from neural import learner, load


def forecast(job: Job, package: Any, frame: pd.DataFrame) -> pd.DataFrame:
    """Fit and forecast every window."""
    settings = job["settings"]
    forecasts = learner(job, package).cross_validation(
        frame, n_windows=settings["n_windows"], step_size=settings["step"], refit=settings["refit"]
    )
    return forecasts.rename(columns={settings["model"]: "yhat"})[["unique_id", "cutoff", "ds", "yhat"]]


if __name__ == "__main__":
    run(read_job(), load, forecast, "neuralforecast", "torch")
