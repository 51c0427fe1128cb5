"""Training: the schedule, the windows drawn, stopping by the held-out windows, and interruption."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from forecasting.network.engine import engine
from forecasting.network.spec import NetworkSpec, initial_weights
from forecasting.network.training import EPOCHS, CutWindows, HeldOut, TrainingPlan, train
from forecasting.windows import Windows
from tests.network.textbook import held_out_of

SPEC = NetworkSpec(lookback=6, horizon=2, segment_length=2, units=4, n_layers=1, masked=False, linear_skip=True)
PLAN = TrainingPlan(steps=20, batch_size=16, learning_rate=0.02, clip_norm=1.0)
TRIO = replace(SPEC, linear_skip=False, n_members=3)
LENGTH, HELD_OUT = 90, 20


def windows_of(path: np.ndarray) -> Windows:
    return Windows(path, np.array([0, len(path)]), SPEC.lookback, 3)


@pytest.fixture
def path():
    rng = np.random.default_rng(0)
    return np.sin(np.arange(LENGTH) * 2 * np.pi / 3 + 0.4) + 0.02 * np.arange(LENGTH) + 0.1 * rng.random(LENGTH)


@pytest.fixture
def windows(path):
    return windows_of(path)


@pytest.fixture
def cuts(windows):
    return windows.cuts(SPEC.horizon, least_history=SPEC.lookback, held_out=np.array([HELD_OUT]))


@pytest.fixture
def held_out(windows):
    cuts = windows.held_out_cuts(SPEC.horizon, least_history=SPEC.lookback, held_out=np.array([HELD_OUT]))
    batch = windows.gather(cuts)
    return held_out_of(batch, windows.targets(cuts, batch, SPEC.horizon))


@pytest.fixture
def start():
    return initial_weights(SPEC, [np.random.default_rng(0)])


def run(windows, cuts, start, plan=PLAN, seed=5, **options):
    source = CutWindows(windows, cuts, SPEC.horizon)
    return train(engine(SPEC), start, source, plan, [np.random.default_rng(seed)], **options)


def run_trio(windows, cuts, plan=PLAN, seeds=(5, 6, 7), **options):
    start = initial_weights(TRIO, [np.random.default_rng(seed) for seed in range(3)])
    source = CutWindows(windows, cuts, TRIO.horizon)
    return train(engine(TRIO), start, source, plan, [np.random.default_rng(seed) for seed in seeds], **options)


def error_of(weights, held_out, spec=SPEC):
    forecasts = engine(spec).forecast(weights, held_out.reading)
    return held_out.error(np.median(forecasts, axis=0))


def length_of(weights):
    return np.linalg.norm(np.concatenate([weight.astype(float).ravel() for weight in weights.values()]))


def assert_same(first, second):
    assert all((first[name] == second[name]).all() for name in first)


def test_the_learning_rate_falls_along_a_cosine_to_zero():
    plan = TrainingPlan(steps=4, batch_size=1, learning_rate=2.0, clip_norm=1.0)
    rates = [plan.rate(step) for step in range(5)]
    assert rates == pytest.approx([2.0, 1.7071067811865475, 1.0, 0.2928932188134524, 0.0])


@pytest.mark.parametrize(("reached", "steps"), [(0, 0), (1, 1), (4, 1), (5, 2), (400, 100)])
def test_a_training_that_goes_on_takes_a_quarter_of_the_steps_at_half_the_rate(reached, steps):
    onwards = replace(PLAN, further=(20,)).continued(reached)
    assert onwards == replace(PLAN, steps=steps, learning_rate=0.01)
    assert not steps or onwards.rate(0) == pytest.approx(0.01)


def test_the_held_out_error_is_the_mean_over_observed_targets():
    target = np.array([[1.0, np.nan], [3.0, -1.0]], dtype=np.float32)
    held_out = HeldOut({"window": np.zeros((2, 6))}, target, independent=2.0)
    assert held_out.error(np.array([[0.0, 7.0], [3.0, 1.0]])) == 1.0


def test_training_lowers_the_error_on_windows_it_has_not_seen(windows, cuts, start, held_out):
    result = run(windows, cuts, start, TrainingPlan(60, 32, 0.03, 1.0), held_out=held_out)
    assert error_of(result.weights, held_out) < 0.5 * error_of(start, held_out)


def test_the_weights_kept_are_those_of_the_best_epoch(windows, cuts, start, held_out):
    result = run(windows, cuts, start, TrainingPlan(20, 4, 0.6, 1.0), held_out=held_out)
    errors = [entry["val_loss"] for entry in result.history]
    assert min(errors) < error_of(start, held_out)
    assert errors[-1] > min(errors)  # else the last epoch would do as well
    assert error_of(result.weights, held_out) == pytest.approx(min(errors))
    assert result.steps == (int(np.argmin(errors)) + 1) * 20 // EPOCHS


def test_a_training_that_only_makes_things_worse_changes_nothing(windows, cuts, held_out):
    rngs = [np.random.default_rng(0)]
    good = run(windows, cuts, initial_weights(SPEC, rngs), TrainingPlan(60, 32, 0.03, 1.0)).weights
    result = run(windows, cuts, good, TrainingPlan(20, 16, 50.0, 1.0), held_out=held_out)
    assert result.steps == 0
    assert_same(result.weights, good)
    assert len(result.history) == EPOCHS
    assert all(entry["val_loss"] >= error_of(good, held_out) for entry in result.history)
    impatient = run(windows, cuts, good, TrainingPlan(20, 16, 50.0, 1.0), held_out=held_out, patience=3)
    assert (len(impatient.history), impatient.steps) == (3, 0)


def test_a_good_start_that_large_steps_make_worse_at_first_is_bettered_in_the_end(windows, cuts, start, held_out):
    good = run(windows, cuts, start, TrainingPlan(60, 32, 0.03, 1.0)).weights
    result = run(windows, cuts, good, TrainingPlan(400, 32, 0.1, 1.0), held_out=held_out)
    errors = [entry["val_loss"] for entry in result.history]
    assert min(errors[:6]) > error_of(good, held_out)
    assert result.steps > 200
    assert error_of(result.weights, held_out) < 0.9 * error_of(good, held_out)


def test_a_round_follows_where_the_one_before_made_the_held_out_error_one_percent_less(windows, cuts, start, held_out):
    def by_hand(*rounds):
        weights, rng, errors = start, np.random.default_rng(5), [error_of(start, held_out)]
        source = CutWindows(windows, cuts, SPEC.horizon)
        for steps in rounds:
            plan = TrainingPlan(steps, 32, 0.03, 1.0)
            weights = train(engine(SPEC), weights, source, plan, [rng], held_out=held_out).weights
            errors.append(error_of(weights, held_out))
        return weights, [after / before for before, after in pairwise(errors)]

    _, ratios = by_hand(20, 400, 20, 20)
    assert max(ratios[:2]) < 0.99 <= ratios[2]  # else the test shows nothing
    plan = TrainingPlan(20, 32, 0.03, 1.0, (400, 20, 20))
    result = run(windows, cuts, start, plan, held_out=held_out)
    assert_same(result.weights, by_hand(20, 400, 20)[0])
    assert result.taken == 440
    rates = [entry["learning_rate"] for entry in result.history]
    assert len(rates) == 3 * EPOCHS
    assert [number for number in range(1, len(rates)) if rates[number] > rates[number - 1]] == [EPOCHS, 2 * EPOCHS]
    seconds = [entry["seconds"] for entry in result.history]
    assert seconds == sorted(seconds)


def test_without_held_out_windows_there_is_one_round(windows, cuts, start):
    assert run(windows, cuts, start, replace(PLAN, further=(20,))).taken == PLAN.steps


def test_without_held_out_windows_the_last_weights_are_kept(windows, cuts, start):
    result = run(windows, cuts, start)
    assert result.steps == PLAN.steps
    assert_same(result.weights, engine(SPEC).take())
    assert all("val_loss" not in entry for entry in result.history)


def test_no_steps_change_nothing(windows, cuts, start):
    result = run(windows, cuts, start, replace(PLAN, steps=0))
    assert_same(result.weights, start)
    assert result.history == []


@pytest.mark.parametrize("steps", [1, 7, 20, 21, 39, 45, 90])
def test_a_training_is_looked_at_at_its_end_and_at_most_as_often_as_announced(windows, cuts, start, steps):
    seen = []
    plan = replace(PLAN, steps=steps)
    result = run(windows, cuts, start, plan, on_epoch=seen.append)
    assert seen == result.history
    assert min(steps, EPOCHS // 2) <= len(seen) <= EPOCHS
    assert seen[-1]["learning_rate"] == plan.rate(steps - 1)


def test_an_epoch_is_told_in_plain_numbers(windows, cuts, start, held_out):
    history = run(windows, cuts, start, held_out=held_out).history
    assert {name: type(value) for name, value in history[0].items()} == {
        "loss": float,
        "val_loss": float,
        "learning_rate": float,
        "clipped": float,
        "update_ratio": float,
        "seconds": float,
    }
    assert all(0 <= a["seconds"] <= b["seconds"] for a, b in pairwise(history))
    assert np.isfinite([entry["loss"] for entry in history]).all()


def test_the_loss_of_an_epoch_is_the_mean_of_its_steps_alone(windows, cuts, start):
    """With all windows in every batch and a vanishing rate, the loss is the error of the start, epoch by epoch."""
    batch = windows.gather(cuts)
    everything = held_out_of(batch, windows.targets(cuts, batch, SPEC.horizon))
    result = run(windows, cuts, start, TrainingPlan(6, len(cuts), 1e-9, 1.0))
    losses = [entry["loss"] for entry in result.history]
    assert losses == pytest.approx([error_of(start, everything)] * 6, rel=1e-4)
    falling = run(windows, cuts, start, TrainingPlan(6, len(cuts), 0.03, 1.0), held_out=everything).history
    later = [entry["loss"] for entry in falling[1:]]
    assert later == pytest.approx([entry["val_loss"] for entry in falling[:-1]], rel=1e-4)


def test_the_update_ratio_is_how_far_the_weights_moved_in_an_epoch_of_their_length(windows, cuts, start):
    taken = [start]
    result = run(windows, cuts, start, on_epoch=lambda entry: taken.append(engine(SPEC).take()))
    for entry, (before, after) in zip(result.history, pairwise(taken), strict=True):
        moved = length_of({name: after[name] - before[name] for name in after})
        assert entry["update_ratio"] == pytest.approx(moved / length_of(before))


@pytest.mark.parametrize(("clip_norm", "clipped"), [(1e-6, 1.0), (1e6, 0.0)])
def test_the_share_of_clipped_gradients_is_that_of_all_members_and_steps_of_an_epoch(clip_norm, clipped, windows, cuts):
    result = run_trio(windows, cuts, replace(PLAN, steps=45, clip_norm=clip_norm))
    assert [entry["clipped"] for entry in result.history] == [clipped] * 15


def test_the_held_out_error_is_that_of_the_median_of_the_members_and_keeps_one_epoch_for_all(windows, cuts, held_out):
    taken = []

    def keep(entry):
        taken.append((engine(TRIO).take(), entry["val_loss"]))

    result = run_trio(windows, cuts, TrainingPlan(20, 16, 0.7, 1.0), held_out=held_out, on_epoch=keep)
    for weights, error in taken:
        assert error == pytest.approx(error_of(weights, held_out, TRIO))
    errors = [error for _, error in taken]
    assert errors[-1] > min(errors)  # else the last epoch would do as well
    assert_same(result.weights, taken[int(np.argmin(errors))][0])


def test_each_member_draws_its_windows_from_its_own_generator(windows, cuts, monkeypatch):
    drawn = []
    gather = windows.gather
    monkeypatch.setattr(windows, "gather", lambda chosen: (drawn.append(chosen.row), gather(chosen))[1])
    run_trio(windows, cuts, replace(PLAN, steps=2))
    run_trio(windows, cuts, replace(PLAN, steps=2), seeds=(5, 9, 7))
    first, other = (np.stack(drawn[part]).reshape(2, 3, PLAN.batch_size) for part in (slice(2), slice(2, 4)))
    assert (first[:, [0, 2]] == other[:, [0, 2]]).all()
    assert all((first[:, 1] != rows).any() for rows in (other[:, 1], first[:, 0], first[:, 2]))


def test_the_same_generator_state_gives_the_same_training(windows, cuts, start, held_out):
    first = run(windows, cuts, start, held_out=held_out)
    again = run(windows, cuts, start, held_out=held_out)
    other = run(windows, cuts, start, held_out=held_out, seed=6)
    assert_same(first.weights, again.weights)
    assert [entry["loss"] for entry in first.history] == [entry["loss"] for entry in again.history]
    assert [entry["loss"] for entry in first.history] != [entry["loss"] for entry in other.history]


def test_every_window_is_drawn_once_before_any_is_drawn_twice(windows, cuts, start, monkeypatch):
    drawn = []
    gather = windows.gather
    monkeypatch.setattr(windows, "gather", lambda chosen: (drawn.append(chosen.row), gather(chosen))[1])
    run(windows, cuts, start, TrainingPlan(9, 25, 0.01, 1.0))
    assert [len(rows) for rows in drawn] == [25] * 9
    rows = np.concatenate(drawn)
    for first in range(0, len(rows), len(cuts)):
        part = rows[first : first + len(cuts)]
        assert len(set(part)) == len(part)
    assert (rows[: len(cuts)] != np.sort(rows[: len(cuts)])).any()


def test_a_batch_may_be_larger_than_there_are_windows(windows, cuts, start):
    few = cuts.take(np.arange(3))
    assert run(windows, few, start, TrainingPlan(2, 8, 0.01, 1.0)).steps == 2


@pytest.mark.parametrize("absurd", [1e9, np.nan])
def test_what_is_held_out_moves_nothing_that_is_trained(path, start, absurd):
    outcomes = []
    for tail in (path[LENGTH - HELD_OUT :], np.full(HELD_OUT, absurd)):
        windows = windows_of(np.concatenate([path[: LENGTH - HELD_OUT], tail]))
        cuts = windows.cuts(SPEC.horizon, least_history=SPEC.lookback, held_out=np.array([HELD_OUT]))
        outcomes.append(run(windows, cuts, start))
    assert_same(outcomes[0].weights, outcomes[1].weights)
    assert [entry["loss"] for entry in outcomes[0].history] == [entry["loss"] for entry in outcomes[1].history]


def test_an_interruption_leaves_the_best_weights_so_far(windows, cuts, start, held_out):
    errors = []

    def stop(entry):
        errors.append(entry["val_loss"])
        if len(errors) == 3:
            raise KeyboardInterrupt

    result = run(windows, cuts, start, TrainingPlan(20, 16, 0.3, 1.0), held_out=held_out, on_epoch=stop)
    assert result.interrupted
    assert len(result.history) == 3
    assert error_of(result.weights, held_out) == pytest.approx(min([error_of(start, held_out), *errors]))
    assert not run(windows, cuts, start).interrupted


def test_an_interruption_without_held_out_windows_leaves_the_weights_of_the_last_epoch(windows, cuts, start):
    taken = []

    def stop(entry):
        taken.append(engine(SPEC).take())
        if len(taken) == 3:
            raise KeyboardInterrupt

    result = run(windows, cuts, start, on_epoch=stop)
    assert result.interrupted
    assert result.steps == 3
    assert_same(result.weights, taken[-1])


def test_an_interruption_before_the_first_epoch_leaves_the_start(windows, cuts, start, held_out, monkeypatch):
    def interrupted(chosen):
        raise KeyboardInterrupt

    monkeypatch.setattr(windows, "gather", interrupted)
    result = run(windows, cuts, start, held_out=held_out)
    assert result.interrupted
    assert result.steps == 0
    assert_same(result.weights, start)


def test_another_error_of_a_callback_is_not_swallowed(windows, cuts, start):
    def fail(entry):
        raise RuntimeError("the store is full")

    with pytest.raises(RuntimeError, match="the store is full"):
        run(windows, cuts, start, on_epoch=fail)
