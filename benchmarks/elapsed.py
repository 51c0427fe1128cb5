"""What the time since the last observation gives beside the mask, on validation parts of sensor series with gaps.

Fitted on the first 60 % of each series of `benchmarks.sensors` that is read at irregular times, and forecast 24 steps
ahead from every hour of the next 20 %: nothing of the test part.

python -m benchmarks.elapsed
"""

import argparse
import dataclasses
from unittest import mock

import pandas as pd

from benchmarks import sensors
from benchmarks.report import machine, print_table
from benchmarks.rolling import rolling_forecasts
from benchmarks.scoring import pooled
from forecasting import SimpleRNNForecaster, accuracy
from forecasting.estimators import learning
from forecasting.network.spec import NetworkSpec

FITTED_SHARE, KNOWN_SHARE = 0.6, 0.8
SEEDS = (0, 1, 2)
_spec = learning._spec


def mask_alone(*arguments: object) -> NetworkSpec:
    """In place of `learning._spec`: the networks are not told the time since the last observation."""
    return dataclasses.replace(_spec(*arguments), elapsed=False)  # type: ignore[arg-type]


def validated(name: str, seed: int) -> float:
    """MASE on the validation part."""
    panel = sensors.series(name)
    steps, fitted = len(panel.values), int(FITTED_SHARE * len(panel.values))
    known = panel.drop_last(steps - int(KNOWN_SHARE * steps))
    forecaster = SimpleRNNForecaster(
        sensors.DAY, season_length=sensors.DAY, frequency="h", gaps="mask", random_state=seed, verbose=0
    )
    forecaster.fit(panel.drop_last(steps - fitted))
    frame = pd.concat(rolling_forecasts(forecaster, known, [fitted]), ignore_index=True)
    return float(pooled(accuracy(frame, known, sensors.DAY)).loc["SimpleRNN", "MASE"])


def main() -> None:
    """One row per series and random state."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="*", default=list(sensors.FILES), choices=list(sensors.FILES))
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    arguments = parser.parse_args()
    rows = {}
    for name in arguments.tasks:
        for seed in arguments.seeds:
            with mock.patch.object(learning, "_spec", mask_alone):
                without = validated(name, seed)
            rows[f"{name}, {seed}"] = {"mask alone": without, "with elapsed time": validated(name, seed)}
    print_table(pd.DataFrame.from_dict(rows, orient="index").rename_axis("MASE"), 4)
    print(machine())


if __name__ == "__main__":
    main()
