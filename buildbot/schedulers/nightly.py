# -*- test-case-name: tests.unit.schedulers.test_nightly -*-
"""The times of nightly builds, by the system clock, with summer time.

This module has no timer and no clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from buildbot.config.messages import shown

#: A setting: one number, several, "*" for all, or a text as in cron.
Times = int | str | Iterable[int | str]

#: The most days to search. 29 February comes again after 8 years at most (1896, 1904).
_SEARCHED = 8 * 366 + 3


def spelled(value: Times) -> int | str | list[int | str]:
    """A setting in a form that can be read again, compared and stored: several numbers become a list."""
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str) else value


#: A part of a text as in cron.
_CRON = re.compile(
    r"(?P<first>\*|\d{1,2}|[a-z]{3})(?:-(?P<last>\d{1,2}|[a-z]{3}))?(?:/(?P<step>0?[1-9]|[1-9]\d))?", re.ASCII
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True)
class _Field:
    name: str
    lowest: int
    highest: int

    def read(self, value: Times) -> frozenset[int] | None:
        """The numbers of a setting; None for "*".

        @raise ValueError: the setting is not valid.
        """
        if value == "*":
            return None
        given: list[Any] = (
            list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
        )
        values = [number for each in given for number in self._numbers(each)]
        wrong = [v for v in values if type(v) is not int or not self.lowest <= v <= self.highest]
        if wrong or not values:
            told = repr(wrong[0]) if wrong else "nothing"
            raise ValueError(f"{self.name} must be {self.expected}, not {told}")
        return frozenset(values)

    def _numbers(self, value: Any) -> list[Any]:
        """The numbers of a text as in cron: C{"1,15"}, C{"8-18/2"}, C{"*/20"}; any other value, by itself."""
        if not isinstance(value, str):
            return [value]
        numbers: list[Any] = []
        for part in value.lower().split(","):
            found = _CRON.fullmatch(part.strip())
            first, last = self._ends(found) if found else (None, None)
            if found is None or first is None or last is None or not first <= last:
                return [value]
            numbers += [self._fromCron(each) for each in range(first, last + 1, int(found["step"] or 1))]
        return numbers

    def _ends(self, found: re.Match[str]) -> tuple[int | None, int | None]:
        """The first and the last number of a part of a text, as in cron."""
        highest = 7 if self.name == "dayOfWeek" else self.highest
        if found["first"] == "*":
            return (self.lowest, self.highest) if found["last"] is None else (None, None)
        ends = [self._number(each) for each in (found["first"], found["last"] or found["first"])]
        isGood = all(each is not None and self.lowest <= each <= highest for each in ends)
        return (ends[0], ends[1]) if isGood else (None, None)

    def _number(self, word: str) -> int | None:
        if word.isdigit():
            return int(word)
        names = {"month": _MONTHS, "dayOfWeek": _DAYS}.get(self.name, ())
        return names.index(word) + self.lowest if word in names else None

    def _fromCron(self, number: int) -> int:
        """A day of the week of cron, where Sunday is 0 and 7, as a number of Python."""
        return (number - 1) % 7 if self.name == "dayOfWeek" else number

    @property
    def expected(self) -> str:
        """The possible values, in words."""
        return f"a number from {self.lowest} to {self.highest}, a list of them, or '*'"

    def detail(self, value: Any) -> str | None:
        """The reason why a value is not valid, if the value is a collection."""
        if not isinstance(value, (list, tuple, set, frozenset)):
            return None
        wrong = [each for each in value if not self.isValid(each) or isinstance(each, Iterable)]
        return f"it holds {shown(wrong[0])}" if wrong else "it is empty"

    def isValid(self, value: Any) -> bool:
        """True for a valid value. An iterator is assumed to be valid: it can be read only once."""
        if isinstance(value, Iterator):
            return True
        try:
            self.read(value)
        except (ValueError, TypeError):
            return False
        return True


FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("dayOfMonth", 1, 31),
    _Field("month", 1, 12),
    _Field("dayOfWeek", 0, 6),
)


class NightlyTimes:
    """I compute the times that match the five settings of a nightly build.

    A day matches if its month, day of the month and day of the week match. If both kinds of day are set, one
    of them is enough, as in cron.

    Summer time: if the clock is put forward over a matching time, the build comes as if the clock had not
    changed (a time of 2:30 at 3:30). If the clock is put back, so that the time comes twice, the build comes
    the first time. But if C{hour} is C{"*"}, a build comes whenever the clock shows the minute.
    """

    def __init__(
        self,
        minute: Times = 0,
        hour: Times = "*",
        dayOfMonth: Times = "*",
        month: Times = "*",
        dayOfWeek: Times = "*",
    ) -> None:
        """Each parameter is a number, a list of numbers, C{"*"}, or a text as in cron, such as C{"*/20"} and
        C{"1-5"}. Monday is the C{dayOfWeek} 0, but 1 in a text, where Sunday is 0 and 7.

        @raise ValueError: no such time exists, such as the 31st of February. The text is for the author of
            the configuration.
        """
        given = (minute, hour, dayOfMonth, month, dayOfWeek)
        read = [field.read(value) for field, value in zip(FIELDS, given, strict=True)]
        self._minutes, self._hours, self._daysOfMonth, self._months, self._daysOfWeek = read
        leapYear = (date(2000, 1, 1) + timedelta(days=n) for n in range(366))
        if not any(map(self.isRunDay, leapYear)):
            raise ValueError("no month in month= has such a dayOfMonth")

    def isRunDay(self, day: date) -> bool:
        """True if a day matches."""
        if not _among(day.month, self._months):
            return False
        ofMonth, ofWeek = _among(day.day, self._daysOfMonth), _among(day.weekday(), self._daysOfWeek)
        if self._daysOfMonth is not None and self._daysOfWeek is not None:
            return ofMonth or ofWeek
        return ofMonth and ofWeek

    def isRunTime(self, wall: datetime) -> bool:
        """True if a time on the clock matches. Seconds are ignored."""
        return self.isRunDay(wall) and _among(wall.hour, self._hours) and _among(wall.minute, self._minutes)

    def after(self, when: float, zone: tzinfo | None = None) -> float:
        """The first matching time after C{when}; both in seconds since the epoch.

        @param zone: the time zone; None: that of the environment variable TZ or of the machine.
        """
        # If the clock is put forward over midnight, times of yesterday come today.
        day = datetime.fromtimestamp(when, zone).date() - timedelta(days=1)
        found: float | None = None
        for _ in range(_SEARCHED):
            later = [due for due in self._timesOn(day, zone) if due > when] if self.isRunDay(day) else []
            found = min(later if found is None else [found, *later], default=None)
            day += timedelta(days=1)
            if found is not None and found <= datetime.combine(day, time(tzinfo=zone)).timestamp():
                return found
        raise AssertionError("no day of the next eight years matches")

    def _timesOn(self, day: date, zone: tzinfo | None) -> Iterator[float]:
        """All matching times of a day."""
        for hour in range(24) if self._hours is None else self._hours:
            for minute in range(60) if self._minutes is None else self._minutes:
                wall = datetime.combine(day, time(hour, minute, tzinfo=zone))
                due = wall.timestamp()
                if self._hours is not None:
                    yield due
                elif datetime.fromtimestamp(due, zone).replace(tzinfo=zone, fold=0) == wall:
                    yield due
                    yield wall.replace(fold=1).timestamp()


def _among(value: int, values: frozenset[int] | None) -> bool:
    return values is None or value in values
