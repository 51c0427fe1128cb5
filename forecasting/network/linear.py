"""Where the linear skip begins: a naive forecast plus the ridge regression of what it leaves.

Both are linear in the window, and the regression in covariates besides. So both are one matrix, and the network starts
at a good forecast. Which naive forecast, and how much of the regression, is decided on held-out windows.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from forecasting.network.design import design
from forecasting.network.training import CutWindows, Examples, HeldOut
from forecasting.scaling import Reading
from forecasting.threads import one_blas_thread
from forecasting.windows import CutRanges, Cuts, Windows

ANCHORS = ("naive", "seasonal_naive")
"""The last value, and the value one season before."""
PENALTIES = (1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0, 10.0)
"""Ridge penalties that are tried, relative to the mean variance of an input."""
MOST_WINDOWS = 20_000
"""Windows that a regression is made of at most."""
_WINDOWS_AT_ONCE = 256
_REWEIGHTED = 3
_LEAST_ERROR = 0.2
"""Windows with an error below this share of the median one weigh no more than one with that."""
_LARGEST_TARGET = 10.0
"""Scaled targets are cut off here for the regression, whose squares would otherwise follow a few wild windows."""


@dataclass(frozen=True, eq=False)
class LinearStart:
    """Where a training begins.

    Attributes
    ----------
    anchor : str
        One of ANCHORS.
    anchor_kernel : float64 array of shape (lookback, horizon)
        The anchor as a matrix.
    kernel : float64 array of shape (skip_rows, horizon)
        The best linear map; see `forecasting.network.design` for its rows, of which the window is the first.
    penalty : float or None
        Ridge penalty of the best linear map; None where that is the anchor.
    segment_length : int
        Steps of the covariates along the look-back, the last ones, that the map reads.
    """

    anchor: str
    anchor_kernel: np.ndarray
    kernel: np.ndarray
    penalty: float | None
    segment_length: int = 1

    def forecast(self, reading: Reading) -> np.ndarray:
        """Scaled forecasts of the best linear map, float64 of shape (n, horizon)."""
        return np.asarray(design(reading, self.segment_length) @ self.kernel)


def best_start(
    windows: Windows,
    cuts: Cuts | CutRanges,
    horizon: int,
    rng: np.random.Generator,
    held_out: HeldOut,
    segment_length: int = 1,
) -> LinearStart:
    """The better naive forecast, and the best linear map from there."""
    with one_blas_thread():  # these products are small: on a busy machine threads wait for each other
        anchor, anchor_kernel = best_anchor(windows, cuts, horizon, rng, held_out)
        penalty, kernel = best_kernel(windows, cuts, anchor_kernel, horizon, rng, held_out, segment_length)
    return LinearStart(anchor, anchor_kernel, kernel, penalty, segment_length)


def anchor_kernel(name: str, windows: Windows, horizon: int) -> np.ndarray:
    """A naive forecast as a matrix: scaled inputs of shape (n, lookback) times it are its scaled forecasts.

    The scaled path is zero at the last value, so the last value is a matrix of zeros. The value one season back is one
    input where the window shows the path, and minus the sum of the steps since then where it shows steps. Seasonal
    differences are forecast relative to the value one season back, which then is the matrix of zeros.
    """
    kernel = np.zeros((windows.lookback, horizon))
    if name == "seasonal_naive" and windows.lag <= 1:
        for step in range(horizon):
            row = windows.lookback - windows.season_length + step % windows.season_length
            if windows.lag:
                kernel[row + 1 :, step] = -1.0
            else:
                kernel[row, step] = 1.0
    return kernel


def best_anchor(
    windows: Windows, cuts: Cuts | CutRanges, horizon: int, rng: np.random.Generator, held_out: HeldOut
) -> tuple[str, np.ndarray]:
    """Name and kernel of the naive forecast that is better at ``cuts`` and on the held-out windows together.

    Where windows show seasonal differences it is the seasonal one, since they do not tell the last value. Nothing is
    fitted in a naive forecast, so that windows for training tell as much about it as others.
    """
    seasonal = 1 < windows.season_length <= windows.lookback
    names = ANCHORS[1:] if windows.lag > 1 else ANCHORS[: 1 + seasonal]
    kernels = {name: anchor_kernel(name, windows, horizon) for name in names}
    errors = np.zeros(len(names))
    held = Examples(held_out.reading, held_out.target)
    for shown in itertools.chain(_drawn(windows, cuts, horizon, rng), [held]):
        forecasts = (shown.reading["window"] @ kernels[name].astype(np.float32) for name in names)
        errors += [np.nansum(np.abs(shown.target - forecast), dtype=np.float64) for forecast in forecasts]
    best = names[int(np.argmin(errors))]
    return best, kernels[best]


def _drawn(windows: Windows, cuts: Cuts | CutRanges, horizon: int, rng: np.random.Generator) -> Iterator[Examples]:
    """What there is at no more than MOST_WINDOWS of these cuts, _WINDOWS_AT_ONCE at a time."""
    source = CutWindows(windows, cuts, horizon)
    numbers = rng.choice(len(source), min(len(source), MOST_WINDOWS), replace=False)
    for first in range(0, len(numbers), _WINDOWS_AT_ONCE):
        yield source.examples(numbers[first : first + _WINDOWS_AT_ONCE])


def best_kernel(
    windows: Windows,
    cuts: Cuts | CutRanges,
    anchor: np.ndarray,
    horizon: int,
    rng: np.random.Generator,
    held_out: HeldOut,
    segment_length: int = 1,
) -> tuple[float | None, np.ndarray]:
    """The linear map with the lowest error on the held-out windows, and its penalty; None and the anchor if that is it.

    With covariates, maps that read the window alone are tried as well, so that useless covariates do little harm.

    The regressions minimise squares, the forecast is judged by absolute errors. So it is made again with each window
    weighted by one over the mean absolute error that it had (iteratively reweighted least squares, Schlossmacher 1973).
    """
    shown = design(held_out.reading, segment_length)
    widths = sorted({len(anchor), shown.shape[1]})
    anchor = anchor if len(widths) == 1 else _widened(anchor, shown.shape[1])
    regression = Regression(windows, cuts, anchor, horizon, rng, segment_length)
    penalty: float | None = None
    kernel = anchor
    for _ in range(1 + _REWEIGHTED):
        regression.reweight(kernel)
        choices: list[tuple[float | None, np.ndarray]] = [(None, anchor)]
        for width in widths:
            choices += regression.kernels(width).items()
        penalty, kernel = min(choices, key=lambda choice: held_out.error(shown @ choice[1]))
    return penalty, kernel


def refitted(
    start: LinearStart, windows: Windows, cuts: Cuts | CutRanges, horizon: int, rng: np.random.Generator
) -> LinearStart:
    """The same map, with the same anchor and penalty, fitted to other cuts."""
    if start.penalty is None:
        return start
    lookback, rows = windows.lookback, len(start.kernel)
    width = rows if start.kernel[lookback:].any() else lookback
    kernel = anchor = _widened(start.anchor_kernel, rows)
    with one_blas_thread():
        regression = Regression(windows, cuts, anchor, horizon, rng, start.segment_length)
        for _ in range(1 + _REWEIGHTED):
            regression.reweight(kernel)
            kernel = regression.kernels(width, [start.penalty]).get(start.penalty, anchor)
    return replace(start, kernel=kernel)


def spread(cuts: Cuts | CutRanges, most: int) -> Cuts:
    """These cuts, or where they are more than ``most`` so many of them, evenly spread."""
    number = min(len(cuts), most)
    return cuts.take(np.linspace(0, len(cuts) - 1, number).round().astype(np.int64) if number else np.arange(0))


def _widened(kernel: np.ndarray, rows: int) -> np.ndarray:
    """A map that reads more, and makes nothing of it."""
    return np.concatenate([kernel, np.zeros((rows - len(kernel), kernel.shape[1]))])


class Regression:
    """Ridge regressions of what an anchor leaves of the targets at ``cuts``, over windows that may be weighted.

    Parameters
    ----------
    windows : Windows
    cuts : Cuts or CutRanges
        At most MOST_WINDOWS of them are drawn.
    anchor : array of shape (skip_rows, horizon)
    horizon : int
    rng : numpy.random.Generator
    segment_length : int, default 1
        Steps of the covariates along the look-back that are read.
    """

    def __init__(
        self,
        windows: Windows,
        cuts: Cuts | CutRanges,
        anchor: np.ndarray,
        horizon: int,
        rng: np.random.Generator,
        segment_length: int = 1,
    ) -> None:
        count = min(len(cuts), MOST_WINDOWS)
        inputs, target = (np.empty((count, width), dtype=np.float32) for width in (len(anchor), horizon))
        for number, part in enumerate(_drawn(windows, cuts, horizon, rng)):
            rows = slice(number * _WINDOWS_AT_ONCE, (number + 1) * _WINDOWS_AT_ONCE)
            inputs[rows], target[rows] = design(part.reading, segment_length), part.target
        complete = ~np.isnan(target).any(axis=1)
        self._anchor = anchor
        self._inputs = inputs if complete.all() else inputs[complete]
        left = target[complete] - self._inputs @ anchor.astype(np.float32)
        self._left = np.clip(left, -_LARGEST_TARGET, _LARGEST_TARGET)
        self._weight = np.ones(len(left))

    def reweight(self, kernel: np.ndarray) -> None:
        """Weight each window by one over the mean absolute error that this kernel leaves of it, within limits."""
        beyond = (kernel - self._anchor).astype(np.float32)
        error = np.abs(self._left - self._inputs @ beyond).mean(axis=1, dtype=np.float64)
        least = _LEAST_ERROR * np.median(error) if len(error) else 0.0
        self._weight = 1.0 / np.maximum(error, least) if least > 0 else np.ones(len(error))

    def kernels(self, width: int | None = None, penalties: Sequence[float] = PENALTIES) -> dict[float, np.ndarray]:
        """For every penalty, the anchor plus the regression of what it leaves; none without a complete window.

        With ``width`` the regression is on that many of the rows, the first ones, alone.
        """
        if not len(self._weight):
            return {}
        rows, horizon = self._anchor.shape
        width = rows if width is None else width
        square, moment = np.zeros((width, width)), np.zeros((width, horizon))
        weight = self._weight / max(self._weight.sum(), np.finfo(float).tiny)
        for first in range(0, len(weight), _WINDOWS_AT_ONCE):
            part = slice(first, first + _WINDOWS_AT_ONCE)
            inputs = self._inputs[part, :width].astype(np.float64)
            weighted = (inputs * weight[part, None]).T
            square += weighted @ inputs
            moment += weighted @ self._left[part]
        size = max(np.trace(square) / width, np.finfo(float).tiny)
        return {
            penalty: self._anchor
            + _widened(cho_solve(cho_factor(square + penalty * size * np.eye(width)), moment), rows)
            for penalty in penalties
        }
