"""The installed command, as a user calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = str(Path(sys.executable).with_name("forecast"))


def run(*command: str, cwd: Path, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("FORECASTING_", "MLFLOW_"))}
    environment |= {"HOME": str(home), "FORECASTING_HOME": str(home)}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=cwd, env=environment)


def test_the_command_tells_how_it_is_used(tmp_path: Path) -> None:
    done = run(SCRIPT, "--help", cwd=tmp_path, home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert all(
        name in done.stdout for name in ("datasets", "ingest", "train", "predict", "audit", "run", "ui", "doctor")
    )


def test_the_command_leaves_nothing_in_the_current_directory(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    listed = run(SCRIPT, "datasets", "--json", cwd=elsewhere, home=home)
    assert listed.returncode == 0, listed.stderr
    assert {"sp500", "mauna-loa-co2", "us-macro"} <= {item["name"] for item in json.loads(listed.stdout)["datasets"]}
    ingested = run(SCRIPT, "ingest", "mauna-loa-co2", "--json", cwd=elsewhere, home=home)
    assert ingested.returncode == 0, ingested.stderr
    assert list((home / "data" / "store").rglob("*.parquet"))
    assert list(elsewhere.iterdir()) == []


def test_an_unknown_data_set_is_bad_input(tmp_path: Path) -> None:
    done = run(SCRIPT, "ingest", "sp50", cwd=tmp_path, home=tmp_path)
    assert done.returncode == 2
    assert "sp500" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
