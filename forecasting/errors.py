"""Every error that this package raises on purpose.

One base class, few kinds. A message says what is wrong, where (data set, series, time, column, line) and what to do,
so that the command line can print it as it is.
"""

from typing import Any


class ForecastingError(Exception):
    """Base class of all errors of this package.

    Parameters
    ----------
    problem : str
        What is wrong, one sentence without a full stop.
    remedy : str, optional
        What the reader can do about it, one sentence.
    **where : object
        Where it is wrong: any of ``dataset``, ``series``, ``time``, ``column``, ``line``, ``file``, ``parameter``.
        ``None`` values are left out.

    Attributes
    ----------
    problem, remedy : str or None
    where : dict of str to str
    """

    exit_code = 1

    def __init__(self, problem: str, *, remedy: str | None = None, **where: object) -> None:
        self.problem = problem
        self.remedy = remedy
        self.where = {key: str(value) for key, value in where.items() if value is not None}
        super().__init__(self._text())

    def at(self, **where: object) -> "ForecastingError":
        """The same error with more places known (what is already known stays)."""
        known = {key: value for key, value in where.items() if value is not None}
        return type(self)(self.problem, remedy=self.remedy, **(known | self.where))

    def _text(self) -> str:
        place = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in self.where.items())
        text = f"{place}: {self.problem}" if place else self.problem
        return f"{text if text.endswith(('.', '?', '!')) else text + '.'} {self.remedy}" if self.remedy else text

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.problem, self.remedy, self.where)


def _rebuild(kind: type[ForecastingError], problem: str, remedy: str | None, where: dict[str, str]) -> ForecastingError:
    return kind(problem, remedy=remedy, **where)


class DataError(ForecastingError, ValueError):
    """The data that came in cannot be used as it is."""

    exit_code = 2


class CatalogError(ForecastingError, ValueError):
    """The catalog, or a name looked up in it, is wrong."""

    exit_code = 2


class ParameterError(ForecastingError, ValueError, TypeError):
    """A parameter has a value that is not allowed."""

    exit_code = 2


class ResourceError(ForecastingError, MemoryError):
    """The machine has too little of something, such as memory."""


class SourceError(ForecastingError, OSError):
    """Something outside (a file, a database, a quote service) could not be reached; trying again may help."""


class StorageError(ForecastingError, OSError):
    """Something that should be in a store is not there, or is damaged."""


class TrackingError(ForecastingError):
    """The tracking server or the model registry refused, or holds no such model."""
