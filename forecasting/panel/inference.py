"""Finding the frequency of a panel from the steps that occur in its series."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.errors import DataError
from forecasting.panel import aliases, grids
from forecasting.panel.clock import wall_clock
from forecasting.panel.frequency import Frequency
from forecasting.panel.notice import counted, shortened
from forecasting.panel.rows import Rows

MIN_STAMPS = 3
# The step of a grid must itself be seen this often among the steps of a series; gaps make up the others.
_MIN_SHARE = 0.1
# A grid that was only inferred is not believed when more than this share of a series would be gaps.
_MOST_ABSENT = 0.8
_DAY = 86_400_000_000
_NONE = -1
_UNITS = ("", "step", "microsecond", "day", "month", "business")
_UNDECIDED, _STEP, _MICROSECOND, _DAYS, _MONTH, _BUSINESS = range(6)
_MONTH_DAYS = (1, 31, grids.FIRST_WEEKDAY, grids.LAST_WEEKDAY)


def infer(rows: Rows) -> Frequency:
    """The one frequency that all series have in common.

    Each series with at least three stamps gives its vote: the smallest step that occurs, if every other step is a
    multiple of it (the others are gaps) and at least every tenth step is one. Steps are looked at as months, business
    days, days and weeks on the clock of the time zone first, then as fixed durations in UTC. Series that agree on the
    step but not on the weekday or month share the frequency without it.

    Precondition: rows are sorted, and no series has a time twice.

    Raises
    ------
    DataError
        If no series has three stamps, series disagree, or times follow no grid.
    """
    if rows.is_step:
        _refuse_dates_as_numbers(rows)
    voters = np.flatnonzero(rows.lengths >= MIN_STAMPS)
    if not len(voters):
        longest = int(np.argmax(rows.lengths))
        raise DataError(
            f"a frequency can be inferred from {MIN_STAMPS} or more time stamps of a series, the longest has "
            f"{rows.lengths[longest]}",
            remedy="Give the frequency, for instance frequency='D'.",
            series=rows.ids[longest],
        )
    sample = _Sample.of(rows, voters)
    votes = _step_votes(sample) if rows.is_step else _time_votes(sample, rows.tz)
    decided = votes[:, 0] != _UNDECIDED
    if not decided.any():
        raise _irregular(rows, int(voters[0]))
    return _agreed(rows, voters[decided], votes[decided])


def refuse_mostly_absent(rows: Rows, lengths: np.ndarray, frequency: Frequency) -> None:
    """Doubt an inferred frequency of which hardly a step occurs: a series with a daily and a monthly part, say.

    Parameters
    ----------
    rows : Rows
    lengths : int64 array of shape (n_series,)
        Steps of the grid of each series.
    frequency : Frequency
        What was inferred.

    Raises
    ------
    DataError
        Most steps of a series would be gaps.
    """
    absent = 1 - rows.lengths / lengths
    worst = int(np.argmax(absent))
    if absent[worst] > _MOST_ABSENT:
        raise DataError(
            f"the frequency seems to change: of the grid {frequency} that fits all times, "
            f"{lengths[worst] - rows.lengths[worst]:,} of {lengths[worst]:,} steps are absent",
            remedy="Bring the series to one frequency, or if these are gaps indeed, state the frequency.",
            series=rows.ids[worst],
        )


def _refuse_dates_as_numbers(rows: Rows) -> None:
    """Whole numbers that all read as dates (20240131) would be evenly spaced within a month and jump after it."""
    numbers = rows.times
    if numbers.min() < 18000101 or numbers.max() > 22001231:
        return
    read = pd.to_datetime(pd.Series(np.unique(numbers).astype(str)), format="%Y%m%d", errors="coerce")
    if not read.isna().any():
        raise DataError(
            "the times are whole numbers that all read as dates (year, month, day)",
            remedy="Turn them into dates with pandas.to_datetime(column.astype(str), format='%Y%m%d'), "
            "or give the frequency as a number if they are steps.",
            series=rows.id_of(0),
            time=rows.time_of(0),
        )


@dataclass(frozen=True)
class _Sample:
    """The times of the voting series, all in one array, and where each series begins."""

    times: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, rows: Rows, voters: np.ndarray) -> "_Sample":
        lengths = rows.lengths[voters]
        times = rows.times if len(voters) == len(rows.ids) else rows.times[np.isin(rows.series, voters)]
        return cls(times, np.cumsum(lengths) - lengths, lengths)

    def take(self, series: np.ndarray) -> "_Sample":
        """Only the series that a bool array marks."""
        lengths = self.lengths[series]
        return _Sample(self.times[np.repeat(series, self.lengths)], np.cumsum(lengths) - lengths, lengths)

    def all(self, flags: np.ndarray) -> np.ndarray:
        """For each series whether a flag of all its stamps is set."""
        return np.logical_and.reduceat(flags, self.starts)

    def smallest_step(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The smallest step between neighbouring numbers of each series, and whether the series keeps to it."""
        steps = np.delete(np.diff(numbers), self.starts[1:] - 1)
        counts = self.lengths - 1
        starts = np.cumsum(counts) - counts
        smallest = np.minimum.reduceat(steps, starts)
        expected = np.repeat(smallest, counts)
        share = np.add.reduceat(steps == expected, starts) / counts
        fits = (smallest > 0) & (share >= _MIN_SHARE)
        multiple = np.ones(len(steps), bool)
        larger = np.flatnonzero((steps != expected) & (expected > 0))
        multiple[larger] = steps[larger] % expected[larger] == 0
        return smallest, fits & np.logical_and.reduceat(multiple, starts)


def _blank(count: int) -> np.ndarray:
    """Votes, int64 array of shape (n_series, 4): unit, size, anchor, day; all undecided."""
    return np.tile(np.array([_UNDECIDED, 0, _NONE, _NONE], dtype=np.int64), (count, 1))


def _step_votes(sample: _Sample) -> np.ndarray:
    votes = _blank(len(sample.lengths))
    size, fits = sample.smallest_step(sample.times)
    votes[fits, 0], votes[fits, 1] = _STEP, size[fits]
    return votes


def _time_votes(sample: _Sample, tz: str | None) -> np.ndarray:
    votes = _blank(len(sample.lengths))
    shown = wall_clock(sample.times, tz)
    days = shown.astype("datetime64[D]")
    clock = shown - days
    daily = sample.all(clock == np.repeat(clock[sample.starts], sample.lengths))
    if daily.any():
        on_days = _Sample(days, sample.starts, sample.lengths)
        votes[daily] = _day_votes(on_days if daily.all() else on_days.take(daily))
    open_ = votes[:, 0] == _UNDECIDED
    if open_.any():
        fixed = sample if open_.all() else sample.take(open_)
        size, fits = fixed.smallest_step(fixed.times.astype(np.int64))
        chosen = np.flatnonzero(open_)[fits]
        votes[chosen, 0], votes[chosen, 1] = _MICROSECOND, size[fits]
    return votes


def _day_votes(sample: _Sample) -> np.ndarray:
    """Votes of series whose stamps all have the same time of day; ``sample.times`` are days."""
    votes = _blank(len(sample.lengths))
    numbers = sample.times.astype(np.int64)
    size, fits = sample.smallest_step(numbers)
    votes[fits, 0], votes[fits, 1] = _DAYS, size[fits]
    weekday = grids.weekday_of(sample.times)
    weekly = fits & (size % 7 == 0)
    votes[weekly, 2] = weekday[sample.starts][weekly]
    weeks = (numbers + 3) // 7
    several_weeks = weeks[sample.starts] != weeks[sample.starts + sample.lengths - 1]
    business = sample.all(weekday < 5) & several_weeks & (size == 1)
    if business.any():
        chosen = sample.take(business)
        _, fits = chosen.smallest_step(grids.business_number(chosen.times))
        votes[np.flatnonzero(business)[fits]] = (_BUSINESS, 1, _NONE, _NONE)
    monthly = size >= 28
    if monthly.any():
        found = _month_votes(sample.take(monthly))
        better = found[:, 0] != _UNDECIDED
        votes[np.flatnonzero(monthly)[better]] = found[better]
    return votes


def _month_votes(sample: _Sample) -> np.ndarray:
    """Votes of series whose days lie at least 28 days apart."""
    votes = _blank(len(sample.lengths))
    months = grids.month_of(sample.times)
    day = (sample.times - months.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1
    latest = np.maximum.reduceat(day, sample.starts)
    same = np.repeat(latest, sample.lengths)
    in_month = np.minimum(same, (grids.month_date(months, 31) - grids.month_date(months, 1)).astype(np.int64) + 1)
    chosen = np.where(sample.all(day == in_month), latest, _NONE)
    for known in reversed(_MONTH_DAYS):
        chosen = np.where(sample.all(grids.month_date(months, known) == sample.times), known, chosen)
    size, fits = sample.smallest_step(months)
    fits &= chosen != _NONE
    cycle = np.where(size % 12 == 0, 12, np.where(size % 3 == 0, 3, 1))
    anchor = np.where(cycle == 1, _NONE, months[sample.starts] % cycle)
    votes[fits] = np.column_stack([np.full(len(size), _MONTH), size, anchor, chosen])[fits]
    return votes


def _agreed(rows: Rows, voters: np.ndarray, votes: np.ndarray) -> Frequency:
    """The frequency that every vote allows."""
    if (votes[:, 0] == _BUSINESS).any():
        # A series that has not seen a weekend cannot tell days from business days.
        unaware = (votes[:, 0] == _DAYS) & (votes[:, 1] == 1) & _within_a_working_week(rows, voters)
        voters, votes = voters[~unaware], votes[~unaware]
    kinds, first, which = np.unique(votes[:, [0, 1, 3]], axis=0, return_index=True, return_inverse=True)
    if len(kinds) == 1:
        anchors = np.unique(votes[:, 2])
        return _frequency(votes[0], anchors[0] if len(anchors) == 1 else _NONE)
    groups = sorted(range(len(kinds)), key=lambda kind: -int((which == kind).sum()))
    text = "; ".join(
        f"{_frequency(votes[first[kind]], _NONE).alias} in {shortened(rows.ids[voters[which == kind]], 3)}"
        for kind in groups[:4]
    )
    odd = voters[which == groups[-1]]
    raise DataError(
        f"the series have different frequencies: {text}",
        remedy="Forecast them as separate data sets, bring them to one frequency, or give the frequency.",
        series=shortened(rows.ids[odd], 3),
    )


def _within_a_working_week(rows: Rows, series: np.ndarray) -> np.ndarray:
    first = wall_clock(rows.times[rows.indptr[series]], rows.tz).astype("datetime64[D]")
    last = wall_clock(rows.times[rows.indptr[series + 1] - 1], rows.tz).astype("datetime64[D]")
    first_weekday, last_weekday = grids.weekday_of(first), grids.weekday_of(last)
    within: np.ndarray = (first_weekday <= last_weekday) & (last_weekday < 5) & (last - first < np.timedelta64(5, "D"))
    return within


def _frequency(vote: np.ndarray, anchor: int) -> Frequency:
    unit, size, _, day = (int(part) for part in vote)
    return Frequency(_UNITS[unit], size, None if anchor == _NONE else int(anchor), None if unit != _MONTH else day)


def _irregular(rows: Rows, series: int) -> DataError:
    """What is said of a series whose stamps follow no grid: its usual step, and the first stamp that breaks it."""
    start, stop = rows.indptr[series], rows.indptr[series + 1]
    steps = np.diff(rows.times[start:stop]).astype(np.int64)
    sizes, counts = np.unique(steps, return_counts=True)
    usual = int(sizes[np.argmax(counts)])
    if not rows.is_step and usual >= 28 * _DAY and (odd := _off_the_usual_day(rows, start, stop)) is not None:
        return odd
    broken = np.flatnonzero(steps % usual != 0)
    row = start + 1 + int(broken[0] if len(broken) else np.flatnonzero(steps != usual)[0])
    problem = (
        f"the times follow no grid: the most frequent step is {_step_text(rows, usual)} "
        f"({counts.max() / len(steps):.0%} of the steps), but this time lies "
        f"{_step_text(rows, int(steps[row - start - 1]))} after {rows.time_of(row - 1)}"
    )
    remedy = (
        "If observations come at irregular times, state a step to put them on, such as frequency='10min', with"
        " irregular='last' or irregular='mean'."
    )
    if rows.tz is not None:
        remedy += " If the times follow the clock of a place, state it with tz, for instance tz='Europe/Berlin'."
    if rows.is_step:
        remedy = "Give the step as the frequency, or dates instead of numbers."
    others = f" (and {counted(len(rows.ids) - 1, 'other series', 'other series')})" if len(rows.ids) > 1 else ""
    return DataError(problem + others, remedy=remedy, series=rows.ids[series], time=rows.time_of(row))


def _off_the_usual_day(rows: Rows, start: int, stop: int) -> DataError | None:
    """The first time of a monthly series that is not on the day of the month that most of the others have."""
    shown = wall_clock(rows.times[start:stop], rows.tz).astype("datetime64[D]")
    months = grids.month_of(shown)
    days = (shown - grids.month_date(months, 1)).astype(np.int64) + 1
    usual = max((31, int(np.bincount(days).argmax())), key=lambda day: (grids.month_date(months, day) == shown).sum())
    there = grids.month_date(months, usual) == shown
    if there.all() or 2 * there.sum() < len(there):
        return None
    row = start + int(np.flatnonzero(~there)[0])
    where = "the last day of a month" if usual == 31 else f"day {usual} of a month"
    return DataError(
        f"the times follow no grid: {there.mean():.0%} of them are {where}, this one is not",
        remedy="Correct the time, or give the frequency.",
        series=rows.id_of(row),
        time=rows.time_of(row),
    )


def _step_text(rows: Rows, size: int) -> str:
    if rows.is_step:
        return str(size)
    return (
        aliases.write("day", size // _DAY, None, None)
        if size % _DAY == 0
        else aliases.write("microsecond", size, None, None)
    )
