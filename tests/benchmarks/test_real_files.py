"""Published forecasts scored again, and the protocols' counts, on the real series."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import etth1, m3, m3_monthly, metrics_check, sensors, stocks
from benchmarks.scoring import over_points, with_actuals
from forecasting import accuracy


def test_published_forecasts_of_m4_hourly_get_their_official_scores(bench_data: Path) -> None:
    folder = bench_data / "m4"
    ours, theirs = metrics_check.rescored(folder), metrics_check.official(folder)
    assert theirs.shape == (7, 3)
    assert metrics_check.disagreements(ours, theirs) == []


def test_m3_entrants_get_their_known_scores(bench_data: Path) -> None:
    parts = []
    for task, frequency in zip(m3.TASKS, m3.SETS, strict=True):
        test = pd.read_parquet(bench_data / "m3" / f"{frequency}_test.parquet")
        frame = with_actuals(test, m3.entrants(test))
        parts.append(accuracy(frame, task.training(), task.season_length, models=["THETA", "NAIVE2"]))
    smape = over_points(pd.concat(parts), "sMAPE")
    assert smape["THETA"] == pytest.approx(13.05, abs=0.005)
    assert smape["NAIVE2"] == pytest.approx(15.46, abs=0.005)


def test_m3_monthly_has_the_1045_series_of_the_paper() -> None:
    panel = m3_monthly.series()
    assert panel.n_series == 1045
    assert panel.lengths.min() == 81 + 18


def test_etth1_is_standardised_by_its_first_twelve_months() -> None:
    panel = etth1.standardised()
    assert panel.n_series == 7
    assert set(panel.lengths) == {14_400}
    known = panel.drop_last(etth1.VALIDATION + etth1.TEST)
    assert [series.mean() for series in known] == pytest.approx([0] * 7, abs=1e-9)
    assert [series.std() for series in known] == pytest.approx([1] * 7)


def test_shares_are_known_up_to_2015() -> None:
    panel = stocks.prices()
    assert panel.n_series == 19
    assert set(panel.lengths - stocks.known_sessions(panel)) == {755}
    assert stocks.training().frame()["ds"].max() == pd.Timestamp("2014-12-31")
    assert int(np.isnan(panel.values).sum()) == 3


@pytest.mark.parametrize(
    ("name", "steps", "missing"),
    [("pollution_1", 43_800, 2043), ("travel_time", 1660, 880), ("occupancy", 388, 95), ("speed", 407, 95)],
)
def test_sensor_series_keep_their_holes(name: str, steps: int, missing: int) -> None:
    panel = sensors.series(name)
    assert len(panel.values) == steps
    assert int(np.isnan(panel.values).sum()) == missing
