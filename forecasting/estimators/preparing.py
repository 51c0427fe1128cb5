"""From a divided panel to windows: those to train on, those held out, and which target makes the better of them."""

from dataclasses import dataclass

import numpy as np

from forecasting.errors import DataError
from forecasting.estimators.calibrating import MOST_HELD_OUT
from forecasting.estimators.planning import Division
from forecasting.network import linear
from forecasting.network.training import HeldOut
from forecasting.panel import Notice, Panel, treat_gaps
from forecasting.scaling import Batch
from forecasting.targets import Target
from forecasting.windows import Channels, CutRanges, Cuts, Windows

_CLEARLY = 0.05
_PRIOR_WINDOWS = 4.0


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a fit needs of the data.

    Attributes
    ----------
    target : Target
    windows : Windows
    notices : tuple of Notice
        What was done about gaps.
    cuts, all_cuts : Cuts or CutRanges
        For training with windows held out, and for training on all.
    held_cuts : Cuts
        The held-out windows, at most 4,000.
    batch : Batch
        The windows at ``held_cuts``.
    held_out : HeldOut
        The same with what came next.
    start : LinearStart
    """

    target: Target
    windows: Windows
    notices: tuple[Notice, ...]
    cuts: Cuts | CutRanges
    all_cuts: Cuts | CutRanges
    held_cuts: Cuts
    batch: Batch
    held_out: HeldOut
    start: linear.LinearStart


def read_windows(
    panel: Panel,
    gaps: str,
    target: Target,
    lookback: int,
    season_length: int,
    channels: Channels | None = None,
) -> tuple[Windows, tuple[Notice, ...]]:
    """The windows of a panel under a target fitted to its series and a policy for gaps, and what that policy did."""
    treated, notices = treat_gaps(panel, gaps)
    windows = Windows(
        target.path(panel),
        panel.indptr,
        lookback,
        season_length,
        lag=target.lag(season_length),
        filled=None if treated is panel else target.path(treated),
        channels=channels,
        ages=panel.ages if gaps == "mask" else None,
        from_zero=not target.links,
    )
    return windows, notices


def prepare(
    panel: Panel,
    gaps: str,
    target: Target,
    division: Division,
    horizon: int,
    seed: int,
    channels: Channels | None = None,
) -> Prepared:
    """Windows to train on, windows held out, and the linear map to start from; ``seed`` draws what it is made of.

    ``target`` is fitted to what stands before the held-out part.

    Raises
    ------
    DataError
        Gaps or still stretches leave none of one kind.
    """
    target = target.fit(panel, division.held_out, division.season_length)
    windows, notices = read_windows(panel, gaps, target, division.lookback, division.season_length, channels)
    least, held = division.least_history, division.held_out
    held_cuts = linear.spread(windows.held_out_cuts(horizon, least_history=least, held_out=held), MOST_HELD_OUT)
    batch = windows.gather(held_cuts)
    after = windows.targets(held_cuts, batch, horizon)
    cuts = windows.cuts(horizon, least_history=least, held_out=held)
    if not len(cuts) or np.isnan(after).all():
        raise DataError(
            "gaps, or long stretches without any change, leave no window to train on or none to validate on",
            remedy="Give a longer history, or choose the policy 'mask', under which windows may begin behind gaps",
        )
    told = np.isfinite(after).any(axis=1).mean()
    held_out = HeldOut(batch.reading, after, independent=told * held.sum() / horizon)
    start = linear.best_start(windows, cuts, horizon, np.random.default_rng(seed), held_out, division.segment_length)
    all_cuts = windows.cuts(horizon, least_history=least)
    return Prepared(target, windows, notices, cuts, all_cuts, held_cuts, batch, held_out, start)


def best_prepared(choices: list[Prepared], panel: Panel) -> Prepared:
    """The first choice, or the one whose linear map forecasts the held-out values clearly better.

    Better is a lower mean of two relative errors, the absolute error over the scale of the window and sMAPE, as the M4
    competition has it; clearly is by 5 %, drawn towards none where the held-out windows are few.
    """
    first, scale = choices[0], choices[0].batch.scale
    if len(choices) == 1:
        return first
    errors = np.array([_linear_errors(choice, panel, scale) for choice in choices])
    with np.errstate(invalid="ignore"):
        relative = np.nan_to_num(errors / errors[0], nan=1.0).mean(axis=1)
    sure = first.held_out.independent / (first.held_out.independent + _PRIOR_WINDOWS)
    best = int(np.argmin(relative))
    return choices[best] if 1 - relative[best] * sure - (1 - sure) > _CLEARLY else first


def _linear_errors(prepared: Prepared, panel: Panel, scale: np.ndarray) -> tuple[float, float]:
    """Mean absolute error over ``scale``, and sMAPE, of the linear map's forecasts of the held-out values."""
    target = prepared.target.take(prepared.held_cuts.series)
    forecast = target.values(prepared.batch.path(prepared.start.forecast(prepared.held_out.reading)))
    actual = panel.values[prepared.held_cuts.row[:, None] + np.arange(forecast.shape[1])]
    error, size = np.abs(actual - forecast), np.abs(actual) + np.abs(forecast)
    return float(np.nanmean(error / scale[:, None])), float(np.nanmean(error / np.where(size > 0, size, 1.0)))
