"""The numbers that an object was fitted with, by name, and how far two such sets lie apart."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

Numbers = dict[str, np.ndarray]
"""Arrays of numbers or texts by name."""


def fitted_numbers(fitted: Any) -> Numbers:
    """What a fitted object keeps in attributes whose name ends with "_", as scikit-learn has it.

    Arrays, numbers, texts, series and frames are taken, lists and dictionaries of them too. Objects with parameters of
    their own, such as the steps of a pipeline or ``best_estimator_``, are looked into.
    """
    found: Numbers = {}
    _collect(fitted, "", found, set())
    return found


def _collect(value: Any, name: str, found: Numbers, seen: set[int]) -> None:
    if isinstance(value, pd.DataFrame):
        found |= {f"{name}.{column}": value[column].to_numpy() for column in value.columns}
    elif isinstance(value, np.ndarray | np.generic | pd.Series | pd.Index | int | float | str):
        found[name] = np.asarray(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _collect(item, f"{name}[{key}]", found, seen)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            _collect(item, f"{name}[{number}]", found, seen)
    elif hasattr(value, "get_params") and not isinstance(value, type) and id(value) not in seen:
        seen.add(id(value))
        for key, item in vars(value).items():
            if not key.startswith("_") and (key.endswith("_") or _holds_estimators(item)):
                _collect(item, f"{name}.{key}" if name else key, found, seen)


def _holds_estimators(value: Any) -> bool:
    """Whether a parameter is an estimator, or a list like the steps of a pipeline, whose parts are fitted in place."""
    if isinstance(value, list | tuple):
        return any(_holds_estimators(item) for item in value)
    return hasattr(value, "get_params") and not isinstance(value, type)


def numbers_of(frame: pd.DataFrame) -> Numbers:
    """The columns of a frame."""
    return {str(name): frame[name].to_numpy() for name in frame.columns}


def change(before: np.ndarray, after: np.ndarray) -> float:
    """The largest difference of two arrays, relative to the largest magnitude in ``before``.

    0.0 where they are equal (missing is equal to missing), infinite where they cannot be compared: another shape,
    missing against a number, another text.
    """
    if before.shape != after.shape:
        return np.inf
    if before.dtype.kind in "fiub" and after.dtype.kind in "fiub":
        first, second = before.astype(np.float64), after.astype(np.float64)
        differs = ~((first == second) | (np.isnan(first) & np.isnan(second)))
        if not differs.any():
            return 0.0
        size = np.abs(np.nan_to_num(first, posinf=np.inf, neginf=-np.inf)).max(initial=0.0)
        distance = np.abs(second - first)[differs]
        return float(np.nan_to_num(distance, nan=np.inf).max() / (size if size > 0 else 1.0))
    same = pd.Series(before.ravel(), dtype=object).equals(pd.Series(after.ravel(), dtype=object))
    return 0.0 if same else np.inf
