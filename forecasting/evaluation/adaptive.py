"""Adaptive conformal intervals for series that arrive over time, and intervals made online over a backtest."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.frames import interval_columns, models_in, require_columns

_RATES = np.array([0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128])
"""Of the experts, as Gibbs and Candes 2024 have them."""
_SPAN = 100
"""Updates over which the best expert is meant to be the same."""
_SHARED = 1 / (2 * _SPAN)
"""Weight that all experts share after each update, so that none is lost."""
_ROUNDING = 1e-9


class AdaptiveConformal:
    """Half widths that keep their coverage when the errors change, for many series and steps ahead.

    The half width is the conformal quantile of the latest absolute errors of the series and the step. Its level is not
    the one asked for but one that is raised after each miss and lowered after each hit (adaptive conformal inference
    [1]_): ``a <- a + rate * (1 - level - miss)`` with ``1 - a`` the level used. Eight such levels with rates from 0.001
    to 0.128 run side by side, and their mean is used, weighted by how well each did lately on the pinball loss (DtACI
    [2]_). So there is no rate to choose: in quiet times the small ones count, after a change the large ones. Errors of
    forecasts that overlap repeat each other: rates are divided by the number of forecasts that overlap.

    An error counts as a miss if the half width at the time when the error becomes known does not cover it. Levels stay
    between 0 and 1 and the largest error that is kept stands for the level of 1, so that no half width is infinite. A
    larger level is never narrower than a smaller one.

    Parameters
    ----------
    levels : sequence of float
        Levels in percent that can be asked for.
    horizon : int
        Steps ahead; each has its own errors and levels.
    n_series : int, default 1
    window : int, default 250
        Latest errors of each series and step that are kept, at least 2.
    overlap : sequence of int, of length horizon, optional
        Forecasts that are made until the error of each step is known, at least 1. By default 1, 2, ... as where a
        forecast is made at every step; 1 for each where the next one is made when a horizon has passed.

    References
    ----------
    .. [1] I. Gibbs, E. Candes, "Adaptive conformal inference under distribution shift", NeurIPS 2021.
    .. [2] I. Gibbs, E. Candes, "Conformal inference for online prediction with arbitrary distribution shifts",
       Journal of Machine Learning Research 25 (2024), algorithm 1.
    """

    def __init__(
        self,
        levels: Sequence[float],
        horizon: int,
        n_series: int = 1,
        window: int = 250,
        overlap: Sequence[int] | np.ndarray | None = None,
    ) -> None:
        if not len(levels) or any(isinstance(level, bool) or not 0 < level < 100 for level in levels):
            raise ParameterError(
                f"levels are numbers of percent above 0 and below 100, not {levels}", parameter="levels"
            )
        for name, value, least in (("horizon", horizon, 1), ("n_series", n_series, 1), ("window", window, 2)):
            if value < least:
                raise ParameterError(f"it must be at least {least}, not {value}", parameter=name)
        self.overlap = np.arange(1, horizon + 1) if overlap is None else np.array(overlap, dtype=np.int64)
        if self.overlap.shape != (horizon,) or (self.overlap < 1).any():
            raise ParameterError(f"it must be {horizon} whole numbers, at least 1", parameter="overlap")
        self.levels = sorted({float(level) for level in levels})
        self.horizon, self.n_series, self.window = horizon, n_series, window
        self._miss = 1 - np.array(self.levels) / 100  # (n_levels,)
        shape = (n_series, horizon, len(self.levels), len(_RATES))
        self._used = np.broadcast_to(self._miss[:, None], shape).copy()  # 1 - level, of each expert
        self._weights = np.full(shape, 1 / len(_RATES))
        self._eta = _sharpness(self._miss)[:, None]
        self._keep(np.full((n_series, horizon, window), np.nan))

    def update(self, errors: np.ndarray) -> None:
        """Take in errors that have become known, one at most for each series and step; call in order of time.

        Parameters
        ----------
        errors : array of shape (n_series, horizon)
            Actual minus forecast, or its absolute value; NaN where nothing has become known.

        Raises
        ------
        ParameterError
            The shape is not as stated, or an error is infinite.
        """
        error = np.abs(np.asarray(errors, dtype=np.float64))
        if error.shape != (self.n_series, self.horizon) or np.isinf(error).any():
            raise ParameterError(
                f"errors must be finite, or NaN where unknown, of shape {(self.n_series, self.horizon)}",
                parameter="errors",
            )
        known = ~np.isnan(error)
        judged = known & (self._count > 0)
        self._learn(judged, error[judged])
        errors = self._errors.copy()
        errors[known] = np.concatenate([errors[known][:, 1:], error[known][:, None]], axis=1)
        self._keep(errors)

    def half_width(self, level: float, horizon: int | None = None) -> np.ndarray:
        """Half width of the interval of the next forecast at each step.

        Parameters
        ----------
        level : float
            One of ``levels``.
        horizon : int, optional
            Number of steps, at most those of the object and by default all.

        Returns
        -------
        float64 array of shape (n_series, horizon)
            NaN where fewer than ``level / (100 - level)`` errors are known: no interval can be calibrated yet.
        """
        if level not in self.levels:
            raise ParameterError(f"level {level:g} is none of {self.levels}", parameter="level")
        steps = self.horizon if horizon is None else horizon
        if not 1 <= steps <= self.horizon:
            raise ParameterError(f"it must be from 1 to {self.horizon}, not {steps}", parameter="horizon")
        share = 1 - (self._weights * self._used).sum(axis=-1)[..., : self.levels.index(level) + 1].min(axis=-1)
        rank = np.ceil((self._count + 1) * share - _ROUNDING).astype(np.int64)
        rank = np.clip(rank, 1, np.maximum(self._count, 1))
        widths = np.take_along_axis(self._ordered, rank[..., None] - 1, axis=-1)[..., 0]
        enough = (self._count + 1) * level / 100 <= self._count + _ROUNDING
        return np.where(enough, widths, np.nan)[:, :steps]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The state as plain arrays (for ``numpy.savez``; nothing has to be pickled)."""
        return {
            "levels": np.array(self.levels),
            "errors": self._errors,
            "used": self._used,
            "weights": self._weights,
            "overlap": self.overlap,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "AdaptiveConformal":
        """The object whose `to_arrays` gave these arrays."""
        n_series, horizon, window = arrays["errors"].shape
        restored = cls(list(arrays["levels"]), horizon, n_series, window, arrays["overlap"])
        restored._used, restored._weights = np.array(arrays["used"]), np.array(arrays["weights"])
        restored._keep(np.array(arrays["errors"]))
        return restored

    def _keep(self, errors: np.ndarray) -> None:
        self._errors, self._ordered = errors, np.sort(errors, axis=-1)
        self._count = self.window - np.isnan(errors).sum(axis=-1)  # (n_series, horizon)

    def _learn(self, cells: np.ndarray, error: np.ndarray) -> None:
        """Judge the experts of these series and steps (a mask) by their new errors, of shape (n_cells,)."""
        kept, count = self._errors[cells], self._count[cells]
        smaller = (kept < error[:, None]).sum(axis=1)
        covering = (1 - smaller / (count + 1))[:, None, None]  # up to here 1 - level may go to cover the error
        used, miss = self._used[cells], self._miss[:, None]
        missed = (used >= covering) | (smaller == count)[:, None, None]
        short = covering - used
        loss = np.where(short >= 0, miss * short, (miss - 1) * short)
        weights = self._weights[cells] * np.exp(-self._eta * (loss - loss.min(axis=-1, keepdims=True)))
        weights /= weights.sum(axis=-1, keepdims=True)
        self._weights[cells] = (1 - _SHARED) * weights + _SHARED / len(_RATES)
        rates = _RATES / self.overlap[np.nonzero(cells)[1], None, None]
        self._used[cells] = np.clip(used + rates * (miss - missed), 0, 1)


def adaptive_intervals(
    frame: pd.DataFrame,
    levels: Sequence[float],
    models: Sequence[str] | None = None,
    *,
    scale: str | None = None,
    window: int = 250,
) -> pd.DataFrame:
    """Intervals for a backtest, made as they would have been made at each of its cutoffs.

    Each window gets its intervals from `AdaptiveConformal`, fed with those errors of earlier windows whose actual
    values had been observed at the cutoff: step ``h`` of a window counts only once a cutoff has reached its time.

    Parameters
    ----------
    frame : DataFrame
        As `forecasting.backtest` gives it: ``unique_id``, ``cutoff``, ``ds``, ``y`` and models.
    levels : sequence of float
        Levels in percent.
    models : sequence of str, optional
        By default all of the frame.
    scale : str, optional
        A column of positive numbers by which errors are divided, known at the cutoff: the last value, or the width of
        the model's own intervals. None for errors in the unit of the series.
    window : int, default 250
        Latest errors of each series and step that are kept.

    Returns
    -------
    DataFrame
        The rows of ``frame`` with columns such as ``SimpleRNN-lo-80`` and ``SimpleRNN-hi-80``; those it had of these
        names are replaced. NaN in the first windows, before enough errors are known for the level.

    Raises
    ------
    DataError
        A column is missing, a row is there twice or not after its cutoff, or a scale is not a positive number.
    ParameterError
        As for `AdaptiveConformal`.
    """
    names = models_in(frame) if models is None else list(models)
    names = [name for name in names if name != scale]
    require_columns(frame, ["unique_id", "cutoff", "ds", "y", *names, *([scale] if scale else [])], "the backtest")
    size = np.ones(len(frame)) if scale is None else frame[scale].to_numpy(dtype=np.float64)
    if not (np.isfinite(size) & (size > 0)).all():
        bad = frame[~(np.isfinite(size) & (size > 0))].iloc[0]
        raise DataError(
            "a scale must be a positive number",
            column=scale,
            series=bad["unique_id"],
            time=bad["ds"],
            remedy="Leave these rows out, or choose another column",
        )
    rows = _rows(frame)
    result = frame.copy()
    for name in names:
        error = (frame["y"] - frame[name]).to_numpy(dtype=np.float64) / size
        for level, half in _online(rows, error, levels, window).items():
            low, high = interval_columns(name, level)
            result[low], result[high] = frame[name] - half * size, frame[name] + half * size
    return result


def _rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers of the series, window and step of each row, and of the window at whose cutoff it is known (-1: none)."""
    keys = frame[["unique_id", "cutoff", "ds"]].reset_index(drop=True)
    for wrong, what in (
        (keys.duplicated(), "the same step of a window is there twice"),
        (keys["ds"] <= keys["cutoff"], "a step of a window is not after its cutoff"),
    ):
        if wrong.any():
            row = keys[wrong].iloc[0]
            raise DataError(what, series=row["unique_id"], time=row["ds"], remedy="Give the frame of one backtest")
    rows = pd.DataFrame({"series": keys.groupby("unique_id", sort=False).ngroup()})
    rows["window"] = keys.groupby("unique_id")["cutoff"].rank(method="dense").astype(int) - 1
    rows["step"] = keys.groupby(["unique_id", "cutoff"])["ds"].rank(method="first").astype(int) - 1
    cutoffs = pd.DataFrame({"series": rows["series"], "time": keys["cutoff"], "known": rows["window"]})
    cutoffs = cutoffs.drop_duplicates(["series", "known"]).sort_values("time")
    times = pd.DataFrame({"series": rows["series"], "time": keys["ds"], "row": np.arange(len(keys))})
    known = pd.merge_asof(times.sort_values("time"), cutoffs, on="time", by="series", direction="forward")
    rows["known"] = known.set_index("row")["known"].fillna(-1).astype(int)
    return rows


def _online(rows: pd.DataFrame, error: np.ndarray, levels: Sequence[float], window: int) -> dict[float, np.ndarray]:
    """Half widths of all rows by level."""
    n_series, horizon = int(rows["series"].max()) + 1, int(rows["step"].max()) + 1
    first = rows[(rows["window"] == 0) & (rows["known"] > 0)]
    overlap = first.groupby("step")["known"].min().reindex(range(horizon), fill_value=1)
    conformal = AdaptiveConformal(levels, horizon, n_series, window, overlap.to_numpy())
    half = {level: np.full(len(rows), np.nan) for level in conformal.levels}
    seen = rows.assign(error=error).dropna().sort_values("window", kind="stable")
    seen["turn"] = seen.groupby(["known", "series", "step"]).cumcount()
    news = dict(iter(seen.groupby("known")))
    for number, issued in rows.groupby("window"):
        if number in news:
            for _, part in news[number].groupby("turn"):
                errors = np.full((n_series, horizon), np.nan)
                errors[part["series"], part["step"]] = part["error"]
                conformal.update(errors)
        for level, widths in half.items():
            widths[issued.index] = conformal.half_width(level)[issued["series"], issued["step"]]
    return half


def _sharpness(miss: np.ndarray) -> np.ndarray:
    """How fast experts gain and lose weight, for each share of misses asked for; section 3 of [2] in the class."""
    spread = (1 - miss) ** 2 * miss**3 + miss**2 * (1 - miss) ** 3
    return np.asarray(np.sqrt(3 / _SPAN * (np.log(2 * len(_RATES) * _SPAN) + 1) / spread))
