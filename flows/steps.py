"""The main job as plain functions: take a snapshot, train and register a model, forecast with the champion.

Each takes settings and names and gives back a small record. Nothing here knows Prefect; the flows are thin wrappers.
Repeated on the same data with the same configuration and code, no step changes anything that is kept.
"""

import contextlib
import logging
import time
from typing import TYPE_CHECKING

from flows.common import MODEL, located, season_of, shown_level, time_text
from flows.output import check_output, write_output
from flows.reading import absent_columns, of_snapshot, read_dataset
from flows.results import ForecastResult, ForecastStep, IngestResult, NoticeRecord, TrainResult
from forecasting.errors import DataError, StorageError
from forecasting.evaluation.backtest import check_lengths
from forecasting.panel import Panel, known_rows, treat_covariates, treat_gaps
from forecasting.panel.calendar_covariates import check_calendar_covariates
from forecasting.sources import find_dataset
from forecasting.storage import Ledger, Snapshot, SnapshotStore
from forecasting.targets import choices_for

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.settings import Settings
    from forecasting.tracking import Champion

_MOST_STEPS = 20

_log = logging.getLogger(__name__)


def ingest_dataset(settings: "Settings", name: str) -> IngestResult:
    """Read a data set from its source, check it, and keep a snapshot of it.

    The snapshot holds the data as they were observed; steps without a value stay empty. The gap policy of the data set
    is tried on them first, and so are the target's transform and the lengths that the test windows need, so that data
    no model could be trained on leave no snapshot. Of covariates known ahead it holds the rows behind the ends too.

    Parameters
    ----------
    settings : Settings
    name : str
        Name of a data set of the catalog.

    Raises
    ------
    DataError
        The data cannot be used as they are. Nothing was written; the last good snapshot stays the newest.
    SourceError
        The source cannot be reached.
    """
    began = time.monotonic()
    dataset = find_dataset(settings.catalog_path, name)
    with located(name):
        read = read_dataset(settings, dataset)
        panel = read.panel
        _, treated = treat_gaps(panel, dataset.gaps, dataset=name)
        _, carried = treat_covariates(panel, dataset.gaps)
        check_calendar_covariates(dataset.calendar_covariates, panel.frequency)
        season = season_of(dataset, panel)
        choices_for(dataset.target, panel)[0].fit(panel, 0, season)
        check_lengths(panel, dataset.test_windows * dataset.horizon, season)
        notices = (*read.notices, *treated, *carried)
        for notice in notices:
            _log.warning("%s: %s", name, notice.message, extra={"in_result": True})
        store = SnapshotStore(settings.snapshots)
        before = _newest(store, name)
        snapshot = store.write(name, panel, notices, ahead=read.ahead)
    return IngestResult(
        dataset=name,
        digest=snapshot.digest,
        changed=before is None or before.digest != snapshot.digest,
        rows=snapshot.rows,
        series=snapshot.series,
        first=snapshot.first,
        last=snapshot.last,
        frequency=snapshot.frequency,
        calendar=snapshot.calendar,
        notices=tuple(NoticeRecord(note.kind, note.message, note.series, note.count) for note in notices),
        seconds=round(time.monotonic() - began, 3),
        covariates={role: tuple(names) for role, names in snapshot.roles.as_dict().items() if names},
        steps_ahead=snapshot.steps_ahead,
    )


def train_dataset(
    settings: "Settings",
    name: str,
    *,
    snapshot: str | None = None,
    force: bool = False,
    flow_run_id: str | None = None,
    flow_run_url: str | None = None,
) -> TrainResult:
    """Test a model against the seasonal naive forecast, fit it on everything, and register it.

    Nothing is trained where the newest registered version has the same training key (snapshot, configuration, code).

    Parameters
    ----------
    settings : Settings
    name : str
        Name of a data set of the catalog.
    snapshot : str, optional
        Digest of the snapshot to train on; the newest one if not given.
    force : bool, default False
        Train even if the model is up to date.
    flow_run_id, flow_run_url : str, optional
        The flow run that this is part of, noted in the MLflow run.

    Raises
    ------
    StorageError
        There is no such snapshot.
    DataError, ParameterError
        The series are too short, or the configuration is wrong.
    TrackingError
        The tracking store cannot be reached.
    """
    from flows.training import train_model, up_to_date

    began = time.monotonic()
    dataset = find_dataset(settings.catalog_path, name)
    with located(name):
        store = SnapshotStore(settings.snapshots)
        kept = store.get(name, snapshot) if snapshot is not None else store.latest(name)
        dataset = of_snapshot(dataset, kept)
        known = None if force else up_to_date(settings, dataset, kept, began=began)
        if known is not None:
            _log.info("%s: model version %s is up to date, not trained again", name, known.version)
            return known
        return train_model(
            settings,
            dataset,
            kept,
            *store.read_with_ahead(kept),
            began=began,
            flow_run_id=flow_run_id,
            flow_run_url=flow_run_url,
        )


def forecast_dataset(
    settings: "Settings", name: str, *, horizon: int | None = None, output: str | None = None
) -> ForecastResult:
    """Forecast from the newest snapshot with the champion, and write to the ledger.

    Parameters
    ----------
    settings : Settings
    name : str
        Name of a data set of the catalog.
    horizon : int, optional
        Steps ahead; the data set's horizon if not given.
    output : str, optional
        A .csv or .parquet file that the forecasts are written to as well.

    Raises
    ------
    StorageError
        There is no snapshot yet, the champion cannot be read, or the ledger cannot be written.
    DataError
        What the champion reads as known ahead does not reach to the last step, or the snapshot lacks a covariate.
    TrackingError
        There is no champion yet, or the tracking store cannot be reached.
    """
    from forecasting.tracking import load_champion

    began = time.monotonic()
    dataset = find_dataset(settings.catalog_path, name)
    target = None if output is None else check_output(output)
    with located(name):
        store = SnapshotStore(settings.snapshots)
        snapshot = store.latest(name)
        _log.info("%s: loading the champion", name)
        champion = load_champion(settings, name)
        _check_covariates(champion, snapshot)
        panel, ahead = store.read_with_ahead(snapshot)
        steps = dataset.horizon if horizon is None else horizon
        future = known_rows(ahead) if champion.estimator.encoding_.ahead else None
        forecasts = champion.estimator.predict(horizon=steps, levels=dataset.levels, data=panel, future=future)
        with contextlib.closing(Ledger(settings.database_url)) as ledger:
            written = ledger.write(name, champion.version, snapshot.digest, with_cutoffs(forecasts, panel))
        if target is not None:
            write_output(forecasts, target)
    _log.info(
        "%s: %d forecasts with model version %s, %d new in the ledger", name, len(forecasts), champion.version, written
    )
    level = shown_level(dataset)
    return ForecastResult(
        dataset=name,
        snapshot=snapshot.digest,
        model_version=champion.version,
        horizon=steps,
        level=level,
        series=panel.n_series,
        rows=len(forecasts),
        rows_written=written,
        first=time_text(forecasts["ds"].min()),
        last=time_text(forecasts["ds"].max()),
        steps=_first_steps(forecasts, level, panel.n_series),
        output=None if target is None else str(target),
        seconds=round(time.monotonic() - began, 3),
    )


def _check_covariates(champion: "Champion", snapshot: Snapshot) -> None:
    """Raise DataError where the champion reads covariates that the snapshot does not have."""
    lacking = absent_columns(champion.estimator.encoding_.roles, snapshot.roles)
    if lacking:
        raise DataError(
            f"the champion, version {champion.version}, reads {lacking}, which the snapshot {snapshot.digest[:12]} does"
            " not have",
            remedy="Name it in the data set and ingest again, or make a version that was trained without it the"
            f" champion (MLflow, Models, {champion.name}).",
        )


def with_cutoffs(forecasts: "pd.DataFrame", panel: Panel) -> "pd.DataFrame":
    """The forecasts with two more columns: ``cutoff``, the last time of the series, and ``step``, from 1."""
    cutoffs = dict(zip(panel.ids, panel.stamps(panel.last_times()), strict=True))
    ordered = forecasts.sort_values(["unique_id", "ds"], kind="stable")
    return ordered.assign(
        cutoff=ordered["unique_id"].map(cutoffs), step=ordered.groupby("unique_id", sort=False).cumcount() + 1
    )


def _first_steps(forecasts: "pd.DataFrame", level: int | None, n_series: int) -> tuple[ForecastStep, ...]:
    each = max(1, _MOST_STEPS // n_series)
    first = forecasts.groupby("unique_id", sort=False).head(each).head(_MOST_STEPS)
    nan = float("nan")
    return tuple(
        ForecastStep(
            series=str(row["unique_id"]),
            ds=time_text(row["ds"]),
            forecast=float(row[MODEL]),
            low=nan if level is None else float(row[f"{MODEL}-lo-{level}"]),
            high=nan if level is None else float(row[f"{MODEL}-hi-{level}"]),
        )
        for row in first.to_dict(orient="records")
    )


def _newest(store: SnapshotStore, name: str) -> Snapshot | None:
    try:
        return store.latest(name)
    except StorageError:
        return None
