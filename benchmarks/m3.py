"""M3: 3,003 series at four frequencies, official horizons, beside the 24 entrants scored again.

python -m benchmarks.m3
"""

from functools import partial

import pandas as pd

from benchmarks.bench_data import bench_data
from benchmarks.report import machine, print_table
from benchmarks.scoring import over_points, with_actuals
from benchmarks.tasks import CHOSEN, DEFAULT, Task, named
from forecasting import Panel, SimpleRNNForecaster, accuracy, to_panel
from forecasting.evaluation.baselines import seasonal_naive
from forecasting.evaluation.metrics import POOLED

SETS = {"yearly": (6, 1), "quarterly": (8, 4), "monthly": (18, 12), "other": (8, 1)}
"""Official horizon and season length by frequency."""


def training(frequency: str) -> Panel:
    """The official training part of one frequency."""
    return to_panel(pd.read_parquet(bench_data() / "m3" / f"{frequency}_train.parquet"))[0]


TASKS = [
    Task(f"m3_{'months' if name == 'monthly' else name}", horizon, season, partial(training, name), validation=(1, 1))
    for name, (horizon, season) in SETS.items()
]


def entrants(test: pd.DataFrame) -> list[pd.DataFrame]:
    """The published forecasts of these series, one frame per entrant that forecast all of them."""
    published = pd.read_parquet(bench_data() / "m3" / "reference_forecasts.parquet")
    published = published[published["unique_id"].isin(test["unique_id"])]
    first = test.groupby("unique_id")["ds"].min()
    published = published.assign(ds=published["unique_id"].map(first) + published["step"] - 1)
    by_method = published.groupby("method", sort=False)
    whole = {name: rows for name, rows in by_method if len(rows) == len(test)}
    return [rows[["unique_id", "ds", "yhat"]].rename(columns={"yhat": name}) for name, rows in whole.items()]


def scored(task: Task, frequency: str) -> tuple[pd.DataFrame, float]:
    """Scores per series of ours, the seasonal naive and the entrants; and the seconds of our default."""
    panel = task.training()
    test = pd.read_parquet(bench_data() / "m3" / f"{frequency}_test.parquet")

    def run(forecaster: SimpleRNNForecaster) -> pd.DataFrame:
        return forecaster.fit(panel).predict()

    rows = task.rows(run)
    ours = [named(forecast, name) for name, (forecast, _) in rows.items()]
    baseline = seasonal_naive(panel, task.horizon, task.season_length)
    frame = with_actuals(test, [*ours, baseline, *entrants(test)])
    return accuracy(frame, panel, task.season_length), rows[DEFAULT][1]


def summary(parts: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """sMAPE over all points by frequency and over all, and MASE over all series; the lowest sMAPE first."""
    columns: dict[str, pd.Series] = {name: over_points(scores, "sMAPE") for name, scores in parts.items()}
    everything = pd.concat(parts.values())
    complete = columns["yearly"].index.intersection(columns["other"].index)
    columns["all"] = over_points(everything, "sMAPE").reindex(complete)
    columns["MASE"] = _over_series(everything).reindex(complete)
    return pd.DataFrame(columns).rename_axis("model").sort_values("all", kind="stable")


def _over_series(scores: pd.DataFrame) -> pd.Series:
    rows = scores[scores["unique_id"] != POOLED]
    return rows.groupby("model")["MASE"].mean()


def main() -> None:
    """Fit each frequency with both settings, forecast the official horizons, and print the scores."""
    parts, seconds = {}, {}
    for task, frequency in zip(TASKS, SETS, strict=True):
        parts[frequency], seconds[frequency] = scored(task, frequency)
    table = summary(parts)
    print_table(table, 2)
    for name in (DEFAULT, CHOSEN):
        ahead = table.loc[table["all"] < table.loc[name, "all"]].index.difference([DEFAULT, CHOSEN])
        print(f"{name}: {len(ahead)} of the others that forecast every series are ahead.")
    print("Seconds of the default: " + ", ".join(f"{name} {value:.0f}" for name, value in seconds.items()))
    print(machine())


if __name__ == "__main__":
    main()
