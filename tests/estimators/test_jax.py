"""The forecaster on JAX, in a process of its own."""

from importlib.util import find_spec

import numpy as np
import pytest

from tests.estimators.made import tiny, values
from tests.on_jax import answer_on_jax

pytestmark = [pytest.mark.slow, pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")]


@pytest.fixture(scope="module")
def on_jax(fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("jax") / "model"
    fitted.save(folder)
    return answer_on_jax("tests.estimators.jax_forecaster", str(folder))


def test_a_forecaster_saved_on_one_backend_forecasts_the_same_on_the_other(on_jax, fitted, frame):
    expected = np.array(values(fitted.predict()))
    assert np.abs(np.array(on_jax["loaded"]) - expected).max() < 1e-4 * frame["y"].std()


def test_a_forecaster_is_fitted_on_jax_as_on_the_other_backend(on_jax, frame):
    expected = np.array(values(tiny(levels=[80]).fit(frame).predict()))
    assert np.abs(np.array(on_jax["fitted"]) - expected).max() < 0.02 * frame["y"].std()
    assert on_jax["device"].startswith("jax cpu")


def test_quantiles_are_learned_on_jax_as_on_the_other_backend(on_jax, frame):
    expected = np.array(values(tiny(levels=[80], learned_quantiles=[0.1, 0.9]).fit(frame).predict()))
    assert np.abs(np.array(on_jax["quantiles"]) - expected).max() < 0.02 * frame["y"].std()


def test_the_same_seed_gives_the_same_forecasts_on_jax(on_jax):
    assert on_jax["fitted"] == on_jax["again"]
