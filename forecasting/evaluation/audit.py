"""The leakage audit: whatever is overwritten behind a cutoff, nothing that is made before it may move."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.audit_report import (
    CONTROL,
    HELD,
    MOVED,
    REFUSED,
    UNCHANGED,
    UNREPEATABLE,
    AuditReport,
    Finding,
)
from forecasting.evaluation.fitted_numbers import Numbers, change
from forecasting.evaluation.handing import covariates_of, fresh, parameters_of, read, reading_of, settled, stated
from forecasting.evaluation.overwriting import OVERWRITINGS, Cutoffs, cutoffs_of, observed_steps, overwritten
from forecasting.evaluation.whole_way import FITTED, Passage, Prepare, WholeWay
from forecasting.panel import to_panel

_LEAST_STEP = 2
_SHARE_OF_SHORTEST = 20
_MOST_NAMES = 3

_log = logging.getLogger(__name__)


def audit(
    estimator: Any,
    data: Any,
    *,
    horizon: int | None = None,
    prepare: Prepare | None = None,
    features: Sequence[str] | None = None,
    known: Sequence[str] = (),
    gate: bool = True,
    n_cutoffs: int = 2,
    step: int | None = None,
    tolerance: float = 1e-6,
    verbose: int = 1,
) -> AuditReport:
    """Overwrite everything after a cutoff, and see whether anything made before it moves.

    For each cutoff the whole way is gone once with the data as they are, and once for each way of overwriting: with
    extreme values, with missing values, and with the rows after the cutoff shuffled::

        data (whole) -> prepare (whole) -> gate (whole) -> cut at the cutoff -> fit -> forecast

    The cut comes after ``prepare`` and after the gate, as in a notebook that computes its columns first and splits
    then, and as in `forecasting.evaluation.backtest`: what these two carry across the cutoff is found. Every number of
    every stage is then compared with the one from the data as they are.

    As a control, the observed steps just before the last cutoff are shuffled too: what does not move even then does not
    depend on them, and that it held says little.

    The cost is four fits for each cutoff, and one for the control: nine with the defaults. Where something moved, a
    further fit tells whether it is repeatable.

    Parameters
    ----------
    estimator : object
        Not changed: clones are fitted, with every ``random_state`` that is None set to 0. Any object with ``fit`` and
        ``predict``:

        - by default ``fit(panel)`` and ``predict(horizon=, data=panel)``, as `backtest` has it: with covariates in
          the panel, and ``future=`` where some are known ahead;
        - with ``gate=False``, ``fit(frame)``, with the rows up to the cutoff, and ``predict(horizon=)``;
        - with ``features``, a regressor of scikit-learn or a pipeline of it: ``fit(X, y)`` with the rows up to the
          cutoff, and ``predict(X)`` with the next ``horizon`` rows of each series.

        If it has the methods of `forecasting.evaluation.whole_way.Staged`, its stages are compared one by one;
        otherwise what it keeps in attributes ending with "_" is, inside pipelines too.
    data : DataFrame, Series or Panel
        A long frame with ``ds``, ``y``, any further columns, and ``unique_id`` where there are several series. Anything
        else that `forecasting.panel.to_panel` takes is made a long frame first.
    horizon : int, optional
        Steps to forecast; by default the estimator's parameter of that name.
    prepare : callable, optional
        Takes the whole frame and gives it back with whatever a notebook adds before it splits: features, scaled or
        smoothed columns. The result has ``ds`` and ``y`` as well.
    features : sequence of str, optional
        Columns of X. A forecast of several steps is made at the cutoff: a lag of one step is known for the first of
        them only, and is reported as a leak where the horizon is longer.
    known : sequence of str
        Columns whose future is known when a forecast is made, such as holidays. They are not overwritten, and neither
        are those that the estimator names as ``future_covariates`` or ``static_covariates``.
    gate : bool, default True
        Whether the table passes the gate, which reads the target and the covariates that the estimator names.
    n_cutoffs : int, default 2
    step : int, optional
        Observed steps of each series from one cutoff to the next, and after the last: at least 2, and at least
        ``horizon``. By default the horizon or a twentieth of the shortest series, whichever is longer. Where the
        estimator puts observations at irregular times on a grid, these are observations, and in the place of
        ``horizon`` stand as many as the last ``horizon`` steps and the one before them hold at most.
    tolerance : float, default 1e-6
        Change, relative to the largest magnitude of an array, up to which it counts as held: the rounding of sums that
        are made in parallel. The report says the largest change that was seen.
    verbose : int, default 1
        0 shows no progress line.

    Returns
    -------
    AuditReport
        ``passed``, ``frame`` (a row for each cutoff, overwriting and stage), ``stages`` (a row for each stage), and the
        findings in words as its text.

    Raises
    ------
    ParameterError
        A parameter is wrong.
    DataError
        Series are too short, or what ``prepare`` gives back lacks a column.

    Notes
    -----
    What the estimator, ``prepare`` or the gate raises about the data as they are is raised. What they raise about
    overwritten data is a finding, ``"refused"``: a stage passes if it held under another way of overwriting.
    """
    frame = _long(data, estimator)
    estimator = settled(estimator, frame if prepare is None else prepare(frame.copy()))
    steps = _horizon(estimator, horizon)
    apart = _step(frame, _rows_of(frame, estimator, steps), n_cutoffs, step)
    named = covariates_of(estimator)
    way = WholeWay(_seeded(estimator), steps, prepare, features, gate)
    auditor = _Auditor(way, frame, (*known, *named.future, *named.static), tolerance, apart)
    total = n_cutoffs * (1 + len(OVERWRITINGS)) + 1
    progress = Progress(
        TextColumn("audit"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not verbose,
    )
    with progress:
        task = progress.add_task("audit", total=total, note="")

        def tell(note: str) -> None:
            _log.info("audit: %s", note)
            progress.update(task, advance=1, note=note)

        findings = [found for number in range(n_cutoffs, 0, -1) for found in auditor.findings(number, tell)]
    return AuditReport(tuple(findings), apart)


class _Auditor:
    """Goes the way with the data as they are and with each overwriting, and compares."""

    def __init__(
        self, way: WholeWay, frame: pd.DataFrame, known: tuple[str, ...], tolerance: float, apart: int
    ) -> None:
        self._way = way
        self._frame = frame
        self._known = known
        self._tolerance = tolerance
        self._apart = apart

    def findings(self, number: int, tell: Callable[[str], None]) -> Iterator[Finding]:
        """One for each overwriting and stage at a cutoff, counted from the end; at the last the control as well."""
        cutoffs = cutoffs_of(self._frame, self._apart * number)
        time = cutoffs.times.max()
        tell(f"cutoff {time}, as it is")
        honest = self._way.go(self._frame, cutoffs)
        for error in (honest.error, honest.input_error):
            if error is not None:
                raise error
        tried = [(how, how, cutoffs) for how in OVERWRITINGS]
        if number == 1:
            tried.append((CONTROL, "shuffled", cutoffs_of(self._frame, 2 * self._apart)))
        repeated = _Repeated(self._way, self._frame, cutoffs, honest, self._tolerance)
        for label, how, start in tried:
            tell(f"cutoff {time}, {label}")
            other = overwritten(self._frame, start, how, self._known)
            if other.equals(self._frame):
                yield from (Finding(time, label, stage, UNCHANGED) for stage in honest.stages)
                continue
            passage = self._way.go(other, cutoffs)
            for stage, before in honest.stages.items():
                if stage not in passage.stages:
                    error = passage.error or passage.input_error
                    yield Finding(time, label, stage, REFUSED, detail=f"{type(error).__name__}: {error}")
                    continue
                changes = _changes(before, passage.stages[stage])
                yield Finding(time, label, stage, *repeated.judged(stage, changes, believe=label == CONTROL))


class _Repeated:
    """Judges changes by the tolerance, and by a second passage with the data as they are where that is exceeded."""

    def __init__(self, way: WholeWay, frame: pd.DataFrame, cutoffs: Cutoffs, honest: Passage, tolerance: float) -> None:
        self._again: Callable[[], Passage] = lambda: way.go(frame, cutoffs)
        self._honest = honest
        self._tolerance = tolerance
        self._lost: Mapping[str, set[str]] | None = None

    def judged(self, stage: str, changes: dict[str, float], *, believe: bool) -> tuple[str, int, float, str]:
        """State, number of arrays, largest change, and detail of a stage; ``believe`` asks for no second passage.

        Fitted numbers of any object may hold times and the like, which differ between fits: these are left out.
        """
        moved = [name for name, size in changes.items() if size > self._tolerance]
        lost = [] if believe else [name for name in moved if name in self._unrepeatable(stage)]
        sure = [name for name in moved if name not in lost]
        if sure:
            return MOVED, len(changes), max(changes[name] for name in sure), _listed(sure)
        largest = max((size for name, size in changes.items() if name not in lost), default=np.nan)
        if lost and stage != FITTED:
            return UNREPEATABLE, len(changes), largest, _listed(lost)
        return HELD, len(changes), largest, f"left out, not repeatable: {_listed(lost)}" if lost else ""

    def _unrepeatable(self, stage: str) -> set[str]:
        if self._lost is None:
            again = self._again().stages
            self._lost = {
                name: {array for array, size in _changes(before, again.get(name, {})).items() if size > self._tolerance}
                for name, before in self._honest.stages.items()
            }
        return self._lost[stage]


def _changes(before: Numbers, after: Numbers) -> dict[str, float]:
    """How far each array of a stage moved; infinitely far where it is only on one side."""
    names = dict.fromkeys([*before, *after])
    return {name: change(before[name], after[name]) if name in before and name in after else np.inf for name in names}


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _seeded(estimator: Any) -> Any:
    """An unfitted copy whose fits can be repeated, and which shows no progress line of its own."""
    copied = fresh(estimator, silent=True)
    given = parameters_of(copied)
    seeds = {name: 0 for name, value in given.items() if name.rpartition("__")[2] == "random_state" and value is None}
    return copied.set_params(**seeds) if seeds else copied


def _long(data: Any, estimator: Any) -> pd.DataFrame:
    """A long frame with rows numbered from 0."""
    if isinstance(data, pd.DataFrame) and {"ds", "y"} <= set(data.columns):
        if not (pd.api.types.is_numeric_dtype(data["ds"]) or hasattr(data["ds"], "dt")):
            raise DataError("the times are text", column="ds", remedy="Read them with pandas.to_datetime")
        if isinstance(data["ds"].dtype, pd.PeriodDtype):
            raise DataError("the times are periods", column="ds", remedy="Make them stamps with .dt.to_timestamp()")
        return data.reset_index(drop=True)
    return read(data, estimator)[0].frame()


def _horizon(estimator: Any, horizon: int | None) -> int:
    steps = next(iter(stated("horizon", estimator)), None) if horizon is None else horizon
    if steps is None or steps < 1:
        raise ParameterError(f"it must be at least 1, not {steps}", remedy="Give horizon=", parameter="horizon")
    return int(steps)


def _rows_of(frame: pd.DataFrame, estimator: Any, steps: int) -> int:
    """Observed rows of the table that lead over so many steps of the panel."""
    reading = reading_of(estimator)
    if reading.get("irregular", "refuse") == "refuse":
        return steps
    ids = ["unique_id"] if "unique_id" in frame.columns else []
    panel, _ = to_panel(frame[[*ids, "ds", "y"]], **reading)
    behind = panel.keep_last(steps + 1)
    return int(np.add.reduceat(behind.cells["count"], behind.indptr[:-1]).max())


def _step(frame: pd.DataFrame, horizon: int, n_cutoffs: int, step: int | None) -> int:
    """Observed steps from one cutoff to the next."""
    if n_cutoffs < 1:
        raise ParameterError(f"it must be at least 1, not {n_cutoffs}", parameter="n_cutoffs")
    least = max(horizon, _LEAST_STEP)
    if step is None:
        return max(least, int(observed_steps(frame).min()) // _SHARE_OF_SHORTEST)
    if step < least:
        raise ParameterError(
            f"it must be at least {least}, the horizon and {_LEAST_STEP}, not {step}", parameter="step"
        )
    return step
