"""The published M4 Hourly forecasts, scored again, get the official figures. Collected where the data is at hand."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from forecasting.evaluation.baselines import naive, seasonal_naive
from forecasting.evaluation.metrics import accuracy
from forecasting.panel.frequency import Frequency
from forecasting.panel.panel import Panel
from tests.conftest import BENCH_DATA

DATA = BENCH_DATA / "m4"


@cache
def history() -> Panel:
    train = pd.read_parquet(DATA / "hourly_train.parquet")
    ids, lengths = np.unique(train["unique_id"].to_numpy(dtype=object), return_counts=True)
    train = train.sort_values(["unique_id", "ds"])
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    return Panel(train["y"].to_numpy(), train["ds"].to_numpy(np.int64), indptr, ids, Frequency.parse(1))


@cache
def published() -> pd.DataFrame:
    """A backtest frame with one column per method."""
    actual = pd.read_parquet(DATA / "hourly_test.parquet").sort_values(["unique_id", "ds"], ignore_index=True)
    panel = history()
    cutoff = pd.Series(panel.last_times(), index=panel.ids)
    actual["cutoff"] = actual["unique_id"].map(cutoff)
    long = pd.read_parquet(DATA / "reference_forecasts_hourly.parquet")
    wide = long.pivot_table(index=["unique_id", "step"], columns="method", values="yhat").reset_index()
    wide["ds"] = wide["unique_id"].map(cutoff) + wide.pop("step")
    wide = wide.rename(columns=lambda name: name.split()[0].lstrip("0"))  # "024 Reilly (AutoBox)"
    return actual.merge(wide, on=["unique_id", "ds"], validate="one_to_one")


@cache
def scores() -> pd.DataFrame:
    table = accuracy(published(), history(), season_length=24, reference="Naive2")
    return table[table["unique_id"] == "(all)"].set_index("model")


@pytest.mark.parametrize("method", ["Naive", "sNaive", "Naive2", "SES", "24", "218", "249"])
def test_published_forecasts_get_their_official_scores_to_three_decimals(method: str) -> None:
    official = pd.read_csv(DATA / "official_scores_hourly.csv").set_index("method").loc[method]

    ours = scores().loc[method]

    np.testing.assert_allclose(
        ours[["sMAPE", "MASE", "OWA"]].astype(float), official[["smape", "mase", "owa"]].astype(float), atol=6e-4
    )


@pytest.mark.parametrize("method", ["Naive", "sNaive"])
def test_our_naive_forecasts_are_the_published_ones(method: str) -> None:
    ours = naive(history(), 48)["Naive"] if method == "Naive" else seasonal_naive(history(), 48, 24)["SeasonalNaive"]

    np.testing.assert_allclose(ours, published()[method], atol=1e-6)
