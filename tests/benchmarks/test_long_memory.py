"""The long-memory tasks: what the sequences are, how they are read, and that short ones are learned."""

import dataclasses

import numpy as np
import pytest

from benchmarks.long_memory import (
    TASKS,
    Setting,
    adding_network,
    adding_problem,
    copy_memory,
    copy_network,
    train_and_test,
)

ADDING = Setting(10, 32, ((60, 400),), 64, 3e-3, embedding=8, identity=True)
COPYING = Setting(10, 64, ((30, 400),), 64, 5e-3, identity=True, normed=True)


def test_a_sequence_to_add_up_has_a_marker_in_each_half_and_the_sum_of_what_they_mark():
    sequences, targets = adding_problem(500, 20, np.random.default_rng(0))
    values, markers = sequences[..., 0], sequences[..., 1]
    assert sequences.shape == (500, 20, 2)
    assert np.unique(markers).tolist() == [0, 1]
    assert (markers[:, :10].sum(axis=1) == 1).all()
    assert (markers[:, 10:].sum(axis=1) == 1).all()
    assert (markers.sum(axis=0) > 0).all()
    assert 0 <= values.min() < 0.01 < 0.99 < values.max() < 1
    for sequence, target in zip(sequences[:20], targets, strict=False):
        first, second = np.flatnonzero(sequence[:, 1])
        assert target == pytest.approx(sequence[first, 0] + sequence[second, 0])


def test_answering_the_mean_has_an_error_of_a_sixth():
    _, targets = adding_problem(200_000, 4, np.random.default_rng(1))
    assert np.square(targets - 1).mean() == pytest.approx(TASKS["adding"].memoryless, rel=0.02)
    assert TASKS["adding"].memoryless == pytest.approx(1 / 6)


def test_a_sequence_to_copy_is_ten_symbols_blanks_a_delimiter_and_blanks():
    shown, said = copy_memory(300, 30, np.random.default_rng(0))
    assert shown.shape == (300, 50, 9)
    assert said.shape == (300, 50)
    symbols = shown[:, :10].argmax(axis=2) + 1
    assert set(np.unique(symbols)) == set(range(1, 9))
    assert (shown[:, :10].sum(axis=2) == 1).all()
    assert (shown[:, 10:39] == 0).all()
    assert (shown[:, 39] == np.eye(9)[8]).all()
    assert (shown[:, 40:] == 0).all()
    assert (said[:, :40] == 0).all()
    assert (said[:, 40:] == symbols).all()


def test_without_memory_the_symbols_are_a_guess_among_eight():
    assert TASKS["copy"].memoryless == pytest.approx(10 * np.log(8) / 1020)
    assert round(TASKS["copy"].memoryless, 4) == 0.0204


@pytest.mark.parametrize(("network", "channels"), [(adding_network, 2), (copy_network, 9)])
def test_the_recurrence_is_the_keras_layer_over_segments_of_any_number(network, channels):
    model = network(COPYING)
    rnn = recurrence_of(model)
    assert rnn.input.shape == (None, None, 10 * channels)
    assert rnn.activation.__name__ == "tanh"
    np.testing.assert_array_equal(rnn.get_weights()[1], np.eye(64))
    outputs = [model.predict_on_batch(np.zeros((3, steps, channels), np.float32)).shape for steps in (40, 90)]
    assert outputs == ([(3,), (3,)] if channels == 2 else [(3, 40, 9), (3, 90, 9)])


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS.keys())
def test_the_stock_layer_reads_step_by_step_with_the_defaults_of_keras(task):
    ours, growing, stock = task.settings.values()
    for setting in (growing, stock):
        assert (setting.segment, setting.embedding, setting.identity, setting.normed) == (1, 0, False, False)
        assert setting.units == ours.units
        assert setting.stages[-1][0] == ours.stages[-1][0] == task.length
    assert [length for length, _ in growing.stages] == [length for length, _ in ours.stages]
    cell = recurrence_of(task.network(stock)).cell
    assert type(cell.recurrent_initializer).__name__ == "Orthogonal"
    assert type(cell.kernel_initializer).__name__ == "GlorotUniform"


@pytest.mark.slow
def test_marked_values_are_added_up_over_sixty_steps():
    task = dataclasses.replace(TASKS["adding"], length=60)
    assert train_and_test(task, ADDING, seed=0).loss < task.memoryless / 10


@pytest.mark.slow
def test_symbols_are_kept_over_thirty_steps():
    memoryless = 10 * np.log(8) / 50
    task = dataclasses.replace(TASKS["copy"], length=30)
    assert train_and_test(task, COPYING, seed=0).loss < memoryless / 2


def recurrence_of(model):
    (rnn,) = (layer for layer in model.layers if type(layer).__name__ == "SimpleRNN")
    return rnn
