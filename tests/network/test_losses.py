"""The losses against NumPy and scikit-learn: per member, over what is observed, weighted."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, mean_absolute_error, mean_squared_error

from forecasting.network.engine import engine
from forecasting.network.losses import member_losses
from tests.network.textbook import TEXTBOOK, random_batch, random_weights

MEMBERS, BATCH, OUTPUTS = 2, 7, 3
LOSSES = ["absolute", "squared", "cross_entropy"]


def batch(name: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Targets and outputs of two members; for classes the targets are one-hot."""
    rng = np.random.default_rng(seed)
    output = 3 * rng.normal(size=(MEMBERS, BATCH, OUTPUTS))
    if name == "cross_entropy":
        target = np.eye(OUTPUTS)[rng.integers(OUTPUTS, size=(MEMBERS, BATCH))]
    else:
        target = rng.normal(size=output.shape)
    return target.astype(np.float32), output.astype(np.float32)


def losses_of(name: str, *parts: np.ndarray) -> np.ndarray:
    return np.asarray(member_losses(name, *parts))


def reference(name: str, target: np.ndarray, output: np.ndarray, weight: np.ndarray | None = None) -> float:
    """The loss of one member by scikit-learn."""
    if name == "cross_entropy":
        shares = np.exp(output.astype(float))
        shares /= shares.sum(axis=1, keepdims=True)
        return log_loss(target.argmax(axis=1), shares, sample_weight=weight, labels=range(OUTPUTS))
    metric = {"absolute": mean_absolute_error, "squared": mean_squared_error}[name]
    return metric(target, output, sample_weight=weight)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
def test_the_loss_of_each_member_is_that_of_scikit_learn(name, weighted):
    target, output = batch(name)
    weight = np.random.default_rng(5).random((MEMBERS, BATCH)).astype(np.float32) if weighted else None
    found = losses_of(name, target, output, weight)
    expected = [
        reference(name, target[number], output[number], None if weight is None else weight[number])
        for number in range(MEMBERS)
    ]
    np.testing.assert_allclose(found, expected, rtol=2e-6)


@pytest.mark.parametrize(("name", "expected"), [("absolute", [4 / 3, 3.0]), ("squared", [2.0, 9.0])])
def test_only_observed_targets_count(name, expected):
    target = np.array([[[1.0, np.nan], [2.0, -1.0]], [[np.nan, 5.0], [np.nan, np.nan]]], dtype=np.float32)
    output = np.array([[[0.0, 99.0], [4.0, 0.0]], [[7.0, 2.0], [1.0, 1.0]]], dtype=np.float32)
    np.testing.assert_allclose(losses_of(name, target, output), expected, rtol=1e-6)


def test_a_window_of_unknown_class_does_not_count():
    target, output = batch("cross_entropy")
    holed = target.copy()
    holed[:, 2] = np.nan
    found = losses_of("cross_entropy", holed, output)
    kept = np.arange(BATCH) != 2
    np.testing.assert_allclose(found, losses_of("cross_entropy", target[:, kept], output[:, kept]), rtol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_a_member_without_any_target_has_no_loss(name):
    target, output = batch(name)
    target[0] = np.nan
    found = losses_of(name, target, output)
    assert found[0] == 0.0
    assert found[1] > 0.0
    nothing = np.zeros((MEMBERS, BATCH), np.float32)
    assert losses_of(name, target, output, nothing).tolist() == [0.0, 0.0]


def test_large_logits_stay_finite():
    target = np.array([[[0.0, 1.0], [1.0, 0.0]]], dtype=np.float32)
    output = np.array([[[1000.0, -1000.0], [1000.0, -1000.0]]], dtype=np.float32)
    assert losses_of("cross_entropy", target, output).tolist() == [1000.0]


@settings(max_examples=30)
@given(
    name=st.sampled_from(LOSSES),
    seed=st.integers(0, 2**32 - 1),
    counts=st.lists(st.integers(0, 4), min_size=BATCH, max_size=BATCH).filter(any),
)
def test_a_whole_weight_counts_as_so_many_windows(name, seed, counts):
    target, output = batch(name, seed)
    weight = np.tile(np.array(counts, dtype=np.float32), (MEMBERS, 1))
    repeated = (np.repeat(part, counts, axis=1) for part in (target, output))
    np.testing.assert_allclose(losses_of(name, target, output, weight), losses_of(name, *repeated), rtol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_a_training_step_follows_the_loss_and_the_weights(name):
    """A weighted step is the step on windows repeated so often, and no two losses take the same one."""
    network = engine(replace(TEXTBOOK, loss=name, n_members=2))
    reading, target = random_batch(network.spec, 5)
    target = np.abs(target) / np.abs(target).sum(axis=2, keepdims=True)
    counts = [2, 0, 1, 3, 1]
    weight = np.tile(np.array(counts, dtype=np.float32), (2, 1))

    def repeated(part: np.ndarray) -> np.ndarray:
        return np.repeat(part, counts, axis=1)

    outcomes = []
    for parts, weights in [
        ((reading, target), weight),
        (({name: repeated(part) for name, part in reading.items()}, repeated(target)), None),
    ]:
        with network.lock:
            network.begin(random_weights(network.spec), 10.0)
            outcomes.append((network.step(*parts, 0.05, weights), network.take()))
    (loss, after), (repeated_loss, repeated_after) = outcomes
    network.put(random_weights(network.spec))
    output = np.asarray(network.model(reading))
    expected = np.mean(losses_of(name, target, output, weight))
    assert loss == pytest.approx(repeated_loss, rel=1e-5)
    assert loss == pytest.approx(expected, rel=1e-5)
    for layer, value in after.items():
        np.testing.assert_allclose(value, repeated_after[layer], rtol=0, atol=2e-4, err_msg=layer)
        assert np.abs(value - random_weights(network.spec)[layer]).max() > 0.01


@pytest.mark.parametrize("name", ["squared", "cross_entropy"])
def test_the_gradient_is_that_of_finite_differences_of_the_loss(name):
    import tensorflow as tf

    target, output = batch(name)
    variable = tf.Variable(output.astype(np.float64))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(member_losses(name, target.astype(np.float64), variable))
    found = tape.gradient(total, variable).numpy()
    step = 1e-6
    for place in [(0, 0, 0), (0, 3, 1), (1, 6, 2)]:
        moved = [output.astype(np.float64) for _ in range(2)]
        moved[0][place] += step
        moved[1][place] -= step
        up, down = (sum(reference(name, target[number], part[number]) for number in range(MEMBERS)) for part in moved)
        assert found[place] == pytest.approx((up - down) / (2 * step), abs=1e-6)
