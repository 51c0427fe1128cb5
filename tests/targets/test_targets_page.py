"""The examples of docs/targets.md run as they stand there."""

import re
from pathlib import Path

import pytest

from forecasting.targets.links import LINKS
from forecasting.targets.target import READINGS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "targets.md").read_text(encoding="utf-8")


def test_the_examples_run_and_say_what_the_page_says():
    found: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(compile(block, "docs/targets.md", "exec"), found)
    assert found["forecaster"].transform_.numbers["box_cox.power"] == pytest.approx(0.5, abs=0.2)
    ahead = found["forecaster"].predict()["SimpleRNN"]
    assert ahead.mean() == pytest.approx((100 + 2 * 149.5) ** 2, rel=0.1)


def test_every_link_and_reading_is_in_the_tables():
    assert set(re.findall(r"^\| `(\w+)`", PAGE, flags=re.MULTILINE)) == {*LINKS, *READINGS}
