"""What a fitted forecaster goes on from: histories, covariates known ahead, and the windows made of them."""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

from forecasting.errors import ParameterError
from forecasting.estimators.encoding import Encoding
from forecasting.estimators.preparing import read_windows
from forecasting.panel import Notice, Panel, read_future, to_panel, treat_covariates
from forecasting.windows import Channels, Windows

if TYPE_CHECKING:
    from forecasting.estimators.forecaster import SimpleRNNForecaster

_log = logging.getLogger(__name__)


def histories(
    fitted: "SimpleRNNForecaster",
    data: pd.DataFrame | pd.Series | Panel | None,
    steps: int,
    future: pd.DataFrame | None,
) -> tuple[Panel, Windows]:
    """What to forecast ``steps`` steps from; the log warns where they are more than were fitted for."""
    panel, horizon = fitted.panel_ if data is None else _read(fitted, data), fitted._model.spec.horizon
    channels = _channels_ahead(fitted.encoding_, panel, horizon, steps, future)
    target = fitted.transform_.of(panel)
    windows, _ = read_windows(panel, fitted.gaps_, target, fitted.lookback_, fitted.season_length_, channels)
    if steps > horizon:
        _log.warning("steps %d to %d are an extrapolation: the model was fitted for %d", horizon + 1, steps, horizon)
    return panel, windows


def tell(notices: Iterable[Notice]) -> None:
    """Write what was seen or done about data into the log."""
    for notice in notices:
        _log.warning("%s", notice.message)


def _read(fitted: "SimpleRNNForecaster", data: pd.DataFrame | pd.Series | Panel) -> Panel:
    frequency, encoding = fitted.frequency_, fitted.encoding_
    panel, notices = to_panel(
        data,
        frequency=frequency,
        calendar=frequency.calendar,
        allow_constant=True,
        covariates=encoding.along,
        static=encoding.of_series,
    )
    panel, carried = treat_covariates(panel.choose(encoding.along, encoding.of_series), fitted.gaps_)
    tell((*notices, *carried))
    return panel


def _channels_ahead(
    encoding: Encoding, panel: Panel, horizon: int, steps: int, future: pd.DataFrame | None
) -> Channels | None:
    """The covariates that a forecast of ``steps`` steps reads; ``horizon`` of them are read at once."""
    if future is not None and not encoding.future:
        raise ParameterError(
            "the forecaster was fitted without covariates known ahead",
            remedy="Leave 'future' out, or fit with future_covariates=[...].",
            parameter="future",
        )
    if encoding.is_empty:
        return None
    if steps > horizon and encoding.past:
        names = ", ".join(column.name for column in encoding.past)
        raise ParameterError(
            f"{steps} steps are more than the {horizon} fitted for, and going on from them needs values of the past"
            f" covariates ({names}) that are not known",
            remedy="Ask for fewer steps, or fit for a longer horizon.",
            parameter="horizon",
        )
    ahead = -(-steps // horizon) * horizon
    known = read_future(future, panel, encoding.ahead, ahead) if encoding.future else {}
    return encoding.channels(panel, horizon, ahead, known)
