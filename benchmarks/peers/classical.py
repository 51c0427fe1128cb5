"""statsforecast: AutoETS, AutoTheta, AutoARIMA and SeasonalNaive, fitted once per series, from one or many cutoffs.

Settings: ``models``, their names; ``levels`` in percent; ``history``, the last steps that a model is fitted on and goes
on from (all by default); ``first`` and ``step``: for each series the steps known at the first cutoff, and the steps
between cutoffs. Without ``first`` there is one cutoff, the end of each series. With it each model is fitted up to the
first cutoff and then goes on from every later one with the parameters it has (``forward``). One step ahead all
forecasts come from one pass through the series, their intervals normal with the variance of the fit.

Series must have no holes. Forecasts hold ``cutoff`` beside ``ds``.
"""

from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from exchange import Job, read_job, run


def load(job: Job) -> dict[str, Any]:
    """The models by name."""
    from statsforecast import models

    season = job["season"]
    made = {
        "AutoETS": lambda: models.AutoETS(season_length=season),
        "AutoTheta": lambda: models.AutoTheta(season_length=season),
        "AutoARIMA": lambda: models.AutoARIMA(season_length=season, approximation=True),
        "SeasonalNaive": lambda: models.SeasonalNaive(season_length=season),
    }
    return {name: made[name] for name in job["settings"]["models"]}


def forecast(job: Job, models: dict[str, Any], frame: pd.DataFrame) -> pd.DataFrame:
    """Forecasts of all series by all models."""
    parts = []
    first = job["settings"].get("first", {})
    for name, rows in frame.groupby("unique_id", sort=False):
        values, times = rows["y"].to_numpy(np.float64), rows["ds"].to_numpy()
        cutoffs = _cutoffs(job, len(values), first.get(name))
        blocks = [_keys(name, times, cutoff, job["horizon"]) for cutoff in cutoffs]
        part = pd.concat(blocks, ignore_index=True)
        for model, make in models.items():
            part = part.assign(**_columns(job, model, make(), values, cutoffs))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _cutoffs(job: Job, length: int, first: int | None) -> list[int]:
    if first is None:
        return [length]
    return list(range(first, length - job["horizon"] + 1, job["settings"].get("step", 1)))


def _keys(name: str, times: np.ndarray, cutoff: int, horizon: int) -> pd.DataFrame:
    last = times[cutoff - 1]
    return pd.DataFrame({"unique_id": name, "cutoff": last, "ds": last + np.arange(1, horizon + 1)})


def _columns(job: Job, name: str, model: Any, values: np.ndarray, cutoffs: list[int]) -> dict[str, np.ndarray]:
    settings, horizon = job["settings"], job["horizon"]
    history, levels = settings.get("history") or len(values), settings.get("levels", [])
    known = values[max(0, cutoffs[0] - history) : cutoffs[0]]
    model.fit(known)
    if horizon == 1 and len(cutoffs) > 1:
        return _one_step(name, model, values[max(0, cutoffs[0] - history) :], len(known), cutoffs, levels)
    collected: dict[str, list[np.ndarray]] = {}
    for cutoff in cutoffs:
        if cutoff == cutoffs[0]:
            result = model.predict(h=horizon, level=levels or None)
        else:
            result = model.forward(y=values[max(0, cutoff - history) : cutoff], h=horizon, level=levels or None)
        for column, label in _labels(name, levels).items():
            collected.setdefault(column, []).append(result[label])
    return {column: np.concatenate(blocks) for column, blocks in collected.items()}


def _labels(name: str, levels: list[int]) -> dict[str, str]:
    ends = {f"{name}-{end}-{level}": f"{end}-{level}" for level in levels for end in ("lo", "hi")}
    return {name: "mean", **ends}


def _one_step(
    name: str, model: Any, values: np.ndarray, known: int, cutoffs: list[int], levels: list[int]
) -> dict[str, np.ndarray]:
    """Fitted values of a pass through all values with the parameters of the fit: each sees what came before it."""
    inside = model.predict_in_sample()["fitted"]
    sigma = np.sqrt(np.nanmean((values[:known][-len(inside) :] - inside) ** 2))
    passed = model.forward(y=values, h=1, fitted=True)["fitted"]
    center = passed[known + np.array(cutoffs) - cutoffs[0]]
    columns = {name: center}
    for level in levels:
        half = NormalDist().inv_cdf(0.5 + level / 200) * sigma
        columns[f"{name}-lo-{level}"], columns[f"{name}-hi-{level}"] = center - half, center + half
    return columns


if __name__ == "__main__":
    run(read_job(), load, forecast, "statsforecast")
