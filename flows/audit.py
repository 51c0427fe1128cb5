"""The leakage audit of a data set's model."""

import time
from typing import TYPE_CHECKING

from flows.common import located, time_text
from flows.quiet import import_network
from flows.reading import read_dataset
from flows.results import AuditFinding, AuditResult, AuditStage
from forecasting.panel import split_ahead
from forecasting.sources import DataSet, find_dataset, read_source

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.panel import Panel
    from forecasting.settings import Settings


def audit_dataset(settings: "Settings", name: str, *, n_cutoffs: int = 2) -> AuditResult:
    """Read a data set from its source, as `ingest_dataset` does, and audit its model; nothing is written.

    Parameters
    ----------
    settings : Settings
    name : str
        Name of a data set of the catalog.
    n_cutoffs : int, default 2
        Each costs four fits; one more is made as a control.

    Raises
    ------
    DataError
        The data cannot be used as they are, or are too short.
    SourceError
        The source cannot be reached.
    """
    from flows.training import build_estimator
    from forecasting.evaluation.audit import audit

    began = time.monotonic()
    dataset = find_dataset(settings.catalog_path, name)
    with located(name):
        dataset, data = _audited(settings, dataset)
        import_network()
        report = audit(build_estimator(dataset), data, n_cutoffs=n_cutoffs, verbose=0)
    findings = tuple(
        AuditFinding(
            cutoff=time_text(found.cutoff),
            overwritten=found.overwritten,
            stage=found.stage,
            state=found.state,
            arrays=found.arrays,
            change=found.change,
            detail=found.detail,
        )
        for found in report.findings
    )
    return AuditResult(
        dataset=name,
        passed=report.passed,
        horizon=dataset.horizon,
        step=report.step,
        words=report.words,
        stages=tuple(
            AuditStage(**{str(name): value for name, value in row.items()}) for row in report.stages.to_dict("records")
        ),
        findings=findings,
        seconds=round(time.monotonic() - began, 3),
    )


def _audited(settings: "Settings", dataset: DataSet) -> "tuple[DataSet, Panel | pd.DataFrame]":
    """The data set with the roles of its covariates, and the panel.

    Where observations at irregular times are put on its grid it is these instead, so that this is audited too.
    """
    read = read_dataset(settings, dataset)
    if dataset.irregular == "refuse":
        return read.dataset, read.panel
    rows, zone = read_source(dataset, settings.home), dataset.timezone
    future = read.dataset.roles.future
    rows = split_ahead(rows, future)[0] if future else rows
    if zone is not None:
        times = rows["ds"].dt
        rows["ds"] = times.tz_localize(zone) if times.tz is None else times.tz_convert(zone)
    return read.dataset, rows
