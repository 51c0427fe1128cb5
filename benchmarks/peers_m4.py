"""M4 Hourly, ours and the peers in one run on the same machine: accuracy, and accuracy against wall seconds.

Every run is a process of its own. Its seconds go from the frame in memory to the forecasts in memory, compilation
included; imports are excluded and stated apart.

python -m benchmarks.peers_m4                         # each peer once, with its chosen settings
python -m benchmarks.peers_m4 --curve --plot docs/images/m4-hourly-time.svg
python -m benchmarks.peers_m4 --choose --steps 400    # all that was tried, on the last 48 training steps
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from benchmarks.bench_data import bench_data
from benchmarks.m4_hourly import HORIZON, SEASON, with_owa
from benchmarks.peer_jobs import SCRIPTS, Result, interpreter, run_job
from benchmarks.peer_settings import PEERS, Peer, Settings
from benchmarks.report import machine, print_table
from benchmarks.scoring import pooled, with_actuals
from forecasting import accuracy, to_panel

RESULTS = Path(__file__).parent / "results"


def runs(peer: Peer, mode: str, steps: int | None = None) -> Iterator[Settings]:
    """The settings to run: the chosen ones, those of every budget, or all that were tried.

    ``steps``, if given, replaces the training steps of all that were tried.
    """
    if mode == "choose":
        yield from ({**tried, "steps": steps} if steps and "steps" in tried else tried for tried in peer.tried)
    elif mode == "curve" and peer.budgets:
        yield from ({**peer.tried[0], **budget} for budget in peer.budgets)
    else:
        yield peer.tried[0]


def command(peer: Peer) -> list[str]:
    """How the script of a peer is started."""
    if peer.environment == "ours":
        return [sys.executable, "-m", peer.script]
    return [str(interpreter(peer.environment)), str(SCRIPTS / peer.script)]


def scores(train: pd.DataFrame, test: pd.DataFrame, result: Result) -> dict[str, float]:
    """sMAPE, MASE and OWA of one run."""
    keys = ["unique_id", "ds"]
    (column,) = result.forecasts.columns.difference([*keys, "cutoff"])
    frame = with_actuals(test, [result.forecasts[[*keys, column]]])
    row = with_owa(pooled(accuracy(frame, to_panel(train)[0], SEASON))).loc[column]
    return {measure: float(row[measure]) for measure in ("sMAPE", "MASE", "OWA")}


def data(mode: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and test part; to choose, the last 48 training steps are the test part."""
    folder = bench_data() / "m4"
    train, test = (pd.read_parquet(folder / f"hourly_{part}.parquet") for part in ("train", "test"))
    if mode != "choose":
        return train, test
    last = train.groupby("unique_id")["ds"].transform("max") - HORIZON
    return train[train["ds"] <= last], train[train["ds"] > last]


def plot(table: pd.DataFrame, path: Path) -> None:
    """Draw OWA against seconds, both axes logarithmic, a line per model, into an image file."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for name, rows in table.groupby("model", sort=False):
        ours = str(name).endswith("(ours)")
        style = {"color": "black", "linewidth": 2.5, "zorder": 3} if ours else {"linewidth": 1.2}
        axes.plot(rows["seconds"], rows["OWA"], marker="o", markersize=4, label=name, **style)
    axes.set(xscale="log", yscale="log", xlabel="wall seconds, compilation included", ylabel="OWA, M4 Hourly")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    pyplot.close(figure)


def measure(
    names: list[str], mode: str, *, threads: int, limit: int | None, steps: int | None, file: Path
) -> pd.DataFrame:
    """Run and score, a row per run.

    ``file`` holds what is done so far at any time; rows that it has of models that are not in ``names`` stay.
    """
    train, test = data(mode)
    before = pd.read_csv(file) if file.is_file() else pd.DataFrame({"model": []})
    kept, rows = before[~before["model"].isin(names)], []
    for name in names:
        for settings in list(runs(PEERS[name], mode, steps))[:limit]:
            result = run_job(
                command(PEERS[name]), train, horizon=HORIZON, season=SEASON, settings=settings, threads=threads
            )
            row = {"model": name, **scores(train, test, result), "seconds": result.seconds}
            row |= {"seconds of imports": result.import_seconds, "threads": threads, "settings": json.dumps(settings)}
            row |= {"versions": ", ".join(f"{package} {number}" for package, number in result.versions.items())}
            rows.append(row)
            print(f"{name} {settings}: OWA {row['OWA']:.3f} in {result.seconds:.1f} s", flush=True)
            pd.concat([kept, pd.DataFrame(rows)]).to_csv(file, index=False)
    return pd.read_csv(file).astype({"threads": int})


def main() -> None:
    """Run what is asked for and print it as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--curve", action="store_true", help="every budget of each peer")
    mode.add_argument("--choose", action="store_true", help="all that was tried, on the last training steps")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=int, help="at most so many runs of each peer")
    parser.add_argument("--steps", type=int, help="with --choose: training steps of everything that trains by steps")
    parser.add_argument("--plot", type=Path, help="draw the curves into this file (.svg, .png)")
    arguments = parser.parse_args()
    chosen = "curve" if arguments.curve else "choose" if arguments.choose else "once"
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"m4_hourly_{chosen}.csv"
    amounts = {"threads": arguments.threads, "limit": arguments.limit, "steps": arguments.steps}
    table = measure(arguments.peers, chosen, **amounts, file=file)
    print_table(table.set_index("model").drop(columns="versions"))
    print("; ".join(sorted(set(table["versions"]))))
    print(machine())
    if arguments.plot:
        plot(table, arguments.plot)


if __name__ == "__main__":
    main()
