"""The example of the page runs as it stands, with the network."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tuning.md"


def test_the_example_runs_and_says_what_was_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}

    exec(compile(example, str(PAGE), "exec"), names)

    said = capsys.readouterr().out
    assert re.match(r"Of 4 trials, number \d is taken|The default is kept", said)
    assert "On windows that the search has not seen: " in said
    tuning, forecaster = names["tuning"], names["forecaster"]
    assert (tuning.trials["state"] == "complete").all()
    assert forecaster.get_params().items() >= tuning.best_params.items()
    assert forecaster.lookback_ == tuning.best_params.get("lookback", forecaster.lookback_)
    assert set(tuning.scores["model"]) >= {"Default", "SeasonalNaive"}
