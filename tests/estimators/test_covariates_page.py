"""The examples of docs/covariates.md run as they stand there."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "covariates.md"


def test_the_examples_run_and_say_what_the_page_says(capsys):
    found: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), found)
    assert "series south, time 2024-07-12: the future frame lacks 7 rows of the 7 steps" in capsys.readouterr().out
    both = found["told"].merge(found["future"], on=["unique_id", "ds"], validate="one_to_one")
    assert len(both) == 14
    error = (both["y"] - both["SimpleRNN"]).abs() / both["unique_id"].map({"north": 20, "south": 50})
    assert error.mean() < 0.1  # noise is a twentieth, a promotion one half
