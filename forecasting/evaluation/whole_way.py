"""From a table to a forecast at a cutoff, keeping the numbers of every stage on the way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd

from forecasting.errors import DataError
from forecasting.evaluation.fitted_numbers import Numbers, fitted_numbers, numbers_of
from forecasting.evaluation.frames import require_columns
from forecasting.evaluation.handing import columns_ahead, covariates_of, fresh, known_ahead, read, reading_of
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
        """What the model reads of the first ``steps`` steps of each series of ``data``, which may go on behind them."""


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
        before, names = cutoffs.before(table), columns_ahead(self.estimator)
        require_columns(table, names, "the table")
        fitted = fresh(self.estimator)
        fitted.fit(table[before])
        _put_fitted(fitted, passage)
        ahead = {"future": table.loc[~before, _present(table, *names)]} if names else {}
        forecast = fitted.predict(horizon=self.horizon, **ahead)
        passage.put(FORECAST, numbers_of(forecast if isinstance(forecast, pd.DataFrame) else pd.DataFrame(forecast)))

    def _forecast_of_panel(self, table: pd.DataFrame, cutoffs: Cutoffs, passage: Passage) -> None:
        named = covariates_of(self.estimator)
        columns = _present(table, "y", *named.along, *named.static)
        require_columns(table, columns, "the table")
        whole, _ = read(table[columns], self.estimator)
        steps = _steps_until(whole, cutoffs)
        panel = whole.drop_last(whole.lengths - steps)
        passage.put(GATE, _numbers_of_panel(panel))
        ahead = self._known_ahead(table, cutoffs, panel)
        passage.put(FEATURES, {name: frame[name] for frame in ahead.values() for name in named.future})
        fitted = fresh(self.estimator)
        fitted.fit(panel)
        if hasattr(fitted, "input_stages"):
            try:
                for stage, numbers in fitted.input_stages(whole, steps).items():
                    passage.put(stage, numbers)
            except Exception as error:  # noqa: BLE001  (see above; the rest of the way does not depend on it)
                passage.input_error = error
        _put_fitted(fitted, passage)
        passage.put(FORECAST, numbers_of(fitted.predict(horizon=self.horizon, data=panel, **ahead)))

    def _known_ahead(self, table: pd.DataFrame, cutoffs: Cutoffs, panel: Panel) -> dict[str, pd.DataFrame]:
        """What ``predict`` is given as known ahead, also where the values after the cutoffs are missing."""
        names = columns_ahead(self.estimator)
        if not names:
            return {}
        rows = table[_present(table, *names)].assign(y=0.0)
        reading = {**reading_of(self.estimator), "frequency": panel.frequency, "calendar": panel.frequency.calendar}
        grid, _ = to_panel(rows, **reading, covariates=names, allow_constant=True)
        return known_ahead(grid, grid.lengths - _steps_until(grid, cutoffs), self.horizon, self.estimator)


def _put_fitted(fitted: Any, passage: Passage) -> None:
    """What was fitted: the stages that an estimator offers, or what stands in its attributes."""
    stages = fitted.fitted_stages() if hasattr(fitted, "fitted_stages") else {FITTED: fitted_numbers(fitted)}
    for stage, numbers in stages.items():
        passage.put(stage, numbers)


def _present(table: pd.DataFrame, *names: str) -> list[str]:
    """The columns of the ids, if there are any, of the times, and these."""
    return [*(["unique_id"] if "unique_id" in table.columns else []), "ds", *names]


def _numbers_of_panel(panel: Panel) -> dict[str, Any]:
    return {
        **{"ids": panel.ids, "times": panel.times, "values": panel.values, "frequency": str(panel.frequency)},
        **{f"observations' {name}": column for name, column in panel.cells.items()},
        **{f"covariate {name}": column for name, column in panel.covariates.items()},
        **{f"static covariate {name}": column for name, column in panel.static.items()},
    }


def _steps_until(whole: Panel, cutoffs: Cutoffs) -> np.ndarray:
    """Steps of each series up to its cutoff, int64 array of shape (n_series,)."""
    stamps = pd.DataFrame({"unique_id": whole.ids[whole.series_index], "ds": whole.stamps(whole.times)})
    before = Cutoffs(cutoffs.times.set_axis(cutoffs.times.index.map(str)), cutoffs.back).before(stamps)
    return np.bincount(whole.series_index[before], minlength=whole.n_series)
