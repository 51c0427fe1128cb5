"""Parameters as text, and the commit that a run was made from."""

import subprocess

import numpy as np
import pytest

from forecasting.tracking import facts


def test_parameters_become_one_level_of_text():
    given = {
        "a": 1,
        "b": None,
        "c": {"d": {"e": 0.5}, "f": "text"},
        "g": (1, 2),
        "h": np.float64(0.25),
        "i": np.array([1, 2]),
        "j": {},
        "k": {3, 1},
    }
    assert facts.flat_parameters(given) == {
        "a": "1",
        "b": "None",
        "c.d.e": "0.5",
        "c.f": "text",
        "g": "[1, 2]",
        "h": "0.25",
        "i": "[1, 2]",
        "j": "{}",
        "k": "[1, 3]",
    }


@pytest.mark.parametrize("length", [499, 500, 501, 6000])
def test_only_long_values_are_cut_and_they_say_how_long_they_were(length):
    text = facts.flat_parameters({"a": "x" * length})["a"]
    assert len(text) == min(length, 500)
    assert text.endswith(f"(cut, {length} characters)") == (length > 500)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(facts, "PACKAGE", tmp_path / "forecasting")
    (tmp_path / "forecasting").mkdir()
    (tmp_path / "forecasting" / "code.py").write_text("x = 1\n")
    return tmp_path


def git(folder, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main"]
    return subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_a_package_outside_a_checkout_has_no_commit(checkout):
    assert facts.git_tags() == {}


def test_a_checkout_without_a_commit_has_none(checkout):
    git(checkout, "init")
    assert facts.git_tags() == {}


def test_commit_branch_and_changes_of_a_checkout_are_told(checkout):
    git(checkout, "init")
    git(checkout, "add", ".")
    git(checkout, "commit", "-m", "first")
    clean = {
        "mlflow.source.git.commit": git(checkout, "rev-parse", "HEAD"),
        "mlflow.source.git.branch": "main",
        "git.dirty": "false",
    }
    assert facts.git_tags() == clean
    (checkout / "forecasting" / "code.py").write_text("x = 2\n")
    assert facts.git_tags() == clean | {"git.dirty": "true"}


def test_a_repository_that_holds_an_environment_is_not_taken_for_the_package(checkout, monkeypatch):
    git(checkout, "init")
    git(checkout, "add", ".")
    git(checkout, "commit", "-m", "first")
    inside = checkout / ".venv" / "site-packages" / "forecasting"
    inside.mkdir(parents=True)
    monkeypatch.setattr(facts, "PACKAGE", inside)
    assert facts.git_tags() == {}


def test_a_machine_without_git_is_no_error(checkout, monkeypatch):
    git(checkout, "init")
    monkeypatch.setenv("PATH", str(checkout))
    assert facts.git_tags() == {}


def test_the_backend_is_the_one_that_keras_would_take(monkeypatch):
    monkeypatch.delitem(facts.sys.modules, "keras", raising=False)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert facts.backend() == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert facts.backend() == "jax"
