"""Intervals that follow the latest movement: the power that is found, coverage in calm and restless times, saving."""

import numpy as np
import pytest

from forecasting.evaluation.intervals import SplitConformal
from forecasting.evaluation.local import LocalConformal


def made(power: float, rows: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Errors of three steps whose size is ``movement ** power``, and the movement."""
    rng = np.random.default_rng(seed)
    movement = rng.lognormal(sigma=0.7, size=rows)
    return rng.normal(size=(rows, 3)) * (movement**power)[:, None], movement


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_the_power_with_which_errors_were_made_is_found(power: float) -> None:
    assert LocalConformal.fit(*made(power), independent=1e9).power == pytest.approx(power, abs=0.04)


def test_the_power_is_drawn_towards_zero_where_independent_windows_are_few() -> None:
    errors, movement = made(0.8)
    free = LocalConformal.fit(errors, movement, independent=1e12).power

    assert LocalConformal.fit(errors, movement, independent=30).power == pytest.approx(free / 2)
    assert LocalConformal.fit(errors, movement, independent=1).power == pytest.approx(free / 31)


def test_restless_and_calm_times_are_covered_alike_where_plain_intervals_cover_one_of_them() -> None:
    local = LocalConformal.fit(*made(1.0), independent=4000)
    plain = SplitConformal.fit(made(1.0)[0])
    errors, movement = made(1.0, seed=1)

    covered = np.abs(errors) <= local.half_width(80, 3, movement)
    restless = movement > np.quantile(movement, 0.9)

    assert 100 * covered.mean() == pytest.approx(80, abs=1.5)
    assert 100 * covered[restless].mean() == pytest.approx(80, abs=3)
    assert 100 * (np.abs(errors) <= plain.half_width(80, 3))[restless].mean() < 55


def test_movements_never_seen_count_as_the_nearest_that_was() -> None:
    errors, movement = made(1.0, rows=50)
    local = LocalConformal.fit(errors, movement, independent=50)
    ends = local.half_width(80, 2, np.array([movement.min(), movement.max()]))

    np.testing.assert_array_equal(local.half_width(80, 2, np.array([0.0, 1e9])), ends)


def test_without_any_movement_widths_are_those_of_split_conformal() -> None:
    errors = made(0.0, rows=30)[0]
    local = LocalConformal.fit(errors, np.zeros(30), independent=30)

    assert local.power == 0
    expected = SplitConformal.fit(errors).half_width(80, 4)
    np.testing.assert_array_equal(local.half_width(80, 4, np.array([0.0, 3.0])), [expected, expected])


@pytest.mark.parametrize(
    ("independent", "level", "expected"), [(2.0, 80, 1.2378), (2.0, 95, 1.5303), (20.0, 95, 1), (2.0, 98, 1.9007)]
)
def test_widths_allow_for_what_overlapping_forecasts_have_in_common(independent, level, expected) -> None:
    """Student's t by the table: 1.6377, 3.1824 and 4.5407 with 3 degrees of freedom, 1.3232 and 2.0796 with 21.

    At 98 % 20 forecasts are too few, and the 60 errors of their three steps count: 2.3890 with 61 degrees of freedom.
    """
    errors = made(0.0, rows=20)[0]
    local = LocalConformal.fit(errors, np.zeros(20), independent=independent)

    widening = local.half_width(level, 3, np.zeros(1))[0] / SplitConformal.fit(errors).half_width(level, 3)

    np.testing.assert_allclose(widening, expected, rtol=1e-3)


def test_of_one_short_series_intervals_cover_what_they_say_where_overlaps_taken_for_independent_do_not() -> None:
    """The last value of a random walk is forecast, 1 to 6 steps ahead; all cutoffs in 12 steps calibrate."""
    rng, horizon, covered, plain = np.random.default_rng(0), 6, [], []
    for _ in range(1000):
        steps = rng.normal(size=12 + horizon)
        errors = np.array([steps[cut : cut + horizon].cumsum() for cut in range(12 - horizon + 1)])
        actual = np.abs(steps[12:].cumsum())
        local = LocalConformal.fit(errors, np.zeros(len(errors)), independent=12 / horizon)
        covered.append(actual <= local.half_width(95, horizon, np.zeros(1))[0])
        plain.append(actual <= SplitConformal.fit(errors).half_width(95, horizon))

    assert 100 * np.mean(covered) == pytest.approx(95, abs=3)
    assert 100 * np.mean(plain) < 91


def test_missing_errors_do_not_count() -> None:
    errors, movement = made(0.7)
    with_holes = np.vstack([errors, np.full((500, 3), np.nan)])
    with_holes[:, 2] = np.nan
    longer = np.concatenate([movement, np.full(500, movement.max())])

    expected = LocalConformal.fit(errors[:, :2], movement, independent=100).power
    assert LocalConformal.fit(with_holes, longer, independent=100).power == pytest.approx(expected)


def test_movements_of_forecasts_without_any_error_are_not_among_those_seen() -> None:
    errors, movement = made(0.8)
    errors, movement = np.concatenate([errors, np.full((2, 3), np.nan)]), np.append(movement, [1e-6, 1e6])
    local = LocalConformal.fit(errors, movement, independent=1e9)
    assert (local.lowest, local.highest) == (movement[:-2].min(), movement[:-2].max())


def test_draws_have_the_width_of_their_own_movement() -> None:
    errors, movement = made(1.0)
    local = LocalConformal.fit(errors, movement, independent=1e9)

    draws = local.draw(4000, 3, np.array([0.5, 2.0]), np.random.default_rng(0))

    assert draws.shape == (2, 4000, 3)
    inside = np.abs(draws) <= local.half_width(80, 3, np.array([0.5, 2.0]))[:, None]
    np.testing.assert_allclose(inside.mean(axis=1), 0.8, atol=0.03)


def test_further_forecasts_count_as_far_as_they_overlap_were_observed_and_are_kept() -> None:
    errors, movement = made(0.0, rows=20)
    local = LocalConformal.fit(errors, movement, independent=4)
    silent = np.full((9, 3), np.nan)
    silent[:3, 0] = 1.0

    assert local.extended(errors[:6], movement[:6], most=100).independent == 4 + 6 / 3
    assert local.extended(silent, movement[:9], most=100).independent == 4 + 3 / 3
    assert local.extended(errors[:6], movement[:6], most=16).independent == 4 / 2 + 6 / 3
    assert local.extended(errors[:6], movement[:6], most=6).independent == 6 / 3


@pytest.mark.parametrize("level", [50, 80, 95])
def test_draws_are_as_wide_as_the_intervals_where_few_forecasts_are_independent(level: int) -> None:
    errors = made(0.0, rows=60)[0]
    local = LocalConformal.fit(errors, np.ones(60), independent=2)

    draws = local.draw(20_000, 3, np.ones(1), np.random.default_rng(0))[0]

    inside = np.abs(draws) <= local.half_width(level, 3, np.ones(1))[0]
    np.testing.assert_allclose(inside.mean(axis=0), level / 100, atol=0.02)
    assert np.isfinite(draws).all()


def test_arrays_survive_a_file_without_pickle(tmp_path) -> None:
    local = LocalConformal.fit(*made(0.6, rows=60), independent=60)
    np.savez(tmp_path / "local.npz", **local.to_arrays())

    with np.load(tmp_path / "local.npz", allow_pickle=False) as arrays:
        again = LocalConformal.from_arrays(arrays)

    movement = np.array([0.1, 1.0, 7.0])
    np.testing.assert_array_equal(again.half_width(80, 5, movement), local.half_width(80, 5, movement))
