"""Covariates from the frame to the forecast: what decides is used, what is not known is never read."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from forecasting import SimpleRNNForecaster, audit, backtest
from forecasting.errors import DataError, ParameterError
from forecasting.panel import to_panel
from forecasting.panel.calendar_covariates import calendar_channels
from tests.estimators.covered import covered_frame, split
from tests.estimators.made import HORIZON, long_frame, tiny, values

KNOWN = ["heat", "promotion"]
EVERYTHING = {
    "past_covariates": ["noise"],
    "future_covariates": KNOWN,
    "static_covariates": ["region"],
    "calendar_covariates": ["weekday", "month"],
}


@pytest.fixture(scope="module")
def frame():
    return covered_frame()


@pytest.fixture(scope="module")
def parts(frame):
    return split(frame)


@pytest.fixture(scope="module")
def everything(parts):
    return tiny(**EVERYTHING).fit(parts[0])


def error(forecaster, test, **given):
    both = forecaster.predict(**given).merge(test, on=["unique_id", "ds"], validate="one_to_one")
    return float((both["y"] - both["SimpleRNN"]).abs().mean())


def test_without_covariates_the_network_has_nothing_to_read_them_with():
    forecaster = tiny(max_steps=1, n_members=2).fit(long_frame((60, 48)))
    spec = forecaster._model.spec
    assert (spec.past_channels, spec.future_channels, spec.static_channels) == (0, 0, 0)
    assert not [name for name in forecaster._model.weights if name.startswith("ahead")]


def test_columns_that_are_not_named_change_nothing(parts):
    named = tiny().fit(parts[0]).predict()
    pd.testing.assert_frame_equal(named, tiny().fit(parts[0][["unique_id", "ds", "y"]]).predict())


def test_covariates_that_decide_the_future_are_used(parts):
    train, test = parts
    plain = error(tiny().fit(train), test)
    told = error(tiny(future_covariates=KNOWN).fit(train), test, future=test)
    assert told < plain / 3


def test_covariates_of_no_use_do_little_harm(parts):
    train, test = parts
    plain = tiny().fit(train)
    useless = tiny(past_covariates=["noise"], static_covariates=["region"]).fit(train)
    assert error(useless, test) < 1.15 * error(plain, test)


def test_the_network_is_told_of_every_channel(everything):
    spec = everything._model.spec
    assert spec.past_channels == 1 + 1 + 2 + 7 + 2
    assert spec.future_channels == 1 + 2 + 7 + 2
    assert spec.static_channels == 2
    assert {"past", "future", "static"} <= spec.reading_shapes().keys()


def test_the_columns_that_data_must_hold_are_told_as_scikit_learn_does(everything, parts):
    assert everything.n_features_in_ == 4
    assert everything.feature_names_in_.tolist() == ["noise", "heat", "promotion", "region"]
    assert tiny(max_steps=1).fit(parts[0]).n_features_in_ == 0


def test_columns_may_be_named_by_any_sequence(everything, parts):
    train, test = parts
    named = {name: np.array(columns) for name, columns in EVERYTHING.items()}
    assert values(tiny(**named).fit(train).predict(future=test)) == values(everything.predict(future=test))


def test_the_order_of_rows_and_columns_does_not_matter(everything, parts):
    train, test = parts
    shuffled = train.sample(frac=1, random_state=0)[train.columns[::-1]]
    other = clone(everything).fit(shuffled).predict(future=test.sample(frac=1, random_state=1))
    assert values(other) == values(everything.predict(future=test))


def test_series_of_different_lengths_and_ends_read_their_own_future(parts):
    train, test = parts
    forecaster = tiny(future_covariates=KNOWN, static_covariates=["region"]).fit(train)
    both = forecaster.predict(future=test)
    for name in ("a", "b"):
        alone = forecaster.predict(data=train[train["unique_id"] == name], future=test)
        expected = both[both["unique_id"] == name]["SimpleRNN"].to_numpy()
        assert alone["SimpleRNN"].to_numpy() == pytest.approx(expected, rel=1e-5)


def test_the_future_moves_the_forecast_and_only_that_of_its_own_series(everything, parts):
    test = parts[1]
    moved = test.assign(heat=test["heat"] + 3 * (test["unique_id"] == "a"))
    before, after = everything.predict(future=test), everything.predict(future=moved)
    other = (before["SimpleRNN"] != after["SimpleRNN"]).groupby(before["unique_id"]).any()
    assert other.to_dict() == {"a": True, "b": False}


def test_future_values_of_past_covariates_are_never_read(everything, parts):
    train, test = parts
    absurd = test.assign(noise=1e9, y=np.nan)
    assert values(everything.predict(future=absurd)) == values(everything.predict(future=test))
    longer = pd.concat([train, absurd])  # rows without a value at the end are cut off, and their covariates with them
    assert values(everything.predict(data=longer, future=test)) == values(everything.predict(future=test))


def test_what_stands_in_the_held_out_part_moves_nothing_that_is_fitted(parts):
    train = parts[0]
    forecaster = tiny(past_covariates=["noise"], future_covariates=["heat"], refit=False, max_steps=3).fit(train)
    last_known = train["unique_id"].map(forecaster.validation_.groupby("unique_id")["cutoff"].min())
    held = train["ds"] > last_known
    assert 30 < held.sum() < len(train) / 4
    absurd = train.assign(noise=train["noise"].where(~held, 1e6), heat=train["heat"].where(~held, -1e6))
    other = clone(forecaster).fit(absurd)
    assert other.encoding_ == forecaster.encoding_
    assert clone(forecaster).fit(train.assign(noise=train["noise"] + held.eq(False))).encoding_ != other.encoding_


def test_what_lies_behind_a_cutoff_moves_no_forecast_of_a_backtest(frame):
    estimator = tiny(**EVERYTHING, max_steps=3)
    clean = backtest(estimator, frame, HORIZON, 2)
    last = frame.groupby("unique_id").cumcount(ascending=False) < HORIZON
    absurd = frame.assign(y=frame["y"].where(~last, 1e6), noise=frame["noise"].where(~last, 1e6))
    dirty = backtest(estimator, absurd, HORIZON, 2)
    assert dirty["SimpleRNN"].tolist() == clean["SimpleRNN"].tolist()


def test_what_is_known_ahead_behind_the_horizon_moves_no_forecast(frame):
    estimator = tiny(**EVERYTHING, max_steps=3)
    clean = backtest(estimator, frame, HORIZON, 2, refit=True)
    behind = frame.groupby("unique_id").cumcount(ascending=False) < HORIZON  # of the first window, not of the second
    absurd = frame.assign(
        heat=frame["heat"].where(~behind, 1e6),
        promotion=frame["promotion"].where(~behind, "no"),
        noise=frame["noise"].where(~behind, 1e6),
        y=frame["y"].where(~behind, 1e6),
    )
    dirty = backtest(estimator, absurd, HORIZON, 2, refit=True)
    same = (dirty["SimpleRNN"] == clean["SimpleRNN"]).groupby([clean["unique_id"], clean["cutoff"]]).all()
    assert same.groupby("unique_id").cumcount().map({0: True, 1: False}).tolist() == same.tolist()


def test_rows_behind_the_horizon_are_not_read_when_a_forecast_is_made(frame):
    train, test = split(frame, 3 * HORIZON)
    forecaster = tiny(**EVERYTHING, max_steps=3).fit(train)
    later = test.groupby("unique_id").cumcount() >= HORIZON
    absurd = test.assign(heat=test["heat"].where(~later, 1e6), promotion=test["promotion"].where(~later, "unheard of"))
    assert values(forecaster.predict(future=absurd)) == values(forecaster.predict(future=test))


def test_a_backtest_carries_what_is_known_ahead_over_steps_that_are_absent(frame):
    first = frame.groupby("unique_id").cumcount(ascending=False) == HORIZON - 2
    result = backtest(tiny(future_covariates=KNOWN, gaps="mask", max_steps=3), frame[~first], HORIZON, 1)
    assert result["y"].isna().sum() == 2
    assert result["SimpleRNN"].notna().all()


def test_a_longer_horizon_goes_on_with_covariates_known_ahead(frame):
    train, test = split(frame, 2 * HORIZON)
    forecaster = tiny(future_covariates=KNOWN, calendar_covariates=["weekday"], max_steps=30).fit(train)
    told = forecaster.predict(7, future=test)
    assert values(told.groupby("unique_id").head(HORIZON)) == values(forecaster.predict(future=test))
    other = test.assign(heat=test["heat"] + 3 * (test.groupby("unique_id").cumcount() >= HORIZON))
    same = told["SimpleRNN"] == forecaster.predict(7, future=other)["SimpleRNN"]
    assert same.tolist() == ([True] * HORIZON + [False] * 3) * 2
    with pytest.raises(DataError, match="lacks 2 rows of the 8 steps"):
        forecaster.predict(7, future=test.groupby("unique_id").head(7))


def test_a_longer_horizon_is_refused_with_covariates_known_up_to_the_present(everything, parts):
    with pytest.raises(ParameterError, match=r"values of the past covariates \(noise\) that are not known"):
        everything.predict(HORIZON + 1, future=parts[1])


def test_calendar_covariates_need_no_frame():
    ds = pd.date_range("2018-01-01", "2023-07-06", freq="D")
    closed = calendar_channels("holiday:XNYS", ds.to_numpy(), None).ravel()
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"unique_id": "a", "ds": ds, "y": 20 - 4 * closed + rng.normal(size=len(ds))})
    told = tiny(calendar_covariates=["holiday:XNYS"], max_steps=30).fit(data[:-HORIZON]).predict(6)
    fourth = told["ds"] == "2023-07-04"
    assert told["SimpleRNN"][fourth].item() < told["SimpleRNN"][~fourth].mean() - 2


def test_a_saved_forecaster_forecasts_the_same(everything, parts, tmp_path):
    everything.save(tmp_path / "model")
    loaded = SimpleRNNForecaster.load(tmp_path / "model")
    assert loaded.encoding_ == everything.encoding_
    assert loaded.get_params() == everything.get_params()
    train, test = parts
    for given in ({}, {"data": train}):
        pd.testing.assert_frame_equal(loaded.predict(future=test, **given), everything.predict(future=test, **given))
    with np.load(tmp_path / "model" / "arrays.npz", allow_pickle=False) as stored:
        assert {stored[name].dtype.kind for name in stored.files} <= {"f", "i", "M", "U"}
    assert json.loads((tmp_path / "model" / "forecaster.json").read_text())["covariates"]["calendar"] == [
        "weekday",
        "month",
    ]


def test_missing_covariates_are_refused_or_carried_forward(parts):
    train, test = parts
    holed = train.assign(heat=train["heat"].where(train.index % 9 != 5))
    with pytest.raises(DataError, match="column heat: the covariate is missing at"):
        tiny(future_covariates=KNOWN).fit(holed)
    forecaster = tiny(future_covariates=KNOWN, gaps="mask", max_steps=3).fit(holed)
    assert [notice.kind for notice in forecaster.notices_] == ["carried"]
    assert np.isfinite(forecaster.predict(future=test)["SimpleRNN"]).all()


@pytest.mark.parametrize(
    ("given", "error_type", "message"),
    [
        ({}, DataError, "the covariates known ahead are not given: heat, promotion"),
        ({"future": "short"}, DataError, r"series b, time 2023-05-01: the future frame lacks 1 row of the 4 steps"),
        ({"future": "unknown"}, DataError, r"series a, time 2023-06-07, column promotion: the category 'maybe'"),
        ({"data": "bare"}, DataError, "there is no column noise"),
    ],
)
def test_what_is_missing_at_predict_is_named(everything, parts, given, error_type, message):
    train, test = parts
    made = {
        "short": test[~((test["unique_id"] == "b") & (test["ds"] == test.loc[test["unique_id"] == "b", "ds"].max()))],
        "unknown": test.assign(promotion=["maybe", *test["promotion"][1:]]),
        "bare": train[["unique_id", "ds", "y"]],
    }
    with pytest.raises(error_type, match=message):
        everything.predict(**{name: made[kind] for name, kind in given.items()})


def test_a_future_that_nobody_asked_for_is_refused(parts):
    with pytest.raises(ParameterError, match="fitted without covariates known ahead"):
        tiny(max_steps=1).fit(parts[0]).predict(future=parts[1])


def test_a_panel_with_the_covariates_is_as_good_as_a_frame(everything, parts):
    train, test = parts
    panel, _ = to_panel(train, covariates=["heat", "promotion", "noise"], static=["region"])
    found = clone(everything).fit(panel).predict(future=test, data=panel)
    assert values(found) == values(everything.predict(future=test))
    with pytest.raises(DataError, match="the panel has no covariate"):
        clone(everything).fit(panel.choose([], []))
    with pytest.raises(ParameterError, match="column 'noise' is named twice"):
        clone(everything).set_params(static_covariates=["noise"]).fit(panel)


def test_too_many_categories_and_columns_without_a_value_are_refused(parts):
    train = parts[0]
    many = train.assign(promotion=[str(number) for number in range(len(train))])
    with pytest.raises(DataError, match=r"column promotion: the covariate has \d+ categories, and at most 64"):
        tiny(future_covariates=["promotion"]).fit(many)
    with pytest.raises(DataError, match="column noise: the covariate has no known value before the held-out part"):
        tiny(past_covariates=["noise"], gaps="mask").fit(train.assign(noise=np.nan))


@pytest.fixture(scope="module")
def whole(frame):
    """With the last steps to be forecast: no target and no noise there."""
    last = frame.groupby("unique_id").cumcount(ascending=False) < HORIZON
    return frame.assign(y=frame["y"].where(~last), noise=frame["noise"].where(~last))


class TestInferredRoles:
    """``covariates="infer"`` is the same forecaster as one with the lists that the data tell."""

    def test_it_is_the_forecaster_with_the_lists(self, whole, parts):
        inferred = tiny(covariates="infer").fit(whole)
        named = tiny(past_covariates=["noise"], future_covariates=KNOWN, static_covariates=["region"]).fit(parts[0])
        assert inferred.covariates_ == {"past": ["noise"], "future": KNOWN, "static": ["region"]} == named.covariates_
        assert [notice.kind for notice in inferred.notices_] == ["inferred", "trimmed"]
        assert values(inferred.predict(future=whole)) == values(named.predict(future=parts[1]))
        assert inferred.encoding_ == named.encoding_

    def test_what_was_inferred_is_kept_when_it_is_stored(self, whole, tmp_path):
        inferred = tiny(covariates="infer", max_steps=1).fit(whole)
        inferred.save(tmp_path / "model")
        loaded = SimpleRNNForecaster.load(tmp_path / "model")
        assert (loaded.covariates, loaded.covariates_) == ("infer", inferred.covariates_)
        assert values(loaded.predict(future=whole)) == values(inferred.predict(future=whole))

    def test_those_of_the_calendar_need_no_column_and_may_stand_beside_it(self, whole):
        told = tiny(covariates="infer", calendar_covariates=["weekday"], max_steps=1).fit(whole)
        assert told._model.spec.future_channels == 1 + 2 + 7

    @pytest.mark.parametrize("role", ["past", "future", "static"])
    def test_it_is_not_combined_with_lists(self, whole, role):
        with pytest.raises(ParameterError, match="either inferred or named"):
            tiny(covariates="infer", **{f"{role}_covariates": ["heat"]}).fit(whole)

    def test_a_backtest_infers_once_from_all_that_it_is_given(self, whole, caplog):
        named = tiny(past_covariates=["noise"], future_covariates=KNOWN, static_covariates=["region"], max_steps=1)
        inferred = tiny(covariates="infer", max_steps=1)
        found = backtest(inferred, whole, HORIZON, 2, refit=True, verbose=0)
        pd.testing.assert_frame_equal(found, backtest(named, whole, HORIZON, 2, refit=True, verbose=0))
        assert "the roles of covariates were inferred: heat, promotion: known ahead" in caplog.text
        assert inferred.covariates == "infer"
        with pytest.raises(ParameterError, match="either inferred or named"):
            backtest(clone(inferred).set_params(past_covariates=["noise"]), whole, HORIZON, 2, verbose=0)

    def test_an_audit_finds_no_leak_in_it_and_finds_one_in_a_preparation(self, whole):
        inferred = tiny(covariates="infer", max_steps=1)
        assert audit(inferred, whole, n_cutoffs=1, verbose=0).passed
        leaking = audit(inferred, whole, prepare=smoothed, n_cutoffs=1, verbose=0)
        assert not leaking.passed


def smoothed(frame):
    """The noise smoothed with a centred mean, as a further column."""
    mean = frame.groupby("unique_id")["noise"].transform(
        lambda noise: noise.rolling(5, center=True, min_periods=1).mean()
    )
    return frame.assign(smooth=mean)
