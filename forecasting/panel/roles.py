"""What is known of covariates: up to the present only, ahead as well, or the same throughout; stated or inferred."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.errors import DataError
from forecasting.panel.covariates import is_missing
from forecasting.panel.notice import Notice, shortened
from forecasting.panel.panel import Panel
from forecasting.panel.rows import Rows
from forecasting.panel.shapes import normalise

_KEYS = ("unique_id", "ds", "y")
_WORDS = {
    "future": "known ahead, because there are values behind the last target of a series",
    "static": "static, because it is the same throughout every series",
    "past": "known up to the present, like any other",
}


@dataclass(frozen=True)
class Roles:
    """Names of columns, by what is known of them: up to the present only, ahead as well, the same throughout."""

    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()

    @property
    def along(self) -> tuple[str, ...]:
        """Those that lie along the series, each once."""
        return tuple(dict.fromkeys([*self.past, *self.future]))

    def as_dict(self) -> dict[str, list[str]]:
        """``past``, ``future`` and ``static`` as lists."""
        return {role: list(getattr(self, role)) for role in ("past", "future", "static")}


def infer_roles(data: pd.DataFrame | pd.Series | Panel) -> tuple[Roles, Notice]:
    """The roles of all columns of a long frame besides ``unique_id``, ``ds`` and ``y``.

    A column with a value behind the last target of its series (rows at the end whose ``y`` is empty) is known ahead,
    unless it is the same throughout every series: then it is static. Any other is known up to the present only. In
    a panel, which has no rows behind its ends, what is not static is known up to the present.

    Returns
    -------
    roles : Roles
        Columns in the order of the frame.
    notice : Notice
        ``"inferred"``: every column with its role, and why.

    Raises
    ------
    DataError
        The table is not a long frame, or what `forecasting.panel.to_panel` refuses about its columns.
    """
    if isinstance(data, Panel):
        roles = Roles(tuple(data.covariates), (), tuple(data.static))
    else:
        if not isinstance(data, pd.DataFrame) or not {"ds", "y"} <= set(data.columns):
            raise DataError(
                "the roles of covariates are inferred from long tables only",
                remedy="Give a table with the columns unique_id, ds, y and the covariates.",
            )
        names = [name for name in data.columns if name not in _KEYS]
        rows, _, _ = normalise(data, tz=None, covariates=names)
        roles = _roles(rows)
    return roles, _notice(roles)


def _roles(rows: Rows) -> Roles:
    first, last = _ends(rows)
    position = np.arange(len(rows.values))
    inside = (position >= first[rows.series]) & (position <= last[rows.series])
    behind = (position > last[rows.series]) & (last >= 0)[rows.series]
    named: dict[str, list[str]] = {"past": [], "future": [], "static": []}
    for name, column in rows.covariates.items():
        missing = is_missing(column)
        same = column == column[np.minimum(first, len(column) - 1)][rows.series]
        if not missing[inside].any() and same[(inside | behind) & ~missing].all():
            role = "static"
        else:
            role = "future" if (behind & ~missing).any() else "past"
        named[role].append(name)
    return Roles(**{role: tuple(names) for role, names in named.items()})


def _ends(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the first and the last target of each series; beyond the end, and -1, where there is none."""
    known = np.flatnonzero(~np.isnan(rows.values))
    first, last = np.full(len(rows.ids), len(rows.values)), np.full(len(rows.ids), -1)
    np.minimum.at(first, rows.series[known], known)
    np.maximum.at(last, rows.series[known], known)
    return first, last


def _notice(roles: Roles) -> Notice:
    named = {role: names for role, names in roles.as_dict().items() if names}
    said = "; ".join(f"{shortened(named[role], 12)}: {why}" for role, why in _WORDS.items() if role in named)
    message = f"the roles of covariates were inferred: {said or 'there is no column of any'}"
    return Notice("inferred", message, count=sum(map(len, named.values())))
