"""Between forecast frames and rows of the ledger."""

import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from forecasting.errors import DataError
from forecasting.storage.ledger_tables import decode_times, encode_times

_KEYS = ("unique_id", "cutoff", "step", "ds")
_BOUND = re.compile(r"(?P<model>.+)-(?P<side>lo|hi)-(?P<level>\d+(?:\.\d+)?)")


def to_rows(frame: pd.DataFrame, **same: str) -> list[dict[str, Any]]:
    """Rows of the table ``forecasts``, sorted by key so that writers at the same time lock in the same order.

    Parameters
    ----------
    frame : DataFrame
        Columns ``unique_id``, ``cutoff``, ``step``, ``ds``, one model's column, and ``<model>-lo-80``,
        ``<model>-hi-80`` for each level.
    **same : str
        What is the same in every row.

    Raises
    ------
    DataError
        A column is missing or not understood, a number is not finite, or a key occurs twice.
    """
    model, levels = _model_and_levels(frame)
    if not len(frame):
        return []
    _check_times(frame)
    _check_numbers(frame, [name for name in frame.columns if name not in _KEYS])
    cutoffs, cutoff_orders, tz = encode_times(frame["cutoff"])
    stamps, stamp_orders, _ = encode_times(frame["ds"])
    lows = {level: frame[f"{model}-lo-{level}"].tolist() for level in levels}
    highs = {level: frame[f"{model}-hi-{level}"].tolist() for level in levels}
    points, steps = frame[model].astype("float64").tolist(), frame["step"].astype("int64").tolist()
    created = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    rows = [
        {
            **same,
            "unique_id": str(name),
            "cutoff": cutoffs[i],
            "step": steps[i],
            "model": model,
            "ds": stamps[i],
            "cutoff_order": cutoff_orders[i],
            "ds_order": stamp_orders[i],
            "tz": tz,
            "point": points[i],
            "intervals": {level: [float(lows[level][i]), float(highs[level][i])] for level in levels},
            "created": created,
        }
        for i, name in enumerate(frame["unique_id"])
    ]
    return sorted(rows, key=lambda row: (row["unique_id"], row["cutoff_order"], row["step"]))


def _model_and_levels(frame: pd.DataFrame) -> tuple[str, list[str]]:
    absent = [name for name in _KEYS if name not in frame.columns]
    if absent:
        raise DataError("forecasts lack a column", remedy="Add it.", column=", ".join(absent))
    others = [str(name) for name in frame.columns if name not in _KEYS]
    bounds = {name: match for name in others if (match := _BOUND.fullmatch(name)) and match["model"] in others}
    models = [name for name in others if name not in bounds]
    if len(models) != 1:
        problem = f"forecasts of one model are written at a time, found {', '.join(models) or 'none'}"
        raise DataError(problem, remedy="Keep the columns of one model.")
    levels = sorted({match["level"] for match in bounds.values()}, key=float)
    for level in levels:
        for side in ("lo", "hi"):
            if f"{models[0]}-{side}-{level}" not in frame.columns:
                raise DataError("an interval lacks one side", remedy="Add it.", column=f"{models[0]}-{side}-{level}")
    return models[0], levels


def _check_times(frame: pd.DataFrame) -> None:
    kinds = [frame[name].dtype for name in ("cutoff", "ds")]
    for name, kind in zip(("cutoff", "ds"), kinds, strict=True):
        if not (pd.api.types.is_datetime64_any_dtype(kind) or pd.api.types.is_integer_dtype(kind)):
            problem = f"forecasts need time stamps or integer steps, not {kind}"
            raise DataError(problem, remedy="Convert the column.", column=name)
    zones = [getattr(kind, "tz", None) for kind in kinds]
    if kinds[0].kind != kinds[1].kind or str(zones[0]) != str(zones[1]):
        problem = f"cutoff and ds are of different types ({kinds[0]}, {kinds[1]})"
        raise DataError(problem, remedy="Use the same type and time zone for both.")


def _check_numbers(frame: pd.DataFrame, numbers: list[str]) -> None:
    for name in numbers:
        wrong = np.flatnonzero(~np.isfinite(frame[name].to_numpy(dtype="float64", na_value=np.nan)))
        if len(wrong):
            row = frame.iloc[wrong[0]]
            problem = f"the forecast is not a finite number ({row[name]})"
            remedy = "Look at the training run; such a forecast is not kept."
            raise DataError(problem, remedy=remedy, series=row["unique_id"], time=row["ds"], column=name)
    repeated = frame.duplicated(["unique_id", "cutoff", "step"])
    if repeated.any():
        row = frame[repeated].iloc[0]
        problem = f"step {row['step']} is there twice"
        raise DataError(problem, remedy="Keep one of them.", series=row["unique_id"], time=row["ds"])


def to_frame(rows: list[Any], columns: list[str]) -> pd.DataFrame:
    """Long frame of what was read from the table, with ``lo-80``, ``hi-80`` ... for each level that occurs."""
    table = pd.DataFrame(rows, columns=columns)
    intervals = table["intervals"].tolist()
    frame = pd.DataFrame(
        {
            "dataset": table["dataset"].astype("str"),
            "unique_id": table["unique_id"].astype("str"),
            "cutoff": decode_times(table["cutoff"].astype("str"), table["cutoff_order"], table["tz"]),
            "step": table["step"].astype("int64"),
            "ds": decode_times(table["ds"].astype("str"), table["ds_order"], table["tz"]),
            "model": table["model"].astype("str"),
            "model_version": table["model_version"].astype("str"),
            "point": table["point"].astype("float64"),
        }
    )
    for level in sorted({level for each in intervals for level in each}, key=float):
        for position, side in enumerate(("lo", "hi")):
            frame[f"{side}-{level}"] = [each[level][position] if level in each else np.nan for each in intervals]
    frame["snapshot"] = table["snapshot"].astype("str")
    frame["created"] = pd.to_datetime(table["created"].astype("str"), format="ISO8601", utc=True).dt.as_unit("us")
    return frame
