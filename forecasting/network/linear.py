"""Where the linear skip begins: a naive forecast plus the ridge regression of what it leaves.

Both are linear in the window, so both are one matrix of shape (lookback, horizon), and the network starts at a forecast
that is already good. Which naive forecast, and how much of the regression, is decided on held-out windows.
"""

import numpy as np

from forecasting.network.training import HeldOut
from forecasting.windows import Cuts, Windows

ANCHORS = ("naive", "seasonal_naive")
"""The last value, and the value one season before."""
PENALTIES = (0.01, 0.1, 1.0, 10.0)
"""Ridge penalties that are tried, relative to the mean variance of an input."""
_MOST_WINDOWS = 20_000
_LARGEST_TARGET = 10.0
"""Scaled targets are cut off here for the regression, whose squares would otherwise follow a few wild windows."""


def anchor_kernel(name: str, windows: Windows, horizon: int) -> np.ndarray:
    """A naive forecast as a matrix: scaled inputs of shape (n, lookback) times it are its scaled forecasts.

    The scaled path is zero at the last value, so the last value is a matrix of zeros. The value one season back is one
    input where the window shows the path, and minus the sum of the steps since then where it shows steps.
    """
    kernel = np.zeros((windows.lookback, horizon))
    if name == "seasonal_naive":
        for step in range(horizon):
            row = windows.lookback - windows.season_length + step % windows.season_length
            if windows.differenced:
                kernel[row + 1 :, step] = -1.0
            else:
                kernel[row, step] = 1.0
    return kernel


def best_anchor(
    windows: Windows, cuts: Cuts, horizon: int, rng: np.random.Generator, held_out: HeldOut
) -> tuple[str, np.ndarray]:
    """Name and kernel of the naive forecast that is better at ``cuts`` and on the held-out windows together.

    Nothing is fitted in a naive forecast, so that windows for training tell as much about it as others.
    """
    chosen = cuts.take(rng.permutation(len(cuts))[:_MOST_WINDOWS])
    batch = windows.gather(chosen)
    inputs = np.concatenate([batch.inputs, held_out.inputs])
    target = np.concatenate([windows.targets(chosen, batch, horizon), held_out.target])
    seasonal = 1 < windows.season_length <= windows.lookback
    kernels = {name: anchor_kernel(name, windows, horizon) for name in ANCHORS[: 1 + seasonal]}
    return min(kernels.items(), key=lambda item: float(np.nanmean(np.abs(target - inputs @ item[1]))))


def ridge_kernels(
    windows: Windows, cuts: Cuts, anchor: np.ndarray, horizon: int, rng: np.random.Generator
) -> dict[float, np.ndarray]:
    """For every penalty, an anchor's kernel plus the ridge regression of what it leaves of the targets at ``cuts``."""
    chosen = cuts.take(rng.permutation(len(cuts))[:_MOST_WINDOWS])
    batch = windows.gather(chosen)
    target = windows.targets(chosen, batch, horizon).astype(np.float64)
    complete = ~np.isnan(target).any(axis=1)
    inputs = batch.inputs[complete].astype(np.float64)
    left = np.clip(target[complete], -_LARGEST_TARGET, _LARGEST_TARGET) - inputs @ anchor
    n = max(len(inputs), 1)
    values, vectors = np.linalg.eigh(inputs.T @ inputs / n)
    moment = vectors.T @ (inputs.T @ left / n)
    size = max(values.mean(), np.finfo(float).tiny)
    damped = {penalty: np.maximum(values, 0)[:, None] + penalty * size for penalty in PENALTIES}
    return {penalty: anchor + vectors @ (moment / divisor) for penalty, divisor in damped.items()}


def best_penalty(kernels: dict[float, np.ndarray], anchor: np.ndarray, held_out: HeldOut) -> float | None:
    """The penalty whose kernel is best on the held-out windows; None where the anchor alone is better."""
    choices: dict[float | None, np.ndarray] = {None: anchor}
    choices.update(kernels.items())
    return min(choices, key=lambda penalty: held_out.error(held_out.inputs @ choices[penalty]))
