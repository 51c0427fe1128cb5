"""The target as the network sees it.

A transform has two parts. The *link* is applied value by value (nothing, or the logarithm) and gives the path. The
network then reads either the path itself or its differences. Forecasts and intervals are always made on the path,
relative to its last observed value: a forecast of k steps of log returns is their sum, which is the logarithm of the
price k steps ahead over the last price. The way back is the inverse link, which rises everywhere, so that the ends of
an interval can be taken back one by one, exactly.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forecasting.errors import DataError, ParameterError
from forecasting.panel import Panel


@dataclass(frozen=True)
class Target:
    """A reversible transform of the target.

    Attributes
    ----------
    name : str
        ``"none"``, ``"log"``, ``"difference"`` or ``"log_return"``.
    logarithm : bool
        Whether the path is the logarithm of the values.
    differenced : bool
        Whether the network reads the steps of the path instead of the path.
    """

    name: str
    logarithm: bool
    differenced: bool

    @classmethod
    def parse(cls, name: str) -> "Target":
        """The transform of this name; an unknown name is a ParameterError."""
        if name not in TARGETS:
            raise ParameterError(f"must be one of {', '.join(map(repr, TARGETS))}, not {name!r}", parameter="target")
        return TARGETS[name]

    def path(self, panel: Panel) -> np.ndarray:
        """The path of every series.

        Parameters
        ----------
        panel : Panel

        Returns
        -------
        float64 array of shape (n_total,)
            NaN where the panel has NaN.

        Raises
        ------
        DataError
            A value of zero or less has no logarithm.
        """
        if not self.logarithm:
            return panel.values
        low = np.flatnonzero(panel.values <= 0)
        if len(low):
            series = panel.ids[panel.series_index[low[0]]]
            raise DataError(
                f"target {self.name!r} needs values above zero, and {len(low)} are not, the first being"
                f" {panel.values[low[0]]:g}",
                remedy="Use target 'none' or 'difference'",
                series=series,
                time=panel.stamps(panel.times[low[:1]])[0],
            )
        return np.asarray(np.log(panel.values))

    def values(self, path: np.ndarray) -> np.ndarray:
        """The values of a path: the inverse of `path`, element by element, for any shape."""
        inverse: Callable[[np.ndarray], np.ndarray] = np.exp if self.logarithm else np.asarray
        return inverse(path)


TARGETS = {
    target.name: target
    for target in (
        Target("none", logarithm=False, differenced=False),
        Target("log", logarithm=True, differenced=False),
        Target("difference", logarithm=False, differenced=True),
        Target("log_return", logarithm=True, differenced=True),
    )
}


def choices_for(name: str, panel: Panel) -> list[Target]:
    """The transforms that a name allows for a panel.

    That of this name, and for ``"auto"`` the values, and where all of them are above zero their logarithms too.
    """
    if name != "auto":
        return [Target.parse(name)]
    return [TARGETS["none"], TARGETS["log"]] if np.nanmin(panel.values) > 0 else [TARGETS["none"]]
