"""The default space: what is in it for which series, and that all of it can be fitted."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from forecasting import SimpleRNNForecaster, to_panel
from forecasting.estimators.planning import divide
from forecasting.targets import is_target
from forecasting.tuning.space import as_distributions, default_space, in_words, within


def panel(lengths=(200, 150), frequency="D", start=100.0):
    rng = np.random.default_rng(0)
    parts = [
        pd.DataFrame(
            {
                "unique_id": f"s{number}",
                "ds": pd.date_range("2024-01-01", periods=length, freq=frequency),
                "y": start + rng.normal(size=length),
            }
        )
        for number, length in enumerate(lengths)
    ]
    return to_panel(pd.concat(parts))[0]


def test_the_space_follows_season_length_and_sign_of_the_series() -> None:
    space = dict(default_space(SimpleRNNForecaster(7), panel(), 7))
    rate = space.pop("learning_rate")

    assert space == {
        "lookback": [None, 14, 28, 49],  # half of 150 - 14 steps at most
        "target": ["auto", "difference", "log_return"],
        "units": [32, 64, 128],
        "n_layers": [1, 2, 3],
    }
    assert in_words(rate) == "0.0005 to 0.008 (log)"
    assert "log_return" not in default_space(SimpleRNNForecaster(7), panel(start=0.0), 7)["target"]
    hourly = default_space(SimpleRNNForecaster(24), panel((900,), "h"), 24)
    assert (hourly["lookback"], hourly["segment_length"]) == ([None, 48, 96, 168, 336], [None, 12])
    stated = default_space(SimpleRNNForecaster(7, segment_length=2), panel(), 7)
    assert stated["lookback"] == [None, 28, 56]
    assert "segment_length" not in stated


@pytest.mark.parametrize(
    ("parameters", "series"),
    [
        ({}, panel()),
        ({"season_length": 1}, panel()),
        ({"season_length": 12}, panel((80, 400))),
        ({"segment_length": 3}, panel((400,))),
        ({}, panel((40,), "MS")),
        ({}, panel((900, 2000), "h")),
    ],
)
@pytest.mark.parametrize("horizon", [1, 12])
def test_every_look_back_and_segment_can_be_fitted_and_every_target_is_known(parameters, series, horizon) -> None:
    estimator = SimpleRNNForecaster(horizon, **parameters)
    space = default_space(estimator, series, horizon)

    for lookback, segment in product(space.get("lookback", [None]), space.get("segment_length", [None])):
        divide(
            series,
            horizon=horizon,
            season_length=estimator.season_length,
            lookback=lookback,
            segment_length=segment or estimator.segment_length,
        )
    assert all(is_target(name) for name in space["target"])
    assert set(space) <= set(estimator.get_params())


def test_the_defaults_of_the_forecaster_lie_in_its_space() -> None:
    estimator = SimpleRNNForecaster(7)
    distributions = as_distributions(default_space(estimator, panel(), 7), estimator)

    assert set(within(distributions, estimator.get_params())) == set(distributions)
    assert "units" not in within(distributions, SimpleRNNForecaster(7, units=48).get_params())
    assert "learning_rate" not in within(distributions, SimpleRNNForecaster(7, learning_rate=0.1).get_params())
