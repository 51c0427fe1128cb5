"""The shape of an ensemble and its weights before training."""

from dataclasses import replace

import numpy as np
import pytest

from forecasting.network.engine import engine
from forecasting.network.spec import NetworkSpec, Weights, initial_weights
from tests.network.textbook import member

SPEC = NetworkSpec(lookback=32, horizon=3, segment_length=8, units=6, n_layers=2, masked=False, linear_skip=True)
SHAPES = {
    "usual": SPEC,
    "masked, without a skip": replace(SPEC, masked=True, linear_skip=False),
    "one layer": replace(SPEC, n_layers=1),
    "mixing, two members": replace(SPEC, standardised=True, mixed_season=8, n_members=2),
    "covariates": replace(SPEC, past_channels=3, future_channels=2, static_channels=1),
    "quantiles": replace(SPEC, quantiles=(0.1, 0.5, 0.9), loss="pinball"),
}


def start(spec: NetworkSpec, seed: int = 0, skip: np.ndarray | None = None) -> Weights:
    return initial_weights(spec, [np.random.default_rng(seed)] * spec.n_members, skip)


def count(spec: NetworkSpec) -> int:
    return sum(weight.size for weight in start(spec).values())


@pytest.mark.parametrize("name", SHAPES)
def test_the_shapes_are_those_of_the_keras_ensemble(name):
    spec = SHAPES[name]
    model = engine(spec).model
    found = {f"{layer.name}.{weight.name}": tuple(weight.shape) for layer in model.layers for weight in layer.weights}
    assert found == {name: (spec.n_members, *shape) for name, shape in spec.shapes().items()}
    assert found == {name: weight.shape for name, weight in start(spec).items()}
    assert model.count_params() == count(spec)


def test_the_number_of_recurrent_weights_does_not_depend_on_the_look_back():
    short, long = replace(SPEC, linear_skip=False), replace(SPEC, linear_skip=False, lookback=320)
    assert count(short) == count(long)
    assert count(replace(SPEC, lookback=320)) - count(SPEC) == (320 - 32) * 3


def test_a_segment_is_one_step_of_the_recurrence():
    assert (SPEC.segments, SPEC.features) == (4, 8)
    assert replace(SPEC, masked=True).features == 16
    assert replace(SPEC, segment_length=1).segments == 32


@pytest.mark.parametrize(
    ("season", "horizon", "past", "ahead"), [(0, 3, 0, 0), (8, 3, 3, 1), (8, 8, 3, 1), (8, 9, 3, 2), (5, 11, 5, 3)]
)
def test_seasons_are_mixed_that_are_whole_in_the_window_and_the_last_season_ahead_may_be_cut_off(
    season, horizon, past, ahead
):
    spec = replace(SPEC, mixed_season=season, horizon=horizon)
    assert (spec.mixed_seasons, spec.seasons_ahead) == (past, ahead)
    assert spec.shapes().get("mix.kernel", (6, 0)) == (6, past * ahead)


def test_multiplications_are_those_of_every_product_of_the_computation():
    assert replace(SPEC, n_layers=1, linear_skip=False).multiplications() == 4 * (8 * 6 + 6 * 6) + 6 * 3
    assert SPEC.multiplications() == 4 * (8 * 6 + 6 * 6 + 2 * 6 * 6) + 6 * 3 + 32 * 3
    assert SHAPES["quantiles"].multiplications() == SPEC.multiplications() + 2 * 6 * 3
    mixing = 6 * 3 + 3 * 8  # three shares from six units, and three seasons of eight steps times these
    assert replace(SPEC, mixed_season=8).multiplications() == SPEC.multiplications() + mixing


def test_covariates_widen_what_a_segment_and_the_skip_read_and_add_a_step_ahead():
    spec = SHAPES["covariates"]
    assert spec.features == 8 * 4 + 1
    assert spec.skip_rows == 32 + 8 * 3 + 3 * 2 + 1
    assert spec.reading_shapes() == {
        "window": (32,),
        "observed": (32,),
        "past": (32, 3),
        "future": (3, 2),
        "static": (1,),
    }
    assert set(spec.shapes()) - set(SPEC.shapes()) == {"ahead.kernel", "ahead.recurrent_kernel", "ahead.bias"}
    more = 4 * (8 * 3 + 1) * 6 + (3 * 2 + 6) * 6 + (spec.skip_rows - 32) * 3
    assert spec.multiplications() == SPEC.multiplications() + more


def test_what_is_known_ahead_adds_nothing_before_training():
    weights = start(SHAPES["covariates"])
    assert not any(weights[name].any() for name in ("ahead.kernel", "ahead.recurrent_kernel", "ahead.bias"))


def test_recurrent_kernels_begin_orthogonal():
    weights = member(start(SPEC))
    for layer in range(2):
        kernel = weights[f"rnn_{layer}.recurrent_kernel"].astype(float)
        np.testing.assert_allclose(kernel @ kernel.T, np.eye(6), atol=1e-6)
    assert (weights["rnn_0.recurrent_kernel"] != weights["rnn_1.recurrent_kernel"]).any()


def test_input_kernels_begin_glorot_uniform():
    kernel = member(start(replace(SPEC, units=200)))["rnn_0.kernel"]
    limit = np.sqrt(6 / (8 + 200))
    assert np.abs(kernel).max() <= limit
    assert np.abs(kernel).max() > 0.98 * limit
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.05)


def test_with_a_linear_skip_the_head_begins_at_zero_and_without_one_it_does_not():
    skip = np.arange(96.0).reshape(32, 3)
    weights = start(replace(SPEC, n_members=2), skip=skip)
    assert not weights["head.kernel"].any()
    assert weights["skip.kernel"].tolist() == [skip.tolist()] * 2
    assert not start(SPEC)["skip.kernel"].any()
    plain = start(replace(SPEC, linear_skip=False), skip=skip)
    assert plain["head.kernel"].any()
    assert "skip.kernel" not in plain


def test_biases_and_the_mixing_begin_at_zero_and_the_normalisation_at_the_identity():
    weights = start(replace(SPEC, mixed_season=8))
    zero = ("rnn_0.bias", "rnn_1.bias", "head.bias", "norm_1.beta", "mix.kernel", "mix.bias")
    assert not any(weights[name].any() for name in zero)
    assert (weights["norm_1.gamma"] == 1).all()
    assert {weight.dtype for weight in weights.values()} == {np.dtype(np.float32)}


def test_the_same_generator_state_gives_the_same_weights():
    first, again, other = (start(SPEC, seed) for seed in (1, 1, 2))
    assert all((first[name] == again[name]).all() for name in first)
    assert (first["rnn_0.kernel"] != other["rnn_0.kernel"]).any()


def test_each_member_begins_as_it_would_alone():
    together = initial_weights(replace(SPEC, n_members=3), [np.random.default_rng(seed) for seed in range(3)])
    for seed in range(3):
        alone = member(start(SPEC, seed))
        assert all((weight == alone[name]).all() for name, weight in member(together, seed).items())
