"""neuralforecast: RNN, LSTM and NHITS, one global model over all series.

Settings: ``model`` (``"RNN"``, ``"LSTM"``, ``"NHITS"``), ``steps`` (gradient steps), and ``arguments`` that are handed
to the model as they are.
"""

import logging
import warnings
from typing import Any

import pandas as pd
from exchange import Job, read_job, run


def load(job: Job) -> Any:
    """The package, with the threads of torch set and its log quiet."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    import neuralforecast
    import neuralforecast.models
    import torch

    torch.set_num_threads(job["threads"])
    return neuralforecast


def learner(job: Job, package: Any) -> Any:
    """An unfitted model of integer steps."""
    settings, horizon = job["settings"], job["horizon"]
    quiet = {
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "logger": False,
        "accelerator": "cpu",
    }
    model = getattr(package.models, settings["model"])(
        h=horizon, max_steps=settings["steps"], random_seed=job["seed"], **settings["arguments"], **quiet
    )
    return package.NeuralForecast(models=[model], freq=1)


def forecast(job: Job, package: Any, frame: pd.DataFrame) -> pd.DataFrame:
    """Fit and forecast."""
    fitted = learner(job, package)
    fitted.fit(frame)
    return fitted.predict().rename(columns={job["settings"]["model"]: "yhat"})[["unique_id", "ds", "yhat"]]


if __name__ == "__main__":
    run(read_job(), load, forecast, "neuralforecast", "torch")
