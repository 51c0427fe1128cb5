"""M3 monthly, one step ahead: 1,045 series, the last 18 points of each, history observed, one fit.

The series are those with a training part of 81 points or more, on which Makridakis, Spiliotis and Assimakopoulos
compared statistical and machine-learning methods (PLOS ONE 13(3), 2018).

python -m benchmarks.m3_monthly
"""

from functools import partial

import pandas as pd

from benchmarks.bench_data import bench_data
from benchmarks.report import machine, print_table
from benchmarks.scoring import pooled
from benchmarks.tasks import CHOSEN, DEFAULT, Task, beside
from forecasting import Panel, accuracy, backtest, to_panel

SEASON, LAST_POINTS, LEAST_LENGTH = 12, 18, 81
PUBLISHED = {
    "ETS, Box-Cox": (7.12, 0.47),
    "ARIMA, Box-Cox": (7.19, 0.47),
    "Theta, Box-Cox": (7.23, 0.48),
    "MLP, Box-Cox and deseasonalised": (7.96, 0.56),
    "Naive2, Box-Cox": (8.58, 0.56),
    "RNN": (9.48, 0.54),
    "LSTM": (11.67, 0.72),
}
"""sMAPE and MASE of the paper's tables 4, 6 and 7."""


def series() -> Panel:
    """The 1,045 series, training and test part together."""
    folder = bench_data() / "m3"
    parts = [pd.read_parquet(folder / f"monthly_{part}.parquet") for part in ("train", "test")]
    lengths = pd.read_parquet(folder / "monthly_meta.parquet").set_index("unique_id")["n_train"]
    frame = pd.concat(parts)
    return to_panel(frame[frame["unique_id"].map(lengths) >= LEAST_LENGTH])[0]


def training() -> Panel:
    """All but the last 18 points of each series."""
    return series().drop_last(LAST_POINTS)


TASKS = [Task("m3_monthly", 1, SEASON, training, validation=(LAST_POINTS, 1))]


def main() -> None:
    """Fit once with both settings, forecast the last 18 points one by one, and print the scores."""
    panel = series()
    rows = TASKS[0].rows(partial(backtest, data=panel, horizon=1, n_windows=LAST_POINTS))
    keys = ["unique_id", "cutoff", "ds"]
    frame = beside(rows[DEFAULT][0][[*keys, "y", "SeasonalNaive"]], rows, keys)
    table = pooled(accuracy(frame, panel, SEASON)).loc[[DEFAULT, CHOSEN, "SeasonalNaive"], ["sMAPE", "MASE"]]
    table["seconds"] = pd.Series({name: seconds for name, (_, seconds) in rows.items()})
    published = pd.DataFrame.from_dict(PUBLISHED, orient="index", columns=["sMAPE", "MASE"])
    print_table(pd.concat([table, published]).rename_axis("model"))
    print(machine())


if __name__ == "__main__":
    main()
