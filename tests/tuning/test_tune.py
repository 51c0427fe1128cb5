"""What a tuning chooses, what it sees, when it stops, and how it goes on."""

import logging

import numpy as np
import pandas as pd
import pytest
from optuna.distributions import FloatDistribution, IntDistribution

from forecasting import tune
from forecasting.errors import DataError, ParameterError, StorageError
from tests.tuning.made import HORIZON, Diary, Line, lines

SLOPES = {"slope": [0.0, 1.0, 2.0, 3.0]}


def quiet(*arguments, **options):
    return tune(*arguments, **{"random_state": 0, "verbose": 0, **options})


def pooled(tuning, metric="MASE"):
    rows = tuning.scores[tuning.scores["unique_id"] == "(all)"]
    return dict(zip(rows["model"], rows[metric], strict=True))


def test_the_best_parameter_is_found_and_judged_beside_the_default_and_the_seasonal_naive() -> None:
    estimator = Line()

    found = quiet(estimator, lines(), space=SLOPES, n_trials=8)

    assert found.best_params == {"slope": 2.0}
    assert found.estimator.get_params() == Line(slope=2.0).get_params()
    assert not hasattr(found.estimator, "fitted_")
    assert estimator.get_params() == Line().get_params()
    assert not hasattr(estimator, "fitted_")
    scores = pooled(found)
    assert list(scores) == ["Tuned", "Default", "SeasonalNaive"]
    assert scores["Tuned"] < 0.2 < scores["Default"]
    assert scores["Default"] == pytest.approx(scores["SeasonalNaive"])  # both repeat the last value
    assert found.test.table["against"].tolist() == ["Default", "SeasonalNaive"]
    assert found.windows.groupby("unique_id")["cutoff"].nunique().tolist() == [4, 4]
    said = str(found)
    assert said.startswith(f"Of 8 trials, number {found.best_trial} is taken, better than the default")
    assert "slope=2.0." in said
    assert "On windows that the search has not seen: Tuned is better than Default" in said


def test_the_table_of_trials_begins_with_the_default_and_has_the_score_of_each() -> None:
    trials = quiet(Line(slope=1.0), lines(noise=0.0), space=SLOPES, n_trials=6).trials

    assert list(trials) == ["trial", "state", "score", "windows", "seconds", "error", "slope"]
    assert trials["trial"].tolist() == list(range(6))
    assert trials["slope"].iloc[0] == 1.0
    # MASE of a line that misses the slope by d: mean of 1 d, 2 d, 3 d, 4 d over the difference of 2 a day
    np.testing.assert_allclose(trials["score"], (trials["slope"] - 2).abs() * 2.5 / 2, atol=1e-12)
    assert (trials["windows"] == 4).all()
    assert (trials["state"] == "complete").all()


def test_the_default_is_kept_where_nothing_beats_it_and_is_tested_once() -> None:
    found = quiet(Line(slope=2.0), lines(), space=SLOPES, n_trials=6)

    assert found.best_params == {}
    assert found.best_trial == 0
    assert found.search is None
    assert list(found.windows) == ["unique_id", "cutoff", "ds", "y", "Default", "SeasonalNaive"]
    assert str(found).startswith("The default is kept: none of 5 other trials is clearly better.")


@pytest.mark.parametrize(("wobble", "taken"), [(0.85, False), (0.01, True)])
def test_a_better_score_is_taken_only_beyond_a_standard_error(wobble: float, taken: bool) -> None:
    """The other trial has errors of 0.95 + wobble and 0.95 - wobble in turn, where the default has 1."""
    estimator = Line(slope=2.0, bias=1.0, wobble=0.0)
    space = {"bias": [0.95], "wobble": [wobble]}

    found = quiet(estimator, lines(noise=0.0), space=space, n_trials=2)

    assert found.trials["score"].tolist() == pytest.approx([0.5, 0.475])
    assert found.best_trial == (1 if taken else 0)
    assert found.search is not None
    assert found.search.table["improvement"].iloc[0] == pytest.approx(5, abs=0.2)


@pytest.mark.parametrize("refit", [False, True])
def test_absurd_values_in_the_test_windows_move_no_trial_and_no_choice(refit: bool) -> None:
    data = lines()
    absurd = data.copy()
    late = absurd.groupby("unique_id").cumcount(ascending=False) < 3 * HORIZON
    absurd.loc[late.to_numpy(), "y"] = -1e9
    options = {"space": SLOPES, "n_trials": 4, "n_windows": 2, "n_test_windows": 3, "refit": refit}

    honest, poisoned = (quiet(Line(), one, **options) for one in (data, absurd))

    pd.testing.assert_frame_equal(honest.trials.drop(columns="seconds"), poisoned.trials.drop(columns="seconds"))
    assert poisoned.best_params == honest.best_params == {"slope": honest.trials["slope"][honest.best_trial]}
    assert poisoned.search.table.equals(honest.search.table)
    assert pooled(poisoned)["Tuned"] > 1e6


def test_no_fit_sees_the_windows_that_it_is_judged_on() -> None:
    quiet(Line(), lines(), space={"slope": [2.0]}, n_trials=2, n_windows=2, n_test_windows=3, refit=True)

    assert [int(panel.lengths[0]) for panel in Line.fitted_on] == [40, 44] * 2 + [48, 52, 56] * 2


def test_parameters_drawn_from_distributions_stay_within_them_and_may_leave_out_the_default() -> None:
    space = {"slope": FloatDistribution(1.5, 2.5), "season_length": IntDistribution(1, 3)}

    trials = quiet(Line(slope=9.0), lines(), space=space, n_trials=9, season_length=1).trials

    assert trials["slope"].iloc[0] == 9.0
    drawn = trials.iloc[1:]
    assert drawn["slope"].between(1.5, 2.5).all()
    assert drawn["slope"].nunique() == 8
    assert set(drawn["season_length"]) <= {1, 2, 3}


@pytest.mark.parametrize(("interrupt_at", "within", "n_trials", "refit"), [(1, True, 2, True), (11, False, 12, False)])
def test_an_interrupted_tuning_goes_on_as_if_it_had_not_been(
    tmp_path, interrupt_at: int, within: bool, n_trials: int, refit: bool
) -> None:
    options = {"space": {"slope": FloatDistribution(0, 4)}, "n_trials": n_trials, "n_windows": 2, "refit": refit}
    whole = quiet(Line(), lines(), **options)
    fits = len(Line.fitted_on)
    Line.fitted_on.clear()
    stopped = Diary(interrupt_at, within=within)

    with pytest.raises(KeyboardInterrupt):
        quiet(Line(), lines(), folder=tmp_path, callbacks=[stopped], **options)
    resumed = Diary()
    found = quiet(Line(), lines(), folder=tmp_path, callbacks=[resumed], **options)

    assert stopped.told[-2][2]["state"] == "interrupted"
    assert stopped.told[-1] == ("end", None)
    assert resumed.told[0][1]["trials_before"] == interrupt_at
    assert len(found.trials) == n_trials
    pd.testing.assert_frame_equal(found.trials.drop(columns="seconds"), whole.trials.drop(columns="seconds"))
    assert found.best_params == whole.best_params
    assert len(Line.fitted_on) == fits  # nothing was fitted twice


def test_a_finished_study_is_read_and_more_trials_are_added_to_it(tmp_path) -> None:
    options = {"space": {"slope": FloatDistribution(0, 4)}, "folder": tmp_path}
    short = quiet(Line(), lines(), n_trials=2, **options)
    Line.fitted_on.clear()

    again = quiet(Line(), lines(), n_trials=2, **options)
    assert Line.fitted_on == []
    pd.testing.assert_frame_equal(again.trials, short.trials)
    assert again.best_params == short.best_params
    longer = quiet(Line(), lines(), n_trials=4, **options)
    assert longer.trials["slope"].tolist()[:2] == short.trials["slope"].tolist()
    assert len(longer.trials) == 4


def test_a_study_of_other_data_or_of_another_estimator_is_another_one(tmp_path) -> None:
    quiet(Line(), lines(), space=SLOPES, n_trials=1, folder=tmp_path)

    for estimator, data in ((Line(bias=0.5), lines()), (Line(), lines(noise=0.2))):
        diary = Diary()
        quiet(estimator, data, space=SLOPES, n_trials=1, folder=tmp_path, callbacks=[diary])
        assert diary.told[0][1]["trials_before"] == 0


@pytest.mark.parametrize(("seconds", "trials"), [(30, 3), (1, 1)])
def test_no_trial_is_begun_after_the_time_is_up_but_the_default(monkeypatch, seconds: float, trials: int) -> None:
    now = [1000.0]

    def ten_seconds() -> None:
        now[0] += 10

    monkeypatch.setattr("forecasting.tuning.search.monotonic", lambda: now[0])
    monkeypatch.setattr(Line, "at_fit", staticmethod(ten_seconds))

    found = quiet(Line(), lines(), space=SLOPES, n_trials=None, seconds=seconds)

    assert found.trials["seconds"].tolist() == [10.0] * trials


def test_a_trial_that_raises_is_recorded_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = quiet(Line(), lines(), space={"slope": ["bad", "broken", 2.0]}, n_trials=8)

    trials = found.trials
    errors = dict(zip(trials["slope"], trials["error"], strict=True))
    assert errors["bad"] == "ParameterError: parameter slope: it must be a number."[:-1]
    assert errors["broken"] == "KeyError: 'an oversight'"
    failed = trials["error"].notna()
    assert (trials["state"] == np.where(failed, "failed", "complete")).all()
    assert trials.loc[failed, "score"].isna().all()
    assert found.best_params == {"slope": 2.0}
    assert len([record for record in caplog.records if "failed" in record.message]) == failed.sum()


def test_values_of_different_kinds_stay_what_they_are_in_the_table() -> None:
    trials = quiet(
        Line(), lines(), space={"season_length": [None, 7], "slope": [2]}, n_trials=6, season_length=1
    ).trials

    assert trials["season_length"].tolist()[0] == 1
    assert set(trials["season_length"].tolist()[1:]) == {None, 7}
    assert trials["slope"].tolist()[1:] == [2] * 5


def test_an_error_of_the_default_ends_the_tuning_and_leaves_no_trial(tmp_path) -> None:
    diary = Diary()
    with pytest.raises(ParameterError, match="slope: it must be a number"):
        quiet(Line(slope="bad"), lines(), space=SLOPES, folder=tmp_path, callbacks=[diary])

    assert diary.told[-2][2]["state"] == "failed"
    assert diary.told[-1] == ("end", None)


def test_trials_worse_than_the_median_are_stopped_early_where_every_window_has_its_fit() -> None:
    options = {"space": {"slope": FloatDistribution(-20, 20)}, "n_trials": 8}
    found = quiet(Line(), lines(), refit=True, n_windows=3, **options)

    pruned = found.trials[found.trials["state"] == "pruned"]
    assert len(pruned) > 0
    assert (pruned["windows"] == 2).all()
    assert (pruned["trial"] >= 4).all()
    assert (pruned["score"] > found.trials.loc[found.best_trial, "score"]).all()
    assert found.trials.loc[found.best_trial, "state"] == "complete"
    assert len(Line.fitted_on) == found.trials["windows"].sum() + 2 * 4


def test_callbacks_are_told_everything_in_order() -> None:
    diary = Diary()

    found = quiet(
        Line(), lines(noise=0), space={"slope": [2.0]}, n_trials=2, n_windows=2, refit=True, callbacks=[diary]
    )

    assert diary.told[0] == (
        "begin",
        {
            "trials": 2,
            "trials_before": 0,
            "space": {"slope": "[2.0]"},
            "metric": "MASE",
            "horizon": 4,
            "n_windows": 2,
            "n_test_windows": 4,
            "cutoff": "2025-02-13 00:00:00",
        },
    )
    told = [entry for entry in diary.told if entry[0] != "done"]
    assert told[1:] == [
        ("trial", 0, {}),
        ("score", 0, 1, 2.5),
        ("score", 0, 2, 2.5),
        ("trial", 1, {"slope": 2.0}),
        ("score", 1, 1, 0.0),
        ("score", 1, 2, 0.0),
        ("end", found),
    ]
    done = [entry[2] for entry in diary.told if entry[0] == "done"]
    assert [(one["state"], one["score"], one["error"]) for one in done] == [
        ("complete", 2.5, None),
        ("complete", 0.0, None),
    ]


def test_an_error_of_a_callback_is_no_failed_trial() -> None:
    class Broken(Diary):
        def on_score(self, trial, windows, score):
            if trial == 1:
                raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        quiet(Line(), lines(), space=SLOPES, callbacks=[Broken()])


def test_the_progress_line_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    tune(Line(), lines(noise=0), space={"slope": ["bad", 2.0]}, n_trials=6, random_state=0)

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "6 trials, best 0.0000" in captured.err


def test_the_crps_needs_levels_and_is_then_what_is_minimised() -> None:
    with pytest.raises(ParameterError, match="parameter metric: CRPS needs intervals"):
        quiet(Line(), lines(), space=SLOPES, metric="CRPS")

    found = quiet(Line(levels=[80]), lines(), space={"slope": [2.0]}, metric="CRPS", n_trials=2)
    assert found.best_params == {"slope": 2.0}
    assert found.test.loss == "CRPS"


def test_a_metric_that_is_not_a_number_is_refused() -> None:
    data = lines(noise=0)
    data["y"] = np.where(data.groupby("unique_id").cumcount() < 34, 1.0, np.arange(len(data)))

    with pytest.raises(DataError, match="the MASE of the search windows is nan"):
        quiet(Line(), data, space=SLOPES, n_windows=3, n_test_windows=4, season_length=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_windows": 1}, "n_windows must be a whole number, at least 2, not 1"),
        ({"n_test_windows": 0}, "n_test_windows must be a whole number, at least 2, not 0"),
        ({"horizon": 0}, "horizon must be a whole number, at least 1, not 0"),
        ({"refit": 0.5}, "refit must be True, False or a whole number, at least 1, not 0.5"),
        ({"n_trials": 0}, "n_trials must be a whole number, at least 1, or None, not 0"),
        ({"n_trials": None}, "parameter n_trials: a limit is needed. Give n_trials, seconds or both"),
        ({"seconds": -1}, "seconds must be a finite number above 0, or None, not -1"),
        ({"metric": "MAPE"}, "metric must be one of 'MASE', 'RMSSE', 'CRPS', not 'MAPE'"),
        ({"season_length": 0}, "season_length must be a whole number, at least 1, or None, not 0"),
        ({"random_state": "x"}, "random_state must be a whole number"),
        ({"space": None}, "parameter space: there is no usual one for Line. State it"),
        ({"space": {}}, "parameter space: it must map parameters to their values, not {}"),
        ({"space": ["slope"]}, "parameter space: it must map parameters to their values"),
        ({"space": {"hill": [1]}}, "parameter space: 'hill' cannot be tuned. Line has bias, levels, season_length"),
        ({"space": {"horizon": [1]}}, "parameter space: 'horizon' cannot be tuned"),
        ({"space": {"slope": []}}, "parameter space: slope needs a list of numbers"),
        ({"space": {"slope": 2.0}}, "parameter space: slope needs a list of numbers"),
        ({"space": {"levels": [(80,)]}}, "parameter space: levels needs a list of numbers"),
    ],
)
def test_bad_input_is_refused_by_name(options, message: str) -> None:
    with pytest.raises(ParameterError) as refused:
        quiet(Line(), lines(), **{"space": SLOPES, **options})

    assert message in str(refused.value)
    assert Line.fitted_on == []


def test_what_is_no_estimator_is_refused() -> None:
    for one in (Line, "naive"):
        with pytest.raises(ParameterError, match="parameter estimator: it must have fit, predict, get_params"):
            quiet(one, lines(), HORIZON, space=SLOPES)


def test_series_too_short_for_both_kinds_of_windows_are_named() -> None:
    with pytest.raises(DataError, match=r"series a \(20\), b \(20\): too short .* needs 34 steps \(32 in the windows"):
        quiet(Line(), lines(20), space=SLOPES)


def test_a_damaged_study_is_a_storage_error(tmp_path) -> None:
    (tmp_path / "study.db").write_bytes(b"not a database" * 100)

    with pytest.raises(StorageError, match=r"study.db: the study cannot be opened"):
        quiet(Line(), lines(), space=SLOPES, folder=tmp_path)


def test_a_random_state_object_draws_as_many_numbers_as_a_seed() -> None:
    first, second = (
        quiet(Line(), lines(), space={"slope": FloatDistribution(0, 4)}, n_trials=2, random_state=seed).trials["slope"]
        for seed in (np.random.RandomState(3), np.random.RandomState(3))
    )
    assert first.tolist() == second.tolist()


class Covered(Line):
    """A line that names a covariate, and does nothing with it."""

    def __init__(self, slope=0.0, past_covariates=None, horizon=HORIZON, season_length=1, levels=(), verbose=1):
        super().__init__(slope, levels=levels, season_length=season_length, horizon=horizon, verbose=verbose)
        self.past_covariates = past_covariates


def test_covariates_that_the_estimator_names_reach_every_fit() -> None:
    frame = lines()
    frame = frame.assign(heat=np.arange(len(frame), dtype=float), other=1.0)
    Line.fitted_on.clear()

    quiet(Covered(past_covariates=["heat"]), frame, space=SLOPES, n_trials=2)

    assert len(Line.fitted_on) >= 2
    assert {tuple(panel.covariates) for panel in Line.fitted_on} == {("heat",)}
