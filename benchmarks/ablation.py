"""What each part of the method gives: one part changed at a time, on validation parts before the official cutoffs.

Fitted on everything but the last horizon of the training data, scored on that horizon: the mean of sMAPE and MASE, each
over that of the seasonal naive.

python -m benchmarks.ablation
"""

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from benchmarks.bench_data import bench_data
from benchmarks.report import machine, print_table
from benchmarks.scoring import pooled
from forecasting import Panel, SimpleRNNForecaster, accuracy, backtest, to_panel
from forecasting.estimators import learning, trust
from forecasting.evaluation.baselines import SEASONAL_NAIVE
from forecasting.network import linear
from forecasting.network.spec import NetworkSpec

SETS = {
    "M4 Hourly": ("m4/hourly", 48, 24),
    "M3 Monthly": ("m3/monthly", 18, 12),
    "M3 Quarterly": ("m3/quarterly", 8, 4),
}
"""Files, horizon and season length."""
STEPS = 600


def only_the_anchor(*arguments: Any) -> tuple[None, Any]:
    """In place of `linear.best_kernel`: no regression, the anchor as it came."""
    return None, arguments[2]


def shaped(**shape: Any) -> Callable[..., NetworkSpec]:
    """In place of `learning._spec`: the shape that an estimator gives its networks, with these attributes changed."""
    usual = learning._spec
    return lambda *arguments: dataclasses.replace(usual(*arguments), **shape)


VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "all parts": ({}, {}),
    "values, never logarithms": ({"target": "none"}, {}),
    "logarithms, always": ({"target": "log"}, {}),
    "no regression to start from": ({}, {"linear.best_kernel": only_the_anchor}),
    "regression of squares only": ({}, {"linear._REWEIGHTED": 0}),
    "no linear skip": ({"linear_skip": False}, {}),
    "no network, the linear part alone": ({"max_steps": 1, "learning_rate": 1e-9}, {}),
    "windows not standardised": ({}, {"learning._spec": shaped(standardised=False)}),
    "past seasons not mixed": ({}, {"learning._spec": shaped(mixed_season=0)}),
    "one layer": ({"n_layers": 1}, {}),
    "two layers": ({"n_layers": 2}, {}),
    "one member": ({"n_members": 1}, {}),
    "combined with the naive forecast only": ({}, {"trust._CLEARLY": np.inf, "trust._USUAL_BLOCKS": 0.0}),
    "not combined with a simple forecast": ({"combine_naive": False}, {}),
    "not gone on with held-out windows": ({"refit": False}, {}),
}
"""Parameters, and what is replaced in modules of `_MODULES`."""
_MODULES = {"linear": linear, "learning": learning, "trust": trust}


def validated(panel: Panel, horizon: int, season: int, variant: str) -> float:
    """Error of a variant on the last horizon, relative to the seasonal naive."""
    parameters, replaced = VARIANTS[variant]
    settings = {"max_steps": STEPS, "random_state": 0, "verbose": 0, "season_length": season, **parameters}
    with contextlib.ExitStack() as stack:
        for name, instead in replaced.items():
            module, _, attribute = name.partition(".")
            stack.enter_context(mock.patch.object(_MODULES[module], attribute, instead))
        frame = backtest(SimpleRNNForecaster(horizon, **settings), panel, horizon, 1, verbose=0)
    scores = accuracy(frame, panel, season, reference=SEASONAL_NAIVE)
    return float(pooled(scores).loc["SimpleRNN", "OWA"])


def main() -> None:
    """One row per variant, one column per set."""
    table = pd.DataFrame(index=pd.Index(VARIANTS, name=f"{STEPS} steps"))
    for name, (files, horizon, season) in SETS.items():
        panel, _ = to_panel(pd.read_parquet(bench_data() / f"{files}_train.parquet"))
        panel = panel.take((panel.lengths > 3 * horizon + season).nonzero()[0])
        table[name] = [validated(panel, horizon, season, variant) for variant in VARIANTS]
    print_table(table, 4)
    print(machine())


if __name__ == "__main__":
    main()
