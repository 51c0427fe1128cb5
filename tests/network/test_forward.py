"""Forecasts in plain NumPy: those of the Keras network, and of the slow textbook, for every shape there is."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from forecasting.network import engine as engine_module
from forecasting.network.engine import Engine
from forecasting.network.forward import forecast
from forecasting.network.spec import NetworkSpec
from forecasting.scaling import part_of
from tests.network.textbook import TEXTBOOK, forward, member, random_weights, random_windows

TOLERANCE = 2e-5
"""Outputs here are of the size of 1 to 10; float32 sums in another order differ by that."""


@st.composite
def specs(draw: st.DrawFn) -> NetworkSpec:
    """Networks with any of the options, alone or together."""
    segment_length, segments = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    lookback = segment_length * segments
    mixed_season = draw(st.sampled_from([0, *range(1, lookback // 2 + 1)]))
    quantiles = draw(st.sampled_from([(), (0.1, 0.5, 0.9), (0.05, 0.2, 0.5, 0.8, 0.95)]))
    return NetworkSpec(
        lookback=lookback,
        horizon=draw(st.integers(1, 7)),
        segment_length=segment_length,
        units=draw(st.integers(1, 6)),
        n_layers=draw(st.integers(1, 3)),
        masked=draw(st.booleans()),
        elapsed=draw(st.booleans()),
        linear_skip=draw(st.booleans()),
        standardised=draw(st.booleans()),
        mixed_season=mixed_season,
        n_members=draw(st.integers(1, 3)),
        past_channels=draw(st.integers(0, 2)),
        future_channels=draw(st.integers(0, 2)),
        static_channels=draw(st.integers(0, 2)),
        loss="pinball" if quantiles else "absolute",
        quantiles=quantiles,
    )


@settings(max_examples=200)
@given(spec=specs(), count=st.integers(1, 9), seed=st.integers(0, 2**32 - 1))
def test_forecasts_are_those_of_the_textbook(spec, count, seed):
    weights = random_weights(spec, seed)
    reading, _ = random_windows(spec, count, seed + 1)
    found = forecast(spec, weights, reading)
    assert found.shape == (spec.n_members, count, spec.n_quantiles * spec.horizon)
    assert found.dtype == np.float32
    expected = [forward(spec, member(weights, number), reading) for number in range(spec.n_members)]
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


@settings(max_examples=12)
@given(spec=specs(), seed=st.integers(0, 2**32 - 1))
def test_forecasts_are_those_of_the_keras_network(spec, seed):
    weights = random_weights(spec, seed)
    reading, _ = random_windows(spec, 5, seed + 1)
    expected = Engine(spec).forecast(weights, reading)
    np.testing.assert_allclose(forecast(spec, weights, reading), expected, rtol=TOLERANCE, atol=TOLERANCE)


def test_no_window_has_no_forecast():
    nothing, _ = random_windows(TEXTBOOK, 0)
    assert forecast(TEXTBOOK, random_weights(TEXTBOOK), nothing).shape == (1, 0, 3)


def test_many_windows_are_forecast_as_each_alone():
    spec = NetworkSpec(12, 5, 3, 4, 2, True, True, True, 3, 2)
    weights, (reading, _) = random_weights(spec), random_windows(spec, 700)
    found = forecast(spec, weights, reading)
    for number in (0, 255, 256, 511, 512, 699):
        alone = forecast(spec, weights, part_of(reading, [number]))
        np.testing.assert_allclose(found[:, [number]], alone, rtol=0, atol=TOLERANCE)


def test_on_an_accelerator_the_network_forecasts_there(monkeypatch):
    weights, (reading, _) = random_weights(TEXTBOOK), random_windows(TEXTBOOK, 3)
    asked = []

    class Elsewhere:
        def forecast(self, given, read):
            asked.append((given, read))
            return np.zeros((1, 3, TEXTBOOK.horizon), np.float32)

    assert not engine_module.on_accelerator()
    monkeypatch.setattr(engine_module, "on_accelerator", lambda: True)
    monkeypatch.setattr(engine_module, "engine", lambda spec: Elsewhere())
    assert (forecast(TEXTBOOK, weights, reading) == 0).all()
    assert asked == [(weights, reading)]


def test_the_number_of_threads_is_as_before_when_the_last_of_many_forecasts_is_made():
    spec = TEXTBOOK
    weights, (reading, _) = random_weights(spec, 0), random_windows(spec, 600, 1)
    before = [(one["internal_api"], one["num_threads"]) for one in threadpool_info()]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: forecast(spec, weights, reading), range(24)))
    assert all((one == found[0]).all() for one in found)
    assert [(one["internal_api"], one["num_threads"]) for one in threadpool_info()] == before
