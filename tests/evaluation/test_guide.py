"""The example of the guide runs as it stands."""

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "evaluation.md"


def test_the_example_runs_and_says_what_the_guide_says(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)

    exec(compile(example, str(GUIDE), "exec"), {})

    said = capsys.readouterr().out
    assert "ETS is better than Naive: its absolute error is" in said
    assert "unique_id     cutoff         ds" in said
    assert "trained_until" in said
