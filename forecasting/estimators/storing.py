"""Writing a fitted forecaster into a folder and reading it back: JSON and plain arrays, nothing pickled.

forecaster.json   format, versions, parameters, what was fitted besides arrays
arrays.npz        weights, calibration, numbers of the target, and the end of each series
"""

import json
import zipfile
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forecasting.errors import StorageError
from forecasting.estimators.encoding import Encoding
from forecasting.estimators.fitting import Model
from forecasting.estimators.trust import Shares
from forecasting.evaluation.local import LocalConformal
from forecasting.evaluation.quantile_conformal import QuantileConformal
from forecasting.network.health import Health
from forecasting.network.spec import NetworkSpec
from forecasting.panel import Frequency, Notice, Panel
from forecasting.smoothing import CHOICES, Smoother
from forecasting.targets import Target
from forecasting.windows import reach

if TYPE_CHECKING:
    from forecasting.estimators.forecaster import SimpleRNNForecaster

FORMAT = 10
_TEXT, _ARRAYS = "forecaster.json", "arrays.npz"


def write(estimator: "SimpleRNNForecaster", folder: Path) -> None:
    """Write into a new or empty folder; see `SimpleRNNForecaster.save`."""
    model, panel = estimator._model, estimator.panel_
    text = {
        "format": FORMAT,
        "versions": {name: version(name) for name in ("keras", "numpy", "pandas", "scikit-learn")},
        "parameters": estimator.get_params(deep=False),
        "network": asdict(model.spec),
        "anchor": model.anchor,
        "smoother": None if model.smoother is None else asdict(model.smoother),
        "shares": asdict(model.shares),
        "penalty": model.penalty,
        "season_length": estimator.season_length_,
        "least_history": estimator._least_history,
        "best_steps": estimator._best_steps,
        "gaps": estimator.gaps_,
        "irregular": estimator.irregular_,
        "target": estimator.target_,
        "above_zero": estimator.above_zero_,
        "frequency": {"alias": panel.frequency.alias, "calendar": panel.frequency.calendar, "tz": panel.tz},
        "history": estimator.history_,
        "health": estimator.health_.as_dict(),
        "fit_seconds": estimator.fit_seconds_,
        "device": estimator.device_,
        "notices": [asdict(notice) for notice in estimator.notices_],
        "covariates": estimator.encoding_.as_dict(),
    }
    arrays = {f"weights/{name}": weight for name, weight in model.weights.items()}
    arrays |= {f"conformal/{name}": array for name, array in model.conformal.to_arrays().items()}
    arrays |= {f"target/{name}": array for name, array in estimator.transform_.to_arrays().items()}
    tail = _ends(panel, reach(estimator.lookback_, estimator.season_length_))
    arrays |= {
        "anchor": model.anchor_kernel,
        "panel/values": tail.values,
        "panel/times": tail.times,
        "panel/indptr": tail.indptr,
        "panel/ids": np.asarray(tail.ids, dtype=np.str_),
        "panel/untrained": np.minimum(estimator._untrained, tail.lengths),
    }
    for kind, columns in (("covariates", tail.covariates), ("static", tail.static)):
        arrays |= {f"panel/{kind}/{number}": _plain_column(array) for number, array in enumerate(columns.values())}
    arrays |= {f"panel/cells/{name}": column for name, column in tail.cells.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise StorageError("the folder is not empty", remedy="Save into a new one", file=folder)
        np.savez(folder / _ARRAYS, allow_pickle=False, **arrays)
        (folder / _TEXT).write_text(json.dumps(text, indent=1, default=_plain), encoding="utf-8")
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"the forecaster could not be written: {error}", file=folder) from error


def read(kind: type["SimpleRNNForecaster"], folder: Path) -> Any:
    """Read what `write` wrote; see `SimpleRNNForecaster.load`."""
    try:
        text = json.loads((folder / _TEXT).read_text(encoding="utf-8"))
        if text["format"] != FORMAT:
            raise StorageError(
                f"another version of this package wrote it (format {text['format']}, this one reads {FORMAT})",
                remedy="Train it anew, or use the version of the package that wrote it",
                file=folder,
            )
        with np.load(folder / _ARRAYS, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return _restored(kind, text, arrays)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StorageError("there is no forecaster in this folder", file=folder) from error
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError) as error:
        raise StorageError(f"the forecaster is damaged: {error}", remedy="Train it anew", file=folder) from error


def _restored(kind: type["SimpleRNNForecaster"], text: dict[str, Any], arrays: dict[str, np.ndarray]) -> Any:
    spec = NetworkSpec(**{**text["network"], "quantiles": tuple(text["network"].get("quantiles", ()))})
    weights = {name: arrays[f"weights/{name}"] for name in spec.shapes()}
    for name, shape in spec.shapes().items():
        if weights[name].shape != (spec.n_members, *shape):
            raise ValueError(f"{name} has the shape {weights[name].shape}, not {(spec.n_members, *shape)}")
    stored = {name.removeprefix("conformal/"): array for name, array in arrays.items() if name.startswith("conformal/")}
    conformal = (QuantileConformal if spec.gaps else LocalConformal).from_arrays(stored)
    frequency = Frequency.parse(text["frequency"]["alias"], text["frequency"]["calendar"])
    encoding = Encoding.from_dict(text["covariates"])
    estimator = kind(**text["parameters"])
    estimator.panel_ = Panel(
        values=arrays["panel/values"],
        times=arrays["panel/times"],
        indptr=arrays["panel/indptr"],
        ids=arrays["panel/ids"].astype(object),
        frequency=frequency,
        tz=text["frequency"]["tz"],
        covariates=_columns(arrays, "covariates", encoding.along),
        static=_columns(arrays, "static", encoding.of_series),
        cells={name.removeprefix("panel/cells/"): arrays[name] for name in arrays if name.startswith("panel/cells/")},
    )
    estimator.encoding_ = encoding
    estimator.frequency_ = frequency
    estimator.season_length_ = text["season_length"]
    estimator._least_history, estimator._best_steps = text["least_history"], text["best_steps"]
    estimator._untrained = arrays["panel/untrained"]
    estimator.gaps_, estimator.irregular_, estimator.target_ = text["gaps"], text["irregular"], text["target"]
    numbers = {name.removeprefix("target/"): array for name, array in arrays.items() if name.startswith("target/")}
    estimator.transform_ = Target.from_arrays(text["target"], numbers)
    estimator.above_zero_ = text["above_zero"]
    estimator.lookback_ = spec.lookback
    estimator.levels_ = [] if estimator.levels is None else list(estimator.levels)
    estimator.history_ = text["history"]
    estimator.health_ = Health.from_dict(text["health"])
    estimator.fit_seconds_ = text["fit_seconds"]
    estimator.device_ = text["device"]
    estimator.notices_ = tuple(Notice(**{**notice, "series": tuple(notice["series"])}) for notice in text["notices"])
    smoother = None if text["smoother"] is None else _smoother(**text["smoother"])
    shares = Shares(**text["shares"])
    if (smoother is None) != (shares.smoothing == 0):
        raise ValueError("the smoothing has a share and is not there, or is there and has none")
    model = Model(spec, weights, text["anchor"], arrays["anchor"], smoother, shares, text["penalty"], conformal)
    estimator._use(model)
    return estimator


def _smoother(expected: list[float], weight: float, from_zero: bool, recursive: bool) -> Smoother:
    if len(expected) != len(CHOICES):
        raise ValueError(f"{len(expected)} smoothings are told of instead of {len(CHOICES)}")
    return Smoother(tuple(expected), weight, from_zero, recursive)


def _ends(panel: Panel, steps: int) -> Panel:
    """The last steps of every series; where the first of them has no value, further back to the last one that has."""
    start = np.maximum(panel.indptr[:-1], panel.indptr[1:] - steps)
    observed = np.maximum.accumulate(np.where(np.isnan(panel.values), 0, np.arange(len(panel.values))))
    return panel.keep_last(panel.indptr[1:] - np.maximum(observed[start], panel.indptr[:-1]))


def _plain_column(column: np.ndarray) -> np.ndarray:
    """A covariate without Python objects: a category has a mark before it, a missing one is empty."""
    if column.dtype != object:
        return column
    return np.array(["" if one is None else f"={one}" for one in column], dtype=np.str_)


def _columns(arrays: dict[str, np.ndarray], kind: str, names: list[str]) -> dict[str, np.ndarray]:
    """What `_plain_column` made, by name."""
    columns = {}
    for number, name in enumerate(names):
        column = arrays[f"panel/{kind}/{number}"]
        if column.dtype.kind == "U":
            column = np.array([one[1:] or None if one else None for one in column.tolist()], dtype=object)
        columns[name] = column
    return columns


def _plain(value: Any) -> Any:
    """What JSON does not know; a random generator has no such form, and none is needed to forecast."""
    if isinstance(value, np.random.RandomState):
        return None
    return value.item() if isinstance(value, np.generic) else list(value)
