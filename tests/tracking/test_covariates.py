"""A served model with covariates: further columns, and rows behind the last value for those known ahead."""

import mlflow
import numpy as np
import pandas as pd
import pytest

from forecasting.errors import DataError
from forecasting.tracking.packing import input_example, save_served_model
from forecasting.tracking.served_frames import served_frame
from tests.estimators.covered import covered_frame, split
from tests.estimators.made import HORIZON, tiny


def test_a_served_model_forecasts_with_covariates_as_the_forecaster_does(tmp_path):
    train, test = split(covered_frame((60, 50)))
    forecaster = tiny(
        past_covariates=["noise"],
        future_covariates=["heat", "promotion"],
        static_covariates=["region"],
        max_steps=1,
        levels=[80],
    ).fit(train)
    example = input_example(train, forecaster)
    assert example["y"].isna().sum() == HORIZON
    save_served_model(tmp_path / "model", forecaster, example, run_id="0" * 32, model_id="m-" + "0" * 32)
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    assert model.metadata.signature.inputs.input_names() == [
        "unique_id",
        "ds",
        "y",
        "noise",
        "heat",
        "promotion",
        "region",
    ]
    both = train.merge(test.assign(y=np.nan), how="outer")
    found, expected = model.predict(both), forecaster.predict(future=test)
    assert found["SimpleRNN"].to_numpy() == pytest.approx(expected["SimpleRNN"].to_numpy(), rel=1e-5)


def test_a_served_model_puts_irregular_times_on_the_grid_that_was_fitted(tmp_path):
    rng = np.random.default_rng(0)
    ds = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.choice(60 * 1440, 150, replace=False)), unit="min")
    frame = pd.DataFrame({"unique_id": "a", "ds": ds, "y": rng.normal(20, 1, 150)})
    forecaster = tiny(frequency="D", irregular="mean", gaps="mask", max_steps=1, levels=[80]).fit(frame[:120])
    example = input_example(forecaster.panel_.frame(), forecaster)
    save_served_model(tmp_path / "model", forecaster, example, run_id="0" * 32, model_id="m-" + "0" * 32)
    found = mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(frame)
    expected = forecaster.predict(data=frame)
    assert (found["ds"].to_numpy() == expected["ds"].to_numpy()).all()
    assert found["SimpleRNN"].to_numpy() == pytest.approx(expected["SimpleRNN"].to_numpy(), rel=1e-5)


def test_a_missing_covariate_is_named():
    frame = covered_frame((10,))[["unique_id", "ds", "y", "heat"]]
    assert list(served_frame(frame, tz=None, integer_steps=False, covariates=["heat"])) == list(frame)
    with pytest.raises(DataError, match="the columns noise are missing"):
        served_frame(frame, tz=None, integer_steps=False, covariates=["heat", "noise"])
