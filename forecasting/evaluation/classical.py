"""Exponential smoothing and Theta of statsmodels, series by series, in the form that a backtest takes."""

import logging
import warnings
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, Self

import numpy as np
import pandas as pd

from forecasting.errors import DataError
from forecasting.evaluation.frames import interval_columns
from forecasting.panel import Panel, treat_gaps

_LOG = logging.getLogger(__name__)
_LEAST = 10
_TRENDS = ({"trend": None}, {"trend": "add"}, {"trend": "add", "damped_trend": True})


class ETS:
    """Exponential smoothing in state space form [1]_, chosen for each series by the corrected Akaike criterion.

    The candidates have additive errors with no or an additive season, and for series above zero multiplicative errors
    with no or a multiplicative season; each without trend, with a linear and with a damped one. A season counts if the
    series shows it twice. The initial states are those of the heuristic of [1]_, and count as parameters. Later
    histories are smoothed with the parameters of the fit.

    Missing steps are read as straight lines between their neighbours, which is logged.

    Parameters
    ----------
    season_length : int
        Steps of a season, at least 1.
    levels : sequence of float
        Levels of the intervals in percent; for multiplicative models from 1,000 simulated paths with a fixed seed.

    References
    ----------
    .. [1] R. J. Hyndman, A. B. Koehler, J. K. Ord, R. D. Snyder, *Forecasting with Exponential Smoothing*, Springer,
       2008, sections 2.6 and 7.2.
    """

    def __init__(self, season_length: int, levels: Sequence[float] = ()) -> None:
        self.season_length = season_length
        self.levels = tuple(levels)

    def fit(self, data: Panel) -> Self:
        """Choose and fit a model for each series."""
        panel = _complete(data, "ETS")
        self._fitted = {str(name): self._best(values, str(name)) for name, values in zip(panel.ids, panel, strict=True)}
        return self

    def predict(self, *, horizon: int, data: Panel) -> pd.DataFrame:
        """Forecast the steps after each series: ``unique_id``, ``ds``, ``ETS`` and its interval ends."""
        panel = _complete(data, "ETS")
        return _frame(panel, horizon, "ETS", self.levels, self._of_series)

    def _best(self, values: np.ndarray, name: str) -> tuple[dict[str, Any], np.ndarray]:
        """Form and parameters of the model with the smallest criterion."""
        if len(values) < _LEAST:
            raise DataError(f"ETS needs {_LEAST} steps, and there are {len(values)}", series=name)
        best: tuple[float, dict[str, Any], np.ndarray] | None = None
        for form in self._forms(values):
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # of candidates that do not converge, or do not suit
                fitted = _model(values, form).fit(disp=False)
            states = 1 + (form["trend"] is not None) + form.get("seasonal_periods", 0)
            k, n = len(fitted.params) + states + 1, len(values)
            criterion = 2 * k - 2 * fitted.llf + (2 * k * (k + 1) / (n - k - 1) if n > k + 1 else np.inf)
            if best is None or criterion < best[0]:
                best = criterion, form, np.asarray(fitted.params)
        if best is None or np.isnan(best[2]).any():
            raise DataError("no form of ETS could be fitted", series=name, remedy="Leave out the baseline 'ets'")
        return best[1], best[2]

    def _forms(self, values: np.ndarray) -> list[dict[str, Any]]:
        kinds: list[dict[str, Any]] = [{"error": "add"}] + [{"error": "mul"}] * bool(values.min() > 0)
        if self.season_length > 1 and 2 * self.season_length <= len(values):
            season = {"seasonal_periods": self.season_length}
            kinds += [{**kind, "seasonal": kind["error"], **season} for kind in kinds]
        return [{**kind, **trend} for kind in kinds for trend in _TRENDS]

    def _of_series(self, name: str, values: np.ndarray, horizon: int) -> tuple[np.ndarray, list[np.ndarray]]:
        if name not in self._fitted:
            raise DataError("ETS was not fitted to this series", series=name)
        form, parameters = self._fitted[name]
        smoothed = _model(values, form).smooth(parameters)
        end = len(values)
        ends: list[np.ndarray] = []
        if self.levels:
            paths = {"rng": np.random.default_rng(0), "simulate_repetitions": 1000} if form["error"] == "mul" else {}
            predicted = smoothed.get_prediction(start=end, end=end + horizon - 1, **paths)
            for level in self.levels:
                table = predicted.summary_frame(alpha=1 - level / 100)
                ends += [table["pi_lower"].to_numpy(), table["pi_upper"].to_numpy()]
        return np.asarray(smoothed.forecast(horizon)), ends


class Theta:
    """The Theta method [1]_ [2]_ of statsmodels, seasonally adjusted where a test finds a season.

    Its one smoothing parameter is estimated from each history that it forecasts, whichever it was fitted on.

    Missing steps are read as straight lines between their neighbours, which is logged.

    Parameters
    ----------
    season_length : int
        Steps of a season, at least 1. A season counts if the series shows it twice.
    levels : sequence of float
        Levels of the intervals in percent: normal, with the variance that statsmodels gives.

    References
    ----------
    .. [1] V. Assimakopoulos, K. Nikolopoulos, "The theta model: a decomposition approach to forecasting", International
       Journal of Forecasting 16 (2000).
    .. [2] R. J. Hyndman, B. Billah, "Unmasking the Theta method", International Journal of Forecasting 19 (2003).
    """

    def __init__(self, season_length: int, levels: Sequence[float] = ()) -> None:
        self.season_length = season_length
        self.levels = tuple(levels)

    def fit(self, _data: Panel) -> Self:
        """Do nothing."""
        return self

    def predict(self, *, horizon: int, data: Panel) -> pd.DataFrame:
        """Forecast the steps after each series: ``unique_id``, ``ds``, ``Theta`` and its interval ends."""
        return _frame(_complete(data, "Theta"), horizon, "Theta", self.levels, self._of_series)

    def _of_series(self, _name: str, values: np.ndarray, horizon: int) -> tuple[np.ndarray, list[np.ndarray]]:
        from statsmodels.tsa.forecasting.theta import ThetaModel

        seasonal = self.season_length > 1 and 2 * self.season_length <= len(values)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            fitted = ThetaModel(
                pd.Series(values), period=self.season_length if seasonal else None, deseasonalize=seasonal
            ).fit()
            point = np.asarray(fitted.forecast(horizon))
            ends: list[np.ndarray] = []
            if self.levels:
                unit = fitted.prediction_intervals(horizon, alpha=0.5)
                error = (unit["upper"] - unit["lower"]).to_numpy() / 2 / NormalDist().inv_cdf(0.75)
                for level in self.levels:
                    half = NormalDist().inv_cdf(0.5 + level / 200) * error
                    ends += [point - half, point + half]
        return point, ends


def _model(values: np.ndarray, form: dict[str, Any]) -> Any:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    return ETSModel(pd.Series(values), initialization_method="heuristic", **form)


def _complete(panel: Panel, name: str) -> Panel:
    """The panel with straight lines where values are missing; an open end cannot be filled."""
    filled, notices = treat_gaps(panel, "interpolate")
    for notice in notices:
        _LOG.warning("%s: %s", name, notice.message)
    if filled.has_missing:
        first = int(np.flatnonzero(np.isnan(filled.values))[0])
        series = int(filled.series_index[first])
        raise DataError(
            f"{name} cannot go on from a series that begins or ends with a step without a value",
            series=filled.ids[series],
            time=filled.stamps(filled.times[first : first + 1])[0],
            remedy=f"Leave out the baseline {name.lower()!r}, or choose cutoffs at observed steps",
        )
    return filled


def _frame(panel: Panel, horizon: int, name: str, levels: Sequence[float], of_series: Any) -> pd.DataFrame:
    """Forecasts of all series; ``of_series`` gives the point and the interval ends of one."""
    made = [of_series(str(one), values, horizon) for one, values in zip(panel.ids, panel, strict=True)]
    columns: dict[str, object] = {
        "unique_id": np.repeat(panel.ids, horizon),
        "ds": panel.stamps(panel.future_times(horizon)),
        name: np.concatenate([point for point, _ in made]),
    }
    for number, level in enumerate(levels):
        for end, column in enumerate(interval_columns(name, level)):
            columns[column] = np.concatenate([ends[2 * number + end] for _, ends in made])
    return pd.DataFrame(columns)
