"""Figures of a run: forecasts beside what came true, training, error by step, and coverage.

Each function returns a `matplotlib.figure.Figure` that belongs to nobody else (no pyplot state); `savefig` works on it.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from forecasting.errors import DataError
from forecasting.evaluation.baselines import SEASONAL_NAIVE
from forecasting.evaluation.frames import interval_columns, levels_in, require_columns
from forecasting.evaluation.metrics import POOLED
from forecasting.panel.panel import Panel
from forecasting.report.style import BASELINE, GRID, INK, MODEL, PAPER, QUIET, add_legend, label_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def forecast_figure(
    panel: Panel,
    series: str,
    backtest_frame: pd.DataFrame,
    forecasts: pd.DataFrame,
    *,
    model: str = "SimpleRNN",
    baseline: str = SEASONAL_NAIVE,
    unit: str | None = None,
    title: str | None = None,
    legend: bool = True,
) -> "Figure":
    """The end of one series, the forecasts of its test windows, and the forecast of what is to come.

    Of overlapping windows only those are drawn that do not overlap, from the first on. Test windows have the interval
    of the lowest level, the forecast ahead has all.

    Parameters
    ----------
    panel : Panel
    series : str
        ``unique_id`` of the series.
    backtest_frame : DataFrame
        As `forecasting.evaluation.backtest.backtest` returns it.
    forecasts : DataFrame
        What comes after the panel: ``unique_id``, ``ds``, the model, its interval ends, and possibly the baseline.
    model, baseline : str
        Names of columns.
    unit : str, optional
        Label of the upright axis.
    title : str, optional
    legend : bool
        Whether to explain the lines; a page with several such figures does it once for all.
    """
    windows = _windows(backtest_frame[backtest_frame["unique_id"] == series])
    ahead = forecasts[forecasts["unique_id"] == series]
    history = _tail(panel, series, windows)
    figure, axes = new_figure(9.2, 3.5, title)
    levels = levels_in(ahead, model)
    seen = 0.0
    for rank, level in reversed(list(enumerate(levels))):
        opacity = band_opacity(rank)
        _band(axes, ahead, model, level, 1 - (1 - opacity) / (1 - seen))
        axes.fill_between([], [], color=MODEL, alpha=opacity, linewidth=0, label=f"{level:g} % interval")
        seen = opacity
    for number, window in enumerate(windows):
        for level in levels_in(window, model)[:1]:
            _band(axes, window, model, level, band_opacity(0))
        named = number == 0
        if baseline in window:
            _line(axes, window["ds"], window[baseline], BASELINE, 0.9, "seasonal naive" if named else None, "--")
        _line(axes, window["ds"], window[model], MODEL, 1.4, model if named else None)
        axes.axvline(_wall_clock(window["cutoff"])[0], color=QUIET, linewidth=0.6, linestyle=(0, (1, 3)), zorder=1)
    _line(axes, history["ds"], history["y"], INK, 1.1, "observed")
    if baseline in ahead:
        _line(axes, ahead["ds"], ahead[baseline], BASELINE, 0.9, None if windows else "seasonal naive", "--")
    _line(axes, ahead["ds"], ahead[model], MODEL, 2.0, f"{model} ahead")
    axes.axvline(_wall_clock(history["ds"])[-1], color=QUIET, linewidth=0.9)
    axes.margins(x=0.01)
    axes.yaxis.tick_right()  # where the forecasts are
    axes.yaxis.set_label_position("right")
    axes.tick_params(axis="y", length=0)
    _time_axis(axes, panel, unit)
    if legend:
        add_legend(axes, columns=4 + len(levels))
    return figure


def band_opacity(rank: int) -> float:
    """How opaque the band of a level looks, the lowest level having the rank 0."""
    return 0.32 * 0.44**rank


def training_figure(history: Sequence[Mapping[str, float]], *, title: str | None = None) -> "Figure":
    """Training and validation loss by epoch, a line for each stage; a dot marks the lowest validation loss.

    Parameters
    ----------
    history : sequence of mappings
        ``loss`` and, with a validation part, ``val_loss``, one entry an epoch. Where the training went on without a
        validation part, ``stage`` tells the stages apart.
    title : str, optional
    """
    if not history:
        raise DataError("there is no epoch to draw", remedy="Give the history of a fitted estimator")
    epochs = pd.DataFrame(list(history), index=np.arange(1, len(history) + 1))
    figure, axes = new_figure(4.5, 3.0, title)
    for stage, part in epochs.groupby(epochs.get("stage", pd.Series(0, index=epochs.index))):
        label, style = ("on all data", ":") if stage else ("training", "-")
        axes.plot(part.index, part["loss"], style, color=QUIET, linewidth=1.4, label=label)
        validation = part.get("val_loss", pd.Series(dtype=float)).dropna()
        if len(validation):
            axes.plot(validation.index, validation, color=MODEL, linewidth=1.8, label="validation")
            best = int(np.argmin(validation))
            axes.plot(validation.index[best], validation.iloc[best], "o", color=MODEL, markersize=5, label="lowest")
    _whole_numbers(axes)
    label_axes(axes, "epoch", "loss")
    add_legend(axes)
    return figure


def step_error_figure(
    errors: pd.DataFrame, *, model: str = "SimpleRNN", baseline: str = SEASONAL_NAIVE, title: str | None = None
) -> "Figure":
    """Mean absolute scaled error at each step ahead, of the model and of the baseline.

    Parameters
    ----------
    errors : DataFrame
        As `forecasting.evaluation.metrics.error_by_step` returns it.
    model, baseline : str
        Names of columns.
    title : str, optional
    """
    require_columns(errors, [model, baseline], "the table of errors by step")
    figure, axes = new_figure(4.5, 3.0, title)
    marker = "o" if len(errors) <= 24 else ""
    axes.plot(
        errors.index,
        errors[baseline],
        f"{marker}--",
        color=BASELINE,
        linewidth=1.3,
        markersize=3.5,
        label="seasonal naive",
    )
    axes.plot(errors.index, errors[model], f"{marker}-", color=MODEL, linewidth=1.8, markersize=3.5, label=model)
    _whole_numbers(axes)
    axes.set_ylim(bottom=0)
    axes.set_xlim(0.5, len(errors) + 0.5)
    label_axes(axes, "steps ahead", "mean absolute scaled error")
    add_legend(axes)
    return figure


def coverage_figure(
    accuracy_frame: pd.DataFrame,
    *,
    model: str = "SimpleRNN",
    baseline: str = SEASONAL_NAIVE,
    title: str | None = None,
) -> "Figure":
    """What share of the values the intervals covered (mean over series), beside the level that they aimed at.

    Parameters
    ----------
    accuracy_frame : DataFrame
        As `forecasting.evaluation.metrics.accuracy` returns it, with at least one level.
    model, baseline : str
        Names of models.
    title : str, optional
    """
    pooled = accuracy_frame[accuracy_frame["unique_id"] == POOLED].set_index("model")
    columns = [name for name in pooled.columns if name.startswith("coverage-")]
    if not columns:
        raise DataError("there is no coverage to draw", remedy="Score forecasts that have intervals")
    levels = [float(name.removeprefix("coverage-")) for name in columns]
    rows = np.arange(len(levels))
    figure, axes = new_figure(4.5, 3.0, title)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.grid(visible=False, axis="y")
    axes.vlines(levels, rows - 0.25, rows + 0.25, color=INK, linewidth=1.6)
    axes.plot([], [], "|", color=INK, markersize=10, markeredgewidth=1.6, label="aimed at")
    for name, label, colour, shift, shape in (
        (model, model, MODEL, -0.13, "o"),
        (baseline, "seasonal naive", BASELINE, 0.13, "D"),
    ):
        if name in pooled.index:
            covered = pooled.loc[name, columns].to_numpy(dtype=float)
            axes.hlines(rows + shift, levels, covered, color=colour, linewidth=1.2)
            axes.plot(covered, rows + shift, shape, color=colour, markersize=6, markeredgecolor=PAPER, label=label)
    axes.set_yticks(rows, [f"{level:g} %" for level in levels])
    axes.set_ylim(len(levels) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    label_axes(axes, "values inside the interval, %", "level")
    add_legend(axes)
    return figure


def _windows(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """The windows of one series that do not overlap, in the order of their cutoffs."""
    chosen: list[pd.DataFrame] = []
    for cutoff, window in rows.sort_values("ds", kind="stable").groupby("cutoff", sort=True):
        if not chosen or cutoff >= chosen[-1]["ds"].iloc[-1]:
            chosen.append(window)
    return chosen


def _tail(panel: Panel, series: str, windows: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The windows' span and some history before it, columns ``ds`` and ``y``."""
    number = int(np.flatnonzero(panel.ids == series)[0])
    rows = slice(panel.indptr[number], panel.indptr[number + 1])
    tested = sum(len(window) for window in windows)
    context = max(tested // 2, panel.frequency.season_length, 40)
    frame = pd.DataFrame({"ds": panel.stamps(panel.times[rows]), "y": panel.values[rows]})
    return frame.tail(tested + context)


def _line(
    axes: "Axes", times: pd.Series, values: pd.Series, colour: str, width: float, label: str | None, style: str = "-"
) -> None:
    """A line; a single point gets a dot, which a line of one point would not show."""
    marker = "o" if values.notna().sum() == 1 else ""
    axes.plot(
        _wall_clock(times), values, style, color=colour, linewidth=width, label=label, marker=marker, markersize=4
    )


def _band(axes: "Axes", rows: pd.DataFrame, model: str, level: float, alpha: float) -> None:
    low, high = interval_columns(model, level)
    axes.fill_between(_wall_clock(rows["ds"]), rows[low], rows[high], color=MODEL, alpha=alpha, linewidth=0)


def _wall_clock(times: pd.Series) -> np.ndarray:
    """Stamps as matplotlib draws them: in the time zone of the series; steps as they are."""
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        times = times.dt.tz_localize(None)
    return np.asarray(times.to_numpy())


def _whole_numbers(axes: "Axes") -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))


def _time_axis(axes: "Axes", panel: Panel, unit: str | None) -> None:
    if np.issubdtype(panel.times.dtype, np.datetime64):
        import matplotlib.dates

        dates = cast(Any, matplotlib.dates)
        locator = dates.AutoDateLocator(minticks=4, maxticks=9)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
        axes.xaxis.get_offset_text().set(color=QUIET, fontsize=8.5)
        label_axes(axes, f"time ({panel.tz})" if panel.tz else "time", unit or "value")
    else:
        label_axes(axes, "step", unit or "value")
