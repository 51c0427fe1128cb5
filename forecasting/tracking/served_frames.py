"""A frame as it reaches a served model, made into the frame that the forecaster was trained on."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecasting.errors import DataError
from forecasting.panel import split_ahead

_COLUMNS = ("unique_id", "ds", "y")


_NONE: Mapping[str, str] = {}


def served_frame(
    frame: pd.DataFrame, *, tz: str | None, integer_steps: bool, covariates: Mapping[str, str] = _NONE
) -> pd.DataFrame:
    """Text ids, float values, times and covariates of the kinds that the model knows.

    Parameters
    ----------
    frame : DataFrame
        Columns ``unique_id``, ``ds`` and ``y``. Times may be text (as they arrive over HTTP).
    tz : str or None
        The time zone of the model's data. Times with a zone are converted to it, times without are read as UTC.
        Without one, times must have no zone either.
    integer_steps : bool
        The model counts steps instead of times.
    covariates : mapping of str to str, optional
        Further columns that the model reads, each ``"numbers"`` or ``"categories"``. Categories may come as numbers: a
        whole one is the category without decimals.

    Returns
    -------
    DataFrame
        New, with those three columns and the covariates: ``str``, ``datetime64[us]`` (with the zone ``tz``) or
        ``int64``, ``float64``; covariates ``float64`` or objects of str and None.

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
            **{name: (_numbers if kind == "numbers" else _texts)(frame[name]) for name, kind in covariates.items()},
        }
    )


def histories_and_future(frame: pd.DataFrame, ahead: Sequence[str]) -> dict[str, Any]:
    """What ``predict`` is given: the histories and, where covariates are known ahead, the rows behind their ends.

    Parameters
    ----------
    frame : DataFrame
        From `served_frame`.
    ahead : sequence of str
        The covariates known ahead. They are read from the rows behind the last value of each series, whose ``y`` is
        missing.
    """
    if not ahead:
        return {"data": frame}
    histories, future = split_ahead(frame, ahead)
    return {"data": histories, "future": future}


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


def _numbers(column: "pd.Series[Any]") -> np.ndarray:
    numbers = pd.to_numeric(column, errors="coerce")
    bad = np.flatnonzero(numbers.isna() & column.notna())
    if len(bad):
        raise DataError(f"the value {column.iloc[bad[0]]!r} in row {bad[0]} is not a number", column=column.name)
    return numbers.to_numpy(dtype="float64", na_value=np.nan)


def _texts(column: "pd.Series[Any]") -> np.ndarray:
    texts = np.full(len(column), None, dtype=object)
    known = column.notna().to_numpy()
    texts[known] = [_text(cell) for cell in column[known]]
    return texts


def _text(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
