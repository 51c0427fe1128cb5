"""skforecast: ForecasterRnn with a Keras SimpleRNN over all series at once, as channels of one input.

ForecasterRnn reads series of one common index, so the longest stretch that all have is taken: as many last steps of
each as the shortest has. Settings: ``steps`` (gradient steps, rounded up to whole epochs), ``lags``, ``units`` (of each
recurrent layer), ``dense_units``, ``batch_size``, ``learning_rate``, ``loss``, and ``scaling`` of each series,
``"minmax"`` or ``"standard"``.
"""

import math
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
from exchange import Job, read_job, run


def load(_job: Job) -> SimpleNamespace:
    """What is needed of the package and of Keras."""
    warnings.filterwarnings("ignore")
    import keras
    from skforecast.deep_learning import ForecasterRnn, create_and_compile_model
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    scalers = {"minmax": MinMaxScaler, "standard": StandardScaler}
    return SimpleNamespace(keras=keras, scalers=scalers, forecaster=ForecasterRnn, build=create_and_compile_model)


def forecast(job: Job, needed: SimpleNamespace, frame: pd.DataFrame) -> pd.DataFrame:
    """Fit and forecast."""
    settings, horizon = job["settings"], job["horizon"]
    groups = {str(name): rows for name, rows in frame.groupby("unique_id", sort=False)}
    shortest = min(len(rows) for rows in groups.values())
    wide = pd.DataFrame({name: rows["y"].to_numpy(np.float64)[-shortest:] for name, rows in groups.items()})
    names = list(wide)
    needed.keras.utils.set_random_seed(job["seed"])
    model = needed.build(
        series=wide,
        lags=settings["lags"],
        steps=horizon,
        levels=names,
        recurrent_layer="RNN",
        recurrent_units=settings["units"],
        dense_units=settings["dense_units"],
        compile_kwargs={
            "optimizer": needed.keras.optimizers.Adam(settings["learning_rate"]),
            "loss": settings["loss"],
        },
    )
    windows = shortest - settings["lags"] - horizon + 1
    epochs = math.ceil(settings["steps"] / math.ceil(windows / settings["batch_size"]))
    forecaster = needed.forecaster(
        estimator=model,
        levels=names,
        lags=settings["lags"],
        transformer_series=needed.scalers[settings["scaling"]](),
        fit_kwargs={"epochs": epochs, "batch_size": settings["batch_size"], "verbose": 0},
    )
    forecaster.fit(series=wide)
    predicted = forecaster.predict(steps=horizon)
    by_series = predicted.pivot(columns="level", values="pred")[names]
    last = [rows["ds"].iloc[-1] for rows in groups.values()]
    return pd.DataFrame(
        {
            "unique_id": np.repeat(names, horizon),
            "ds": np.concatenate([end + np.arange(1, horizon + 1) for end in last]),
            "yhat": by_series.to_numpy().T.ravel(),
        }
    )


if __name__ == "__main__":
    run(read_job(), load, forecast, "skforecast", "keras", "tensorflow")
