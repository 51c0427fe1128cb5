"""From a table to a forecast at a cutoff, keeping the numbers of every stage on the way."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from forecasting.errors import DataError
from forecasting.evaluation.fitted_numbers import Numbers, fitted_numbers, numbers_of
from forecasting.evaluation.frames import require_columns
from forecasting.evaluation.overwriting import Cutoffs, ids_of
from forecasting.panel import Panel, to_panel

PREPARED = "prepared table"
GATE = "gate"
FEATURES = "features of the forecast"
FITTED = "fitted numbers"
FORECAST = "forecast"

Prepare = Callable[[pd.DataFrame], pd.DataFrame]


class Staged(Protocol):
    """What an estimator may offer so that its stages are compared one by one; `SimpleRNNForecaster` does."""

    def fitted_stages(self) -> Mapping[str, Mapping[str, Any]]:
        """Fitted numbers (arrays, numbers, texts) by stage and name, in the order of fitting."""

    def input_stages(self, data: Panel, steps: np.ndarray) -> Mapping[str, Mapping[str, Any]]:
        """What the model reads of the first ``steps`` steps of each series of ``data``, which goes on behind them."""


@dataclass(eq=False)
class Passage:
    """One passage along the whole way.

    Attributes
    ----------
    stages : dict
        Numbers of the stages that were reached, by stage and name.
    error : Exception or None
        What ended the passage before the forecast.
    input_error : Exception or None
        Why what the model reads could not be said of the whole table.
    """

    stages: dict[str, Numbers] = field(default_factory=dict)
    error: Exception | None = None
    input_error: Exception | None = None

    def put(self, stage: str, numbers: Mapping[str, Any]) -> None:
        """Keep the numbers of a stage; a stage without any is none."""
        if numbers:
            self.stages[stage] = {name: np.array(value) for name, value in numbers.items()}


@dataclass(frozen=True, eq=False)
class WholeWay:
    """What leads from a table to a forecast; the parameters are those of `forecasting.evaluation.audit.audit`."""

    estimator: Any
    horizon: int
    prepare: Prepare | None
    features: Sequence[str] | None
    gate: bool

    def go(self, frame: pd.DataFrame, cutoffs: Cutoffs) -> Passage:
        """One passage, from the whole frame to the forecast at the cutoffs."""
        passage = Passage()
        try:
            table = self._prepared(frame, cutoffs, passage)
            if self.features is not None:
                self._regression(table, cutoffs, self.features, passage)
            elif self.gate:
                self._forecast_of_panel(table, cutoffs, passage)
            else:
                self._forecast_of_frame(table, cutoffs, passage)
        except Exception as error:  # noqa: BLE001  (whatever is raised about overwritten data is a finding)
            passage.error = error
        return passage

    def _prepared(self, frame: pd.DataFrame, cutoffs: Cutoffs, passage: Passage) -> pd.DataFrame:
        if self.prepare is None:
            return frame
        table = self.prepare(frame.copy())
        require_columns(table, ["ds", "y"], "the prepared table")
        passage.put(PREPARED, numbers_of(table[cutoffs.before(table)]))
        return table

    def _regression(self, table: pd.DataFrame, cutoffs: Cutoffs, features: Sequence[str], passage: Passage) -> None:
        require_columns(table, features, "the prepared table")
        before = cutoffs.before(table)
        after = table[~before].assign(unique_id=ids_of).sort_values("ds", kind="stable")
        ahead = after.groupby("unique_id", observed=True, sort=True).head(self.horizon)
        expected = self.horizon * len(cutoffs.times)
        if len(ahead) < expected:
            raise DataError(
                f"the prepared table has {len(ahead)} of the {expected} rows after the cutoff that are to be forecast"
            )
        passage.put(FEATURES, numbers_of(ahead[list(features)]))
        fitted = fresh(self.estimator)
        fitted.fit(table.loc[before, list(features)], table.loc[before, "y"])
        _put_fitted(fitted, passage)
        passage.put(FORECAST, {"y": fitted.predict(ahead[list(features)])})

    def _forecast_of_frame(self, table: pd.DataFrame, cutoffs: Cutoffs, passage: Passage) -> None:
        fitted = fresh(self.estimator)
        fitted.fit(table[cutoffs.before(table)])
        _put_fitted(fitted, passage)
        forecast = fitted.predict(horizon=self.horizon)
        passage.put(FORECAST, numbers_of(forecast if isinstance(forecast, pd.DataFrame) else pd.DataFrame(forecast)))

    def _forecast_of_panel(self, table: pd.DataFrame, cutoffs: Cutoffs, passage: Passage) -> None:
        columns = [name for name in ("unique_id", "ds", "y") if name in table.columns]
        whole, _ = to_panel(table[columns], **reading(self.estimator))
        steps, panel = _up_to(whole, cutoffs)
        gate = {"ids": panel.ids, "times": panel.times, "values": panel.values, "frequency": str(panel.frequency)}
        passage.put(GATE, gate)
        fitted = fresh(self.estimator)
        fitted.fit(panel)
        if hasattr(fitted, "input_stages"):
            try:
                for stage, numbers in fitted.input_stages(whole, steps).items():
                    passage.put(stage, numbers)
            except Exception as error:  # noqa: BLE001  (see above; the rest of the way does not depend on it)
                passage.input_error = error
        _put_fitted(fitted, passage)
        passage.put(FORECAST, numbers_of(fitted.predict(horizon=self.horizon, data=panel)))


def _put_fitted(fitted: Any, passage: Passage) -> None:
    """What was fitted: the stages that an estimator offers, or what stands in its attributes."""
    stages = fitted.fitted_stages() if hasattr(fitted, "fitted_stages") else {FITTED: fitted_numbers(fitted)}
    for stage, numbers in stages.items():
        passage.put(stage, numbers)


def reading(estimator: Any) -> dict[str, Any]:
    """The parameters of an estimator that say how a table is read."""
    parameters = parameters_of(estimator)
    return {name: parameters[name] for name in ("frequency", "calendar") if name in parameters}


def parameters_of(estimator: Any) -> dict[str, Any]:
    """All parameters, of nested estimators too; none where an object has no ``get_params``."""
    return dict(estimator.get_params()) if hasattr(estimator, "get_params") else {}


def fresh(estimator: Any) -> Any:
    """An unfitted copy."""
    from sklearn.base import clone

    return clone(estimator) if hasattr(estimator, "get_params") else copy.deepcopy(estimator)


def _up_to(whole: Panel, cutoffs: Cutoffs) -> tuple[np.ndarray, Panel]:
    """Steps of each series up to its cutoff, and the panel of these."""
    ids = pd.Series(whole.ids[whole.series_index])
    stamps = pd.DataFrame({"unique_id": ids, "ds": whole.stamps(whole.times)})
    before = Cutoffs(cutoffs.times.set_axis(cutoffs.times.index.map(str)), cutoffs.back).before(stamps)
    steps = np.bincount(whole.series_index[before], minlength=whole.n_series)
    indptr = np.concatenate([[0], np.cumsum(steps)]).astype(np.int64)
    return steps, replace(whole, values=whole.values[before], times=whole.times[before], indptr=indptr)
