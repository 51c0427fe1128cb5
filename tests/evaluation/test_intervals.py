"""Split conformal half widths: ranks by hand, coverage by simulation, borrowing, nesting, saving; draws of rows."""

import math

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.intervals import SplitConformal

ERRORS = st.floats(0, 1e6, allow_subnormal=False) | st.just(math.nan)
TABLES = hnp.arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 6)), elements=ERRORS).filter(
    lambda table: bool(np.isfinite(table).any())
)


def test_half_width_is_the_error_of_rank_ceil_n_plus_one_times_level() -> None:
    errors = np.arange(1.0, 10.0)[::-1, None]  # 9 ... 1

    widths = [SplitConformal.fit(errors).half_width(level, 1)[0] for level in (10, 50, 80, 85, 90)]

    assert widths == [1.0, 5.0, 8.0, 9.0, 9.0]


@given(st.lists(st.floats(0, 1e9), min_size=19, max_size=80), st.sampled_from([5, 33.3, 50, 80, 90, 95]))
def test_half_width_equals_the_sorted_list_of_the_textbook(errors: list[float], level: float) -> None:
    rank = math.ceil(round((len(errors) + 1) * level / 100, 9))

    assert SplitConformal.fit(np.array(errors)[:, None]).half_width(level, 1)[0] == sorted(errors)[rank - 1]


def test_unobserved_errors_do_not_count() -> None:
    errors = np.array([[1.0, np.nan], [np.nan, 20.0], [3.0, 10.0], [2.0, 30.0], [4.0, 40.0]])

    np.testing.assert_array_equal(SplitConformal.fit(errors).half_width(80, 2), [4.0, 40.0])


def test_weights_move_the_quantile_and_a_weight_of_zero_leaves_out() -> None:
    errors = np.array([[1.0], [2.0], [3.0], [100.0]])

    assert SplitConformal.fit(errors).half_width(60, 1)[0] == 3.0
    assert SplitConformal.fit(errors, np.array([1, 1, 0.1, 1])).half_width(60, 1)[0] == 100.0  # 2.1 < 0.6 * 4.1
    assert SplitConformal.fit(errors, np.array([1, 1, 1, 0])).half_width(60, 1)[0] == 3.0
    assert SplitConformal.fit(errors, np.array([1, 1, 1, 0])).half_width(50, 1)[0] == 2.0


@pytest.mark.parametrize("level", [50, 80, 90, 95])
@pytest.mark.parametrize("spread", [np.ones(4), np.array([1.0, 2.0, 5.0, 9.0])], ids=["iid", "wider by step"])
def test_coverage_with_enough_errors_is_the_level_within_one_point(level: int, spread: np.ndarray) -> None:
    coverage = simulate(level, spread, n_scores=39)

    # The expectation is ceil(40 q) / 40, here exactly q; the simulation's standard error is about 0.25 points.
    np.testing.assert_allclose(coverage, level, atol=1.0)


@pytest.mark.parametrize(("n_scores", "level"), [(3, 80), (5, 90), (8, 95), (12, 95), (2, 80)])
@pytest.mark.parametrize("spread", [np.ones(12), np.sqrt(np.arange(1.0, 13.0))], ids=["iid", "random walk"])
def test_coverage_with_borrowed_errors_is_near_the_level_and_not_below(
    n_scores: int, level: int, spread: np.ndarray
) -> None:
    coverage = simulate(level, spread, n_scores=n_scores)

    assert coverage.mean() > level - 1.5
    assert coverage.mean() < level + 6.5
    assert coverage.min() > level - 6


def simulate(level: float, spread: np.ndarray, n_scores: int, repeats: int = 1500) -> np.ndarray:
    """Coverage in percent by step, over many calibrations with a hundred new errors each."""
    rng = np.random.default_rng(7)
    hits = np.zeros(len(spread))
    for _ in range(repeats):
        conformal = SplitConformal.fit(np.abs(rng.normal(size=(n_scores, len(spread))) * spread))
        fresh = np.abs(rng.normal(size=(100, len(spread))) * spread)
        hits += (fresh <= conformal.half_width(level, len(spread))).mean(axis=0)
    return 100 * hits / repeats


def test_a_step_with_too_few_errors_takes_the_pooled_shape_times_its_own_scale() -> None:
    shape = np.arange(1.0, 10.0)
    errors = np.column_stack([shape, 2 * shape])
    errors[[0, 1, 2, 6, 7, 8], 1] = np.nan  # step 2 has 8, 10, 12: its scale is twice that of step 1
    pooled = np.sort(np.concatenate([shape, [4.0, 5.0, 6.0]]))

    widths = SplitConformal.fit(errors).half_width(80, 2)

    np.testing.assert_allclose(widths, [8.0, 2 * pooled[math.ceil(13 * 0.8) - 1]], rtol=1e-5)


def test_a_step_that_borrows_is_not_narrower_than_its_own_largest_error() -> None:
    errors = np.full((12, 2), 1.0)
    errors[:, 1] = np.nan
    errors[0, 1] = 0.5
    errors[1, 1] = 30.0

    assert SplitConformal.fit(errors).half_width(70, 2)[1] == 30.0


def test_a_step_without_any_error_takes_the_growth_of_the_others() -> None:
    walk = np.sqrt(np.arange(1.0, 5.0))
    errors = np.tile(walk, (20, 1))
    errors[:, 2] = np.nan

    np.testing.assert_allclose(SplitConformal.fit(errors).half_width(90, 4), walk, rtol=1e-4)


def test_steps_that_are_not_asked_for_need_no_errors_for_the_level() -> None:
    errors = np.column_stack([np.arange(1.0, 5.0), np.full(4, np.nan)])

    assert SplitConformal.fit(errors).half_width(80, 1)[0] == 4.0


def test_errors_that_are_all_zero_give_zero_width_even_when_there_are_few() -> None:
    np.testing.assert_array_equal(SplitConformal.fit(np.zeros((4, 5))).half_width(95, 7), np.zeros(7))


def test_too_few_errors_even_when_pooled_names_level_count_and_remedy() -> None:
    with pytest.raises(DataError, match=r"95 % interval needs .* at least 19 .* only 6 .*lower level, at most 85 "):
        SplitConformal.fit(np.ones((2, 3))).half_width(95, 3)


def test_beyond_the_calibrated_horizon_the_width_grows_like_a_random_walk() -> None:
    errors = np.tile([1.0, 2.0], (9, 1))

    widths = SplitConformal.fit(errors).half_width(90, 8)

    np.testing.assert_allclose(widths, [1, 2, 2 * math.sqrt(1.5), 2 * math.sqrt(2), *(2 * np.sqrt([2.5, 3, 3.5, 4]))])


@given(TABLES, st.tuples(st.floats(1, 99), st.floats(1, 99)), st.integers(1, 9))
def test_a_larger_level_is_never_narrower(table: np.ndarray, levels: tuple[float, float], horizon: int) -> None:
    conformal = SplitConformal.fit(table)
    low, high = sorted(levels)
    try:
        outer = conformal.half_width(high, horizon)
    except DataError:
        return

    assert (conformal.half_width(low, horizon) <= outer).all()
    assert np.isfinite(outer).all()


@given(TABLES, st.sampled_from([2.0**-10, 2.0**7]), st.floats(5, 95))
def test_widths_follow_the_unit_of_the_errors(table: np.ndarray, factor: float, level: float) -> None:
    try:
        widths = SplitConformal.fit(table).half_width(level, 3)
    except DataError:
        return

    np.testing.assert_allclose(SplitConformal.fit(table * factor).half_width(level, 3), widths * factor, rtol=1e-9)


def test_arrays_survive_a_file_without_pickle(tmp_path) -> None:
    rng = np.random.default_rng(1)
    conformal = SplitConformal.fit(rng.random((30, 4)), rng.random(30))

    np.savez(tmp_path / "conformal.npz", **conformal.to_arrays())
    with np.load(tmp_path / "conformal.npz", allow_pickle=False) as arrays:
        again = SplitConformal.from_arrays(arrays)

    np.testing.assert_array_equal(again.half_width(80, 7), conformal.half_width(80, 7))


def test_later_changes_of_the_callers_array_change_nothing() -> None:
    errors = np.ones((9, 1))
    conformal = SplitConformal.fit(errors)
    errors[:] = 100

    assert conformal.half_width(80, 1)[0] == 1.0


@pytest.mark.parametrize("level", [0, 100, -5, 120, True, math.nan])
def test_a_level_outside_of_percent_is_refused(level: float) -> None:
    with pytest.raises(ParameterError, match="percent above 0 and below 100"):
        SplitConformal.fit(np.ones((9, 1))).half_width(level, 1)


@pytest.mark.parametrize(
    ("errors", "weights", "message"),
    [
        (np.ones(3), None, "shape"),
        (np.ones((3, 0)), None, "shape"),
        (np.full((3, 1), np.inf), None, "finite"),
        (np.ones((3, 1)), np.ones(2), "3 numbers"),
        (np.ones((3, 1)), np.array([1, 2, 1]), "between 0 and 1"),
        (np.ones((3, 1)), np.array([1, np.nan, 1]), "between 0 and 1"),
        (np.full((3, 1), np.nan), None, "none was observed"),
        (np.ones((0, 2)), None, "none was observed"),
        (np.ones((3, 1)), np.zeros(3), "none was observed"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(errors: np.ndarray, weights: np.ndarray | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SplitConformal.fit(errors, weights)


def test_a_horizon_below_one_is_refused() -> None:
    with pytest.raises(ParameterError, match="at least 1, not 0"):
        SplitConformal.fit(np.ones((9, 1))).half_width(80, 0)


def test_the_sign_of_errors_does_not_matter_to_intervals() -> None:
    errors = np.random.default_rng(3).normal(size=(40, 3))

    np.testing.assert_array_equal(
        SplitConformal.fit(errors).half_width(80, 5), SplitConformal.fit(np.abs(errors)).half_width(80, 5)
    )


def drawn(conformal: SplitConformal, n_draws: int, horizon: int, rng: np.random.Generator) -> np.ndarray:
    return conformal.errors_at(conformal.places(n_draws, horizon, rng))


def walks(rows: int, steps: int, seed: int = 5) -> np.ndarray:
    """Errors of forecasts of a random walk."""
    return np.random.default_rng(seed).normal(size=(rows, steps)).cumsum(axis=1)


@pytest.mark.parametrize("horizon", [3, 6, 14])
def test_draws_lie_within_each_interval_as_often_as_its_level_says_and_on_both_sides(horizon: int) -> None:
    conformal = SplitConformal.fit(walks(199, 6))

    draws = drawn(conformal, 20_000, horizon, np.random.default_rng(0))

    assert draws.shape == (20_000, horizon)
    for level in (10, 50, 80, 95):
        inside = (np.abs(draws) <= conformal.half_width(level, horizon)).mean(axis=0)
        np.testing.assert_allclose(100 * inside, level, atol=1.5)
    np.testing.assert_allclose((draws > 0).mean(axis=0), 0.5, atol=0.015)


def test_steps_of_a_draw_are_as_dependent_as_those_of_the_errors() -> None:
    rng = np.random.default_rng(8)
    common = rng.normal(size=(300, 1))
    errors = np.hstack([common + 0.5 * rng.normal(size=(300, 1)), -common, rng.normal(size=(300, 1))]) ** 3

    draws = drawn(SplitConformal.fit(errors), 20_000, 3, rng)

    expected = spearmanr(errors).statistic
    assert abs(expected[0, 1]) > 0.8
    np.testing.assert_allclose(spearmanr(draws).statistic, expected, atol=0.03)


def test_a_sum_over_steps_spreads_as_its_errors_do_where_independent_steps_do_not() -> None:
    errors = walks(200, 12)
    conformal = SplitConformal.fit(errors)

    draws = drawn(conformal, 20_000, 12, np.random.default_rng(1))
    apart = np.column_stack([np.random.default_rng(step).permutation(draws[:, step]) for step in range(12)])

    truth = np.sqrt((np.arange(1, 13) ** 2).sum())  # of the sum of the steps of a walk
    assert draws.sum(axis=1).std() == pytest.approx(truth, rel=0.1)
    assert apart.sum(axis=1).std() < 0.6 * truth


def test_a_missing_error_takes_its_place_from_those_beside_it() -> None:
    errors = walks(400, 5)
    holes = np.where(np.random.default_rng(2).random(errors.shape) < 0.2, np.nan, errors)
    holes[:, 3] = np.nan

    draws = drawn(SplitConformal.fit(holes), 10_000, 5, np.random.default_rng(0))

    assert np.isfinite(draws).all()
    expected = spearmanr(errors).statistic
    np.testing.assert_allclose(spearmanr(draws).statistic, expected, atol=0.15)


def test_beyond_the_calibrated_horizon_steps_depend_as_those_of_a_random_walk() -> None:
    draws = drawn(SplitConformal.fit(walks(400, 4)), 40_000, 16, np.random.default_rng(0))

    correlation = math.sqrt(4 / 16)  # of a walk's values after 4 and 16 steps
    expected = 6 / math.pi * math.asin(correlation / 2)  # the rank correlation of normal variables
    assert spearmanr(draws[:, 3], draws[:, 15]).statistic == pytest.approx(expected, abs=0.03)


def test_rows_without_weight_are_not_drawn() -> None:
    errors = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [-9.0, 9.0]])

    draws = drawn(SplitConformal.fit(errors, np.array([1, 1, 1, 0])), 500, 2, np.random.default_rng(0))

    assert np.abs(draws).max() == pytest.approx(3.0, rel=1e-4)
    assert spearmanr(draws).statistic > 0.85


@settings(max_examples=50)
@given(TABLES, st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_every_calibration_can_be_drawn_from_within_its_largest_errors(
    table: np.ndarray, horizon: int, seed: int
) -> None:
    conformal = SplitConformal.fit(table)

    draws = drawn(conformal, 20, horizon, np.random.default_rng(seed))

    assert draws.shape == (20, horizon)
    assert np.isfinite(draws).all()
    assert np.abs(draws).max() <= np.nanmax(table) * 9**2 * 3  # the steepest scale of a step, and its growth beyond
