"""What a fitted forecaster goes on from: histories, covariates known ahead, and the windows made of them."""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecasting.errors import ParameterError
from forecasting.estimators.encoding import Encoding
from forecasting.estimators.preparing import read_windows
from forecasting.panel import (
    Notice,
    Panel,
    appended,
    following,
    read_future,
    to_panel,
    treat_covariates,
    treat_gaps,
)
from forecasting.targets import Target
from forecasting.windows import Channels, Windows

if TYPE_CHECKING:
    from forecasting.estimators.forecaster import SimpleRNNForecaster

_log = logging.getLogger(__name__)


def histories(
    fitted: "SimpleRNNForecaster",
    data: pd.DataFrame | pd.Series | Panel | None,
    steps: int,
    future: pd.DataFrame | None,
    at_once: int | None = None,
) -> tuple[Panel, Target, Windows]:
    """What to forecast ``steps`` steps from, with the target fitted to its series.

    The log warns where they are more than were fitted for. ``at_once`` is how many steps each reading gives, by default
    all that were fitted for.
    """
    panel, horizon = fitted.panel_ if data is None else _read(fitted, data), fitted._model.spec.horizon
    channels = _channels_ahead(fitted.encoding_, panel, horizon, steps, future, at_once or horizon)
    target = fitted.transform_.of(panel)
    windows, _ = read_windows(panel, fitted.gaps_, target, fitted.lookback_, fitted.season_length_, channels)
    if steps > horizon:
        _log.warning("steps %d to %d are an extrapolation: the model was fitted for %d", horizon + 1, steps, horizon)
    return panel, target, windows


def extended(
    fitted: "SimpleRNNForecaster", data: pd.DataFrame | pd.Series | Panel, *, new_series: bool = False
) -> tuple[Panel, np.ndarray]:
    """The histories with rows that follow on, and how many of the last steps of each series were never trained on.

    Everything that a forecast would refuse about the rows is refused here.
    """
    panel, encoding = fitted.panel_, fitted.encoding_
    part, notices = following(panel, data, irregular=fitted.irregular_, new_series=new_series)
    part, carried = treat_covariates(part, fitted.gaps_)
    treat_gaps(part, fitted.gaps_)
    fitted.transform_.of(part).path(part)
    if not encoding.is_empty:
        encoding.channels(part, fitted._model.spec.horizon)
    tell((*notices, *carried))
    longer = appended(panel, part)
    before = pd.Index(panel.ids).get_indexer(pd.Index(longer.ids))
    untrained = np.where(before >= 0, fitted._untrained[before] - panel.lengths[before], 0) + longer.lengths
    return longer, untrained


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
        irregular=fitted.irregular_,
        allow_constant=True,
        covariates=encoding.along,
        static=encoding.of_series,
        copy=False,
    )
    panel, carried = treat_covariates(panel.choose(encoding.along, encoding.of_series), fitted.gaps_)
    tell((*notices, *carried))
    return panel


def _channels_ahead(
    encoding: Encoding, panel: Panel, horizon: int, steps: int, future: pd.DataFrame | None, at_once: int
) -> Channels | None:
    """The covariates that a forecast of ``steps`` steps reads, ``horizon`` ahead for every ``at_once`` of them."""
    if future is not None and not encoding.future:
        raise ParameterError(
            "the forecaster was fitted without covariates known ahead",
            remedy="Leave 'future' out, or fit with future_covariates=[...].",
            parameter="future",
        )
    if encoding.is_empty:
        return None
    if steps > at_once and encoding.past:
        names = ", ".join(column.name for column in encoding.past)
        raise ParameterError(
            f"{steps} steps are more than the {at_once} of one reading, and going on from them needs values of the past"
            f" covariates ({names}) that are not known",
            remedy="Ask for fewer steps, fit for a longer horizon, or use strategy='direct'.",
            parameter="horizon",
        )
    ahead = (-(-steps // at_once) - 1) * at_once + horizon
    known = read_future(future, panel, encoding.ahead, ahead) if encoding.future else {}
    return encoding.channels(panel, horizon, ahead, known)
