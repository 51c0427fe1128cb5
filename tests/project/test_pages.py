"""The pages: every example runs as it stands and says what its page says, and what a page points to is there."""

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting import SimpleRNNForecaster
from forecasting.targets.links import LINKS
from forecasting.targets.target import READINGS

ROOT = Path(__file__).resolve().parents[2]
PAGES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in ROOT.glob("docs/*.md")}
PAGES |= {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CHANGELOG.md", "mlflow/README.md")}
SMALL = {"units": 4, "n_layers": 1, "n_members": 1, "max_steps": 5, "verbose": 0}


def examples(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGES[page], re.DOTALL)


def readme(said: str, names: dict[str, Any]) -> None:
    assert re.search(r"SimpleRNN (and SeasonalNaive cannot be told apart|is (better|worse) than SeasonalNaive)", said)
    assert "Passed: 8 stages" in said
    assert {"SimpleRNN", "SeasonalNaive"} <= set(names["result"])


def evaluation(said: str, names: dict[str, Any]) -> None:
    assert "ETS is better than Naive: its absolute error is" in said
    assert "unique_id     cutoff         ds" in said
    assert "trained_until" in said


def covariates(said: str, names: dict[str, Any]) -> None:
    assert "series south, time 2024-07-12: the future frame lacks 7 rows of the 7 steps" in said
    assert said.endswith("{'past': [], 'future': ['promotion'], 'static': ['kind']}\n")
    both = names["told"].merge(names["future"], on=["unique_id", "ds"], validate="one_to_one")
    assert len(both) == 14
    error = (both["y"] - both["SimpleRNN"]).abs() / both["unique_id"].map({"north": 20, "south": 50})
    assert error.mean() < 0.1  # noise is a twentieth, a promotion one half


def missing(said: str, names: dict[str, Any]) -> None:
    refused, done = said.splitlines()[0], said.splitlines()[-1]
    assert "state a step to put them on, such as frequency='10min', with irregular='last'" in refused
    assert done in PAGES["docs/missing.md"].replace("\n# before", " before")
    assert f"{len(names['sensor']):,} observations of 1 series (boiler)" in done
    assert np.nanmax(names["panel"].cells["age"]) < 1
    assert names["panel"].cells["count"].sum() == len(names["sensor"])
    assert len(names["forecaster"].predict()) == 24


def uncertainty(said: str, names: dict[str, Any]) -> None:
    before, learned = said.split("[0.05, 0.1, 0.5, 0.9, 0.95]\n")
    weeks, share = before.strip().rsplit("\n", 1)
    assert "0.9" in weeks
    assert 0.6 < float(share) < 1
    assert len(re.findall(r"^\d +(\d\.\d+)$", learned, re.MULTILINE)) == 7
    assert all(float(ratio) > 1 for ratio in re.findall(r"^\d +(\d\.\d+)$", learned, re.MULTILINE))
    assert "state" in names


def leakage(said: str, names: dict[str, Any]) -> None:
    (printed,) = re.findall(r"The last loop prints\n\n```\n(.*?)```", PAGES["docs/leakage.md"], re.DOTALL)
    assert said.startswith("Passed: 4 stages")
    assert said.endswith(printed)


def sklearn(said: str, names: dict[str, Any]) -> None:
    lines = said.splitlines()
    assert float(lines[0]) > 0.95
    assert lines[1] == "(124, 3)"
    assert lines[5] == "True"
    assert 1e-6 < float(lines[6]) < 0.2
    assert np.abs(np.asarray(names["chance"]) - np.asarray(names["base"])).max() < 0.1


def new_data(said: str, names: dict[str, Any]) -> None:
    assert "series north, time 2024-10-27: 14 steps have no value" in said
    two_days = pd.DataFrame({"ds": ["2024-10-27", "2024-10-28"] * 2, "y": [101.0, 104.5, 52.0, 55.0]})
    rows = two_days.assign(unique_id=["north", "north", "south", "south"], ds=lambda rows: pd.to_datetime(rows["ds"]))
    expected, streamed = names["forecaster"].update(rows).predict(), names["streamed"]
    assert streamed["ds"].min() == pd.Timestamp("2024-10-29")
    pd.testing.assert_frame_equal(streamed, expected, rtol=1e-5)
    assert names["fitted_long_ago"]["ds"].min() == pd.Timestamp("2024-10-01")
    assert np.abs(streamed["SimpleRNN"] - np.repeat([100, 50], 7)).max() < 15


def tuning(said: str, names: dict[str, Any]) -> None:
    assert re.match(r"Of 4 trials, number \d is taken|The default is kept", said)
    assert "On windows that the search has not seen: " in said
    found, forecaster = names["tuning"], names["forecaster"]
    assert (found.trials["state"] == "complete").all()
    assert forecaster.get_params().items() >= found.best_params.items()
    assert forecaster.lookback_ == found.best_params.get("lookback", forecaster.lookback_)
    assert set(found.scores["model"]) >= {"Default", "SeasonalNaive"}


def targets(said: str, names: dict[str, Any]) -> None:
    assert float(said.split()[0]) == pytest.approx(0.5, abs=0.2)
    assert names["forecaster"].predict()["SimpleRNN"].mean() == pytest.approx((100 + 2 * 149.5) ** 2, rel=0.1)
    assert set(re.findall(r"^\| `(\w+)`", PAGES["docs/targets.md"], flags=re.MULTILINE)) == {*LINKS, *READINGS}


SAYS: dict[str, Callable[[str, dict[str, Any]], None]] = {
    "README.md": readme,
    "docs/evaluation.md": evaluation,
    "docs/covariates.md": covariates,
    "docs/missing.md": missing,
    "docs/uncertainty.md": uncertainty,
    "docs/leakage.md": leakage,
    "docs/new_data.md": new_data,
    "docs/sklearn.md": sklearn,
    "docs/targets.md": targets,
    "docs/tuning.md": tuning,
}


@pytest.mark.parametrize(
    "page", ["README.md", *(pytest.param(page, marks=pytest.mark.slow) for page in SAYS if page != "README.md")]
)
def test_the_examples_run_in_their_order_and_say_what_the_page_says(page, capsys, monkeypatch) -> None:
    if page == "README.md":  # shows the defaults, which are trained in a minute
        monkeypatch.setattr(
            SimpleRNNForecaster.__init__, "__kwdefaults__", SimpleRNNForecaster.__init__.__kwdefaults__ | SMALL
        )
    names: dict[str, Any] = {}
    for example in examples(page):
        exec(compile(example, page, "exec"), names)
    SAYS[page](capsys.readouterr().out, names)


def test_every_page_with_examples_has_what_they_say() -> None:
    assert {page for page in PAGES if examples(page)} == set(SAYS)


@pytest.mark.parametrize("page", sorted(PAGES))
def test_what_a_page_points_to_is_there(page) -> None:
    text = re.sub(r"```.*?```", "", PAGES[page], flags=re.DOTALL)
    folder = (ROOT / page).parent
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert [link for link in links if not (folder / link).exists()] == []
    files = re.findall(r"`((?:\.ci|benchmarks|docs|flows|forecasting|tests)/[\w./-]+)`", text)
    files += [f"{name.replace('.', '/')}.py" for name in re.findall(r"python -m (benchmarks\.\w+)", text)]
    assert [file for file in files if not (ROOT / file).exists()] == []
    for name in re.findall(r"`(forecasting\.\w[\w.]*)`", text):
        place, _, last = name.rpartition(".")
        assert hasattr(import_module(place), last) or import_module(name)


def test_every_page_is_listed_in_the_readme() -> None:
    listed = set(re.findall(r"\]\((docs/[\w-]+\.md)\)", PAGES["README.md"]))
    assert listed == {page for page in PAGES if page.startswith("docs/")}
