"""Training a data set's model: the key that says when it is needed, the test, the fit, the run, the registration."""

import hashlib
import inspect
import json
import logging
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlparse

from flows.common import MODEL, NAIVE, season_of, shown_level
from flows.local_servers import HOST, running_servers
from flows.prefect_settings import MLFLOW_PORT, state_folder
from flows.quiet import import_network
from flows.results import SeriesAccuracy, TrainResult
from forecasting.errors import CatalogError, DataError
from forecasting.evaluation.keeping import code_digest
from forecasting.evaluation.metrics import POOLED
from forecasting.panel import Panel, known_rows
from forecasting.sources import DataSet
from forecasting.storage import Snapshot
from forecasting.tracking.store import is_server, page_url

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.settings import Settings
    from forecasting.tracking import TrainingRun

KEY_TAG = "training.key"
REPORT = "report.html"
_MOST_SERIES = 200

_log = logging.getLogger(__name__)


def training_key(dataset: DataSet, history: str) -> str:
    """What a training depends on, as one digest: data, estimator parameters, test windows, and the model's code.

    ``history`` is the digest of a snapshot without what is known ahead of its ends, from which nothing is learned.
    """
    parts = {
        "snapshot": history,
        "parameters": dataset.estimator_parameters(),
        "test_windows": dataset.test_windows,
        "code": code_digest(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class _Trained:
    """A registered version, and where its training is kept."""

    version: str
    run_id: str
    experiment_id: str
    report: str | None


def up_to_date(settings: "Settings", dataset: DataSet, snapshot: Snapshot, *, began: float) -> TrainResult | None:
    """The result of the newest registered version, if it can be read and is what a training now would give, or None.

    It becomes the champion where the champion cannot be read. That it cannot be read itself is logged.

    Raises
    ------
    TrackingError
        The tracking store cannot be reached.
    """
    from forecasting.tracking import configure, defect_of, replace_unusable_champion
    from forecasting.tracking.store import tracking_errors

    client = configure(settings)
    key = training_key(dataset, snapshot.history)
    with tracking_errors("looking for registered versions", settings.tracking_uri, dataset=dataset.name):
        versions = client.search_model_versions(f"name = '{dataset.name}'")
        newest = max(versions, key=lambda version: int(version.version), default=None)
        if newest is None or newest.tags.get(KEY_TAG) != key:
            return None
        defect = defect_of(settings, dataset.name, str(newest.version))
        if defect is not None:
            _log.warning("%s: version %s cannot be read, and is trained anew: %s", dataset.name, newest.version, defect)
            return None
        run_id = str(newest.run_id)
        experiment = client.get_run(run_id).info.experiment_id
        with tempfile.TemporaryDirectory() as folder:
            scores = _read_scores(client.download_artifacts(run_id, "accuracy/test.csv", folder))
        report = report_file(client, run_id)
    replace_unusable_champion(client, settings, dataset.name, str(newest.version))
    trained = _Trained(str(newest.version), run_id, experiment, report)
    return _result(settings, dataset, snapshot, trained, scores, began=began, anew=False)


def _read_scores(file: str) -> "pd.DataFrame":
    """An accuracy table as it was written; a series may be called NA."""
    import pandas as pd

    text = pd.read_csv(file, dtype=str, keep_default_na=False)
    figures = [name for name in text.columns if name not in ("unique_id", "model")]
    text[figures] = text[figures].apply(pd.to_numeric)
    return text


def train_model(
    settings: "Settings",
    dataset: DataSet,
    snapshot: Snapshot,
    panel: Panel,
    ahead: Panel,
    *,
    began: float,
    flow_run_id: str | None = None,
    flow_run_url: str | None = None,
) -> TrainResult:
    """Test on the windows at the end, fit on everything, log the run, register the version.

    The version is registered last and its key is set after that: a training that is cut short is not taken for a model
    that is up to date.
    """
    from forecasting.evaluation.backtest import backtest
    from forecasting.evaluation.metrics import accuracy
    from forecasting.tracking import TrainingRun, log_model

    name, season = dataset.name, season_of(dataset, panel)
    estimator = build_estimator(dataset)
    import_network()
    run = TrainingRun(
        settings,
        name,
        estimator,
        snapshot=snapshot,
        title=dataset.title,
        flow_run_id=flow_run_id,
        flow_run_url=flow_run_url,
    )
    with run:
        _log.info("%s: training for the test on the last %d x %d steps", name, dataset.test_windows, dataset.horizon)
        tested = backtest(estimator, panel, dataset.horizon, dataset.test_windows, season_length=season, verbose=0)
        scores = accuracy(tested, panel, season)
        _log.info("%s: training on all %d steps of %d series", name, len(panel.values), panel.n_series)
        estimator.fit(panel, callbacks=(run.epochs,))
        run.log_fit(estimator)
        _log.info("%s: writing the report and registering the model", name)
        parts = {"validation": accuracy(estimator.validation_, panel, season), "test": scores}
        forecasts, lacking = _forecasts(estimator, ahead, tested)
        _log_findings(run, dataset, snapshot, estimator, panel, tested, scores, forecasts, lacking)
        version = log_model(run, estimator, panel.frame(), accuracy=parts)
        with run.errors("writing the training key"):
            run.client.set_model_version_tag(name, version.version, KEY_TAG, training_key(dataset, snapshot.history))
        report = report_file(run.client, run.run_id)
    trained = _Trained(version.version, run.run_id, run.experiment_id, report)
    return _result(settings, dataset, snapshot, trained, scores, began=began, anew=True)


def build_estimator(dataset: DataSet) -> Any:
    """The unfitted estimator of a data set.

    Raises
    ------
    CatalogError
        The data set's model table has a parameter that the estimator does not know.
    """
    from forecasting.estimators import SimpleRNNForecaster

    known = list(inspect.signature(SimpleRNNForecaster).parameters)
    parameters = dataset.estimator_parameters()
    for parameter in parameters:
        if parameter not in known:
            raise CatalogError(
                f"the model has no parameter {parameter!r}",
                remedy=f"It has {', '.join(known)}",
                dataset=dataset.name,
            )
    return SimpleRNNForecaster(**parameters)


def series_accuracy(scores: "pd.DataFrame", level: int | None) -> tuple[SeriesAccuracy, ...]:
    """The rows of an accuracy table that are given back: the first series, then that over all if there are several."""
    series = [name for name in dict.fromkeys(scores["unique_id"]) if name != POOLED]
    shown = series[:_MOST_SERIES] + ([POOLED] if len(series) > 1 else [])
    table = scores.set_index(["unique_id", "model"])
    column = f"coverage-{level}"

    def figure(name: str, model: str, measure: str) -> float:
        return float(cast(Any, table.loc[(name, model), measure])) if measure in table.columns else float("nan")

    return tuple(
        SeriesAccuracy(
            series=str(name),
            mase=figure(name, MODEL, "MASE"),
            naive_mase=figure(name, NAIVE, "MASE"),
            coverage=figure(name, MODEL, column),
            naive_coverage=figure(name, NAIVE, column),
        )
        for name in shown
    )


def run_page(settings: "Settings", experiment_id: str, run_id: str, artifact: str | None = None) -> str:
    """The page of a run, or of one of its files: of the configured MLflow server, of a running ``forecast ui``, or
    where that will be.
    """
    if is_server(settings.tracking_uri):
        server = settings.tracking_uri
    else:
        server = running_servers(state_folder(settings)).get("mlflow", f"http://{HOST}:{MLFLOW_PORT}")
    page = f"experiments/{experiment_id}/runs/{run_id}"
    return page_url(server, page if artifact is None else f"{page}/artifacts/{artifact}")


def report_file(client: Any, run_id: str) -> str | None:
    """The file of a run's report; None where a server keeps it."""
    place = urlparse(client.get_run(run_id).info.artifact_uri)
    return str(Path(unquote(place.path)) / REPORT) if place.scheme in ("file", "") else None


def _forecasts(estimator: Any, ahead: Panel, tested: "pd.DataFrame") -> tuple["pd.DataFrame", str | None]:
    """What comes next, for the report; or no rows and why, where what is known ahead does not reach so far."""
    if not estimator.encoding_.ahead:
        return estimator.predict(), None
    try:
        return estimator.predict(future=known_rows(ahead)), None
    except DataError as error:
        _log.warning("the report shows no forecast: %s", error)
        return tested.iloc[:0].drop(columns=[name for name in tested if str(name).startswith(NAIVE)]), str(error)


def _log_findings(
    run: "TrainingRun",
    dataset: DataSet,
    snapshot: Snapshot,
    estimator: Any,
    panel: Panel,
    tested: "pd.DataFrame",
    scores: "pd.DataFrame",
    forecasts: "pd.DataFrame",
    lacking: str | None,
) -> None:
    """Keep the figures and the report in the run."""
    from forecasting.evaluation.metrics import error_by_step
    from forecasting.report.figures import coverage_figure, forecast_figure, step_error_figure, training_figure
    from forecasting.report.report import write_report
    from forecasting.report.summary import choose_series, side_by_side

    season = season_of(dataset, panel)
    for shown in choose_series(side_by_side(scores, MODEL, NAIVE)):
        figure = forecast_figure(panel, shown.series, tested, forecasts, title=shown.series)
        run.log_figure("forecast-" + re.sub(r"[^A-Za-z0-9_.-]+", "_", shown.series), figure)
    run.log_figure("training", training_figure(estimator.history_, title="Training"))
    errors = error_by_step(tested, panel, season, [MODEL, NAIVE])
    run.log_figure("error-by-step", step_error_figure(errors, title="Error by step ahead"))
    if dataset.levels:
        run.log_figure("coverage", coverage_figure(scores, title="Coverage of the intervals"))
    with tempfile.TemporaryDirectory() as folder:
        path = write_report(
            Path(folder) / REPORT,
            dataset_title=dataset.title,
            backtest_frame=tested,
            accuracy_frame=scores,
            forecasts=forecasts,
            panel=panel,
            run_facts={
                "snapshot": snapshot.digest[:12],
                "MLflow run": run.run_id,
                "gap policy": dataset.gaps,
                "target transform": estimator.target_,
                "device": estimator.device_,
                "seconds of the fit": estimator.fit_seconds_,
                "network parameters": f"{estimator.n_parameters_:,}",
                **({} if lacking is None else {"no forecast": lacking}),
                "parameters": estimator.get_params(),
            },
            season_length=season,
            history=estimator.history_,
            health=estimator.health_,
            notices=[notice.message for notice in snapshot.notices],
        )
        run.log_file(path)


def _result(
    settings: "Settings",
    dataset: DataSet,
    snapshot: Snapshot,
    trained: _Trained,
    scores: "pd.DataFrame",
    *,
    began: float,
    anew: bool,
) -> TrainResult:
    from forecasting.tracking import champion_version

    level = shown_level(dataset)
    return TrainResult(
        dataset=dataset.name,
        snapshot=snapshot.digest,
        trained=anew,
        version=trained.version,
        champion=champion_version(settings, dataset.name).version,
        training_key=training_key(dataset, snapshot.history),
        run_id=trained.run_id,
        run_url=run_page(settings, trained.experiment_id, trained.run_id),
        report_url=run_page(settings, trained.experiment_id, trained.run_id, REPORT),
        report=trained.report,
        horizon=dataset.horizon,
        test_windows=dataset.test_windows,
        level=level,
        series=snapshot.series,
        accuracy=series_accuracy(scores, level),
        seconds=round(time.monotonic() - began, 3),
    )
