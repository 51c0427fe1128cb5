"""Conformalised quantile regression: quantiles that a model has learned, corrected by held-out errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecasting.evaluation.local import LocalConformal


@dataclass(frozen=True, eq=False)
class QuantileConformal:
    """Intervals between learned quantiles, made wider or narrower until they cover what held-out forecasts tell.

    Each two quantiles that lie opposite each other, at the probabilities ``p`` and ``1 - p``, are a *pair* around the
    median ``m``, and the interval between them has the level ``100 * (1 - 2 p)`` percent. Conformalised quantile
    regression [1]_ moves its ends by a conformal quantile of how far held-out values lay outside. Here that distance is
    counted in units of the pair, ``(y - m) / (q_hi - m)`` above the median and ``(y - m) / (m - q_lo)`` below it [2]_,
    so that both ends keep their proportion: the interval becomes ``m - f (m - q_lo)`` to ``m + f (q_hi - m)``, where
    ``f`` is the half width of split conformal intervals of these errors at that step, whose coverage it therefore has
    (`SplitConformal`; `LocalConformal` for how it follows recent movement). A corrected quantile that lies within the
    one of a lower level is moved out to it: intervals are nested, and no quantiles cross.

    Other probabilities than the learned ones:

    - between two of them, or one and the median, the quantile is interpolated linearly in the standard normal score of
      the probability, which is exact where the quantiles are those of a normal distribution;
    - beyond the outermost ones it is that pair times the half width of the level asked for, and so calibrated itself.

    Beyond the calibrated horizon the pair of the last step goes on, and grows as `SplitConformal.half_width` says.

    Build it with `fit`; never changed afterwards.

    Attributes
    ----------
    levels : tuple of float
        Levels of the pairs, in percent, rising.
    pairs : tuple of LocalConformal
        For each level the errors in units of its pair.

    References
    ----------
    .. [1] Y. Romano, E. Patterson, E. J. Candes, "Conformalized quantile regression", NeurIPS 2019, arXiv 1905.03222.
    .. [2] D. Kivaranovic, K. D. Johnson, H. Leeb, "Adaptive, distribution-free prediction intervals for deep networks",
       AISTATS 2020, arXiv 1905.10634.
    """

    levels: tuple[float, ...]
    pairs: tuple[LocalConformal, ...]

    @classmethod
    def fit(
        cls,
        quantiles: Sequence[float],
        errors: np.ndarray,
        spread: np.ndarray,
        movement: np.ndarray,
        independent: float,
    ) -> "QuantileConformal":
        """Calibrate on held-out forecasts.

        Parameters
        ----------
        quantiles : sequence of float
            The learned probabilities, rising: the median in the middle, and around it pairs.
        errors : array of shape (n_scores, horizon)
            Actual value minus median; NaN where unobserved.
        spread : array of shape (n_scores, n_quantiles, horizon)
            Quantiles minus median, rising, 0 in the middle and nowhere else.
        movement, independent
            As for `LocalConformal.fit`.

        Raises
        ------
        ParameterError, DataError
            As for `SplitConformal.fit`.
        """
        pairs = tuple(LocalConformal.fit(one, movement, independent) for one in _in_units(errors, spread))
        return cls(levels_of(quantiles), pairs)

    def extended(self, errors: np.ndarray, spread: np.ndarray, movement: np.ndarray, most: int) -> "QuantileConformal":
        """With the errors of further forecasts; see `LocalConformal.extended`."""
        added = zip(self.pairs, _in_units(errors, spread), strict=True)
        return QuantileConformal(self.levels, tuple(pair.extended(one, movement, most) for pair, one in added))

    def has(self, level: float) -> bool:
        """Whether the interval of this level, in percent, is one that was learned; 0 is the median."""
        return bool(np.isclose(level, [0.0, *self.levels], rtol=0, atol=1e-9).any())

    def ends(
        self, level: float, horizon: int, spread: np.ndarray, movement: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper end of the interval of a level, relative to the median.

        Parameters
        ----------
        level : float
            Above 0 and below 100.
        horizon : int
            Number of steps, at least 1.
        spread : array of shape (n, n_quantiles, steps)
            Of the forecasts, as for `fit`.
        movement : array of shape (n,)

        Returns
        -------
        two float64 arrays of shape (n, horizon)

        Raises
        ------
        ParameterError, DataError
            As for `SplitConformal.half_width`.
        """
        known = self._known(horizon, spread, movement)
        score = np.full((len(spread), 2, horizon), _score(level))
        size = self._within(score, np.array([0, 1])[:, None], known)
        if level > self.levels[-1]:
            beyond = self.pairs[-1].half_width(level, horizon, movement)[:, None] * _sides(spread, horizon)[:, :, -1]
            size = np.maximum(size, beyond)
        return -size[:, 0], size[:, 1]

    def draw(
        self, n_draws: int, horizon: int, spread: np.ndarray, movement: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Errors of forecasts, distributed at each step as `ends` says, as dependent over steps as held-out ones were.

        See `SplitConformal.places`; the ranks are those of the errors in units of the outermost pair.

        Returns
        -------
        float64 array of shape (n, n_draws, horizon)
        """
        from scipy.special import ndtri

        outermost, shape = self.pairs[-1], (len(spread), n_draws, horizon)
        place = outermost.conformal.places(len(spread) * n_draws, horizon, rng)
        units = np.abs(outermost.errors_at(place)).reshape(shape) * outermost.measure(movement)[:, None, None]
        place = place.reshape(shape)
        above, score = np.where(place > 0.5, 1, 0), np.abs(ndtri(place))
        size = self._within(score, above, self._known(horizon, spread, movement))
        sides = _sides(spread, horizon)[:, :, -1]
        beyond = units * np.where(above, sides[:, None, 1], sides[:, None, 0])
        return np.where(above, 1, -1) * np.where(score > _score(self.levels[-1]), np.maximum(size, beyond), size)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs, as plain arrays."""
        arrays = {"levels": np.array(self.levels)}
        for number, pair in enumerate(self.pairs):
            arrays |= {f"{number}/{name}": array for name, array in pair.to_arrays().items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "QuantileConformal":
        """The object whose `to_arrays` gave these arrays."""
        levels = tuple(map(float, arrays["levels"]))
        names = ("errors", "weights", "local")
        stored = ({name: arrays[f"{number}/{name}"] for name in names} for number in range(len(levels)))
        return cls(levels, tuple(map(LocalConformal.from_arrays, stored)))

    def _known(self, horizon: int, spread: np.ndarray, movement: np.ndarray) -> np.ndarray:
        """Distance of the corrected quantiles from the median, of shape (n, 2, 1 + n_pairs, horizon).

        First below and then above, from the median itself on outwards.
        """
        pairs = zip(self.levels, self.pairs, strict=True)
        factor = np.stack([pair.half_width(level, horizon, movement) for level, pair in pairs], axis=1)
        size = np.maximum.accumulate(_sides(spread, horizon) * factor[:, None], axis=2)
        return np.concatenate([np.zeros_like(size[:, :, :1]), size], axis=2)

    def _within(self, score: np.ndarray, side: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Distances at normal scores of shape (n, m, horizon), interpolated; that of the outermost pair beyond it.

        ``side`` is 0 below the median and 1 above it, of a shape that spreads to that of ``score``.
        """
        scores = np.array([_score(level) for level in (0.0, *self.levels)])
        score = np.minimum(score, scores[-1])
        after = np.clip(np.searchsorted(scores, score), 1, len(scores) - 1)
        share = (score - scores[after - 1]) / (scores[after] - scores[after - 1])
        row, step = np.arange(len(known))[:, None, None], np.arange(known.shape[3])
        inner, outer = known[row, side, after - 1, step], known[row, side, after, step]
        return np.asarray(np.minimum(inner + share * (outer - inner), outer))


def levels_of(quantiles: Sequence[float]) -> tuple[float, ...]:
    """Levels in percent, rising, of the intervals between probabilities that lie around one half in pairs."""
    return tuple(round(100 * (2 * share - 1), 9) for share in quantiles[len(quantiles) // 2 + 1 :])


def _score(level: float) -> float:
    """The standard normal score of the upper end of the interval of a level in percent."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + level / 200))


def _sides(spread: np.ndarray, horizon: int) -> np.ndarray:
    """Distance of each pair from the median, of shape (n, 2, n_pairs, horizon): first below and then above."""
    middle, steps = spread.shape[1] // 2, np.minimum(np.arange(horizon), spread.shape[2] - 1)
    size = np.abs(spread[:, :, steps])
    return np.stack([size[:, :middle][:, ::-1], size[:, middle + 1 :]], axis=1)


def _in_units(errors: np.ndarray, spread: np.ndarray) -> list[np.ndarray]:
    """Errors of shape (n, horizon) over the distance of each pair on their side of the median, one array a pair."""
    sides = _sides(spread, errors.shape[1])
    below, above = sides[:, 0], sides[:, 1]
    return list(np.moveaxis(errors[:, None] / np.where(errors[:, None] > 0, above, below), 1, 0))
