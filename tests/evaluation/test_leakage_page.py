"""The example of the page about leakage runs, and prints what the page says."""

import re
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "leakage.md").read_text(encoding="utf-8")


def test_the_example_runs_and_prints_what_the_page_says(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(example, "leakage.md", "exec"), {})
    printed = capsys.readouterr().out
    (said,) = re.findall(r"The last loop prints\n\n```\n(.*?)```", PAGE, re.DOTALL)
    assert printed.startswith("Passed: 4 stages")
    assert printed.endswith(said)
