"""What a run says about itself besides its figures: parameters as text, versions, the commit, the machine."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import forecasting

PACKAGE = Path(forecasting.__file__).resolve().parent
DISTRIBUTION = "rnn-forecasting"

_LONGEST_VALUE = 500  # characters of a parameter; longer ones are cut, and say so
_VERSIONED = ("keras", "numpy", "pandas", "scikit-learn", "mlflow")
_GIT_SECONDS = 10


def flat_parameters(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Parameters as MLflow keeps them: one level, text.

    Nested mappings become dotted names, other containers JSON. A value of more than 500 characters is cut, and ends
    with a note that says how long it was.
    """
    flat: dict[str, str] = {}
    for name, value in parameters.items():
        if isinstance(value, Mapping) and value:
            flat |= {f"{name}.{inner}": text for inner, text in flat_parameters(value).items()}
        else:
            flat[name] = _shortened(_text(value))
    return flat


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple, dict, set, frozenset)):
        return json.dumps(sorted(value) if isinstance(value, (set, frozenset)) else value, default=str)
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return json.dumps(value.tolist(), default=str)
    return str(value)


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST_VALUE:
        return text
    note = f" ... (cut, {len(text)} characters)"
    return text[: _LONGEST_VALUE - len(note)] + note


def version_of(distribution: str) -> str | None:
    """The installed version of a distribution, None if it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def version_tags() -> dict[str, str]:
    """Versions of Python, this package and what the forecasts depend on; nothing is imported for it."""
    versions = {name: version_of(name) for name in (DISTRIBUTION, *_VERSIONED)}
    found = {f"version.{name}": version for name, version in versions.items() if version is not None}
    return {"version.python": platform.python_version(), **found}


def backend() -> str:
    """The Keras backend: the one in use, or while Keras is not loaded the one that it will take by the environment."""
    keras = sys.modules.get("keras")
    return str(keras.backend.backend()) if keras is not None else os.environ.get("KERAS_BACKEND") or "tensorflow"


def backend_tags() -> dict[str, str]:
    """The Keras backend and its version."""
    name = backend()
    version = version_of(name)
    return {"backend": name} | ({f"version.{name}": version} if version else {})


def git_tags() -> dict[str, str]:
    """Commit, branch and whether files differ from it, if this package runs from a checkout; otherwise empty.

    The checkout must hold the package at its top: a repository that merely has an environment inside it is another
    project's.
    """
    root = PACKAGE.parent
    if not (root / ".git").exists() or shutil.which("git") is None:
        return {}
    commit = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return {}  # no commit yet
    tags = {"mlflow.source.git.commit": commit, "git.dirty": str(bool(_git(root, "status", "--porcelain"))).lower()}
    branch = _git(root, "symbolic-ref", "--short", "--quiet", "HEAD")
    return tags | ({"mlflow.source.git.branch": branch} if branch else {})


def _git(root: Path, *arguments: str) -> str:
    """Standard output of a git command, empty if it fails. Takes no lock: nothing in the checkout is written."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=False,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
