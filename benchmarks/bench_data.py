"""Where the public series of the benchmarks lie."""

import os
import sys
from pathlib import Path


def bench_data() -> Path:
    """The folder named by FORECASTING_BENCH_DATA, by default ``shared/data`` beside the checkout."""
    folder = Path(os.environ.get("FORECASTING_BENCH_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        sys.exit(f"There is no folder {folder}. Name the one with the series: FORECASTING_BENCH_DATA=...")
    return folder
