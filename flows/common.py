"""What the steps share: names in frames, places in errors, the level that is shown, the season, times as text."""

import contextlib
from collections.abc import Iterator

from forecasting.errors import ForecastingError
from forecasting.panel import Panel
from forecasting.sources import DataSet

MODEL = "SimpleRNN"
NAIVE = "SeasonalNaive"


@contextlib.contextmanager
def located(dataset: str) -> Iterator[None]:
    """Name the data set in every error of this package that does not name one yet."""
    try:
        yield
    except ForecastingError as error:
        raise error.at(dataset=dataset) from error


def shown_level(dataset: DataSet) -> int | None:
    """The level in per cent whose interval is shown: 80 if there is one, otherwise the first; None without levels."""
    if 80 in dataset.levels:
        return 80
    return dataset.levels[0] if dataset.levels else None


def season_of(dataset: DataSet, panel: Panel) -> int:
    """Season length of the baseline and of the scale of MASE: the data set's, or the usual one of its frequency."""
    return dataset.season_length or panel.frequency.season_length


def time_text(time: object) -> str:
    """A time or an integer step as text, without a clock time where it is midnight."""
    return str(time).removesuffix(" 00:00:00")
