"""A served model with covariates: further columns, and rows behind the last value for those known ahead."""

import json

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.models import Model

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


def test_the_example_of_a_model_that_lets_gaps_in_carries_over_what_is_known_ahead():
    train = covered_frame((60, 50))
    train.loc[train.index[58], "heat"] = np.nan
    train = train.drop(index=train.index[57])
    forecaster = tiny(future_covariates=["heat"], gaps="mask", max_steps=1).fit(train)
    example = input_example(forecaster.panel_.frame(), forecaster)
    known, ahead = example[example["y"].notna()], example.tail(HORIZON)
    assert ahead["heat"].notna().all()
    assert len(forecaster.predict(data=known, future=ahead)) == HORIZON


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
    kinds = {"heat": "numbers", "noise": "numbers"}
    assert list(served_frame(frame, tz=None, integer_steps=False, covariates={"heat": "numbers"})) == list(frame)
    with pytest.raises(DataError, match="the columns noise are missing"):
        served_frame(frame, tz=None, integer_steps=False, covariates=kinds)
    with pytest.raises(DataError, match="column noise: the value 'loud' in row 0 is not a number"):
        served_frame(frame.assign(noise="loud"), tz=None, integer_steps=False, covariates=kinds)


def test_categories_are_text_and_numbers_numbers_however_they_arrive():
    kinds = {"kind": "categories", "heat": "numbers"}
    frame = covered_frame((3,)).assign(kind=[1.0, None, 2.5], heat=["1.5", None, "2"])
    found = served_frame(frame, tz=None, integer_steps=False, covariates=kinds)
    assert found["kind"].tolist()[::2] == ["1", "2.5"]
    assert found["kind"].isna().tolist() == [False, True, False]
    np.testing.assert_array_equal(found["heat"], [1.5, np.nan, 2.0])
    assert served_frame(frame.assign(kind=[1, 2, 3]), tz=None, integer_steps=False, covariates=kinds)[
        "kind"
    ].tolist() == ["1", "2", "3"]


def test_a_model_of_codes_takes_them_as_numbers_and_as_they_come_in_json(tmp_path, caplog):
    whole = covered_frame((60, 50))
    whole["promotion"] = (whole["promotion"] == "yes").astype("int64").astype("category")
    train, test = split(whole)
    forecaster = tiny(future_covariates=["heat", "promotion"], static_covariates=["region"], max_steps=1).fit(train)
    save_served_model(
        tmp_path / "model", forecaster, input_example(train, forecaster), run_id="0" * 32, model_id="m-" + "0" * 32
    )
    caplog.clear()
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    expected = forecaster.predict(future=test)["SimpleRNN"].to_numpy()
    codes = whole.astype({"promotion": "int64"})
    last = codes.groupby("unique_id").cumcount(ascending=False) < HORIZON
    rows = codes.assign(y=codes["y"].mask(last), noise=None)
    sent = pd.DataFrame(json.loads(rows.to_json(orient="records", date_format="iso")))
    for frame in (rows, sent, sent.astype({"promotion": "float64"}), rows.sample(frac=1, random_state=0)):
        assert model.predict(frame)["SimpleRNN"].to_numpy() == pytest.approx(expected, rel=1e-5)
    assert "cut off" not in caplog.text
    example = Model.load(str(tmp_path / "model")).load_input_example(str(tmp_path / "model"))
    assert len(model.predict(example)) == HORIZON
    with pytest.raises(DataError, match="lacks 1 row of the 4 steps"):
        model.predict(rows.drop(index=rows.index[-1]))
