"""Histories with holes, and how a smoothing reads them."""

import numpy as np


def with_holes(inputs: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Histories as they are smoothed: NaN where nothing was observed or filled, but for their first step.

    Parameters
    ----------
    inputs : float64 array of shape (n, steps)
        Where a step was not seen, the last value before it; so the first step bears one even where a series has been
        silent for longer than its history.
    seen : bool array of that shape
    """
    history = np.where(seen, inputs, np.nan)
    history[:, 0] = inputs[:, 0]
    return history


def whole(history: np.ndarray, season_length: int) -> np.ndarray:
    """Histories without holes: in each the last value that lies whole seasons before it, or else the value before."""
    if not np.isnan(history).any():
        return history
    n, steps = history.shape
    seasons = -(-steps // season_length)
    padded = np.full((n, seasons * season_length), np.nan)
    padded[:, -steps:] = history
    by_place = padded.reshape(n, seasons, season_length).swapaxes(1, 2)
    filled = _carried(by_place).swapaxes(1, 2).reshape(n, -1)[:, -steps:]
    return np.asarray(_carried(_carried(filled)[:, ::-1])[:, ::-1])


def _carried(values: np.ndarray) -> np.ndarray:
    """Along the last axis, the value before in each hole; those before the first value stay."""
    place = np.where(np.isnan(values), 0, np.arange(values.shape[-1]))
    return np.asarray(np.take_along_axis(values, np.maximum.accumulate(place, axis=-1), axis=-1))
