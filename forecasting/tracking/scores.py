"""Accuracy tables as names and as text: metrics of a run, tags of a version, tables in a description."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from forecasting.evaluation.metrics import POOLED

MODEL = "SimpleRNN"
_COUNTS = ["windows", "scored", "missing"]  # how much was scored, not how well


def pooled_metrics(part: str, accuracy: pd.DataFrame) -> dict[str, float]:
    """The figures over all series, by metric name.

    ``part.MASE`` is the model's own, ``part.SeasonalNaive.MASE`` that of the model it is compared with. Missing
    figures are left out.
    """
    metrics: dict[str, float] = {}
    for model, row in _pooled(accuracy).iterrows():
        prefix = part if model == MODEL else f"{part}.{model}"
        metrics |= {f"{prefix}.{name}": float(value) for name, value in row.items() if np.isfinite(value)}
    return metrics


def version_figures(accuracy: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """What a version of a model carries as tags: MASE of all models and the coverage of the intervals.

    Those of the test, or of the first part if there is no test.
    """
    if not accuracy:
        return {}
    part = _test_first(accuracy)[0]
    measures = tuple(f".{name}" for name in accuracy[part].columns if str(name).startswith(("MASE", "coverage-")))
    figures = pooled_metrics(part, accuracy[part])
    return {name: f"{value:.6g}" for name, value in figures.items() if name.endswith(measures)}


def description(accuracy: Mapping[str, pd.DataFrame]) -> str:
    """The figures over all series as Markdown: a sentence with the MASE of all models, then a table per part.

    The test comes first, the others in the order that they are given.
    """
    parts = _test_first(accuracy)
    lines = [_sentence(parts[0], accuracy[parts[0]])] if parts else []
    for part in parts:
        lines.append(f"**{part.capitalize()}**{_scored(accuracy[part])}\n\n{_table(accuracy[part])}\n\n&nbsp;")
    return "\n\n".join(line for line in lines if line)


def _test_first(accuracy: Mapping[str, pd.DataFrame]) -> list[str]:
    return sorted(accuracy, key=lambda part: part != "test")


def _sentence(part: str, accuracy: pd.DataFrame) -> str:
    pooled = _pooled(accuracy)
    known = pooled["MASE"].dropna() if "MASE" in pooled else pd.Series(dtype=float)
    if known.empty:
        return ""
    own = f"MASE {_number(known[MODEL])}" if MODEL in known else "MASE unknown"
    others = ", ".join(f"{model} {_number(value)}" for model, value in known.items() if model != MODEL)
    return f"{own} on {part}" + (f" ({others})." if others else ".")


def _scored(accuracy: pd.DataFrame) -> str:
    """How much stands behind the figures; the counts are the same for all models."""
    rows = accuracy.loc[accuracy["unique_id"] == POOLED]
    return "" if rows.empty or "scored" not in rows else f" ({int(rows['scored'].iloc[0]):,} values scored)"


def _table(accuracy: pd.DataFrame) -> str:
    """One row per measure and one column per model. The page does not space columns, so that the cells do."""
    pooled = _pooled(accuracy).T
    gap = "&emsp;"
    lines = [
        "| |" + "|".join(f"{gap}{model}" for model in pooled.columns) + "|",
        "|---|" + "---:|" * len(pooled.columns),
    ]
    for measure, row in pooled.iterrows():
        lines.append(f"|{measure}|" + "|".join(gap + _number(value) for value in row) + "|")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:.4g}" if np.isfinite(value) else "-"


def _pooled(accuracy: pd.DataFrame) -> pd.DataFrame:
    """The pooled rows with the model as index, the network's own row first, only measures."""
    rows = accuracy.loc[accuracy["unique_id"] == POOLED].drop(columns="unique_id").set_index("model")
    rows = rows.drop(columns=_COUNTS, errors="ignore").select_dtypes("number")
    return rows.loc[sorted(rows.index, key=lambda model: model != MODEL)]
