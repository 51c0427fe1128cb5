"""The public holidays of countries and their subdivisions, from ``holidays``."""

from difflib import get_close_matches
from functools import lru_cache

import numpy as np

from forecasting.errors import DataError

_CLOSE = 0.5  # of two letters one is the same


def is_country(code: str) -> bool:
    """Whether public holidays are known under this code: ISO 3166 with two letters, or with a subdivision behind."""
    return code in _codes()


def near_countries(code: str) -> list[str]:
    """Codes that were perhaps meant, at most three: by their letters, or by the English name of a country."""
    from holidays.registry import COUNTRIES

    country, dash, subdivision = code.partition("-")
    upper = country.upper()
    if dash and upper in _codes():
        inside = [known.partition("-")[2] for known in _codes() if known.startswith(f"{upper}-")]
        near = get_close_matches(subdivision.upper(), inside, n=3, cutoff=_CLOSE)
        return [f"{upper}-{known}" for known in near] or [upper]
    names = {name: two for name, (_, two, *_) in COUNTRIES.items()}
    by_name = {three: two for _, two, three, *_ in COUNTRIES.values()} | names | {two: two for two in names.values()}
    key = country if upper not in by_name else upper
    found = [by_name[key]] if key in by_name else []
    found += [names[near] for near in get_close_matches(country.lower().replace(" ", "_"), names, n=2)]
    short = [two for two in names.values() if len(country) == 2]
    return list(dict.fromkeys([*found, *get_close_matches(upper, short, n=3, cutoff=_CLOSE)]))[:3]


def public_holidays(days: np.ndarray, code: str) -> np.ndarray:
    """Which days are public holidays, or are off in the place of one, bool array of the same shape.

    Parameters
    ----------
    days : datetime64[D] array
    code : str
        One for which `is_country` is true.

    Raises
    ------
    DataError
        A day lies outside the years for which the holidays are known.
    """
    if not days.size:
        return np.zeros(days.shape, dtype=bool)
    first, last = (int(str(end)[:4]) for end in (days.min(), days.max()))
    known = _known_years(code)
    if first < known[0] or last > known[1]:
        raise DataError(
            f"the public holidays of {code} are known from {known[0]} to {known[1]} only",
            remedy="Leave out what lies outside, or this calendar covariate.",
            time=days.min() if first < known[0] else days.max(),
        )
    return np.isin(days, np.concatenate([_of_year(code, year) for year in range(first, last + 1)]))


@lru_cache(maxsize=1)
def _codes() -> frozenset[str]:
    from holidays import list_supported_countries

    countries = {code: parts for code, parts in list_supported_countries().items() if len(code) == 2}
    return frozenset([*countries, *(f"{code}-{part}" for code, parts in countries.items() for part in parts)])


def _known_years(code: str) -> tuple[int, int]:
    from holidays import country_holidays

    country, _, subdivision = code.partition("-")
    calendar = country_holidays(country, subdiv=subdivision or None)
    return calendar.start_year, calendar.end_year


@lru_cache(maxsize=4096)
def _of_year(code: str, year: int) -> np.ndarray:
    from holidays import country_holidays

    country, _, subdivision = code.partition("-")
    found = country_holidays(country, subdiv=subdivision or None, years=year, expand=False)
    return np.array(sorted(found), dtype="datetime64[D]")
