"""Series made for the tests, and a forecaster small enough to be trained in a moment."""

from typing import Any

import numpy as np
import pandas as pd

from forecasting import SimpleRNNForecaster

TINY: dict[str, Any] = {
    "season_length": 4,
    "lookback": 8,
    "units": 4,
    "n_layers": 1,
    "n_members": 1,
    "max_steps": 10,
    "batch_size": 16,
    "random_state": 0,
    "verbose": 0,
}
HORIZON = 4


def tiny(horizon: int = HORIZON, **changes: Any) -> SimpleRNNForecaster:
    return SimpleRNNForecaster(horizon, **{**TINY, **changes})


def wave(length: int, seed: int = 0) -> np.ndarray:
    """A season of four steps, a trend and noise; above zero."""
    rng = np.random.default_rng(seed)
    steps = np.arange(length)
    return 30 + 5 * np.sin(steps * np.pi / 2 + 0.3) + 0.1 * steps + rng.normal(size=length)


def long_frame(lengths: tuple[int, ...] = (60, 48, 54), *, same_end: bool = False) -> pd.DataFrame:
    """Daily series ``a``, ``b``, ... that begin together, or end together."""
    parts = []
    for number, length in enumerate(lengths):
        ends = {"end": "2024-03-01"} if same_end else {"start": "2024-01-01"}
        ds = pd.date_range(periods=length, freq="D", **ends)
        parts.append(pd.DataFrame({"unique_id": chr(97 + number), "ds": ds, "y": wave(length, number)}))
    return pd.concat(parts, ignore_index=True)


def one(length: int = 60, seed: int = 0, name: str = "a") -> pd.Series:
    return pd.Series(wave(length, seed), index=pd.date_range("2024-01-01", periods=length, freq="D"), name=name)


def values(frame: pd.DataFrame) -> list[list[float]]:
    """Everything forecast, without ids and times."""
    return frame.drop(columns=["unique_id", "ds"]).to_numpy().tolist()


class Watch:
    """A callback that keeps what it is told, and can press Ctrl-C at the end of an epoch."""

    def __init__(self, interrupt_at: int | None = None) -> None:
        self.begun: list[dict[str, Any]] = []
        self.epochs: list[tuple[int, dict[str, float]]] = []
        self.ended: list[dict[str, float]] = []
        self.interrupt_at = interrupt_at

    def on_train_begin(self, info: Any) -> None:
        self.begun.append(dict(info))

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        self.epochs.append((epoch, dict(logs)))
        if epoch == self.interrupt_at:
            raise KeyboardInterrupt

    def on_train_end(self, logs: Any) -> None:
        self.ended.append(dict(logs))
