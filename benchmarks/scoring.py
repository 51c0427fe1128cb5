"""From forecasts and a test part to scores; every measure comes from forecasting.accuracy or utilsforecast."""

from collections.abc import Sequence

import pandas as pd

from forecasting.evaluation.metrics import POOLED


def with_actuals(test: pd.DataFrame, forecasts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The frame that `forecasting.accuracy` scores: a test part beside the forecasts of it.

    Parameters
    ----------
    test : DataFrame
        ``unique_id``, ``ds`` (integer steps that follow the history of each series) and ``y``.
    forecasts : sequence of DataFrame
        ``unique_id``, ``ds`` and columns of models; each has every row of ``test`` once.

    Returns
    -------
    DataFrame
        ``unique_id``, ``cutoff`` (the step before the first of the test part), ``ds``, ``y`` and the models.
    """
    frame = test[["unique_id", "ds", "y"]]
    for forecast in forecasts:
        frame = frame.merge(forecast, on=["unique_id", "ds"], validate="one_to_one")
    if len(frame) != len(test):
        raise ValueError(f"{len(test) - len(frame)} of {len(test)} values of the test part have no forecast")
    cutoff = frame.groupby("unique_id")["ds"].transform("min") - 1
    return frame.assign(cutoff=cutoff)


def pooled(scores: pd.DataFrame) -> pd.DataFrame:
    """The rows of `forecasting.accuracy` over all series; index ``model``."""
    return scores[scores["unique_id"] == POOLED].set_index("model").drop(columns="unique_id")


def over_points(scores: pd.DataFrame, measure: str) -> pd.Series:
    """A measure of `forecasting.accuracy` averaged over all scored values instead of over series; index ``model``.

    The two differ where horizons differ. Formed of the rows per series, each weighted with its scored values.
    """
    rows = scores[scores["unique_id"] != POOLED]
    total = (rows[measure] * rows["scored"]).groupby(rows["model"], sort=False).sum()
    return total / rows.groupby("model", sort=False)["scored"].sum()
