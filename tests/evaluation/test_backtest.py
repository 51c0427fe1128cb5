"""Rolling origin: which steps are in which window, what the estimator sees, and that nothing leaks back."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.backtest import backtest
from forecasting.evaluation.metrics import accuracy
from tests.evaluation.conftest import MakePanel, MeanForecaster

NAN = math.nan


def test_windows_are_those_of_the_drawing(make_panel: MakePanel) -> None:
    frame = backtest(MeanForecaster(), make_panel({"a": range(1, 17)}), horizon=3, n_windows=3, season_length=2)

    assert frame["cutoff"].tolist() == [7, 7, 7, 10, 10, 10, 13, 13, 13]
    assert frame["ds"].tolist() == list(range(8, 17))
    assert frame["y"].tolist() == list(range(8, 17))
    assert frame["Mean"].tolist() == [4.0] * 9  # the mean of 1 ... 7: fitted once, before the first cutoff
    assert frame["SeasonalNaive"].tolist() == [6, 7, 6, 9, 10, 9, 12, 13, 12]  # each from its own cutoff


def test_later_windows_are_forecast_with_the_history_up_to_their_own_cutoff(make_panel: MakePanel) -> None:
    frame = backtest(MeanForecaster(weight=1.0), make_panel({"a": range(1, 17)}), horizon=3, n_windows=3)

    assert frame["Mean"].tolist() == [4.0 + 7] * 3 + [4.0 + 10] * 3 + [4.0 + 13] * 3


def test_series_of_different_ends_have_their_own_cutoffs_and_keep_the_order_of_the_panel(make_panel) -> None:
    frame = backtest(MeanForecaster(levels=[80]), make_panel({"z": range(9), "a": range(6)}), horizon=2, n_windows=2)

    assert list(frame.columns) == [
        *["unique_id", "cutoff", "ds", "y", "Mean", "Mean-lo-80", "Mean-hi-80"],
        *["SeasonalNaive", "SeasonalNaive-lo-80", "SeasonalNaive-hi-80"],
    ]
    assert frame["unique_id"].tolist() == ["z"] * 4 + ["a"] * 4
    assert frame["cutoff"].tolist() == [5, 5, 7, 7, 2, 2, 4, 4]


@given(
    lengths=st.lists(st.integers(25, 40), min_size=1, max_size=3),
    horizon=st.integers(1, 5),
    n_windows=st.integers(1, 4),
    step=st.integers(1, 6),
)
def test_every_window_follows_its_cutoff_and_the_last_ends_with_the_series(lengths, horizon, n_windows, step) -> None:
    data = pd.concat(
        pd.DataFrame({"unique_id": f"s{i}", "ds": np.arange(n), "y": np.arange(n, dtype=float)})
        for i, n in enumerate(lengths)
    )
    frame = backtest(MeanForecaster(), data, horizon, n_windows, step, season_length=1)

    assert len(frame) == len(lengths) * n_windows * horizon
    ahead = frame.groupby(["unique_id", "cutoff"], sort=False).cumcount() + 1
    assert (frame["ds"] == frame["cutoff"] + ahead).all()
    assert (frame["y"] == frame["ds"]).all()
    ends = frame.groupby("unique_id")["ds"].max()
    assert ends.tolist() == [n - 1 for n in lengths]
    assert set(frame.groupby("unique_id")["cutoff"].unique().map(lambda cut: tuple(np.diff(cut)))) == {
        (step,) * (n_windows - 1)
    }


def test_absurd_values_after_the_first_cutoff_move_neither_fit_nor_first_window(make_panel: MakePanel) -> None:
    panel = make_panel({"a": np.arange(30) % 7, "b": np.arange(25) % 5})
    held_out = np.concatenate([np.arange(30) >= 24, np.arange(25) >= 19])
    absurd = panel.with_values(np.where(held_out, 1e9, panel.values))
    estimator = MeanForecaster(weight=0.5, levels=[80])

    honest, poisoned = (backtest(estimator, data, horizon=3, n_windows=2, season_length=7) for data in (panel, absurd))

    first = honest["cutoff"] == honest.groupby("unique_id")["cutoff"].transform("min")
    pd.testing.assert_frame_equal(honest[first].drop(columns="y"), poisoned[first].drop(columns="y"))
    assert (poisoned["y"] == 1e9).all()
    later = poisoned.loc[~first, "Mean"] - honest.loc[~first, "Mean"]
    assert (later == 0.5 * (1e9 - honest.loc[first, "y"].to_numpy()[[2, 2, 2, 5, 5, 5]])).all()  # only through history


def test_the_estimator_itself_is_left_alone_and_the_panel_too(make_panel: MakePanel) -> None:
    panel = make_panel({"a": range(20)})
    before = panel.values.copy()
    estimator = MeanForecaster()

    backtest(estimator, panel, horizon=2, n_windows=2)

    assert not hasattr(estimator, "mean_")
    np.testing.assert_array_equal(panel.values, before)


def test_missing_actual_values_stay_missing_and_are_counted_when_scored(make_panel: MakePanel) -> None:
    panel = make_panel({"a": [1, 2, 1, 3, 1, 2, NAN, 4]})

    frame = backtest(MeanForecaster(), panel, horizon=1, n_windows=2)

    assert np.isnan(frame["y"].iloc[0])
    assert frame["SeasonalNaive"].tolist() == [2, 2]
    assert accuracy(frame, panel, 1)["missing"].tolist()[0] == 1


def test_a_long_frame_in_a_time_zone_gives_stamps_in_that_time_zone() -> None:
    stamps = pd.date_range("2024-10-26", periods=96, freq="h", tz="Europe/Berlin")  # over the end of summer time
    data = pd.DataFrame({"unique_id": "load", "ds": stamps, "y": np.arange(96.0)})

    frame = backtest(MeanForecaster(), data, horizon=24, n_windows=2)

    assert str(frame["ds"].dt.tz) == "Europe/Berlin"
    assert frame["ds"].tolist() == list(stamps[48:])
    assert frame["SeasonalNaive"].tolist() == list(np.arange(24.0, 72.0))
    assert frame["cutoff"].unique().tolist() == [stamps[47], stamps[71]]


def test_short_series_are_named_with_the_number_of_steps_needed(make_panel: MakePanel) -> None:
    panel = make_panel({"long": range(40), "short": range(9), "shorter": range(4)})

    with pytest.raises(DataError, match=r"series short \(9\), shorter \(4\): .* needs 10 steps \(6 in .* season of 3"):
        backtest(MeanForecaster(), panel, horizon=3, n_windows=2, season_length=3)


@pytest.mark.parametrize("name", ["horizon", "n_windows", "step", "season_length"])
def test_counts_below_one_are_refused_by_name(make_panel: MakePanel, name: str) -> None:
    counts = {"horizon": 1, "n_windows": 1, "step": 1, "season_length": 1} | {name: 0}

    with pytest.raises(ParameterError, match=name):
        backtest(MeanForecaster(), make_panel({"a": range(20)}), **counts)


def test_an_estimator_that_leaves_steps_out_is_refused(make_panel: MakePanel) -> None:
    class Lazy(MeanForecaster):
        def predict(self, *, horizon, data):
            return super().predict(horizon=horizon, data=data).iloc[1:]

    with pytest.raises(DataError, match=r"series a, time 19: Lazy left 1 of 2 steps"):
        backtest(Lazy(), make_panel({"a": range(20)}), horizon=2, n_windows=1)


def test_an_estimator_under_the_name_of_the_baseline_is_refused(make_panel: MakePanel) -> None:
    class Namesake(MeanForecaster):
        def predict(self, *, horizon, data):
            return super().predict(horizon=horizon, data=data).rename(columns={"Mean": "SeasonalNaive"})

    with pytest.raises(DataError, match="column SeasonalNaive: two models have this name"):
        backtest(Namesake(), make_panel({"a": range(20)}), horizon=2, n_windows=1)


@pytest.mark.slow
def test_absurd_values_after_the_first_cutoff_do_not_reach_the_real_forecaster(make_panel: MakePanel) -> None:
    from forecasting import SimpleRNNForecaster

    rng = np.random.default_rng(5)
    shape = np.tile([0.0, 2, 5, 3, 1, 7, 4], 30)
    panel = make_panel({"a": shape + rng.normal(0, 0.3, 210), "b": 50 + 2 * shape[:190] + rng.normal(0, 0.3, 190)})
    held_out = np.concatenate([np.arange(210) >= 210 - 14, np.arange(190) >= 190 - 14])
    absurd = panel.with_values(np.where(held_out, 1e9, panel.values))
    estimator = SimpleRNNForecaster(horizon=7, season_length=7, levels=[80], random_state=1, verbose=0)

    honest, poisoned = (backtest(estimator, data, horizon=7, n_windows=2) for data in (panel, absurd))

    first = honest["cutoff"] == honest.groupby("unique_id")["cutoff"].transform("min")
    pd.testing.assert_frame_equal(honest[first].drop(columns="y"), poisoned[first].drop(columns="y"))
    assert (poisoned.loc[~first, "SimpleRNN"] != honest.loc[~first, "SimpleRNN"]).any()
