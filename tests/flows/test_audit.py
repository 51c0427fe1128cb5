"""`forecast audit`: a report, its document, and the exit code where something leaks."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import forecasting.evaluation.handing
from flows.cli import app
from forecasting.panel import Frequency, to_panel
from tests.flows.conftest import readings


@pytest.fixture
def command(settings, monkeypatch):
    monkeypatch.setattr("flows.audit.import_network", lambda: None)
    runner = CliRunner(env={"COLUMNS": "160"})
    return lambda *arguments: runner.invoke(app, list(arguments))


@pytest.fixture
def leaking_gate(monkeypatch):
    """A gate that smooths every series with a centred mean."""

    def smoothed(data, **options):
        panel, notices = to_panel(data, **options)
        means = [pd.Series(values).rolling(5, center=True, min_periods=1).mean() for values in panel]
        return panel.with_values(np.concatenate(means)), notices

    monkeypatch.setattr(forecasting.evaluation.handing, "to_panel", smoothed)


def test_an_honest_model_passes_with_a_row_for_each_stage(command, home):
    before = sorted(home.rglob("*"))
    result = command("audit", "boiler")
    assert result.exit_code == 0
    assert "Passed: 3 stages at the cutoffs 2024-01-09 23:00:00, 2024-01-10 11:00:00" in result.stdout
    for word in ("gate", "fitted numbers", "forecast", "Control:"):
        assert word in result.stdout
    assert "cutoff 2024-01-10 11:00:00, shuffled" in result.stderr
    assert sorted(home.rglob("*")) == before


def test_the_document_says_it_all(command):
    result = command("audit", "boiler", "--cutoffs", "1", "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["passed"], document["dataset"], document["step"]) == (0, True, "boiler", 12)
    assert [stage["stage"] for stage in document["stages"]] == ["gate", "fitted numbers", "forecast"]
    assert len(document["findings"]) == 3 * 4
    assert {finding["overwritten"] for finding in document["findings"]} == {"extreme", "missing", "shuffled", "control"}
    assert document["words"][0].startswith("Passed")


def test_a_leak_is_exit_code_1_with_the_document(command, leaking_gate):
    result = command("audit", "boiler", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert document["passed"] is False
    assert {finding["stage"] for finding in document["findings"] if finding["state"] == "moved"} >= {"gate", "forecast"}
    shown = command("audit", "boiler")
    assert shown.exit_code == 1
    assert "Not passed" in shown.stdout
    assert "the first to move was the gate (values)" in shown.stdout
    assert "Traceback" not in shown.output


@pytest.mark.parametrize("zone", ["", 'timezone = "Europe/Berlin"\n'])
def test_observations_at_irregular_times_are_audited_as_they_came(command, settings, zone, monkeypatch):
    late = readings().assign(time=lambda table: table["time"] - pd.to_timedelta(table.index % 50, unit="min"))
    late.to_csv(settings.home / "boiler.csv", index=False)
    policy = f'frequency = "2h"\n{zone}irregular = "mean"\ngaps = "mask"'
    settings.catalog_path.write_text(settings.catalog_path.read_text().replace('frequency = "h"', policy))
    result = command("audit", "boiler", "--cutoffs", "1")
    assert result.exit_code == 0, result.output
    assert "Passed: 3 stages" in result.stdout
    real = Frequency.mark
    monkeypatch.setattr(Frequency, "mark", lambda self, times, tz=None: self.advance(real(self, times, tz), -1, tz=tz))
    result = command("audit", "boiler", "--cutoffs", "1")
    assert result.exit_code == 1, result.output
    assert "the first to move was the gate" in result.stdout


def test_bad_input_is_exit_code_2(command):
    assert command("audit", "bolier").exit_code == 2
    assert command("audit", "boiler", "--cutoffs", "0").exit_code == 2
    assert command("audit", "boiler", "--cutoffs", "30").exit_code == 2
    assert "too few" in command("audit", "boiler", "--cutoffs", "30").stderr
