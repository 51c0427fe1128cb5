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
OF_CLASSIFIERS = re.compile("classif|decision|supervised|partial_fit|weight_equivalence|all_zero")
"""What is checked of the classifier here, which shares all else with the regressor; the slow test checks everything."""
NEEDS_A_SETTING = "check_array_api_input"
"""Does nothing unless SCIPY_ARRAY_API=1 is set before SciPy is loaded, as in the slow test."""


def name_of(check: Any) -> str:
    return check.func.__name__ if isinstance(check, partial) else check.__name__


def quick_checks() -> Iterator[Any]:
    for estimator in (SimpleRNNRegressor(**QUICK), SimpleRNNClassifier(**QUICK)):
        for number, (instance, check) in enumerate(estimator_checks_generator(estimator)):
            name = name_of(check)
            wanted = isinstance(instance, SimpleRNNRegressor) or OF_CLASSIFIERS.search(name)
            if wanted and name != NEEDS_A_SETTING:
                yield pytest.param(instance, check, id=f"{type(instance).__name__}-{number}-{name}")


@pytest.mark.parametrize(("estimator", "check"), list(quick_checks()))
@pytest.mark.filterwarnings("ignore")
def test_a_small_network_passes_the_check(estimator, check):
    check(estimator)


@pytest.mark.slow
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
