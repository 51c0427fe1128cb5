"""Backtests of 50 windows on M4 Hourly: ours, Darts' historical_forecasts and neuralforecast's cross_validation.

Every run is a process of its own. Its seconds go from the frame in memory to the forecasts in memory, fits and
compilation included; imports are excluded. Windows end with the training part of M4 Hourly, cutoffs are a few steps
apart. With ``--refit`` the model is fitted at every cutoff; Darts then fits every series by itself, so give one.
``--steps`` sets the gradient steps of every fit of all three (ours: of every member, its training on everything
afterwards left out), so that the machinery is compared and not the training budgets.

python -m benchmarks.backtests                                       # all series, one fit, settings of peers_m4
python -m benchmarks.backtests --refit --series 1 --steps 100        # fifty fits each
"""

import argparse
import sys
from typing import Any

import pandas as pd

from benchmarks.bench_data import bench_data
from benchmarks.m4_hourly import HORIZON, SEASON
from benchmarks.peer_jobs import SCRIPTS, Result, interpreter, run_job
from benchmarks.peer_settings import PEERS
from benchmarks.report import machine, print_table
from benchmarks.scoring import pooled
from forecasting import accuracy, backtest, to_panel
from forecasting.evaluation.baselines import SEASONAL_NAIVE

Settings = dict[str, Any]
OURS = "SimpleRNN (ours)"


def contestants(windows: Settings, steps: int | None, n_jobs: int) -> dict[str, tuple[list[str], Settings]]:
    """The command and the settings of each, by name."""
    budget = {} if steps is None else {"steps": steps}
    parameters = {} if steps is None else {"max_steps": steps, "refit": False}
    darts, neural = (PEERS[name].tried[0] | budget | windows for name in ("Darts RNNModel", "neuralforecast RNN"))
    return {
        OURS: (
            [sys.executable, "-m", "benchmarks.ours_backtest_job"],
            {**windows, "parameters": parameters, "n_jobs": n_jobs},
        ),
        "Darts historical_forecasts": ([str(interpreter("darts")), str(SCRIPTS / "darts_backtest.py")], darts),
        "neuralforecast cross_validation": ([str(interpreter("main")), str(SCRIPTS / "neural_backtest.py")], neural),
    }


def table(frame: pd.DataFrame, results: dict[str, Result], windows: Settings) -> pd.DataFrame:
    """Seconds and scores of each, with the seasonal naive forecast of the same windows."""
    panel = to_panel(frame)[0]
    together = backtest(
        "seasonal_naive", panel, HORIZON, windows["n_windows"], windows["step"], season_length=SEASON, verbose=0
    )
    keys = ["unique_id", "cutoff", "ds"]
    for name, result in results.items():
        forecasts = result.forecasts.rename(columns={"yhat": name})
        together = together.merge(forecasts, on=keys, how="left", validate="one_to_one")
    scores = pooled(accuracy(together, panel, SEASON, reference=SEASONAL_NAIVE))[["sMAPE", "MASE", "OWA"]]
    return scores.assign(seconds=pd.Series({name: result.seconds for name, result in results.items()}))


def main() -> None:
    """Run all three and print seconds and scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=50)
    parser.add_argument("--step", type=int, default=4, help="steps from one cutoff to the next")
    parser.add_argument("--refit", action="store_true", help="fit at every cutoff")
    parser.add_argument("--series", type=int, help="only the first so many series")
    parser.add_argument(
        "--steps", type=int, help="gradient steps of every fit; without it those of benchmarks.peers_m4"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes of ours")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    frame = pd.read_parquet(bench_data() / "m4" / "hourly_train.parquet")[["unique_id", "ds", "y"]]
    if given.series:
        frame = frame[frame["unique_id"].isin(frame["unique_id"].unique()[: given.series])]
    windows = {"n_windows": given.windows, "step": given.step, "refit": given.refit}
    results = {}
    for name, (command, settings) in contestants(windows, given.steps, given.jobs).items():
        results[name] = run_job(
            command, frame, horizon=HORIZON, season=SEASON, settings=settings, threads=given.threads
        )
        print(f"{name}: {results[name].seconds:.1f} s, {results[name].versions}", file=sys.stderr, flush=True)
    print_table(table(frame, results, windows).rename_axis("model"))
    print(f"{frame['unique_id'].nunique()} series, {windows}")
    print(machine())


if __name__ == "__main__":
    main()
