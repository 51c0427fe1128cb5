"""What a backtest hands to estimators of covariates: their own, up to the cutoff, and what is known ahead of it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, clone

from forecasting import SimpleRNNForecaster, audit, to_panel
from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.backtest import backtest
from forecasting.evaluation.handing import covariates_of, fresh, handed, known_ahead, read, stated

BACK = 12


def covered(lengths: tuple[int, ...] = (60, 50)) -> pd.DataFrame:
    """Daily series; ``price`` and ``heat`` count the rows of the frame, so that each value tells where it stood."""
    parts = []
    for number, length in enumerate(lengths):
        ds = pd.date_range("2024-01-01", periods=length, freq="D")
        size = ["small", "large"][number % 2]
        parts.append(
            pd.DataFrame({"unique_id": f"s{number}", "ds": ds, "y": np.arange(length) % 7 + 1.0, "size": size})
        )
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(price=np.arange(len(frame), dtype=float), heat=-np.arange(len(frame), dtype=float))


class Priced(BaseEstimator):
    """Forecasts the price of each step, and keeps what it is handed."""

    handed: list = []  # noqa: RUF012  (shared by the clones)

    def __init__(
        self, past_covariates=None, future_covariates=None, static_covariates=None, horizon=1, gaps="refuse", title="P"
    ) -> None:
        self.past_covariates = past_covariates
        self.future_covariates = future_covariates
        self.static_covariates = static_covariates
        self.horizon = horizon
        self.gaps = gaps
        self.title = title

    def fit(self, data):
        self.mean_ = float(np.nanmean(data.values))
        self.handed.append(("fit", self.title, data, None))
        return self

    def predict(self, *, horizon, data, future=None):
        self.handed.append(("predict", self.title, data, future))
        ahead = data.future_times(horizon)
        frame = pd.DataFrame({"unique_id": np.repeat(data.ids, horizon), "ds": data.stamps(ahead)})
        if future is None:
            return frame.assign(**{self.title: self.mean_})
        merged = frame.merge(future, on=["unique_id", "ds"], how="left")
        return frame.assign(**{self.title: merged[self.future_covariates[0]]})


@pytest.fixture(autouse=True)
def seen(monkeypatch):
    monkeypatch.setattr(Priced, "handed", [])
    return Priced.handed


def run(estimator, data, horizon=3, n_windows=3, **options):
    return backtest(estimator, data, horizon, n_windows, season_length=7, verbose=0, **options)


@settings(max_examples=25)
@given(
    horizon=st.integers(1, 4),
    n_windows=st.integers(1, 4),
    step=st.integers(1, 5),
    gap=st.integers(0, 3),
    refit=st.sampled_from([False, True, 2]),
    sliding=st.booleans(),
)
def test_what_is_known_ahead_reaches_the_steps_of_the_window_and_nothing_else_reaches_beyond_the_cutoff(
    horizon, n_windows, step, gap, refit, sliding
):
    Priced.handed.clear()
    estimator = Priced(["heat"], ["price"], ["size"])
    window = {"window": "sliding", "train_size": 20} if sliding else {}
    data = covered()
    frame = run(estimator, data, horizon, n_windows, step=step, gap=gap, refit=refit, **window)

    at = data.set_index(["unique_id", "ds"])["price"]
    assert frame["P"].tolist() == at.loc[pd.MultiIndex.from_frame(frame[["unique_id", "ds"]])].tolist()
    cutoffs = frame.groupby("unique_id")["cutoff"].unique()
    predicted = [(history, future) for kind, _, history, future in Priced.handed if kind == "predict"]
    assert len(predicted) == n_windows
    for number, (history, future) in enumerate(predicted):
        ends = pd.Series(history.last_times(), history.ids)
        assert ends.to_dict() == {name: times[number] for name, times in cutoffs.items()}
        assert list(future.columns) == ["unique_id", "ds", "price"]
        assert (future["ds"] > future["unique_id"].map(ends)).all()
        assert (future.groupby("unique_id").size() == gap + horizon).all()
    for _, _, panel, _ in Priced.handed:
        assert (list(panel.covariates), list(panel.static)) == (["heat", "price"], ["size"])
        rows = panel.frame().merge(data, on=["unique_id", "ds"], suffixes=("", "_there"))
        assert len(rows) == len(panel.values)
        for name in ("price", "heat", "size"):
            assert (rows[name] == rows[f"{name}_there"]).all()


def test_each_of_several_estimators_is_handed_its_own_covariates_only(seen):
    several = [
        Priced(["heat"], title="warm"),
        Priced(None, ["price"], title="priced"),
        Priced(["price"], None, ["size"], title="sized"),
        Priced(title="bare"),
    ]
    frame = run(several, covered(), refit=True)
    found = {(title, tuple(panel.covariates), tuple(panel.static), future is None) for _, title, panel, future in seen}
    assert found == {
        ("warm", ("heat",), (), True),
        ("priced", ("price",), (), True),  # in fit
        ("priced", ("price",), (), False),
        ("sized", ("price",), ("size",), True),
        ("bare", (), (), True),
    }
    assert list(frame.columns[4:]) == ["warm", "priced", "sized", "bare", "SeasonalNaive"]
    alone = run(several[1], covered(), refit=True)
    assert frame["priced"].tolist() == alone["priced"].tolist()


def test_a_panel_that_carries_covariates_gives_what_the_frame_gives(seen):
    panel, _ = to_panel(covered(), covariates=["price", "heat"], static=["size"])
    estimator = Priced(["heat"], ["price"])
    pd.testing.assert_frame_equal(run(estimator, panel), run(estimator, covered()))
    assert not any(panel.static for _, _, panel, _ in seen)
    seen.clear()
    run(Priced(), panel)
    assert not any(panel.covariates for _, _, panel, _ in seen)
    with pytest.raises(DataError, match="the panel has no covariate rain"):
        run(Priced(["rain"]), panel)


def test_an_object_of_frames_is_handed_no_covariates_of_others():
    class Last:
        def fit(self, df):
            assert list(df.columns) == ["unique_id", "ds", "y"]
            self.last = df.groupby("unique_id").tail(1)

        def predict(self, h):
            rows = self.last.loc[self.last.index.repeat(h)].rename(columns={"y": "Last"})
            days = pd.to_timedelta(np.tile(np.arange(1, h + 1), len(self.last)), unit="D")
            return rows.assign(ds=rows["ds"].to_numpy() + days)

    frame = run([Last(), Priced(["heat"])], covered(), refit=True)
    assert frame["Last"].notna().all()


class Wrapped(BaseEstimator):
    """An estimator around another, with no covariates in its own parameters."""

    def __init__(self, inner) -> None:
        self.inner = inner

    def fit(self, data):
        self.inner_ = clone(self.inner).fit(data)
        return self

    def predict(self, *, horizon, data, **ahead):
        return self.inner_.predict(horizon=horizon, data=data, **ahead)


def test_covariates_of_a_wrapped_estimator_are_found_and_handed_on():
    estimator = Priced(["heat"], ["price"], ["size"])
    pd.testing.assert_frame_equal(run(Wrapped(estimator), covered()), run(estimator, covered()))
    assert audit(Wrapped(estimator), covered(), n_cutoffs=1, verbose=0).passed


def test_what_does_not_take_its_covariates_known_ahead_is_refused():
    class Deaf(Wrapped):
        def predict(self, *, horizon, data):
            return self.inner_.predict(horizon=horizon, data=data)

    with pytest.raises(ParameterError, match="Deaf names price, and its predict takes no 'future'"):
        run(Deaf(Priced(None, ["price"])), covered())


def test_covariates_that_are_needed_beyond_the_last_window_are_refused_by_name():
    with pytest.raises(ParameterError, match=r"parameter horizon: Priced needs .* for 6 steps, .* fitted for 4 steps"):
        run(Priced(None, ["price"], horizon=3), covered(), 3, gap=1)
    run(Priced(None, ["price"], horizon=4), covered(), 3, gap=1)
    run(Priced(["price"], horizon=3), covered(), 3, gap=1)


@pytest.mark.parametrize("changes", [{"horizon": 0}, {"past_covariates": 3}, {"future_covariates": "price"}])
def test_what_a_forecaster_does_not_allow_it_refuses_itself(changes):
    estimator = SimpleRNNForecaster(**{"horizon": 3, "future_covariates": ["price"], **changes})
    with pytest.raises(ParameterError, match=rf"parameter {next(iter(changes))}: "):
        run(estimator, covered())


def test_a_missing_value_known_ahead_is_carried_over_only_where_gaps_may_be(seen):
    data = covered((60,)).drop(index=[58])
    for gaps, found in (("refuse", [57.0, np.nan, 59.0]), ("mask", [57.0, 57.0, 59.0])):
        seen.clear()
        panel, _ = to_panel(data, covariates=["price"])
        (future,) = known_ahead(panel, 3, 3, Priced(None, ["price"], gaps=gaps)).values()
        np.testing.assert_array_equal(future["price"], found)


def test_parameters_are_found_inside_estimators_and_open_ones_left_out():
    class Read(BaseEstimator):
        def __init__(self, frequency="infer", calendar=None, past_covariates=None, verbose=1, inner=None) -> None:
            self.frequency, self.calendar, self.past_covariates = frequency, calendar, past_covariates
            self.verbose, self.inner = verbose, inner

    nested = Read(past_covariates=["heat"], inner=Read("D", "XNYS", ["price", "heat"], verbose=True))
    assert stated("frequency", Read(), nested, Read("h")) == ["D", "h"]
    assert covariates_of(nested, Priced(None, ["price"])).along == ("heat", "price")
    assert (covariates_of(object()).along, stated("frequency", object())) == ((), [])
    quiet = fresh(nested, silent=True).get_params()
    assert (quiet["verbose"], quiet["inner__verbose"]) == (0, False)
    assert fresh(nested).get_params()["verbose"] == 1
    panel, _ = read(covered(), Priced(["heat"]), Priced(None, ["price"], ["size"]))
    assert (list(panel.covariates), list(panel.static)) == (["heat", "price"], ["size"])
    assert list(handed(panel, Priced(None, ["price"])).covariates) == ["price"]


class TestAudit:
    def test_a_column_declared_as_known_ahead_is_not_overwritten_and_others_are(self):
        told = Priced(["heat"], ["price"], ["size"], horizon=2)
        report = audit(told, covered(), n_cutoffs=1, verbose=0)
        assert report.passed
        assert report.stages["stage"].tolist() == ["gate", "features of the forecast", "fitted numbers", "forecast"]
        assert (report.frame.loc[report.frame["overwritten"] != "control", "change"] == 0).all()

    def test_a_column_known_ahead_that_is_made_of_what_is_not_is_found(self):
        def prepare(frame):
            smooth = frame.groupby("unique_id")["heat"].transform(lambda heat: heat.rolling(3, min_periods=1).mean())
            return frame.assign(price=smooth)

        report = audit(Priced(None, ["price"], horizon=2), covered(), prepare=prepare, n_cutoffs=1, verbose=0)
        assert not report.passed
        moved = report.frame[(report.frame["state"] == "moved") & (report.frame["overwritten"] == "extreme")]
        assert moved["stage"].tolist() == ["features of the forecast", "forecast"]
        assert moved["detail"].tolist() == ["price", "P"]

    def test_a_lag_as_long_as_the_horizon_is_known_ahead(self):
        def prepare(frame):
            lag = frame.groupby("unique_id")["y"].shift(4)
            return frame.assign(price=lag.fillna(0.0))

        told = Priced(None, ["price"], horizon=4)
        assert audit(told, covered(), prepare=prepare, n_cutoffs=1, step=9, verbose=0).passed
        assert not audit(
            told, covered(), prepare=lambda frame: prepare(frame).assign(price=frame["y"]), verbose=0
        ).passed

    def test_without_the_gate_rows_ahead_have_what_is_known_only(self):
        class OfFrames(Priced):
            def fit(self, data):
                self.rows_ = len(data)
                return self

            def predict(self, *, horizon, future):
                assert list(future.columns) == ["unique_id", "ds", "price"]
                return future.groupby("unique_id").head(horizon)[["price"]]

        report = audit(OfFrames(["heat"], ["price"], horizon=2), covered(), gate=False, n_cutoffs=1, verbose=0)
        assert report.passed

    @pytest.mark.parametrize("gate", [True, False])
    def test_a_column_that_is_not_there_is_named(self, gate):
        with pytest.raises(DataError, match="column rain: the table has no such column"):
            audit(Priced(None, ["rain"]), covered(), gate=gate, horizon=2, n_cutoffs=1, verbose=0)

    def test_a_frame_without_ids_and_a_panel_carry_their_covariates(self):
        told = Priced(["heat"], ["price"], ["size"], horizon=2)
        frame = covered((60,))
        panel, _ = to_panel(frame, covariates=["heat", "price"], static=["size"])
        for data in (frame.drop(columns="unique_id"), panel):
            assert audit(told, data, n_cutoffs=1, verbose=0).passed
