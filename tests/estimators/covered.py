"""Series whose values follow covariates, for the tests of these."""

import numpy as np
import pandas as pd

from tests.estimators.made import HORIZON

LENGTHS = (160, 120)


def covered_frame(lengths: tuple[int, ...] = LENGTHS, seed: int = 0) -> pd.DataFrame:
    """Daily series ``a``, ``b``, ... that a temperature and a promotion decide, each day anew.

    ``noise`` is of no use, ``region`` is the same throughout a series.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for number, length in enumerate(lengths):
        heat, promotion = rng.normal(size=length), rng.random(length) < 0.3
        part = {
            "unique_id": chr(97 + number),
            "ds": pd.date_range("2023-01-02", periods=length, freq="D"),
            "y": 50 + 5 * heat + 8 * promotion + rng.normal(scale=0.3, size=length),
            "heat": heat,
            "promotion": np.where(promotion, "yes", "no"),
            "noise": rng.normal(size=length),
            "region": ["north", "south"][number % 2],
        }
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def split(frame: pd.DataFrame, steps: int = HORIZON) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All but the last steps of every series, and these."""
    last = frame.groupby("unique_id").cumcount(ascending=False) < steps
    return frame[~last].reset_index(drop=True), frame[last].reset_index(drop=True)
