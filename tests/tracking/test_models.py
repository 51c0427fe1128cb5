"""Registered models: what is in them, what they take, and which one is the champion."""

import json
import pickletools
import shutil
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from forecasting.errors import DataError, StorageError, TrackingError
from forecasting.tracking import TrainingRun, champion_version, load_champion, log_model
from forecasting.tracking.facts import PACKAGE
from tests.tracking.fakes import LastValueForecaster

pytestmark = [
    pytest.mark.usefixtures("fake_estimators"),
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),  # MLflow's own, while it saves the example
]


def train(settings, frame, name="toy", **options):
    """Train the stand-in, log it, and give back the version."""
    estimator = LastValueForecaster(levels=(80, 95))
    accuracy = options.pop("accuracy", None)
    with TrainingRun(settings, name, estimator, **options) as run:
        estimator.fit(frame, callbacks=[run.epochs])
        return log_model(run, estimator, frame, accuracy=accuracy)


def served(name="toy"):
    import mlflow

    return mlflow.pyfunc.load_model(f"models:/{name}@champion")


def folder_of(settings, name="toy") -> Path:
    (folder,) = (settings.artifacts / name / "models").glob("*/artifacts")
    return folder


def test_the_first_version_is_the_champion_and_a_later_one_is_not(settings, client, frame, snapshot, accuracy):
    first = train(settings, frame, snapshot=snapshot, accuracy={"test": accuracy})
    second = train(settings, frame, snapshot=snapshot, accuracy={"test": accuracy})
    assert (first.name, first.version, first.uri, first.is_champion) == ("toy", "1", "models:/toy/1", True)
    assert (second.version, second.is_champion) == ("2", False)
    assert second.tags == {
        "snapshot.digest": snapshot.digest,
        "snapshot.last": "2020-01-20",
        "test.MASE": "0.75",
        "test.coverage-80": "81.25",
        "test.SeasonalNaive.MASE": "1",
    }
    assert champion_version(settings, "toy") == first
    text = client.get_model_version("toy", "2").description
    assert text.startswith("MASE 0.75 on test (SeasonalNaive 1).")
    assert "models:/toy@champion" in client.get_registered_model("toy").description


def test_a_model_without_a_champion_gets_the_next_version_as_one(settings, client, frame):
    train(settings, frame)
    client.delete_registered_model_alias("toy", "champion")
    with pytest.raises(TrackingError, match="dataset toy: there is no champion"):
        champion_version(settings, "toy")
    assert train(settings, frame).is_champion
    assert champion_version(settings, "toy").version == "2"


def refuse_to_load(monkeypatch):
    def damaged(folder):
        raise StorageError("the forecaster is damaged", file=folder)

    monkeypatch.setattr(LastValueForecaster, "load", damaged)


def test_a_champion_that_cannot_be_read_gives_way_and_that_is_told(settings, frame, monkeypatch, caplog):
    train(settings, frame)
    refuse_to_load(monkeypatch)
    with pytest.raises(
        StorageError, match=r"champion, version 1, cannot be read: .* damaged\. .*forecast train toy --force"
    ):
        load_champion(settings, "toy")
    assert train(settings, frame).is_champion
    assert "toy: version 2 takes the place of the champion, version 1" in caplog.text


def test_a_champion_whose_files_cannot_be_fetched_stays(settings, frame):
    train(settings, frame)
    shutil.rmtree(folder_of(settings))
    assert not train(settings, frame).is_champion
    assert champion_version(settings, "toy").version == "1"


def test_a_data_set_that_was_never_trained_says_how_to_train_it(settings):
    with pytest.raises(TrackingError, match=r"dataset toy: there is no champion model at .*forecast train toy"):
        load_champion(settings, "toy")


def test_the_champion_is_loaded_with_its_forecasts_and_its_origin(settings, frame):
    version = train(settings, frame)
    champion = load_champion(settings, "toy")
    assert (champion.name, champion.version, champion.run_id, champion.uri) == (
        "toy",
        "1",
        version.run_id,
        "models:/toy/1",
    )
    assert champion.estimator.predict(data=frame)["SimpleRNN"].tolist() == [19.0] * 3 + [29.0] * 3


def test_a_champion_whose_files_are_gone_is_an_error(settings, frame):
    train(settings, frame)
    for file in sorted(folder_of(settings).rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    with pytest.raises(TrackingError, match="dataset toy: loading version 1 failed"):
        load_champion(settings, "toy")


def test_metrics_belong_to_the_logged_model_and_its_data(settings, client, frame, snapshot, accuracy):
    version = train(settings, frame, snapshot=snapshot, accuracy={"test": accuracy})
    (output,) = client.get_run(version.run_id).outputs.model_outputs
    logged = client.get_logged_model(output.model_id)
    assert logged.status == "READY"
    assert {metric.key: metric.value for metric in logged.metrics} == {
        "test.MAE": 1.5,
        "test.MASE": 0.75,
        "test.coverage-80": 81.25,
        "test.SeasonalNaive.MAE": 2.0,
        "test.SeasonalNaive.MASE": 1.0,
    }
    assert {metric.dataset_digest for metric in logged.metrics} == {"0123456789ab"}
    assert json.loads(logged.tags["mlflow.modelVersions"]) == [{"name": "toy", "version": "1"}]
    found = client.search_logged_models(
        [client.get_run(version.run_id).info.experiment_id], "metrics.`test.MASE` < 0.8"
    )
    assert [model.model_id for model in found] == [logged.model_id]


def is_pickle(file: Path) -> bool:
    """Whether the whole file can be read as a pickle."""
    try:
        last = list(pickletools.genops(file.read_bytes()))[-1]
    except (ValueError, UnicodeDecodeError, IndexError):
        return False
    return last[0].name == "STOP"


def test_nothing_in_the_folder_of_a_model_is_pickled(settings, frame):
    train(settings, frame)
    files = [file for file in folder_of(settings).rglob("*") if file.is_file()]
    assert [file for file in files if file.suffix in {".pkl", ".pickle", ".joblib", ".bin"}] == []
    assert [file for file in files if is_pickle(file)] == []
    assert yaml.safe_load((folder_of(settings) / "MLmodel").read_text())["flavors"]["python_function"][
        "loader_module"
    ] == ("mlflow.pyfunc.loaders.code_model")


def test_the_check_for_pickles_knows_one(tmp_path):
    import pickle

    (tmp_path / "x").write_bytes(pickle.dumps({"a": np.arange(3)}))
    assert is_pickle(tmp_path / "x")


def test_the_code_in_a_model_is_this_package_and_nothing_else(settings, frame):
    train(settings, frame)
    code = folder_of(settings) / "code"
    copied = {file.relative_to(code / "forecasting") for file in code.rglob("*") if file.is_file()}
    own = {file.relative_to(PACKAGE) for file in PACKAGE.rglob("*.py")}
    assert copied == own
    assert [path.name for path in code.iterdir()] == ["forecasting"]


def test_requirements_are_pinned_to_what_is_installed(settings, frame):
    train(settings, frame)
    lines = (folder_of(settings) / "requirements.txt").read_text().split()
    pinned = dict(line.split("==") for line in lines)
    assert {"mlflow", "keras", "tensorflow", "numpy", "pandas"} <= set(pinned)
    assert pinned == {name: metadata.version(name) for name in pinned}


def test_files_of_another_project_in_the_current_directory_stay_out_of_the_model(
    settings, frame, tmp_path, monkeypatch
):
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    Path("pyproject.toml").write_text('[project]\nname = "other"\nversion = "1"\n')
    Path("uv.lock").write_text("version = 1\n")
    train(settings, frame)
    assert not (folder_of(settings) / "uv.lock").exists()
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["pyproject.toml", "uv.lock"]


def test_the_example_is_the_end_of_one_series_and_the_defaults_are_those_of_the_forecaster(settings, frame):
    train(settings, frame)
    model = served()
    example = model.metadata.load_input_example(str(folder_of(settings)))
    assert example["unique_id"].unique().tolist() == ["a"]
    assert len(example) == 2 * (4 + 2)
    assert example["y"].iloc[-1] == 19.0
    assert len(model.predict(example)) == 3
    signature = model.metadata.signature
    assert [(column.name, str(column.type)) for column in signature.inputs.inputs][:2] == [
        ("unique_id", "DataType.string"),
        ("ds", "Any"),
    ]
    assert signature.inputs.input_names() == ["unique_id", "ds", "y"]
    assert signature.outputs.input_names()[2:5] == ["SimpleRNN", "SimpleRNN-lo-80", "SimpleRNN-hi-80"]
    assert {p.name: p.default for p in signature.params.params} == {"horizon": 3, "levels": [80, 95]}


@pytest.mark.parametrize("kind", ["int64", "int32", "float32", "float64", "Int64"])
def test_a_served_model_takes_values_of_every_kind_of_number(settings, frame, kind):
    train(settings, frame)
    forecast = served().predict(frame.astype({"y": kind}))
    assert forecast["SimpleRNN"].tolist() == [19.0] * 3 + [29.0] * 3
    assert forecast["ds"].tolist()[:3] == list(pd.date_range("2020-01-21", periods=3))


def test_a_served_model_takes_a_horizon_and_levels(settings, frame):
    train(settings, frame)
    forecast = served().predict(frame, params={"horizon": 5, "levels": [90]})
    assert list(forecast.columns) == ["unique_id", "ds", "SimpleRNN", "SimpleRNN-lo-90", "SimpleRNN-hi-90"]
    assert len(forecast) == 10


def test_a_served_model_takes_times_as_text(settings, frame):
    train(settings, frame)
    model = served()
    expected = model.predict(frame)
    for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"):
        pd.testing.assert_frame_equal(model.predict(frame.assign(ds=frame["ds"].dt.strftime(form))), expected)


def test_a_served_model_of_data_without_zone_refuses_times_with_one(settings, frame):
    train(settings, frame)
    with pytest.raises(DataError, match="have the time zone UTC, but the model's data has none"):
        served().predict(frame.assign(ds=frame["ds"].dt.tz_localize("UTC")))


def test_a_served_model_refuses_text_in_place_of_numbers(settings, frame):
    train(settings, frame)
    with pytest.raises(DataError, match="column y: the value 'n/a' in row 0"):
        served().predict(frame.assign(y="n/a"))


def test_data_with_a_zone_is_served_in_its_zone_whatever_zone_comes_in(settings, frame):
    local = frame.assign(ds=frame["ds"].dt.tz_localize("Europe/Berlin"))
    train(settings, local)
    model = served()
    expected = model.predict(local)
    assert str(expected["ds"].dt.tz) == "Europe/Berlin"
    utc = local.assign(ds=local["ds"].dt.tz_convert("UTC"))
    for form in (utc, utc.assign(ds=utc["ds"].dt.tz_localize(None)), utc.assign(ds=utc["ds"].astype("str"))):
        pd.testing.assert_frame_equal(model.predict(form), expected)
    example = model.metadata.load_input_example(str(folder_of(settings)))
    assert model.predict(example)["ds"].tolist() == expected["ds"].tolist()[:3]


def test_integer_steps_are_served_as_integers(settings, frame):
    steps = frame.assign(ds=np.tile(np.arange(20), 2))
    train(settings, steps)
    model = served()
    assert model.predict(steps)["ds"].tolist() == [20, 21, 22] * 2
    assert str(model.metadata.signature.inputs.inputs[1].type) == "DataType.long"


def test_a_forecaster_that_cannot_forecast_the_example_leaves_no_version(settings, client, frame, monkeypatch):
    def refuse(self, **options):
        raise DataError("the series is too short")

    monkeypatch.setattr(LastValueForecaster, "predict", refuse)
    with pytest.raises(DataError, match="too short"):
        train(settings, frame)
    assert client.search_registered_models() == []
    (run,) = client.search_runs([client.get_experiment_by_name("toy").experiment_id])
    assert run.info.status == "FAILED"
    (model,) = client.search_logged_models([run.info.experiment_id])
    assert model.status == "FAILED"


def test_a_data_set_trained_in_another_home_is_not_found_here(settings, frame, tmp_path):
    from tests.tracking.conftest import settings_at

    train(settings, frame)
    elsewhere = settings_at(tmp_path / "other")
    (elsewhere.home / "mlflow").mkdir()
    with pytest.raises(TrackingError, match="there is no champion"):
        champion_version(elsewhere, "toy")
    assert champion_version(settings, "toy").version == "1"
