"""Losses by day and directions of two shares, by hand; GARCH and the random walk look at nothing that comes later."""

import math

import numpy as np
import pandas as pd
import pytest

from benchmarks import stocks
from forecasting import to_panel

DAYS = pd.date_range("2015-01-05", periods=2)


def test_losses_are_means_over_the_shares_of_a_day() -> None:
    frame = pd.DataFrame(
        {
            "unique_id": ["a", "a", "b", "b"],
            "cutoff": [*(DAYS - pd.Timedelta(days=1)), *(DAYS - pd.Timedelta(days=1))],
            "ds": [*DAYS, *DAYS],
            "y": [1.0, 2.0, 3.0, 4.0],
            "m": [2.0, 2.0, 0.0, 6.0],
            "m-lo-80": [0.0, 0.0, 0.0, 5.0],
            "m-hi-80": [4.0, 4.0, 2.0, 7.0],
        }
    )
    assert stocks.by_day(frame, "m").tolist() == [(1 + 3) / 2, (0 + 2) / 2]
    # Widths 4, 4, 2, 2; b misses by 1 on both days, which costs 2 / 0.2 each.
    assert stocks.by_day(frame, "m", 80) == pytest.approx([(4 + 2 + 10) / 2, (4 + 2 + 10) / 2])


def test_direction_counts_days_on_which_something_moved() -> None:
    days = pd.date_range("2015-01-01", periods=400)
    last = np.full(400, 10.0)
    moved = np.where(np.arange(400) % 4 == 0, -1.0, 1.0)
    frame = pd.DataFrame({"ds": days, "y": last + moved, stocks.WALK: last, "up": last + 0.1, "flat": last})
    assert stocks.direction(frame, "up").startswith("75.0 (")
    assert stocks.direction(frame, "flat") == ""


def prices(seed: int, *, changed_from: str | None = None) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    days = pd.bdate_range("2011-01-03", "2015-03-31")
    returns = 0.01 * rng.standard_t(5, len(days))
    if changed_from is not None:
        returns[days >= changed_from] *= 30
    return pd.DataFrame({"unique_id": "a", "ds": days, "y": 100 * np.exp(np.cumsum(returns))})


def test_the_others_do_not_look_ahead() -> None:
    known = stocks.others(to_panel(prices(0))[0]).set_index("ds")
    changed = stocks.others(to_panel(prices(0, changed_from="2015-02-02"))[0]).set_index("ds")
    before = known.index <= pd.Timestamp("2015-02-02")  # the forecast of a day rests on the days before it
    assert before.sum() > 20
    numbers = known.columns.drop("unique_id")
    np.testing.assert_allclose(changed.loc[before, numbers], known.loc[before, numbers], rtol=1e-9)
    assert not np.allclose(changed.loc[~before, numbers], known.loc[~before, numbers])


def test_the_others_forecast_every_day_from_2015_on() -> None:
    made = prices(1)
    found = stocks.others(to_panel(made)[0])
    assert found["ds"].tolist() == made.loc[made["ds"] >= stocks.FROM, "ds"].tolist()
    last = made["y"].shift()[made["ds"] >= stocks.FROM].to_numpy()
    np.testing.assert_allclose(found[stocks.WALK], last)
    inside = [
        (
            (found[f"{model}-lo-80"] < made["y"].tail(len(found)).to_numpy())
            & (made["y"].tail(len(found)).to_numpy() < found[f"{model}-hi-80"])
        ).mean()
        for model in (stocks.WALK, stocks.WALK_YEAR, stocks.GARCH)
    ]
    assert all(math.isclose(share, 0.8, abs_tol=0.15) for share in inside)
