"""Which of two models forecast a backtest better, by how much, and whether that is more than chance."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.frames import interval_columns, levels_in, models_in, require_columns
from forecasting.evaluation.metrics import check_forecasts, quantile_score
from forecasting.evaluation.significance import Mean, diebold_mariano

_COLUMNS = (
    *("model", "against", "better", "improvement", "low", "high", "p_value"),
    *("statistic", "windows", "series", "steps"),
)
_WORDS = {"MAE": "absolute error", "MSE": "squared error", "CRPS": "CRPS"}


@dataclass(frozen=True, eq=False)
class Comparison:
    """What `compare` found; ``print`` it for sentences.

    Attributes
    ----------
    table : DataFrame
        One row per model that was compared with: ``model``, ``against``, ``better`` (the name of the better one, or
        None where the difference may be chance), ``improvement`` (of the model's loss, in percent of the other's) with
        its interval ``low`` and ``high`` (of this row by itself), ``p_value`` (over all rows by Holm), ``statistic``
        (of the mean loss of the other minus that of the model), ``windows``, ``series``, and ``steps`` (windows in a
        row that depend on each other).
    loss : str
    level : float
        Confidence in percent.
    notes : tuple of str
        What has to be known to read the figures.
    """

    table: pd.DataFrame
    loss: str
    level: float
    notes: tuple[str, ...]

    def __str__(self) -> str:
        """One sentence for each row, then the notes."""
        return "\n".join([*(self._sentence(row) for row in self.table.to_dict("records")), *self.notes])

    def _sentence(self, row: Mapping[Hashable, Any]) -> str:
        improvement, low, high = (row[name] for name in ("improvement", "low", "high"))
        size = f"{abs(improvement):.1f} % {'smaller' if improvement >= 0 else 'larger'}"
        what = _WORDS.get(self.loss, self.loss)
        how = (
            f"its {what} is {size} ({self.level:g} % interval of the improvement {low:.1f} to {high:.1f} %, "
            f"{_p_text(row['p_value'])}, {row['windows']} windows, {row['series']} series)"
        )
        if row["better"] is None:
            return f"{row['model']} and {row['against']} cannot be told apart: for {row['model']}, {how}."
        verdict = "better" if row["better"] == row["model"] else "worse"
        return f"{row['model']} is {verdict} than {row['against']}: {how}."


def compare(
    frame: pd.DataFrame,
    model: str | None = None,
    against: str | Sequence[str] | None = None,
    *,
    loss: str = "MAE",
    scale: pd.Series | None = None,
    level: float = 95,
) -> Comparison:
    """Compare a model with others on the windows of a backtest.

    Losses are paired by series and window. In each window the difference of the losses is averaged over the steps, then
    over the series; the windows, in order of time, are what is tested, by `forecasting.evaluation.significance.\
diebold_mariano`. So a thousand series that move together count as what they are, and windows that overlap are known to
    depend on each other. With several models to compare with, p-values are those of Holm [1]_.

    Parameters
    ----------
    frame : DataFrame
        As of `forecasting.backtest`.
    model : str, optional
        The first model of the frame by default.
    against : str or sequence of str, optional
        All other models of the frame by default.
    loss : str, default "MAE"
        ``"MAE"``, ``"MSE"``, ``"CRPS"`` (of all interval ends, see `forecasting.accuracy`) or, for a level of the
        frame, ``"winkler-80"``.
    scale : Series, optional
        What the losses of each series are divided by before they are averaged over series (of squared losses, its
        square): index ``unique_id``, such as `forecasting.evaluation.metrics.seasonal_scale` gives for MASE. By default
        the mean loss of the two models on that series, so that each series counts alike in whatever unit it comes.
    level : float, default 95
        Confidence in percent: of the interval, and of the verdict.

    Returns
    -------
    Comparison

    Raises
    ------
    DataError
        A column is absent, a forecast of an actual value is missing, or there are too few windows.
    ParameterError
        A model, loss or level is not there.

    References
    ----------
    .. [1] S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6
       (1979).
    """
    if not 0 < level < 100:
        raise ParameterError(f"it must be between 0 and 100, not {level}", parameter="level")
    model, others = _chosen(frame, model, against)
    rows, tests = [], []
    notes = dict.fromkeys(_alignment_note(frame))
    for other in others:
        losses = _losses(frame, [model, other], loss)
        weighed, left_out = _scaled(losses, scale, loss)
        if left_out:
            notes[f"{left_out} series without a loss or a scale are left out."] = None
        by_window = weighed.groupby(level="window").mean()
        steps = _dependent_windows(frame)
        test = diebold_mariano((by_window[other] - by_window[model]).to_numpy(), steps)
        tests.append(test)
        rows.append(_row(model, other, test, float(by_window[other].mean()), level, weighed, steps))
    for row, test, p_value in zip(rows, tests, _by_holm([test.p_value for test in tests]), strict=True):
        row["p_value"] = p_value
        if p_value <= 1 - level / 100:
            row["better"] = model if test.value > 0 else row["against"]
    table = pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"better": object})
    return Comparison(table, loss, level, tuple(notes))


def _by_holm(p_values: list[float]) -> list[float]:
    """P-values that hold for several tests together: the smallest times their number, the next times one less, ..."""
    rising = np.argsort(p_values)
    together = np.empty(len(p_values))
    together[rising] = np.maximum.accumulate(np.arange(len(p_values), 0, -1) * np.take(p_values, rising))
    return [float(p_value) for p_value in np.minimum(together, 1.0)]


def _row(
    model: str, other: str, test: Mean, unit: float, level: float, losses: pd.DataFrame, steps: int
) -> dict[str, object]:
    """A row of the table; ``unit`` is the mean loss of the other model."""
    share = 100 / unit if unit > 0 else 0.0
    low, high = test.interval(level)
    return {
        "model": model,
        "against": other,
        "better": None,
        "improvement": share * test.value,
        "low": share * low,
        "high": share * high,
        "statistic": test.statistic,
        "windows": test.count,
        "series": losses.index.get_level_values("unique_id").nunique(),
        "steps": steps,
    }


def _chosen(frame: pd.DataFrame, model: str | None, against: str | Sequence[str] | None) -> tuple[str, list[str]]:
    there = models_in(frame)
    if model is None:
        if not there:
            raise DataError("the frame holds no model")
        model = there[0]
    others = [name for name in there if name != model] if against is None else against
    others = [others] if isinstance(others, str) else list(dict.fromkeys(others))
    for parameter, name in [("model", model), *(("against", other) for other in others)]:
        if name not in there:
            raise ParameterError(f"no model is named {name!r}", parameter=parameter, remedy=f"Choose of {there}")
    if not others or model in others:
        raise ParameterError("a model is compared with others, not with itself", parameter="against")
    return model, others


def _losses(frame: pd.DataFrame, models: list[str], loss: str) -> pd.DataFrame:
    """Mean loss of each series and window; index ``unique_id``, ``window`` (counted from 0 in each series)."""
    levels = levels_in(frame)
    known = {"MAE": [], "MSE": [], "CRPS": levels} | {f"winkler-{level:g}": [level] for level in levels}
    if loss not in known:
        raise ParameterError(f"there is no loss {loss!r}", parameter="loss", remedy=f"Use one of {', '.join(known)}")
    check_forecasts(frame, models, known[loss])
    require_columns(
        frame,
        [end for name in models for level in known[loss] for end in interval_columns(name, level)],
        f"for {loss}, the frame of forecasts",
    )
    keys = ["unique_id", "cutoff"]
    numbered = frame[keys].drop_duplicates().sort_values("cutoff", kind="stable")
    numbered["window"] = numbered.groupby("unique_id", sort=False).cumcount()
    scored = frame[frame["y"].notna()]
    parts = [_by_window(scored, name, loss, known[loss]).set_index(keys)[name] for name in models]
    both = pd.concat(parts, axis=1).reset_index().merge(numbered, on=keys)
    return both.set_index(["unique_id", "window"])[models]


def _by_window(scored: pd.DataFrame, model: str, loss: str, levels: Sequence[float]) -> pd.DataFrame:
    """The loss of each series and cutoff: ``unique_id``, ``cutoff`` and a column named as the model."""
    from utilsforecast import losses

    if loss == "MAE":
        return cast(pd.DataFrame, losses.mae(scored, [model]))
    if loss == "MSE":
        return cast(pd.DataFrame, losses.mse(scored, [model]))
    if loss == "CRPS":
        score = quantile_score(scored, model, levels)
        return score.assign(**{model: 2 * score[model]})
    return losses.winkler_score(scored, [model], levels[0])  # type: ignore[arg-type]  # a level may have a fraction


def _scaled(losses: pd.DataFrame, scale: pd.Series | None, loss: str) -> tuple[pd.DataFrame, int]:
    """Losses in units of each series, and how many series have none."""
    series = losses.index.get_level_values("unique_id")
    if scale is None:
        unit = losses.mean(axis=1).groupby(level="unique_id").mean()
    else:
        unit = scale.reindex(series.unique()) ** (2 if loss == "MSE" else 1)
    usable = unit[unit > 0]
    kept = losses[series.isin(usable.index)]
    if kept.empty:
        if scale is None and len(losses):
            return losses, 0  # both models are always right
        raise DataError("no series has a loss and a scale", remedy="Give windows with actual values")
    divided = kept.div(usable.reindex(kept.index.get_level_values("unique_id")).to_numpy(), axis=0)
    return divided, int(series.nunique() - len(usable))


def _dependent_windows(frame: pd.DataFrame) -> int:
    """How many windows in a row depend on each other: one more than the cutoffs between a window's own and its end.

    Of the series with the most windows.
    """
    fullest = frame.groupby("unique_id", sort=False)["cutoff"].nunique().idxmax()
    ends = frame[frame["unique_id"] == fullest].groupby("cutoff")["ds"].max()
    return 1 + max(int(((ends.index > cutoff) & (ends.index < end)).sum()) for cutoff, end in ends.items())


def _alignment_note(frame: pd.DataFrame) -> list[str]:
    cutoffs = frame[["unique_id", "cutoff"]].drop_duplicates()
    series = cutoffs["unique_id"].nunique()
    if (cutoffs.groupby("cutoff").size() == series).all():
        return []
    return [
        "The series have different cutoffs: windows are paired by their number, "
        "and what series have in common at other times is not accounted for."
    ]


def _p_text(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
