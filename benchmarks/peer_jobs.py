"""Running the peers' scripts in their own environments, see benchmarks/peers."""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = Path(__file__).parent / "peers"
ENVIRONMENTS = {name: ROOT / ".venv-peers" / name / "bin" / "python" for name in ("main", "darts")}
"""The interpreters that `make benchmark-peers` sets up, by environment."""


@dataclass(frozen=True)
class Result:
    """What a script gave back: forecasts, and the facts that benchmarks/peers/exchange.py explains."""

    forecasts: pd.DataFrame
    seconds: float
    processor_seconds: float
    later_processor_seconds: list[float]
    peak_mib: float
    import_seconds: float
    versions: dict[str, str]


def interpreter(environment: str) -> Path:
    """The Python of an environment; ends the program where it was not set up."""
    python = ENVIRONMENTS[environment]
    if not python.is_file():
        sys.exit(f"There is no {python.relative_to(ROOT)}. Set the peers up first: make benchmark-peers")
    return python


def are_installed() -> bool:
    """Whether all environments of the peers are there."""
    return all(python.is_file() for python in ENVIRONMENTS.values())


def run_job(
    command: list[str],
    train: pd.DataFrame,
    *,
    horizon: int,
    season: int,
    settings: dict[str, Any],
    threads: int = 2,
    seed: int = 0,
    repeats: int = 1,
) -> Result:
    """Run one script on a training frame with integer ``ds`` and read what it wrote.

    Parameters
    ----------
    command : list of str
        Interpreter and script; the job's file is added.
    train : DataFrame
        ``unique_id``, ``ds``, ``y``.
    horizon, season, settings, threads, seed, repeats
        See benchmarks/peers/exchange.py.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = {"train": str(folder / "train.parquet"), "out": str(folder / "forecasts.parquet")}
        train.to_parquet(job["train"])
        rest = {"horizon": horizon, "season": season, "settings": settings, "threads": threads, "seed": seed}
        rest["repeats"] = repeats
        (folder / "job.json").write_text(json.dumps(job | rest))
        done = subprocess.run(
            [*command, str(folder / "job.json")], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-4000:]}")
        facts = json.loads((folder / "forecasts.json").read_text())
        return Result(forecasts=pd.read_parquet(job["out"]), **facts)


def classical(train: pd.DataFrame, *, horizon: int, season: int, settings: dict[str, Any], threads: int = 2) -> Result:
    """Run statsforecast, see benchmarks/peers/classical.py."""
    command = [str(interpreter("main")), str(SCRIPTS / "classical.py")]
    return run_job(command, train, horizon=horizon, season=season, settings=settings, threads=threads)
