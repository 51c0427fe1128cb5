"""How a panel is divided before a network is fitted to it: look-back, segments, and what is held out."""

from dataclasses import dataclass

import numpy as np

from forecasting.errors import DataError, ParameterError
from forecasting.panel import Panel

_MOST_SEGMENTS = 14
_FEWEST_SEGMENTS = 2
_MOST_STEPS_WITHOUT_SEASON = 32
_SEGMENT_WITHOUT_SEASON = 4
_ROUNDS = 500, 500, 1000, 2000
_ROUNDS_OF_MANY = 1000, 1000, 2000
_MANY_WINDOWS = 25_000
_BATCH_SIZES = 128, 64, 32
"""Few, so that refits with ever more windows build few networks anew."""
_BATCHES_OF_WINDOWS = 4
_SHARE_OF_SERIES = 0.5
_SHARE_OF_PANEL = 0.15
_HELD_OUT_WINDOWS = 256
_INDEPENDENT_WINDOWS = 32
_HELD_OUT_SHARES = 0.05, 0.2
"""Of a series, at least and at most: series often move together, so that many of them at few times tell little."""


@dataclass(frozen=True, eq=False)
class Division:
    """A division of a panel.

    Attributes
    ----------
    lookback, segment_length, season_length : int
        In steps; ``lookback`` is a multiple of ``segment_length``.
    least_history : int
        Steps of its own series that a training window shows at least; the rest of it is padding.
    held_out : int64 array of shape (n_series,)
        Steps at the end of each series that the first training does not touch; 0 for series too short to spare any.
    """

    lookback: int
    segment_length: int
    season_length: int
    least_history: int
    held_out: np.ndarray


def divide(
    panel: Panel,
    *,
    horizon: int,
    season_length: int | None,
    lookback: int | None,
    segment_length: int | None,
) -> Division:
    """Choose what was left open and check that the series are long enough.

    The default season is the usual one of the frequency, a segment is a season (four steps where there is none), and
    the look-back is half of the median series, but no more than 15 % of all steps where series are few, from 2 to 14
    segments. Held out are the last ``horizon`` steps of every series, or a season where that is longer, and where
    few series give few windows more, but no more than a fifth of each.

    Raises
    ------
    DataError
        A series is too short; names the series and what is needed.
    ParameterError
        A stated look-back is not a multiple of the segment.
    """
    season = season_length or panel.frequency.season_length
    segment = segment_length or _usual_segment(season, lookback)
    lengths = panel.lengths
    chosen = lookback or _usual_lookback(lengths, horizon, season, segment)
    if chosen % segment:
        raise ParameterError(
            f"the look-back of {chosen} steps is not a multiple of the segment of {segment} steps",
            remedy=f"Use lookback={-(-chosen // segment) * segment}, or a segment_length that divides it",
            parameter="lookback",
        )
    least = chosen if lookback else min(chosen, season + 1)
    short = np.flatnonzero(lengths < least + horizon)
    if len(short):
        raise DataError(
            f"{len(short)} of {panel.n_series} series are shorter than look-back and horizon"
            f" ({least} + {horizon} steps), the shortest having {lengths[short].min()}",
            remedy="Leave them out, or use a shorter horizon or a shorter (or no stated) look-back",
            series=", ".join(map(str, panel.ids[short[:3]])),
        )
    held_out = _held_out(lengths, horizon, season, least)
    if not held_out.any():
        raise DataError(
            f"no series is long enough to hold out {horizon} steps to validate on: the longest has {lengths.max()}"
            f" steps, and {least + 2 * horizon} are needed",
            remedy="Give a longer history, or use a shorter horizon or look-back",
            series=panel.ids[int(np.argmax(lengths))],
        )
    room = lengths - held_out - horizon + 1
    full, padded = np.maximum(room - chosen, 0), np.maximum(room - least, 0)
    if (full > 0).all() and full.sum() >= padded.sum() / 2:
        least = chosen
    return Division(chosen, segment, season, least, held_out)


def usual_batch_size(windows: int) -> int:
    """Windows of a gradient step: 128, 64 or 32, the most of these that are no more than a quarter of all, or 32."""
    return next((size for size in _BATCH_SIZES if size * _BATCHES_OF_WINDOWS <= windows), _BATCH_SIZES[-1])


def usual_rounds(windows: int) -> tuple[int, ...]:
    """Gradient steps of the rounds of a training: 500, and then as many as were made before, up to 4,000 in all.

    Where there are more than 25,000 windows the first round is of 1,000: in 500 steps of 128 a network has hardly seen
    them once or twice, and what is learned in these says little about what there is to learn.
    """
    return _ROUNDS_OF_MANY if windows > _MANY_WINDOWS else _ROUNDS


def _usual_segment(season: int, lookback: int | None) -> int:
    """A season, or a few steps where there is none; the longest shorter one that divides a stated look-back."""
    usual = season if season > 1 else _SEGMENT_WITHOUT_SEASON
    if lookback is None or lookback % usual == 0:
        return usual
    return max(size for size in range(1, min(usual, lookback) + 1) if lookback % size == 0)


def _usual_lookback(lengths: np.ndarray, horizon: int, season: int, segment: int) -> int:
    most = _MOST_SEGMENTS if season > 1 else max(_MOST_STEPS_WITHOUT_SEASON // segment, _FEWEST_SEGMENTS)
    spare = np.maximum(lengths - 2 * horizon, 0)
    steps = min(_SHARE_OF_SERIES * np.median(spare), _SHARE_OF_PANEL * spare.sum())
    return segment * int(np.clip(steps // segment, _FEWEST_SEGMENTS, most))


def _held_out(lengths: np.ndarray, horizon: int, season: int, least_history: int) -> np.ndarray:
    each = -(-_HELD_OUT_WINDOWS // len(lengths)), horizon * -(-_INDEPENDENT_WINDOWS // len(lengths))
    wanted = max(horizon - 1 + each[0], each[1], season)
    least, most = ((share * lengths).astype(np.int64) for share in _HELD_OUT_SHARES)
    steps = np.maximum(np.clip(wanted, least, most), horizon)
    steps = np.where(lengths - steps < least_history + horizon, horizon, steps)
    return np.where(lengths - steps < least_history + horizon, 0, steps)
