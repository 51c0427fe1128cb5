"""What the gate found worth saying about data that it let in."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice


@dataclass(frozen=True)
class Notice:
    """One remark about data that were let in.

    Attributes
    ----------
    kind : str
        ``"sorted"``, ``"gaps"``, ``"missing"``, ``"trimmed"``, ``"empty"``, ``"constant"``, ``"placeholder"``,
        ``"column_types"``, ``"time_zone"``, ``"interpolated"``, ``"masked"``,
        ``"carried"``, ``"repeated"``, ``"inferred"`` or ``"irregular"``.
    message : str
        The remark as a sentence, with the series and times concerned.
    series : tuple of str
        Every series concerned.
    count : int
        How many rows, steps or series it is about, as the message says.
    """

    kind: str
    message: str
    series: tuple[str, ...] = ()
    count: int = 0


def shortened(names: Iterable[object], limit: int = 5) -> str:
    """A list of names as text: the first ``limit`` of them, then how many others there are."""
    names = list(names)
    text = ", ".join(str(name) for name in islice(names, limit))
    others = len(names) - limit
    return text if others <= 0 else f"{text} and {counted(others, 'other')}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """``1 step``, ``2 steps``: a number with its noun."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
