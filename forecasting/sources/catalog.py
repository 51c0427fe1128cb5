"""Reading the catalog: every problem of the file in one message, each with its line."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from forecasting.errors import CatalogError, ForecastingError
from forecasting.sources import datasets
from forecasting.sources.datasets import DataSet
from forecasting.sources.near_miss import choices, near_miss
from forecasting.sources.toml_lines import key_lines

_SOURCES: dict[str, type[BaseModel]] = {
    "csv": datasets.CsvSource,
    "parquet": datasets.ParquetSource,
    "sql": datasets.SqlSource,
    "yahoo": datasets.YahooSource,
    "sample": datasets.SampleSource,
}
_TABLES: dict[str, type[BaseModel]] = {"time_parts": datasets.TimeParts, "schedule": datasets.Schedule}
_BRANCHES = ("str", "int", "float")
_SECRET = ("url",)
_NAME = "Begin with a lower-case letter or a digit, then lower-case letters, digits, '-' or '_', at most 100."
_KINDS = {
    "string": "a text",
    "int": "a whole number",
    "bool": "true or false",
    "tuple": "a list",
    "list": "a list",
    "dict": "a table",
    "model": "a table",
    "date": "a date",
}


@dataclass(frozen=True)
class _Problem:
    path: tuple[str | int, ...]
    problem: str
    remedy: str | None = None


def read_catalog(path: Path) -> dict[str, DataSet]:
    """Read all data sets of a catalog, by name.

    Parameters
    ----------
    path : Path
        A TOML file with one table per data set.

    Raises
    ------
    CatalogError
        The file is absent, is no TOML, or says something that is not allowed: one message with file, line, data set
        and key of every problem.
    """
    text = _text(path)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+)", str(error))
        line = place[1] if place else text.count("\n") + 1
        problem = re.sub(r"\s*\(at .*\)$", "", str(error))
        problem = problem[:1].lower() + problem[1:]
        raise CatalogError(
            f"the catalog is no valid TOML: {problem}", remedy="Correct the line.", file=path, line=line
        ) from None
    data_sets, problems = {}, []
    for name, table in tables.items():
        checked = _data_set(name, table)
        if isinstance(checked, DataSet):
            data_sets[name] = checked
        else:
            problems += checked
    if problems:
        raise _error(path, key_lines(text), problems)
    return data_sets


def find_dataset(path: Path, name: str) -> DataSet:
    """Read one data set of a catalog.

    Raises
    ------
    CatalogError
        As ``read_catalog``, or the catalog holds no such name.
    """
    data_sets = read_catalog(path)
    if name not in data_sets:
        raise CatalogError(f"there is no data set {name!r}", remedy=choices(name, data_sets), file=path)
    return data_sets[name]


def placed(error: CatalogError, path: Path) -> CatalogError:
    """An error about a key of a data set, found while its source was read, with file and line of the catalog."""
    line = key_lines(_text(path)).get((error.where["dataset"], error.where["key"]))
    return CatalogError(error.problem, remedy=error.remedy, **{"file": path, "line": line, **error.where})


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problem = f"byte {error.start} is not UTF-8, which TOML has to be"
        raise CatalogError(problem, remedy="Save the file as UTF-8.", file=path, line=line) from error
    except OSError as error:
        problem = f"the catalog cannot be read ({error.strerror})"
        raise CatalogError(
            problem, remedy="Create it, or set FORECASTING_HOME to another folder.", file=path
        ) from error


def _data_set(name: str, table: Any) -> DataSet | list[_Problem]:
    if not isinstance(table, dict):
        return [_Problem((name,), f"{name!r} stands outside of a data set", "Begin data sets with [name].")]
    if "name" in table:
        return [
            _Problem(
                (name, "name"), "a data set's name is that of its table", "Remove the key; for people there is 'title'."
            )
        ]
    try:
        return DataSet.model_validate({"title": name, **table, "name": name})
    except ValidationError as error:
        return list({p.path: p for p in (_problem(name, details) for details in error.errors())}.values())


def _problem(name: str, details: ErrorDetails) -> _Problem:
    path = tuple(part for position, part in enumerate(details["loc"]) if not _is_tag(details["loc"], position))
    kind, context = details["type"], details.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, ForecastingError):
        key = cause.where.get("key")
        return _Problem((name, *path, *([key] if key else [])), cause.problem, cause.remedy)
    if path == ("name",):
        return _Problem((name,), f"{name!r} cannot be the name of a data set", _NAME)
    if kind == "extra_forbidden":
        known = _known_keys(details["loc"])
        guess = near_miss(str(path[-1]), known)
        hint = f"Did you mean {guess!r}?" if guess else f"Allowed are: {', '.join(known)}."
        return _Problem((name, *path), "this key is not known here", hint)
    if kind == "missing":
        return _Problem((name, *path), "this key is missing", "Add it.")
    if kind == "union_tag_not_found":
        return _Problem((name, *path, "kind"), "this key is missing", f"Use one of: {', '.join(_SOURCES)}.")
    if kind == "union_tag_invalid":
        tag = str(context["tag"])
        return _Problem((name, *path, "kind"), f"there is no source of the kind {tag!r}", choices(tag, _SOURCES))
    return _Problem((name, *path), _value_problem(path, details), _value_remedy(details))


def _is_tag(place: tuple[str | int, ...], position: int) -> bool:
    """Pydantic puts the kind of a source, and the branch of a union, into the place of an error."""
    is_kind = position == 1 and place[0] == "source" and place[1] in _SOURCES
    is_branch = 0 < position == len(place) - 1 and place[position] in _BRANCHES
    return is_kind or is_branch


def _known_keys(place: tuple[str | int, ...]) -> list[str]:
    """The keys that are allowed in the table that the unknown key stands in."""
    owner: type[BaseModel] = DataSet
    for part in place[:-1]:
        owner = _SOURCES.get(str(part), _TABLES.get(str(part), owner))
    return [key for key in owner.model_fields if key != "name"]


def _value_problem(path: tuple[str | int, ...], details: ErrorDetails) -> str:
    given = "the value" if path and path[-1] in _SECRET else repr(details["input"])
    if details["loc"][-1] in _BRANCHES:
        numbers = " or a number" if "missing_values" in path else " or a whole number"
        return f"{given} is not a text{numbers}"
    expected = _KINDS.get(details["type"].removesuffix("_type").removesuffix("_attributes"))
    if expected:
        return f"{given} is not {expected}"
    return f"{given} is not allowed: {details['msg'][:1].lower()}{details['msg'][1:]}"


def _value_remedy(details: ErrorDetails) -> str:
    expected = details.get("ctx", {}).get("expected")
    if details["type"] == "literal_error" and isinstance(details["input"], str):
        return choices(details["input"], re.findall(r"'([^']*)'", str(expected)))
    return "Correct the value."


def _error(path: Path, lines: dict[tuple[str | int, ...], int], problems: list[_Problem]) -> CatalogError:
    """One error for all problems, in the order of the lines."""
    placed = []
    for problem in problems:
        place = problem.path
        while place not in lines:
            place = place[:-1]
        key = ".".join(str(part) for part in problem.path[1:])
        placed.append((lines[place], CatalogError(problem.problem, remedy=problem.remedy, **_where(problem, key))))
    placed.sort(key=lambda item: item[0])
    if len(placed) == 1:
        line, error = placed[0]
        return CatalogError(error.problem, remedy=error.remedy, **({"file": path, "line": line} | error.where))
    listed = "\n".join(f"  line {line}, {error}" for line, error in placed)
    return CatalogError(f"the catalog has {len(placed)} problems:\n{listed}", file=path)


def _where(problem: _Problem, key: str) -> dict[str, str]:
    return {"dataset": str(problem.path[0])} | ({"key": key} if key else {})
