"""neuralforecast's predict with levels, alone: a model that was fitted before forecasts every series of the frame.

Settings: as of neural.py, and ``levels`` in percent, whose ends are outputs of the network (MQLoss). The model is
fitted to the first ``fit_series`` series before the clock starts; forecasts hold the ends of the intervals beside
``yhat``.
"""

from typing import Any

import neural
import pandas as pd
from exchange import Job, read_job, run


def load(job: Job) -> Any:
    """A fitted model."""
    package, settings = neural.load(job), dict(job["settings"])
    from neuralforecast.losses.pytorch import MQLoss

    frame = pd.read_parquet(job["train"])
    first = frame[frame["unique_id"].isin(frame["unique_id"].unique()[: settings["fit_series"]])]
    settings["arguments"] = settings["arguments"] | {"loss": MQLoss(level=settings["levels"])}
    fitted = neural.learner({**job, "settings": settings}, package)
    fitted.fit(first)
    return fitted


def forecast(job: Job, fitted: Any, frame: pd.DataFrame) -> pd.DataFrame:
    """Forecast every series of the frame."""
    return fitted.predict(df=frame).rename(columns={f"{job['settings']['model']}-median": "yhat"})


if __name__ == "__main__":
    run(read_job(), load, forecast, "neuralforecast", "torch")
