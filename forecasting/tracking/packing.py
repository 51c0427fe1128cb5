"""The folder of a registered model: the saved forecaster, the code that runs it, and what it takes and gives."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecasting.errors import TrackingError
from forecasting.tracking.facts import PACKAGE, backend, version_of
from forecasting.tracking.served_frames import histories_and_future, served_frame
from forecasting.windows import reach

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

# What loading and forecasting need, besides the Keras backend; a test compares it with what is imported.
_REQUIRED = (
    "mlflow",
    "keras",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "exchange-calendars",
    "holidays",
    "utilsforecast",
)


def save_served_model(folder: Path, estimator: Any, example: pd.DataFrame, *, run_id: str, model_id: str) -> None:
    """Write the model's folder, in MLflow's "models from code" form: nothing in it is pickled.

    Parameters
    ----------
    folder : Path
        Must not exist.
    estimator : SimpleRNNForecaster
        Fitted.
    example : DataFrame
        From `input_example`.
    run_id, model_id : str
        The run and the logged model that the folder belongs to.
    """
    import mlflow
    from mlflow.models import Model

    kind = _kind(example)
    encoding = estimator.encoding_
    frame = served_frame(example, **kind, covariates=encoding.kinds)
    forecast = estimator.predict(**histories_and_future(frame, encoding.ahead))
    parameters = {"horizon": int(estimator.horizon), "levels": [int(level) for level in estimator.levels_]}
    with tempfile.TemporaryDirectory() as scratch:
        saved = Path(scratch) / "forecaster"
        estimator.save(saved)
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(PACKAGE / "tracking" / "served_model.py"),
            artifacts={"forecaster": str(saved)},
            code_paths=[str(_copy_of_code(Path(scratch)))],
            model_config=kind,
            signature=_signature(kind, forecast, parameters, encoding.columns),
            input_example=(example, parameters),
            pip_requirements=requirements(),
            mlflow_model=Model(run_id=run_id, model_id=model_id),
        )


def input_example(frame: pd.DataFrame, estimator: Any) -> pd.DataFrame:
    """The end of the first series of a long frame, long enough to forecast from.

    With covariates known ahead, the last values are left empty, and are what is forecast.

    Parameters
    ----------
    frame : DataFrame
        Columns ``unique_id``, ``ds``, ``y``, and the covariates.
    estimator : SimpleRNNForecaster
        Fitted; its look-back decides how much is kept.
    """
    encoding = estimator.encoding_
    columns = ["unique_id", "ds", "y", *encoding.columns]
    first: pd.DataFrame = frame.loc[frame["unique_id"] == frame["unique_id"].iloc[0], columns]
    ahead = int(estimator.horizon) if encoding.ahead else 0
    rows = reach(estimator.lookback_, estimator.season_length_) + ahead
    first = first.sort_values("ds")
    if encoding.ahead and estimator.gaps_ != "refuse":  # as the forecaster carries them over
        first = first.assign(**first[encoding.ahead].ffill())
    example = first.tail(rows).reset_index(drop=True)
    if ahead:
        example["y"] = example["y"].astype("float64").where(example.index < len(example) - ahead)
    return example


def requirements() -> list[str]:
    """What a process needs to load the model, pinned to the installed versions.

    Raises
    ------
    TrackingError
        If one of them is not installed as a distribution.
    """
    names = [*_REQUIRED, backend()]
    versions = {name: version_of(name) for name in names}
    unknown = [name for name, version in versions.items() if version is None]
    if unknown:
        raise TrackingError(
            f"the model's requirements cannot be pinned: {', '.join(unknown)} has no installed version",
            remedy="Install the package with its dependencies",
        )
    return [f"{name}=={version}" for name, version in versions.items()]


def _kind(example: pd.DataFrame) -> dict[str, Any]:
    """What the times of the data set are: their zone (None if naive), and whether they are integer steps."""
    ds = example["ds"]
    zone = getattr(ds.dt, "tz", None) if pd.api.types.is_datetime64_any_dtype(ds) else None
    return {"tz": None if zone is None else str(zone), "integer_steps": bool(pd.api.types.is_integer_dtype(ds))}


def _signature(
    kind: dict[str, Any], forecast: pd.DataFrame, parameters: dict[str, Any], covariates: list[str]
) -> "ModelSignature":
    """What goes in and out, by type.

    MLflow refuses integers where a double is declared, and text or times with a zone where a time is declared. All are
    sound input here, so that ``y``, covariates and ``ds`` (but for integer steps) are declared as "any"; the served
    model checks them itself.
    """
    from mlflow.models import ModelSignature
    from mlflow.types.schema import AnyType, ColSpec, DataType, ParamSchema, ParamSpec, Schema

    steps = kind["integer_steps"]
    times = DataType.long if steps else DataType.datetime
    anything = AnyType()  # type: ignore[no-untyped-call]  # MLflow leaves this constructor without types
    given = {"unique_id": DataType.string, "ds": times}
    return ModelSignature(
        inputs=Schema(
            [
                ColSpec(DataType.string, "unique_id"),
                ColSpec(times if steps else anything, "ds"),
                *(ColSpec(anything, name) for name in ("y", *covariates)),
            ]
        ),
        outputs=Schema([ColSpec(given.get(str(name), DataType.double), str(name)) for name in forecast.columns]),
        params=ParamSchema(
            [
                ParamSpec("horizon", DataType.long, parameters["horizon"]),
                ParamSpec("levels", DataType.long, parameters["levels"], shape=(-1,)),
            ]
        ),
    )


def _copy_of_code(scratch: Path) -> Path:
    """A copy of this package with its Python files only: no caches, no data, nothing that an editor left behind."""
    copy = scratch / "code" / PACKAGE.name
    for file in sorted(PACKAGE.rglob("*.py")):
        target = copy / file.relative_to(PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    return copy
