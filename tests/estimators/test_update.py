"""Going on from further observations: with the fitted weights, and by training on."""

import copy

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from forecasting import SimpleRNNForecaster
from forecasting.errors import DataError, ParameterError
from forecasting.panel import to_panel
from tests.estimators.made import HORIZON, Watch, long_frame, one, tiny, values

KNOWN = 40


def part(frame, start, stop=None):
    """Rows of every series by their number."""
    return frame.groupby("unique_id", group_keys=False)[list(frame.columns)].apply(lambda one: one.iloc[start:stop])


@pytest.fixture(scope="module")
def first(frame):
    """Fitted to the first 40 steps of the three series, by a training that was worth while."""
    return tiny(levels=[80], linear_skip=False, max_steps=40).fit(part(frame, 0, KNOWN))


@pytest.fixture(scope="module")
def with_gaps(frame):
    """By policy, fitted to the first 40 steps with two of them missing."""
    holed = part(frame, 0, KNOWN).drop(index=[5, 70])
    return {policy: tiny(gaps=policy, levels=[80]).fit(holed) for policy in ("interpolate", "mask")}


@pytest.fixture
def forecaster(first):
    return copy.deepcopy(first)


def test_an_update_goes_on_from_the_end_and_trains_nothing(forecaster, first, frame):
    weights = forecaster._model.weights
    assert forecaster.update(part(frame, KNOWN)) is forecaster
    assert forecaster._model.weights is weights
    assert (forecaster.shares_, forecaster.anchor_, forecaster.history_) == (
        first.shares_,
        first.anchor_,
        first.history_,
    )
    pd.testing.assert_frame_equal(forecaster.predict(), first.predict(data=frame))
    pd.testing.assert_frame_equal(forecaster.panel_.frame(), to_panel(frame)[0].frame())


@settings(max_examples=25)
@given(data=st.data())
def test_any_split_of_a_history_gives_the_forecast_of_the_whole(data, frame, with_gaps):
    policy = data.draw(st.sampled_from(["interpolate", "mask"]))
    missing = data.draw(st.lists(st.integers(KNOWN, 59), max_size=12))
    whole = frame[~(frame.groupby("unique_id").cumcount().isin(missing) & (frame["unique_id"] != "b"))]
    whole = whole.drop(index=[5, 70])
    fitted = with_gaps[policy]
    day = (whole["ds"] - pd.Timestamp("2024-01-01")).dt.days
    known = data.draw(st.integers(2, KNOWN))  # what was learned does not matter, only what is gone on from
    forecaster = copy.copy(fitted)
    forecaster.panel_ = to_panel(whole[day < known], frequency="D")[0]
    bounds = sorted(data.draw(st.lists(st.integers(known, 62), max_size=4)))
    for start, stop in zip([known, *bounds], [*bounds, 99], strict=True):
        rows = whole[(day >= start) & (day < stop)]
        if len(rows):
            forecaster.update(rows)
    pd.testing.assert_frame_equal(forecaster.predict(horizon=6), fitted.predict(horizon=6, data=whole))
    pd.testing.assert_frame_equal(forecaster.panel_.frame(), to_panel(whole)[0].frame())


@pytest.mark.parametrize("form", ["wide", "panel", "series"])
def test_further_rows_come_in_any_form(form):
    frame = long_frame((60, 60)) if form != "series" else one().rename_axis("ds").rename("y").reset_index()
    whole = frame if form != "series" else one()
    fitted = tiny().fit(part(frame, 0, KNOWN) if form != "series" else whole[:KNOWN])
    rest = {
        "wide": lambda: part(frame, KNOWN).pivot(index="ds", columns="unique_id", values="y"),
        "panel": lambda: to_panel(part(frame, KNOWN))[0],
        "series": lambda: whole[KNOWN:],
    }[form]()
    pd.testing.assert_frame_equal(copy.copy(fitted).update(rest).predict(), fitted.predict(data=whole))


@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2024-03-28", periods=60, freq="h", tz="Europe/Berlin"),
        pd.date_range("2024-02-01", periods=60, freq="D", tz="America/New_York"),
        pd.RangeIndex(5, 185, 3),
        pd.date_range("2019-01-31", periods=60, freq="ME"),
        pd.period_range("2019-01", periods=60, freq="M"),
    ],
    ids=["hours across daylight saving", "days across it", "integer steps", "month ends", "periods"],
)
def test_times_of_every_kind_go_on(times):
    whole = pd.Series(one().to_numpy(), index=times, name="a")
    fitted = tiny().fit(whole[:52])
    expected = fitted.predict(data=whole)
    for start, stop in ((52, 53), (53, 60)):
        fitted.update(whole[start:stop])
    pd.testing.assert_frame_equal(fitted.predict(), expected)


def test_sessions_go_on():
    import exchange_calendars

    days = exchange_calendars.get_calendar("XNYS").sessions_in_range("2023-09-05", "2023-12-29")
    whole = pd.Series(np.arange(len(days)) % 7 + 1.0, index=days, name="a")
    fitted = tiny(calendar="XNYS").fit(whole[:54])  # Thanksgiving is between
    pd.testing.assert_frame_equal(fitted.predict(data=whole), fitted.update(whole[54:]).predict())
    with pytest.raises(DataError, match="the time is not a session of XNYS"):
        fitted.update(pd.Series([1.0, 2.0], index=pd.to_datetime(["2024-01-01", "2024-01-02"]), name="a"))


def test_a_loaded_forecaster_goes_on_as_well(first, frame, tmp_path):
    fitted = tiny(levels=[80]).fit(pd.concat([long_frame((300,)), part(frame[frame["unique_id"] != "a"], 0, KNOWN)]))
    fitted.save(tmp_path / "model")
    loaded = SimpleRNNForecaster.load(tmp_path / "model")
    assert loaded.panel_.lengths[0] < 50
    rows = pd.concat([long_frame((340,)).iloc[300:], part(frame[frame["unique_id"] != "a"], KNOWN)])
    expected = fitted.update(rows).predict()
    for start, stop in ((0, 1), (1, 9), (9, None)):
        loaded.update(part(rows, start, stop))
    pd.testing.assert_frame_equal(loaded.predict(), expected)


def test_series_without_further_rows_keep_their_end(forecaster, first, frame):
    forecaster.update(part(frame, KNOWN).query("unique_id == 'b'"))
    before, after = first.predict(), forecaster.predict()
    others = before["unique_id"] != "b"
    pd.testing.assert_frame_equal(after[others], before[others])
    assert after.loc[~others, "ds"].min() == before.loc[~others, "ds"].min() + pd.Timedelta(days=48 - KNOWN)


def test_rows_that_are_known_may_be_repeated_and_nothing_else_said_of_them(forecaster, first, frame, caplog):
    forecaster.update(part(frame, 10, KNOWN + 3))
    assert "rows that were known already were left out: 90 rows of 3 series (a, b, c)" in caplog.text
    pd.testing.assert_frame_equal(forecaster.predict(), first.predict(data=part(frame, 0, KNOWN + 3)))
    forecaster.update(part(frame, KNOWN, KNOWN + 3))
    pd.testing.assert_frame_equal(forecaster.predict(), first.predict(data=part(frame, 0, KNOWN + 3)))


def test_new_series_are_refused_unless_asked_for(forecaster, first, frame):
    rows = pd.concat([part(frame, KNOWN), long_frame((20,)).assign(unique_id="aa")])
    with pytest.raises(DataError, match=r"series aa, time 2024-01-01: 1 series is not known: aa\. Correct the id"):
        forecaster.update(rows)
    forecaster.update(rows, new_series=True)
    assert forecaster.panel_.ids.tolist() == ["a", "aa", "b", "c"]
    whole = pd.concat([frame, long_frame((20,)).assign(unique_id="aa")])
    pd.testing.assert_frame_equal(forecaster.predict(), first.predict(data=whole))
    for wrong in (1, "yes", None):
        with pytest.raises(ParameterError, match="update: new_series must be True or False"):
            forecaster.update(rows, new_series=wrong)


def changed(frame, **columns):
    return part(frame, KNOWN).assign(**columns)


@pytest.mark.parametrize(
    ("rows", "where", "words"),
    [
        (lambda f: part(f, KNOWN + 2), ("a", "2024-02-10"), "2 steps have no value: 2024-02-10, 2024-02-11"),
        (lambda f: part(f, KNOWN).drop(index=45), ("a", "2024-02-15"), "1 step has no value"),
        (
            lambda f: part(f, KNOWN - 2).assign(y=1.0),
            ("a", "2024-02-08"),
            "the value is 1.0, and 33.10637443675467 is known",
        ),
        (
            lambda f: part(f, KNOWN - 1).assign(y=lambda t: t["y"].where(t["unique_id"] != "c")),
            ("c", "2024-02-09"),
            "nan",
        ),
        (lambda f: f.assign(ds=f["ds"] - pd.Timedelta(days=9)), ("a", "2023-12-23"), "begin at 2024-01-01"),
        (
            lambda f: changed(f, ds=lambda t: t["ds"] + pd.Timedelta(hours=6)),
            ("a", "2024-02-10 06:00:00"),
            "does not lie on the time grid D",
        ),
        (lambda f: changed(f, y=np.inf), ("a", "2024-02-10"), "infinite"),
        (lambda f: pd.concat([part(f, KNOWN)] * 2), ("a", "2024-02-10"), "the time occurs 2 times"),
        (lambda f: changed(f, ds=lambda t: t["ds"].dt.tz_localize("UTC")), (None, None), "of the kind UTC"),
        (lambda f: changed(f, ds=range(42)), (None, None), "of the kind int64, those that they are to follow"),
        (lambda f: part(f, KNOWN).drop(columns="y"), (None, None), "there is no column"),
    ],
)
def test_rows_that_do_not_follow_are_refused_by_series_and_time(rows, where, words, forecaster, first, frame):
    with pytest.raises(DataError) as error:
        forecaster.update(rows(frame))
    assert words in str(error.value)
    assert (error.value.where.get("series"), error.value.where.get("time")) == where
    assert forecaster.panel_ is first.panel_ or forecaster.panel_.frame().equals(first.panel_.frame())
    pd.testing.assert_frame_equal(forecaster.predict(), first.predict())


def test_a_value_without_a_logarithm_is_refused_before_it_is_there(frame):
    forecaster = tiny(target="log").fit(part(frame, 0, KNOWN))
    with pytest.raises(DataError, match=r"series a, time 2024-02-10.*needs values above zero"):
        forecaster.update(changed(frame, y=lambda t: t["y"].where(t["ds"] != "2024-02-10", -1.0)))
    assert forecaster.panel_.lengths.tolist() == [KNOWN] * 3


def with_covariates(frame):
    return frame.assign(
        heat=frame["ds"].dt.day_of_year % 7.0, noise=np.sin(frame.index), region=frame["unique_id"].map(str.upper)
    )


@pytest.mark.parametrize("policy", ["refuse", "mask"])
def test_covariates_go_on_with_their_series(policy, frame):
    frame = with_covariates(frame)
    names = {"past_covariates": ["noise"], "future_covariates": ["heat"], "static_covariates": ["region"]}
    fitted = tiny(gaps=policy, **names).fit(part(frame, 0, KNOWN))
    future = with_covariates(fitted.predict(data=frame, future=_ahead(frame)).drop(columns="SimpleRNN"))
    forecaster = copy.copy(fitted)
    for start, stop in ((KNOWN, 45), (45, None)):
        forecaster.update(part(frame, start, stop))
    pd.testing.assert_frame_equal(forecaster.predict(future=future), fitted.predict(data=frame, future=future))
    rest = part(frame, KNOWN)
    forecaster = copy.copy(fitted)
    missing = rest.assign(noise=rest["noise"].where(rest["ds"] != "2024-02-10"))
    if policy == "refuse":
        with pytest.raises(DataError, match=r"series a, time 2024-02-10, column noise: the covariate is missing"):
            forecaster.update(missing)
    else:  # carried over from what was known, across the seam
        whole = pd.concat([part(frame, 0, KNOWN), missing])
        forecaster.update(missing)
        pd.testing.assert_frame_equal(forecaster.predict(future=future), fitted.predict(data=whole, future=future))
    forecaster = copy.copy(fitted)
    with pytest.raises(DataError, match="there is no column heat"):
        forecaster.update(rest.drop(columns="heat"))
    with pytest.raises(DataError, match=r"series a, time 2024-02-10, column region: .* is 'B', and was 'A' before"):
        forecaster.update(rest.assign(region="B"))
    with pytest.raises(DataError, match=r"series a, time 2024-02-09: covariate noise is 9.0, and 0\.96"):
        forecaster.update(part(frame, KNOWN - 1).assign(noise=9.0))
    with pytest.raises(DataError, match=r"column heat: the covariate holds categories, and held numbers before"):
        forecaster.update(rest.assign(heat="hot"))


def _ahead(frame):
    ends = frame.groupby("unique_id")["ds"].max()
    steps = [(name, end + pd.Timedelta(days=step)) for name, end in ends.items() for step in range(1, HORIZON + 1)]
    return with_covariates(pd.DataFrame(steps, columns=["unique_id", "ds"]))


def test_what_needs_a_fit_says_so(frame):
    with pytest.raises(NotFittedError):
        tiny().update(frame)
    with pytest.raises(ParameterError, match="the first call needs data"):
        tiny().partial_fit()


def test_the_first_partial_fit_is_a_fit(frame):
    expected = tiny().fit(frame)
    forecaster = tiny().partial_fit(frame)
    pd.testing.assert_frame_equal(forecaster.predict(), expected.predict())
    pd.testing.assert_frame_equal(forecaster.validation_, expected.validation_)


def test_training_on_moves_the_weights_from_where_they_were_and_keeps_what_was_decided(forecaster, first, frame):
    watch = Watch()
    before = copy.deepcopy(first._model.weights)
    assert forecaster.partial_fit(part(frame, KNOWN), [watch]) is forecaster
    pd.testing.assert_frame_equal(forecaster.panel_.frame(), to_panel(frame)[0].frame())
    kept = ("shares_", "anchor_", "target_", "lookback_", "season_length_", "levels_", "frequency_")
    assert all(getattr(forecaster, name) == getattr(first, name) for name in kept)
    pd.testing.assert_frame_equal(forecaster.validation_, first.validation_)
    assert forecaster.history_[: len(first.history_)] == first.history_
    added = forecaster.history_[len(first.history_) :]
    assert [entry["stage"] for entry in added] == [2] * len(watch.epochs)
    assert [entry["epoch"] for entry in forecaster.history_] == list(range(len(forecaster.history_)))
    assert [number for number, _ in watch.epochs] == list(range(len(added)))
    assert watch.ended[0]["epochs"] == len(added)
    assert first._best_steps > 0
    moved = {name: np.abs(forecaster._model.weights[name] - weight).max() for name, weight in before.items()}
    # Adam moves a weight by no more than its rate each step; the rate is half of that of the fit and falls.
    steps = -(-first._best_steps // 4)
    assert 0 < max(moved.values()) <= steps * first.learning_rate / 2 * 1.5
    pd.testing.assert_frame_equal(first.predict(), first.predict(data=part(frame, 0, KNOWN)))


def test_the_same_seed_trains_on_in_the_same_way_and_fit_begins_anew(first, frame):
    one_way, other = (copy.deepcopy(first).partial_fit(part(frame, KNOWN)) for _ in range(2))
    assert values(one_way.predict()) == values(other.predict())
    assert values(one_way.fit(part(frame, 0, KNOWN)).predict()) == values(first.predict())


def test_without_data_it_trains_on_what_update_brought(first, frame):
    at_once = copy.deepcopy(first).partial_fit(part(frame, KNOWN))
    later = copy.deepcopy(first).update(part(frame, KNOWN, 43)).update(part(frame, 43)).partial_fit()
    assert values(at_once.predict()) == values(later.predict())


def test_intervals_are_calibrated_on_what_came_before_it_is_trained_on(first, frame):
    rest = part(frame, KNOWN)
    wild = rest.assign(y=rest["y"] + np.random.default_rng(0).normal(scale=20, size=len(rest)))
    whole = pd.concat([part(frame, 0, KNOWN), wild])
    forecaster = copy.deepcopy(first).partial_fit(wild)
    errors = []  # one origin after the other, through the forecasts of the estimator before, as they are on the path
    before = copy.deepcopy(first)
    before.above_zero_, conformal, still = False, first._model.conformal, np.ones(1)
    unit = conformal.half_width(80, HORIZON, still)[0] / conformal.measure(still)
    for _, series in whole.groupby("unique_id"):
        for end in range(KNOWN, len(series) - HORIZON + 1):
            told = before.predict(levels=[80], data=series.iloc[:end])
            width = (told["SimpleRNN-hi-80"] - told["SimpleRNN-lo-80"]) / 2
            error = series["y"].iloc[end : end + HORIZON].to_numpy() - told["SimpleRNN"].to_numpy()
            errors.append(error / width.to_numpy() * unit)
    after = forecaster._model.conformal.conformal
    assert len(errors) == (20 + 8 + 14) - 3 * (HORIZON - 1)
    np.testing.assert_allclose(after.errors[-len(errors) :], errors, rtol=1e-5, atol=1e-6)
    assert after.errors[: -len(errors)].tolist() == conformal.conformal.errors.tolist()
    assert forecaster._model.conformal.independent == conformal.independent + len(errors) / HORIZON
    assert (after.half_width(80, HORIZON) > conformal.conformal.half_width(80, HORIZON)).all()
    # What was trained on is no evidence: the same rows do not count again.
    assert len(forecaster.partial_fit()._model.conformal.conformal.errors) == len(after.errors)


def test_what_came_since_the_last_training_is_remembered_by_a_saved_forecaster(first, frame, tmp_path):
    expected = copy.deepcopy(first).update(part(frame, KNOWN, KNOWN + 8))
    expected.save(tmp_path / "model")
    loaded = SimpleRNNForecaster.load(tmp_path / "model").partial_fit()
    added = len(expected.partial_fit()._model.conformal.conformal.errors) - len(first._model.conformal.conformal.errors)
    kept = len(loaded._model.conformal.conformal.errors) - len(first._model.conformal.conformal.errors)
    assert added == kept > 0


def test_training_on_can_be_interrupted(forecaster, first, frame):
    with pytest.raises(KeyboardInterrupt):
        forecaster.partial_fit(part(frame, KNOWN), [Watch(interrupt_at=0)])
    assert forecaster.panel_.lengths.tolist() == [60, 48, 54]
    assert len(forecaster.history_) == len(first.history_) + 1
    assert np.isfinite(forecaster.predict()["SimpleRNN"]).all()


def test_training_on_that_is_refused_changes_nothing(forecaster, first, frame):
    with pytest.raises(DataError):
        forecaster.partial_fit(part(frame, KNOWN + 1))
    with pytest.raises(ParameterError, match="learning_rate"):
        forecaster.set_params(learning_rate=-1).partial_fit(part(frame, KNOWN))
    pd.testing.assert_frame_equal(forecaster.predict(), first.predict())
    assert forecaster.panel_.frame().equals(first.panel_.frame())


def test_where_training_did_not_help_the_weights_stay_and_the_intervals_learn(frame):
    fitted = tiny(learning_rate=30.0).fit(part(frame, 0, KNOWN))
    assert fitted._best_steps == 0
    forecaster = copy.deepcopy(fitted).partial_fit(part(frame, KNOWN))
    assert values(forecaster.predict()) == values(fitted.predict(data=frame))
    assert len(forecaster._model.conformal.conformal.errors) > len(fitted._model.conformal.conformal.errors)
