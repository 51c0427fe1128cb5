"""Seconds per observation of 10,000 series: a stream against reading the last 336 points of all of them again.

python -m benchmarks.streaming
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.report import machine, print_table
from benchmarks.speed import LOOKBACK, fitted, seasonal_panel
from forecasting.estimators.trust import NETWORKS_ALONE

OBSERVATIONS_AT_ONCE = 100
"""An observation alone is too short to be timed."""


def compared(n_series: int, rounds: int) -> pd.DataFrame:
    """Median seconds of each way, taken in turns so that other work on the machine falls on all alike."""
    panel = seasonal_panel(n_series, 2 * LOOKBACK)
    last = panel.keep_last(LOOKBACK)
    frame = last.frame()
    forecaster = fitted()
    forecaster.panel_, forecaster._untrained = panel, np.zeros(n_series, dtype=np.int64)
    stream, values = forecaster.stream(), panel.values.reshape(n_series, -1)[:, -1]
    reading = stream._window(slice(0, n_series)).reading
    networks = replace(forecaster._model, smoother=None, shares=NETWORKS_ALONE)

    def observe() -> None:
        for _ in range(OBSERVATIONS_AT_ONCE):
            stream.observe(values)

    ways: dict[str, tuple[Callable[[], object], int]] = {
        "predict(data=frame of the last 336)": (lambda: forecaster.predict(data=frame), 1),
        "predict(data=panel of the last 336)": (lambda: forecaster.predict(data=last), 1),
        "stream: observe and predict": (lambda: stream.observe(values).predict(), 1),
        "stream: observe and forecast": (lambda: stream.observe(values).forecast(), 1),
        "of that, the networks alone": (lambda: networks.forecast_and_spread(reading), 1),
        "of that, observe alone": (observe, OBSERVATIONS_AT_ONCE),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(1 + rounds):
        for name, (work, times) in ways.items():
            started = time.perf_counter()
            work()
            seconds[name].append((time.perf_counter() - started) / times)
    median = {name: statistics.median(taken[1:]) for name, taken in seconds.items()}  # the first one compiles
    again = next(iter(median.values()))
    rows = [(name, f"{taken:.6f}", again / taken) for name, taken in median.items()]
    return pd.DataFrame(rows, columns=[f"{n_series:,} series", "s per observation", "times as fast"]).set_index(
        f"{n_series:,} series"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print_table(compared(arguments.series, arguments.rounds), 1)
    print(machine())


if __name__ == "__main__":
    main()
