"""The target as the network sees it.

A transform has two parts. *Links* are applied value by value, one after the other, and give the path. The network then
*reads* the path itself, its steps, or its seasonal differences. Forecasts and intervals are always made on the path,
relative to what a naive forecast says: to the last value, or for seasonal differences to the value one season back.
So a forecast of k steps of log returns is their sum, the logarithm of the price k steps ahead over the last price. The
way back is the inverse of each link in turn; they rise everywhere, so that the ends of an interval and quantiles
can be taken back one by one, exactly.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from forecasting.errors import DataError, ParameterError
from forecasting.panel import Panel
from forecasting.targets.links import LINKS, Numbers

READINGS = ("difference", "seasonal_difference")
"""What may be read instead of the path itself."""
WORDS = (
    f"'auto', 'none', 'log_return', or some of {', '.join(map(repr, [*LINKS, *READINGS]))} joined by '+', with those"
    " that need values above zero ('log', 'box_cox') first and at most one difference last"
)
"""What a target may be."""
_ALIASES = {"log_return": "log+difference"}
_NEED_POSITIVE = [kind for kind, link in LINKS.items() if link.needs_positive]
_VALUES_AT_ONCE = 100_000
_LARGEST_LOSS = 1e-6
"""Of the largest value of a series; windows take changes of this share of their level for rounding as well."""


@dataclass(frozen=True, eq=False)
class Target:
    """A reversible transform of the target.

    Made by `parse`. Where a link has numbers (``"box_cox"``, ``"standard"``, ``"robust"``) they come with `fit`.

    Attributes
    ----------
    name : str
        Links and at most one reading, joined by ``"+"``: ``"none"``, ``"log"``, ``"box_cox+seasonal_difference"``.
        ``"log_return"`` is ``"log+difference"``.
    links : tuple of str
        The names of the links, in the order in which they are applied.
    reading : str
        ``"difference"``, ``"seasonal_difference"``, or empty: the path itself.
    fitted : tuple of dict of str to float64 array
        The numbers of each link: of shape () for all series, or of shape (n_series,).
    ids : str object array of shape (n_series,)
        The series that the numbers are of.
    """

    name: str
    links: tuple[str, ...]
    reading: str
    fitted: tuple[Numbers, ...] = ()
    ids: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=object))

    @classmethod
    def parse(cls, name: str) -> "Target":
        """The transform of this name, not fitted; an unknown name is a ParameterError."""
        if name == "auto" or not is_target(name):
            words = WORDS.removeprefix("'auto', ")
            raise ParameterError(f"must be one of {words}, not {name!r}", parameter="target")
        links, reading = _parts(name)
        return cls(name, links, reading)

    @property
    def numbers(self) -> dict[str, float | pd.Series]:
        """What was fitted, by ``link.number``: one number for all series, or a Series by ``unique_id``."""
        return {
            f"{link}.{name}": pd.Series(array, index=self.ids, name=name) if array.ndim else float(array)
            for link, numbers in zip(self.links, self.fitted, strict=False)
            for name, array in numbers.items()
        }

    def lag(self, season_length: int) -> int:
        """How many steps the values lie apart whose differences are read; 0 where the path itself is read.

        Raises
        ------
        ParameterError
            Seasonal differences of series without a season.
        """
        if self.reading == "seasonal_difference" and season_length < 2:
            raise ParameterError(
                f"target {self.name!r} needs a season, and the season length is {season_length}",
                remedy="Give season_length=..., or use 'difference'",
                parameter="target",
            )
        return {"": 0, "difference": 1, "seasonal_difference": season_length}[self.reading]

    def fit(self, panel: Panel, held_out: np.ndarray | int = 0, season_length: int = 1) -> "Target":
        """The transform with its numbers, from what stands before the last ``held_out`` steps of every series.

        The power of ``"box_cox"`` is one for all series, see `forecasting.targets.power`; its unit is the median of
        each series, so that the forecast does not depend on the unit in which a series is given. ``"standard"`` takes
        mean and standard deviation of each series, ``"robust"`` median and interquartile range.

        Parameters
        ----------
        panel : Panel
        held_out : int or int64 array of shape (n_series,), default 0
        season_length : int, default 1
            In steps.

        Raises
        ------
        DataError
            Values of zero or less where a link needs them above zero, or a series that does not come back: a value
            that comes back changed by more than a millionth of the largest one of its series.
        """

        def shared(place: int, values: np.ndarray, indptr: np.ndarray) -> Numbers:
            fit = LINKS[self.links[place]].shared
            return {} if fit is None else fit(values, indptr, season_length)

        return self._fit(panel, held_out, shared)

    def of(self, panel: Panel) -> "Target":
        """The fitted transform for the series of another panel.

        Series that were fitted keep their numbers. Those that are new get their own from all of their history; what is
        one number for all series stays.

        Raises
        ------
        DataError
            As for `fit`.
        """
        if not any(LINKS[link].of_series for link in self.links):
            return self
        known = pd.Index(self.ids).get_indexer(panel.ids)
        new = np.flatnonzero(known < 0)
        if not len(new):
            return self.take(known)

        own = self._fit(
            panel.take(new),
            0,
            lambda place, *_: {name: one for name, one in self.fitted[place].items() if not one.ndim},
        )
        known[new] = len(self.ids) + np.arange(len(new))
        fitted = tuple(
            {name: np.concatenate([array, added[name]]) if array.ndim else array for name, array in numbers.items()}
            for numbers, added in zip(self.fitted, own.fitted, strict=True)
        )
        return replace(self, fitted=fitted, ids=np.concatenate([self.ids, own.ids])).take(known)

    def take(self, series: np.ndarray) -> "Target":
        """The fitted transform for some of its series, by their numbers; one may be there several times."""
        fitted = tuple(
            {name: array[series] if array.ndim else array for name, array in numbers.items()} for numbers in self.fitted
        )
        return replace(self, fitted=fitted, ids=self.ids[series] if len(self.ids) else self.ids)

    def path(self, panel: Panel) -> np.ndarray:
        """The path of every series.

        Parameters
        ----------
        panel : Panel
            Of the series that the transform was fitted to, in their order; see `of`.

        Returns
        -------
        float64 array of shape (n_total,)
            NaN where the panel has NaN.

        Raises
        ------
        DataError
            Values of zero or less where a link needs them above zero.
        """
        self._check_positive(panel)
        path = panel.values
        for link, numbers in self._steps():
            path = link(path, **_by_row(numbers, panel))
        return np.asarray(path)

    def values(self, path: np.ndarray) -> np.ndarray:
        """The values of a path: the inverse of `path`, element by element.

        Parameters
        ----------
        path : float64 array of shape (n_series, ...)
            Of any shape where no number is of a series.
        """
        for link, numbers in reversed(self._steps(back=True)):
            path = link(path, **_spread(numbers, path.ndim))
        return np.asarray(path)

    def path_of(self, values: np.ndarray) -> np.ndarray:
        """The path of values of shape (n_series, ...), which are not checked: the inverse of `values`."""
        for link, numbers in self._steps():
            values = link(values, **_spread(numbers, values.ndim))
        return np.asarray(values)

    @property
    def needs_positive(self) -> bool:
        """Whether values must be above zero."""
        return bool(self.links) and LINKS[self.links[0]].needs_positive

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What was fitted, as arrays by name, for `from_arrays`."""
        arrays = {f"{place}/{name}": one for place, numbers in enumerate(self.fitted) for name, one in numbers.items()}
        return arrays | {"ids": np.asarray(self.ids, dtype=np.str_)}

    @classmethod
    def from_arrays(cls, name: str, arrays: dict[str, np.ndarray]) -> "Target":
        """The fitted transform of this name that `to_arrays` took apart."""
        target = cls.parse(name)
        fitted: tuple[Numbers, ...] = tuple({} for _ in target.links)
        for key in arrays.keys() - {"ids"}:
            place, number = key.split("/")
            fitted[int(place)][number] = arrays[key]
        return replace(target, fitted=fitted, ids=arrays["ids"].astype(object))

    def _fit(
        self, panel: Panel, held_out: np.ndarray | int, shared: Callable[[int, np.ndarray, np.ndarray], Numbers]
    ) -> "Target":
        """With numbers of each series, and ``shared(place, values, indptr)`` for all series at each place of a link."""
        if not self.links:
            return self
        self._check_positive(panel)
        path, fitted = panel.values, []
        if any(LINKS[name].of_series is not None for name in self.links):
            kept = np.maximum(panel.lengths - held_out, 0)
            before = _place(panel) < np.repeat(kept, panel.lengths)
            indptr = np.concatenate([[0], np.cumsum(kept)])
        for place, name in enumerate(self.links):
            link, numbers = LINKS[name], Numbers()
            if link.of_series is not None:
                shown = path[before]
                numbers = link.of_series(shown, indptr) | shared(place, shown, indptr)
            path = link.there(path, **_by_row(numbers, panel))
            fitted.append(numbers)
        target = replace(self, fitted=tuple(fitted), ids=panel.ids)
        target._check_round_trip(panel, path)
        return target

    def _steps(self, *, back: bool = False) -> list[tuple[Any, Numbers]]:
        """Each link, or its inverse, with its numbers."""
        if not self.fitted and any(LINKS[link].of_series for link in self.links):
            raise ParameterError(
                f"target {self.name!r} has no numbers yet", remedy="Use what fit(panel) gives back", parameter="target"
            )
        fitted = self.fitted or ({},) * len(self.links)
        links = (LINKS[name] for name in self.links)
        return [(link.back if back else link.there, one) for link, one in zip(links, fitted, strict=True)]

    def _check_positive(self, panel: Panel) -> None:
        if not self.needs_positive:
            return
        low = np.flatnonzero(panel.values <= 0)
        if len(low):
            raise DataError(
                f"target {self.name!r} needs values above zero, and {len(low)} are not, the first being"
                f" {panel.values[low[0]]:g}",
                remedy="Use target 'none', 'difference' or 'robust+asinh'",
                series=panel.ids[panel.series_index[low[0]]],
                time=panel.stamps(panel.times[low[:1]])[0],
            )

    def _check_round_trip(self, panel: Panel, path: np.ndarray) -> None:
        """Raise DataError where the way back loses more than rounding."""
        first = 0
        while first < panel.n_series:  # some series at a time: there are several arrays as large as what is looked at
            many = np.searchsorted(panel.indptr, panel.indptr[first] + _VALUES_AT_ONCE, side="right") - 1
            series = np.arange(first, max(many, first + 1))
            first = int(series[-1]) + 1
            part = path[panel.indptr[series[0]] : panel.indptr[first]]
            self.take(series)._check_part(panel.take(series), part)

    def _check_part(self, panel: Panel, path: np.ndarray) -> None:
        rows, back = panel.series_index, path
        for link, numbers in reversed(self._steps(back=True)):
            back = link(back, **_by_row(numbers, panel))
        size = np.fmax.reduceat(np.abs(panel.values), panel.indptr[:-1])
        loss = np.abs(back - panel.values)
        lost = np.flatnonzero(~(loss <= _LARGEST_LOSS * size[rows]) & ~np.isnan(panel.values))
        if len(lost):
            worst = lost[0]
            raise DataError(
                f"target {self.name!r} cannot be undone: {panel.values[worst]:g} comes back as {back[worst]:g}",
                remedy="Use target 'none', or give the series in another unit",
                series=panel.ids[rows[worst]],
                time=panel.stamps(panel.times[worst : worst + 1])[0],
            )


def is_target(value: object) -> bool:
    """Whether this is ``"auto"`` or the name of a transform; see `WORDS`."""
    if value == "auto":
        return True
    if not isinstance(value, str):
        return False
    links = _parts(value)[0]
    in_place = not any(link in _NEED_POSITIVE for link in links[1:]) and len(set(links)) == len(links)
    return in_place and all(link in LINKS for link in links)


def choices_for(name: str, panel: Panel) -> list[Target]:
    """The transforms that a name allows for a panel, not fitted.

    That of this name, and for ``"auto"`` the values, and where all of them are above zero their logarithms too.
    """
    if name != "auto":
        return [Target.parse(name)]
    return [Target.parse(one) for one in ("none", "log")[: 1 + bool(np.nanmin(panel.values) > 0)]]


def _parts(name: str) -> tuple[tuple[str, ...], str]:
    """Links and reading of a name."""
    parts = [] if name == "none" else _ALIASES.get(name, name).split("+")
    reading = parts.pop() if parts and parts[-1] in READINGS else ""
    return tuple(parts), reading


def _place(panel: Panel) -> np.ndarray:
    """For each row how many rows of its series stand before it."""
    return np.asarray(np.arange(len(panel.values)) - np.repeat(panel.indptr[:-1], panel.lengths))


def _spread(numbers: Numbers, axes: int) -> Numbers:
    """Numbers of each series for arrays of shape (n_series, ...) with so many axes."""
    return {name: array.reshape(-1, *[1] * (axes - 1)) if array.ndim else array for name, array in numbers.items()}


def _by_row(numbers: Numbers, panel: Panel) -> Numbers:
    return {name: np.repeat(array, panel.lengths) if array.ndim else array for name, array in numbers.items()}
