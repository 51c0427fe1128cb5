"""Panels and forecast frames for the tests of the stores."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from forecasting.panel import Frequency, Panel

STARTS = {"W-SAT": "2024-01-06", "QS": "2024-01-01"}


def make_panel(
    lengths: list[int], *, frequency: str | int = "D", calendar: str | None = None, tz: str | None = None
) -> Panel:
    """Series named s0, s1 ... of these lengths, all from one start; the values count from 0."""
    step = Frequency.parse(frequency, calendar)
    midnight = pd.Timestamp(STARTS.get(str(frequency), "2024-01-02"), tz=tz or "UTC").tz_convert("UTC")
    start = np.array(0) if step.is_step else np.datetime64(midnight.tz_localize(None), "us")
    times = [step.advance(start, np.arange(length), tz=tz) for length in lengths]
    return Panel(
        values=np.arange(sum(lengths), dtype=np.float64),
        times=np.concatenate(times),
        indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        ids=np.array([f"s{i}" for i in range(len(lengths))], dtype=object),
        frequency=step,
        tz=tz,
    )


GRIDS = [("D", None, None), ("h", None, "Europe/Berlin"), ("W-SAT", None, None), ("QS", None, None), (1, None, None)]
GRIDS += [("session", "XNYS", None), ("5min", None, "UTC")]


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    """Any panel without empty series, with any names and any values."""
    frequency, calendar, tz = draw(st.sampled_from(GRIDS))
    lengths = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    panel = make_panel(lengths, frequency=frequency, calendar=calendar, tz=tz)
    names = draw(st.lists(st.text(min_size=1), min_size=len(lengths), max_size=len(lengths), unique=True))
    values = draw(st.lists(st.floats(width=64), min_size=sum(lengths), max_size=sum(lengths)))
    return Panel(np.array(values), panel.times, panel.indptr, np.array(names, dtype=object), panel.frequency, tz)
