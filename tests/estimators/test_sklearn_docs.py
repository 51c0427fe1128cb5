"""The examples of docs/sklearn.md run, one after the other, and so do those of the docstrings."""

import doctest
import re
from pathlib import Path

import numpy as np
import pytest

from forecasting.estimators import arrays, classifier, regressor

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sklearn.md"


def test_the_examples_of_the_page_run(capsys):
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    lines = capsys.readouterr().out.splitlines()
    assert float(lines[0]) > 0.95
    assert lines[1] == "(124, 3)"
    assert lines[5] == "True"
    assert 1e-6 < float(lines[6]) < 0.2
    chance, base = np.asarray(names["chance"]), np.asarray(names["base"])
    assert np.abs(chance - base).max() < 0.1


@pytest.mark.parametrize("module", [arrays, classifier, regressor], ids=lambda module: module.__name__)
def test_the_examples_of_the_docstrings_run(module):
    outcome = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.attempted > 0
    assert outcome.failed == 0
