"""The step of a time axis: parsing its name, moving along it, and counting steps."""

import operator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.errors import DataError, ParameterError
from forecasting.panel import aliases, calendars, grids
from forecasting.panel.clock import from_wall_clock, wall_clock

_FIRST_MARK = np.datetime64("2000-01-01T00:00", "us")
_WEEKDAY_OF_1970 = 3  # its first day was a Thursday


@dataclass(frozen=True)
class Frequency:
    """The distance between two neighbouring times of a series, and where on the calendar they may lie.

    Made by :meth:`parse`. Steps shorter than a day are counted in UTC; days, weeks, months, business days and sessions
    are counted on the clock of the time zone, so that a daily series keeps its hour across a daylight saving change.
    A time of day, where the times have one, is kept by every step.

    Attributes
    ----------
    unit : str
        ``"step"`` (integers), ``"microsecond"``, ``"day"``, ``"month"``, ``"business"`` or ``"session"``.
    size : int
        Units in one step, at least 1.
    anchor : int or None
        For whole weeks the weekday (Monday 0), for whole quarters and years the month (January 0) that lies on the
        grid; None where any one will do, as the first time of each series has it.
    day : int or None
        For months the day of the month, see :func:`forecasting.panel.grids.month_date`.
    calendar : str or None
        The exchange whose sessions are the steps.
    """

    unit: str
    size: int = 1
    anchor: int | None = None
    day: int | None = None
    calendar: str | None = None

    @classmethod
    def parse(cls, alias: str | int, calendar: str | None = None) -> "Frequency":
        """The frequency with this name.

        Parameters
        ----------
        alias : str or int
            An integer (or its digits) for integer steps, or a name as pandas has them, with a multiple before it:

            - ``us``, ``ms``, ``s``, ``min``, ``h``: fixed steps;
            - ``D``, ``W`` (any weekday, the same throughout a series), ``W-SUN`` to ``W-SAT``;
            - ``MS``, ``ME``: first and last day of the month; ``BMS``, ``BME``: its first and last Monday to Friday;
              ``MS@15``: any fixed day, here the 15th, or the last day of a month that is too short;
            - ``QS``, ``QE``, ``YS``, ``YE`` and so on: the same for quarters and years, in any month that is the same
              throughout a series, or in a stated one: ``QS-FEB``, ``YE-JUN``, ``YS-APR@6``;
            - ``B``: Monday to Friday;
            - ``session``: the sessions of the exchange ``calendar``.
        calendar : str, optional
            An exchange such as ``"XNYS"``. With it ``"session"``, ``"B"`` and ``"D"`` all mean its sessions.

        Raises
        ------
        ParameterError
            If there is no such frequency or calendar, or the two do not go together.
        """
        if isinstance(alias, bool) or not isinstance(alias, str):
            try:
                size = 0 if isinstance(alias, bool) else operator.index(alias)
            except TypeError:
                size = 0
            if size < 1:
                raise ParameterError(
                    f"{alias!r} is not a frequency",
                    remedy="Give a name such as 'h', 'D' or 'MS', or a positive whole number for integer steps.",
                    parameter="frequency",
                )
            alias = str(size)
        unit, size, anchor, day = aliases.read(alias)
        if calendar is None:
            if unit == "session":
                raise ParameterError(
                    "frequency 'session' needs an exchange",
                    remedy="Name it, for instance calendar='XNYS'.",
                    parameter="calendar",
                )
            return cls(unit, size, anchor, day)
        if size != 1 or unit not in ("session", "business", "day"):
            raise ParameterError(
                f"frequency {alias!r} does not go with the exchange calendar {calendar}",
                remedy="Use frequency 'session', or leave the calendar out.",
                parameter="frequency",
            )
        calendars.check_calendar(calendar)
        return cls("session", calendar=calendar)

    @property
    def alias(self) -> str:
        """The canonical name; ``Frequency.parse(f.alias, f.calendar) == f``."""
        return aliases.write(self.unit, self.size, self.anchor, self.day)

    @property
    def is_step(self) -> bool:
        """Whether times are integers."""
        return self.unit == "step"

    @property
    def season_length(self) -> int:
        """The usual number of steps in a season: a day for hours and minutes, an hour for seconds, a week for days,
        a year for weeks and months; 1 where there is none that is usual."""
        return aliases.season_length(self.unit, self.size)

    def __str__(self) -> str:
        """The alias, with the calendar if there is one."""
        return f"{self.alias} of {self.calendar}" if self.calendar else self.alias

    def advance(self, start: np.ndarray, steps: np.ndarray | int, tz: str | None = None) -> np.ndarray:
        """The times that lie some steps after others.

        Parameters
        ----------
        start : datetime64[us] array in UTC, or int64 array for integer steps
        steps : int array or int
            Broadcast against ``start``; negative ones go back.
        tz : str, optional
            The time zone on whose clock days and longer steps are counted.

        Returns
        -------
        array like ``start``, of the broadcast shape

        Raises
        ------
        DataError
            If a start does not lie on the grid (a Sunday for ``"B"``), or a step leads beyond the known sessions.
        """
        moves = np.asarray(steps, dtype=np.int64)
        if self.unit == "step":
            return np.asarray(start, dtype=np.int64) + moves * self.size
        start = np.asarray(start, dtype="datetime64[us]")
        if self.unit == "microsecond":
            later: np.ndarray = start + (moves * self.size).astype("timedelta64[us]")
            return later
        days, clock = _split(wall_clock(start, tz))
        first, on_grid = self._number(days)
        if not on_grid.all():
            raise DataError(
                f"{pd.Timestamp(start[~on_grid].ravel()[0])} does not lie on the time grid {self}",
                remedy="Start from a time of the series.",
            )
        moved = from_wall_clock(self._date(first + moves * self.size) + clock, tz)
        return np.where(moves == 0, start, moved)

    def mark(self, times: np.ndarray, tz: str | None = None) -> np.ndarray:
        """The first mark at or after each time, where marks do not depend on when a series begins.

        Days and longer steps have their marks at midnight on the clock of ``tz``: weeks without a weekday on Mondays,
        quarters and years without a month in January, or where they end a month in December; several days, weeks or
        months are counted from there in 1970. Shorter steps are counted from midnight of the first of January 2000
        on that clock, so that those which divide an hour or a day lie where a clock shows them; in summer time those of
        several hours an hour later.

        Parameters
        ----------
        times : datetime64[us] array in UTC
        tz : str, optional

        Returns
        -------
        datetime64[us] array of the same shape, in UTC
        """
        times = np.asarray(times, dtype="datetime64[us]")
        if self.unit == "microsecond":
            origin = from_wall_clock(np.array([_FIRST_MARK]), tz)[0]
            whole = -(-(times - origin).astype(np.int64) // self.size)
            later: np.ndarray = origin + (whole * self.size).astype("timedelta64[us]")
            return later
        days, clock = _split(wall_clock(times, tz))
        first = self._first_mark
        number = (self._number(days)[0] - first) // self.size * self.size + first
        behind = (self._date(number) < days) | (clock > np.timedelta64(0))
        found = from_wall_clock(self._date(number + behind * self.size).astype("datetime64[us]"), tz)
        # A midnight that the clock shows twice: its first occurrence lies before what was observed at the second.
        again = from_wall_clock(self._date(number + self.size).astype("datetime64[us]"), tz)
        return np.where(found < times, again, found)

    def steps(self, start: np.ndarray, times: np.ndarray, tz: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """How many steps times lie after others.

        Parameters
        ----------
        start, times : datetime64[us] arrays in UTC, or int64 arrays for integer steps
            Broadcast against each other.
        tz : str, optional
            The time zone on whose clock days and longer steps are counted.

        Returns
        -------
        steps : int64 array
            Whole steps from ``start`` to ``times``, rounded down.
        on_grid : bool array
            Whether ``times`` lies exactly there.

        Raises
        ------
        DataError
            If a time lies beyond the known sessions of the calendar.
        """
        if self.unit in ("step", "microsecond"):
            kind = np.int64 if self.is_step else "datetime64[us]"
            apart = (np.asarray(times, dtype=kind) - np.asarray(start, dtype=kind)).astype(np.int64)
            count = apart // self.size
            return count, count * self.size == apart
        start, times = np.asarray(start, dtype="datetime64[us]"), np.asarray(times, dtype="datetime64[us]")
        start_days, start_clock = _split(wall_clock(start, tz))
        days, clock = _split(wall_clock(times, tz))
        first, start_on_grid = self._number(start_days)
        number, day_on_grid = self._number(days)
        count = (number - first) // self.size
        right_day = start_on_grid & day_on_grid & (count * self.size == number - first)
        on_grid = right_day & (clock == start_clock)
        if tz is not None:
            self._forgive_skipped_times(on_grid, right_day, first + count * self.size, start_clock, times, tz)
        return count - (right_day & ~on_grid & (clock < start_clock)), on_grid

    def _forgive_skipped_times(
        self,
        on_grid: np.ndarray,
        right_day: np.ndarray,
        number: np.ndarray,
        clock: np.ndarray,
        times: np.ndarray,
        tz: str,
    ) -> None:
        """Mark as on the grid what daylight saving moved to the first moment after a time that the clock skips."""
        doubtful = right_day & ~on_grid
        if doubtful.any():
            shape = doubtful.shape
            clock, times = np.broadcast_to(clock, shape)[doubtful], np.broadcast_to(times, shape)[doubtful]
            on_grid[doubtful] = from_wall_clock(self._date(number[doubtful]) + clock, tz) == times

    def _number(self, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ordinal of each day among the days of this unit, rounded down, and whether it is one of them."""
        if self.unit == "day":
            number = days.astype(np.int64)
            on_grid = np.ones(days.shape, bool) if self.anchor is None else grids.weekday_of(days) == self.anchor
            return number, on_grid
        if self.unit == "month":
            number = grids.month_number(days, self._day)
            on_grid = grids.month_date(number, self._day) == days
            if self.anchor is not None:
                on_grid &= (number - self.anchor) % aliases.months_in_cycle(self.size) == 0
            return number, on_grid
        if self.unit == "business":
            return grids.business_number(days), grids.weekday_of(days) < 5
        number = calendars.session_number(days, self._calendar)
        return number, calendars.session_date(number, self._calendar) == days

    def _date(self, number: np.ndarray) -> np.ndarray:
        if self.unit == "day":
            return number.astype("datetime64[D]")
        if self.unit == "month":
            return grids.month_date(number, self._day)
        if self.unit == "business":
            return grids.business_date(number)
        return calendars.session_date(number, self._calendar)

    @property
    def _first_mark(self) -> int:
        """The number of one day that is a mark, others lie whole steps from it."""
        if self.unit == "day":
            return (self.anchor or 0) - _WEEKDAY_OF_1970 if self.size % 7 == 0 else 0
        return (-1 if self._day in (31, grids.LAST_WEEKDAY) else 0) if self.anchor is None else self.anchor

    @property
    def _day(self) -> int:
        return 1 if self.day is None else self.day

    @property
    def _calendar(self) -> str:
        return self.calendar or ""


def _split(shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Days and times of day."""
    days = shown.astype("datetime64[D]")
    return days, shown - days
