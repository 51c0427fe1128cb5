"""What a benchmark prints: tables in Markdown, and the machine and the versions that they were measured with."""

import datetime
import math
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pandas as pd

_COARSE = ("seconds", "coverage")
"""Columns whose names begin so are shown with one decimal."""


def print_table(table: pd.DataFrame, digits: int = 3) -> None:
    """Print a frame as a Markdown table: the index on the left, numbers with ``digits`` decimals, NaN as nothing."""
    print(markdown(table, digits) + "\n", flush=True)


def markdown(table: pd.DataFrame, digits: int = 3) -> str:
    """A frame as a Markdown table, see `print_table`."""
    header = [str(table.index.name or ""), *map(str, table.columns)]
    values = zip(table.index, table.astype(object).to_numpy(), strict=True)
    decimals = [1 if column.startswith(_COARSE) else digits for column in header[1:]]
    rows = [[str(name), *map(_cell, row, decimals)] for name, row in values]
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(row, widths) for row in [header, rule, *rows])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = widths
    numbers = [cell.rjust(width) for cell, width in zip(cells[1:], others, strict=True)]
    return "| " + " | ".join([cells[0].ljust(first), *numbers]) + " |"


def _cell(value: object, digits: int) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.{digits}f}"
    return str(value)


def machine() -> str:
    """One line: processor, cores that this process may use, memory, interpreter, versions, day."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    packages = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras", "numpy", "pandas"))
    today = datetime.datetime.now(tz=datetime.UTC).date()
    return f"{_processor()}, {cores} cores; Python {platform.python_version()}, {packages}; {today}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
