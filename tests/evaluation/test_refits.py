"""What is fitted on what, with which weights, and what every estimator in one call gets to see."""

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.backtest import backtest, fits
from forecasting.evaluation.baselines import Simple
from forecasting.panel import Panel
from tests.evaluation.conftest import MakePanel, MeanForecaster


class Recorder(BaseEstimator):
    """Forecasts what it saw: first and last time of its fit and of the history, and how often it was fitted."""

    def fit(self, data: Panel) -> "Recorder":
        self.times_fitted_ = getattr(self, "times_fitted_", 0) + 1
        self.seen_ = data.times[0], data.times[-1]
        return self

    def predict(self, *, horizon: int, data: Panel) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "unique_id": np.repeat(data.ids, horizon),
                "ds": data.stamps(data.future_times(horizon)),
                "fit_from": self.seen_[0],
                "fit_to": self.seen_[1],
                "from": data.times[0],
                "to": data.times[-1],
                "times_fitted": self.times_fitted_,
            }
        )


class LastOfFrame:
    """A forecaster of long frames, as other libraries have them: no parameters, no histories."""

    def fit(self, df: pd.DataFrame) -> None:
        self.last = df.groupby("unique_id", sort=False).tail(1)

    def predict(self, h: int) -> pd.DataFrame:
        rows = self.last.loc[self.last.index.repeat(h)].rename(columns={"y": "Last"})
        return rows.assign(ds=rows["ds"] + np.tile(np.arange(1, h + 1), len(self.last)))


def record(panel: Panel, *arguments: int, **options: object) -> pd.DataFrame:
    """One row per window of what a recorder saw."""
    frame = backtest(Recorder(), panel, *arguments, season_length=1, verbose=0, **options)
    return frame.groupby("cutoff", as_index=False).first()


def test_every_cutoff_is_fitted_anew_on_all_before_it(make_panel: MakePanel) -> None:
    seen = record(make_panel({"a": range(20)}), 2, 4, refit=True)

    assert seen["cutoff"].tolist() == [12, 14, 16, 18]
    assert (seen["fit_to"] == seen["cutoff"]).all()
    assert (seen["to"] == seen["cutoff"]).all()
    assert (seen["fit_from"] == 1).all()
    assert (seen["times_fitted"] == 1).all()  # each fit is the first of its copy


def test_every_third_cutoff_is_fitted_anew_and_the_others_only_see_more_history(make_panel: MakePanel) -> None:
    seen = record(make_panel({"a": range(20)}), 1, 5, refit=3)

    assert seen["cutoff"].tolist() == [15, 16, 17, 18, 19]
    assert seen["fit_to"].tolist() == [15, 15, 15, 18, 18]
    assert (seen["to"] == seen["cutoff"]).all()


def test_sliding_windows_see_the_same_number_of_steps_and_histories_begin_with_them(make_panel: MakePanel) -> None:
    seen = record(make_panel({"a": range(20)}), 1, 4, refit=2, window="sliding", train_size=5)

    assert seen["fit_to"].tolist() == [16, 16, 18, 18]
    assert seen["fit_from"].tolist() == seen["from"].tolist() == [12, 12, 14, 14]
    assert (seen["to"] == seen["cutoff"]).all()


def test_a_gap_lies_between_what_is_known_and_what_is_scored(make_panel: MakePanel) -> None:
    panel = make_panel({"a": range(100, 120)})
    frame = backtest("drift", panel, 2, 2, gap=3, season_length=1, verbose=0)

    assert frame["cutoff"].tolist() == [13, 13, 15, 15]
    assert frame["ds"].tolist() == [17, 18, 19, 20]
    assert frame["y"].tolist() == frame["Drift"].tolist() == [116, 117, 118, 119]
    seen = record(panel, 2, 2, gap=3, refit=True)
    assert (seen["to"] == seen["cutoff"]).all()
    assert (seen["fit_to"] == seen["cutoff"]).all()


@settings(max_examples=30)
@given(
    lengths=st.lists(st.integers(40, 50), min_size=1, max_size=3),
    horizon=st.integers(1, 4),
    n_windows=st.integers(1, 5),
    step=st.integers(1, 4),
    gap=st.integers(0, 3),
    refit=st.one_of(st.booleans(), st.integers(1, 6)),
    train_size=st.one_of(st.none(), st.integers(2, 30)),
)
def test_nothing_after_its_cutoff_is_seen_by_fit_or_forecast(
    lengths, horizon, n_windows, step, gap, refit, train_size
) -> None:
    class Latest(MeanForecaster):
        def predict(self, *, horizon, data):
            frame = super().predict(horizon=horizon, data=data)
            last = pd.Series(data.last_times(), data.ids)
            start = pd.Series(data.times[data.indptr[:-1]], data.ids)
            fitted = pd.Series(self.fitted_on_.last_times(), self.fitted_on_.ids)
            for name, values in (("last", last), ("start", start), ("fitted", fitted)):
                frame[name] = frame["unique_id"].map(values)
            return frame.assign(size=frame["unique_id"].map(pd.Series(self.fitted_on_.lengths, self.fitted_on_.ids)))

    data = pd.concat(
        pd.DataFrame({"unique_id": f"s{i}", "ds": np.arange(n), "y": np.arange(n, dtype=float)})
        for i, n in enumerate(lengths)
    )
    sliding = {} if train_size is None else {"window": "sliding", "train_size": train_size}
    frame = backtest(
        Latest(), data, horizon, n_windows, step, gap=gap, refit=refit, season_length=1, verbose=0, **sliding
    )

    assert (frame["last"] == frame["cutoff"]).all()
    assert (frame["fitted"] <= frame["cutoff"]).all()
    assert (frame["ds"] > frame["cutoff"] + gap).all()
    assert (frame["ds"] <= frame["cutoff"] + gap + horizon).all()
    assert (frame["start"] == frame["fitted"] + 1 - frame["size"]).all()
    if train_size is not None:
        assert (frame["size"] <= train_size).all()
    told = fits(frame)
    told = told[told["model"] == "Mean"]
    windows = frame.groupby("unique_id")["cutoff"].rank("dense").astype(int) - 1
    latest = frame.groupby(windows)["fitted"].max()
    assert told["trained_until"].astype(int).tolist() == latest.tolist()
    every = {True: 1, False: n_windows}[refit] if isinstance(refit, bool) else refit
    assert told["fit"].tolist() == [window // every for window in range(n_windows)]


def test_the_result_tells_which_fit_forecast_which_window(make_panel: MakePanel, tmp_path: Path) -> None:
    panel = make_panel({"a": range(20), "b": range(15)}, "D", "2024-01-01")
    frame = backtest(MeanForecaster(), panel, 2, 3, refit=2, season_length=1, verbose=0)

    told = fits(frame).query("model == 'Mean'")

    assert told["window"].tolist() == [0, 1, 2]
    assert told["fit"].tolist() == [0, 0, 1]
    assert told["weights"].tolist() == ["fresh", "kept", "fresh"]
    assert told["trained_until"].tolist() == ["2024-01-14 00:00:00"] * 2 + ["2024-01-18 00:00:00"]
    assert told["trained_steps"].tolist() == [14 + 9] * 2 + [18 + 13]
    frame.to_parquet(tmp_path / "frame.parquet")
    pd.testing.assert_frame_equal(fits(pd.read_parquet(tmp_path / "frame.parquet")), fits(frame))
    with pytest.raises(DataError, match="does not say what was fitted when"):
        fits(pd.DataFrame({"unique_id": []}))


def test_several_estimators_are_tested_in_the_same_windows_under_names_of_their_own(make_panel: MakePanel) -> None:
    panel = make_panel({"a": np.arange(30) % 7, "b": np.arange(25) % 5})
    alone = [backtest(MeanForecaster(weight, [80]), panel, 2, 3, season_length=7, verbose=0) for weight in (0.0, 1.0)]

    estimators = {"plain": MeanForecaster(0.0, [80]), "last": MeanForecaster(1.0, [80]), "walk": "naive"}
    frame = backtest(estimators, panel, 2, 3, season_length=7, verbose=0)

    assert list(frame.columns) == [
        *["unique_id", "cutoff", "ds", "y", "plain", "plain-lo-80", "plain-hi-80", "last", "last-lo-80", "last-hi-80"],
        *["walk", "walk-lo-80", "walk-hi-80", "SeasonalNaive", "SeasonalNaive-lo-80", "SeasonalNaive-hi-80"],
    ]
    for name, single in zip(("plain", "last"), alone, strict=True):
        same = frame[["unique_id", "cutoff", "ds", "y", name, f"{name}-lo-80"]]
        expected = single[["unique_id", "cutoff", "ds", "y", "Mean", "Mean-lo-80"]]
        np.testing.assert_array_equal(same, expected)
    assert set(fits(frame)["model"]) == {"plain", "last", "walk", "SeasonalNaive"}


def test_all_baselines_come_by_name(make_panel: MakePanel) -> None:
    rng = np.random.default_rng(0)
    panel = make_panel({"a": 10 + np.arange(60) % 4 + rng.random(60), "b": 5 + np.arange(50) % 4 + rng.random(50)})
    names = ["naive", "seasonal_naive", "drift", "ets", "theta"]

    frame = backtest(MeanForecaster(levels=[80]), panel, 4, 2, baselines=names, season_length=4, verbose=0)

    models = ["Mean", "Naive", "SeasonalNaive", "Drift", "ETS", "Theta"]
    assert list(frame.columns)[4:] == [column for name in models for column in (name, f"{name}-lo-80", f"{name}-hi-80")]
    assert frame.notna().all(axis=None)
    only = backtest(names[::-1], panel, 4, 2, baselines=(), season_length=4, verbose=0)
    assert list(only.columns)[4:] == ["Theta", "ETS", "Drift", "SeasonalNaive", "Naive"]
    np.testing.assert_array_equal(only["ETS"], frame["ETS"])


def test_an_object_of_another_library_is_fitted_on_frames_at_every_cutoff(make_panel: MakePanel) -> None:
    panel = make_panel({"a": range(20), "b": range(30)})

    frame = backtest(LastOfFrame(), panel, 3, 2, refit=True, gap=1, baselines=["naive"], verbose=0)

    np.testing.assert_array_equal(frame["Last"], frame["Naive"])
    with pytest.raises(ParameterError, match="LastOfFrame has to be fitted at every cutoff"):
        backtest(LastOfFrame(), panel, 3, 2, verbose=0)


def test_the_frame_is_read_by_utilsforecast_as_it_is(make_panel: MakePanel) -> None:
    from utilsforecast.evaluation import evaluate
    from utilsforecast.losses import coverage, mae, mase
    from utilsforecast.plotting import plot_series

    panel = make_panel({"a": np.arange(60) % 7, "b": np.arange(70) % 5}, "D", "2024-01-01")
    frame = backtest(MeanForecaster(levels=[80]), panel, 7, 2, season_length=7, verbose=0)
    train = panel.drop_last(14).frame()

    scores = evaluate(frame, [mae, partial(mase, seasonality=7), coverage], train_df=train, level=[80])

    assert set(scores["metric"]) == {"mae", "mase", "coverage_level80"}
    assert list(scores.columns) == ["unique_id", "cutoff", "metric", "Mean", "SeasonalNaive"]
    assert len(scores) == 2 * 2 * 3
    figure = plot_series(panel.frame(), frame, models=["Mean", "SeasonalNaive"], level=[80])
    assert len(figure.axes) == 2
    assert {line.get_label() for line in figure.axes[0].get_lines()} >= {"Mean", "SeasonalNaive", "y"}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"gap": -1}, "parameter gap"),
        ({"refit": 0}, "parameter refit"),
        ({"window": "rolling"}, "parameter window"),
        ({"window": "sliding"}, "parameter train_size"),
        ({"train_size": 5}, "parameter train_size"),
        ({"window": "sliding", "train_size": 0}, "parameter train_size"),
        ({"baselines": ["arima"]}, "parameter baselines: there is no baseline 'arima'. Use naive, seasonal_naive"),
        ({"baselines": "naive"}, "must be a list of names"),
        ({"n_jobs": 0}, "parameter n_jobs"),
    ],
)
def test_what_is_not_allowed_is_refused_by_name(make_panel: MakePanel, options: dict[str, object], text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        backtest(MeanForecaster(), make_panel({"a": range(20)}), 1, 2, verbose=0, **options)


def test_what_is_no_estimator_is_refused(make_panel: MakePanel) -> None:
    panel = make_panel({"a": range(20)})
    for wrong in (MeanForecaster, 3, {"a": None}):
        with pytest.raises(ParameterError, match="must have fit and predict"):
            backtest(wrong, panel, 1, 1, verbose=0)
    with pytest.raises(ParameterError, match="nothing to test"):
        backtest([], panel, 1, 1, baselines=(), verbose=0)
    with pytest.raises(DataError, match="column Mean: two models have this name"):
        backtest([MeanForecaster(), MeanForecaster(1.0)], panel, 1, 1, verbose=0)
    with pytest.raises(ParameterError, match="'mine' names one model, and its estimator forecasts"):
        backtest({"mine": Recorder()}, panel, 1, 1, verbose=0)


def test_one_line_of_progress_and_silent_estimators(make_panel: MakePanel, capsys: pytest.CaptureFixture[str]) -> None:
    class Loud(MeanForecaster):
        def __init__(self, verbose: int = 1) -> None:
            super().__init__()
            self.verbose = verbose

        def fit(self, data):
            assert self.verbose in (0, 1)
            sys.stdout.write("fitting" * self.verbose)
            return super().fit(data)

    panel = make_panel({"a": range(20)})
    backtest(Loud(), panel, 1, 3, refit=True)
    shown = capsys.readouterr()
    assert "6/6 windows" in shown.err
    assert shown.out.strip() == ""
    backtest(Loud(), panel, 1, 1, verbose=0)
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out.strip() == "fitting"


def test_simple_baselines_are_estimators_too(make_panel: MakePanel) -> None:
    panel = make_panel({"a": [1, 2, 3, 5]})
    forecast = Simple("drift").fit(panel).predict(horizon=2, data=panel)
    assert forecast["Drift"].tolist() == pytest.approx([5 + 4 / 3, 5 + 8 / 3])
