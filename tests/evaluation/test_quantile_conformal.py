"""Learned quantiles that held-out errors correct: coverage, order, other probabilities, draws, saving."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.intervals import SplitConformal
from forecasting.evaluation.quantile_conformal import QuantileConformal, levels_of

SHARES = (0.05, 0.2, 0.5, 0.8, 0.95)
STEPS = 3


def made(rows: int, seed: int = 0, wrong: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Skewed errors whose size differs from row to row, and quantiles of them, all ``wrong`` times too wide."""
    rng = np.random.default_rng(seed)
    size = rng.lognormal(sigma=0.8, size=(rows, 1)) * np.arange(1, STEPS + 1)
    noise = rng.normal(size=(rows, STEPS))
    errors = size * np.where(noise > 0, 3 * noise, noise)
    unit = norm.ppf(SHARES)
    spread = size[:, None] * np.where(unit > 0, 3 * unit, unit)[:, None] * wrong
    spread[:, 2] = 0.0
    return errors, spread, np.ones(rows)


def fitted(rows: int = 4000, **options: float) -> QuantileConformal:
    return QuantileConformal.fit(SHARES, *made(rows, **options), independent=rows)


def test_levels_are_those_of_the_pairs_around_the_median() -> None:
    assert levels_of(SHARES) == (60.0, 90.0)
    assert levels_of((0.1, 0.5, 0.9)) == (80.0,)
    assert [fitted(50).has(level) for level in (0, 60, 90, 90 + 1e-12, 80, 95)] == [True] * 4 + [False] * 2


def test_the_correction_is_the_conformal_quantile_of_errors_in_units_of_the_pair() -> None:
    """Nine errors from -4 to 4 around quantiles at -1 and 2: 80 % is the eighth of 0, 1, 2, 3, 4 and 0.5, 1, 1.5, 2."""
    errors = np.arange(-4.0, 5.0)[:, None]
    spread = np.tile(np.array([-1.0, 0.0, 2.0])[:, None], (9, 1, 1))
    conformal = QuantileConformal.fit((0.1, 0.5, 0.9), errors, spread, np.ones(9), 9)

    low, high = conformal.ends(80, 1, spread[:1], np.ones(1))

    assert (low[0, 0], high[0, 0]) == (-3.0, 6.0)


@pytest.mark.parametrize("wrong", [0.2, 1.0, 5.0])
def test_quantiles_that_are_too_narrow_or_too_wide_are_corrected_to_their_coverage_at_every_step(wrong: float) -> None:
    conformal = fitted(wrong=wrong)
    errors, spread, movement = made(4000, seed=1, wrong=wrong)

    for level in (60, 90):
        low, high = conformal.ends(level, STEPS, spread, movement)
        assert 100 * ((low <= errors) & (errors <= high)).mean(axis=0) == pytest.approx(level, abs=2)


def test_they_cover_small_and_large_errors_alike_where_one_width_for_all_does_not() -> None:
    conformal, plain = fitted(), SplitConformal.fit(made(4000)[0])
    errors, spread, movement = made(4000, seed=1)
    large = spread[:, -1, 0] > np.quantile(spread[:, -1, 0], 0.9)

    low, high = conformal.ends(90, STEPS, spread, movement)

    assert 100 * ((low <= errors) & (errors <= high))[large].mean() == pytest.approx(90, abs=2.5)
    assert 100 * (np.abs(errors) <= plain.half_width(90, STEPS))[large].mean() < 75


@pytest.mark.parametrize("n_scores", [19, 40])
def test_with_few_errors_the_coverage_is_not_below_the_level(n_scores: int) -> None:
    covered = []
    for seed in range(300):
        errors, spread, movement = made(n_scores + 20, seed, wrong=0.5)
        conformal = QuantileConformal.fit(SHARES, errors[20:], spread[20:], movement[20:], n_scores)
        low, high = conformal.ends(90, STEPS, spread[:20], movement[:20])
        covered.append(((low <= errors[:20]) & (errors[:20] <= high)).mean())
    assert 89 < 100 * np.mean(covered) < 90 + 100 / (n_scores + 1) + 1


def test_between_learned_quantiles_those_of_a_normal_distribution_are_found_exactly() -> None:
    errors = np.random.default_rng(0).normal(size=(200_000, 1))
    spread = np.tile(norm.ppf(SHARES)[:, None], (len(errors), 1, 1))
    spread[:, 2] = 0.0
    conformal = QuantileConformal.fit(SHARES, errors, spread, np.ones(len(errors)), len(errors))

    for level in (1, 10, 38, 75, 89.9):
        low, high = conformal.ends(level, 1, spread[:1], np.ones(1))
        assert high[0, 0] == pytest.approx(norm.ppf(0.5 + level / 200), abs=0.01)
        assert low[0, 0] == pytest.approx(-high[0, 0])


def test_beyond_the_outermost_quantiles_the_coverage_is_that_asked_for() -> None:
    conformal = fitted()
    errors, spread, movement = made(4000, seed=1)

    low, high = conformal.ends(99, STEPS, spread, movement)

    assert 100 * ((low <= errors) & (errors <= high)).mean() == pytest.approx(99, abs=0.6)


CASES = st.tuples(st.integers(10, 60), st.integers(0, 2**32 - 1), st.integers(1, 6))


@settings(max_examples=60)
@given(CASES, st.lists(st.floats(0.5, 90), min_size=2, max_size=8, unique=True), st.sampled_from([1, STEPS, 60]))
def test_ends_of_a_larger_level_are_never_within_those_of_a_smaller_one(case, levels, overlap) -> None:
    rows, seed, horizon = case
    rng = np.random.default_rng(seed)
    errors = rng.standard_cauchy(size=(rows, STEPS))
    errors[rng.random(errors.shape) < 0.1] = np.nan
    spread = np.cumsum(rng.exponential(size=(rows, 5, STEPS)), axis=1)
    spread = spread - spread[:, 2:3]
    movement = rng.exponential(size=rows)
    conformal = QuantileConformal.fit(SHARES, errors, spread, movement, max(1, rows / overlap))

    ends = [conformal.ends(level, horizon, spread, movement) for level in sorted([*levels, 60, 90])]

    lows, highs = (np.array([end[side] for end in ends]) for side in (0, 1))
    assert (np.diff(lows, axis=0) <= 0).all()
    assert (np.diff(highs, axis=0) >= 0).all()
    assert (lows <= 0).all()
    assert (highs >= 0).all()


def test_restless_times_are_wider_where_held_out_errors_were() -> None:
    rng = np.random.default_rng(0)
    movement = rng.lognormal(size=4000)
    errors = rng.normal(size=(4000, 1)) * movement[:, None]
    spread = np.tile(np.array([-1.0, 0.0, 1.0])[:, None], (4000, 1, 1))
    conformal = QuantileConformal.fit((0.1, 0.5, 0.9), errors, spread, movement, 4000)

    _, (calm, restless) = conformal.ends(80, 1, spread[:2], np.array([0.5, 2.0]))

    assert restless[0] / calm[0] == pytest.approx(4, rel=0.1)


def test_beyond_the_calibrated_horizon_the_last_pair_grows_like_a_random_walk() -> None:
    conformal = fitted()
    _, spread, movement = made(2, seed=1)

    low, high = conformal.ends(90, 12, spread, movement)

    for ends in (low, high):
        np.testing.assert_allclose(ends[:, 11], 2 * ends[:, 2])
    np.testing.assert_allclose(high[:, :3], conformal.ends(90, 3, spread, movement)[1])


@pytest.mark.parametrize(("horizon", "independent"), [(2, 300), (3, 300), (6, 300), (3, 2)])
def test_draws_are_distributed_as_the_ends_say(horizon: int, independent: int) -> None:
    conformal = QuantileConformal.fit(SHARES, *made(300), independent)
    _, spread, movement = made(3, seed=1)

    draws = conformal.draw(20_000, horizon, spread, movement, np.random.default_rng(0))

    assert draws.shape == (3, 20_000, horizon)
    for level in (30, 60, 75, 90, 97):
        low, high = conformal.ends(level, horizon, spread, movement)
        assert 100 * (draws < low[:, None]).mean(axis=1) == pytest.approx((100 - level) / 2, abs=1.2)
        assert 100 * (draws > high[:, None]).mean(axis=1) == pytest.approx((100 - level) / 2, abs=1.2)


def test_steps_of_a_draw_are_as_dependent_as_held_out_errors() -> None:
    walks = np.random.default_rng(0).normal(size=(400, 4)).cumsum(axis=1)
    unit = norm.ppf([0.1, 0.5, 0.9])
    spread = np.tile(unit[:, None] * np.sqrt(np.arange(1, 5)), (400, 1, 1))
    conformal = QuantileConformal.fit((0.1, 0.5, 0.9), walks, spread, np.ones(400), 400)

    draws = conformal.draw(4000, 4, spread[:1], np.ones(1), np.random.default_rng(1))[0]

    assert np.corrcoef(draws.T) == pytest.approx(np.corrcoef(walks.T), abs=0.08)


def test_further_errors_count_and_the_first_ones_go() -> None:
    conformal, (errors, spread, movement) = fitted(100), made(30, seed=1)

    longer = conformal.extended(10 * errors, spread, movement, most=90)

    assert all(pair.conformal.errors.shape == (90, STEPS) for pair in longer.pairs)
    assert (longer.ends(60, STEPS, spread, movement)[1] > conformal.ends(60, STEPS, spread, movement)[1]).all()
    for pair, before in zip(longer.pairs, conformal.pairs, strict=True):
        assert pair.conformal.errors[:60].tolist() == before.conformal.errors[40:].tolist()
        assert pair.power == before.power


def test_arrays_survive_a_file_without_pickle(tmp_path) -> None:
    conformal, (_, spread, movement) = fitted(60), made(4, seed=1)
    np.savez(tmp_path / "arrays.npz", **conformal.to_arrays())
    with np.load(tmp_path / "arrays.npz", allow_pickle=False) as stored:
        again = QuantileConformal.from_arrays(stored)

    for level in (60, 75, 90, 95):
        for found, expected in zip(
            again.ends(level, 5, spread, movement), conformal.ends(level, 5, spread, movement), strict=True
        ):
            assert found.tolist() == expected.tolist()


def test_too_few_errors_and_wrong_levels_are_refused() -> None:
    conformal, (_, spread, movement) = fitted(12), made(1, seed=1)
    with pytest.raises(DataError, match=r"99.9 % interval needs the errors of at least 999 held-out forecasts"):
        conformal.ends(99.9, STEPS, spread, movement)
    with pytest.raises(ParameterError, match="a level is a number of percent"):
        conformal.ends(100, STEPS, spread, movement)
