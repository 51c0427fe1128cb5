"""The parameters that a tuning chooses among: the default space, and stated ones checked."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forecasting.errors import ParameterError
from forecasting.estimators import SimpleRNNForecaster
from forecasting.panel import Panel

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    Space = Mapping[str, "Sequence[Any] | BaseDistribution"]

_SEASONS = (2, 4, 7, 14, 28)
_STEPS_WITHOUT_SEASON = 8
_MULTIPLES = (1, 2, 4, 8)
_SHARE_OF_SERIES = 0.5
_FIXED = ("horizon", "random_state", "verbose")


def default_space(estimator: Any, panel: Panel, horizon: int) -> "Space":
    """The space of `SimpleRNNForecaster` for some series.

    - ``lookback``: None (chosen by the forecaster), and 2, 4, 7, 14 and 28 seasons, or 8, 16, 32 and 64 steps where
      there is no season, as far as they fit into half of the shortest series. How much history is read decides more
      than the size of the network.
    - ``segment_length``: None (a season) and half a season; without seasons None (4 steps), 2 and 8. The shorter the
      segment, the longer the recurrence. It is left out where the estimator states one.
    - ``target``: ``"auto"`` and ``"difference"``, and ``"log_return"`` where all values are above zero. ``"auto"``
      chooses between values and logarithms by itself.
    - ``units``: 32, 64, 128; ``n_layers``: 1, 2, 3. Few sizes: each one is compiled once for all trials.
    - ``learning_rate``: 0.0005 to 0.008, evenly by its logarithm, a factor of four to each side of the default.

    Left out are parameters of which more is better and costs time (``n_members``, ``max_steps``), and those that the
    forecaster decides on held-out windows (which epoch to keep, the trust in the network, the linear part).

    Parameters
    ----------
    estimator : SimpleRNNForecaster
    panel : Panel
        What the first fit of the search sees. Only lengths, season and sign are used.
    horizon : int

    Returns
    -------
    dict of str to list or optuna distribution

    Raises
    ------
    ParameterError
        The estimator is another one, whose space has to be stated.
    """
    from optuna.distributions import FloatDistribution

    if not isinstance(estimator, SimpleRNNForecaster):
        raise ParameterError(
            f"there is no usual one for {type(estimator).__name__}",
            parameter="space",
            remedy="State it: {'parameter': [values], ...}, or Optuna distributions instead of lists",
        )
    season = estimator.season_length or panel.frequency.season_length
    stated = estimator.segment_length
    multiples: tuple[int, ...]
    if season > 1:
        unit, multiples = season, _SEASONS
        segments = [None, season // 2] if season % 2 == 0 else [None]
    else:
        unit, multiples = _STEPS_WITHOUT_SEASON, _MULTIPLES
        segments = [None, 2, _STEPS_WITHOUT_SEASON]
    if stated is not None:
        unit, segments = math.lcm(unit, stated), [None]
    most = _SHARE_OF_SERIES * (int(panel.lengths.min()) - 2 * horizon)
    above_zero = np.nanmin(panel.values) > 0
    space: dict[str, Any] = {
        "lookback": [None, *(many * unit for many in multiples if many * unit <= most)],
        "segment_length": segments,
        "target": ["auto", "difference", *(["log_return"] if above_zero else [])],
        "units": [32, 64, 128],
        "n_layers": [1, 2, 3],
    }
    chosen = {name: choices for name, choices in space.items() if len(choices) > 1}
    return chosen | {"learning_rate": FloatDistribution(5e-4, 8e-3, log=True)}


def as_distributions(space: "Space", estimator: Any) -> "dict[str, BaseDistribution]":
    """A space as Optuna takes it.

    Raises
    ------
    ParameterError
        It is empty, names no parameter of the estimator or one that cannot be tuned, or lists no values, or values that
        Optuna cannot keep.
    """
    from optuna.distributions import BaseDistribution, CategoricalDistribution

    if not isinstance(space, Mapping) or not space:
        raise ParameterError(f"it must map parameters to their values, not {space!r}", parameter="space")
    known = estimator.get_params(deep=True)
    distributions: dict[str, BaseDistribution] = {}
    for name, choices in space.items():
        if name not in known or name in _FIXED:
            allowed = ", ".join(sorted(set(known) - set(_FIXED)))
            raise ParameterError(
                f"{name!r} cannot be tuned", parameter="space", remedy=f"{type(estimator).__name__} has {allowed}"
            )
        if isinstance(choices, BaseDistribution):
            distributions[name] = choices
            continue
        plain = isinstance(choices, list | tuple) and all(
            value is None or isinstance(value, bool | int | float | str) for value in choices
        )
        if not plain or not choices:
            raise ParameterError(
                f"{name} needs a list of numbers, texts, True, False or None, or an Optuna distribution,"
                f" not {choices!r}",
                parameter="space",
            )
        distributions[name] = CategoricalDistribution(list(choices))
    return distributions


def within(distributions: "Mapping[str, BaseDistribution]", parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the parameters whose value lies in the space."""
    from optuna.trial import create_trial

    found = {}
    for name, distribution in distributions.items():
        value = parameters[name]
        try:
            create_trial(value=0.0, params={name: value}, distributions={name: distribution})
        except (ValueError, TypeError):
            continue
        found[name] = value
    return found


def in_words(distribution: "BaseDistribution") -> str:
    """A distribution for people: ``[1, 2, 3]``, ``0.0005 to 0.008 (log)``."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        return str(list(distribution.choices))
    if isinstance(distribution, FloatDistribution | IntDistribution):
        return f"{distribution.low:g} to {distribution.high:g}" + (" (log)" if distribution.log else "")
    return str(distribution)
