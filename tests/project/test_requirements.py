"""The bounds in pyproject.toml, the lock, and the environment agree."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKED_EXTRAS = ("dev", "jax", "postgres")
PYTHONS = ("3.11.0", "3.12.0", "3.13.0")

DECLARED = {
    requirement.name: requirement
    for text in [
        *PROJECT["dependencies"],
        *(text for extra in LOCKED_EXTRAS for text in PROJECT["optional-dependencies"][extra]),
    ]
    for requirement in [Requirement(text)]
}
ENTRIES = [entry.split() for entry in re.sub(r"\\\n", " ", LOCK).splitlines()]
LOCKED = [Requirement(" ".join(word for word in entry if not word.startswith("--hash="))) for entry in ENTRIES]


def locked_version(name: str, python: str) -> str:
    """The version that the lock gives a package on Linux with a Python."""
    system = {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"}
    there = system | {
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    (found,) = [item for item in LOCKED if item.name == name and (item.marker is None or item.marker.evaluate(there))]
    (pin,) = found.specifier
    assert pin.operator == "=="
    return pin.version


# What breaks without these bounds is written beside them in pyproject.toml.
@pytest.mark.parametrize(("name", "broken"), [("fastapi", "0.151.0"), ("sqlalchemy", "2.1.0")])
def test_versions_that_break_schedules_are_neither_allowed_nor_installed(name: str, broken: str) -> None:
    assert not DECLARED[name].specifier.contains(broken)
    assert DECLARED[name].specifier.contains(importlib.metadata.version(name))


@pytest.mark.parametrize("name", DECLARED)
def test_each_declared_package_is_installed_and_locked_within_its_bounds(name: str) -> None:
    versions = {locked_version(name, python) for python in PYTHONS} | {importlib.metadata.version(name)}
    assert [version for version in versions if not DECLARED[name].specifier.contains(version)] == []


@pytest.mark.parametrize("folder", ["forecasting", "flows", "tests"])
def test_each_imported_package_is_declared(folder: str) -> None:
    extras = PROJECT["optional-dependencies"]
    texts = [
        *PROJECT["dependencies"],
        *(text for name in extras if folder == "tests" or name != "dev" for text in extras[name]),
    ]
    # pydantic requires one exact version of its core.
    declared = {Requirement(text).name for text in texts} | {"pydantic-core"}
    owners = importlib.metadata.packages_distributions()
    undeclared = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / folder).rglob("*.py")
        for name in imported(path) - sys.stdlib_module_names - {"benchmarks", "forecasting", "flows", "tests"}
        if not declared & {owner.lower().replace("_", "-") for owner in owners.get(name, [name])}
    }
    assert undeclared == set()


def imported(path: Path) -> set[str]:
    """The top-level names of the packages that a file imports, wherever in it."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return {name.partition(".")[0] for name in names}


def test_each_locked_package_is_pinned_and_has_a_hash() -> None:
    for words, requirement in zip(ENTRIES, LOCKED, strict=True):
        assert [pin.operator for pin in requirement.specifier] == ["=="], requirement
        assert [word for word in words if re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", word)], requirement


def test_the_lock_names_no_index_no_address_and_no_file() -> None:
    options = [word for words in ENTRIES for word in words if word.startswith("-") and not word.startswith("--hash=")]
    assert options == []
    assert "://" not in LOCK
    assert [requirement for requirement in LOCKED if requirement.url] == []


def test_the_python_versions_of_the_classifiers_are_the_ones_allowed() -> None:
    named = {text.rpartition(" ")[2] for text in PROJECT["classifiers"] if "Python :: 3." in text}
    allowed = Requirement(f"python{PROJECT['requires-python']}").specifier
    assert named == {f"3.{minor}" for minor in range(30) if allowed.contains(f"3.{minor}")}
    assert named == {python.rpartition(".")[0] for python in PYTHONS}
