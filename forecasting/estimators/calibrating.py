"""The calibration of intervals on further rows."""

from forecasting.estimators.earlier import MOST_EARLIER
from forecasting.estimators.fitting import Model
from forecasting.estimators.movement import recent_movement
from forecasting.evaluation.local import LocalConformal
from forecasting.evaluation.quantile_conformal import QuantileConformal
from forecasting.windows import Cuts, Windows

MOST_HELD_OUT = 4_000
"""Held-out windows of a fit at most."""
MOST_ERRORS = MOST_HELD_OUT + MOST_EARLIER
"""Forecasts whose errors intervals are calibrated on at most."""


def recalibrated(model: Model, windows: Windows, cuts: Cuts) -> LocalConformal | QuantileConformal:
    """The calibration of a model with its errors at further cuts, whose targets it was not trained on.

    They stand behind those that are there, of which the oldest go where there are more than `MOST_ERRORS`. How far the
    width follows recent movement stays as it is.

    Parameters
    ----------
    model : Model
    windows : Windows
    cuts : Cuts
        At most `MOST_HELD_OUT`.
    """
    if not len(cuts):
        return model.conformal
    batch, point, spread = model.forecast_at(windows, cuts)
    errors = windows.targets(cuts, batch, model.spec.horizon) - point
    movement = recent_movement(windows, cuts, batch.scale)
    if isinstance(model.conformal, QuantileConformal):
        return model.conformal.extended(errors, spread, movement, MOST_ERRORS)
    return model.conformal.extended(errors, movement, MOST_ERRORS)
