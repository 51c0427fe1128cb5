"""The estimators on windows pass the checks that scikit-learn has for estimators of others."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from forecasting import SimpleRNNClassifier, SimpleRNNRegressor

ROOT = Path(__file__).resolve().parents[2]
QUICK: dict[str, Any] = {"units": 4, "n_members": 1, "max_steps": 3}
QUICKLY = {
    SimpleRNNRegressor: re.compile(
        "nan_inf|regressors_train|multioutput|subset_invariance|weight_equivalence|idempotent|n_features_in$|unfitted|"
        "dont_overwrite|overwrite_params|dict_unchanged|fit1d|fit2d_1sample|all_zero|init|mixin|tags|clone|sparse|complex"
    ),
    SimpleRNNClassifier: re.compile("classifiers_train|classifiers_classes|one_label|regression_target|decision|y_2d"),
}
"""Some of the checks by name; the slow test makes all of them."""


def name_of(check: Any) -> str:
    return check.func.__name__ if isinstance(check, partial) else check.__name__


def quick_checks() -> Iterator[Any]:
    for estimator in (SimpleRNNRegressor(**QUICK), SimpleRNNClassifier(**QUICK)):
        for number, (instance, check) in enumerate(estimator_checks_generator(estimator)):
            name = name_of(check)
            if QUICKLY[type(instance)].search(name):
                yield pytest.param(instance, check, id=f"{type(instance).__name__}-{number}-{name}")


@pytest.mark.parametrize(("estimator", "check"), list(quick_checks()))
@pytest.mark.filterwarnings("ignore")
def test_a_small_network_passes_the_check(estimator, check):
    check(estimator)


@pytest.mark.slow  # and in a process of its own: one check does nothing unless SciPy is loaded with SCIPY_ARRAY_API=1
def test_with_default_parameters_every_check_passes_and_is_listed(capsys):
    done = subprocess.run(
        [sys.executable, "-m", "tests.estimators.compliance"],
        cwd=ROOT,
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr
    with capsys.disabled():
        sys.stdout.write("\n" + done.stdout)
    listed = [line.split() for line in done.stdout.splitlines() if "check_" in line]
    assert {line[0] for line in listed} == {"SimpleRNNRegressor", "SimpleRNNClassifier"}
    assert len(listed) > 110
    assert [line for line in listed if line[1] != "passed"] == []
