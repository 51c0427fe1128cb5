"""Batch forecasts beside neuralforecast: many series, 48 steps, two levels, frame in to frame out.

Each is a process of its own, fitted to a few series before the clock starts: what is learned does not change how long
a forecast takes. Both run on the same frame, one after the other, as often as asked for. Each forecasts twice: the
first time memory is handed out by the system, which on virtual machines can take as long as the rest.

python -m benchmarks.batch_forecasts                    # 5,000 series of length 500
python -m benchmarks.batch_forecasts --ours --series 100000
"""

import argparse
import sys
from typing import Any

import pandas as pd

from benchmarks.peer_jobs import SCRIPTS, interpreter, run_job
from benchmarks.peer_settings import PEERS
from benchmarks.report import machine, print_table
from benchmarks.speed import HORIZON, LOOKBACK, SEASON, seasonal_panel

LENGTH, LEVELS = 500, [80, 95]
_FIT = {"levels": LEVELS, "fit_series": 20}


def contestants() -> dict[str, tuple[list[str], dict[str, Any]]]:
    """Command and settings of each, ours first."""
    ours = {**_FIT, "parameters": {"lookback": 168, "max_steps": 40}}
    alone = {**_FIT, "parameters": {"lookback": 168, "max_steps": 40, "combine_naive": False}}
    longer = {**_FIT, "parameters": {"lookback": LOOKBACK, "max_steps": 40}}
    command = [sys.executable, "-m", "benchmarks.ours_predict_job"]
    peer, best = "neuralforecast RNN", PEERS["neuralforecast RNN"].tried[0]
    many_at_once = {"valid_batch_size": 1024, "inference_windows_batch_size": 1024}
    script = [str(interpreter("main")), str(SCRIPTS / "neural_predict.py")]

    def predicting(settings: dict[str, Any], **arguments: Any) -> dict[str, Any]:
        return {**settings, **_FIT, "steps": 10, "arguments": {**settings["arguments"], **arguments}}

    return {
        "SimpleRNN, look-back 168, 3 members, combined with nothing": (command, alone),
        "SimpleRNN, look-back 168, 3 members": (command, ours),
        f"SimpleRNN, look-back {LOOKBACK}, 3 members": (command, longer),
        f"{peer}, as in benchmarks.peers_m4, look-back 168": (script, predicting(best)),
        f"{peer}, the same with 1,024 series at once": (script, predicting(best, **many_at_once)),
    }


def main() -> None:
    """Run each and print its seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=5_000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--ours", action="store_true", help="ours alone")
    given = parser.parse_args()
    frame = seasonal_panel(given.series, LENGTH).frame()
    rows = []
    for _ in range(given.runs):
        for name, (command, settings) in contestants().items():
            if given.ours and not name.startswith("SimpleRNN"):
                continue
            result = run_job(command, frame, horizon=HORIZON, season=SEASON, settings=settings, repeats=2)
            if len(result.forecasts) != given.series * HORIZON:
                raise RuntimeError(f"{name} gave {len(result.forecasts)} rows")
            again = result.later_processor_seconds[0]
            rows.append((name, result.seconds, result.processor_seconds, again, result.peak_mib))
            print(f"{name}: {result.seconds:.1f} s, {result.versions}", file=sys.stderr, flush=True)
    columns = [f"{given.series:,} series", "seconds", "processor seconds", "processor seconds again", "peak MiB"]
    table = pd.DataFrame(rows, columns=columns).groupby(columns[0], sort=False).median()
    print_table(table.assign(**{"again, per million": table["processor seconds again"] / given.series * 1e6}))
    print(machine())


if __name__ == "__main__":
    main()
