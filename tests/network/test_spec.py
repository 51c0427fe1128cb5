"""The shape of a network and its weights before training."""

from dataclasses import replace

import numpy as np
import pytest

from forecasting.network.engine import build
from forecasting.network.spec import NetworkSpec, initial_weights

SPEC = NetworkSpec(lookback=32, horizon=3, segment_length=8, units=6, n_layers=2, masked=False, linear_skip=True)


def count(spec: NetworkSpec) -> int:
    return sum(weight.size for weight in initial_weights(spec, np.random.default_rng(0)).values())


def test_the_shapes_are_those_of_the_keras_network():
    for spec in (SPEC, replace(SPEC, masked=True, linear_skip=False), replace(SPEC, n_layers=1)):
        model = build(spec)
        found = {f"{layer.name}.{weight.name}": weight.shape for layer in model.layers for weight in layer.weights}
        assert found == spec.shapes()
        assert model.count_params() == count(spec)


def test_the_number_of_recurrent_weights_does_not_depend_on_the_look_back():
    short, long = replace(SPEC, linear_skip=False), replace(SPEC, linear_skip=False, lookback=320)
    assert count(short) == count(long)
    assert count(replace(SPEC, lookback=320)) - count(SPEC) == (320 - 32) * 3


def test_a_segment_is_one_step_of_the_recurrence():
    assert (SPEC.segments, SPEC.features) == (4, 8)
    assert replace(SPEC, masked=True).features == 16
    assert replace(SPEC, segment_length=1).segments == 32


def test_recurrent_kernels_begin_orthogonal():
    weights = initial_weights(SPEC, np.random.default_rng(0))
    for layer in range(2):
        kernel = weights[f"rnn_{layer}.recurrent_kernel"].astype(float)
        np.testing.assert_allclose(kernel @ kernel.T, np.eye(6), atol=1e-6)
    assert (weights["rnn_0.recurrent_kernel"] != weights["rnn_1.recurrent_kernel"]).any()


def test_input_kernels_begin_glorot_uniform():
    wide = replace(SPEC, units=200)
    kernel = initial_weights(wide, np.random.default_rng(0))["rnn_0.kernel"]
    limit = np.sqrt(6 / (8 + 200))
    assert np.abs(kernel).max() <= limit
    assert np.abs(kernel).max() > 0.98 * limit
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.05)


def test_with_a_linear_skip_the_head_begins_at_zero_and_without_one_it_does_not():
    skip = np.arange(96.0).reshape(32, 3)
    weights = initial_weights(SPEC, np.random.default_rng(0), skip)
    assert not weights["head.kernel"].any()
    assert weights["skip.kernel"].tolist() == skip.tolist()
    assert not initial_weights(SPEC, np.random.default_rng(0))["skip.kernel"].any()
    plain = initial_weights(replace(SPEC, linear_skip=False), np.random.default_rng(0), skip)
    assert plain["head.kernel"].any()
    assert "skip.kernel" not in plain


def test_biases_begin_at_zero_and_the_normalisation_at_the_identity():
    weights = initial_weights(SPEC, np.random.default_rng(0))
    assert not any(weights[name].any() for name in ("rnn_0.bias", "rnn_1.bias", "head.bias", "norm_1.beta"))
    assert (weights["norm_1.gamma"] == 1).all()
    assert {weight.dtype for weight in weights.values()} == {np.dtype(np.float32)}


def test_the_same_generator_state_gives_the_same_weights():
    first, again, other = (initial_weights(SPEC, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all((first[name] == again[name]).all() for name in first)
    assert (first["rnn_0.kernel"] != other["rnn_0.kernel"]).any()
