"""The examples of docs/new_data.md run as they stand there."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

PAGE = Path(__file__).resolve().parents[2] / "docs" / "new_data.md"


def test_the_examples_run_and_say_what_the_page_says(capsys):
    found: dict = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), found)
    assert "series north, time 2024-10-27: 14 steps have no value" in capsys.readouterr().out
    two_days = pd.DataFrame({"ds": ["2024-10-27", "2024-10-28"] * 2, "y": [101.0, 104.5, 52.0, 55.0]})
    rows = two_days.assign(unique_id=["north", "north", "south", "south"], ds=lambda rows: pd.to_datetime(rows["ds"]))
    expected = found["forecaster"].update(rows).predict()
    streamed = found["streamed"]
    assert streamed["ds"].min() == pd.Timestamp("2024-10-29")
    pd.testing.assert_frame_equal(streamed, expected, rtol=1e-5)
    assert found["fitted_long_ago"]["ds"].min() == pd.Timestamp("2024-10-01")
    assert np.abs(streamed["SimpleRNN"] - np.repeat([100, 50], 7)).max() < 15
