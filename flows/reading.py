"""Reading a data set from its source: through the gate, with its covariates, and what is known ahead set apart."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forecasting.errors import CatalogError, DataError
from forecasting.panel import Notice, Panel, Roles, infer_roles, lay_ahead, split_ahead, to_panel
from forecasting.sources import DataSet, placed, read_source
from forecasting.storage import Snapshot

if TYPE_CHECKING:
    from forecasting.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Reading:
    """What a source holds.

    Attributes
    ----------
    dataset : DataSet
        With the roles of its covariates named, also where they were inferred.
    panel : Panel
    ahead : Panel
        What is known ahead of the ends of the series; see `forecasting.panel.lay_ahead`.
    notices : tuple of Notice
    """

    dataset: DataSet
    panel: Panel
    ahead: Panel
    notices: tuple[Notice, ...]


def read_dataset(settings: "Settings", dataset: DataSet) -> Reading:
    """What the source of a data set holds now, through the gate, and what was seen there.

    Raises
    ------
    CatalogError
        A covariate is no column of the source; with file and line of the catalog.
    DataError, SourceError
        As for `forecasting.sources.read_source` and `forecasting.panel.to_panel`.
    """
    _log.info("%s: reading from %s", dataset.name, dataset.source.kind)
    try:
        frame = read_source(dataset, settings.home)
        inferred: tuple[Notice, ...] = ()
        if dataset.covariates is not None:
            roles, notice = infer_roles(frame)
            if roles == Roles():
                problem = "the source has no further column, of which a role could be inferred"
                raise CatalogError(problem, remedy="Remove the key.", dataset=dataset.name, key="covariates")
            dataset, inferred = dataset.with_roles(roles), (notice,)
    except CatalogError as error:
        raise placed(error, settings.catalog_path) from error
    roles = dataset.roles
    others, behind = split_ahead(frame, roles.future) if roles.future else (frame, frame.iloc[:0])
    panel, notices = to_panel(
        others,
        frequency=dataset.frequency,
        calendar=dataset.calendar,
        tz=dataset.timezone,
        irregular=dataset.irregular,
        dataset=dataset.name,
        covariates=roles.along,
        static=roles.static,
    )
    return Reading(dataset, panel, lay_ahead(behind, panel, roles.future), (*inferred, *notices))


def of_snapshot(dataset: DataSet, snapshot: Snapshot) -> DataSet:
    """The data set with the roles of covariates that its snapshot has, where the catalog lets them be inferred.

    Raises
    ------
    DataError
        The catalog names covariates that the snapshot does not have, or not in this role.
    """
    if dataset.covariates is not None and snapshot.roles == Roles():
        raise _other_covariates("has no covariates, whose roles are to be inferred", snapshot)
    dataset = dataset.with_roles(snapshot.roles)
    lacking = absent_columns(dataset.roles, snapshot.roles)
    if lacking:
        raise _other_covariates(f"does not have {lacking}", snapshot)
    return dataset


def absent_columns(wanted: Roles, found: Roles) -> str:
    """The covariates that are wanted and not there in their role, as words; empty if all are.

    One that is known ahead may be read as one that is known up to the present only.
    """
    there = {"past": found.along, "future": found.future, "static": found.static}
    titles = {"past": "the covariate", "future": "the covariate known ahead", "static": "the static covariate"}
    return ", ".join(
        f"{titles[role]} {name!r}"
        for role, names in wanted.as_dict().items()
        for name in names
        if name not in there[role]
    )


def _other_covariates(problem: str, snapshot: Snapshot) -> DataError:
    return DataError(
        f"the snapshot {snapshot.digest[:12]} {problem}",
        remedy=f"Ingest the data set again: forecast ingest {snapshot.dataset}.",
        dataset=snapshot.dataset,
    )
