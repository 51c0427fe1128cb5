"""The examples of the docstrings run."""

import doctest

import pytest

from forecasting.estimators import arrays, classifier, regressor


@pytest.mark.parametrize("module", [arrays, classifier, regressor], ids=lambda module: module.__name__)
def test_the_examples_of_the_docstrings_run(module):
    outcome = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.attempted > 0
    assert outcome.failed == 0
