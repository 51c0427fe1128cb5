"""Direct and recursive forecasts of several steps, from one fitted forecaster."""

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import DataError, ParameterError
from tests.estimators.covered import covered_frame, split
from tests.estimators.made import HORIZON, one, tiny, values


def test_a_recursive_forecast_is_the_first_step_of_direct_ones_from_its_own_forecasts():
    series = one()
    forecaster = tiny().fit(series)
    known = series.copy()
    for _ in range(HORIZON + 2):
        ahead = forecaster.predict(1, data=known)
        known.loc[ahead["ds"].iloc[0]] = ahead["SimpleRNN"].iloc[0]
    found = forecaster.predict(HORIZON + 2, strategy="recursive")["SimpleRNN"].to_numpy()
    assert found == pytest.approx(known.to_numpy()[len(series) :], rel=1e-6)


@pytest.mark.parametrize("target", ["none", "log_return", "seasonal_difference"])
def test_the_strategies_agree_in_the_first_step_and_differ_behind_it(target, frame):
    forecaster = tiny(target=target).fit(frame)
    direct, recursive = (
        np.array(values(forecaster.predict(strategy=strategy))).reshape(-1, HORIZON)
        for strategy in ("direct", "recursive")
    )
    assert recursive[:, 0].tolist() == direct[:, 0].tolist()
    assert (np.abs(recursive - direct)[:, 1:] > 1e-6).all()


def test_recursive_forecasts_read_what_is_known_ahead_of_every_step():
    data, ahead = split(covered_frame(), 2 * HORIZON - 1)
    forecaster = tiny(future_covariates=["heat"], linear_skip=False, combine_naive=False).fit(data)
    found = forecaster.predict(future=ahead, strategy="recursive").groupby("unique_id")["SimpleRNN"]
    known = data
    for step in range(HORIZON):
        nearest = forecaster.predict(1, data=known, future=ahead)
        assert found.nth(step).to_numpy() == pytest.approx(nearest["SimpleRNN"].to_numpy(), rel=1e-6)
        added = nearest.rename(columns={"SimpleRNN": "y"}).merge(ahead[["unique_id", "ds", "heat"]])
        known = pd.concat([known, added], ignore_index=True)
    with pytest.raises(DataError, match="lacks 2 rows of the 7 steps"):
        forecaster.predict(future=split(ahead, 1)[0], strategy="recursive")


def test_values_that_nobody_knows_are_not_read_recursively():
    forecaster = tiny(past_covariates=["noise"]).fit(covered_frame())
    assert len(forecaster.predict(1, strategy="recursive"))
    with pytest.raises(ParameterError, match=r"4 steps are more than the 1 of one reading.*strategy='direct'"):
        forecaster.predict(strategy="recursive")


def ar_1(n_series: int, length: int, seed: int, share: float = 0.8) -> pd.DataFrame:
    """Series that each remember a share of their last value, and move by standard normal noise."""
    noise = np.random.default_rng(seed).normal(size=(n_series, length + 50))
    for step in range(1, noise.shape[1]):
        noise[:, step] += share * noise[:, step - 1]
    ids, steps = np.repeat(np.arange(n_series), length), np.tile(np.arange(length), n_series)
    return pd.DataFrame({"unique_id": [f"s{number:03d}" for number in ids], "ds": steps, "y": noise[:, 50:].ravel()})


@pytest.fixture(scope="module")
def remembering():
    """Fitted to an AR(1) process, whose forecasts miss by a standard deviation that is known."""
    forecaster = tiny(season_length=1, lookback=40, segment_length=8, target="none", max_steps=100, levels=[80])
    return forecaster.set_params(combine_naive=False).fit(ar_1(4, 500, 0))


def test_simulated_intervals_cover_an_ar_1_process_and_are_as_wide_as_they_should_be(remembering):
    steps, later = 6, ar_1(250, 60 + 6, 1)
    place = later.groupby("unique_id").cumcount()
    asked = {"data": later[place < 60], "strategy": "recursive", "levels": [80, 95]}
    forecast = remembering.predict(steps, **asked).merge(later, on=["unique_id", "ds"])
    for level, score in ((80, 1.2816), (95, 1.96)):
        low, high = (forecast[f"SimpleRNN-{end}-{level}"] for end in ("lo", "hi"))
        assert 100 * forecast["y"].between(low, high).mean() == pytest.approx(level, abs=3)
        half = ((high - low) / 2).to_numpy().reshape(-1, steps).mean(axis=0)
        expected = score * np.sqrt((1 - 0.8 ** (2 * np.arange(1, steps + 1))) / (1 - 0.8**2))
        assert half == pytest.approx(expected, rel=0.2)
        assert (np.diff(half) > 0).all()


def test_the_first_simulated_step_has_the_interval_of_the_direct_forecast(remembering):
    direct, simulated = (remembering.predict(1, strategy=strategy) for strategy in ("direct", "recursive"))
    width = (direct["SimpleRNN-hi-80"] - direct["SimpleRNN-lo-80"]).to_numpy()
    for column in ("SimpleRNN-lo-80", "SimpleRNN-hi-80"):
        assert ((simulated[column] - direct[column]).to_numpy() / width) == pytest.approx(0, abs=0.08)


@pytest.mark.parametrize("learned", [None, [0.1, 0.9]])
def test_simulated_quantiles_do_not_move_the_forecast_never_cross_and_repeat_themselves(frame, learned):
    forecaster = tiny(learned_quantiles=learned, target="log", levels=[80]).fit(frame)
    shares = [0.02, 0.1, 0.45, 0.5, 0.55, 0.9, 0.98]
    found, again = (forecaster.predict(7, quantiles=shares, strategy="recursive") for _ in range(2))
    points = forecaster.predict(7, levels=[], strategy="recursive")
    assert found["SimpleRNN"].tolist() == points["SimpleRNN"].tolist() == found["SimpleRNN-q-0.5"].tolist()
    quantiles = found[[f"SimpleRNN-q-{share}" for share in shares]].to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert (quantiles > 0).all()
    assert found["SimpleRNN-q-0.9"].tolist() == found["SimpleRNN-hi-80"].tolist()
    pd.testing.assert_frame_equal(found, again)
    other = forecaster.set_params(random_state=1).predict(7, quantiles=shares, strategy="recursive")
    assert other["SimpleRNN"].tolist() == found["SimpleRNN"].tolist()
    assert other["SimpleRNN-q-0.9"].tolist() != found["SimpleRNN-q-0.9"].tolist()


def test_simulated_futures_read_what_is_known_ahead_and_histories_with_gaps():
    data, ahead = split(covered_frame(), 2 * HORIZON - 1)
    forecaster = tiny(future_covariates=["heat"], static_covariates=["region"], gaps="mask").fit(data.drop(index=[20]))
    forecast = forecaster.predict(levels=[80], future=ahead, strategy="recursive")
    assert (forecast["SimpleRNN-lo-80"] < forecast["SimpleRNN-hi-80"]).all()
    with pytest.raises(DataError, match="lacks 2 rows of the 7 steps"):
        forecaster.predict(levels=[80], future=split(ahead, 1)[0], strategy="recursive")


def test_simulated_futures_need_no_values_that_nobody_knows():
    forecaster = tiny(past_covariates=["noise"]).fit(covered_frame())
    assert len(forecaster.predict(1, levels=[80], strategy="recursive"))
    with pytest.raises(ParameterError, match=r"4 steps are more than the 1 of one reading.*strategy='direct'"):
        forecaster.predict(levels=[80], strategy="recursive")


def test_many_series_are_simulated_in_parts(frame, monkeypatch):
    forecaster = tiny(levels=[80]).fit(frame)
    monkeypatch.setattr("forecasting.estimators.simulating._PATHS_AT_ONCE", 600)
    forecast = forecaster.predict(strategy="recursive")
    assert len(forecast) == 3 * HORIZON
    assert (forecast["SimpleRNN-lo-80"] < forecast["SimpleRNN-hi-80"]).all()


def test_another_strategy_is_refused(frame):
    with pytest.raises(ParameterError, match="strategy must be one of 'direct', 'recursive', not 'both'"):
        tiny().fit(frame).predict(strategy="both")


def test_a_recursive_forecast_with_levels_leaves_a_random_generator_as_it_is():
    forecaster = tiny(random_state=np.random.RandomState(3)).fit(one(60))
    state = forecaster.random_state.get_state()[1].tolist()
    first, second = (forecaster.predict(3, strategy="recursive", levels=[80]) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert forecaster.random_state.get_state()[1].tolist() == state
