"""When a task is tried again: where something outside failed, never where the data are bad."""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from forecasting.errors import SourceError, TrackingError

if TYPE_CHECKING:
    from prefect import Task
    from prefect.client.schemas.objects import State, TaskRun

RETRY_DELAYS: list[float] = [2, 10, 30]
"""Seconds before the first, second and third new attempt."""

_ABSENT = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}

_log = logging.getLogger(__name__)


def is_passing(error: BaseException) -> bool:
    """Whether trying again may help: a source, the tracking server or a database could not be reached.

    A model that is not in the registry will not be there a minute later either.
    """
    from sqlalchemy.exc import InterfaceError, OperationalError

    chain = list(_chain(error))
    if any(getattr(one, "error_code", None) in _ABSENT for one in chain):
        return False
    return any(isinstance(one, SourceError | TrackingError | OperationalError | InterfaceError) for one in chain)


def may_help(_task: "Task[..., object]", run: "TaskRun", state: "State[object]") -> bool:
    """Condition of a Prefect task's retries; says so where it is tried again."""
    try:
        state.result(raise_on_failure=True)
    except Exception as error:  # noqa: BLE001  (every error of a task arrives here)
        passing = is_passing(error)
        if passing and run.run_count <= len(RETRY_DELAYS):
            _log.warning("%s. Tried again in %g s", str(error).rstrip("."), RETRY_DELAYS[run.run_count - 1])
        return passing
    return False


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
