"""Engines: one per shape, whose weights come and go as arrays."""

import numpy as np
import pytest

from forecasting.network.engine import engine, mean_absolute_error
from forecasting.network.spec import NetworkSpec, initial_weights
from tests.network.textbook import TEXTBOOK, random_weights, random_windows

SKIPPING = NetworkSpec(lookback=8, horizon=3, segment_length=4, units=4, n_layers=2, masked=False, linear_skip=True)


def trained(network, weights, steps=5, clip_norm=1.0):
    with network.lock:
        network.begin(weights, clip_norm)
        losses = [network.step(*random_windows(network.spec, 8, seed), 0.05) for seed in range(steps)]
        return network.take(), losses


def test_a_shape_is_built_once():
    same = NetworkSpec(**{name: getattr(SKIPPING, name) for name in SKIPPING.__dataclass_fields__})
    assert engine(SKIPPING) is engine(same)
    assert engine(SKIPPING) is not engine(TEXTBOOK)


def test_weights_come_out_as_they_went_in():
    weights = random_weights(SKIPPING)
    engine(SKIPPING).put(weights)
    taken = engine(SKIPPING).take()
    assert {name: weight.tolist() for name, weight in taken.items()} == {
        name: weight.tolist() for name, weight in weights.items()
    }
    assert {name: weight.shape for name, weight in taken.items()} == SKIPPING.shapes()
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


def test_missing_targets_do_not_count_in_a_step():
    network, start = engine(SKIPPING), random_weights(SKIPPING)
    inputs, observed, target = random_windows(SKIPPING, 6)
    holed = np.concatenate([target, np.full_like(target, np.nan)])
    outcomes = []
    for number, goal in ((6, target), (12, holed)):
        with network.lock:
            network.begin(start, 1.0)
            shown = np.resize(inputs, (number, 8)), np.resize(observed, (number, 8))
            outcomes.append((network.step(*shown, goal, 0.05), network.take()))
    (loss, weights), (holed_loss, holed_weights) = outcomes
    assert holed_loss == pytest.approx(loss, rel=1e-5)
    for name, weight in weights.items():
        np.testing.assert_allclose(holed_weights[name], weight, rtol=0, atol=1e-4)


def test_a_batch_without_any_target_moves_nothing():
    network, start = engine(SKIPPING), random_weights(SKIPPING)
    inputs, observed, target = random_windows(SKIPPING, 6)
    with network.lock:
        network.begin(start, 1.0)
        assert network.step(inputs, observed, np.full_like(target, np.nan), 0.05) == 0.0
        after = network.take()
    assert all((after[name] == start[name]).all() for name in start)


def test_the_loss_is_the_mean_over_observed_targets():
    target = np.array([[1.0, np.nan], [2.0, -1.0]], dtype=np.float32)
    forecast = np.array([[0.0, 99.0], [4.0, 0.0]], dtype=np.float32)
    assert float(mean_absolute_error(target, forecast)) == pytest.approx(4 / 3)


def test_forecasts_of_many_windows_are_those_of_each():
    weights = random_weights(TEXTBOOK)
    inputs, observed, _ = random_windows(TEXTBOOK, 4100)  # more than one batch
    found = engine(TEXTBOOK).forecast(weights, inputs, observed)
    assert found.shape == (4100, 3)
    last = engine(TEXTBOOK).forecast(weights, inputs[-3:], observed[-3:])
    np.testing.assert_allclose(found[-3:], last, rtol=0, atol=1e-6)


def test_no_window_has_no_forecast():
    nothing = np.zeros((0, 7), dtype=np.float32)
    assert engine(TEXTBOOK).forecast(random_weights(TEXTBOOK), nothing, nothing).shape == (0, 3)


def test_a_network_without_a_mask_does_not_read_the_flags():
    inputs, observed, _ = random_windows(SKIPPING, 4)
    weights = random_weights(SKIPPING)
    read = engine(SKIPPING).forecast(weights, inputs, observed)
    assert read.tolist() == engine(SKIPPING).forecast(weights, inputs, 1 - observed).tolist()


def test_before_training_the_forecast_is_that_of_the_linear_skip():
    rng = np.random.default_rng(3)
    skip = rng.normal(size=(8, 3))
    inputs, observed, _ = random_windows(SKIPPING, 5)
    forecast = engine(SKIPPING).forecast(initial_weights(SKIPPING, rng, skip), inputs, observed)
    np.testing.assert_allclose(forecast, inputs @ skip, rtol=0, atol=2e-6)


def test_before_training_without_a_start_the_forecast_is_the_last_value():
    inputs, observed, _ = random_windows(SKIPPING, 5)
    forecast = engine(SKIPPING).forecast(initial_weights(SKIPPING, np.random.default_rng(0)), inputs, observed)
    assert (forecast == 0).all()
