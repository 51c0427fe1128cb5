"""A frame as it reaches a served model, made into the frame that the forecaster was trained on."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecasting.errors import DataError

_COLUMNS = ("unique_id", "ds", "y")


def served_frame(
    frame: pd.DataFrame, *, tz: str | None, integer_steps: bool, covariates: Sequence[str] = ()
) -> pd.DataFrame:
    """Text ids, float values, and times of the kind that the model knows; covariates as they are.

    Parameters
    ----------
    frame : DataFrame
        Columns ``unique_id``, ``ds`` and ``y``. Times may be text (as they arrive over HTTP).
    tz : str or None
        The time zone of the model's data. Times with a zone are converted to it, times without are read as UTC.
        Without one, times must have no zone either.
    integer_steps : bool
        The model counts steps instead of times.
    covariates : sequence of str, default ()
        Further columns that the model reads.

    Returns
    -------
    DataFrame
        New, with those three columns and the covariates: ``str``, ``datetime64[us]`` (with the zone ``tz``) or
        ``int64``, and ``float64``.

    Raises
    ------
    DataError
        For a missing column, a time that cannot be read, or text in place of a number.
    """
    missing = [name for name in (*_COLUMNS, *covariates) if name not in frame.columns]
    if missing:
        raise DataError(
            f"the columns {', '.join(missing)} are missing; there are {', '.join(map(str, frame.columns))}",
            remedy=f"This model takes the columns {', '.join((*_COLUMNS, *covariates))}",
        )
    times = frame["ds"].astype("int64") if integer_steps else _times(frame["ds"], tz)
    return pd.DataFrame(
        {
            "unique_id": frame["unique_id"].astype("str").to_numpy(),
            "ds": times.array,
            "y": _numbers(frame["y"]),
            **{name: frame[name].array for name in covariates},
        }
    )


def _times(ds: "pd.Series[Any]", tz: str | None) -> "pd.Series[Any]":
    if not pd.api.types.is_datetime64_any_dtype(ds):
        try:
            ds = pd.to_datetime(ds, utc=tz is not None, format="ISO8601")
        except (ValueError, TypeError) as error:
            reason = str(error).split("\n")[0].split(". You might")[0]
            raise DataError(
                f"times cannot be read: {reason}", column="ds", remedy="Give ISO dates such as 2024-01-31T12:00:00"
            ) from error
    zone = getattr(ds.dt, "tz", None)
    if tz is None and zone is not None:
        raise DataError(
            f"the times have the time zone {zone}, but the model's data has none",
            column="ds",
            remedy='Remove the zone: df["ds"] = df["ds"].dt.tz_localize(None)',
        )
    if tz is not None:
        ds = (ds.dt.tz_localize("UTC") if zone is None else ds).dt.tz_convert(tz)
    times: pd.Series[Any] = ds.dt.as_unit("us")
    return times


def _numbers(y: "pd.Series[Any]") -> np.ndarray:
    numbers = pd.to_numeric(y, errors="coerce")
    bad = np.flatnonzero(numbers.isna() & y.notna())
    if len(bad):
        raise DataError(f"the value {y.iloc[bad[0]]!r} in row {bad[0]} is not a number", column="y")
    return numbers.to_numpy(dtype="float64", na_value=np.nan)
