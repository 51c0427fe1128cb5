"""Engines: one per shape, whose weights come and go as arrays."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.network import engine as engine_module
from forecasting.network.engine import Engine, engine
from forecasting.network.spec import NetworkSpec, Weights, initial_weights
from forecasting.scaling import part_of
from tests.network.test_textbook import keras_gradients
from tests.network.textbook import TEXTBOOK, forward, member, random_batch, random_weights, random_windows, shared

SKIPPING = NetworkSpec(lookback=8, horizon=3, segment_length=4, units=4, n_layers=2, masked=False, linear_skip=True)
PAIR = replace(SKIPPING, standardised=True, mixed_season=2, n_members=2)
TRIO = replace(PAIR, n_members=3)


def trained(network, weights, steps=5, clip_norm=1.0, windows=0):
    with network.lock:
        network.begin(weights, clip_norm, windows)
        losses = [network.step(*random_batch(network.spec, 8, seed), 0.05) for seed in range(steps)]
        return network.take(), losses


def test_a_shape_is_built_once():
    same = NetworkSpec(**{name: getattr(SKIPPING, name) for name in SKIPPING.__dataclass_fields__})
    assert engine(SKIPPING) is engine(same)
    assert engine(SKIPPING) is not engine(TEXTBOOK)
    assert engine(PAIR) is not engine(TRIO)


def test_weights_come_out_as_they_went_in():
    weights = random_weights(PAIR)
    engine(PAIR).put(weights)
    taken = engine(PAIR).take()
    assert {name: weight.tolist() for name, weight in taken.items()} == {
        name: weight.tolist() for name, weight in weights.items()
    }
    assert {name: weight.shape for name, weight in taken.items()} == {
        name: (2, *shape) for name, shape in PAIR.shapes().items()
    }
    assert {weight.dtype for weight in taken.values()} == {np.dtype(np.float32)}


def test_weights_that_were_taken_do_not_move_with_the_next_training():
    before = random_weights(SKIPPING)
    first, _ = trained(engine(SKIPPING), before)
    kept = {name: weight.copy() for name, weight in first.items()}
    trained(engine(SKIPPING), random_weights(SKIPPING, seed=9))
    assert all((first[name] == kept[name]).all() for name in kept)
    assert all((before[name] == weight).all() for name, weight in random_weights(SKIPPING).items())


def test_a_training_starts_anew_whatever_was_trained_before():
    network, start = engine(SKIPPING), random_weights(SKIPPING)
    first, losses = trained(network, start)
    trained(network, random_weights(SKIPPING, seed=4), steps=3)
    again, losses_again = trained(network, start)
    assert losses == losses_again
    assert all((first[name] == again[name]).all() for name in first)
    assert any((first[name] != start[name]).any() for name in first)


def test_a_training_starts_anew_after_one_with_another_clip_norm():
    network, start = engine(SKIPPING), random_weights(SKIPPING)
    first, _ = trained(network, start, clip_norm=0.5)
    other, _ = trained(network, start, clip_norm=0.05)
    again, _ = trained(network, start, clip_norm=0.5)
    assert all((first[name] == again[name]).all() for name in first)
    assert any((first[name] != other[name]).any() for name in first)


def test_the_count_of_clipped_gradients_begins_anew_with_every_training():
    network, start = engine(PAIR), random_weights(PAIR)
    for clip_norm, clipped in ((1e-3, 10), (1e-3, 10)):
        with network.lock:
            network.begin(start, clip_norm)
            assert network.clipped == 0
            for seed in range(5):
                network.step(*random_batch(PAIR, 8, seed), 0.05)
            assert network.clipped == clipped


def test_a_long_training_is_compiled_and_goes_the_same_way(monkeypatch):
    network, start = Engine(PAIR), random_weights(PAIR)
    plain, losses = trained(network, start)
    assert not network.model.jit_compile
    monkeypatch.setattr(engine_module, "_WORTH_COMPILING", 6.0 * 99 * 2 * PAIR.multiplications())
    trained(network, start, windows=99, steps=0)
    assert not network.model.jit_compile
    compiled, compiled_losses = trained(network, start, windows=100)
    assert network.model.jit_compile
    assert compiled_losses == pytest.approx(losses, rel=1e-5)
    for name, weight in plain.items():
        np.testing.assert_allclose(compiled[name], weight, rtol=0, atol=1e-4, err_msg=name)


def test_missing_targets_do_not_count_in_a_step():
    network, start = engine(PAIR), random_weights(PAIR)
    reading, target = random_batch(PAIR, 6)
    holed = np.concatenate([target, np.full_like(target, np.nan)], axis=1)
    outcomes = []
    for copies, goal in ((1, target), (2, holed)):
        with network.lock:
            network.begin(start, 1.0)
            shown = {name: np.concatenate([part] * copies, axis=1) for name, part in reading.items()}
            outcomes.append((network.step(shown, goal, 0.05), network.take()))
    (loss, weights), (holed_loss, holed_weights) = outcomes
    assert holed_loss == pytest.approx(loss, rel=1e-5)
    for name, weight in weights.items():
        np.testing.assert_allclose(holed_weights[name], weight, rtol=0, atol=1e-4)


def test_a_batch_without_any_target_moves_nothing():
    network, start = engine(SKIPPING), random_weights(SKIPPING)
    reading, target = random_batch(SKIPPING, 6)
    with network.lock:
        network.begin(start, 1.0)
        assert network.step(reading, np.full_like(target, np.nan), 0.05) == 0.0
        after = network.take()
    assert all((after[name] == start[name]).all() for name in start)


def test_the_loss_is_the_sum_over_members_of_the_mean_over_their_observed_targets():
    target = np.array([[[1.0, np.nan], [2.0, -1.0]], [[np.nan, 5.0], [np.nan, np.nan]]], dtype=np.float32)
    forecast = np.array([[[0.0, 99.0], [4.0, 0.0]], [[7.0, 2.0], [1.0, 1.0]]], dtype=np.float32)
    network = engine(replace(PAIR, horizon=2))
    assert float(network.model.compute_loss(y=target, y_pred=forecast)) == pytest.approx(4 / 3 + 3)
    assert float(network.model.compute_loss(y=target[:1], y_pred=forecast[:1])) == pytest.approx(4 / 3)


def test_a_recurrence_of_one_step_is_trained_without_a_warning():
    """Its recurrent kernel takes no part, which is no reason to warn whoever asked for it."""
    one = NetworkSpec(4, 2, 4, 3, 2, False, True)
    start = random_weights(one)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        after, _ = trained(engine(one), start)
    still = {name for name in start if (after[name] == start[name]).all()}
    assert still == {"rnn_0.recurrent_kernel", "rnn_1.recurrent_kernel"}


def test_forecasts_of_many_windows_are_those_of_each(monkeypatch):
    monkeypatch.setattr(engine_module, "_PREDICT_BATCH", 7)
    weights = random_weights(PAIR)
    reading, _ = random_windows(PAIR, 30)
    found = engine(PAIR).forecast(weights, reading)
    assert found.shape == (2, 30, 3)
    for number in (0, 6, 7, 29):
        alone = engine(PAIR).forecast(weights, part_of(reading, [number]))
        np.testing.assert_allclose(found[:, [number]], alone, rtol=0, atol=1e-5)


def test_no_window_has_no_forecast():
    nothing, _ = random_windows(PAIR, 0)
    assert engine(PAIR).forecast(random_weights(PAIR), nothing).shape == (2, 0, 3)


def test_a_network_without_a_mask_does_not_read_the_flags():
    reading, _ = random_windows(SKIPPING, 4)
    weights = random_weights(SKIPPING)
    read = engine(SKIPPING).forecast(weights, reading)
    assert (
        read.tolist() == engine(SKIPPING).forecast(weights, {**reading, "observed": 1 - reading["observed"]}).tolist()
    )


def test_before_training_the_forecast_is_that_of_the_linear_skip():
    rngs = [np.random.default_rng(seed) for seed in (3, 4)]
    skip = rngs[0].normal(size=(8, 3))
    reading, _ = random_windows(PAIR, 5)
    forecast = engine(PAIR).forecast(initial_weights(PAIR, rngs, skip), reading)
    np.testing.assert_allclose(forecast, [reading["window"] @ skip] * 2, rtol=0, atol=2e-6)


def test_before_training_without_a_start_the_forecast_is_the_last_value():
    reading, _ = random_windows(SKIPPING, 5)
    forecast = engine(SKIPPING).forecast(initial_weights(SKIPPING, [np.random.default_rng(0)]), reading)
    assert (forecast == 0).all()


def in_order(weights: Weights, order: list[int]) -> Weights:
    return {name: weight[order] for name, weight in weights.items()}


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), order=st.sampled_from([[0], [2], [1, 0], [2, 2], [0, 2, 1], [2, 2, 1]]))
def test_the_forecast_and_the_gradient_of_a_member_do_not_depend_on_the_others(seed, order):
    """Any choice of three members, in any order, forecasts and learns as each of them did among the three."""
    weights, (reading, target) = random_weights(TRIO, seed), random_batch(TRIO, 6, seed)
    target[0, 1, 1] = target[2, 3] = np.nan
    same, _ = random_windows(TRIO, 6, seed)
    some = engine(replace(TRIO, n_members=len(order)))
    expected = engine(TRIO).forecast(weights, same)[order]
    np.testing.assert_allclose(some.forecast(in_order(weights, order), same), expected, rtol=0, atol=1e-4)
    gradients = in_order(keras_gradients(engine(TRIO), weights, reading, target), order)
    found = keras_gradients(some, in_order(weights, order), part_of(reading, order), target[order])
    for name, gradient in gradients.items():
        np.testing.assert_allclose(found[name], gradient, rtol=0, atol=1e-4, err_msg=name)


def test_a_member_is_trained_among_others_as_it_is_alone():
    weights = random_weights(TRIO)
    together, _ = trained(engine(TRIO), weights, clip_norm=0.3)
    single = engine(replace(TRIO, n_members=1))
    for number in range(3):
        with single.lock:
            single.begin(in_order(weights, [number]), 0.3)
            for seed in range(5):
                reading, target = random_batch(TRIO, 8, seed)
                single.step(part_of(reading, [number]), target[[number]], 0.05)
            alone = member(single.take())
        for name, weight in alone.items():
            np.testing.assert_allclose(together[name][number], weight, rtol=0, atol=1e-4, err_msg=name)


def test_windows_that_all_members_share_give_what_copies_of_them_give():
    network = engine(replace(TRIO, masked=True))
    network.put(random_weights(network.spec))
    reading, _ = random_windows(network.spec, 6)
    once = network.model(shared(reading))
    copies = network.model({name: np.stack([part] * 3) for name, part in reading.items()})
    assert once.shape == (3, 6, 3)
    np.testing.assert_allclose(once, copies, rtol=0, atol=1e-6)


def test_many_seasons_ahead_are_mixed_for_all_members_from_windows_that_they_share():
    """The shape whose broadcast products TensorFlow 2.21 with oneDNN computes beyond its memory."""
    spec = NetworkSpec(336, 336, 24, 4, 1, False, False, mixed_season=24, n_members=3)
    weights = random_weights(spec)
    reading, _ = random_windows(spec, 5)
    for _ in range(20):
        found = engine(spec).forecast(weights, reading)
    for number in range(3):
        expected = forward(spec, member(weights, number), reading)
        np.testing.assert_allclose(found[number], expected, rtol=0, atol=2e-4)
