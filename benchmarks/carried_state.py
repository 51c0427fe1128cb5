"""Carrying the state of a network on against reading windows anew: what it costs, and what it does to the accuracy.

- state: seconds of one observation of 10,000 series with the predictions behind it, by `stream`, beside `predict(X)`
  on their windows of 336 steps; segments of one step and others. Medians over runs that take turns; processor seconds
  too, because they tell less of what else the machine does.
- accuracy: one step ahead over thousands of steps that follow those fitted to: root mean squared error of a stream that
  goes on from the first step to the last, beside that of windows, by part of the time. One series is synthetic, the
  others are the loads and the oil temperature of ETTh1: fitted to the first twelve months, followed through the four
  months that are its validation part. The last value is the naive forecast.

python -m benchmarks.carried_state                # both parts
python -m benchmarks.carried_state accuracy       # one of them
"""

import argparse
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd

from benchmarks.bench_data import bench_data
from benchmarks.report import machine, print_table
from forecasting import SimpleRNNRegressor, make_windows

SERIES, STEPS, RUNS, OBSERVATIONS = 10_000, 336, 7, 20
NETWORKS: dict[str, dict[str, int]] = {
    "3 members, 32 units": {},
    "1 member, 64 units": {"n_members": 1, "units": 64},
    "3 members, 32 units, 2 layers": {"n_layers": 2},
    "3 members, 32 units, segments of 12": {"segment_length": 12},
}
LOOKBACK, YEAR, VALIDATION, QUARTERS = 48, 12 * 30 * 24, 4 * 30 * 24, 4


def state() -> pd.DataFrame:
    """One observation and the predictions behind it, 10,000 series, windows of 336 steps."""
    rng = np.random.default_rng(0)
    length = STEPS + RUNS * OBSERVATIONS
    history = np.sin(np.arange(length) * 2 * np.pi / 24) + rng.normal(size=(SERIES, length))
    rows = []
    for name, settings in NETWORKS.items():
        carried, anew = _costs(settings, history)
        ratios = anew / carried
        rows.append((name, *(number for kind in (0, 1) for number in (carried[kind], anew[kind], ratios[kind]))))
    kinds = ["stream, ms", "predict(X), ms", "ratio"]
    columns = ["network", *kinds, *(f"processor: {kind}" for kind in kinds)]
    return pd.DataFrame(rows, columns=columns).set_index("network")


def _costs(settings: dict[str, int], history: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median milliseconds, of the wall and of the processor, of an observation and of reading all windows."""
    regressor = SimpleRNNRegressor(**{"segment_length": 1, "max_steps": 2, "random_state": 0, **settings})
    regressor.fit(*make_windows(history[0], STEPS))
    regressor.predict(history[:, :STEPS])  # the network is built before anything is measured
    stream = regressor.stream(SERIES)
    stream.read(history[:, :STEPS])

    def follow(observation: np.ndarray) -> None:
        stream.observe(observation)
        stream.predict()

    carried, anew = [], []
    for behind in range(STEPS + OBSERVATIONS, history.shape[1] + 1, OBSERVATIONS):
        carried += [_milliseconds(follow, history[:, step]) for step in range(behind - OBSERVATIONS, behind)]
        anew.append(_milliseconds(regressor.predict, history[:, behind - STEPS : behind]))
    return np.median(carried, axis=0), np.median(anew, axis=0)


def accuracy() -> pd.DataFrame:
    """Root mean squared error one step ahead, in units of that of the last value, and how far the two are apart."""
    rows = []
    for name, series in _series().items():
        X, y = make_windows(series, LOOKBACK)
        fitted_to = len(series) - VALIDATION - LOOKBACK
        for segment in (1, 12):
            regressor = SimpleRNNRegressor(segment_length=segment, max_steps=600, random_state=0)
            regressor.fit(X[:fitted_to], y[:fitted_to])
            stream = regressor.stream()
            stream.read(series[None, : len(series) - VALIDATION - 1])
            carried = []
            for value in series[len(series) - VALIDATION - 1 : -1]:
                stream.observe([value])
                carried.append(stream.predict()[0])
            windows = regressor.predict(X[fitted_to:])
            naive = X[fitted_to:, -1]
            errors = [np.square(said - y[fitted_to:]) for said in (windows, np.array(carried), naive)]
            for part, which in enumerate([slice(None), *_quarters()]):
                rmse = [float(np.sqrt(error[which].mean())) for error in errors]
                label = f"{part} of {QUARTERS}" if part else "all"
                apart = 100 * float(np.sqrt(np.square(windows - np.array(carried))[which].mean())) / rmse[2]
                rows.append((name, segment, label, rmse[0] / rmse[2], rmse[1] / rmse[2], apart))
    columns = ["series", "segment", "part", "windows / last value", "stream / last value", "apart, %"]
    return pd.DataFrame(rows, columns=columns).set_index("series")


def _series() -> dict[str, np.ndarray]:
    """Series of a year and four months of hours."""
    rng, length = np.random.default_rng(0), YEAR + VALIDATION
    driven = np.zeros(length)
    for hour in range(1, length):
        before = driven[hour - 1]
        driven[hour] = 0.9 * np.tanh(2 * before) + 0.6 * np.sin(2 * np.pi * hour / 24) + 0.3 * rng.normal()
    frame = pd.read_csv(bench_data() / "sensors" / "ETTh1.csv").head(length)
    return {"synthetic": driven, **{f"ETTh1 {column}": frame[column].to_numpy() for column in ("HUFL", "OT")}}


def _quarters() -> list[slice]:
    edges = np.linspace(0, VALIDATION, QUARTERS + 1).astype(int)
    return [slice(first, behind) for first, behind in pairwise(edges)]


def _milliseconds(work: Callable[[np.ndarray], object], values: np.ndarray) -> tuple[float, float]:
    """Of the wall, and of the processor."""
    wall, processor = time.perf_counter(), time.process_time()
    work(values)
    return 1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - processor)


PARTS: dict[str, Callable[[], pd.DataFrame]] = {"state": state, "accuracy": accuracy}


def main() -> None:
    """Run parts and print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    for part in parser.parse_args().parts or PARTS:
        print(f"{part}: {PARTS[part].__doc__}")
        print_table(PARTS[part]())
    print(machine())


if __name__ == "__main__":
    main()
