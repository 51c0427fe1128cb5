"""Learned quantiles beside intervals of held-out errors, on the last windows of training parts: validation, no test.

Both by the same small forecaster, which is fitted once before the first window: intervals as they come by default
(split conformal, their width following recent movement), and those between quantiles that the network learned,
corrected by the same held-out windows (conformalised quantile regression). Pinball loss (over the ends of 80 and 95 %
and the median) and Winkler score are in units of the mean absolute seasonal difference of each series before the first
window.

- stocks_1, stocks_5: 19 share prices, one session ahead over the last 252 sessions before 2015, and five over the last
  250.
- pollution_24: hourly PM2.5 of Beijing, 24 hours ahead from every midnight of the last 60 days of 2013.
- machine_temperature, travel_time: hourly means, 24 hours ahead, every six hours at the end of the first 80 %.
- m4_hourly: every seventh series of M4 Hourly, 60 in all, the last four times 48 hours of the training part.

python -m benchmarks.quantiles
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import m4_hourly, sensors, stocks
from benchmarks.report import machine, print_table
from benchmarks.scoring import pooled
from forecasting import Panel, SimpleRNNForecaster, accuracy, backtest
from forecasting.evaluation.metrics import first_cutoffs, seasonal_scale

LEVELS, SHARES = (80, 95), (0.025, 0.1, 0.9, 0.975)
SMALL = {"units": 32, "n_layers": 2, "max_steps": 400, "verbose": 0}
KINDS: dict[str, dict[str, Any]] = {"held-out errors": {}, "learned quantiles": {"learned_quantiles": SHARES}}


@dataclass(frozen=True)
class Part:
    """A validation part: the panel that ends with it, and how it is forecast."""

    panel: Callable[[], Panel]
    horizon: int
    season: int
    n_windows: int
    step: int
    settings: dict[str, Any] = field(default_factory=dict)


def some_of_m4() -> Panel:
    """Every seventh series."""
    panel = m4_hourly.training()
    return panel.take(np.arange(0, panel.n_series, 7))


SHARE_PRICES = dict(stocks.TASKS[0].forced)
HOURS = {"frequency": "h", "gaps": "mask"}
PARTS = {
    "stocks_1": Part(stocks.training, 1, 1, 252, 1, SHARE_PRICES),
    "stocks_5": Part(stocks.training, 5, 1, 50, 5, SHARE_PRICES),
    "pollution_24": Part(partial(sensors.training, "pollution_24"), 24, 24, 60, 24, HOURS),
    "machine_temperature": Part(partial(sensors.training, "machine_temperature"), 24, 24, 60, 6, HOURS),
    "travel_time": Part(partial(sensors.training, "travel_time"), 24, 24, 40, 6, HOURS),
    "m4_hourly": Part(some_of_m4, 48, 24, 4, 48),
}


def scores(part: Part, seed: int) -> pd.DataFrame:
    """Scores of both kinds of intervals, and seconds for fitting once and forecasting all windows."""
    panel, rows, stated = part.panel(), {}, {**SMALL, **part.settings, "random_state": seed}
    for name, setting in KINDS.items():
        forecaster = SimpleRNNForecaster(part.horizon, season_length=part.season, levels=LEVELS, **stated, **setting)
        started = time.perf_counter()
        frame = backtest(forecaster, panel, part.horizon, part.n_windows, part.step, baselines=(), verbose=0)
        seconds = time.perf_counter() - started
        scale = frame["unique_id"].map(seasonal_scale(panel, part.season, first_cutoffs(frame)))
        numbers = [column for column in map(str, frame) if column == "y" or column.startswith("SimpleRNN")]
        units = frame.assign(**{column: frame[column] / scale for column in numbers})
        found = pooled(accuracy(units, panel, part.season, models=["SimpleRNN"])).loc["SimpleRNN"]
        rows[name] = {
            "MASE": pooled(accuracy(frame, panel, part.season, models=["SimpleRNN"])).loc["SimpleRNN", "MASE"],
            "pinball": found["pinball"],
            **{
                f"{measure} {level}": found[f"{measure}-{level}"]
                for level in LEVELS
                for measure in ("coverage", "winkler")
            },
            "seconds": seconds,
        }
    return pd.DataFrame(rows).T


def main() -> None:
    """Print a table for each part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="*", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for name in arguments.parts:
        print_table(scores(PARTS[name], arguments.seed).rename_axis(name))
    print(machine())


if __name__ == "__main__":
    main()
