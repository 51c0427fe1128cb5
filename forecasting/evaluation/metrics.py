"""Accuracy of forecasts against what came true: errors, scaled errors, coverage and interval scores."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecasting.errors import DataError, ParameterError
from forecasting.evaluation.frames import interval_columns, levels_in, models_in, require_columns
from forecasting.panel.panel import Panel

POOLED = "(all)"
"""The ``unique_id`` of rows over all series."""


def accuracy(
    frame: pd.DataFrame,
    panel: Panel,
    season_length: int,
    models: Sequence[str] | None = None,
    levels: Sequence[float] | None = None,
    reference: str | None = None,
) -> pd.DataFrame:
    """Score the forecasts of a backtest.

    A missing actual value is left out and counted. All windows of a series are scored together, so RMSE is the root
    over all its errors, not a mean of roots.

    Parameters
    ----------
    frame : DataFrame
        Columns ``unique_id``, ``cutoff``, ``ds``, ``y``, and for each model its forecast and, where it has them, the
        ends ``<model>-lo-<level>`` and ``<model>-hi-<level>``.
    panel : Panel
        The series. What stands up to the first cutoff of each series gives the scales of MASE and RMSSE; the last value
        observed at each cutoff is what directions start from.
    season_length : int
        Lag of the seasonal naive errors that MASE and RMSSE divide by.
    models : sequence of str, optional
        All models of the frame by default.
    levels : sequence of float, optional
        Levels in percent; all levels of the frame by default.
    reference : str, optional
        A model of the frame (the M4 competition takes Naive2). Adds the column ``OWA`` with the mean of sMAPE and MASE,
        each divided by that of this model.

    Returns
    -------
    DataFrame
        One row per series and model, then one row per model with the ``unique_id`` ``"(all)"``:

        - ``windows``, ``scored``, ``missing``: cutoffs, actual values scored, actual values missing;
        - ``MAE``, ``RMSE`` in the unit of the series;
        - ``MASE`` [1]_: MAE over the mean absolute seasonal difference up to the first cutoff; NaN where that
          is zero or unknown (a constant or too short history);
        - ``RMSSE`` [4]_: RMSE over the root mean square of those differences;
        - ``sMAPE`` in percent as in the M4 competition [2]_: the mean of ``200 * |y - f| / (|y| + |f|)``, 0 for 0/0;
        - ``OWA`` [2]_, only with ``reference``;
        - ``direction``: percent of steps at which forecast and actual value lie on the same side of the value last
          observed at the cutoff; steps at which either equals it are left out, so that the naive forecast has none;
        - with levels ``pinball``, the mean pinball loss over all interval ends and the point forecast as the median,
          and ``CRPS``, twice that, which approximates the continuous ranked probability score [5]_;
        - for each level ``coverage-80`` (percent of actual values inside, ends included), ``width-80`` (mean width) and
          ``winkler-80`` [3]_ (width plus ``2 / alpha`` times the distance of a value outside). All of these are NaN for
          models without intervals of that level, or of one of the levels.

        In the pooled rows counts are sums, OWA is formed from the pooled sMAPE and MASE, and all else is the mean over
        the series (those where it is known). A pooled MAE or RMSE means something only if the series share a unit.

    Raises
    ------
    DataError
        A column is absent, the frame is empty, a series is unknown to the panel, or a model lacks a forecast for an
        actual value.
    ParameterError
        The panel is something else, a model or a level is not in the frame, or the season is shorter than one step.

    References
    ----------
    .. [1] R. J. Hyndman, A. B. Koehler, "Another look at measures of forecast accuracy", International Journal of
       Forecasting 22 (2006).
    .. [2] S. Makridakis, E. Spiliotis, V. Assimakopoulos, "The M4 Competition: 100,000 time series and 61 forecasting
       methods", International Journal of Forecasting 36 (2020).
    .. [3] R. L. Winkler, "A decision-theoretic approach to interval estimation", Journal of the American Statistical
       Association 67 (1972).
    .. [4] S. Makridakis, E. Spiliotis, V. Assimakopoulos, "M5 accuracy competition: results, findings, and
       conclusions", International Journal of Forecasting 38 (2022); there with a lag of one.
    .. [5] J. Bracher, E. L. Ray, T. Gneiting, N. G. Reich, "Evaluating epidemic forecasts in an interval format", PLOS
       Computational Biology 17 (2021): the weighted interval score.
    """
    if not isinstance(panel, Panel):
        raise ParameterError(
            f"a panel is needed, not a {type(panel).__name__}",
            remedy="Give the panel_ of a fitted forecaster, or to_panel(data)[0]",
            parameter="panel",
        )
    models = models_in(frame) if models is None else list(models)
    levels = levels_in(frame) if levels is None else list(levels)
    check_forecasts(frame, models, levels)
    if reference is not None and reference not in models:
        raise ParameterError(f"no model is named {reference!r}", parameter="reference", remedy=f"Choose of {models}")
    cutoffs = first_cutoffs(frame)
    scales = (
        seasonal_scale(panel, season_length, cutoffs),
        seasonal_scale(panel, season_length, cutoffs, squared=True) ** 0.5,
    )
    counts = _counts(frame)
    start = last_observed(frame, panel)[frame["y"].notna()]
    scored = frame.loc[frame["y"].notna()].drop(columns="cutoff")
    parts = [_model_scores(scored, model, levels, scales, start) for model in models]
    rows = pd.concat([counts.join(part) for part in parts], keys=models, names=["model", "unique_id"])
    pooled = rows.groupby(level="model", sort=False).agg(
        {name: "sum" if name in counts.columns else "mean" for name in rows}
    )
    pooled.index = pd.MultiIndex.from_product([models, [POOLED]], names=["model", "unique_id"])
    order = pd.MultiIndex.from_product([[*counts.index, POOLED], models], names=["unique_id", "model"])
    table = pd.concat([rows, pooled]).swaplevel().reindex(order)
    if reference is not None:
        table.insert(list(table.columns).index("sMAPE") + 1, "OWA", _owa(table, reference))
    return table.reset_index()


def seasonal_scale(panel: Panel, season_length: int, cutoffs: pd.Series, *, squared: bool = False) -> pd.Series:
    """Mean absolute (or squared) difference of values one season apart, of each series up to its cutoff.

    Pairs with a missing value are left out. NaN where there is no pair, or where all differences are zero.

    Parameters
    ----------
    panel : Panel
    season_length : int
        At least 1.
    cutoffs : Series
        Index ``unique_id``, values the last time that counts, as `first_cutoffs` gives them.
    squared : bool, default False
        Whether the differences are squared.

    Returns
    -------
    Series
        Index of ``cutoffs``, float64.
    """
    if season_length < 1:
        raise ParameterError(f"it must be at least 1, not {season_length}", parameter="season_length")
    unknown = cutoffs.index.difference(pd.Index(panel.ids))
    if len(unknown):
        raise DataError("the panel has no such series", series=unknown[0], remedy="Give the panel that was forecast")
    rows = panel.frame()
    known = rows["ds"] <= rows["unique_id"].map(cutoffs)
    values = np.where(known, panel.values, np.nan)
    series = panel.series_index
    together = series[season_length:] == series[:-season_length]
    change = np.abs(values[season_length:] - values[:-season_length]) ** (2 if squared else 1)
    change = np.where(together, change, np.nan)
    mean = pd.Series(change).groupby(series[season_length:]).mean().reindex(range(panel.n_series))
    return pd.Series(mean.where(mean > 0).to_numpy(), index=pd.Index(panel.ids)).reindex(cutoffs.index)


def first_cutoffs(frame: pd.DataFrame) -> pd.Series:
    """The first cutoff of each series of a backtest frame; index ``unique_id`` in the order of the frame."""
    return frame.groupby("unique_id", sort=False)["cutoff"].min()


def last_observed(frame: pd.DataFrame, panel: Panel) -> pd.Series:
    """The value that each row's series had last shown by the row's cutoff; NaN where the panel has no such time.

    Parameters
    ----------
    frame : DataFrame
        With ``unique_id`` and ``cutoff``.
    panel : Panel

    Returns
    -------
    Series
        Index of the frame, float64.
    """
    rows = panel.frame().rename(columns={"ds": "cutoff", "y": "last"})
    rows["last"] = rows.groupby("unique_id", sort=False)["last"].ffill()
    found = frame[["unique_id", "cutoff"]].merge(rows, on=["unique_id", "cutoff"], how="left")
    return found["last"].set_axis(frame.index)


def error_by_step(
    frame: pd.DataFrame, panel: Panel, season_length: int, models: Sequence[str] | None = None
) -> pd.DataFrame:
    """Mean absolute scaled error at each step ahead, over all windows and series (those with a scale).

    Parameters
    ----------
    frame, panel, season_length, models
        As for `accuracy`.

    Returns
    -------
    DataFrame
        Index ``step`` from 1, one column per model; NaN for a step without any actual value.
    """
    models = models_in(frame) if models is None else list(models)
    check_forecasts(frame, models)
    scale = frame["unique_id"].map(seasonal_scale(panel, season_length, first_cutoffs(frame)))
    ordered = frame.sort_values("ds", kind="stable")
    step = (ordered.groupby(["unique_id", "cutoff"], sort=False).cumcount() + 1).rename("step")
    errors = ordered[models].sub(ordered["y"], axis=0).abs().div(scale, axis=0)
    by_series = errors.groupby([ordered["unique_id"], step]).mean()
    return by_series.groupby(level="step").mean()


def check_forecasts(frame: pd.DataFrame, models: Sequence[str], levels: Sequence[float] = ()) -> None:
    """Raise DataError for frames that cannot be scored, ParameterError for levels that no model has."""
    require_columns(frame, ["unique_id", "cutoff", "ds", "y", *models], "the frame of forecasts")
    if frame.empty or not models:
        raise DataError("there are no forecasts to score", remedy="Give a frame with at least one window and one model")
    for level in levels:
        if not any(interval_columns(model, level)[0] in frame.columns for model in models):
            raise ParameterError(f"no model has an interval of {level:g} %", parameter="levels")
    ends = [end for model in models for level in levels for end in interval_columns(model, level)]
    for column in [*models, *(end for end in ends if end in frame.columns)]:
        holes = frame[column].isna() & frame["y"].notna()
        if holes.any():
            first = frame.loc[holes].iloc[0]
            raise DataError(
                f"{int(holes.sum())} of {len(frame)} forecasts are missing",
                column=column,
                series=first["unique_id"],
                time=first["ds"],
                remedy="Models are compared on the same values only: complete the forecasts or leave the model out",
            )


def _counts(frame: pd.DataFrame) -> pd.DataFrame:
    """Windows, scored and missing actual values of each series; index ``unique_id``."""
    groups = frame.groupby("unique_id", sort=False)
    scored = groups["y"].count()
    return pd.DataFrame(
        {"windows": groups["cutoff"].nunique(), "scored": scored, "missing": groups.size() - scored},
        index=scored.index,
    )


def quantile_score(rows: pd.DataFrame, model: str, levels: Sequence[float]) -> pd.DataFrame:
    """Mean pinball loss over all interval ends of a model, and its point forecast as the median.

    Parameters
    ----------
    rows : DataFrame
        ``unique_id``, ``y`` (none missing), the model and its interval ends. With a ``cutoff``, each window is scored.
    model : str
    levels : sequence of float
        In percent.

    Returns
    -------
    DataFrame
        ``unique_id`` (and ``cutoff``), and a column named as the model.
    """
    from utilsforecast import losses

    columns, quantiles = [model], [0.5]
    for level in levels:
        columns += interval_columns(model, level)
        quantiles += [0.5 - level / 200, 0.5 + level / 200]
    return losses.mqloss(rows, {model: columns}, np.array(quantiles))


def _model_scores(
    scored: pd.DataFrame, model: str, levels: Sequence[float], scales: tuple[pd.Series, pd.Series], start: pd.Series
) -> pd.DataFrame:
    """All measures of one model; index ``unique_id``. The scales are those of MASE and RMSSE.

    utilsforecast counts a missing actual value as a miss of its interval and gives sMAPE as a share of 1, hence only
    scored rows and the factor of 200. Its MASE takes another scale for each cutoff, hence the division here.
    """
    from utilsforecast import losses

    scores = pd.DataFrame(index=scales[0].index)
    scores["MAE"] = _by_series(losses.mae(scored, [model]), model)
    scores["RMSE"] = _by_series(losses.rmse(scored, [model]), model)
    scores["MASE"] = scores["MAE"] / scales[0]
    scores["RMSSE"] = scores["RMSE"] / scales[1]
    scores["sMAPE"] = 200 * _by_series(losses.smape(scored, [model]), model)
    scores["direction"] = _direction(scored, model, start)
    if levels:
        complete = all(end in scored for level in levels for end in interval_columns(model, level))
        scores["pinball"] = _by_series(quantile_score(scored, model, levels), model) if complete else np.nan
        scores["CRPS"] = 2 * scores["pinball"]
    for level in levels:
        low, high = interval_columns(model, level)
        has = low in scored and high in scored
        inside = _by_series(losses.coverage(scored, [model], level), model) if has else np.nan  # type: ignore[arg-type]
        scores[f"coverage-{level:g}"] = 100 * inside
        width = (scored[high] - scored[low]).groupby(scored["unique_id"]).mean() if has else np.nan
        scores[f"width-{level:g}"] = width
        penalty = _by_series(losses.winkler_score(scored, [model], level), model) if has else np.nan  # type: ignore[arg-type]
        scores[f"winkler-{level:g}"] = penalty
    return scores


def _direction(scored: pd.DataFrame, model: str, start: pd.Series) -> pd.Series:
    actual, forecast = (scored[name] - start for name in ("y", model))
    moved = (actual != 0) & (forecast != 0) & start.notna()
    right = ((actual > 0) == (forecast > 0))[moved].astype(float)
    return 100 * right.groupby(scored["unique_id"][moved]).mean()


def _by_series(loss: pd.DataFrame, model: str) -> pd.Series:
    return loss.set_index("unique_id")[model]


def _owa(table: pd.DataFrame, reference: str) -> pd.Series:
    """Overall weighted average of each row, relative to the reference model of the same series."""
    parts = table[["sMAPE", "MASE"]]
    unit = parts.xs(reference, level="model").reindex(table.index.get_level_values("unique_id"))
    shares = unit.to_numpy()
    ratios = parts.to_numpy() / np.where(shares > 0, shares, np.nan)
    return pd.Series(ratios.mean(axis=1), index=table.index)
