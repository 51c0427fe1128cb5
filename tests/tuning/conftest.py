"""What the estimator of these tests remembers is forgotten before each."""

import pytest

from tests.tuning.made import Line


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    monkeypatch.setattr(Line, "fitted_on", [])
    monkeypatch.setattr(Line, "at_fit", None)
