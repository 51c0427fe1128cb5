"""Series of textbooks and of R, beside AutoETS, AutoTheta and AutoARIMA of statsforecast, all with their defaults.

What is in the sets, see benchmarks/peers/textbook_series.py. Three test windows at the end of each series, a horizon
apart; one fit on what comes before the first of them, history observed from there on.

python -m benchmarks.textbooks
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import peer_jobs
from benchmarks.report import machine, print_table
from benchmarks.rolling import rolling_forecasts
from forecasting import SimpleRNNForecaster, to_panel

WINDOWS, LEVEL = 3, 80
_LONGEST_SEASON = {"AutoETS": 24, "AutoTheta": 52, "AutoARIMA": 12}
_MOST_SERIES = {"AutoETS": 200, "AutoTheta": 200, "AutoARIMA": 60}
"""Where season or set are beyond that, a model takes hours."""
_SHORT = 150
MODELS = ("SimpleRNN", *_LONGEST_SEASON)


def series() -> pd.DataFrame:
    """All sets in one frame."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "series.parquet"
        script = peer_jobs.SCRIPTS / "textbook_series.py"
        subprocess.run([peer_jobs.interpreter("main"), script, path, str(WINDOWS)], check=True)
        return pd.read_parquet(path)


def forecasts(rows: pd.DataFrame) -> pd.DataFrame:
    """Forecasts of the windows of one set by all models."""
    season, horizon = int(rows["season"].iloc[0]), int(rows["horizon"].iloc[0])
    frame = rows[["unique_id", "ds", "y"]]
    panel, _ = to_panel(frame, frequency=1)
    forecaster = SimpleRNNForecaster(horizon, season_length=season, levels=[LEVEL], random_state=0, verbose=0)
    forecaster.fit(panel.drop_last(WINDOWS * horizon))
    first = panel.lengths - WINDOWS * horizon
    ours = pd.concat(rolling_forecasts(forecaster, panel, first, horizon), ignore_index=True)
    models = [
        name for name, longest in _LONGEST_SEASON.items() if season <= longest and panel.n_series <= _MOST_SERIES[name]
    ]
    known = dict(zip(panel.ids.tolist(), first.tolist(), strict=True))
    settings = {"models": models, "first": known, "step": horizon}
    peers = peer_jobs.classical(frame, horizon=horizon, season=season, settings=settings, threads=1).forecasts
    return ours.merge(peers, on=["unique_id", "cutoff", "ds"], validate="one_to_one")


def scored(found: pd.DataFrame) -> pd.Series:
    """Coverage of ours, and for each model the geometric mean of its absolute error over the seasonal naive's."""
    errors = pd.DataFrame(
        {name: (found[name] - found["y"]).abs() for name in (*MODELS, "SeasonalNaive") if name in found}
    )
    by_series = errors.groupby(found["unique_id"]).mean()
    by_series = by_series[by_series["SeasonalNaive"] > 0].clip(lower=1e-9 * found["y"].abs().max())
    ratio = np.exp(np.log(by_series.div(by_series["SeasonalNaive"], axis=0)).mean()).drop("SeasonalNaive")
    inside = found["y"].between(found[f"SimpleRNN-lo-{LEVEL}"], found[f"SimpleRNN-hi-{LEVEL}"])
    return pd.concat([ratio, pd.Series({"coverage": 100 * inside.mean()})])


def main() -> None:
    """Print a row for every set, and means of kinds of sets."""
    rows = {}
    for name, one in series().groupby("set", sort=False):
        counts = {"series": one["unique_id"].nunique(), "steps": len(one)}
        rows[name] = pd.concat([pd.Series(counts), scored(forecasts(one))])
        print(f"{name} {rows[name].round(3).to_dict()}", flush=True)
    table = pd.DataFrame(rows).T.reindex(columns=["series", "steps", *MODELS, "coverage"])
    print_table(table.rename_axis("set"))
    single, everywhere = table["series"] == 1, table[list(MODELS)].notna().all(axis=1)
    kinds = {
        f"single series, up to {_SHORT} steps": single & (table["steps"] <= _SHORT),
        "single series, longer": single & (table["steps"] > _SHORT),
        "panels": ~single,
        "all": pd.Series(True, table.index),
        "where all ran": everywhere,
    }
    means = {
        f"{kind}: {which.sum()} sets": [
            *np.exp(np.log(table.loc[which, list(MODELS)].astype(float)).mean()),
            table.loc[which, "coverage"].mean(),
        ]
        for kind, which in kinds.items()
    }
    print_table(pd.DataFrame(means, index=[*MODELS, "coverage"]).T.rename_axis("geometric mean"))
    print(machine())


if __name__ == "__main__":
    main()
