"""The examples of docs/uncertainty.md run as they stand there."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "uncertainty.md"


def test_the_examples_of_the_page_run_in_their_order(capsys) -> None:
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}

    for example in examples:
        exec(compile(example, PAGE.name, "exec"), names)

    weeks, share = capsys.readouterr().out.strip().rsplit("\n", 1)
    assert "0.9" in weeks
    assert 0.6 < float(share) < 1
    assert len(examples) == 2
    assert "state" in names
