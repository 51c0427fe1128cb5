"""What a fitted forecaster consists of, stage by stage, for `forecasting.evaluation.audit` to compare."""

from typing import TYPE_CHECKING, Any

import numpy as np

from forecasting.estimators.preparing import read_windows
from forecasting.panel import Panel

if TYPE_CHECKING:
    from forecasting.estimators.forecaster import SimpleRNNForecaster

_MOST_WINDOWS = 1000


def fitted_stages(estimator: "SimpleRNNForecaster") -> dict[str, dict[str, Any]]:
    """See `SimpleRNNForecaster.fitted_stages`."""
    model, start = estimator._model, estimator._start
    return {
        "division": {
            "season_length": estimator.season_length_,
            "lookback": estimator.lookback_,
            "segment_length": estimator.segment_length_,
            "target": estimator.target_,
            **{f"target's {name}": np.asarray(number) for name, number in estimator.transform_.numbers.items()},
        },
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
            "trust": model.trust,
            "held-out forecasts": estimator.validation_["SimpleRNN"],
            **{f"conformal {name}": array for name, array in model.conformal.to_arrays().items()},
        },
    }


def input_stages(estimator: "SimpleRNNForecaster", data: Panel, steps: np.ndarray) -> dict[str, dict[str, Any]]:
    """See `SimpleRNNForecaster.input_stages`."""
    windows, _ = read_windows(
        data, estimator.gaps_, estimator.transform_.of(data), estimator.lookback_, estimator.season_length_
    )
    place = np.arange(len(data.values)) - np.repeat(data.indptr[:-1], data.lengths)
    known = place < np.repeat(steps, data.lengths)
    cuts = windows.cuts(0, least_history=1)
    inside = np.flatnonzero(cuts.row - data.indptr[cuts.series] <= steps[cuts.series])
    spread = np.linspace(0, len(inside) - 1, min(len(inside), _MOST_WINDOWS)).round().astype(np.int64)
    batch = windows.gather(cuts.take(inside[spread]))
    return {
        "target path": {"path": windows.path[known]},
        "windows": {
            "inputs": batch.inputs,
            "observed": batch.observed,
            "level": batch.level,
            "scale": batch.scale,
        },
    }
