"""The same network on JAX, in a process of its own."""

from importlib.util import find_spec

import numpy as np
import pytest

from forecasting.network.engine import engine
from tests.network.jax_network import COVARIATES, QUANTILES
from tests.network.textbook import (
    TEXTBOOK,
    backpropagated,
    finite_differences,
    forward,
    member,
    random_batch,
    random_weights,
    random_windows,
)
from tests.on_jax import answer_on_jax

pytestmark = [pytest.mark.slow, pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")]


@pytest.fixture(scope="module")
def on_jax():
    return answer_on_jax("tests.network.jax_network")


def test_forecasts_on_jax_are_those_of_the_plain_recurrence(on_jax):
    reading, _ = random_windows(TEXTBOOK, 11)
    expected = forward(TEXTBOOK, member(random_weights(TEXTBOOK)), reading)
    np.testing.assert_allclose(on_jax["forecast"], expected[None], rtol=0, atol=2e-6)


def test_gradients_on_jax_are_those_of_backpropagation_through_time(on_jax):
    reading, target = random_windows(TEXTBOOK, 11)
    target[2, 1] = np.nan
    expected = backpropagated(member(random_weights(TEXTBOOK)), reading["window"], target)
    assert on_jax["gradients"].keys() == expected.keys()
    for name, gradient in expected.items():
        np.testing.assert_allclose(on_jax["gradients"][name], gradient[None], rtol=0, atol=2e-6, err_msg=name)


def test_training_on_jax_goes_the_way_it_goes_on_the_other_backend_and_repeats_itself(on_jax):
    network = engine(TEXTBOOK)
    with network.lock:
        network.begin(random_weights(TEXTBOOK), 0.2)
        losses = [network.step(*random_batch(TEXTBOOK, 16, seed), 0.02) for seed in (1, 2, 3)]
        expected = network.take()
    assert on_jax["losses"] == pytest.approx(losses, rel=1e-5)
    first, again = on_jax["trained"]
    assert first == again
    for name, weight in expected.items():
        np.testing.assert_allclose(first[name], weight, rtol=0, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(("kind", "spec"), [("covariates", COVARIATES), ("quantiles", QUANTILES)])
def test_covariates_and_quantiles_on_jax_are_read_and_learned_as_in_the_plain_reckoning(on_jax, kind, spec):
    weights, (reading, target) = random_weights(spec), random_windows(spec, 7)
    expected = forward(spec, member(weights), reading)
    np.testing.assert_allclose(on_jax[kind]["forecast"], expected[None], rtol=0, atol=5e-6)
    for name, gradient in finite_differences(spec, member(weights), reading, target).items():
        found = on_jax[kind]["gradients"][name]
        np.testing.assert_allclose(found, gradient[None], rtol=0, atol=5e-6, err_msg=name)
