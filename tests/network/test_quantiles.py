"""Quantiles of the network: the pinball loss, quantiles that cannot cross, and where they begin."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss

from forecasting.network.engine import engine
from forecasting.network.losses import member_losses
from forecasting.network.quantiles import LEAST_GAP, by_quantile, mean_pinball, rising, spread_bias
from forecasting.network.spec import NetworkSpec
from forecasting.network.training import HeldOut, PinballJudge
from tests.network.textbook import TEXTBOOK, pinball_loss, random_weights, random_windows

MEMBERS, BATCH, STEPS = 2, 9, 3
SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
SPEC = replace(TEXTBOOK, loss="pinball", quantiles=SHARES)


def batch(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Targets of two members, and five quantiles of each, in double precision."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(MEMBERS, BATCH, STEPS)), rng.normal(size=(MEMBERS, BATCH, len(SHARES) * STEPS))


def losses(*parts: np.ndarray, quantiles: tuple[float, ...] = SHARES) -> np.ndarray:
    return np.asarray(member_losses("pinball", *parts, quantiles=quantiles))


@pytest.mark.parametrize(
    ("share", "actual", "said", "expected"), [(0.9, 2, 0, 1.8), (0.9, 0, 2, 0.2), (0.5, 3, 1, 1.0), (0.25, 1, 1, 0.0)]
)
def test_too_low_costs_the_probability_and_too_high_the_rest(share, actual, said, expected):
    found = losses(np.full((1, 1, 1), actual, float), np.full((1, 1, 1), said, float), quantiles=(share,))
    assert found == pytest.approx([expected])


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
def test_the_loss_of_each_member_is_the_mean_of_scikit_learns_over_the_quantiles(weighted):
    target, output = batch()
    weight = np.random.default_rng(5).random((MEMBERS, BATCH)) if weighted else None
    expected = [
        np.mean(
            [
                mean_pinball_loss(
                    target[one],
                    output[one, :, number * STEPS : (number + 1) * STEPS],
                    alpha=share,
                    sample_weight=None if weight is None else weight[one],
                )
                for number, share in enumerate(SHARES)
            ]
        )
        for one in range(MEMBERS)
    ]
    np.testing.assert_allclose(losses(target, output, weight), expected, rtol=1e-6)
    if not weighted:
        found = [mean_pinball(target[one], by_quantile(output[one], len(SHARES)), SHARES) for one in range(MEMBERS)]
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        np.testing.assert_allclose([pinball_loss(SPEC, output[0], target[0])], expected[:1], rtol=1e-12)


def test_only_observed_targets_count():
    target, output = batch()
    target[0, 2, 1] = target[0, 5] = np.nan
    expected = [pinball_loss(SPEC, output[one], target[one]) for one in range(MEMBERS)]
    np.testing.assert_allclose(losses(target, output), expected, rtol=1e-6)
    assert mean_pinball(target[0], by_quantile(output[0], len(SHARES)), SHARES) == pytest.approx(expected[0])


def test_the_gradient_is_that_of_finite_differences_of_the_plain_loss():
    import tensorflow as tf

    target, output = batch()
    variable = tf.Variable(output)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(member_losses("pinball", target, variable, quantiles=SHARES))
    found = tape.gradient(total, variable).numpy()
    for place in [(0, 0, 0), (0, 3, 7), (1, 8, 14)]:
        ends = []
        for move in (1e-6, -1e-6):
            moved = output.copy()
            moved[place] += move
            ends.append(sum(pinball_loss(SPEC, moved[one], target[one]) for one in range(MEMBERS)))
        assert found[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7)
    # Of each quantile it is -p or 1 - p over the number of numbers.
    slopes = found * BATCH * STEPS * len(SHARES)
    for number, share in enumerate(SHARES):
        here = slopes[:, :, number * STEPS : (number + 1) * STEPS]
        assert np.isclose(here, -share).any()
        assert (np.isclose(here, -share) | np.isclose(here, 1 - share)).all()


def test_the_median_alone_is_half_the_absolute_error():
    target, output = batch()
    found = losses(target, output[:, :, :STEPS], quantiles=(0.5,))
    np.testing.assert_allclose(2 * found, np.asarray(member_losses("absolute", target, output[:, :, :STEPS])))


@given(st.floats(-50, 50), st.lists(st.floats(0, 1e3), min_size=4, max_size=4))
def test_quantiles_lie_the_gaps_apart_around_the_point(point, gaps):
    found = rising(point, gaps)
    assert len(found) == 5
    assert found[2] == point
    np.testing.assert_allclose(np.diff(found), gaps, atol=1e-9)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 3.0, 100.0]))
def test_whatever_the_weights_are_quantiles_never_cross_and_the_middle_one_is_the_point(seed, size):
    weights = {name: size * weight for name, weight in random_weights(SPEC, seed).items()}
    reading, _ = random_windows(SPEC, 20, seed)
    outputs = engine(SPEC).forecast(weights, reading)
    assert outputs.shape == (1, 20, 15)
    found = by_quantile(outputs, 5)[0]
    assert (np.diff(found, axis=1) >= 0).all()
    plain = engine(TEXTBOOK).forecast({name: weights[name] for name in TEXTBOOK.shapes()}, reading)[0]
    np.testing.assert_allclose(found[:, 2], plain, rtol=1e-6)


def test_without_a_window_there_is_no_quantile():
    reading, _ = random_windows(SPEC, 1)
    none = {name: part[:0] for name, part in reading.items()}
    assert engine(SPEC).forecast(random_weights(SPEC), none).shape == (1, 0, 15)


def start(errors: np.ndarray) -> np.ndarray:
    """Quantiles of a point of zero whose gaps begin as they are told to, of shape (5, steps)."""
    gaps = LEAST_GAP + np.logaddexp(0, spread_bias(errors, SHARES).astype(float))
    return np.array(rising(np.zeros(errors.shape[1]), list(gaps.reshape(4, -1))))


def test_they_begin_at_the_empirical_quantiles_of_the_errors_of_each_step():
    errors = np.random.default_rng(0).gamma(2.0, size=(500, 3)) * [1, 5, 0.1]
    errors -= np.median(errors, axis=0)
    expected = np.quantile(errors, SHARES, axis=0)
    np.testing.assert_allclose(start(errors), expected, rtol=2e-3, atol=1e-3)
    errors[::2, 1] = np.nan
    np.testing.assert_allclose(start(errors)[:, 0], expected[:, 0], rtol=2e-3, atol=1e-3)


def test_a_step_without_any_error_begins_as_all_steps_together():
    errors = np.random.default_rng(1).normal(size=(500, 3))
    errors[:, 2] = np.nan
    pooled = np.nanquantile(errors, SHARES)
    np.testing.assert_allclose(start(errors)[[0, 1, 3, 4], 2], pooled[[0, 1, 3, 4]], rtol=0.01, atol=1e-3)


def test_points_that_are_always_too_low_begin_with_next_to_nothing_below_them():
    found = start(np.random.default_rng(2).uniform(1, 2, size=(500, 1)))[:, 0]
    assert found[:2] == pytest.approx([-4 * LEAST_GAP, -2 * LEAST_GAP], abs=1e-6)
    assert found[3:] == pytest.approx([1.7, 1.9], abs=0.05)


def test_errors_of_zero_begin_with_next_to_no_spread():
    found = start(np.zeros((10, 2)))
    assert (np.diff(found, axis=0) > 0).all()
    assert np.abs(found).max() < 1e-3


def test_the_judge_scores_the_medians_of_the_members():
    rng = np.random.default_rng(3)
    target = rng.normal(size=(20, STEPS)).astype(np.float32)
    forecasts = rng.normal(size=(3, 20, 5 * STEPS))
    judge = PinballJudge(HeldOut({}, target, 20.0), SHARES)
    assert judge.ensemble_error(forecasts) == pytest.approx(pinball_loss(SPEC, np.median(forecasts, axis=0), target))


def test_a_training_learns_the_quantiles_of_noise():
    """Targets that no window tells: their quantiles are learned, and they are skewed."""
    spec = NetworkSpec(4, 2, 1, 4, 1, False, True, loss="pinball", quantiles=(0.1, 0.5, 0.9))
    network, rng = engine(spec), np.random.default_rng(0)
    weights = {name: 0.1 * weight for name, weight in random_weights(spec).items()}
    with network.lock:
        network.begin(weights, 1.0)
        for step in range(400):
            reading = {name: part[None] for name, part in random_windows(spec, 128, step)[0].items()}
            target = rng.exponential(size=(1, 128, 2)).astype(np.float32)
            network.step(reading, target, 0.02 * (1 - step / 400))
        learned = network.take()
    found = by_quantile(network.forecast(learned, random_windows(spec, 200, 999)[0]), 3)[0]
    expected = -np.log(1 - np.array(spec.quantiles))
    np.testing.assert_allclose(found.mean(axis=(0, 2)), expected, atol=0.12)
