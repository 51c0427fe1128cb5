"""What a fitted forecaster consists of, stage by stage, for `forecasting.evaluation.audit` to compare."""

from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import numpy as np

from forecasting.estimators.encoding import Encoding
from forecasting.estimators.preparing import read_windows
from forecasting.panel import Panel, treat_covariates

if TYPE_CHECKING:
    from forecasting.estimators.forecaster import SimpleRNNForecaster

_MOST_WINDOWS = 1000


def fitted_stages(estimator: "SimpleRNNForecaster") -> dict[str, dict[str, Any]]:
    """See `SimpleRNNForecaster.fitted_stages`."""
    model, start = estimator._model, estimator._start
    smoother = model.smoother
    return {
        "division": {
            "season_length": estimator.season_length_,
            "lookback": estimator.lookback_,
            "segment_length": estimator.segment_length_,
            "target": estimator.target_,
            **{f"target's {name}": np.asarray(number) for name, number in estimator.transform_.numbers.items()},
        },
        **({} if estimator.encoding_.is_empty else {"encoding of covariates": _encoding(estimator.encoding_)}),
        "linear start": {
            "anchor": start.anchor,
            "anchor_kernel": start.anchor_kernel,
            "penalty": np.nan if start.penalty is None else start.penalty,
            "kernel": start.kernel,
        },
        "network": {
            **{f"weights of {name}": weight for name, weight in model.weights.items()},
            **{name: [entry.get(name, np.nan) for entry in estimator.history_] for name in ("loss", "val_loss")},
        },
        "trust and calibration": {
            "smoothing": np.nan if smoother is None else [smoother.recursive, smoother.weight, *smoother.expected],
            "shares": astuple(model.shares),
            "held-out forecasts": estimator.validation_["SimpleRNN"],
            **{f"conformal {name}": array for name, array in model.conformal.to_arrays().items()},
        },
    }


def input_stages(estimator: "SimpleRNNForecaster", data: Panel, steps: np.ndarray) -> dict[str, dict[str, Any]]:
    """See `SimpleRNNForecaster.input_stages`."""
    encoding, horizon = estimator.encoding_, estimator._model.spec.horizon
    panel, _ = treat_covariates(data.choose(encoding.along, encoding.of_series), estimator.gaps_)
    windows, _ = read_windows(
        panel,
        estimator.gaps_,
        estimator.transform_.of(panel),
        estimator.lookback_,
        estimator.season_length_,
        None if encoding.is_empty else encoding.channels(panel, horizon),
    )
    shown = steps - (horizon if encoding.future or encoding.calendar else 0)
    place = np.arange(len(data.values)) - np.repeat(data.indptr[:-1], data.lengths)
    known = place < np.repeat(steps, data.lengths)
    cuts = windows.cuts(0, least_history=1)
    inside = np.flatnonzero(cuts.row - data.indptr[cuts.series] <= shown[cuts.series])
    spread = np.linspace(0, len(inside) - 1, min(len(inside), _MOST_WINDOWS)).round().astype(np.int64)
    batch = windows.gather(cuts.take(inside[spread]))
    return {
        "target path": {"path": windows.path[known]},
        "windows": {
            "inputs": batch.inputs,
            "observed": batch.observed,
            "level": batch.level,
            "scale": batch.scale,
            **{_title(name): channels for name, channels in batch.covariates.items()},
        },
    }


def _title(name: str) -> str:
    return "time since the last observation" if name == "elapsed" else f"{name} covariates"


def _encoding(encoding: Encoding) -> dict[str, Any]:
    """Mean and scale, or the categories, of each column."""
    numbers: dict[str, Any] = {"calendar": encoding.calendar} if encoding.calendar else {}
    for column in (*encoding.past, *encoding.future, *encoding.static):
        if column.categories is None:
            numbers |= {f"mean of {column.name}": column.mean, f"scale of {column.name}": column.scale}
        else:
            numbers[f"categories of {column.name}"] = column.categories
    return numbers
