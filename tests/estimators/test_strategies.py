"""Direct and recursive forecasts of several steps, from one fitted forecaster."""

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import DataError, ParameterError
from tests.estimators.covered import covered_frame, split
from tests.estimators.made import HORIZON, long_frame, one, tiny, values


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


@pytest.mark.parametrize("given", [{"levels": [80]}, {"quantiles": [0.5]}])
def test_recursive_forecasts_have_no_calibrated_interval(given):
    forecaster = tiny(levels=[80]).fit(long_frame())
    with pytest.raises(ParameterError, match="calibrated on direct forecasts"):
        forecaster.predict(strategy="recursive", **given)
    assert len(forecaster.predict(strategy="recursive", levels=[]))


def test_another_strategy_is_refused(frame):
    with pytest.raises(ParameterError, match="strategy must be one of 'direct', 'recursive', not 'both'"):
        tiny().fit(frame).predict(strategy="both")
