"""The suggestion in a message about a name that does not exist."""

from collections.abc import Iterable
from difflib import get_close_matches


def near_miss(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` was probably meant to be, or None."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[close[0]] if close else None


def choices(name: str, known: Iterable[str], *, limit: int = 20) -> str:
    """A remedy: the near miss if there is one, and the names that there are."""
    names = list(known)
    guess = near_miss(name, names)
    listed = ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
    return (f"Did you mean {guess!r}? " if guess else "") + f"There are: {listed or 'none'}."
