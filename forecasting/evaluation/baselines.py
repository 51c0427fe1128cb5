"""The naive and the seasonal naive forecast, which every other forecast is compared with."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import pandas as pd

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.frames import interval_columns
from forecasting.panel.panel import Panel

NAIVE = "Naive"
SEASONAL_NAIVE = "SeasonalNaive"


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


def _repeat_season(panel: Panel, horizon: int, season_length: int, levels: Sequence[float], name: str) -> pd.DataFrame:
    for parameter, value in (("horizon", horizon), ("season_length", season_length)):
        if value < 1:
            raise ParameterError(f"it must be at least 1, not {value}", parameter=parameter)
    point, distance = _last_of_phase(panel, horizon, season_length)
    columns: dict[str, object] = {
        "unique_id": np.repeat(panel.ids, horizon),
        "ds": panel.stamps(panel.future_times(horizon)),
        name: point.ravel(),
    }
    if levels:
        spread = _season_sigma(panel, season_length)[:, None] * np.sqrt(distance // season_length)
        for level in levels:
            if not 0 < level < 100:
                raise ParameterError(f"a level is a percentage between 0 and 100, not {level}", parameter="levels")
            half = NormalDist().inv_cdf(0.5 + level / 200) * spread
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
