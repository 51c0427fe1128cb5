"""Sensor series with gaps and irregular steps: fitted once, many cutoffs, history observed up to each.

- pollution_1, pollution_24: hourly PM2.5 of Beijing, fitted on 2010 to 2013; every hour of 2014 one step ahead, and
  every day of 2014 24 steps ahead, from midnight. 2,067 of 43,824 hours have no value; they are never scored.
- pollution_1_weather, pollution_24_weather: the same with dew point, temperature, pressure and wind as measured up to
  each cutoff. pollution_24_known: as if that weather were known a day ahead, which no weather forecast is; a bound.
- machine_temperature: recorded every five minutes, with one hour recorded twice; means of hours, 24 steps ahead.
- travel_time, occupancy, speed (NAB realTraffic): recorded about every ten or five minutes with gaps of up to days;
  means of the hours that hold a record (of 1,660, 388 and 407 hours 880, 95 and 95 hold none), 24 steps ahead.

The last four are read with ``irregular="mean"``, so that an hour bears the time at its end; they are fitted on their
first 80 % and forecast every hour after that. Ours sees a missing hour as missing, and how long ago the last record
was. statsforecast takes no missing values: for it the same hour of the day before fills a hole, which uses nothing that
was not yet known. It is fitted on the last eight weeks before the first cutoff, in which AutoARIMA takes minutes.

python -m benchmarks.sensors
"""

import argparse
from collections.abc import Callable
from functools import cache, partial

import numpy as np
import pandas as pd

from benchmarks import peer_jobs
from benchmarks.bench_data import bench_data
from benchmarks.report import machine, print_table
from benchmarks.rolling import rolling_forecasts
from benchmarks.scoring import pooled
from benchmarks.tasks import CHOSEN, DEFAULT, OURS, Task, beside
from forecasting import Panel, SimpleRNNForecaster, accuracy, to_panel

DAY, LEVELS, KNOWN_SHARE = 24, (80, 95), 0.8
HISTORY = 8 * 7 * DAY
FILES = {
    "machine_temperature": "realKnownCause/machine_temperature_system_failure.csv",
    "travel_time": "realTraffic/TravelTime_387.csv",
    "occupancy": "realTraffic/occupancy_6005.csv",
    "speed": "realTraffic/speed_6005.csv",
}


WEATHER = ["DEWP", "TEMP", "PRES", "cbwd", "Iws"]
"""Dew point, temperature, pressure, direction of the wind, and its speed added up while it keeps its direction."""


@cache
def pollution() -> Panel:
    """Hourly PM2.5, missing where it was not measured, and the weather."""
    frame = pd.read_csv(bench_data() / "sensors" / "pollution.csv")
    times = pd.to_datetime(frame[["year", "month", "day", "hour"]])
    table = frame[WEATHER].assign(unique_id="pm2.5", ds=times, y=frame["pm2.5"])
    return to_panel(table, frequency="h", covariates=WEATHER)[0]


@cache
def hourly(name: str) -> Panel:
    """Means of the hours of a file of `FILES`, missing where an hour holds no record."""
    frame = pd.read_csv(bench_data() / "sensors" / "nab" / FILES[name], parse_dates=["timestamp"])
    table = pd.DataFrame({"unique_id": name, "ds": frame["timestamp"], "y": frame["value"]})
    return to_panel(table, frequency="h", irregular="mean")[0]


def known(name: str) -> int:
    """Steps before the first cutoff: up to 2014, or the first 80 %."""
    panel = series(name)
    if name.startswith("pollution"):
        return int((panel.frame()["ds"] < "2014-01-01").sum())
    return int(KNOWN_SHARE * len(panel.values))


def series(name: str) -> Panel:
    """The whole series of a task."""
    return pollution() if name.startswith("pollution") else hourly(name)


def training(name: str) -> Panel:
    """What comes before the first cutoff."""
    panel = series(name)
    return panel.drop_last(len(panel.values) - known(name))


STEPS = {
    "pollution_1": (1, 1),
    "pollution_1_weather": (1, 1),
    "pollution_24": (DAY, DAY),
    "pollution_24_weather": (DAY, DAY),
    "pollution_24_known": (DAY, DAY),
    **dict.fromkeys(FILES, (DAY, 1)),
}
"""Horizon, and steps between cutoffs, by task."""

COVARIATES = {"weather": {"past_covariates": WEATHER}, "known": {"future_covariates": WEATHER}}
"""By the end of a task's name."""

TASKS = [
    Task(
        name,
        horizon,
        DAY,
        partial(training, name),
        forced={"frequency": "h", "gaps": "mask", **COVARIATES.get(name.rpartition("_")[2], {})},
        levels=LEVELS,
        validation=(30, DAY) if name.startswith("pollution") else (3, DAY),
        criterion="MASE",
    )
    for name, (horizon, _) in STEPS.items()
]


def rolled(name: str) -> Callable[[SimpleRNNForecaster], pd.DataFrame]:
    """What fits a forecaster before the first cutoff and forecasts from all of them."""

    def run(forecaster: SimpleRNNForecaster) -> pd.DataFrame:
        forecaster.fit(training(name))
        frames = rolling_forecasts(forecaster, series(name), [known(name)], STEPS[name][1])
        return pd.concat(frames, ignore_index=True)

    return run


def classical(task: Task) -> pd.DataFrame:
    """AutoETS and AutoARIMA from the same cutoffs, as ``unique_id``, ``cutoff``, ``ds``, models and interval ends."""
    panel = series(task.name)
    frame = panel.frame()
    steps = np.arange(len(frame))
    filled = frame["y"].groupby(steps % DAY).ffill().ffill()
    train = pd.DataFrame({"unique_id": frame["unique_id"], "ds": steps, "y": filled})
    settings = {
        "models": ["AutoETS", "AutoARIMA"],
        "levels": list(LEVELS),
        "history": HISTORY,
        "first": {str(panel.ids[0]): known(task.name)},
        "step": STEPS[task.name][1],
    }
    result = peer_jobs.classical(train, horizon=task.horizon, season=DAY, settings=settings).forecasts
    times = frame["ds"].to_numpy()
    return result.assign(cutoff=times[result["cutoff"]], ds=times[result["ds"]])


def table(task: Task) -> pd.DataFrame:
    """MASE, coverage and seconds of ours, the seasonal naive and, where the peers are installed, statsforecast."""
    rows = task.rows(rolled(task.name))
    keys = ["unique_id", "cutoff", "ds"]
    first = rows[DEFAULT][0]
    frame = beside(first[[column for column in map(str, first) if not column.startswith(OURS)]], rows, keys)
    models = [DEFAULT, CHOSEN, "SeasonalNaive"]
    if peer_jobs.are_installed():
        frame = frame.merge(classical(task), on=keys, how="left", validate="one_to_one")
        models += ["AutoETS", "AutoARIMA"]
    panel = series(task.name)
    scores = pooled(accuracy(frame, panel, DAY, models=models))
    result = scores[["MAE", "MASE", "coverage-80", "coverage-95", "windows", "scored"]].copy()
    result["seconds"] = pd.Series({name: seconds for name, (_, seconds) in rows.items()})
    return result.rename_axis(task.name)


def main() -> None:
    """Print a table for each task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="*", default=list(STEPS), choices=list(STEPS))
    names = parser.parse_args().tasks
    for task in TASKS:
        if task.name in names:
            print_table(table(task))
    if not peer_jobs.are_installed():
        print("AutoETS and AutoARIMA are missing here: make benchmark-peers installs statsforecast.")
    print(machine())


if __name__ == "__main__":
    main()
