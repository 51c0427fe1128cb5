"""Backtests in several processes, interrupted and gone on with, and what they hold in memory."""

import gc
import os
import shutil
import weakref
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.backtest import backtest, fits
from forecasting.evaluation.running import THREADS
from forecasting.panel import Panel
from tests.evaluation.conftest import MakePanel, MeanForecaster


class Where(BaseEstimator):
    """Forecasts the process that it was fitted in and the threads that libraries may use there."""

    def fit(self, data: Panel) -> "Where":
        self.process_ = os.getpid()
        return self

    def predict(self, *, horizon: int, data: Panel) -> pd.DataFrame:
        threads = {name: float(os.environ.get(name, "nan")) for name in (*THREADS, "OMP_NUM_THREADS")}
        ds = data.stamps(data.future_times(horizon))
        return pd.DataFrame({"unique_id": np.repeat(data.ids, horizon), "ds": ds, "process": self.process_, **threads})


class Counted(MeanForecaster):
    """Counts fits, and fails at a chosen one."""

    fitted: int = 0
    fails_at: int | None = None

    def fit(self, data: Panel) -> "Counted":
        type(self).fitted += 1
        if type(self).fitted == type(self).fails_at:
            raise KeyboardInterrupt
        return super().fit(data)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> type[Counted]:
    monkeypatch.setattr(Counted, "fitted", 0)
    monkeypatch.setattr(Counted, "fails_at", None)
    return Counted


@pytest.fixture
def panel(make_panel: MakePanel) -> Panel:
    rng = np.random.default_rng(0)
    return make_panel({"a": rng.random(40), "b": rng.random(35)})


def test_processes_share_fits_and_cores_and_change_nothing(panel: Panel) -> None:
    estimators = {"mean": MeanForecaster(0.5, [80]), "last": MeanForecaster(1.0)}
    given = {"refit": 2, "baselines": ["naive", "drift"], "verbose": 0}

    here = backtest(estimators, panel, 2, 5, **given)
    apart = backtest(estimators, panel, 2, 5, n_jobs=2, **given)

    pd.testing.assert_frame_equal(here, apart)
    told = [fits(frame).drop(columns="seconds") for frame in (here, apart)]
    pd.testing.assert_frame_equal(*told)
    frame = backtest(Where(), panel, 1, 6, refit=True, n_jobs=2, verbose=0)
    assert os.getpid() not in set(frame["process"])
    threads = max(1, joblib.cpu_count() // 2)
    assert (frame[[*THREADS, "OMP_NUM_THREADS"]] == threads).all(axis=None)


def test_an_error_in_a_process_comes_back_as_it_is(panel: Panel) -> None:
    with pytest.raises(DataError, match="Broken left 1 of 4 steps"):
        backtest(Broken(), panel, 2, 3, refit=True, n_jobs=2, verbose=0)


class Broken(MeanForecaster):
    """Leaves a step out."""

    def predict(self, *, horizon: int, data: Panel) -> pd.DataFrame:
        return super().predict(horizon=horizon, data=data).iloc[1:]


def test_an_interrupted_backtest_goes_on_where_it_was(panel: Panel, tmp_path: Path, counted: type[Counted]) -> None:
    whole = backtest(counted(), panel, 2, 6, refit=True, verbose=0)
    counted.fitted, counted.fails_at = 0, 4

    with pytest.raises(KeyboardInterrupt):
        backtest(counted(), panel, 2, 6, refit=True, folder=tmp_path, verbose=0)
    assert counted.fitted == 4
    counted.fitted, counted.fails_at = 0, None
    resumed = backtest(counted(), panel, 2, 6, refit=True, folder=tmp_path, verbose=0)

    assert counted.fitted == 3  # of six fits, three were kept
    pd.testing.assert_frame_equal(resumed, whole)
    again = backtest(counted(), panel, 2, 6, refit=True, folder=tmp_path, verbose=0)
    assert counted.fitted == 3
    pd.testing.assert_frame_equal(again, whole)
    pd.testing.assert_frame_equal(fits(again), fits(resumed))


def test_what_is_kept_belongs_to_data_parameters_windows_and_code(
    panel: Panel, tmp_path: Path, counted: type[Counted], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fitted(estimator: Counted, data: Panel, *numbers: int, **options: object) -> int:
        counted.fitted = 0
        backtest(estimator, data, *numbers, folder=tmp_path, verbose=0, baselines=["naive"], **options)
        return counted.fitted

    assert fitted(counted(), panel, 2, 3) == 1
    assert fitted(counted(), panel, 2, 3) == 0
    other = panel.values.copy()
    other[0] += 1e-9
    assert fitted(counted(), panel.with_values(other), 2, 3) == 1
    assert fitted(counted(0.1), panel, 2, 3) == 1
    assert fitted(counted(levels=[80]), panel, 2, 3) == 1
    for options in ({"gap": 1}, {"refit": True}, {"window": "sliding", "train_size": 9}):
        assert fitted(counted(), panel, 2, 3, **options) > 0
    assert fitted(counted(), panel, 2, 3, 1) == fitted(counted(), panel, 1, 3) == fitted(counted(), panel, 2, 4) == 1
    assert fitted(counted(), panel, 2, 3) == 0  # and the first is still there
    monkeypatch.setattr("forecasting.evaluation.keeping._code_of", lambda kind: "another version")
    assert fitted(counted(), panel, 2, 3) == 1


def test_another_estimator_in_the_call_keeps_what_the_first_has_done(
    panel: Panel, tmp_path: Path, counted: type[Counted]
) -> None:
    backtest(counted(), panel, 2, 3, folder=tmp_path, verbose=0)
    counted.fitted = 0
    backtest([counted(), "drift"], panel, 2, 3, folder=tmp_path, verbose=0)
    assert counted.fitted == 0


def test_a_damaged_file_is_made_again_and_that_is_logged(
    panel: Panel, tmp_path: Path, counted: type[Counted], caplog: pytest.LogCaptureFixture
) -> None:
    whole = backtest(counted(), panel, 2, 3, refit=True, folder=tmp_path, baselines=(), verbose=0)
    first, second, _ = sorted(tmp_path.glob("*/fit-*.npz"))
    first.write_bytes(first.read_bytes()[:100])
    shutil.copy(first, second)
    counted.fitted = 0

    again = backtest(counted(), panel, 2, 3, refit=True, folder=tmp_path, baselines=(), verbose=0)

    pd.testing.assert_frame_equal(again, whole)
    assert counted.fitted == 2
    assert "its windows are forecast again" in caplog.text
    assert not list(tmp_path.glob("*/.*"))


def test_a_parameter_that_cannot_be_told_apart_cannot_be_kept(panel: Panel, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="parameter folder: MeanForecaster cannot be told apart"):
        backtest(MeanForecaster(levels=(level for level in [80])), panel, 1, 1, folder=tmp_path, verbose=0)


def test_one_fitted_copy_is_alive_at_a_time(panel: Panel) -> None:
    alive: list[weakref.ref] = []
    most = []

    class Tracked(MeanForecaster):
        def fit(self, data):
            gc.collect()
            alive.append(weakref.ref(self))
            most.append(sum(one() is not None for one in alive))
            return super().fit(data)

    backtest(Tracked(), panel, 1, 5, refit=True, verbose=0)
    assert len(most) == 5
    assert max(most) == 1


@pytest.mark.slow
def test_the_real_forecaster_gives_the_same_in_processes_and_new_weights_at_every_cutoff(make_panel: MakePanel) -> None:
    from forecasting import SimpleRNNForecaster

    rng = np.random.default_rng(5)
    panel = make_panel({"a": np.tile([0.0, 2, 5, 3, 1, 7, 4], 30) + rng.normal(0, 0.3, 210)})
    estimator = SimpleRNNForecaster(7, season_length=7, max_steps=40, n_members=1, random_state=1, verbose=0)
    twice = {"one": estimator, "two": estimator}

    here = backtest(twice, panel, 7, 2, refit=True, verbose=0)
    apart = backtest(twice, panel, 7, 2, refit=True, n_jobs=2, verbose=0)

    np.testing.assert_array_equal(here["one"], here["two"])
    np.testing.assert_allclose(here["one"], apart["one"], rtol=1e-4)
    np.testing.assert_array_equal(apart["one"], apart["two"])
    last = panel.drop_last(7)
    fresh = SimpleRNNForecaster(**estimator.get_params()).fit(last).predict()
    np.testing.assert_allclose(here["one"].tail(7), fresh["SimpleRNN"], rtol=1e-5)
