"""Darts: RNNModel with a plain tanh cell, one global model over all series, each scaled to between 0 and 1 of its own.

Settings: ``steps`` (gradient steps), and ``arguments`` that are handed to RNNModel as they are, among them
``input_chunk_length`` and ``training_length``.
"""

import logging
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from exchange import Job, read_job, run


def load(job: Job) -> SimpleNamespace:
    """What is needed of the package, with the threads of torch set and its log quiet."""
    for name in ("pytorch_lightning", "lightning_fabric", "darts"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    import torch
    from darts import TimeSeries
    from darts.dataprocessing.transformers import Scaler
    from darts.models import RNNModel

    torch.set_num_threads(job["threads"])
    losses = {"L1": torch.nn.L1Loss(), "MSE": torch.nn.MSELoss()}
    return SimpleNamespace(series=TimeSeries, scaler=Scaler, model=RNNModel, losses=losses)


def network(job: Job, darts: SimpleNamespace) -> Any:
    """An unfitted model."""
    settings = job["settings"]
    arguments = dict(settings["arguments"])
    quiet = {"accelerator": "cpu", "enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    return darts.model(
        model="RNN",
        loss_fn=darts.losses[arguments.pop("loss")],
        n_epochs=1_000_000,
        random_state=job["seed"],
        pl_trainer_kwargs={**quiet, "max_steps": settings["steps"]},
        **arguments,
    )


def forecast(job: Job, darts: SimpleNamespace, frame: pd.DataFrame) -> pd.DataFrame:
    """Fit and forecast."""
    horizon = job["horizon"]
    names, histories, last = [], [], []
    for name, rows in frame.groupby("unique_id", sort=False):
        names.append(name)
        last.append(rows["ds"].iloc[-1])
        histories.append(darts.series.from_values(rows["y"].to_numpy(np.float32)))
    scaler = darts.scaler()
    scaled = scaler.fit_transform(histories)
    model = network(job, darts)
    model.fit(scaled)
    forecasts = scaler.inverse_transform(model.predict(horizon, series=scaled))
    ahead = np.arange(1, horizon + 1)
    return pd.DataFrame(
        {
            "unique_id": np.repeat(names, horizon),
            "ds": np.concatenate([end + ahead for end in last]),
            "yhat": np.concatenate([series.values()[:, 0] for series in forecasts]),
        }
    )


if __name__ == "__main__":
    run(read_job(), load, forecast, "darts", "torch")
