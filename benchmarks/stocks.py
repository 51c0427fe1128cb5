"""19 share prices, daily close, one step ahead from 2015 on, history observed, one fit on what comes before.

Beside ours: the random walk with the empirical quantiles of its own errors as intervals (of all days before 2015, and
of the last 252 days before each forecast), and GARCH(1,1) with a constant mean and t errors, fitted to each share
before 2015. Every loss is divided by the share's mean absolute daily change before 2015, the scale of MASE. Tests are
made on means over the shares of each day, because shares move together.

python -m benchmarks.stocks
"""

from functools import cache

import numpy as np
import pandas as pd
from arch import arch_model
from arch.univariate import StudentsT
from utilsforecast import losses

from benchmarks.bench_data import bench_data
from benchmarks.report import machine, print_table
from benchmarks.rolling import rolling_forecasts
from benchmarks.scoring import pooled
from benchmarks.tasks import CHOSEN, DEFAULT, Task, beside
from forecasting import Panel, SimpleRNNForecaster, accuracy, to_panel
from forecasting.evaluation.frames import interval_columns
from forecasting.evaluation.metrics import first_cutoffs, seasonal_scale
from forecasting.evaluation.significance import mean_over_time

FROM, LEVELS, YEAR = pd.Timestamp("2015-01-01"), (80, 95), 252
WALK, WALK_YEAR, GARCH = "Random walk", f"Random walk, {YEAR} days", "GARCH(1,1)-t"


@cache
def prices() -> Panel:
    """Closing prices of all shares on the sessions of the New York exchange; three shares lack one session."""
    files = sorted((bench_data() / "stocks").glob("*.csv"))
    frame = pd.concat([pd.read_csv(file, parse_dates=["Date"]) for file in files])
    rows = frame.rename(columns={"Name": "unique_id", "Date": "ds", "Close": "y"})[["unique_id", "ds", "y"]]
    return to_panel(rows, calendar="XNYS")[0]


def known_sessions(panel: Panel) -> np.ndarray:
    """Sessions of each share before 2015, int64 array of shape (n_series,)."""
    before = panel.frame()["ds"] < FROM
    return np.bincount(panel.series_index, before.to_numpy()).astype(np.int64)


def training() -> Panel:
    """What comes before 2015."""
    panel = prices()
    return panel.drop_last(int((panel.lengths - known_sessions(panel)).max()))


TASKS = [
    Task(
        "stocks",
        1,
        1,
        training,
        forced={"calendar": "XNYS", "gaps": "interpolate", "target": "log_return"},
        levels=LEVELS,
        validation=(YEAR, 1),
        criterion="MASE",
    )
]


def rolled(forecaster: SimpleRNNForecaster) -> pd.DataFrame:
    """Forecasts of every session from 2015 on."""
    panel = prices()
    forecaster.fit(training())
    return pd.concat(rolling_forecasts(forecaster, panel, known_sessions(panel)), ignore_index=True)


def others(panel: Panel) -> pd.DataFrame:
    """The random walk and GARCH for every session from 2015 on: ``unique_id``, ``ds``, models and interval ends."""
    parts = []
    for name, share in panel.frame().dropna().groupby("unique_id", sort=False):
        price = share.set_index("ds")["y"]
        returns = 100 * np.log(price).diff().dropna()
        last = price.shift().loc[FROM:]
        columns: dict[str, pd.Series] = {WALK: last, WALK_YEAR: last}
        for level in LEVELS:
            tails = [(100 - level) / 200, (100 + level) / 200]
            trailing = returns.rolling(YEAR)
            for end, tail in zip((0, 1), tails, strict=True):
                whole = returns[returns.index < FROM].quantile(tail)
                year = trailing.quantile(tail).shift().loc[FROM:]
                columns[interval_columns(WALK, level)[end]] = last * np.exp(whole / 100)
                columns[interval_columns(WALK_YEAR, level)[end]] = last * np.exp(year / 100)
        columns |= {column: last * np.exp(log / 100) for column, log in _garch(returns).items()}
        parts.append(pd.DataFrame(columns).rename_axis("ds").reset_index().assign(unique_id=name))
    return pd.concat(parts, ignore_index=True)


def _garch(returns: pd.Series) -> dict[str, pd.Series]:
    """The log return in percent that GARCH forecasts for each session from 2015 on, and the ends of its intervals."""
    model = arch_model(returns, mean="Constant", vol="GARCH", p=1, q=1, dist="t")
    fitted = model.fit(last_obs=FROM, disp="off")
    ahead = fitted.forecast(horizon=1, start=returns.index[returns.index < FROM][-1], reindex=False, align="target")
    mean, sigma = ahead.mean["h.1"].loc[FROM:], np.sqrt(ahead.variance["h.1"].loc[FROM:])
    columns = {GARCH: mean}
    for level in LEVELS:
        tails = StudentsT().ppf(np.array([100 - level, 100 + level]) / 200, [fitted.params["nu"]])
        for column, quantile in zip(interval_columns(GARCH, level), tails, strict=True):
            columns[column] = mean + quantile * sigma
    return columns


def scaled(frame: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """The frame with prices, forecasts and ends in units of each share's mean absolute change before 2015."""
    scale = frame["unique_id"].map(seasonal_scale(panel, 1, first_cutoffs(frame)))
    numbers = [column for column in frame if column not in ("unique_id", "cutoff", "ds")]
    return frame.assign(**{column: frame[column] / scale for column in numbers})


def by_day(units: pd.DataFrame, model: str, level: float | None = None) -> np.ndarray:
    """Mean loss over the shares of each day, in order of time: absolute error, or with a level the Winkler score."""
    rows = units.drop(columns="cutoff").sort_values("ds", kind="stable")
    if level is None:
        daily = losses.mae(rows, [model], id_col="ds")
    else:
        daily = losses.winkler_score(rows, [model], level, id_col="ds")  # type: ignore[arg-type]
    return daily.sort_values("ds")[model].to_numpy()


def direction(frame: pd.DataFrame, model: str) -> str:
    """Share of days on which forecast and price moved the same way, with its 95 % confidence interval, in percent.

    Days without a change, and forecasts of none, are left out.
    """
    moved = pd.DataFrame({"ds": frame["ds"], "y": frame["y"] - frame[WALK], "f": frame[model] - frame[WALK]})
    moved = moved[(moved["y"] != 0) & (moved["f"] != 0)]
    if moved["ds"].nunique() < YEAR:
        return ""
    right = (np.sign(moved["y"]) == np.sign(moved["f"])).groupby(moved["ds"]).mean()
    share = mean_over_time(100 * right.sort_index().to_numpy())
    low, high = share.interval(95)
    return f"{share.value:.1f} ({low:.1f} to {high:.1f})"


def table(frame: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """Scores of every model, with tests of the point against the random walk and of the intervals against GARCH."""
    units = scaled(frame, panel)
    models = [DEFAULT, CHOSEN, WALK, WALK_YEAR, GARCH]
    scores = pooled(accuracy(frame, panel, 1, models=models))
    winkler = pooled(accuracy(units, panel, 1, models=models))
    result = scores[["MASE"]].copy()
    walk = by_day(units, WALK)
    result["p, walk"] = [_p_value(by_day(units, model) - walk) for model in models]
    result["direction, %"] = [direction(frame, model) for model in models]
    for level in LEVELS:
        result[f"coverage {level}"] = scores[f"coverage-{level}"]
        result[f"Winkler {level}"] = winkler[f"winkler-{level}"]
        garch = by_day(units, GARCH, level)
        result[f"p, GARCH {level}"] = [_p_value(by_day(units, model, level) - garch) for model in models]
    return result


def _p_value(differences: np.ndarray) -> float:
    """Of a mean difference of zero; NaN for a model against itself."""
    return mean_over_time(differences).p_value if differences.any() else float("nan")


def main() -> None:
    """Fit with both settings, forecast every session from 2015 on, and print scores and tests."""
    panel = prices()
    rows = TASKS[0].rows(rolled)
    keys = ["unique_id", "ds"]
    frame = beside(rows[DEFAULT][0][[*keys, "cutoff", "y"]], rows, keys)
    frame = frame.merge(others(panel), on=keys, validate="one_to_one")
    print_table(table(frame, panel).rename_axis("model"), 4)
    print(f"{frame['ds'].nunique()} sessions, {frame['unique_id'].nunique()} shares.")
    print("Seconds: " + ", ".join(f"{name} {seconds:.0f}" for name, (_, seconds) in rows.items()))
    print(machine())


if __name__ == "__main__":
    main()
