"""Darts' historical_forecasts of RNNModel with a plain tanh cell: many cutoffs.

Settings: as of darts_rnn.py, and ``n_windows``, ``step`` (between cutoffs) and ``refit``. Fitted once, it is one global
model of all series, each scaled by what stands before the first cutoff. With ``refit`` Darts fits every series by
itself at every cutoff. Forecasts hold ``cutoff`` beside ``ds``.
"""

from types import SimpleNamespace

import numpy as np
import pandas as pd
from darts_rnn import load, network
from exchange import Job, read_job, run


def forecast(job: Job, darts: SimpleNamespace, frame: pd.DataFrame) -> pd.DataFrame:
    """Fit and forecast every window."""
    settings, horizon = job["settings"], job["horizon"]
    held_out = horizon + (settings["n_windows"] - 1) * settings["step"]
    groups = list(frame.groupby("unique_id", sort=False))
    series = [darts.series.from_values(rows["y"].to_numpy(np.float32)) for _, rows in groups]
    known = [one[:-held_out] for one in series]
    model = network(job, darts)
    scaler = darts.scaler()
    windows = {
        "forecast_horizon": horizon,
        "stride": settings["step"],
        "start": -held_out,
        "start_format": "position",
        "last_points_only": False,
    }
    if settings["refit"]:
        made = model.historical_forecasts(series, retrain=True, data_transformers={"series": scaler}, **windows)
    else:
        model.fit(scaler.fit_transform(known))
        made = model.historical_forecasts(scaler.transform(series), retrain=False, **windows)
        made = scaler.inverse_transform(made)
    parts = []
    for (name, rows), forecasts in zip(groups, made, strict=True):
        times = rows["ds"].to_numpy()
        for one in forecasts:
            at = one.time_index.to_numpy()
            parts.append(
                pd.DataFrame(
                    {"unique_id": name, "cutoff": times[at[0] - 1], "ds": times[at], "yhat": one.values()[:, 0]}
                )
            )
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    run(read_job(), load, forecast, "darts", "torch")
