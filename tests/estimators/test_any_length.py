"""Any length of input: what the look-back costs in weights, and histories of any length at `predict`."""

import numpy as np
import pandas as pd
import pytest

from tests.estimators.made import HORIZON, TINY, long_frame, one, tiny


def parameters(lookback: int, **changes) -> int:
    made = {"linear_skip": False, "max_steps": 2, "lookback": lookback, **changes}
    return tiny(**made).fit(long_frame((200, 180))).n_parameters_


@pytest.mark.parametrize("n_layers", [1, 2])
def test_the_size_of_the_recurrent_part_does_not_depend_on_the_look_back(n_layers):
    steps = {"target": "difference", "n_layers": n_layers}  # of which no seasons are mixed
    assert parameters(8, **steps) == parameters(32, **steps)


def test_only_the_linear_skip_and_the_mixing_of_seasons_grow_with_the_look_back():
    season, units = TINY["season_length"], TINY["units"]
    recurrent = season * units + units * units + units + units * HORIZON + HORIZON
    for lookback in (8, 32):
        mixing = (units + 1) * (lookback // season - 1)  # a share of each season before the last
        assert parameters(lookback) == recurrent + mixing
        assert parameters(lookback, linear_skip=True) == recurrent + mixing + lookback * HORIZON


def test_histories_shorter_and_longer_than_the_look_back_are_forecast_side_by_side():
    forecaster = tiny(lookback=32, levels=[80]).fit(long_frame((200, 180)))
    lengths = (1, 5, 31, 32, 33, 500)
    histories = pd.concat(
        one(length, seed=length).rename_axis("ds").reset_index(name="y").assign(unique_id=f"{length} steps")
        for length in lengths
    )
    forecast = forecaster.predict(data=histories).set_index("unique_id")
    assert len(forecast) == len(lengths) * HORIZON
    assert np.isfinite(forecast.drop(columns="ds").to_numpy()).all()
    for length in lengths:
        alone = histories[histories["unique_id"] == f"{length} steps"]
        pd.testing.assert_frame_equal(
            forecaster.predict(data=alone).set_index("unique_id"), forecast.loc[[f"{length} steps"]]
        )
        assert (forecast.loc[[f"{length} steps"], "ds"] > alone["ds"].max()).all()


def test_what_lies_before_the_reach_of_a_long_history_does_not_move_its_forecast():
    forecaster = tiny(lookback=32).fit(long_frame((200, 180)))
    long = one(500)
    wild = long.copy()
    wild.iloc[:400] = 1e6
    pd.testing.assert_frame_equal(forecaster.predict(data=long), forecaster.predict(data=wild), rtol=1e-5)
