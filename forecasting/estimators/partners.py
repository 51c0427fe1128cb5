"""The simple forecasts that an ensemble is combined with: the naive one, and an exponential smoothing."""

import numpy as np

from forecasting.network import linear
from forecasting.scaling import Batch
from forecasting.smoothing import Smoother
from forecasting.windows import CutRanges, Cuts, Windows, reach

_MOST_MISSING = 0.7
"""Where more of the steps is missing, no smoothing is tried."""
_MOST_HISTORIES = 2_000
"""What is expected of smoothings is the mean over so many histories at most,"""
_MOST_VALUES = 4_000_000
"""and over so many of their values."""


def usual_smoother(windows: Windows, cuts: Cuts | CutRanges, horizon: int) -> Smoother | None:
    """A smoother by what these cuts say; None where much of the series is missing."""
    if windows.share_missing > _MOST_MISSING:
        return None
    return windows.smoother(linear.spread(cuts, most_histories(windows.lookback, windows.season_length)), horizon)


def most_histories(lookback: int, season_length: int) -> int:
    """How many histories, each as long as `reach` says, a smoother is made of at most."""
    return max(1, min(_MOST_HISTORIES, _MOST_VALUES // reach(lookback, season_length)))


def partner_forecasts(
    windows: Windows, cuts: Cuts, batch: Batch, anchor_kernel: np.ndarray, smoother: Smoother | None
) -> list[np.ndarray]:
    """Scaled forecasts at these cuts, each of shape (n, horizon): the naive one, and that of a smoother if there is."""
    naive = batch.inputs @ anchor_kernel
    if smoother is None:
        return [naive]
    return [naive, batch.scaled(windows.smoothed(cuts, smoother, anchor_kernel.shape[1]))]
