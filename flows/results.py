"""What the steps give back: small, JSON-serialisable records; never frames."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from forecasting.errors import ForecastingError


@dataclass(frozen=True)
class NoticeRecord:
    """Something about the data that was noticed, said, and dealt with; see :class:`forecasting.panel.Notice`."""

    kind: str
    message: str
    series: tuple[str, ...] = ()
    count: int = 0


@dataclass(frozen=True)
class IngestResult:
    """A snapshot of a data set.

    Attributes
    ----------
    digest : str
        Digest of the snapshot's content.
    changed : bool
        Whether the content differs from the newest snapshot before.
    rows, series : int
    first, last : str
        First and last time over all series.
    covariates : mapping of str to tuple of str
        Names of columns as ``"past"``, ``"future"`` and ``"static"``, where there are any.
    steps_ahead : int
        Steps behind the ends of all series of which covariates are known.
    """

    dataset: str
    digest: str
    changed: bool
    rows: int
    series: int
    first: str
    last: str
    frequency: str
    calendar: str | None
    notices: tuple[NoticeRecord, ...]
    seconds: float
    covariates: dict[str, tuple[str, ...]] = field(default_factory=dict)
    steps_ahead: int = 0


@dataclass(frozen=True)
class SeriesAccuracy:
    """Accuracy of one series over the test windows, the model's and the seasonal naive forecast's.

    Attributes
    ----------
    mase, naive_mase : float
        Mean absolute scaled error, without unit.
    coverage, naive_coverage : float
        Per cent of the actual values inside the interval of the level that the result names; NaN without intervals.
    """

    series: str
    mase: float
    naive_mase: float
    coverage: float
    naive_coverage: float

    @property
    def better(self) -> str:
        """Which has the lower MASE: "SimpleRNN", "seasonal naive", "equal", or empty where one is unknown."""
        if math.isnan(self.mase) or math.isnan(self.naive_mase):
            return ""
        if self.mase == self.naive_mase:
            return "equal"
        return "SimpleRNN" if self.mase < self.naive_mase else "seasonal naive"


@dataclass(frozen=True)
class TrainResult:
    """A trained and registered model, or the one that is up to date.

    Attributes
    ----------
    trained : bool
        False where a registered model has the same training key, so that nothing was trained.
    version : str
        Version of the registered model.
    champion : str
        Version that forecasts are made with.
    level : int or None
        Level in per cent of the interval whose coverage is given; None where the data set asks for no intervals.
    run_url, report_url : str
        Pages of the run and its report in MLflow: of the configured server, or of ``forecast ui``.
    report : str or None
        The file of the report; None where a server keeps it.
    series : int
        Series of the data set; ``accuracy`` has the first 200 of them, then "(all)" if there are several.
    """

    dataset: str
    snapshot: str
    trained: bool
    version: str
    champion: str
    training_key: str
    run_id: str
    run_url: str
    report_url: str
    report: str | None
    horizon: int
    test_windows: int
    level: int | None
    series: int
    accuracy: tuple[SeriesAccuracy, ...]
    seconds: float


@dataclass(frozen=True)
class ForecastStep:
    """The forecast of one step of one series, in the unit of the target, with the interval of the result's level."""

    series: str
    ds: str
    forecast: float
    low: float
    high: float


@dataclass(frozen=True)
class ForecastResult:
    """Forecasts that were made and written to the ledger.

    Attributes
    ----------
    rows : int
        Rows forecast: series times horizon.
    rows_written : int
        Rows that the ledger did not hold before.
    steps : tuple of ForecastStep
        About twenty of the rows: as many steps of the first series as have room, at least the first.
    output : str or None
        The file that was written.
    """

    dataset: str
    snapshot: str
    model_version: str
    horizon: int
    level: int | None
    series: int
    rows: int
    rows_written: int
    first: str
    last: str
    steps: tuple[ForecastStep, ...]
    output: str | None
    seconds: float


@dataclass(frozen=True)
class AuditFinding:
    """How a stage took an overwriting; see `forecasting.evaluation.audit_report.Finding`."""

    cutoff: str
    overwritten: str
    stage: str
    state: str
    arrays: int
    change: float
    detail: str


@dataclass(frozen=True)
class AuditStage:
    """A stage over all cutoffs and ways of overwriting; see `forecasting.evaluation.audit_report.AuditReport`."""

    stage: str
    held: int
    moved: int
    refused: int
    other: int
    change: float
    control: str


@dataclass(frozen=True)
class AuditResult:
    """A leakage audit.

    Attributes
    ----------
    step : int
        Observed steps of each series between two cutoffs, and after the last one.
    words : tuple of str
        What was found, in sentences.
    """

    dataset: str
    passed: bool
    horizon: int
    step: int
    words: tuple[str, ...]
    stages: tuple[AuditStage, ...]
    findings: tuple[AuditFinding, ...]
    seconds: float


@dataclass(frozen=True)
class ErrorRecord:
    """An error as a record; ``exit_code`` is the command's."""

    kind: str
    message: str
    problem: str
    remedy: str | None
    where: dict[str, str]
    exit_code: int

    @classmethod
    def of(cls, error: BaseException) -> "ErrorRecord":
        """The record of any error; one that was not raised on purpose has exit code 1."""
        if isinstance(error, ForecastingError):
            return cls(
                type(error).__name__, str(error), error.problem, error.remedy, dict(error.where), error.exit_code
            )
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return cls(type(error).__name__, text, text, None, {}, 1)


@dataclass(frozen=True)
class DatasetResult:
    """What the pipeline did for one data set; the step that failed and those after it are None."""

    dataset: str
    ingest: IngestResult | None = None
    train: TrainResult | None = None
    forecast: ForecastResult | None = None
    error: ErrorRecord | None = None


class PipelineError(Exception):
    """At least one data set of a pipeline run failed.

    Parameters
    ----------
    results : tuple of DatasetResult
        Of all data sets, in the order asked for.
    """

    def __init__(self, results: tuple[DatasetResult, ...]) -> None:
        """Keep the results; the text names each data set that failed."""
        self.results = results
        failed = [f"{result.dataset}: {result.error.message}" for result in results if result.error is not None]
        super().__init__("; ".join(failed))

    @property
    def exit_code(self) -> int:
        """2 where every failure is bad input, otherwise 1."""
        return min(result.error.exit_code for result in self.results if result.error is not None)


def as_document(record: Any) -> Any:
    """A record (or a list or dict of records) as plain JSON values; a number that is not finite becomes null."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {one.name: as_document(getattr(record, one.name)) for one in dataclasses.fields(record)}
    if isinstance(record, dict):
        return {str(key): as_document(value) for key, value in record.items()}
    if isinstance(record, list | tuple):
        return [as_document(value) for value in record]
    if isinstance(record, float) and not math.isfinite(record):
        return None
    return record
