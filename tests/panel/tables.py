"""Small tables that tests of the gate start from."""

from collections.abc import Iterable

import numpy as np
import pandas as pd


def long(times: Iterable[object], values: Iterable[object] | None = None, name: object = "a") -> pd.DataFrame:
    """A long frame of one series; values are 1, 2, 3, ... unless given."""
    ds = times if isinstance(times, pd.Series | pd.Index) else pd.Series(list(times))
    y = np.arange(1.0, len(ds) + 1) if values is None else values
    return pd.DataFrame({"unique_id": name, "ds": ds, "y": y})


def days(count: int, start: str = "2024-01-01", freq: str = "D") -> pd.DatetimeIndex:
    """Neighbouring stamps."""
    return pd.date_range(start, periods=count, freq=freq)
