"""Health: the gradient by lag against slow ways to find it, states and kernels with numbers known beforehand."""

import dataclasses
import json

import numpy as np
import pytest

from forecasting.errors import DataError
from forecasting.network.engine import engine
from forecasting.network.gradient_by_lag import forward, squared_gradient
from forecasting.network.health import Health, health
from forecasting.network.spec import NetworkSpec, Weights, initial_weights
from forecasting.scaling import Reading, part_of
from tests.network.textbook import TEXTBOOK, doubles, quantiles, random_windows, read_by_segment, recurrence

STACKED = NetworkSpec(lookback=12, horizon=3, segment_length=3, units=5, n_layers=3, masked=True, linear_skip=True)
MIXING = dataclasses.replace(STACKED, n_layers=2, horizon=5, masked=False, standardised=True, mixed_season=3)
COVARIATES = dataclasses.replace(
    MIXING, masked=True, elapsed=True, past_channels=2, future_channels=1, static_channels=1
)
QUANTILES = dataclasses.replace(COVARIATES, quantiles=(0.1, 0.3, 0.5, 0.7, 0.9), loss="pinball")
SHAPES = [TEXTBOOK, STACKED, MIXING, COVARIATES, QUANTILES, dataclasses.replace(STACKED, n_layers=2, linear_skip=False)]

WELL = Health(
    segment_length=24,
    season_length=24,
    linear_skip=True,
    gradient=(1.0, 0.6, 0.3, 0.1),
    gradient_by_layer=((1.0, 0.6, 0.3, 0.1),),
    saturated=(0.02,),
    still=(0.0,),
    spectral_radius=(0.97,),
    largest_singular_value=(1.2,),
    idle=0.0,
    diverged=0.0,
    clip_rate=0.1,
    update_ratio=0.05,
)


def member(spec: NetworkSpec, seed: int = 0) -> Weights:
    """Weights of one network, none of which is zero or special."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(0, 0.4, shape).astype(np.float32) for name, shape in spec.shapes().items()}


def untrained(spec: NetworkSpec) -> Weights:
    return {name: weight[0] for name, weight in initial_weights(spec, [np.random.default_rng(0)]).items()}


def ensemble(*members: Weights) -> Weights:
    return {name: np.stack([weights[name] for weights in members]) for name in members[0]}


def one_unit(recurrent: float, segments: int, head: float = 2.0, kernel: float = 0.0) -> tuple[NetworkSpec, Weights]:
    """One unit reading one step at a time."""
    spec = NetworkSpec(segments, 1, segment_length=1, units=1, n_layers=1, masked=False, linear_skip=False)
    given = {"rnn_0.kernel": kernel, "rnn_0.recurrent_kernel": recurrent, "head.kernel": head}
    return spec, {name: np.full(shape, given.get(name, 0.0), np.float32) for name, shape in spec.shapes().items()}


def windows(inputs: np.ndarray) -> Reading:
    """Windows of which every step is observed."""
    return {"window": inputs, "observed": np.ones_like(inputs)}


def examine(spec: NetworkSpec, weights: Weights, count: int = 40, **options) -> Health:
    reading, _ = random_windows(spec, count)
    return health(spec, ensemble(weights), reading, **options)


@pytest.mark.parametrize("spec", SHAPES)
def test_the_forward_pass_is_that_of_the_keras_network(spec):
    weights = member(spec)
    reading, _ = random_windows(spec, 20)
    expected = engine(spec).forecast(ensemble(weights), reading)[0]
    found = forward(spec, weights, reading)
    np.testing.assert_allclose(found.forecast, expected, rtol=2e-6, atol=2e-6)
    assert found.states.shape == (spec.n_layers, spec.segments, 20, spec.units)


def forecast_from_states(spec, weights, states, first, reading):
    """The recurrent part of the forecast in float64, begun behind segment ``first`` with given states of all layers."""
    weights, inputs = doubles(weights), reading["window"].astype(float)
    read = read_by_segment(spec, doubles(reading))
    states = list(states)
    for segment in range(first + 1, spec.segments):
        total = read[:, segment]
        for layer in range(spec.n_layers):
            given = total
            if layer:
                spread = np.sqrt(total.var(axis=1, keepdims=True) + 1e-3)
                given = (total - total.mean(axis=1, keepdims=True)) / spread
                given = given * weights[f"norm_{layer}.gamma"] + weights[f"norm_{layer}.beta"]
            states[layer] = np.tanh(
                given @ weights[f"rnn_{layer}.kernel"]
                + states[layer] @ weights[f"rnn_{layer}.recurrent_kernel"]
                + weights[f"rnn_{layer}.bias"]
            )
            total = total + states[layer] if layer else states[layer]
    last = sum(states)
    if spec.future_channels:
        known = reading["future"].reshape(len(last), -1) @ weights["ahead.kernel"]
        last = last + np.tanh(known + last @ weights["ahead.recurrent_kernel"] + weights["ahead.bias"])
    forecast = last @ weights["head.kernel"]
    if spec.mixed_season:
        share = last @ weights["mix.kernel"]
        seasons = inputs.reshape(len(inputs), -1, spec.mixed_season)
        apart = seasons[:, :-1] - seasons[:, -1:]
        for step in range(spec.horizon):
            ahead, within = divmod(step, spec.mixed_season)
            for past in range(apart.shape[1]):
                forecast[:, step] += share[:, ahead * apart.shape[1] + past] * apart[:, past, within]
    return (
        quantiles(spec, forecast, last @ weights["spread.kernel"] + weights["spread.bias"]) if spec.gaps else forecast
    )


@pytest.mark.parametrize("spec", SHAPES)
def test_the_gradient_by_lag_agrees_with_moving_every_state_up_and_down(spec):
    weights = member(spec)
    reading, _ = random_windows(spec, 6)
    run = forward(spec, weights, reading)
    outputs = np.repeat(np.eye(spec.n_quantiles * spec.horizon, dtype=np.float32)[:, None], 6, axis=1)
    expected = np.zeros((spec.segments, spec.n_layers))
    for lag in range(spec.segments):
        first = spec.segments - 1 - lag
        states = run.states[:, first].astype(float)
        for layer in range(spec.n_layers):
            for unit in range(spec.units):
                ends = []
                for move in (1e-5, -1e-5):
                    moved = states.copy()
                    moved[layer, :, unit] += move
                    ends.append(forecast_from_states(spec, weights, moved, first, reading))
                expected[lag, layer] += np.square((ends[0] - ends[1]) / 2e-5).sum(axis=1).mean()
    np.testing.assert_allclose(squared_gradient(spec, weights, reading, run, outputs), expected, rtol=1e-4)


def test_a_unit_that_keeps_half_of_its_state_remembers_seven_segments():
    spec, weights = one_unit(recurrent=0.5, segments=10)
    found = health(spec, ensemble(weights), windows(np.zeros((3, 10), np.float32)), season_length=2)
    assert found.gradient == pytest.approx([0.5**lag for lag in range(10)])
    assert found.gradient_by_layer == (found.gradient,)
    assert (found.memory_segments, found.memory_steps, found.memory_seasons) == (7, 7, 3.5)  # 1/128 is gone
    assert found.fades
    assert found.mean_lag == pytest.approx(np.average(np.arange(10), weights=0.5 ** np.arange(10)))
    assert (found.spectral_radius, found.largest_singular_value) == ((0.5,), (0.5,))


def test_a_driven_unit_passes_on_the_slope_of_its_tanh():
    spec, weights = one_unit(recurrent=0.0, segments=2, kernel=1.0)
    weights["rnn_0.recurrent_kernel"][:] = 0.8
    inputs = np.array([[0.3, -1.2]], np.float32)
    last = np.tanh(-1.2 + 0.8 * np.tanh(0.3))
    found = health(spec, ensemble(weights), windows(inputs))
    assert found.gradient == pytest.approx((1.0, 0.8 * (1 - last**2)))


def test_a_gradient_that_grows_over_hundreds_of_steps_stays_a_finite_number():
    spec, weights = one_unit(recurrent=1.5, segments=400)
    still = np.zeros((2, 400), np.float32)
    found = health(spec, ensemble(weights), windows(still))
    assert found.gradient[:4] == pytest.approx((1.0, 1.5, 2.25, 3.375))
    assert found.explodes
    assert not found.fades
    assert np.isfinite(found.gradient).all()
    assert "grows to" in found.diagnosis
    _, shrinking = one_unit(recurrent=0.25, segments=400)
    assert health(spec, ensemble(shrinking), windows(still)).gradient[40] == pytest.approx(0.25**40)


def test_an_orthogonal_start_without_input_neither_vanishes_nor_explodes():
    spec = dataclasses.replace(TEXTBOOK, lookback=50)
    weights = untrained(spec)
    weights["rnn_0.kernel"][:] = 0
    found = examine(spec, weights)
    assert found.gradient == pytest.approx(np.ones(50), abs=1e-4)
    assert found.spectral_radius == pytest.approx((1.0,), abs=1e-5)
    assert found.largest_singular_value == pytest.approx((1.0,), abs=1e-5)


def test_layers_add_up_in_squares():
    found = examine(STACKED, member(STACKED), products=None)
    by_layer = np.array(found.gradient_by_layer)
    assert by_layer.shape == (3, 4)
    assert found.gradient == pytest.approx(np.sqrt(np.square(by_layer).mean(axis=0)))


def test_random_directions_estimate_the_norm_over_all_outputs():
    spec = NetworkSpec(lookback=48, horizon=24, segment_length=4, units=16, n_layers=2, masked=False, linear_skip=False)
    weights = untrained(spec)
    exact, estimated = examine(spec, weights, 300, products=None), examine(spec, weights, 300)
    assert exact.gradient != estimated.gradient
    assert estimated.gradient == pytest.approx(np.array(exact.gradient), rel=0.03)


def test_members_are_pooled_and_the_order_does_not_matter():
    first, second = member(STACKED, 0), member(STACKED, 1)
    reading, _ = random_windows(STACKED, 30)
    both = health(STACKED, ensemble(first, second), reading)
    alone = [health(STACKED, ensemble(weights), reading) for weights in (first, second)]
    assert both == health(STACKED, ensemble(second, first), reading)
    for name in ("saturated", "still", "spectral_radius", "largest_singular_value"):
        assert getattr(both, name) == pytest.approx(np.mean([getattr(one, name) for one in alone], axis=0))
    lowest, highest = np.sort([one.gradient for one in alone], axis=0)
    assert (lowest - 1e-9 <= both.gradient).all()
    assert (both.gradient <= highest + 1e-9).all()


def test_saturated_states_and_still_units_are_counted():
    spec = dataclasses.replace(TEXTBOOK, horizon=1)
    weights = {name: np.zeros(shape, np.float32) for name, shape in spec.shapes().items()}
    weights["rnn_0.bias"][:2] = 5.0  # saturated and still: two units of five
    weights["rnn_0.kernel"][0, 2] = 1.0  # moves, and two more units stay at zero
    weights["head.kernel"][:] = 1.0
    found = health(spec, ensemble(weights), windows(random_windows(spec, 30)[0]["window"] / 10))
    assert found.saturated == pytest.approx((0.4,))
    assert found.still == pytest.approx((0.8,))
    assert "40 % of the states of recurrent layer 0 are saturated" in found.diagnosis
    assert "80 % of the units of recurrent layer 0 are the same in every window" in found.diagnosis


def test_saturation_agrees_with_the_plain_recurrence():
    weights = member(TEXTBOOK)
    weights["rnn_0.kernel"] *= 20
    reading, _ = random_windows(TEXTBOOK, 50)
    states = recurrence(reading["window"].astype(float)[:, :, None], doubles(weights))[1:]
    share = np.mean([np.abs(state) > 0.99 for state in states])
    assert 0.1 < share < 0.9
    assert health(TEXTBOOK, ensemble(weights), reading).saturated == pytest.approx((share,), abs=2e-3)


def test_one_window_cannot_tell_whether_a_unit_is_still():
    assert examine(TEXTBOOK, member(TEXTBOOK), count=1).still == (0.0,)


def test_a_head_of_zero_is_a_recurrence_that_adds_nothing():
    found = examine(STACKED, untrained(STACKED))
    assert found.gradient == (0.0,) * 4
    assert (found.idle, found.memory_segments, found.mean_lag) == (1.0, 0, 0.0)
    assert found.diagnosis.startswith("The recurrence adds nothing to the linear forecast")
    reading, _ = random_windows(STACKED, 20)
    start, moved = untrained(STACKED), member(STACKED)
    mixed = health(STACKED, ensemble(start, moved), reading)
    assert mixed.idle == 0.5
    assert mixed.gradient == pytest.approx(health(STACKED, ensemble(moved), reading).gradient)
    assert mixed.diagnosis.startswith("50 % of the networks add nothing")


def test_a_network_that_diverged_is_named_and_does_not_spoil_the_others():
    broken = member(STACKED)
    broken["rnn_1.recurrent_kernel"] = np.full_like(broken["rnn_1.recurrent_kernel"], np.nan)
    reading, _ = random_windows(STACKED, 20)
    found = health(STACKED, ensemble(broken, member(STACKED)), reading)
    assert found.diverged == 0.5
    assert found.gradient == health(STACKED, ensemble(member(STACKED)), reading).gradient
    assert found.diagnosis.startswith("50 % of the networks have weights that are not finite")
    alone = health(STACKED, ensemble(broken), reading)
    assert alone.diverged == 1.0
    assert np.isfinite(list(alone.as_metrics().values())).all()


def test_only_some_of_many_windows_are_read_from_the_first_to_the_last():
    weights = member(TEXTBOOK)
    reading, _ = random_windows(TEXTBOOK, 2000)
    some = np.unique(np.linspace(0, 1999, 256).astype(int))
    found = health(TEXTBOOK, ensemble(weights), reading)
    assert found == health(TEXTBOOK, ensemble(weights), part_of(reading, some))
    assert {some[0], some[-1]} == {0, 1999}


def test_the_training_is_summed_up_from_the_epochs_that_tell():
    history = [{"loss": 1.0}, {"clipped": 1.0, "update_ratio": 0.5}, {"clipped": 0.5, "update_ratio": 0.1}]
    history.append({"clipped": 0.0, "update_ratio": 0.03})
    found = examine(TEXTBOOK, member(TEXTBOOK), history=history)
    assert (found.clip_rate, found.update_ratio) == (0.5, 0.1)
    unknown = examine(TEXTBOOK, member(TEXTBOOK), history=[{"loss": 1.0}])
    assert (unknown.clip_rate, unknown.update_ratio) == (None, None)
    assert {"health.clip_rate", "health.update_ratio"} == set(found.as_metrics()) - set(unknown.as_metrics())


def test_without_a_window_there_is_nothing_to_examine():
    with pytest.raises(DataError, match="no window"):
        examine(TEXTBOOK, member(TEXTBOOK), count=0)


def test_what_is_well_is_said_with_its_reach():
    assert WELL.problems == ()
    assert WELL.diagnosis == (
        "All is well: the gradient of the forecast reaches all 4 segments (96 steps, 4 seasons), and no layer is"
        " saturated or idle (spectral radius 0.97)."
    )
    without_season = dataclasses.replace(WELL, season_length=1)
    assert "reaches all 4 segments (96 steps), and" in without_season.diagnosis


FORGETS = (1.0, 0.2, 0.05, *[0.001] * 11)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"gradient": FORGETS},
            "The gradient of the forecast falls below 1 % after 3 of 14 segments (72 steps, 3 seasons) (spectral radius"
            " 0.97): the recurrence does not use the older part of its look-back; only the linear skip reads it."
            " Use a longer segment_length if that part matters, or a shorter lookback if it does not.",
        ),
        (
            {"gradient": (1.0, 8.0, 40.0, 5.0)},
            "The gradient of the forecast grows to 40 times its size over 2 segments (spectral radius 0.97):"
            " lower learning_rate or clip_norm, or use a longer segment_length.",
        ),
        (
            {"clip_rate": 0.97},
            "97 % of the training steps were clipped, so that long and short gradients count alike: raise clip_norm.",
        ),
        ({"update_ratio": 0.7}, "An epoch changes the weights by 70 % of their norm: lower learning_rate."),
        (
            {"update_ratio": 0.0004},
            "An epoch changes the weights by only 0.0004 of their norm: raise learning_rate.",
        ),
    ],
)
def test_what_is_wrong_is_said_with_what_to_change(change, sentence):
    found = dataclasses.replace(WELL, **change)
    assert found.problems == (sentence,)
    assert found.diagnosis == sentence


def test_several_problems_are_several_sentences():
    found = dataclasses.replace(WELL, gradient=FORGETS, clip_rate=0.95, linear_skip=False)
    assert len(found.problems) == 2
    assert found.diagnosis == " ".join(found.problems)
    assert "linear skip" not in found.diagnosis


def test_metrics_are_plain_finite_numbers_by_flat_names():
    found = examine(STACKED, member(STACKED), season_length=3)
    metrics = found.as_metrics()
    assert {type(value) for value in metrics.values()} == {float}
    assert metrics["health.memory_steps"] == found.memory_steps
    assert metrics["health.saturated.layer_2"] == found.saturated[2]
    assert metrics["health.gradient_oldest"] == found.gradient[-1]


def test_health_goes_through_json_and_back():
    found = examine(STACKED, member(STACKED), history=[{"clipped": 0.25}])
    assert Health.from_dict(json.loads(json.dumps(found.as_dict(), allow_nan=False))) == found
