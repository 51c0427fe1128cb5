"""Compare the candidate settings of a data set on the last part of its training data.

python -m benchmarks.choose m4_hourly        # or m3_monthly, m3, etth1, stocks, sensors
"""

import argparse
import time
from importlib import import_module

import pandas as pd

from benchmarks.best import CANDIDATES
from benchmarks.report import machine, print_table
from benchmarks.tasks import Task

SETS = ("m4_hourly", "m3_monthly", "m3", "etth1", "stocks", "sensors")


def validate(task: Task) -> pd.DataFrame:
    """Every candidate of a task with its criterion on the validation part and its seconds, the best one first."""
    rows = []
    for settings in CANDIDATES[task.name]:
        started = time.perf_counter()
        score = task.validated(settings)
        rows.append((repr(settings), score, time.perf_counter() - started))
    table = pd.DataFrame(rows, columns=["settings", task.criterion, "seconds"]).set_index("settings")
    return table.sort_values(task.criterion, kind="stable")


def main() -> None:
    """Print a table for each task of the set that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--task", help="only the task of this name")
    arguments = parser.parse_args()
    for task in import_module(f"benchmarks.{arguments.set}").TASKS:
        if arguments.task in (None, task.name):
            print(f"{task.name}: horizon {task.horizon}, season {task.season_length}, {task.validation[0]} windows")
            print_table(validate(task), 4)
    print(machine())


if __name__ == "__main__":
    main()
