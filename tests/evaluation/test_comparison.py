"""Comparisons in figures worked out by hand, in words, and without pretending that series are independent."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.comparison import compare


def made(
    losses: Mapping[str, Mapping[str, Sequence[float]]], horizon: int = 1, step: int | None = None
) -> pd.DataFrame:
    """A backtest of actual values of zero: losses by series, model and window; all steps of a window alike."""
    rows = []
    for name, models in losses.items():
        for window, errors in enumerate(zip(*models.values(), strict=True)):
            cutoff = 10 + window * (step or horizon)
            for ahead in range(1, horizon + 1):
                row = {"unique_id": name, "cutoff": cutoff, "ds": cutoff + ahead, "y": 0.0}
                rows.append(row | dict(zip(models, errors, strict=True)))
    return pd.DataFrame(rows)


BETTER = {"a": {"M": [1.0, 2.0, 1.0, 2.0, 1.5], "N": [2.0, 3.0, 2.5, 2.5, 2.5]}}


def test_one_series_is_a_paired_t_test_and_the_improvement_that_of_the_mean_loss() -> None:
    found = compare(made(BETTER)).table.iloc[0]

    model, other = (np.array(BETTER["a"][name]) for name in ("M", "N"))
    assert found["improvement"] == pytest.approx(100 * (1 - model.mean() / other.mean()))
    test = stats.ttest_rel(other, model)
    assert (found["statistic"], found["p_value"]) == pytest.approx((test.statistic, test.pvalue))
    low, high = test.confidence_interval(0.95)
    assert (found["low"], found["high"]) == pytest.approx((100 * low / other.mean(), 100 * high / other.mean()))
    assert (found["better"], found["windows"], found["series"], found["steps"]) == ("M", 5, 1, 1)


def test_it_says_in_words_which_is_better_by_how_much_and_how_sure() -> None:
    assert str(compare(made(BETTER))) == (
        "M is better than N: its absolute error is 40.0 % smaller (95 % interval of the improvement 22.4 to 57.6 %, "
        "p = 0.003, 5 windows, 1 series)."
    )
    assert str(compare(made(BETTER), "N", "M")).startswith("N is worse than M: its absolute error is 66.7 % larger")


def test_a_difference_that_may_be_chance_is_not_given_to_either() -> None:
    found = compare(made({"a": {"M": [1.0, 2.0, 3.0, 1.0], "N": [2.0, 1.0, 1.0, 3.5]}}))

    assert found.table["better"].tolist() == [None]
    assert str(found).startswith("M and N cannot be told apart: for M, its absolute error is")


def test_models_that_are_the_same_are_no_different_and_models_without_error_too() -> None:
    for value in (1.0, 0.0):
        found = compare(made({"a": {"M": [value] * 3, "N": [value] * 3}})).table.iloc[0]
        assert (found["improvement"], found["p_value"], found["better"]) == (0, 1, None)


def test_the_unit_of_a_series_does_not_matter_and_every_series_counts_alike() -> None:
    losses = {"a": {"M": [1.0, 2.0, 3.0], "N": [2.0, 2.5, 3.0]}, "b": {"M": [5.0, 1.0, 2.0], "N": [3.0, 2.0, 2.0]}}
    million = {**losses, "b": {name: [1e6 * one for one in each] for name, each in losses["b"].items()}}

    pd.testing.assert_frame_equal(compare(made(losses)).table, compare(made(million)).table)


def test_with_a_scale_losses_are_divided_by_it() -> None:
    losses = {"a": {"M": [1.0, 2.0, 3.0], "N": [2.0, 2.5, 3.0]}, "b": {"M": [5.0, 1.0, 2.0], "N": [3.0, 2.0, 2.0]}}
    scale = pd.Series({"a": 1.0, "b": 2.0})

    found = compare(made(losses), scale=scale).table.iloc[0]

    model = np.mean([[1, 2, 3], [2.5, 0.5, 1]], axis=0)
    other = np.mean([[2, 2.5, 3], [1.5, 1, 1]], axis=0)
    assert found["statistic"] == pytest.approx(stats.ttest_rel(other, model).statistic)
    squared = compare(made(losses), scale=scale, loss="MSE").table.iloc[0]
    assert squared["improvement"] == pytest.approx(100 * (1 - (14 + 30 / 4) / (4 + 6.25 + 9 + 17 / 4)))


def test_a_series_without_a_scale_is_left_out_and_said() -> None:
    losses = {"a": BETTER["a"], "flat": BETTER["a"]}
    found = compare(made(losses), scale=pd.Series({"a": 1.0, "flat": np.nan}))

    assert found.table["series"].tolist() == [1]
    assert str(found).endswith("1 series without a loss or a scale are left out.")


def test_series_that_move_together_are_not_taken_for_independent() -> None:
    rng = np.random.default_rng(0)
    called, pretending = [], []
    for _ in range(12):
        common = rng.normal(size=20)  # one shock per window, shared by all series; no model is better
        losses = {f"s{i}": {"M": (10 + common + rng.normal(0, 0.1, 20)).tolist(), "N": [10.0] * 20} for i in range(40)}
        called.append(compare(made(losses)).table["p_value"].iloc[0] < 0.05)
        flat = np.concatenate([np.array(each["M"]) - 10 for each in losses.values()])
        pretending.append(stats.ttest_1samp(flat, 0).pvalue < 0.05)
    assert np.mean(called) <= 1 / 6
    assert np.mean(pretending) > 0.5


@pytest.mark.parametrize(("horizon", "step", "steps"), [(3, 3, 1), (3, 1, 3), (3, 2, 2), (2, 5, 1)])
def test_windows_that_overlap_are_known_to_depend_on_each_other(horizon: int, step: int, steps: int) -> None:
    rng = np.random.default_rng(1)
    losses = {"a": {"M": rng.random(12).tolist(), "N": rng.random(12).tolist()}}

    assert compare(made(losses, horizon, step)).table["steps"].tolist() == [steps]


def test_several_models_are_tested_with_p_values_of_holm() -> None:
    rng = np.random.default_rng(2)
    frame = made({"a": {name: rng.random(10).tolist() for name in ("M", "N", "O", "P")}})

    together = compare(frame).table.set_index("against")["p_value"]
    alone = pd.Series({name: compare(frame, "M", name).table["p_value"].iloc[0] for name in ("N", "O", "P")})

    expected = multipletests(alone.to_numpy(), method="holm")[1]
    assert together[alone.index].tolist() == pytest.approx(expected.tolist())
    assert len(set(expected)) > 1


def test_intervals_are_compared_by_winkler_score_and_crps() -> None:
    frame = made({"a": {"M": [0.0] * 4, "N": [0.0] * 4}})
    width = np.array([1.0, 2.0, 1.0, 2.0])
    for name, ends in (("M", width), ("N", 2 * width)):
        frame[f"{name}-lo-80"], frame[f"{name}-hi-80"] = -ends, ends

    winkler, crps = (compare(frame, loss=loss).table.iloc[0] for loss in ("winkler-80", "CRPS"))

    assert (winkler["improvement"], crps["improvement"]) == pytest.approx((50, 50))
    assert "its winkler-80 is 50.0 % smaller" in str(compare(frame, loss="winkler-80"))


def test_missing_actual_values_are_left_out() -> None:
    frame = made({"a": {"M": [1.0, 2.0, 1.0, 2.0], "N": [2.0, 3.0, 2.5, 2.5]}}, horizon=2)
    holed = frame.copy()
    holed.loc[[1, 4, 5], "y"] = np.nan

    assert compare(holed).table["windows"].tolist() == [3]


def test_series_with_cutoffs_of_their_own_are_paired_by_number_and_that_is_said() -> None:
    frame = made({"a": BETTER["a"], "b": BETTER["a"]})
    moved = frame.copy()
    moved.loc[moved["unique_id"] == "b", ["cutoff", "ds"]] += 100

    pd.testing.assert_frame_equal(compare(frame).table, compare(moved).table)
    assert "different cutoffs" in str(compare(moved))
    assert "different cutoffs" not in str(compare(frame))


def test_what_cannot_be_compared_is_refused() -> None:
    frame = made(BETTER)
    for given, text in [
        ({"model": "X"}, "parameter model: no model is named 'X'"),
        ({"against": ["X"]}, "parameter against: no model is named 'X'"),
        ({"model": "M", "against": "M"}, "not with itself"),
        ({"loss": "MAPE"}, "there is no loss 'MAPE'. Use one of MAE, MSE, CRPS"),
        ({"level": 100}, "level"),
    ]:
        with pytest.raises(ParameterError, match=text):
            compare(frame, **given)
    with pytest.raises(ParameterError, match="not with itself"):
        compare(frame[["unique_id", "cutoff", "ds", "y", "M"]])
    with pytest.raises(DataError, match="two values or more"):
        compare(frame[frame["cutoff"] == 10])
    with pytest.raises(DataError, match="no series has a loss and a scale"):
        compare(frame, scale=pd.Series({"other": 1.0}))
    half = frame.assign(**{"M-lo-80": -1.0, "M-hi-80": 1.0})
    with pytest.raises(DataError, match="column N-lo-80"):
        compare(half, loss="CRPS")
