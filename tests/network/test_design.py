"""The rows of a linear map: window, covariates along its end, ahead, and of the series."""

import numpy as np

from forecasting.network.design import design
from forecasting.network.spec import NetworkSpec
from tests.network.textbook import random_windows

SPEC = NetworkSpec(6, 2, 3, 4, 1, False, True, past_channels=2, future_channels=1, static_channels=2)


def test_without_covariates_it_is_the_window_itself():
    window = np.arange(6.0).reshape(2, 3)
    assert design({"window": window, "observed": np.ones_like(window)}, 3) is window


def test_the_parts_stand_side_by_side_step_by_step():
    reading, _ = random_windows(SPEC, 4)
    found = design(reading, SPEC.segment_length)
    assert found.shape == (4, SPEC.skip_rows)
    for number in range(4):
        past = [value for step in (3, 4, 5) for value in reading["past"][number, step]]
        expected = [*reading["window"][number], *past, *reading["future"][number, :, 0], *reading["static"][number]]
        assert found[number].tolist() == expected
