"""Cutoffs of a long frame, and the same frame with other values in the rows behind them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.errors import DataError

OVERWRITINGS = ("extreme", "missing", "shuffled")
"""What stands in the rows after a cutoff: values a million times too large, nothing, or each other's rows."""
_TOO_LARGE = 1e6


@dataclass(frozen=True, eq=False)
class Cutoffs:
    """The last known time of every series.

    Attributes
    ----------
    times : Series
        Of times, by series id.
    back : int
        Observed steps of every series that come later.
    """

    times: pd.Series
    back: int

    def of(self, ids: pd.Series) -> pd.Series:
        """The cutoff of each row; that of a series which is not among ``times`` is the earliest of all."""
        return ids.map(self.times).fillna(self.times.min())

    def before(self, frame: pd.DataFrame) -> np.ndarray:
        """Which rows stand at the cutoff or before it, bool array of shape (n_rows,)."""
        return np.asarray(frame["ds"] <= self.of(ids_of(frame)))


def ids_of(frame: pd.DataFrame) -> pd.Series:
    """The series of each row; a frame without ``unique_id`` is one series."""
    return frame["unique_id"] if "unique_id" in frame.columns else pd.Series("y", index=frame.index)


def observed_steps(frame: pd.DataFrame) -> pd.Series:
    """Rows with a value of each series, by its id."""
    observed = frame[frame["y"].notna()].assign(unique_id=ids_of)
    return observed.groupby("unique_id", observed=True).size()


def cutoffs_of(frame: pd.DataFrame, back: int) -> Cutoffs:
    """The cutoffs with ``back`` observed steps after them.

    Raises
    ------
    DataError
        A series has not so many observed steps.
    """
    counts = observed_steps(frame)
    short = counts[counts <= back]
    if len(short):
        raise DataError(
            f"{short.iloc[0]} observed steps are too few for a cutoff with {back} after it",
            series=short.index[0],
            remedy="Use fewer cutoffs, a smaller step, or leave this series out",
        )
    observed = frame[frame["y"].notna()].assign(unique_id=ids_of)
    ordered = observed.sort_values("ds", kind="stable")
    last = ordered.groupby("unique_id", observed=True).nth(-1 - back)
    return Cutoffs(last.set_index(last["unique_id"].astype(object))["ds"], back)


def overwritten(frame: pd.DataFrame, cutoffs: Cutoffs, how: str, known: Sequence[str]) -> pd.DataFrame:
    """The frame with other values behind the cutoffs; ids, times and the columns ``known`` stay, and so do all rows.

    Parameters
    ----------
    frame : DataFrame
    cutoffs : Cutoffs
    how : str
        One of OVERWRITINGS. Extreme values have the sign that the column has, where it has only one, so that logarithms
        can be taken of them; columns that are not numbers are shuffled instead.
    known : sequence of str
        Columns whose future is known.
    """
    rng = np.random.default_rng(0)
    after = np.flatnonzero(~cutoffs.before(frame))
    shuffled = rng.permutation(after)
    result = frame.copy()
    for name in frame.columns.difference(["unique_id", "ds", *known], sort=False):
        column = frame[name]
        if how == "missing":
            result[name] = column.where(~np.isin(np.arange(len(frame)), after))
        elif how == "extreme" and pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            values = column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
            values[after] = _extreme(values, len(after), rng)
            result[name] = values
        else:
            rows = np.arange(len(frame))
            rows[after] = shuffled
            result[name] = column.take(rows).set_axis(frame.index)
    return result


def _extreme(values: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """Values about a million times as large as any of ``values``, with their sign where they have but one."""
    largest, smallest = np.nanmax(values, initial=0.0), np.nanmin(values, initial=0.0)
    size = _TOO_LARGE * (max(largest, -smallest) or 1.0)
    both = largest > 0 > smallest
    signs = rng.choice([-1.0, 1.0], number) if both else np.full(number, -1.0 if smallest < 0 else 1.0)
    return np.asarray(size * signs * rng.uniform(0.5, 1.0, number))
