"""What tells the data of one backtest from that of another."""

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np

import forecasting
from forecasting.evaluation import keeping
from forecasting.evaluation.keeping import panel_digest
from forecasting.panel import Frequency, Panel


def test_the_digest_tells_every_covariate_of_long_panels():
    steps = 5000
    panel = Panel(
        np.ones(steps),
        np.arange(steps),
        np.array([0, steps]),
        np.array(["a"], dtype=object),
        Frequency.parse(1),
        covariates={"heat": np.zeros(steps), "sky": np.full(steps, "sun", dtype=object)},
        static={"size": np.ones(1)},
    )
    assert panel_digest(panel) == panel_digest(replace(panel))
    inside = np.arange(steps) == 2500
    others = [
        replace(panel, covariates={**panel.covariates, "heat": inside.astype(float)}),
        replace(panel, covariates={**panel.covariates, "sky": np.where(inside, "rain", "sun").astype(object)}),
        replace(panel, static={"size": np.zeros(1)}),
        replace(panel, cells={"age": inside * 0.5, "count": np.ones(steps, dtype=np.int64)}),
    ]
    assert len({panel_digest(one) for one in [panel, *others]}) == 5


def test_the_digest_of_the_code_covers_every_room_that_decides_what_is_learned():
    with (Path(forecasting.__file__).parents[1] / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract.get("containers") == ["forecasting"]]
    rooms = [name.strip() for layer in layers[layers.index("estimators") :] for name in layer.split("|")]
    assert {*rooms} - {"settings", "errors", "threads"} == keeping._CODE
