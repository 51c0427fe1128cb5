"""Single short series, each alone, with the defaults of SimpleRNNForecaster: the hard case for a network.

Every eightieth series of M3 Monthly, M3 Quarterly and the hospital panel, and every twentieth of Australian retail, cut
off from its panel. Two test windows each; one fit on what comes before.

python -m benchmarks.single_series
"""

import time

import numpy as np
import pandas as pd

from benchmarks.bench_data import bench_data
from forecasting import SimpleRNNForecaster, accuracy, backtest, to_panel
from forecasting.errors import DataError

SETS = {
    "m3/monthly_train.parquet": (18, 12, 80),
    "m3/quarterly_train.parquet": (8, 4, 80),
    "hospital/monthly_train.parquet": (12, 12, 80),
    "retail/aus_retail.parquet": (12, 12, 20),
}
"""File: horizon, season length, and of how many series one is taken."""


def main() -> None:
    """Print, for each set, the mean ratio of MASE to that of the seasonal naive, and coverage."""
    rows, refused, started = [], 0, time.perf_counter()
    for file, (horizon, season, every) in SETS.items():
        frame = pd.read_parquet(bench_data() / file)
        for name in frame["unique_id"].unique()[::every]:
            panel, _ = to_panel(frame[frame["unique_id"] == name])
            forecaster = SimpleRNNForecaster(horizon, season_length=season, levels=[80], random_state=0, verbose=0)
            try:
                scores = accuracy(backtest(forecaster, panel, horizon, 2), panel, season).set_index("model")[:2]
            except DataError:
                refused += 1
                continue
            ratio = scores.loc["SimpleRNN", "MASE"] / scores.loc["SeasonalNaive", "MASE"]
            rows.append(
                (file, ratio, scores.loc["SimpleRNN", "coverage-80"], scores.loc["SeasonalNaive", "coverage-80"])
            )
    table = pd.DataFrame(rows, columns=["set", "ratio", "coverage-80", "coverage-80 naive"])
    print(table.groupby("set", sort=False).agg(series=("ratio", "size"), **_AGGREGATES).round(3).to_string())
    print(table.agg(["mean", "median", "max"], numeric_only=True).round(3).to_string())
    better = (table["ratio"] < 1).sum()
    print(f"geometric mean of the ratios {np.exp(np.log(table['ratio']).mean()):.3f}; better in {better}")
    print(f"{len(table)} series, {refused} too short, {time.perf_counter() - started:.0f} s")


_AGGREGATES = {
    "ratio": ("ratio", "mean"),
    "worst": ("ratio", "max"),
    "coverage": ("coverage-80", "mean"),
    "naive": ("coverage-80 naive", "mean"),
}


if __name__ == "__main__":
    main()
