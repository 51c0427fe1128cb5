"""The leakage audit: planted leaks are found, honest ways pass, and what was refused is told."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from forecasting import audit, to_panel
from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.audit_report import AuditReport
from forecasting.evaluation.fitted_numbers import change, fitted_numbers
from forecasting.evaluation.overwriting import OVERWRITINGS, cutoffs_of, overwritten
from tests.evaluation.conftest import MeanForecaster

LAGS = ["lag_1", "lag_2", "temperature"]


def readings(lengths: tuple[int, ...] = (60, 50)) -> pd.DataFrame:
    """Daily series of power that follow the temperature, which end at different times; and days off."""
    rng = np.random.default_rng(3)
    parts = []
    for number, length in enumerate(lengths):
        temperature = 10 + rng.normal(size=length).cumsum()
        parts.append(
            pd.DataFrame(
                {
                    "unique_id": f"s{number}",
                    "ds": pd.date_range("2024-01-01", periods=length, freq="D"),
                    "y": 100 + 3 * temperature + rng.normal(size=length),
                    "temperature": temperature,
                    "day_off": np.arange(length) % 7 >= 5,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def lagged(frame: pd.DataFrame) -> pd.DataFrame:
    """Honest features for one step ahead: nothing in a row is newer than the row before it."""
    by_series = frame.groupby("unique_id")
    return frame.assign(
        lag_1=by_series["y"].shift(1), lag_2=by_series["y"].shift(2), temperature=by_series["temperature"].shift(1)
    ).dropna(subset=["lag_2"])


def centred(frame: pd.DataFrame) -> pd.DataFrame:
    """A leak: a rolling mean that reads two days ahead."""
    smooth = frame.groupby("unique_id", observed=True)["y"].transform(lambda y: y.rolling(5, center=True).mean())
    return frame.assign(y=smooth).dropna(subset=["y"])


def state(report: AuditReport, stage: str, how: str | None = None) -> set[str]:
    frame = report.frame[(report.frame["stage"] == stage) & (report.frame["overwritten"] != "control")]
    return set(frame["state"] if how is None else frame.loc[frame["overwritten"] == how, "state"])


def linear() -> BaseEstimator:
    return make_pipeline(StandardScaler(), Ridge())


def audit_linear(prepare, **changes) -> AuditReport:
    given = {"horizon": 1, "prepare": prepare, "features": LAGS, "n_cutoffs": 1, "verbose": 0}
    return audit(linear(), readings(), **(given | changes))


class TestHonest:
    def test_a_forecaster_behind_the_gate_passes(self):
        report = audit(MeanForecaster(weight=0.5, levels=[80]), readings(), horizon=3, verbose=0)
        assert report.passed
        assert report.stages["stage"].tolist() == ["gate", "fitted numbers", "forecast"]
        assert report.stages["held"].tolist() == [6, 6, 6]
        assert report.stages["control"].tolist() == ["moved"] * 3
        assert (report.frame.loc[report.frame["overwritten"] != "control", "change"] == 0).all()
        assert str(report).startswith("Passed: 3 stages at the cutoffs 2024-02-23, 2024-02-26, with everything")
        assert "every stage moved" in str(report)

    def test_a_pipeline_passes_and_is_told_what_missing_values_did(self):
        report = audit_linear(lagged)
        assert report.passed
        assert report.stages["stage"].tolist() == [
            "prepared table",
            "features of the forecast",
            "fitted numbers",
            "forecast",
        ]
        fitted = report.frame[report.frame["stage"] == "fitted numbers"]
        assert fitted["arrays"].min() >= 5  # mean, variance and scale of the scaler, weights and intercept of the ridge

    def test_a_preparing_function_that_refuses_missing_values_passes_by_the_others_and_is_told(self):
        def strict(frame):
            if frame["y"].isna().any():
                raise ValueError("a value is missing")
            return lagged(frame)

        report = audit_linear(strict)
        assert report.passed
        assert state(report, "forecast", "missing") == {"refused"}
        assert "With missing values after the cutoff this was refused" in str(report)
        assert "ValueError: a value is missing" in str(report)

    def test_rows_to_forecast_that_are_dropped_are_told(self):
        report = audit_linear(lambda frame: lagged(frame).dropna())
        assert report.passed
        assert "has 0 of the 2 rows after the cutoff that are to be forecast" in str(report)

    def test_a_covariate_whose_future_is_known_is_left_alone(self):
        def prepare(frame):
            return lagged(frame).assign(temperature=frame["day_off"].astype(float))

        assert audit_linear(prepare, known=["day_off"]).passed
        assert state(audit_linear(prepare), "features of the forecast") == {"moved"}

    def test_an_object_that_takes_frames(self):
        class Last:
            def fit(self, frame):
                self.rows = frame.groupby("unique_id")["y"].last()
                return self

            def predict(self, horizon):
                return self.rows

        report = audit(Last(), readings(), horizon=2, gate=False, n_cutoffs=1, verbose=0)
        assert report.passed
        assert report.stages["stage"].tolist() == ["forecast"]

    @pytest.mark.parametrize("form", ["panel", "wide", "series", "no ids"])
    def test_other_forms_of_data(self, form):
        long = readings((60,))
        data = {
            "panel": lambda: to_panel(long)[0],
            "wide": lambda: long.pivot(index="ds", columns="unique_id", values="y"),
            "series": lambda: long.set_index("ds")["y"],
            "no ids": lambda: long[["ds", "y"]],
        }[form]()
        assert audit(MeanForecaster(), data, horizon=2, n_cutoffs=1, verbose=0).passed

    @pytest.mark.parametrize("kind", ["int64", "category"])
    def test_each_series_has_its_own_cutoff_whatever_its_id_is(self, kind):
        data = readings((60, 50)).assign(
            unique_id=lambda frame: frame["unique_id"].str[1:].astype("int64").astype(kind)
        )
        report = audit(MeanForecaster(weight=1.0), data, horizon=5, n_cutoffs=1, verbose=0)
        assert report.passed
        assert report.stages["control"].tolist() == ["moved"] * 3
        prepared = audit(MeanForecaster(), data, horizon=5, n_cutoffs=1, verbose=0, prepare=centred)
        assert state(prepared, "gate") == {"moved"}

    def test_it_costs_four_fits_for_each_cutoff_and_one_for_the_control(self):
        fits = []

        class Counted(MeanForecaster):
            def fit(self, data):
                fits.append(data)
                return super().fit(data)

        audit(Counted(), readings(), horizon=2, n_cutoffs=3, verbose=0)
        assert len(fits) == 3 * 4 + 1

    def test_gaps_before_and_at_the_cutoff_do_not_move_it(self):
        data = readings((60,))
        data.loc[[20, 52, 56], "y"] = np.nan
        report = audit(MeanForecaster(), data, horizon=5, n_cutoffs=1, verbose=0)
        assert report.passed
        assert report.frame["cutoff"].iloc[0] == pd.Timestamp("2024-02-23")  # five observed days later the data end

    def test_the_estimator_the_data_and_its_parameters_are_left_alone(self):
        forest, data = RandomForestRegressor(n_estimators=2), readings()
        before = data.copy(deep=True)
        report = audit(forest, data, horizon=1, prepare=lagged, features=LAGS, n_cutoffs=1, verbose=0)
        assert report.passed  # the clone has a random state, otherwise no two fits would agree
        assert forest.random_state is None
        assert not hasattr(forest, "estimators_")
        pd.testing.assert_frame_equal(data, before)

    def test_times_that_a_fit_took_are_left_out_and_named(self):
        search = GridSearchCV(linear(), {"ridge__alpha": [0.1, 1]}, cv=2)
        report = audit(search, readings(), horizon=1, prepare=lagged, features=LAGS, n_cutoffs=1, verbose=0)
        assert report.passed
        assert state(report, "fitted numbers") == {"held"}
        assert report.frame["detail"].str.contains("refit_time_").any()


class TestPlantedLeaks:
    def test_a_scaler_fitted_on_everything(self):
        def prepare(frame):
            return lagged(frame.assign(y=StandardScaler().fit_transform(frame[["y"]])[:, 0]))

        report = audit_linear(prepare)
        assert not report.passed
        assert state(report, "prepared table", "extreme") == {"moved"}
        assert state(report, "fitted numbers", "extreme") == {"moved"}
        assert state(report, "forecast", "extreme") == {"moved"}
        assert "Not passed" in str(report)
        assert "the first to move was the prepared table (y, lag_1, lag_2)" in str(report)

    def test_a_scaler_fitted_on_everything_before_the_gate(self):
        def prepare(frame):
            return frame.assign(y=(frame["y"] - frame["y"].mean()) / frame["y"].std())

        report = audit(MeanForecaster(), readings(), horizon=3, prepare=prepare, n_cutoffs=1, verbose=0)
        assert not report.passed
        assert state(report, "gate", "extreme") == state(report, "forecast", "extreme") == {"moved"}

    def test_a_centred_rolling_mean(self):
        report = audit(MeanForecaster(), readings(), horizon=3, prepare=centred, verbose=0)
        assert not report.passed
        assert state(report, "prepared table") == {"moved"}
        assert state(report, "forecast", "extreme") == {"moved"}

    def test_a_rolling_mean_over_the_past_is_none(self):
        def prepare(frame):
            smooth = frame.groupby("unique_id")["y"].transform(lambda y: y.rolling(5, min_periods=1).mean())
            return frame.assign(y=smooth)

        assert audit(MeanForecaster(), readings(), horizon=3, prepare=prepare, verbose=0).passed

    def test_a_future_covariate_used_as_past(self):
        def prepare(frame):
            ahead = frame.groupby("unique_id")["temperature"].shift(-1)
            return lagged(frame).assign(temperature=ahead.fillna(frame["temperature"]))

        report = audit_linear(prepare)
        assert not report.passed
        assert set(report.frame.loc[report.frame["state"] == "moved", "detail"][:1]) == {"temperature"}
        assert state(report, "prepared table") == {"moved"}

    def test_a_covariate_of_the_same_row_that_is_not_known_then(self):
        report = audit_linear(lambda frame: lagged(frame).assign(temperature=frame["temperature"]))
        assert state(report, "prepared table") == {"held"}
        assert state(report, "features of the forecast") == {"moved"}
        assert not report.passed

    def test_a_lag_that_is_shorter_than_the_horizon(self):
        assert not audit_linear(lagged, horizon=2).passed

    def test_a_target_from_behind_the_cutoff(self):
        def prepare(frame):
            return lagged(frame).assign(y=frame.groupby("unique_id")["y"].shift(-2).ffill())

        assert state(audit_linear(prepare), "prepared table", "extreme") == {"moved"}

    def test_interpolation_across_the_cutoff(self):
        data = readings((60,))
        data.loc[50, "y"] = np.nan
        data.loc[51:, "temperature"] += 5
        data.loc[49, "temperature"] = np.nan
        data.loc[50, "temperature"] = np.nan

        def prepare(frame):
            return frame.assign(temperature=frame["temperature"].interpolate())

        report = audit(MeanForecaster(), data, horizon=9, prepare=prepare, n_cutoffs=1, verbose=0)
        assert report.frame["cutoff"].iloc[0] == data["ds"][49]  # the last observed one
        assert state(report, "prepared table") == {"moved"}

    def test_an_estimator_that_remembers_the_table_it_was_shown_before(self):
        class Remembering(RegressorMixin, BaseEstimator):
            seen = 0.0

            def fit(self, X, y):
                type(self).seen += 1.0
                self.mean_ = float(np.mean(y)) + type(self).seen
                return self

            def predict(self, X):
                return np.full(len(X), self.mean_)

        report = audit(Remembering(), readings(), horizon=1, prepare=lagged, features=LAGS, n_cutoffs=1, verbose=0)
        assert not report.passed
        assert state(report, "forecast") == {"unrepeatable"}
        assert "give the estimator a fixed random state" in str(report)


class TestVerdict:
    def test_what_refuses_all_overwritten_data_has_not_passed(self):
        data = readings()

        def prepare(frame):
            if not frame.equals(data):
                raise ValueError("other data")
            return frame

        report = audit(MeanForecaster(), data, horizon=1, prepare=prepare, n_cutoffs=1, verbose=0)
        assert not report.passed
        assert set(report.stages["refused"]) == {3}

    def test_data_that_shuffling_leaves_as_they_were_show_nothing_by_it(self):
        data = readings((60,)).assign(temperature=0.0, y=lambda frame: np.where(frame.index < 40, frame["y"], 7.0))
        report = audit(MeanForecaster(), data[["ds", "y"]], horizon=1, n_cutoffs=1, verbose=0)
        assert report.passed
        assert state(report, "forecast", "shuffled") == {"unchanged"}
        assert "With the rows shuffled the data were the same as before, which shows nothing." in report.words

    def test_a_stage_that_does_not_depend_on_the_data_is_told_by_the_control(self):
        class Constant(MeanForecaster):
            def fit(self, data):
                self.mean_, self.spread_ = 1.0, 1.0
                return self

        report = audit(Constant(), readings(), horizon=1, n_cutoffs=1, verbose=0)
        assert report.passed
        assert "all moved but fitted numbers, forecast, of which holding says little" in str(report)

    def test_what_is_wrong_with_the_data_as_they_are_is_raised(self):
        with pytest.raises(DataError, match="column y: the value is the text 'high'"):
            audit(MeanForecaster(), readings().assign(y="high"), horizon=1, n_cutoffs=1, verbose=0)
        with pytest.raises(DataError, match="column lag_9"):
            audit_linear(lagged, features=["lag_9"])
        with pytest.raises(DataError, match=r"series s1: 50 observed steps are too few"):
            audit_linear(lagged, n_cutoffs=5, step=10)
        months = pd.DataFrame({"ds": pd.period_range("2024-01", periods=60, freq="M"), "y": 1.0})
        with pytest.raises(DataError, match="times are periods"):
            audit(linear(), months, horizon=1, features=["y"], verbose=0)
        with pytest.raises(DataError, match="times are text"):
            audit(linear(), readings().astype({"ds": str}), horizon=1, features=LAGS, verbose=0)

    @pytest.mark.parametrize(
        ("given", "name"),
        [
            ({"horizon": 0}, "horizon"),
            ({"horizon": None}, "horizon"),
            ({"n_cutoffs": 0}, "n_cutoffs"),
            ({"step": 1}, "step"),
            ({"horizon": 4, "step": 3}, "step"),
        ],
    )
    def test_wrong_numbers_are_refused_by_name(self, given, name):
        with pytest.raises(ParameterError) as error:
            audit_linear(lagged, **given)
        assert error.value.where["parameter"] == name

    def test_the_progress_line_says_cutoff_and_overwriting(self, capsys):
        audit(MeanForecaster(), readings(), horizon=1, n_cutoffs=1)
        assert "control" in capsys.readouterr().err
        audit(MeanForecaster(), readings(), horizon=1, n_cutoffs=1, verbose=0)
        assert capsys.readouterr().err == ""


class TestOverwriting:
    @settings(max_examples=25)
    @given(
        lengths=st.lists(st.integers(8, 30), min_size=1, max_size=3),
        back=st.integers(2, 7),
        how=st.sampled_from(OVERWRITINGS),
        seed=st.integers(0, 9),
    )
    def test_only_what_stands_behind_the_cutoff_of_its_own_series_changes(self, lengths, back, how, seed):
        frame = readings(tuple(lengths)).sample(frac=1, random_state=seed).reset_index(drop=True)
        cutoffs = cutoffs_of(frame, back)
        other = overwritten(frame, cutoffs, how, ["day_off"])
        rank = frame.groupby("unique_id")["ds"].rank(ascending=False)
        later = np.asarray(rank <= back)
        assert (cutoffs.before(frame) == ~later).all()
        pd.testing.assert_frame_equal(other[~later], frame[~later])
        pd.testing.assert_frame_equal(other[["unique_id", "ds", "day_off"]], frame[["unique_id", "ds", "day_off"]])
        for name in ("y", "temperature"):
            before, after = frame.loc[later, name], other.loc[later, name]
            if how == "missing":
                assert after.isna().all()
            elif how == "extreme":
                assert (after.abs() > 1e5 * frame[name].abs().max()).all()
            else:
                assert sorted(after) == sorted(before)
        if how == "shuffled":  # whole rows move
            pairs = [set(zip(table["y"], table["temperature"], strict=True)) for table in (frame, other)]
            assert pairs[0] == pairs[1]

    def test_extreme_values_of_a_column_above_zero_are_above_zero(self):
        frame = pd.DataFrame({"ds": range(20), "y": np.arange(1.0, 21), "w": -np.arange(20), "c": ["a", "b"] * 10})
        other = overwritten(frame, cutoffs_of(frame, 5), "extreme", [])
        assert (other["y"] > 0).all()
        assert (other["w"] <= 0).all()
        assert set(other["c"]) == {"a", "b"}


class TestNumbers:
    def test_attributes_are_found_inside_pipelines_and_searches(self):
        data = lagged(readings()).dropna()
        search = GridSearchCV(linear(), {"ridge__alpha": [0.1, 1]}, cv=2).fit(data[LAGS], data["y"])
        names = set(fitted_numbers(search))
        assert {"best_score_", "best_estimator_.steps[0][1].mean_", "best_estimator_.steps[1][1].coef_"} <= names
        assert not [
            name for name in names if "alpha" in name and "best_params_" not in name and "cv_results_" not in name
        ]

    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            ([1.0, np.nan, -4.0], [1.0, np.nan, -4.0], 0.0),
            ([1.0, 2.0, -4.0], [1.0, 3.0, -4.0], 0.25),
            ([0.0, 0.0], [0.0, 0.5], 0.5),
            ([1.0, np.nan], [1.0, 2.0], np.inf),
            ([np.nan], [2.0], np.inf),
            ([1.0, 2.0], [1.0, np.nan], np.inf),
            ([np.inf, 1.0], [np.inf, 1.0], 0.0),
            ([1.0, 2.0], [1.0], np.inf),
            (["a", "b"], ["a", "b"], 0.0),
            (["a", "b"], ["a", "c"], np.inf),
            ([True, None], [True, np.nan], 0.0),
            ([True, False], [True, True], 1.0),
        ],
    )
    def test_the_change_is_relative_to_the_largest_magnitude(self, before, after, expected):
        assert change(np.array(before), np.array(after)) == expected
