"""ETTh1: 7 hourly series, split 12/4/4 months, horizons 96 to 720, every test window counted.

The protocol of the long-horizon literature with its test loader corrected: series standardised by the first 12 months
(of 30 days), the network trained on those, settings chosen on the next 4, errors on all windows of the last 4. All
seven channels, each forecast from its own past by one model. A look-back of 720 hours at most.

python -m benchmarks.etth1
"""

import argparse
import time
from functools import cache, partial

import numpy as np
import pandas as pd
from utilsforecast import losses

from benchmarks.bench_data import bench_data
from benchmarks.report import machine, print_table
from benchmarks.rolling import rolling_forecasts
from benchmarks.tasks import CHOSEN, DEFAULT, OURS, Task
from forecasting import Panel, SimpleRNNForecaster, to_panel

MONTH = 30 * 24
TRAIN, VALIDATION, TEST = 12 * MONTH, 4 * MONTH, 4 * MONTH
HORIZONS, SEASON = (96, 192, 336, 720), 24
PUBLISHED = {
    "SegRNN": [(0.351, 0.392), (0.392, 0.414), (0.423, 0.433), (0.466, 0.472)],
    "PatchTST": [(0.375, 0.404), (0.418, 0.430), (0.462, 0.460), (0.495, 0.497)],
    "DLinear": [(0.381, 0.407), (0.419, 0.430), (0.454, 0.456), (0.499, 0.512)],
    "iTransformer": [(0.396, 0.426), (0.430, 0.450), (0.480, 0.486), (0.700, 0.608)],
    "GRU": [(1.135, 0.844), (1.123, 0.814), (1.080, 0.800), (1.089, 0.822)],
}
"""MSE and MAE by horizon at look-back 720 (Lin et al., SegRNN, IEEE Internet of Things Journal 2026, table II)."""


@cache
def standardised() -> Panel:
    """The 20 months that count, each channel less its mean over its deviation (of the first 12 months)."""
    frame = pd.read_csv(bench_data() / "sensors" / "ETTh1.csv", parse_dates=["date"]).set_index("date")
    known = frame.iloc[:TRAIN]
    scaled = (frame - known.mean()) / known.std(ddof=0)
    return to_panel(scaled.iloc[: TRAIN + VALIDATION + TEST])[0]


def training() -> Panel:
    """The first 12 months and, behind them, the 4 of the validation part."""
    return standardised().drop_last(TEST)


def task(horizon: int) -> Task:
    """Candidates are trained on the 12 months and compared on one window a day of the 4 months behind."""
    windows = (VALIDATION - horizon) // SEASON + 1
    return Task(f"etth1_{horizon}", horizon, SEASON, training, validation=(windows, SEASON), criterion="RMSE")


TASKS = [task(horizon) for horizon in HORIZONS]


def errors(forecaster: SimpleRNNForecaster) -> pd.Series:
    """Fit on the first 12 months; MSE and MAE over all steps of all windows of the test part and all channels."""
    panel = standardised()
    forecaster.fit(panel.drop_last(VALIDATION + TEST))
    first = np.full(panel.n_series, TRAIN + VALIDATION)
    total, count = pd.Series(0.0, ["MSE", "MAE"]), 0
    for frame in rolling_forecasts(forecaster, panel, first):
        rows = frame.drop(columns="cutoff")  # all windows of a channel are scored together
        measures = {"MSE": partial(losses.mse, rows), "MAE": partial(losses.mae, rows)}
        scored = frame.groupby("unique_id").size()
        for name, measure in measures.items():
            total[name] += (measure([OURS]).set_index("unique_id")[OURS] * scored).sum()
        count += len(frame)
    expected = panel.n_series * (TEST - forecaster.horizon + 1) * forecaster.horizon
    if count != expected:
        raise ValueError(f"{count} values were scored, and the test part has {expected}")
    return total / count


def main() -> None:
    """Fit every horizon with both settings and print the errors beside the published ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--horizons", type=int, nargs="*", default=HORIZONS, choices=HORIZONS)
    horizons = parser.parse_args().horizons
    columns: dict[str, pd.Series] = {}
    started = time.perf_counter()
    for horizon in horizons:
        rows = {name: result for name, (result, _) in task(horizon).rows(errors).items()}
        rows |= {name: pd.Series(row[HORIZONS.index(horizon)], ["MSE", "MAE"]) for name, row in PUBLISHED.items()}
        for measure in ("MSE", "MAE"):
            columns[f"{measure} {horizon}"] = pd.Series({name: row[measure] for name, row in rows.items()})
    print_table(pd.DataFrame(columns).loc[[DEFAULT, CHOSEN, *PUBLISHED]].rename_axis("model"))
    print(f"{time.perf_counter() - started:.0f} s for fits and forecasts.")
    print(machine())


if __name__ == "__main__":
    main()
