"""The score of a set of textbook series."""

import pandas as pd
import pytest

from benchmarks.textbooks import scored


def test_a_model_is_scored_by_the_geometric_mean_over_series_of_its_error_over_the_seasonal_naive():
    found = pd.DataFrame(
        {
            "unique_id": ["a", "a", "b", "c"],
            "y": [10.0, 20.0, 100.0, 5.0],
            "SeasonalNaive": [12.0, 22.0, 110.0, 5.0],  # the last one is exact: its ratio says nothing
            "SimpleRNN": [11.0, 20.0, 120.0, 9.0],
            "AutoETS": [10.0, 24.0, 110.0, 5.0],
            "SimpleRNN-lo-80": [10.0, 21.0, 90.0, 0.0],
            "SimpleRNN-hi-80": [12.0, 25.0, 130.0, 9.0],
        }
    )
    assert scored(found).to_dict() == pytest.approx({"SimpleRNN": 0.5**0.5, "AutoETS": 1.0, "coverage": 75.0})
