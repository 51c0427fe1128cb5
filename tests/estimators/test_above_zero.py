"""Where all values are above zero, the forecasts of the automatic target are too, ends of intervals included."""

import numpy as np
import pandas as pd
import pytest

from forecasting import SimpleRNNForecaster
from tests.estimators.made import tiny


def falling(end: float, length: int = 60) -> pd.Series:
    """A straight fall with some noise down to about ``end``: differences say that it goes on below it."""
    values = np.linspace(60.0, end, length) + np.random.default_rng(0).normal(size=length) * 0.2
    return pd.Series(values, index=pd.date_range("2024-01-01", periods=length, freq="D"), name="a")


@pytest.fixture
def only_values(monkeypatch):
    """The automatic target takes the values, whatever logarithms would give."""
    monkeypatch.setattr("forecasting.estimators.preparing._CLEARLY", 2.0)


def ends(forecaster: SimpleRNNForecaster, **given) -> np.ndarray:
    return forecaster.predict(levels=[80], **given).drop(columns=["unique_id", "ds"]).to_numpy()


def test_forecasts_of_a_series_that_was_always_above_zero_stay_there(only_values):
    free, kept = (tiny(horizon=8, target=target).fit(falling(2.0)) for target in ("none", "auto"))
    assert kept.target_ == "none"
    assert (free.above_zero_, kept.above_zero_) == (False, True)
    assert ends(free).min() < 0 < ends(kept).min()
    assert kept.predict_paths(20, random_state=0)["SimpleRNN"].min() > 0
    high = ends(free) > 6  # above what was seen lately, nothing changes
    assert ends(kept)[high].tolist() == ends(free)[high].tolist()


def test_series_that_were_ever_below_zero_may_go_there_again(only_values):
    forecaster = tiny(horizon=8).fit(falling(-2.0))
    assert not forecaster.above_zero_
    assert ends(forecaster).min() < 0


def test_the_held_out_forecasts_are_kept_above_zero_as_well_and_a_stored_forecaster_knows(only_values, tmp_path):
    forecaster = tiny(horizon=8).fit(falling(0.5))
    assert forecaster.validation_["SimpleRNN"].min() > 0
    forecaster.save(tmp_path / "kept")
    again = SimpleRNNForecaster.load(tmp_path / "kept")
    assert again.above_zero_
    np.testing.assert_array_equal(ends(again), ends(forecaster))
