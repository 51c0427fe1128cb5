"""What each parameter of an estimator may be, checked when it is fitted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from forecasting.errors import ParameterError


@dataclass(frozen=True)
class Allowed:
    """A rule for one parameter: a test, and the values that pass it in words."""

    test: Callable[[Any], bool]
    words: str


def check_parameters(owner: str, values: Mapping[str, Any], rules: Mapping[str, Allowed]) -> None:
    """Check every parameter that has a rule.

    Raises
    ------
    ParameterError
        Names the estimator, and for every parameter that is wrong its name, what is allowed, and what it was.
    """
    wrong = {name: rule for name, rule in rules.items() if not rule.test(values[name])}
    if wrong:
        problems = (f"{name} must be {rule.words}, not {values[name]!r}" for name, rule in wrong.items())
        raise ParameterError(f"{owner}: {'; '.join(problems)}", parameter=", ".join(wrong))


def whole(least: int) -> Allowed:
    """A whole number from ``least`` on."""
    return Allowed(lambda value: _is_whole(value) and value >= least, f"a whole number, at least {least}")


def positive() -> Allowed:
    """A finite number above zero."""
    return Allowed(
        lambda value: _is_number(value) and 0 < value < np.inf,
        "a finite number above 0",
    )


def share() -> Allowed:
    """A share of a whole, which it is not itself."""
    return Allowed(lambda value: _is_number(value) and 0 <= value < 1, "a number from 0 to below 1")


def probability() -> Allowed:
    """A probability, of neither the impossible nor the certain."""
    return Allowed(lambda value: _is_number(value) and 0 < value < 1, "a number above 0 and below 1")


def flag() -> Allowed:
    """True or False."""
    return Allowed(lambda value: isinstance(value, bool | np.bool_), "True or False")


def one_of(*choices: str) -> Allowed:
    """One of a few names."""
    return Allowed(lambda value: isinstance(value, str) and value in choices, f"one of {', '.join(map(repr, choices))}")


def or_none(rule: Allowed) -> Allowed:
    """What another rule allows, or None."""
    return Allowed(lambda value: value is None or rule.test(value), f"{rule.words}, or None")


def percentages() -> Allowed:
    """A list of different levels in percent; a share such as 0.8 is not taken for one."""
    return Allowed(
        lambda value: _are_different(value, lambda level: 1 <= level < 100),
        "a list of different numbers of percent, from 1 to below 100 (80, not 0.8)",
    )


def shares() -> Allowed:
    """A list of different probabilities."""
    return Allowed(
        lambda value: _are_different(value, lambda share: 0 < share < 1),
        "a list of different numbers above 0 and below 1",
    )


def names(test: Callable[[Any], bool], words: str) -> Allowed:
    """A list of different texts that all pass a test."""

    def are_names(value: Any) -> bool:
        if isinstance(value, str | bytes | Mapping) or not np.iterable(value):
            return False
        given = list(value)
        return all(isinstance(name, str) and test(name) for name in given) and len(set(given)) == len(given)

    return Allowed(are_names, words)


def seed() -> Allowed:
    """A seed, as scikit-learn has it."""
    return Allowed(
        lambda value: isinstance(value, np.random.RandomState) or (_is_whole(value) and 0 <= value < 2**32),
        "a whole number from 0 to 2**32 - 1 or a numpy.random.RandomState",
    )


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _are_different(value: Any, test: Callable[[Any], bool]) -> bool:
    if isinstance(value, str | bytes | Mapping) or not np.iterable(value):
        return False
    numbers = list(value)
    allowed = all(_is_number(number) and test(number) for number in numbers)
    return allowed and len(set(numbers)) == len(numbers)
