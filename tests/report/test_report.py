"""The HTML report: whole, self-contained, escaped, the same every time, and never half-written."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from forecasting.errors import DataError
from forecasting.report.report import write_report
from tests.report.conftest import Run, make_run

FACTS = {
    "data set": "two-rivers",
    "snapshot": "3f2a9c",
    "seconds": 41.27849,
    "device": "CPU",
    "parameters": {"horizon": 5},
}
HISTORY = [{"epoch": 1, "loss": 1.0, "val_loss": 2.0}, {"epoch": 2, "loss": 0.5, "val_loss": 1.5}]
VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """The elements and the visible text of a page; fails on a tag that is not closed in its place."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.cells: list[list[str]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.cells.append([])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1].append(data)


def write(folder: Path, run: Run, **changes) -> str:
    arguments = {
        "dataset_title": "Two rivers",
        "backtest_frame": run.backtest,
        "accuracy_frame": run.accuracy,
        "forecasts": run.forecasts,
        "panel": run.panel,
        "run_facts": FACTS,
        "history": HISTORY,
        "notices": ["2 steps of series north were not observed"],
        "unit": "m³/s",
    }
    path = write_report(folder / "report.html", **(arguments | changes))
    return path.read_text(encoding="utf-8")


def test_the_page_says_what_was_found_and_how(run: Run, tmp_path: Path) -> None:
    page = Page(write(tmp_path, run))

    for text in (
        "Better than the seasonal naive on 2 of 2 series; MASE",
        "Tested on the last 3 windows of 5 steps of each series",
        "2 steps of series north were not observed",
        "2024-01-01 to 2024-03-01",
        "122, of which 0 not observed",
        "two-rivers",
        "41.28",
        "m³/s",
    ):
        assert text in page.text
    assert page.tags.count("svg") == 2 + 2 + 1
    scores = run.accuracy.set_index(["unique_id", "model"])
    row = next(row for row in page.cells if row[0] == "north")
    assert row[1:4] == ["0.50", *(f"{scores.loc[('north', m), 'MASE']:.2f}" for m in ("SimpleRNN", "SeasonalNaive"))]
    assert ["time", "forecast", "80 % from", "80 % to", "95 % from", "95 % to"] in page.cells
    first = run.forecasts.iloc[0]
    assert ["2024-03-02", *(f"{value:,.5g}" for value in first[2:])] in page.cells


def test_a_model_that_is_worse_is_said_to_be_worse(tmp_path: Path) -> None:
    html = write(tmp_path, make_run(["north", "south"], factor=1.5))

    assert "Worse than the seasonal naive, and better only on 0 of 2 series" in html
    assert 'class="headline worse"' in html


def test_the_page_needs_nothing_from_outside_and_runs_nothing(run: Run, tmp_path: Path) -> None:
    html = write(tmp_path, run)
    page = Page(html)

    assert "://" not in html
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert all(value.startswith("#") for name, value in page.attributes if name in ("href", "src"))
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_hostile_names_arrive_as_text(tmp_path: Path) -> None:
    name = "<script>alert('$1')</script>&\"{{ 7*7 }}"
    html = write(
        tmp_path,
        make_run([name, "other"]),
        dataset_title=name,
        unit=name,
        notices=[name],
        run_facts={name: name, "p": {name: [name]}},
    )
    page = Page(html)

    assert "script" not in page.tags
    assert page.text.count(name) >= 8


def test_the_same_run_gives_the_same_bytes(run: Run, tmp_path: Path) -> None:
    assert write(tmp_path / "a", run) == write(tmp_path / "b", run)


def test_a_failure_leaves_the_last_report_and_nothing_half_written(run: Run, tmp_path: Path) -> None:
    before = write(tmp_path, run)

    with pytest.raises(DataError, match="series south: it is in the backtest but has no forecast"):
        write(tmp_path, run, forecasts=run.forecasts[run.forecasts["unique_id"] == "north"])
    with pytest.raises(UnicodeEncodeError):
        write(tmp_path, run, dataset_title="\ud800")

    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == before


def test_of_many_series_three_are_drawn_fifty_listed_and_the_rest_counted(tmp_path: Path) -> None:
    page = Page(write(tmp_path, make_run([f"s{i}" for i in range(60)], n_windows=1), history=()))

    assert page.tags.count("svg") == 3 + 2
    assert "3 of 60 series are drawn" in page.text
    assert "10 more series" in page.text
    assert "Tested on the last 1 window of 5 steps" in page.text
    assert "Training" not in page.text


def test_missing_values_and_constant_series_are_said_in_the_protocol(run: Run, tmp_path: Path) -> None:
    accuracy = run.accuracy.copy()
    ours = accuracy["model"] == "SimpleRNN"
    accuracy.loc[ours & (accuracy["unique_id"] == "north"), ["missing", "MASE"]] = [4, float("nan")]

    page = Page(write(tmp_path, run, accuracy_frame=accuracy))

    assert "4 of 30 values to be compared with are missing and left out." in page.text
    assert "MASE is unknown for 1 series" in page.text


def test_forecasts_without_intervals_make_a_page_without_coverage(tmp_path: Path) -> None:
    run = make_run(["north"], levels=())

    page = Page(write(tmp_path, run))

    assert "Coverage" not in page.text
    assert ["time", "forecast"] in page.cells


def test_a_model_that_is_not_in_the_backtest_is_named(run: Run, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column Other"):
        write(tmp_path, run, model="Other")
