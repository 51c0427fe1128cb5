"""The tables of the forecast ledger, and how times become columns that sort."""

import numpy as np
import pandas as pd
from sqlalchemy import JSON, BigInteger, Column, Float, Integer, MetaData, String, Table

SCHEMA_VERSION = 1

metadata = MetaData()

#: One row per forecast step. ``cutoff`` and ``ds`` are ISO 8601 text (with ``Z`` where the data have a time zone) or
#: integer steps as text; the ``_order`` columns hold the same as microseconds since 1970 in UTC, or as steps.
FORECASTS = Table(
    "forecasts",
    metadata,
    Column("dataset", String(100), primary_key=True),
    Column("unique_id", String, primary_key=True),
    Column("cutoff", String(40), primary_key=True),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("model_version", String(100), primary_key=True),
    Column("model", String(100), nullable=False),
    Column("ds", String(40), nullable=False),
    Column("cutoff_order", BigInteger, nullable=False),
    Column("ds_order", BigInteger, nullable=False),
    Column("tz", String(100)),
    Column("point", Float(53), nullable=False),
    Column("intervals", JSON, nullable=False),
    Column("snapshot", String(64), nullable=False),
    Column("created", String(40), nullable=False),
)

SCHEMA = Table(
    "forecast_schema",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("created", String(40), nullable=False),
)


def encode_times(times: pd.Series) -> tuple[list[str], list[int], str | None]:
    """Text, sorting number and time zone of a column of times.

    Returns
    -------
    texts : list of str
    orders : list of int
        Microseconds since 1970 in UTC, or the steps themselves.
    tz : str or None
    """
    if pd.api.types.is_integer_dtype(times.dtype):
        steps = times.astype("int64").tolist()
        return [str(step) for step in steps], steps, None
    tz = None if times.dt.tz is None else str(times.dt.tz)
    utc = times if tz is None else times.dt.tz_convert("UTC").dt.tz_localize(None)
    stamps = utc.to_numpy().astype("datetime64[us]")
    suffix = "" if tz is None else "Z"
    texts = [text.removesuffix(".000000") + suffix for text in np.datetime_as_string(stamps, unit="us").tolist()]
    return texts, stamps.astype("int64").tolist(), tz


def decode_times(texts: pd.Series, orders: pd.Series, zones: pd.Series) -> pd.Series:
    """The column of times as it was written: int64 steps, naive or zoned datetime64[us].

    Rows of different kinds or zones give a column of objects.
    """
    is_step = ~texts.str.contains("T", regex=False)
    if texts.empty or (not is_step.any() and zones.isna().all()):
        return pd.Series(orders.to_numpy(dtype="int64").view("datetime64[us]"), index=orders.index)
    if is_step.all():
        return orders.astype("int64")
    if not is_step.any() and zones.notna().all() and zones.nunique() == 1:
        stamps = pd.Series(orders.to_numpy(dtype="int64").view("datetime64[us]"), index=orders.index)
        return stamps.dt.tz_localize("UTC").dt.tz_convert(zones.iloc[0])
    cells = [
        order if step else pd.Timestamp(order, unit="us", tz=None if pd.isna(zone) else "UTC")
        for order, step, zone in zip(orders, is_step, zones, strict=True)
    ]
    shown = [c if s or pd.isna(z) else c.tz_convert(z) for c, s, z in zip(cells, is_step, zones, strict=True)]
    return pd.Series(shown, index=orders.index, dtype="object")
