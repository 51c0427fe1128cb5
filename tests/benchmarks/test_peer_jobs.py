"""A job goes to a script and its forecasts and facts come back; classical models see nothing behind a cutoff."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.peer_jobs import SCRIPTS, run_job
from benchmarks.peer_settings import PEERS
from benchmarks.peers_m4 import runs

TRAIN = pd.DataFrame({"unique_id": ["a", "a", "b"], "ds": [1, 2, 1], "y": [1.0, 2.0, 5.0]})
LAST_VALUE = """
import os
import pandas as pd
from exchange import read_job, run

def forecast(job, imported, frame):
    last = frame.groupby("unique_id").last().reset_index()
    rows = [last.assign(ds=last["ds"] + step, yhat=last["y"] * job["settings"]["factor"]) for step in (1, 2)]
    assert imported == os.environ["OMP_NUM_THREADS"] == "1"
    return pd.concat(rows)[["unique_id", "ds", "yhat"]]

run(read_job(), lambda job: str(job["threads"]), forecast, "pandas")
"""


def run_script(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Any:
    monkeypatch.setenv("PYTHONPATH", str(SCRIPTS))
    script = folder / "script.py"
    script.write_text(text)
    command = [sys.executable, str(script)]
    return run_job(command, TRAIN, horizon=2, season=1, settings={"factor": 3}, threads=1, repeats=3)


def test_a_script_reads_its_job_and_gives_forecasts_and_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_script(tmp_path, monkeypatch, LAST_VALUE)
    found = result.forecasts.set_index(["unique_id", "ds"])["yhat"].to_dict()
    assert found == {("a", 3): 6.0, ("a", 4): 6.0, ("b", 2): 15.0, ("b", 3): 15.0}
    assert 0 < result.seconds < 600
    assert len(result.later_processor_seconds) == 2
    assert list(result.versions) == ["pandas"]


def test_what_a_script_says_when_it_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="no such model"):
        run_script(tmp_path, monkeypatch, "raise SystemExit('no such model')")


def test_curves_change_the_budget_of_the_chosen_settings() -> None:
    for peer in PEERS.values():
        assert list(runs(peer, "once")) == [peer.tried[0]]
        assert list(runs(peer, "choose")) == peer.tried
        for settings, budget in zip(runs(peer, "curve"), peer.budgets or [{}], strict=True):
            assert settings == {**peer.tried[0], **budget}


@pytest.fixture
def classical(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    specification = importlib.util.spec_from_file_location("classical", SCRIPTS / "classical.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


class LastValue:
    """With the methods of statsforecast's models: forecasts the last value that it was given."""

    def fit(self, y: np.ndarray) -> None:
        self.known = y

    def predict(self, h: int, level: Any) -> dict[str, np.ndarray]:
        return self.forward(self.known, h, level)

    def predict_in_sample(self) -> dict[str, np.ndarray]:
        return {"fitted": np.concatenate([[np.nan], self.known[:-1]])}

    def forward(self, y: np.ndarray, h: int, level: Any = None, fitted: bool = False) -> dict[str, np.ndarray]:
        mean = np.full(h, y[-1])
        ends = {f"{end}-{value}": mean + shift for value in level or [] for end, shift in (("lo", -1), ("hi", 1))}
        passed = {"fitted": np.concatenate([[np.nan], y[:-1]])} if fitted else {}
        return {"mean": mean, **ends, **passed}


@pytest.mark.parametrize("history", [None, 4])
def test_classical_models_go_on_from_each_cutoff(classical: ModuleType, history: int | None) -> None:
    frame = pd.DataFrame({"unique_id": "a", "ds": np.arange(10), "y": np.arange(10.0) ** 2})
    settings = {"models": ["m"], "levels": [80], "history": history, "first": {"a": 5}, "step": 2}
    found = classical.forecast({"horizon": 2, "settings": settings}, {"m": LastValue}, frame)
    assert found["cutoff"].tolist() == [4, 4, 6, 6]
    assert found["ds"].tolist() == [5, 6, 7, 8]
    assert found["m"].tolist() == [16.0, 16.0, 36.0, 36.0]
    assert found["m-hi-80"].tolist() == [17.0, 17.0, 37.0, 37.0]


@pytest.mark.parametrize("history", [None, 3])
def test_one_step_ahead_comes_from_one_pass(classical: ModuleType, history: int | None) -> None:
    frame = pd.DataFrame({"unique_id": "a", "ds": np.arange(8), "y": np.arange(8.0) * 2})
    settings = {"models": ["m"], "levels": [80], "history": history, "first": {"a": 5}}
    found = classical.forecast({"horizon": 1, "settings": settings}, {"m": LastValue}, frame)
    assert found["ds"].tolist() == [5, 6, 7]
    assert found["m"].tolist() == [8.0, 10.0, 12.0]
    # Every fitted value misses by 2; the 90 % quantile of a standard normal is 1.2816.
    np.testing.assert_allclose(found["m-hi-80"] - found["m"], 2 * 1.2815516, rtol=1e-6)
