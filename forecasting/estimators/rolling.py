"""From a fitted model and histories to a forecast of any horizon."""

import numpy as np

from forecasting.estimators.fitting import Model
from forecasting.windows import Windows

_SERIES_AT_ONCE = 8192


def forecast_path(
    model: Model, windows: Windows, horizon: int, at_once: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forecast every series from its end.

    The first ``at_once`` steps, by default those of the model's horizon, come from one reading of the window. They are
    appended to the history, which is read again, as often as needed.

    Returns
    -------
    center : float64 array of shape (n_series, horizon)
        On the path.
    scale : float64 array of shape (n_series,)
        Of the window at the end of each history.
    spread : float64 array of shape (n_series, n_quantiles, steps fitted for)
        Scaled, from the first reading; see `Model.forecast_and_spread`.
    """
    center, scale, spread = _from_end(model, windows)
    blocks = [center[:, :at_once]]
    while sum(block.shape[1] for block in blocks) < horizon:
        windows = windows.extended(blocks[-1])
        blocks.append(_from_end(model, windows)[0][:, :at_once])
    return np.concatenate(blocks, axis=1)[:, :horizon], scale, spread


def _from_end(model: Model, windows: Windows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ends = windows.end_cuts()
    centers, scales, spreads = [], [], []
    for some in ends.parts(_SERIES_AT_ONCE):
        batch, point, spread = model.forecast_at(windows, some)
        centers.append(batch.path(point))
        scales.append(batch.scale)
        spreads.append(spread)
    return np.concatenate(centers), np.concatenate(scales), np.concatenate(spreads)
