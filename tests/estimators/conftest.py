"""Forecasters that were fitted once; tests do not change them."""

import pytest

from tests.estimators.made import long_frame, tiny


@pytest.fixture(scope="session")
def frame():
    """Three daily series of different lengths and ends."""
    return long_frame()


@pytest.fixture(scope="session")
def fitted(frame):
    """Two members, two levels."""
    return tiny(levels=[80, 90], n_members=2).fit(frame)
