"""The names of columns in forecast frames: keys, models, the ends of their intervals, and their quantiles."""

import re
from collections.abc import Sequence

import pandas as pd

from forecasting.errors import DataError

KEYS = ("unique_id", "cutoff", "ds", "step", "y")
_INTERVAL = re.compile(r"(?P<model>.+)-(?P<end>lo|hi)-(?P<level>\d+(\.\d+)?)")
_QUANTILE = re.compile(r"(?P<model>.+)-q-(?P<share>0?\.\d+|\de-\d+)")


def interval_columns(model: str, level: float) -> tuple[str, str]:
    """The columns of the lower and the upper end: ``("SimpleRNN-lo-80", "SimpleRNN-hi-80")``."""
    return f"{model}-lo-{level:g}", f"{model}-hi-{level:g}"


def quantile_column(model: str, share: float) -> str:
    """The column of a quantile: ``"SimpleRNN-q-0.1"``."""
    return f"{model}-q-{share:g}"


def models_in(frame: pd.DataFrame) -> list[str]:
    """The models whose point forecasts are columns of the frame, in its order."""
    names = [name for name in map(str, frame.columns) if name not in KEYS]
    return [name for name in names if not _INTERVAL.fullmatch(name) and not _QUANTILE.fullmatch(name)]


def levels_in(frame: pd.DataFrame, model: str | None = None) -> list[float]:
    """The levels, in percent and rising, that have interval columns (of one model, or of any)."""
    found = [_INTERVAL.fullmatch(name) for name in map(str, frame.columns)]
    levels = {float(match["level"]) for match in found if match and model in (None, match["model"])}
    return [int(level) if level.is_integer() else level for level in sorted(levels)]


def require_columns(frame: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    """Raise DataError naming the first of ``columns`` that the frame lacks."""
    for column in columns:
        if column not in frame.columns:
            raise DataError(
                f"{what} has no such column",
                column=column,
                remedy=f"Its columns are {', '.join(map(str, frame.columns))}",
            )
