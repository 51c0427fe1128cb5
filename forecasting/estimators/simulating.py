"""Futures of a recursive forecast: every step is forecast, missed by an error that may come, and read again."""

import numpy as np

from forecasting.estimators.fitting import Model
from forecasting.estimators.movement import recent_movement
from forecasting.windows import Windows

N_PATHS = 500
"""Futures of each series: the ends of a 95 % interval then lie between the 12th and the 13th path from either side."""
_PATHS_AT_ONCE = 8192


def simulated_paths(model: Model, windows: Windows, steps: int, rng: np.random.Generator) -> np.ndarray:
    """Futures of every series from its end, `N_PATHS` of each.

    The first step of a forecast is taken alone, and an error is added to it that is drawn as first steps of held-out
    windows were missed, in the scale of the window (`Model.draw`: with the local width, and with learned quantiles
    where there are some). The sum is appended to the history, which is read again. So errors are carried on as the
    network carries them on; those of different steps are independent of each other, as those of a one-step forecast are
    that leaves nothing to learn. Also called a bootstrap of residuals, see Hyndman and Athanasopoulos 2021,
    "Forecasting: principles and practice", section 5.5.

    Parameters
    ----------
    model : Model
    windows : Windows
        Without covariates that are known up to the present only, unless for one step.
    steps : int
    rng : numpy.random.Generator

    Returns
    -------
    float64 array of shape (n_series, N_PATHS, steps)
        On the path.
    """
    n_series, at_once = len(windows.indptr) - 1, max(1, _PATHS_AT_ONCE // N_PATHS)
    parts = [
        _futures(model, windows.repeated(np.arange(first, min(first + at_once, n_series)), N_PATHS), steps, rng)
        for first in range(0, n_series, at_once)
    ]
    return np.concatenate(parts).reshape(n_series, N_PATHS, steps)


def quantiles_of(paths: np.ndarray, shares: list[float], center: np.ndarray) -> list[np.ndarray]:
    """Quantiles of futures of shape (n, n_paths, steps), each of shape (n, steps), that never cross the forecast.

    Where the simulated quantile of a probability below one half lies above the forecast, or one above it below, the
    forecast stands in its place; at one half it always does.
    """
    found = []
    for share, quantile in zip(shares, np.quantile(paths, shares, axis=1), strict=True):
        outward = np.minimum if share < 0.5 else np.maximum
        found.append(center if share == 0.5 else outward(quantile, center))
    return found


def _futures(model: Model, windows: Windows, steps: int, rng: np.random.Generator) -> np.ndarray:
    """One future of each series, of shape (n_series, steps)."""
    taken: list[np.ndarray] = []
    while len(taken) < steps:
        if taken:
            windows = windows.extended(taken[-1])
        ends = windows.end_cuts()
        batch, point, spread = model.forecast_at(windows, ends)
        movement = recent_movement(windows, ends, batch.scale)
        error = model.draw(1, 1, spread, movement, rng)[:, 0]
        taken.append(batch.path(point)[:, :1] + error * batch.scale[:, None])
    return np.concatenate(taken, axis=1)
