"""Intervals after a change of regime: the S&P 500 through 2008, five sessions ahead, fitted once before 2005.

Around the same forecasts, made at every session: the intervals of the forecaster, calibrated once before 2005 (split
conformal, its width following the latest movement); split conformal of the errors of 2004 in percent of the last price,
which stay as they are; and adaptive ones, made online of the errors in percent, and of those in units of the
forecaster's own half widths. All are scored from 2006 on, when each of them has errors enough.

python -m benchmarks.intervals
"""

import numpy as np
import pandas as pd
from arch.data import sp500

from benchmarks.report import machine, print_table
from benchmarks.rolling import rolling_forecasts
from forecasting import SimpleRNNForecaster, adaptive_intervals, to_panel
from forecasting.evaluation.frames import interval_columns
from forecasting.evaluation.intervals import SplitConformal

HORIZON, LEVELS = 5, (80, 95)
CALIBRATED, FITTED, SCORED = (pd.Timestamp(f"{year}-01-01") for year in (2004, 2005, 2006))
CRISIS = pd.Timestamp("2008-07-01"), pd.Timestamp("2009-04-01")
RUN = 100
"""Windows one after another whose worst coverage is shown."""
MODEL, OWN, LAST = "SimpleRNN", "own half width", "last"


def forecasts() -> pd.DataFrame:
    """Forecasts of every session from 2004 on; those of the first year, which the fit has seen, only calibrate."""
    series = sp500.load()["Close"].rename("sp500")
    panel, _ = to_panel(series, calendar="XNYS")
    times = panel.frame()["ds"]
    forecaster = SimpleRNNForecaster(
        HORIZON, season_length=1, levels=LEVELS, calendar="XNYS", target="log_return", random_state=0, verbose=0
    )
    forecaster.fit(panel.drop_last(int((times >= FITTED).sum())))
    frame = pd.concat(rolling_forecasts(forecaster, panel, [int((times < CALIBRATED).sum())]), ignore_index=True)
    low, high = interval_columns(MODEL, LEVELS[0])
    last = frame["cutoff"].map(series)
    frame = frame.drop(columns=[column for column in frame if str(column).startswith("SeasonalNaive")])
    return frame.assign(**{OWN: (frame[high] - frame[low]) / 2, LAST: last})


def split(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with intervals of the errors of 2004, in percent of the last price."""
    errors = ((frame["y"] - frame[MODEL]) / frame[LAST]).to_numpy().reshape(-1, HORIZON)
    before = (frame["ds"] < FITTED).to_numpy().reshape(-1, HORIZON).all(axis=1)
    conformal = SplitConformal.fit(errors[before])
    result = frame.copy()
    for level in LEVELS:
        half = np.tile(conformal.half_width(level, HORIZON), len(errors)) * frame[LAST]
        for column, end in zip(interval_columns(MODEL, level), (-half, half), strict=True):
            result[column] = frame[MODEL] + end
    return result


def scores(frame: pd.DataFrame, level: float) -> dict[str, float]:
    """Coverage over all windows, in the crisis, and in the worst run; the interval score in percent of the price."""
    rows = frame[(frame["cutoff"] >= SCORED) & frame["y"].notna()]
    low, high = (rows[column] for column in interval_columns(MODEL, level))
    inside = 100.0 * rows["y"].between(low, high)
    miss = (low - rows["y"]).clip(lower=0) + (rows["y"] - high).clip(lower=0)
    winkler = 100 * (high - low + miss * 200 / (100 - level)) / rows[LAST]
    crisis = rows["ds"].between(*CRISIS, inclusive="left")
    return {
        f"coverage {level}": inside.mean(),
        "2008": inside[crisis].mean(),
        f"worst {RUN}": inside.groupby(rows["cutoff"]).mean().rolling(RUN).mean().min(),
        f"Winkler {level}, %": winkler.mean(),
        "2008, %": winkler[crisis].mean(),
    }


def main() -> None:
    """Print one table for each level."""
    frame = forecasts()
    online = frame[frame["cutoff"] >= FITTED]
    kinds = {
        "split, errors of 2004": split(frame),
        "forecaster's own": frame,
        "adaptive, errors in % of price": adaptive_intervals(online, LEVELS, [MODEL], scale=LAST),
        "adaptive, in own half widths": adaptive_intervals(online, LEVELS, [MODEL], scale=OWN),
    }
    for level in LEVELS:
        table = pd.DataFrame({name: scores(kind, level) for name, kind in kinds.items()}).T
        print_table(table.rename_axis("intervals"), 2)
    print(f"{online['cutoff'].ge(SCORED).sum() // HORIZON} windows from {SCORED.year} on.")
    print(machine())


if __name__ == "__main__":
    main()
