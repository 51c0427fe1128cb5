"""Registered models: a trained forecaster becomes a version of its data set's model, and the champion is loaded."""

import json
import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecasting.errors import StorageError, TrackingError
from forecasting.settings import masked
from forecasting.tracking.packing import input_example, save_served_model
from forecasting.tracking.scores import version_figures
from forecasting.tracking.store import configure, tracking_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as RegisteredVersion

    from forecasting.estimators import SimpleRNNForecaster
    from forecasting.settings import Settings
    from forecasting.tracking.run import TrainingRun

CHAMPION = "champion"
_MODEL_NAME = "forecaster"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelVersion:
    """A version of a data set's registered model.

    Attributes
    ----------
    name : str
        The data set.
    version : str
    run_id : str
        The run that trained it.
    uri : str
        ``models:/<name>/<version>``, for ``mlflow.pyfunc.load_model``.
    is_champion : bool
    tags : dict of str to str
        Among them ``snapshot.digest``, and pooled figures: ``test.MASE``, ``test.SeasonalNaive.MASE``,
        ``test.coverage-80``.
    """

    name: str
    version: str
    run_id: str
    uri: str
    is_champion: bool
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Champion:
    """The forecaster that makes the forecasts of a data set, and which version of the model it is."""

    estimator: "SimpleRNNForecaster"
    name: str
    version: str
    run_id: str
    uri: str


def log_model(
    run: "TrainingRun",
    estimator: Any,
    example: pd.DataFrame,
    *,
    accuracy: Mapping[str, pd.DataFrame] | None = None,
) -> ModelVersion:
    """Log a fitted forecaster, register it under the name of its data set, and link its accuracy to it.

    The model is this package's own saved folder with a copy of the package's code and nothing pickled;
    ``mlflow.pyfunc.load_model("models:/<data set>@champion").predict(frame)`` works in a process that has the pinned
    requirements, with this package or without. The first version becomes the champion, and so does a later one where
    `replace_unusable_champion` says so; other versions only carry their accuracy as tags.

    Parameters
    ----------
    run : TrainingRun
        Open.
    estimator : SimpleRNNForecaster
        Fitted.
    example : DataFrame
        Long frame ``unique_id``, ``ds``, ``y`` as the data set has it. It decides what the model takes: times with or
        without zone, or integer steps. The end of its first series is kept as the input example, and is forecast
        once to make sure that the model works on it.
    accuracy : mapping of str to DataFrame, optional
        Accuracy tables by part ("validation", "test"), see `TrainingRun.log_accuracy`. They are logged after the
        model, as its metrics, and described in the version and the run.

    Returns
    -------
    ModelVersion

    Raises
    ------
    TrackingError
        If the store refuses.
    DataError
        If the forecaster cannot forecast the example.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    accuracy = accuracy or {}
    shown = input_example(example, estimator)
    client = run.client
    with run.errors("registering the model"):
        logged = client.create_logged_model(
            run.experiment_id,
            name=_MODEL_NAME,
            source_run_id=run.run_id,
            params=dict(client.get_run(run.run_id).data.params),
            model_type="forecaster",
        )
    status = LoggedModelStatus.FAILED
    try:
        with tempfile.TemporaryDirectory() as folder, run.errors("writing the model"):
            packed = Path(folder) / "model"
            save_served_model(packed, estimator, shown, run_id=run.run_id, model_id=logged.model_id)
            client.log_model_artifacts(logged.model_id, str(packed))
        status = LoggedModelStatus.READY
    finally:
        with run.errors("registering the model"):
            client.finalize_logged_model(logged.model_id, status)
    with run.errors("registering the model"):
        client.log_outputs(run.run_id, [LoggedModelOutput(logged.model_id, step=0)])
    for part, frame in accuracy.items():
        run.log_accuracy(part, frame, model_id=logged.model_id)
    text = run.describe(accuracy)
    with run.errors("registering the model"):
        _require_registered(client, run)
        version = client.create_model_version(
            run.dataset,
            f"models:/{logged.model_id}",
            run.run_id,
            tags=_version_tags(run, accuracy),
            description=text,
            model_id=logged.model_id,
        )
        link = json.dumps([{"name": run.dataset, "version": str(version.version)}])
        client.set_logged_model_tags(logged.model_id, {"mlflow.modelVersions": link})
    replace_unusable_champion(client, run.settings, run.dataset, str(version.version))
    with run.errors("registering the model"):
        return _described(client.get_model_version(run.dataset, str(version.version)))


def replace_unusable_champion(client: "MlflowClient", settings: "Settings", dataset: str, version: str) -> None:
    """Make a version the champion where there is none, or where the champion cannot be read.

    A champion cannot be read when another version of this package wrote it in a form of its own, or when it is damaged:
    no forecast could be made with it, however often a new version is trained. Which version was replaced is logged.
    One whose files cannot be fetched stays, since that may pass; `load_champion` says so.

    Raises
    ------
    TrackingError
        If the store does not answer.
    """
    with tracking_errors("asking for the champion", settings.tracking_uri, dataset=dataset):
        champion = client.get_registered_model(dataset).aliases.get(CHAMPION)
    if champion is not None:
        defect = None if str(champion) == version else defect_of(settings, dataset, str(champion))
        if defect is None:
            return
        _log.warning(
            "%s: version %s takes the place of the champion, version %s, which cannot be read: %s",
            *(dataset, version, champion, defect),
        )
    with tracking_errors("naming the champion", settings.tracking_uri, dataset=dataset):
        client.set_registered_model_alias(dataset, CHAMPION, version)


def champion_version(settings: "Settings", dataset: str) -> ModelVersion:
    """Which version is the champion of a data set; asks the registry and loads nothing.

    Raises
    ------
    TrackingError
        If the data set has no champion, or the store does not answer.
    """
    return _described(_champion(configure(settings), settings, dataset))


def load_champion(settings: "Settings", dataset: str) -> Champion:
    """Load the forecaster that is the champion of a data set.

    Raises
    ------
    TrackingError
        If the data set has no champion, its files are gone, or the store does not answer.
    StorageError
        If the champion cannot be read, see `replace_unusable_champion`.
    """
    version = champion_version(settings, dataset)
    try:
        estimator = _load(settings, dataset, version.version)
    except StorageError as error:
        raise StorageError(
            f"the champion, version {version.version}, cannot be read: {error.problem}",
            remedy=f"A new version takes its place with: forecast train {dataset} --force",
            dataset=dataset,
        ) from error
    return Champion(estimator, version.name, version.version, version.run_id, version.uri)


def _load(settings: "Settings", dataset: str, version: str) -> "SimpleRNNForecaster":
    """Load the forecaster of a version; StorageError where it cannot be read."""
    from forecasting.estimators import SimpleRNNForecaster

    with tempfile.TemporaryDirectory() as folder:
        with tracking_errors(f"loading version {version}", settings.tracking_uri, dataset=dataset):
            import mlflow

            where = mlflow.artifacts.download_artifacts(
                artifact_uri=f"{_uri(dataset, version)}/artifacts/{_MODEL_NAME}", dst_path=folder
            )
        return SimpleRNNForecaster.load(Path(where))


def defect_of(settings: "Settings", dataset: str, version: str) -> str | None:
    """Why the forecaster of a version cannot be read; None where it can, or where it cannot be fetched now."""
    try:
        _load(settings, dataset, version)
    except StorageError as error:
        return error.problem
    except TrackingError:
        return None
    return None


def _uri(dataset: str, version: str) -> str:
    return f"models:/{dataset}/{version}"


def _champion(client: "MlflowClient", settings: "Settings", dataset: str) -> "RegisteredVersion":
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode

    absent = {ErrorCode.Name(RESOURCE_DOES_NOT_EXIST), ErrorCode.Name(INVALID_PARAMETER_VALUE)}
    with tracking_errors("asking for the champion", settings.tracking_uri, dataset=dataset):
        try:
            return client.get_model_version_by_alias(dataset, CHAMPION)
        except MlflowException as error:
            if error.error_code not in absent:
                raise
            raise TrackingError(
                f"there is no champion model at {masked(settings.tracking_uri)}",
                remedy=f"Train one first: forecast train {dataset}",
                dataset=dataset,
            ) from error


def _require_registered(client: "MlflowClient", run: "TrainingRun") -> None:
    """Make the registered model of the data set if there is none."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

    text = (
        f"Forecasts of **{run.title or run.dataset}**.\n\n"
        "The alias `champion` marks the version that the forecasts are made with.\n\n"
        "```python\n"
        f'mlflow.pyfunc.load_model("models:/{run.dataset}@{CHAMPION}").predict(frame)  # unique_id, ds, y\n'
        "```\n\n"
        "Covariates that a version was trained with are further columns; those known ahead are read from rows behind "
        "the last value of each series, whose `y` is empty."
    )
    try:
        client.create_registered_model(run.dataset, description=text)
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise


def _version_tags(run: "TrainingRun", accuracy: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    tags = {} if run.snapshot is None else {"snapshot.digest": run.snapshot.digest, "snapshot.last": run.snapshot.last}
    return tags | version_figures(accuracy)


def _described(version: "RegisteredVersion") -> ModelVersion:
    return ModelVersion(
        name=version.name,
        version=str(version.version),
        run_id=str(version.run_id),
        uri=_uri(version.name, str(version.version)),
        is_champion=CHAMPION in version.aliases,
        tags=dict(version.tags),
    )
