"""Speed, memory and scale of the engine, each part in a process of its own.

python -m benchmarks.speed                  # all parts
python -m benchmarks.speed step ensemble    # some of them
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.report import machine, print_table

if TYPE_CHECKING:
    from forecasting.network.spec import NetworkSpec

RUNS = 5
LOOKBACK, HORIZON, SEASON = 336, 48, 24


def seasonal_panel(n_series: int, length: int) -> Any:
    """Series of a daily pattern, a level of their own, and noise; float64, integer steps."""
    from forecasting.panel import Frequency, Panel

    rng = np.random.default_rng(0)
    values = np.empty(n_series * length)
    wave = np.sin(np.arange(length) * 2 * np.pi / SEASON)
    for series in range(n_series):
        part = slice(series * length, (series + 1) * length)
        values[part] = 10 + 5 * rng.random() + wave * (1 + rng.random()) + rng.normal(0, 0.2, length)
    ids = np.array([f"series-{series:07d}" for series in range(n_series)], dtype=object)
    times = np.tile(np.arange(length), n_series)
    return Panel(values, times, np.arange(n_series + 1) * length, ids, Frequency.parse(1))


def fitted(max_steps: int = 40, **settings: Any) -> Any:
    """A forecaster fitted to a small panel: the speed of a forecast does not depend on what was learned."""
    from forecasting import SimpleRNNForecaster

    forecaster = SimpleRNNForecaster(
        HORIZON, season_length=SEASON, lookback=LOOKBACK, max_steps=max_steps, random_state=0, verbose=0, **settings
    )
    return forecaster.fit(seasonal_panel(20, 900))


def resident(high: bool = False) -> float:
    """Resident memory of this process in MiB; its high-water mark if ``high``."""
    field = "VmHWM:" if high else "VmRSS:"
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def median_seconds(
    work: Callable[[], object], runs: int = RUNS, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Median seconds of some runs on the wall, or on another clock."""
    seconds = []
    for _ in range(runs):
        started = clock()
        work()
        seconds.append(clock() - started)
    return statistics.median(seconds)


def step_seconds(spec: "NetworkSpec", batch: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of a compiled training step on random windows, ``batch`` of them for each member."""
    from forecasting.network.engine import engine
    from forecasting.network.spec import initial_weights

    rng, network = np.random.default_rng(0), engine(spec)
    inputs, target = (
        rng.normal(size=(spec.n_members, batch, size)).astype(np.float32) for size in (spec.lookback, spec.horizon)
    )
    network.begin(initial_weights(spec, rng.spawn(spec.n_members)), 1.0, windows=10**9)

    def steps(count: int = 20) -> None:
        for _ in range(count):
            network.step({"window": inputs, "observed": np.ones_like(inputs)}, target, 1e-3)

    steps(1)
    return median_seconds(steps, clock=clock) / 20


def products(spec: "NetworkSpec", batch: int) -> list[tuple[int, int, int, int]]:
    """The matrix products of a training step of one member: how often, and rows, inner size and columns of each.

    Forwards, and backwards one for the gradient of either factor, of the sizes in which a recurrence needs them.
    """
    units, steps = spec.units, spec.segments
    forwards = [(1, steps * batch, spec.features, units)]
    forwards += [(spec.n_layers - 1, steps * batch, units, units)]
    forwards += [(spec.n_layers * (steps - 1), batch, units, units)]
    forwards += [(1, batch, units, spec.horizon), (1, batch, spec.skip_rows, spec.horizon)]
    backwards = [size for count, m, k, n in forwards for size in ((count, m, n, k), (count, k, m, n))]
    return forwards + backwards


def product_seconds(sizes: list[tuple[int, int, int, int]], members: int) -> float:
    """Processor seconds of these products for every member, one after the other on one thread."""
    rng = np.random.default_rng(0)
    factors = [
        (count, rng.normal(size=(m, k)).astype(np.float32), rng.normal(size=(k, n)).astype(np.float32))
        for count, m, k, n in sizes
    ]

    def all_of_them() -> None:
        for count, left, right in factors:
            for _ in range(count * members):
                left @ right

    all_of_them()
    return median_seconds(all_of_them, clock=time.process_time)


def training_step() -> pd.DataFrame:
    """Floating-point operations per second of processor time: a training step against matrix products on one thread.

    Against one product of 2,048 x 2,048, and against the products that the step is made of, in their own sizes.
    Processor time, of all threads, stays the same where other work takes a part of the cores.
    """
    from threadpoolctl import threadpool_limits

    from forecasting.network.spec import NetworkSpec

    left, right = np.ones((2048, 2048), np.float32), np.ones((2048, 2048), np.float32)
    with threadpool_limits(1, "blas"):
        product = 2 * 2048**3 / median_seconds(lambda: left @ right, clock=time.process_time) / 1e9
    rows = []
    for units in (64, 128, 256):
        for segment in (24, 48):
            spec = NetworkSpec(LOOKBACK, HORIZON, segment, units, 3, False, True, True, SEASON, 3)
            seconds = step_seconds(spec, 128, time.process_time)
            speed = 6 * 3 * 128 * spec.multiplications() / seconds / 1e9
            with threadpool_limits(1, "blas"):
                own = product_seconds(products(spec, 128), spec.n_members)
            name = f"{units} units, segment {segment}"
            rows.append((name, 1e3 * seconds, speed, product, 100 * speed / product, 1e3 * own, 100 * own / seconds))
    columns = ["3 members, batch 128", "processor ms per step", "GFLOP/s", "matrix product GFLOP/s", "share, %"]
    columns += ["own products, ms", "share, %, of own products"]
    return pd.DataFrame(rows, columns=columns).set_index(columns[0])


def ensemble() -> pd.DataFrame:
    """The time of a training step of five members at once against that of one."""
    from forecasting.network.spec import NetworkSpec

    rows = []
    for units, batch in ((16, 32), (32, 64), (64, 128)):
        seconds = {}
        for members in (1, 5):
            spec = NetworkSpec(LOOKBACK, HORIZON, SEASON, units, 3, False, True, True, SEASON, members)
            seconds[members] = step_seconds(spec, batch)
        rows.append((f"{units} units, batch {batch}", 1e3 * seconds[1], 1e3 * seconds[5], seconds[5] / seconds[1]))
    columns = ["size", "one member, ms", "five members, ms", "ratio"]
    return pd.DataFrame(rows, columns=columns).set_index("size")


def batch_forecast() -> pd.DataFrame:
    """100,000 series of length 500, 48 steps, two levels, frame in to frame out."""
    panel = seasonal_panel(100_000, 500)
    frame = panel.frame()
    forecaster = fitted()
    forecaster.predict(levels=[80, 95], data=frame.head(5000))
    seconds = median_seconds(lambda: forecaster.predict(levels=[80, 95], data=frame), 3)
    inside = median_seconds(lambda: forecaster.predict(levels=[80, 95], data=panel), 3)
    rows = [("frame to frame", seconds, 10 * seconds), ("panel to frame", inside, 10 * inside)]
    return pd.DataFrame(rows, columns=["100,000 series", "seconds", "per million"]).set_index("100,000 series")


def memory() -> pd.DataFrame:
    """Peak resident memory of a fit on 10 million points, above what TensorFlow takes for the same network."""
    settings = {"random_state": 0, "verbose": 0, "season_length": SEASON, "lookback": LOOKBACK, "max_steps": 400}
    from forecasting import SimpleRNNForecaster

    SimpleRNNForecaster(HORIZON, **settings).fit(seasonal_panel(20, 900))
    before = resident()
    panel = seasonal_panel(1000, 10_000)
    raw = panel.values.nbytes / 2**20
    started = time.perf_counter()
    forecaster = SimpleRNNForecaster(HORIZON, **settings).fit(panel)
    seconds = time.perf_counter() - started
    above = resident(high=True) - before
    planned = sum(forecaster.memory_plan_.values()) / 2**20
    row = [("10 million points", raw, above, above / raw, planned, seconds)]
    columns = ["fit", "raw MiB", "peak above MiB", "ratio", "planned MiB", "seconds"]
    return pd.DataFrame(row, columns=columns).set_index("fit")


def refits() -> pd.DataFrame:
    """One hundred fits in one process: resident memory and seconds along the way."""
    from forecasting import SimpleRNNForecaster

    panel, rows = seasonal_panel(20, 900), []
    started = time.perf_counter()
    for number in range(1, 101):
        SimpleRNNForecaster(HORIZON, season_length=SEASON, lookback=168, max_steps=40, verbose=0).fit(panel)
        if number in (1, 2, 10, 25, 50, 75, 100):
            rows.append((number, resident(), time.perf_counter() - started))
    return pd.DataFrame(rows, columns=["fits", "resident MiB", "seconds"]).set_index("fits")


def start_up() -> pd.DataFrame:
    """Processor seconds of a fresh process, warm disk, to import, load a forecaster, and forecast 20 series."""
    script = (
        "import time; t = time.process_time(); from forecasting import SimpleRNNForecaster as F;"
        "a = time.process_time(); f = F.load({folder!r}); b = time.process_time();"
        "f.predict(); print(a - t, b - a, time.process_time() - b)"
    )
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        fitted().save(folder)
        for _ in range(RUNS):
            command = [sys.executable, "-c", script.format(folder=folder)]
            printed = subprocess.run(command, capture_output=True, check=True).stdout
            seconds.append([float(part) for part in printed.split()])
    parts = ["import forecasting, pandas, scikit-learn", "load", "forecast 20 series"]
    median = np.median(seconds, axis=0)
    return pd.DataFrame({"part": [*parts, "together"], "seconds": [*median, median.sum()]}).set_index("part")


PARTS: dict[str, Callable[[], pd.DataFrame]] = {
    "step": training_step,
    "ensemble": ensemble,
    "batch": batch_forecast,
    "memory": memory,
    "refits": refits,
    "start-up": start_up,
}


def main() -> None:
    """Run parts, each in a fresh process so that none starts with another's memory or compiled networks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    parser.add_argument("--here", action="store_true", help="run the one part in this process")
    arguments = parser.parse_args()
    if arguments.here:
        print_table(PARTS[arguments.parts[0]]())
        return
    for part in arguments.parts or PARTS:
        print(f"{part}: {PARTS[part].__doc__}")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-m", "benchmarks.speed", part, "--here"], check=True)
    print(machine())


if __name__ == "__main__":
    main()
