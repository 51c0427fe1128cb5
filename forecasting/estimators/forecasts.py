"""Frames of forecasts: points, intervals, quantiles, sample paths, and what held-out windows were forecast to be."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.estimators.fitting import Model
from forecasting.estimators.movement import recent_movement
from forecasting.estimators.preparing import Prepared
from forecasting.estimators.rolling import forecast_path
from forecasting.estimators.simulating import quantiles_of
from forecasting.evaluation.frames import interval_columns, quantile_column
from forecasting.evaluation.quantile_conformal import QuantileConformal
from forecasting.panel import Panel
from forecasting.targets import Target, kept_above_zero
from forecasting.windows import Windows

_log = logging.getLogger(__name__)
NAME = "SimpleRNN"
"""The name of the forecast's column."""


@dataclass(frozen=True, eq=False)
class Outlook:
    """Forecasts on the path, with what the width of their intervals depends on.

    Attributes
    ----------
    center : float64 array of shape (n_series, steps)
    scale : float64 array of shape (n_series,)
        Of the window at the end of each history.
    spread : float64 array of shape (n_series, n_quantiles, steps fitted for)
        What was learned about quantiles; see `Model.forecast_and_spread`.
    movement : float64 array of shape (n_series,)
        How much the series moved just before; see `forecasting.estimators.movement.recent_movement`.
    lowest : float64 array of shape (n_series,) or None
        The lowest value of each history lately, where forecasts are kept above zero.
    """

    center: np.ndarray
    scale: np.ndarray
    spread: np.ndarray
    movement: np.ndarray
    lowest: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        model: Model,
        windows: Windows,
        steps: int,
        *,
        above_zero: bool,
        at_once: int | None = None,
        points_only: bool = False,
    ) -> "Outlook":
        """What a model forecasts from the end of every series, ``at_once`` steps from each reading.

        With ``points_only`` nothing is told about widths, and the movement is 1.
        """
        center, scale, spread = forecast_path(model, windows, steps, at_once)
        ends = windows.end_cuts()
        lowest = windows.lowest(ends) if above_zero else None
        movement = np.ones(len(scale)) if points_only else recent_movement(windows, ends, scale)
        return cls(center, scale, spread, movement, lowest)

    def columns(
        self, model: Model, target: Target, levels: Sequence[float], quantiles: Sequence[float]
    ) -> dict[str, np.ndarray]:
        """Points, ends of intervals and quantiles by the name of their column, float64 of shape (n_series, steps)."""
        _tell_of_probabilities(model, [*levels, *(100 * abs(2 * share - 1) for share in quantiles)])
        paths = {NAME: self.center}
        for level in levels:
            paths |= zip(interval_columns(NAME, level), self._ends(model, level), strict=True)
        for share in quantiles:
            side = 2 * share - 1
            ends = self._ends(model, 100 * abs(side)) if side else (self.center, self.center)
            paths[quantile_column(NAME, share)] = ends[int(side > 0)]
        return {column: values_of(target, path, self.lowest) for column, path in paths.items()}

    def simulated(
        self, paths: np.ndarray, target: Target, levels: Sequence[float], quantiles: Sequence[float]
    ) -> dict[str, np.ndarray]:
        """What `columns` gives, from futures on the path, of shape (n_series, n_paths, steps)."""
        shares: dict[str, float] = {}
        for level in levels:
            shares |= zip(interval_columns(NAME, level), (0.5 - level / 200, 0.5 + level / 200), strict=True)
        shares |= {quantile_column(NAME, share): share for share in quantiles}
        found = quantiles_of(paths, list(shares.values()), self.center)
        columns = {NAME: self.center, **dict(zip(shares, found, strict=True))}
        return {name: values_of(target, path, self.lowest) for name, path in columns.items()}

    def draws(self, model: Model, target: Target, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        """Possible futures, float64 of shape (n_series, n_draws, steps)."""
        errors = model.draw(n_draws, self.center.shape[1], self.spread, self.movement, rng)
        return values_of(target, self.center[:, None] + errors * self.scale[:, None, None], self.lowest)

    def _ends(self, model: Model, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the interval of a level on the path."""
        ends = model.ends(level, self.center.shape[1], self.spread, self.movement)
        low, high = (self.center + end * self.scale[:, None] for end in ends)
        return low, high


def _tell_of_probabilities(model: Model, levels: Sequence[float]) -> None:
    """Write into the log which levels, in percent, rest on probabilities that were not among those learned."""
    if not isinstance(model.conformal, QuantileConformal):
        return
    other = [level for level in levels if not model.conformal.has(level)]
    if other:
        _log.warning(
            "the probabilities of the levels %s were not learned, but %s: quantiles between these are interpolated,"
            " and those beyond them are the outermost ones made wider by held-out errors",
            ", ".join(f"{level:g}" for level in dict.fromkeys(other)),
            ", ".join(f"{share:g}" for share in model.spec.quantiles),
        )


def values_of(target: Target, path: np.ndarray, lowest: np.ndarray | None) -> np.ndarray:
    """Values of paths, whose first axis is that of ``lowest``."""
    values = target.values(path)
    return values if lowest is None else kept_above_zero(values, lowest.reshape(-1, *[1] * (values.ndim - 1)))


def forecast_frame(ids: np.ndarray, stamps: pd.Index, columns: dict[str, np.ndarray]) -> pd.DataFrame:
    """``unique_id``, ``ds`` (all times ahead of one series after the other), columns of shape (n_series, steps)."""
    flat = {name: column.ravel() for name, column in columns.items()}
    return pd.DataFrame({"unique_id": np.repeat(ids, columns[NAME].shape[1]), "ds": stamps, **flat})


def paths_frame(panel: Panel, draws: np.ndarray) -> pd.DataFrame:
    """``unique_id``, ``sample``, ``ds`` and draws of shape (n_series, n_draws, steps)."""
    n_series, n_draws, steps = draws.shape
    times = np.repeat(panel.future_times(steps).reshape(n_series, 1, steps), n_draws, axis=1)
    return pd.DataFrame(
        {
            "unique_id": np.repeat(panel.ids, n_draws * steps),
            "sample": np.tile(np.repeat(np.arange(n_draws), steps), n_series),
            "ds": panel.stamps(times.ravel()),
            NAME: draws.ravel(),
        }
    )


def validation_frame(panel: Panel, prepared: Prepared, validated: np.ndarray, *, above_zero: bool) -> pd.DataFrame:
    """Scaled forecasts of the held-out windows, of shape (n, horizon), as a backtest has them."""
    horizon, cuts = validated.shape[1], prepared.held_cuts
    ahead = (cuts.row[:, None] + np.arange(horizon)).ravel()
    naive = prepared.windows.seasonal_naive(cuts, horizon)
    lowest = prepared.windows.lowest(cuts) if above_zero else None
    target = prepared.target.take(cuts.series)
    return pd.DataFrame(
        {
            "unique_id": np.repeat(panel.ids[cuts.series], horizon),
            "cutoff": panel.stamps(np.repeat(panel.times[cuts.row - 1], horizon)),
            "ds": panel.stamps(panel.times[ahead]),
            "y": panel.values[ahead],
            NAME: values_of(target, prepared.batch.path(validated), lowest).ravel(),
            "SeasonalNaive": target.values(naive).ravel(),
        }
    )
