"""Whether the next daily close is higher: SimpleRNNClassifier beside always-up, on 19 shares and on the S&P 500.

Windows are the last 20 daily log returns, for the shares also with those of their mean; all shares are one training.
Everything is fitted on what comes before the first day that is judged. Days without a change are left out. Always-up
says up every day; its probability is the share of days that rose in the training part (by Laplace's rule). Logistic
regression reads the same windows. Intervals and p-values are those of means over the shares of each day, because shares
move together.

python -m benchmarks.direction
"""

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
from arch.data import sp500
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.report import machine, print_table
from benchmarks.stocks import prices
from forecasting import SimpleRNNClassifier, make_windows
from forecasting.evaluation.significance import mean_over_time

LOOKBACK = 20
_ROUNDING = 1e-3  # of float32, in thousandths of log loss
ALWAYS_UP, LOGISTIC, NETWORK = "Always up", "Logistic regression", "SimpleRNNClassifier"


@dataclass(frozen=True, eq=False)
class Moves:
    """Windows of returns in order of time, and whether the next close was higher.

    Attributes
    ----------
    X : float64 array of shape (n, LOOKBACK) or (n, LOOKBACK, 2)
    up : bool array of shape (n,)
    day : datetime array of shape (n,)
        Of the close that is to be predicted.
    """

    X: np.ndarray
    up: np.ndarray
    day: np.ndarray

    def part(self, which: np.ndarray) -> "Moves":
        """Only these windows."""
        return Moves(self.X[which], self.up[which], self.day[which])


def moves(closes: pd.DataFrame, *, with_mean: bool) -> Moves:
    """Windows of every column of closing prices, days in the index; the mean return of all may be a second feature."""
    returns = np.log(closes).diff().iloc[1:]
    parts = []
    for _, own in returns.items():
        series = np.column_stack([own, returns.mean(axis=1)]) if with_mean else own.to_numpy()
        X, after = make_windows(series, LOOKBACK)
        kept = np.isfinite(X.reshape(len(X), -1)).all(axis=1) & np.isfinite(after) & (after != 0)
        parts.append(Moves(X[kept], after[kept] > 0, returns.index.to_numpy()[LOOKBACK:][kept]))
    every = Moves(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("X", "up", "day")))
    return every.part(np.argsort(every.day, kind="stable"))


def probabilities(train: Moves, test: Moves) -> dict[str, np.ndarray]:
    """The probability of a rise by every model, float64 of shape (n_test,); prints how long each took."""
    flat = make_pipeline(StandardScaler(), LogisticRegression())
    network = SimpleRNNClassifier(random_state=0)
    started = time.monotonic()
    network.fit(train.X, train.up)
    seconds = time.monotonic() - started
    print(f"{NETWORK}: {seconds:.0f} s, {network.n_iter_} steps, temperature {network.temperature_:.3g}\n")
    flat.fit(train.X.reshape(len(train.X), -1), train.up)
    return {
        ALWAYS_UP: np.full(len(test.up), (train.up.sum() + 1) / (len(train.up) + 2)),
        LOGISTIC: flat.predict_proba(test.X.reshape(len(test.X), -1))[:, 1],
        NETWORK: network.predict_proba(test.X)[:, 1],
    }


def table(test: Moves, up: dict[str, np.ndarray]) -> pd.DataFrame:
    """Days called rightly and log loss of every model, each with its distance from always-up."""
    right = {name: (chance > 0.5) == test.up for name, chance in up.items()}
    right[ALWAYS_UP] = test.up
    loss = {name: -np.log(np.where(test.up, chance, 1 - chance)) for name, chance in up.items()}
    rows = {}
    for name in up:
        rows[name] = {
            "says up, %": 100 * by_day(test, (up[name] > 0.5) | (name == ALWAYS_UP)).mean(),
            "right, %": 100 * by_day(test, right[name]).mean(),
            "above always-up, points (95 %)": distance(100 * by_day(test, right[name] * 1.0 - right[ALWAYS_UP])),
            "log loss": by_day(test, loss[name]).mean(),
            "below always-up, 1/1000 (95 %)": distance(1000 * by_day(test, loss[ALWAYS_UP] - loss[name])),
        }
    return pd.DataFrame(rows).T.rename_axis("model")


def by_day(test: Moves, values: np.ndarray) -> np.ndarray:
    """Means over the shares of each day, in order of time."""
    return pd.Series(values * 1.0).groupby(test.day).mean().sort_index().to_numpy()


def distance(differences: np.ndarray) -> str:
    """Mean of daily differences with its 95 % confidence interval and the p-value of none; a word where all are 0."""
    if np.abs(differences).max() < _ROUNDING:
        return "the same"
    mean = mean_over_time(differences)
    low, high = mean.interval(95)
    return f"{mean.value:.2f} ({low:.2f} to {high:.2f}), p {mean.p_value:.2f}"


def compare(title: str, every: Moves, first_day: str) -> None:
    """Fit on what comes before a day, and print the table of what comes from it on."""
    before = every.day < np.datetime64(first_day)
    train, test = every.part(before), every.part(~before)
    print(f"{title}: {len(train.up)} windows before {first_day}, {len(test.up)} from then on\n")
    print_table(table(test, probabilities(train, test)), 4)


def main() -> None:
    """Print both tables."""
    shares = prices().frame().pivot(index="ds", columns="unique_id", values="y")
    compare("19 shares", moves(shares, with_mean=True), "2015-01-01")
    compare("S&P 500", moves(sp500.load()[["Adj Close"]], with_mean=False), "2010-01-01")
    print(machine())


if __name__ == "__main__":
    main()
