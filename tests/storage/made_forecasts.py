"""Forecast frames for the tests of the ledger."""

from typing import Any

import numpy as np
import pandas as pd

DIGEST = "0" * 64


def forecasts(
    series: int = 2,
    steps: int = 3,
    *,
    cutoff: Any = "2018-12-31",
    tz: str | None = None,
    levels: tuple[Any, ...] = (80, 95),
) -> pd.DataFrame:
    """Daily forecasts after one cutoff; point i is i, its interval is i minus and plus the level."""
    first = cutoff if isinstance(cutoff, int) else pd.Timestamp(cutoff, tz=tz)
    unit = 1 if isinstance(cutoff, int) else pd.Timedelta("1D")
    rows = [(f"s{i}", first, step, first + step * unit) for i in range(series) for step in range(1, steps + 1)]
    frame = pd.DataFrame(rows, columns=["unique_id", "cutoff", "step", "ds"])
    frame["SimpleRNN"] = np.arange(len(frame), dtype=float)
    for level in levels:
        frame[f"SimpleRNN-lo-{level}"] = frame["SimpleRNN"] - float(level)
        frame[f"SimpleRNN-hi-{level}"] = frame["SimpleRNN"] + float(level)
    return frame
