"""Forecasts that every other forecast is compared with: naive, seasonal naive and drift; ETS and Theta by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Self

import numpy as np
import pandas as pd

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.classical import ETS, Theta
from forecasting.evaluation.frames import interval_columns
from forecasting.panel.panel import Panel

NAIVE = "Naive"
SEASONAL_NAIVE = "SeasonalNaive"
DRIFT = "Drift"
BASELINES = ("naive", "seasonal_naive", "drift", "ets", "theta")


@dataclass(frozen=True)
class Simple:
    """The naive, the seasonal naive or the drift forecast in the form of an estimator; nothing is fitted.

    Attributes
    ----------
    method : {"naive", "seasonal_naive", "drift"}
    season_length : int
    levels : sequence of float
        Levels in percent.
    """

    method: str
    season_length: int = 1
    levels: Sequence[float] = ()

    def fit(self, _data: Panel) -> Self:
        """Do nothing."""
        return self

    def predict(self, *, horizon: int, data: Panel) -> pd.DataFrame:
        """Forecast the steps after each series."""
        if self.method == "drift":
            return drift(data, horizon, self.levels)
        if self.method == "naive":
            return naive(data, horizon, self.levels)
        return seasonal_naive(data, horizon, self.season_length, self.levels)


def baseline(name: str, season_length: int, levels: Sequence[float] = ()) -> Simple | ETS | Theta:
    """A baseline as an estimator: ``fit(panel)``, ``predict(horizon=, data=)``.

    Parameters
    ----------
    name : {"naive", "seasonal_naive", "drift", "ets", "theta"}
        The columns are ``Naive``, ``SeasonalNaive``, ``Drift``, ``ETS`` and ``Theta``.
    season_length : int
        Steps of a season, at least 1; the naive and the drift forecast have none.
    levels : sequence of float
        Levels of the intervals in percent.
    """
    if name not in BASELINES:
        raise ParameterError(
            f"there is no baseline {name!r}", parameter="baselines", remedy=f"Use {', '.join(BASELINES)}"
        )
    if name in ("ets", "theta"):
        return (ETS if name == "ets" else Theta)(season_length, tuple(levels))
    return Simple(name, season_length, tuple(levels))


def naive(panel: Panel, horizon: int, levels: Sequence[float] = ()) -> pd.DataFrame:
    """Every step ahead is the last observed value: `seasonal_naive` with a season of one step, named ``Naive``."""
    return _repeat_season(panel, horizon, 1, levels, NAIVE)


def seasonal_naive(panel: Panel, horizon: int, season_length: int, levels: Sequence[float] = ()) -> pd.DataFrame:
    """Every step ahead is the last observed value of the same phase of the season.

    The intervals are the textbook's normal ones [1]_: the forecast plus and minus
    ``z * sigma * sqrt(k + 1)``, with ``sigma`` the root mean square of the differences one season apart in the history,
    and ``k`` the whole seasons between the forecast and the last value of its phase. Where the last value of a phase is
    missing, an earlier one is taken, and ``k`` counts from there.

    Parameters
    ----------
    panel : Panel
    horizon : int
        Steps ahead, at least 1.
    season_length : int
        Steps of a season, at least 1 (1: the naive forecast).
    levels : sequence of float
        Levels in percent; none by default.

    Returns
    -------
    DataFrame
        Columns ``unique_id``, ``ds``, ``SeasonalNaive``, and ``SeasonalNaive-lo-80``, ``SeasonalNaive-hi-80`` for each
        level; ``horizon`` rows per series, in the order of the panel.

    Raises
    ------
    DataError
        A phase of the season was never observed, or (with levels) no two values one season apart.

    References
    ----------
    .. [1] R. J. Hyndman, G. Athanasopoulos, *Forecasting: Principles and Practice*, 3rd edition, section 5.5.
    """
    return _repeat_season(panel, horizon, season_length, levels, SEASONAL_NAIVE)


def drift(panel: Panel, horizon: int, levels: Sequence[float] = ()) -> pd.DataFrame:
    """Every series goes on along the straight line from its first to its last observed value, as ``Drift``.

    The intervals are the textbook's normal ones [1]_: the forecast ``h`` steps after the last observed value plus and
    minus ``z * sigma * sqrt(h * (1 + h / (T - 1)))``, with ``T`` the steps from the first to the last observed value,
    ends included, and ``sigma`` the standard deviation of the changes from one step to the next about the slope.

    Parameters
    ----------
    panel : Panel
    horizon : int
        Steps ahead, at least 1.
    levels : sequence of float
        Levels in percent; none by default.

    Returns
    -------
    DataFrame
        As of `seasonal_naive`.

    Raises
    ------
    DataError
        A series has fewer than two observed values, or (with levels) fewer than two changes between neighbours.

    References
    ----------
    .. [1] R. J. Hyndman, G. Athanasopoulos, *Forecasting: Principles and Practice*, 3rd edition, section 5.5.
    """
    if horizon < 1:
        raise ParameterError(f"it must be at least 1, not {horizon}", parameter="horizon")
    point = np.empty((panel.n_series, horizon))
    error = np.empty((panel.n_series, horizon))
    for series, values in enumerate(panel):
        seen = np.flatnonzero(~np.isnan(values))
        changes = np.diff(values)
        changes = changes[~np.isnan(changes)]
        if len(seen) < 2 or (levels and len(changes) < 2):
            raise DataError(
                "a drift needs two observed values, and its interval two changes from one step to the next",
                series=panel.ids[series],
                remedy="Give a longer history",
            )
        reach = seen[-1] - seen[0]
        slope = (values[seen[-1]] - values[seen[0]]) / reach
        ahead = len(values) - 1 - seen[-1] + np.arange(1, horizon + 1)
        point[series] = values[seen[-1]] + ahead * slope
        if levels:
            sigma = np.sqrt(((changes - slope) ** 2).sum() / (len(changes) - 1))
            error[series] = sigma * np.sqrt(ahead * (1 + ahead / reach))
    return _normal(panel, horizon, DRIFT, point, error, levels)


def _repeat_season(panel: Panel, horizon: int, season_length: int, levels: Sequence[float], name: str) -> pd.DataFrame:
    for parameter, value in (("horizon", horizon), ("season_length", season_length)):
        if value < 1:
            raise ParameterError(f"it must be at least 1, not {value}", parameter=parameter)
    point, distance = _last_of_phase(panel, horizon, season_length)
    error = point
    if levels:
        error = _season_sigma(panel, season_length)[:, None] * np.sqrt(distance // season_length)
    return _normal(panel, horizon, name, point, error, levels)


def _normal(
    panel: Panel, horizon: int, name: str, point: np.ndarray, error: np.ndarray, levels: Sequence[float]
) -> pd.DataFrame:
    """The frame of forecasts with normal intervals; ``point`` and standard ``error`` of shape (n_series, horizon)."""
    columns: dict[str, object] = {
        "unique_id": np.repeat(panel.ids, horizon),
        "ds": panel.stamps(panel.future_times(horizon)),
        name: point.ravel(),
    }
    for level in levels:
        if not 0 < level < 100:
            raise ParameterError(f"a level is a percentage between 0 and 100, not {level}", parameter="levels")
        half = NormalDist().inv_cdf(0.5 + level / 200) * error
        low, high = interval_columns(name, level)
        columns[low], columns[high] = (point - half).ravel(), (point + half).ravel()
    return pd.DataFrame(columns)


def _last_of_phase(panel: Panel, horizon: int, season_length: int) -> tuple[np.ndarray, np.ndarray]:
    """The value that each step repeats, and how many steps lie between; both of shape (n_series, horizon)."""
    rows = np.flatnonzero(~np.isnan(panel.values))
    series = panel.series_index[rows]
    back = panel.indptr[series + 1] - 1 - rows  # steps before the end of the series
    last = np.full((panel.n_series, season_length), -1, dtype=np.int64)
    last[series, back % season_length] = rows  # rows rise, and of equal places the last assignment stays
    ahead = np.arange(1, horizon + 1)
    source = last[:, -ahead % season_length]
    if (source < 0).any():
        unseen = int(np.flatnonzero((source < 0).any(axis=1))[0])
        raise DataError(
            f"a season of {season_length} steps cannot be repeated: "
            f"{int((last[unseen] < 0).sum())} of its steps were never observed",
            series=panel.ids[unseen],
            remedy="Give a longer history or a smaller season_length",
        )
    return panel.values[source], ahead + (panel.indptr[1:, None] - 1 - source)


def _season_sigma(panel: Panel, season_length: int) -> np.ndarray:
    """Root mean square of the differences one season apart, float64 array of shape (n_series,)."""
    series = panel.series_index
    change = panel.values[season_length:] - panel.values[:-season_length]
    use = (series[season_length:] == series[:-season_length]) & ~np.isnan(change)
    owner = series[season_length:][use]
    count = np.bincount(owner, minlength=panel.n_series)
    if (count == 0).any():
        raise DataError(
            f"an interval needs two observed values {season_length} steps apart",
            series=panel.ids[int(np.argmin(count))],
            remedy="Give a longer history, a smaller season_length, or no levels",
        )
    return np.asarray(np.sqrt(np.bincount(owner, change[use] ** 2, minlength=panel.n_series) / count))
