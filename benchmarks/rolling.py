"""Many cutoffs, one fit, one call: histories cut off at every cutoff, stacked as if each were a series."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from forecasting import Panel, SimpleRNNForecaster
from forecasting.evaluation.baselines import seasonal_naive
from forecasting.windows import reach

_ROWS_AT_ONCE = 4_000_000
_SEASONS_OF_BASELINE = 60


def rolling_forecasts(
    forecaster: SimpleRNNForecaster, panel: Panel, first: Sequence[int] | np.ndarray, step: int = 1
) -> Iterator[pd.DataFrame]:
    """Forecast ``panel`` from many cutoffs with a fitted forecaster, never fitting again.

    The same forecasts as a backtest makes (it calls ``predict`` once per cutoff), from as much of the history before
    each cutoff as a forecast depends on.

    Parameters
    ----------
    forecaster : SimpleRNNForecaster
        Fitted on what stands before the first cutoff.
    panel : Panel
    first : int array of shape (n_series,)
        Steps of each series that are known at its first cutoff.
    step : int, default 1
        Steps from one cutoff to the next. The last cutoff is the last one with a whole horizon behind it.

    Yields
    ------
    DataFrame
        As of `forecasting.backtest`: ``unique_id``, ``cutoff``, ``ds``, ``y``, ``SimpleRNN`` and ``SeasonalNaive``
        with the forecaster's levels; some cutoffs at a time. The spread of the naive forecast's intervals is taken
        from the last 60 seasons before each cutoff, or as far as the network may read, if that is more.
    """
    horizon, levels = forecaster.horizon, forecaster.levels_
    season = forecaster.season_length_
    needed = max(reach(forecaster.lookback_, season), _SEASONS_OF_BASELINE * season)
    count = np.maximum((panel.lengths - horizon - np.asarray(first)) // step + 1, 0)
    series = np.repeat(np.arange(panel.n_series), count)
    stop = panel.indptr[series] + np.asarray(first)[series] + step * _counted(count)
    at_once = max(1, _ROWS_AT_ONCE // max(needed, horizon))
    for begin in range(0, len(stop), at_once):
        part = slice(begin, begin + at_once)
        histories = _histories(panel, series[part], stop[part], needed)
        rows = (stop[part, None] + np.arange(horizon)).ravel()
        frame = pd.DataFrame(
            {
                "unique_id": np.repeat(panel.ids[series[part]], horizon),
                "cutoff": panel.stamps(np.repeat(panel.times[stop[part] - 1], horizon)),
                "ds": panel.stamps(panel.times[rows]),
                "y": panel.values[rows],
            }
        )
        baseline = seasonal_naive(histories, horizon, season, levels)
        ahead = {"future": _future(forecaster, panel, histories, rows, horizon)} if forecaster.future_covariates else {}
        for forecast in (forecaster.predict(data=histories, **ahead), baseline):
            models = forecast.drop(columns=["unique_id", "ds"])
            frame[list(models)] = models.to_numpy()  # both come in the order of the panel
        yield frame


def _counted(count: np.ndarray) -> np.ndarray:
    """0, 1, ... within each series: int64 array of shape (count.sum(),)."""
    return np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)


def _histories(panel: Panel, series: np.ndarray, stop: np.ndarray, needed: int) -> Panel:
    """The last ``needed`` rows before each row of ``stop``, beginning with an observed one, as series of their own."""
    rows = np.arange(len(panel.values))
    seen = np.where(np.isnan(panel.values), len(rows), rows)
    next_seen = np.minimum.accumulate(seen[::-1])[::-1]
    start = np.minimum(next_seen[np.maximum(panel.indptr[series], stop - needed)], stop - 1)
    length = stop - start
    indptr = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    taken = np.repeat(start, length) + _counted(length)
    ids = np.array([f"{panel.ids[i]}@{row}" for i, row in zip(series, stop, strict=True)], dtype=object)
    return replace(
        panel,
        values=panel.values[taken],
        times=panel.times[taken],
        indptr=indptr,
        ids=ids,
        covariates={name: column[taken] for name, column in panel.covariates.items()},
        static={name: column[series] for name, column in panel.static.items()},
        cells={name: column[taken] for name, column in panel.cells.items()},
    )


def _future(
    forecaster: SimpleRNNForecaster, panel: Panel, histories: Panel, rows: np.ndarray, horizon: int
) -> pd.DataFrame:
    """The covariates known ahead, as they came to be, for the steps behind each history."""
    known = {name: panel.covariates[name][rows] for name in forecaster.future_covariates or ()}
    ids = np.repeat(histories.ids, horizon)
    return pd.DataFrame({"unique_id": ids, "ds": panel.stamps(panel.times[rows]), **known})
