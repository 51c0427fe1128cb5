"""Proof of the measures: published forecasts of M4 Hourly, scored again, give the official scores.

python -m benchmarks.metrics_check
"""

import sys
from pathlib import Path

import pandas as pd

from benchmarks.bench_data import bench_data
from benchmarks.report import print_table
from benchmarks.scoring import pooled, with_actuals
from forecasting import accuracy, to_panel

METHODS = ("Naive", "sNaive", "Naive2", "SES", "024", "218", "249")
MEASURES = ("sMAPE", "MASE", "OWA")
SEASON, DECIMALS = 24, 3


def rescored(folder: Path) -> pd.DataFrame:
    """The scores of the published forecasts; index ``model``, columns `MEASURES`."""
    train, test = (pd.read_parquet(folder / f"hourly_{part}.parquet") for part in ("train", "test"))
    panel, _ = to_panel(train)
    published = pd.read_parquet(folder / "reference_forecasts_hourly.parquet")
    published["method"] = published["method"].str.split().str[0]  # "024 Reilly (AutoBox)"
    last = train.groupby("unique_id")["ds"].max()
    published["ds"] = published["unique_id"].map(last) + published["step"]
    wide = published.pivot(index=["unique_id", "ds"], columns="method", values="yhat").reset_index()
    frame = with_actuals(test, [wide[["unique_id", "ds", *METHODS]]])
    return pooled(accuracy(frame, panel, SEASON, reference="Naive2"))[list(MEASURES)]


def official(folder: Path) -> pd.DataFrame:
    """The organisers' own scores of the same methods, in the same form."""
    scores = pd.read_csv(folder / "official_scores_hourly.csv", dtype={"method": str})
    scores["method"] = [name.zfill(3) if name.isdigit() else name for name in scores["method"]]
    scores.columns = ["model", *MEASURES]
    return scores.set_index("model").loc[list(METHODS)]


def disagreements(ours: pd.DataFrame, theirs: pd.DataFrame) -> list[str]:
    """The scores further apart than half a unit of the third decimal, to which the official ones are rounded."""
    return [
        f"{method} {measure}: {ours.loc[method, measure]:.4f} here, {theirs.loc[method, measure]:.4f} officially"
        for method in theirs.index
        for measure in theirs.columns
        if not abs(ours.loc[method, measure] - theirs.loc[method, measure]) <= 0.5 * 10.0**-DECIMALS
    ]


def main() -> None:
    """Print the scores and exit with 1 unless all agree."""
    folder = bench_data() / "m4"
    ours, theirs = rescored(folder), official(folder)
    print_table(ours)
    wrong = disagreements(ours, theirs)
    if wrong:
        sys.exit("These differ from the official scores:\n" + "\n".join(wrong))
    print(f"All {theirs.size} scores agree with the official ones to {DECIMALS} decimals.")


if __name__ == "__main__":
    main()
