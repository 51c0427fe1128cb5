"""The plain Keras tutorial: windows with stride 1, each series scaled by its history, one SimpleRNN, a dense output.

Settings: ``steps`` (gradient steps), ``units``, ``lookback``, ``batch_size``, ``learning_rate``, ``loss``, and
``scaling``: ``"minmax"`` or ``"standard"`` by the whole history of each series, as tutorials do, or ``"window"``, which
then takes mean and deviation of each window too. One global model over all series; all steps of the horizon come from
the last state.
"""

from types import ModuleType

import numpy as np
import pandas as pd
from exchange import Job, read_job, run


def load(_job: Job) -> ModuleType:
    """Keras on TensorFlow."""
    import keras

    return keras


def forecast(job: Job, keras: ModuleType, frame: pd.DataFrame) -> pd.DataFrame:
    """Fit and forecast."""
    settings, horizon, lookback = job["settings"], job["horizon"], job["settings"]["lookback"]
    groups = list(frame.groupby("unique_id", sort=False))
    values = [rows["y"].to_numpy(np.float64) for _, rows in groups]
    shifts, scales = zip(*(_scaling(series, settings["scaling"]) for series in values), strict=True)
    scaled = [(series - a) / b for series, a, b in zip(values, shifts, scales, strict=True)]
    whole = [np.lib.stride_tricks.sliding_window_view(series, lookback + horizon) for series in scaled]
    windows = np.concatenate(whole).astype(np.float32)
    inputs, targets = windows[:, :lookback], windows[:, lookback:]
    ends = np.stack([series[-lookback:] for series in scaled]).astype(np.float32)
    if settings["scaling"] == "window":
        (inputs, *by), (ends, *back) = _by_window(inputs), _by_window(ends)
        targets = (targets - by[0]) / by[1]
    keras.utils.set_random_seed(job["seed"])
    model = keras.Sequential(
        [keras.Input((lookback, 1)), keras.layers.SimpleRNN(settings["units"]), keras.layers.Dense(horizon)]
    )
    model.compile(optimizer=keras.optimizers.Adam(settings["learning_rate"]), loss=settings["loss"])
    batches = np.random.default_rng(job["seed"]).integers(len(inputs), size=(settings["steps"], settings["batch_size"]))
    rows = batches.ravel()
    model.fit(inputs[rows, :, None], targets[rows], batch_size=settings["batch_size"], shuffle=False, verbose=0)
    predicted = model.predict(ends[..., None], batch_size=512, verbose=0).astype(np.float64)
    if settings["scaling"] == "window":
        predicted = predicted * back[1] + back[0]
    predicted = predicted * np.array(scales)[:, None] + np.array(shifts)[:, None]
    last = np.array([rows["ds"].iloc[-1] for _, rows in groups])
    return pd.DataFrame(
        {
            "unique_id": np.repeat([name for name, _ in groups], horizon),
            "ds": (last[:, None] + np.arange(1, horizon + 1)).ravel(),
            "yhat": predicted.ravel(),
        }
    )


def _scaling(series: np.ndarray, kind: str) -> tuple[float, float]:
    """What is taken from a series, and what it is divided by."""
    if kind == "minmax":
        return float(series.min()), float(np.ptp(series)) or 1.0
    return float(series.mean()), float(series.std()) or 1.0


def _by_window(windows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Windows less their mean over their deviation; the mean; the deviation."""
    mean = windows.mean(axis=1, keepdims=True)
    deviation = np.maximum(windows.std(axis=1, keepdims=True), 1e-3)
    return (windows - mean) / deviation, mean, deviation


if __name__ == "__main__":
    run(read_job(), load, forecast, "keras", "tensorflow")
