"""How a peer's script is called: one JSON file in, a Parquet file of forecasts and a JSON file of facts out.

The scripts of this folder run in an environment of their own, which does not have this project, and import this
module by its bare name. ``python <peer>.py job.json``, where the job holds

- ``train``, a Parquet file with ``unique_id``, ``ds`` (integer steps) and ``y``; ``out``, where forecasts go;
- ``horizon``, ``season``, ``seed``, ``threads`` and ``settings``, which the script explains;
- ``repeats``, how often the same is forecast, one after the other.

The facts stand beside ``out``, with the suffix ``.json``: ``seconds`` from the frame in memory to the forecasts in
memory, compilation included; ``processor_seconds`` of all threads meanwhile, and ``later_processor_seconds``, the list
of those of all repeats but the first; ``peak_mib``, the most memory that was resident; ``import_seconds``;
``versions``.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

Job = dict[str, Any]
THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
"""Environment variables that numerical libraries read when they are loaded."""


def read_job() -> Job:
    """The job that the command line names, after setting the threads that numerical libraries may use."""
    job: Job = json.loads(Path(sys.argv[1]).read_text())
    for name in THREADS:
        os.environ[name] = str(job["threads"])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("NIXTLA_ID_AS_COL", "1")
    return job


def run(
    job: Job, load: Callable[[Job], Any], forecast: Callable[[Job, Any, pd.DataFrame], pd.DataFrame], *packages: str
) -> None:
    """Import what a peer needs, forecast, and write forecasts and facts.

    Parameters
    ----------
    job : dict
    load : callable
        Imports, and gives what ``forecast`` needs of them; its seconds are stated apart.
    forecast : callable
        From job, imported and training frame to a frame with ``unique_id``, ``ds`` and columns of models.
    *packages : str
        Distributions whose versions are written down.
    """
    started = time.perf_counter()
    imported = load(job)
    import_seconds = time.perf_counter() - started
    frame = pd.read_parquet(job["train"])
    times = []
    for _ in range(job["repeats"]):
        started, worked = time.perf_counter(), time.process_time()
        forecasts = forecast(job, imported, frame)
        times.append((time.perf_counter() - started, time.process_time() - worked))
    out = Path(job["out"])
    forecasts.to_parquet(out)
    facts = {
        "seconds": times[0][0],
        "processor_seconds": times[0][1],
        "later_processor_seconds": [worked for _, worked in times[1:]],
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "import_seconds": import_seconds,
        "versions": {name: version(name) for name in packages},
    }
    out.with_suffix(".json").write_text(json.dumps(facts))
