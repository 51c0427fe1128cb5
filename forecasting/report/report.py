"""The report of a run: one HTML file that needs nothing else, neither scripts nor the network."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecasting.errors import DataError
from forecasting.evaluation.baselines import SEASONAL_NAIVE
from forecasting.evaluation.frames import interval_columns, levels_in, require_columns
from forecasting.evaluation.metrics import error_by_step
from forecasting.network.health import Health
from forecasting.panel.panel import Panel
from forecasting.report import figures
from forecasting.report.health_figure import health_figure
from forecasting.report.style import compact, to_svg
from forecasting.report.summary import Shown, accuracy_rows, choose_series, headline, side_by_side

_MOST_SERIES = 50
_MOST_STEPS = 48


def write_report(
    path: Path | str,
    *,
    dataset_title: str,
    backtest_frame: pd.DataFrame,
    accuracy_frame: pd.DataFrame,
    forecasts: pd.DataFrame,
    panel: Panel,
    run_facts: Mapping[str, Any],
    season_length: int | None = None,
    history: Sequence[Mapping[str, float]] = (),
    health: Health | None = None,
    notices: Sequence[str] = (),
    unit: str | None = None,
    model: str = "SimpleRNN",
    baseline: str = SEASONAL_NAIVE,
) -> Path:
    """Write what a run found as one self-contained HTML page.

    The same input gives the same bytes. The file is written beside its place and moved there, so that nobody ever
    reads half of it.

    Parameters
    ----------
    path : Path or str
        The file; its folder is made if it is not there.
    dataset_title : str
    backtest_frame : DataFrame
        As `forecasting.evaluation.backtest.backtest` returns it, with ``model`` and ``baseline`` among its columns.
    accuracy_frame : DataFrame
        As `forecasting.evaluation.metrics.accuracy` returns it for the same backtest.
    forecasts : DataFrame
        What comes after the panel: ``unique_id``, ``ds``, the model and the ends of its intervals. Without any row the
        page shows no forecast; ``run_facts`` should say why.
    panel : Panel
        The series up to their ends.
    run_facts : mapping
        Shown as they are, in this order: text, numbers, lists, or a mapping (a table of its own, such as parameters).
    season_length : int, optional
        For the scale of the errors by step; the usual one of the panel's frequency by default.
    history : sequence of mappings
        Epochs of the training (``epoch``, ``loss``, ``val_loss``); without any, no training curve.
    health : Health, optional
        Of the network; shown in words, and as a figure where the recurrence reaches the forecast.
    notices : sequence of str
        What was noticed about the data.
    unit : str, optional
        Unit of the values, for the axes.
    model, baseline : str
        Names of columns.

    Returns
    -------
    Path
        The file.
    """
    require_columns(backtest_frame, ["unique_id", "cutoff", "ds", "y", model, baseline], "the backtest")
    require_columns(forecasts, ["unique_id", "ds", model], "the frame of forecasts")
    pair = side_by_side(accuracy_frame, model, baseline)
    measures, rows = accuracy_rows(pair, _MOST_SERIES)
    season = panel.frequency.season_length if season_length is None else season_length
    shown = choose_series(pair)
    names = {"model": model, "baseline": baseline}
    page = _template().render(
        title=dataset_title,
        model=model,
        headline=headline(accuracy_frame, model, baseline),
        protocol=_protocol(backtest_frame, accuracy_frame, model),
        measures=measures,
        rows=rows,
        bands=[(f"{level:g}", figures.band_opacity(i)) for i, level in enumerate(levels_in(forecasts, model))],
        hidden=max(0, len(pair) - 1 - _MOST_SERIES),
        series=[
            _series_section(i, item, panel, backtest_frame, forecasts, unit, names) for i, item in enumerate(shown)
        ],
        n_series=panel.n_series,
        charts=_charts(accuracy_frame, error_by_step(backtest_frame, panel, season, [model, baseline]), names),
        training=to_svg(figures.training_figure(history), "training") if history else None,
        memory=to_svg(health_figure(health), "memory") if health and health.gradient[0] else None,
        diagnosis=health.diagnosis if health else None,
        facts=_data_facts(panel) | {key: value for key, value in run_facts.items() if not isinstance(value, Mapping)},
        tables={key: value for key, value in run_facts.items() if isinstance(value, Mapping)},
        notices=list(notices),
    )
    return _write(Path(path), page)


def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = lambda key: str(key).replace("_", " ")
    environment.filters["fact"] = _fact
    environment.filters["unbroken"] = lambda text: str(text).replace(" %", "\N{NO-BREAK SPACE}%")
    return environment.get_template("report.html.j2")


def _fact(value: Any) -> str:
    """A fact as text: numbers for people, lists with commas, yes and no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return compact(value)
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(map(_fact, value)) or "none"
    return "none" if value is None else str(value)


def _protocol(backtest_frame: pd.DataFrame, accuracy_frame: pd.DataFrame, model: str) -> str:
    """How the figures came about, in two sentences."""
    sizes = backtest_frame.groupby(["unique_id", "cutoff"]).size()
    windows = int(backtest_frame.groupby("unique_id")["cutoff"].nunique().max())
    ours = accuracy_frame[accuracy_frame["model"] == model].iloc[:-1]
    missing = int(ours["missing"].sum())
    unscaled = int(ours["MASE"].isna().sum())
    text = (
        f"Tested on the last {windows} window{'s' if windows > 1 else ''} of {int(sizes.max())} steps "
        f"of each series; the model was fitted once, on what stands before the first."
    )
    if missing:
        text += f" {missing} of {len(backtest_frame)} values to be compared with are missing and left out."
    if unscaled:
        text += f" MASE is unknown for {unscaled} series (constant or too short before the tests)."
    return text


def _series_section(
    number: int,
    item: Shown,
    panel: Panel,
    backtest_frame: pd.DataFrame,
    forecasts: pd.DataFrame,
    unit: str | None,
    names: dict[str, str],
) -> dict[str, Any]:
    """What the page shows of one series: its figure and the table of its forecast."""
    model = names["model"]
    ahead = forecasts[forecasts["unique_id"] == item.series]
    if ahead.empty and not forecasts.empty:
        raise DataError("it is in the backtest but has no forecast", series=item.series, remedy="Forecast every series")
    levels = levels_in(ahead, model)
    figure = figures.forecast_figure(panel, item.series, backtest_frame, forecasts, unit=unit, legend=False, **names)
    columns = [model, *(end for level in levels for end in interval_columns(model, level))]
    return {
        "name": item.series,
        "reason": item.reason,
        "svg": to_svg(figure, f"series{number}"),
        "header": ["forecast", *(f"{level:g} % {end}" for level in levels for end in ("from", "to"))],
        "rows": [
            (stamp, [_value(value) for value in values])
            for stamp, values in zip(_stamps(ahead["ds"]), ahead[columns].to_numpy(), strict=True)
        ][:_MOST_STEPS],
        "steps": len(ahead),
    }


def _charts(accuracy_frame: pd.DataFrame, errors: pd.DataFrame, names: dict[str, str]) -> list[dict[str, str]]:
    charts = [("Error by step ahead", figures.step_error_figure(errors, **names))]
    if any(column.startswith("coverage-") for column in accuracy_frame.columns):
        charts.append(("Coverage of the intervals", figures.coverage_figure(accuracy_frame, **names)))
    return [{"title": title, "svg": to_svg(figure, f"chart{i}")} for i, (title, figure) in enumerate(charts)]


def _data_facts(panel: Panel) -> dict[str, Any]:
    first, last = _stamps(pd.Series(panel.stamps(np.array([panel.times.min(), panel.times.max()]))))
    missing = int(pd.isna(panel.values).sum())
    grid = panel.frequency
    return {
        "series": panel.n_series,
        "span": f"{first} to {last}" + (f" ({panel.tz})" if panel.tz else ""),
        "frequency": f"sessions of {grid.calendar}" if grid.calendar else grid.alias,
        "steps": f"{len(panel.values):,}, of which {missing:,} not observed",
    }


def _stamps(times: pd.Series) -> list[str]:
    """Times as short as they can be: no hours where all are midnight."""
    if not pd.api.types.is_datetime64_any_dtype(times.dtype):
        return [str(time) for time in times]
    whole_days = bool((times == times.dt.normalize()).all())
    return [str(text) for text in times.dt.strftime("%Y-%m-%d" if whole_days else "%Y-%m-%d %H:%M")]


def _value(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:,.5g}"


def _write(path: Path, text: str) -> Path:
    """Write beside, then move."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).chmod(0o644)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    return path
