"""What an estimator is handed: how its parameters want a table read, its covariates, and those of them known ahead."""

import copy
import inspect
import logging
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from forecasting.errors import ParameterError
from forecasting.panel import Notice, Panel, Roles, infer_roles, to_panel, treat_covariates

_ROLES = ("past", "future", "static")

_LOG = logging.getLogger(__name__)


def covariates_of(*estimators: Any) -> Roles:
    """What any of the estimators names as ``past_covariates``, ``future_covariates`` and ``static_covariates``."""
    named = [
        tuple(dict.fromkeys(column for value in stated(f"{kind}_covariates", *estimators) for column in _listed(value)))
        for kind in _ROLES
    ]
    return Roles(*named)


def settled(estimator: Any, data: Any) -> Any:
    """The estimator itself, or where it infers the roles of covariates a copy that states what ``data`` tell of them.

    So that every fit of a backtest reads the columns alike, whatever its part of the data would tell.

    Parameters
    ----------
    estimator : object
        Whose parameter ``covariates``, or that of an estimator inside it, may be ``"infer"``.
    data : DataFrame, Series or Panel
        See `forecasting.panel.infer_roles`.
    """
    given = parameters_of(estimator)
    changes: dict[str, Any] = {}
    for key, value in given.items():
        before, _, name = key.rpartition("__")
        inside = f"{before}__" if before else ""
        lists = {role: f"{inside}{role}_covariates" for role in _ROLES}
        if name != "covariates" or not (isinstance(value, str) and value == "infer"):
            continue
        if any(given.get(one) is not None for one in lists.values()):
            continue  # which the estimator refuses itself
        roles, notice = infer_roles(data)
        _LOG.warning(notice.message)
        changes |= {key: None} | {lists[role]: columns for role, columns in roles.as_dict().items()}
    return fresh(estimator).set_params(**changes) if changes else estimator


def stated(name: str, *estimators: Any) -> list[Any]:
    """The values of a parameter that are not left open (None, or ``"infer"``), in the order of the estimators.

    Of each its own value comes first, then those of estimators inside it, such as the steps of a pipeline. An object
    without ``get_params`` states nothing.
    """
    found = []
    for estimator in estimators:
        given = parameters_of(estimator)
        names = [key for key in given if key.rpartition("__")[2] == name]
        found += [given[key] for key in sorted(names, key=lambda key: key.count("__"))]
    return [value for value in found if value is not None and not (isinstance(value, str) and value == "infer")]


def parameters_of(estimator: Any) -> dict[str, Any]:
    """All parameters, of nested estimators too; none where an object has no ``get_params``."""
    return dict(estimator.get_params()) if hasattr(estimator, "get_params") else {}


def fresh(estimator: Any, *, silent: bool = False) -> Any:
    """An unfitted copy: a clone as scikit-learn makes it, or a deep copy of what has no parameters to clone by.

    Parameters
    ----------
    estimator : object
    silent : bool, default False
        Whether parameters ``verbose`` that are numbers or truth values become 0 or False.
    """
    from sklearn.base import clone

    if not hasattr(estimator, "get_params"):
        return copy.deepcopy(estimator)
    copied = clone(estimator)
    given = parameters_of(copied)
    loud = {key: value for key, value in given.items() if key.rpartition("__")[2] == "verbose" and value}
    quiet = {key: type(value)(0) for key, value in loud.items() if isinstance(value, int)}
    return copied.set_params(**quiet) if silent and quiet else copied


def read(data: Any, *estimators: Any) -> tuple[Panel, tuple[Notice, ...]]:
    """Data as a panel with every covariate that any of the estimators names.

    Parameters
    ----------
    data : Panel, or anything that `forecasting.panel.to_panel` takes
        Frames are read with the ``frequency``, ``calendar`` and ``irregular`` of the first estimator that states them.
    *estimators : object

    Raises
    ------
    DataError, ParameterError
        As for `forecasting.panel.to_panel`.
    """
    reading = {} if isinstance(data, Panel) else reading_of(*estimators)
    named = covariates_of(*estimators)
    return to_panel(data, **reading, covariates=named.along, static=named.static)


def reading_of(*estimators: Any) -> dict[str, Any]:
    """How tables are read: ``frequency``, ``calendar`` and ``irregular`` of the first estimator that states them."""
    names = ("frequency", "calendar", "irregular")
    return {name: values[0] for name in names if (values := stated(name, *estimators))}


def handed(panel: Panel, estimator: Any) -> Panel:
    """The panel with the covariates that the estimator names, and no others."""
    named = covariates_of(estimator)
    return panel.choose(named.along, named.static)


def columns_ahead(estimator: Any) -> tuple[str, ...]:
    """The covariates known ahead that ``predict`` is given as ``future``.

    Raises
    ------
    ParameterError
        There are some, and ``predict`` does not take ``future``.
    """
    names = covariates_of(estimator).future
    if names:
        parameters = inspect.signature(estimator.predict).parameters.values()
        if not any(one.name == "future" or one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters):
            raise ParameterError(
                f"{type(estimator).__name__} names {', '.join(names)}, and its predict takes no 'future'",
                remedy="Let predict take a frame 'future' with unique_id, ds and these columns",
                parameter="future_covariates",
            )
    return names


def steps_ahead(estimator: Any, horizon: int) -> int:
    """Steps for which ``predict`` needs the covariates known ahead.

    An estimator with a parameter ``horizon`` reads so many steps at once, and goes on in multiples of it.
    """
    found = (int(value) for value in stated("horizon", estimator) if isinstance(value, int | np.integer) and value > 0)
    fitted = next(found, 1)
    return -(-horizon // fitted) * fitted


def known_ahead(panel: Panel, after: int | np.ndarray, horizon: int, estimator: Any) -> dict[str, pd.DataFrame]:
    """``{"future": frame}`` with what is known ahead of a cutoff, and nothing else that comes after it.

    Parameters
    ----------
    panel : Panel
        Of the whole series.
    after : int or int64 array of shape (n_series,)
        Steps of each series after the cutoff.
    horizon : int
        Steps to forecast. The frame has as many as `steps_ahead` says, if there are so many.
    estimator : object
        Where its parameter ``gaps`` is not ``"refuse"``, the last known value is carried over missing ones.

    Returns
    -------
    dict
        Empty where the estimator names no ``future_covariates``.
    """
    names = columns_ahead(estimator)
    if not names:
        return {}
    known = panel.choose(names, [])
    if stated("gaps", estimator)[:1] not in ([], ["refuse"]):
        known, _ = treat_covariates(known, "mask")
    ahead = known.keep_last(after).drop_last(np.maximum(after - steps_ahead(estimator, horizon), 0))
    return {"future": ahead.frame()[["unique_id", "ds", *names]]}


def _listed(value: Any) -> Iterable[str]:
    """The names of a parameter; what is not allowed there is left to the estimator to refuse."""
    if isinstance(value, str):
        return [value]
    return value if isinstance(value, Iterable) else []
