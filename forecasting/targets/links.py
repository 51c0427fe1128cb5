"""What is applied to a series value by value, and its inverse.

Every link rises everywhere, so that its inverse takes the ends of an interval and the quantiles back exactly.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import boxcox, inv_boxcox

from forecasting.targets.power import best_power

Numbers = dict[str, np.ndarray]
"""What a link was fitted with, float64 by name: of shape () for all series, or of shape (n_series,)."""


@dataclass(frozen=True)
class Link:
    """One kind of link.

    Attributes
    ----------
    there, back : callable
        ``there(values, **numbers)`` and its inverse ``back(path, **numbers)``, element by element.
    of_series : callable, optional
        ``of_series(values, indptr)`` gives the `Numbers` that each series has for itself. Values are NaN where missing.
    shared : callable, optional
        ``shared(values, indptr, season_length)`` gives those that are the same for all series.
    needs_positive : bool
        Whether the values must be above zero.
    """

    there: Callable[..., Any]
    back: Callable[..., Any]
    of_series: Callable[[np.ndarray, np.ndarray], Numbers] | None = None
    shared: Callable[[np.ndarray, np.ndarray, int], Numbers] | None = None
    needs_positive: bool = False


def _mean_and_deviation(values: np.ndarray, indptr: np.ndarray) -> Numbers:
    series = _by_series(values, indptr)
    return _each(indptr, center=series.mean(), scale=_not_zero(series.std(ddof=0)))


def _median_and_quartiles(values: np.ndarray, indptr: np.ndarray) -> Numbers:
    series = _by_series(values, indptr)
    return _each(indptr, center=series.median(), scale=_not_zero(series.quantile(0.75) - series.quantile(0.25)))


def _median(values: np.ndarray, indptr: np.ndarray) -> Numbers:
    return _each(indptr, unit=_by_series(values, indptr).median())


def _power(values: np.ndarray, indptr: np.ndarray, season_length: int) -> Numbers:
    return {"power": np.array(best_power(values, indptr, season_length))}


def _scaled(values: np.ndarray, center: np.ndarray, scale: np.ndarray) -> np.ndarray:
    path: np.ndarray = values - center
    path /= scale
    return path


def _restored(path: np.ndarray, center: np.ndarray, scale: np.ndarray) -> np.ndarray:
    values: np.ndarray = path * scale
    values += center
    return values


def _box_cox(values: np.ndarray, unit: np.ndarray, power: np.ndarray) -> Any:
    return boxcox(values / unit, power)


def _inverse_box_cox(path: np.ndarray, unit: np.ndarray, power: np.ndarray) -> Any:
    """Zero below the path of zero, which is as far as the values go."""
    lowest = -1 / power if power > 0 else -np.inf
    return inv_boxcox(np.maximum(path, lowest), power) * unit


LINKS = {
    "log": Link(np.log, np.exp, needs_positive=True),
    "box_cox": Link(_box_cox, _inverse_box_cox, _median, _power, needs_positive=True),
    "asinh": Link(np.arcsinh, np.sinh),
    "standard": Link(_scaled, _restored, _mean_and_deviation),
    "robust": Link(_scaled, _restored, _median_and_quartiles),
}


def _by_series(values: np.ndarray, indptr: np.ndarray) -> Any:
    return pd.Series(values).groupby(np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)))


def _each(indptr: np.ndarray, **numbers: pd.Series) -> Numbers:
    """By number of the series; NaN for one without any value."""
    return {name: column.reindex(range(len(indptr) - 1)).to_numpy() for name, column in numbers.items()}


def _not_zero(spread: pd.Series) -> pd.Series:
    """A series that does not vary keeps its unit."""
    return spread.where(spread != 0, 1.0)
