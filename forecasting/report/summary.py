"""The findings of a run in words and rows: the headline, the accuracy table, and the series that are shown."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from forecasting.evaluation.baselines import SEASONAL_NAIVE
from forecasting.evaluation.frames import require_columns
from forecasting.evaluation.metrics import POOLED
from forecasting.report.style import compact


@dataclass(frozen=True)
class Headline:
    """What a run found, in plain words.

    Attributes
    ----------
    verdict : "better", "worse", "equal" or "unknown"
        Of the model against the seasonal naive by the MASE pooled over all series.
    text : str
        The sentence.
    """

    verdict: Literal["better", "worse", "equal", "unknown"]
    text: str


@dataclass(frozen=True)
class Shown:
    """A series that is drawn, and why: ``"the median of 12 by MASE: 0.71, seasonal naive 0.93"``."""

    series: str
    reason: str


def headline(accuracy_frame: pd.DataFrame, model: str = "SimpleRNN", baseline: str = SEASONAL_NAIVE) -> Headline:
    """Say whether the model was better than the seasonal naive, on how many series, and what its intervals covered.

    Parameters
    ----------
    accuracy_frame : DataFrame
        As `forecasting.evaluation.metrics.accuracy` returns it.
    model, baseline : str
        Names of models.
    """
    pair = side_by_side(accuracy_frame, model, baseline)
    pooled = pair.loc[[POOLED]].to_dict("records")[0]
    series = pair.drop(index=POOLED)
    ratio = series["ratio"].dropna()
    ours, naive = float(pooled["MASE"]), float(pooled["MASE naive"])
    wins, ties = int((ratio < 1).sum()), int((ratio == 1).sum())
    if math.isnan(ours) or math.isnan(naive):
        return Headline("unknown", "Not compared with the seasonal naive: no series has a scale to measure errors by.")
    digits = next((n for n in (2, 3, 4) if f"{ours:.{n}f}" != f"{naive:.{n}f}"), 4)
    figures = f"MASE {ours:.{digits}f} against {naive:.{digits}f}{_difference(ours, naive)}"
    verdict: Literal["better", "worse", "equal"] = "better" if ours < naive else "worse" if ours > naive else "equal"
    text = _verdict(verdict, wins, len(ratio), ties)
    covered = [
        f"the {name.removeprefix('coverage-')} % interval covered {pooled[name]:.0f} %"
        for name in accuracy_frame.columns
        if name.startswith("coverage-") and not math.isnan(float(pooled[name]))
    ]
    return Headline(verdict, "; ".join([f"{text}; {figures}", *covered]) + ".")


def _difference(ours: float, naive: float) -> str:
    """How much less or more the error is, so that a small advantage is not taken for a large one."""
    if naive == 0 or ours == naive:
        return ""
    percent = f"{100 * abs(ours / naive - 1):.0f} %"
    return f", {'under 1 %' if percent == '0 %' else percent} {'less' if ours < naive else 'more'}"


def _verdict(verdict: str, wins: int, of: int, ties: int) -> str:
    """The first part of the headline. The mean and the count of series may disagree, and then both are said."""
    start = "As good as the seasonal naive" if verdict == "equal" else f"{verdict.capitalize()} than the seasonal naive"
    if of == 1:
        return start
    count = f"on {wins} of {of} series" + (f" and level on {ties}" if ties else "")
    if verdict == "better":
        return f"{start} {count}" if 2 * wins >= of else f"{start} on average, but only {count}"
    if verdict == "worse":
        return f"{start} on average, though better {count}" if 2 * wins > of else f"{start}, and better only {count}"
    return f"{start} on average, and better {count}"


def side_by_side(accuracy_frame: pd.DataFrame, model: str, baseline: str) -> pd.DataFrame:
    """One row per series and the pooled one: the model's measures, the baseline's as ``"MASE naive"``, the ratio.

    Sorted by the ratio of the MASEs, worst first, series without one last, the pooled row before all.
    """
    require_columns(accuracy_frame, ["unique_id", "model", "MASE"], "the table of accuracy")
    by_model = accuracy_frame.set_index("unique_id")
    ours = by_model[by_model["model"] == model].drop(columns="model")
    theirs = by_model[by_model["model"] == baseline].drop(columns="model")
    pair = ours.join(theirs.add_suffix(" naive"), how="left")
    ratio = pair["MASE"] / pair["MASE naive"].where(pair["MASE naive"] > 0)
    pair["ratio"] = ratio.where(pair["MASE"] != pair["MASE naive"], 1.0)
    rest = pair.drop(index=POOLED).sort_values("ratio", ascending=False, kind="stable", na_position="last")
    return pd.concat([pair.loc[[POOLED]], rest])


def choose_series(pair: pd.DataFrame) -> list[Shown]:
    """At most three series to draw: the worst, the median and the best by MASE; of three or fewer, all.

    Parameters
    ----------
    pair : DataFrame
        As `side_by_side` returns it.
    """
    ranked = pair.drop(index=POOLED).sort_values("MASE", ascending=False, kind="stable", na_position="last")
    known = int(ranked["MASE"].notna().sum()) or len(ranked)
    if len(ranked) <= 3:
        return [Shown(str(series), f"MASE {_scores(pair, series)}") for series in ranked.index]
    places = {"the worst": 0, "the median": known // 2, "the best": known - 1}
    chosen = {ranked.index[place]: name for name, place in places.items()}
    return [
        Shown(str(series), f"{name.capitalize()} of {len(ranked)} by MASE: {_scores(pair, series)}")
        for series, name in chosen.items()
    ]


def _scores(pair: pd.DataFrame, series: object) -> str:
    [(ours, naive)] = pair.loc[[series], ["MASE", "MASE naive"]].to_numpy()
    return "unknown" if np.isnan(ours) else f"{ours:.2f}, seasonal naive {naive:.2f}"


@dataclass(frozen=True)
class Cell:
    """A number of the accuracy table, as text; ``better`` marks the better one of the two models."""

    text: str
    better: bool = False


def accuracy_rows(pair: pd.DataFrame, limit: int) -> tuple[list[str], list[tuple[str, list[Cell]]]]:
    """The measures (each with two cells: model, baseline) and the rows of the accuracy table.

    Parameters
    ----------
    pair : DataFrame
        As `side_by_side` returns it.
    limit : int
        Number of series at most, besides the pooled row (which a single series does without).

    Returns
    -------
    tuple of list of str and list of (name, cells)
        The cells of a row: the ratio, then two for each measure.
    """
    coverage = [name for name in pair.columns if name.startswith("coverage-") and not name.endswith(" naive")]
    measures = ["MASE", "MAE", "sMAPE", *coverage]
    rows = []
    listed = pair.drop(index=POOLED) if len(pair) == 2 else pair.head(limit + 1)
    for name, row in listed.iterrows():
        cells = [Cell(_fixed(row["ratio"]))]
        for measure in measures:
            cells += _two_cells(measure, float(row[measure]), float(row[f"{measure} naive"]))
        rows.append(("all series (mean)" if name == POOLED else str(name), cells))
    return measures, rows


def _two_cells(measure: str, ours: float, naive: float) -> tuple[Cell, Cell]:
    if measure.startswith("coverage-"):
        return Cell(_fixed(ours, 0)), Cell(_fixed(naive, 0))
    show = _significant if measure == "MAE" else _fixed
    return Cell(show(ours), bool(ours < naive)), Cell(show(naive), bool(naive < ours))


def _significant(value: float) -> str:
    """Four significant digits, zeros at the end kept, so that a column of numbers lines up."""
    if np.isnan(value):
        return "n/a"
    return compact(value) if value == 0 or not 1e-3 <= abs(value) < 1000 else f"{value:#.4g}"


def _fixed(value: float, digits: int = 2) -> str:
    return "n/a" if np.isnan(value) else f"{value:.{digits}f}"
