"""The leakage audit of a data set's model."""

import time
from typing import TYPE_CHECKING

from flows.common import located, time_text
from flows.quiet import import_network
from flows.reading import read_dataset
from flows.results import AuditFinding, AuditResult, AuditStage
from forecasting.sources import find_dataset

if TYPE_CHECKING:
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
        read = read_dataset(settings, dataset)
        import_network()
        report = audit(build_estimator(read.dataset), read.panel, n_cutoffs=n_cutoffs, verbose=0)
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
