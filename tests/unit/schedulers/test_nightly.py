"""The times of nightly builds, by the system clock."""

from __future__ import annotations

import os
import time
from datetime import datetime, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.schedulers.nightly import NightlyTimes
from tests.examples import examples, sample

MINUTE, HOUR, DAY = 60, 3600, 86400
BERLIN = ZoneInfo("Europe/Berlin")
#: Zones that change by half an hour, at midnight, between negative offsets, or that skipped a whole day.
ZONES = [
    *map(ZoneInfo, ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")),
    *map(ZoneInfo, ("America/Sao_Paulo", "Atlantic/Azores", "Pacific/Apia")),
]
fuzz = settings(max_examples=examples(60), deadline=None, derandomize=True, database=None)
#: From 2008, when all of these zones still changed their clocks, to 2012.
moments = st.integers(1199145600, 1325376000)


def moment(text: str, zone: tzinfo = BERLIN) -> float:
    """A time as a clock shows it."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def shown(when: float, zone: tzinfo = BERLIN) -> str:
    """The time that a clock shows, with the offset from UTC."""
    return datetime.fromtimestamp(when, zone).strftime("%Y-%m-%d %H:%M %z")


def several(times: NightlyTimes, when: float, count: int, zone: tzinfo = BERLIN) -> list[str]:
    """The next few times."""
    found = []
    for _ in range(count):
        when = times.after(when, zone)
        found.append(shown(when, zone))
    return found


class OrdinaryTests(unittest.TestCase):
    """Days without a change of the clock."""

    def next(self, after: str, **kwargs: Any) -> str:
        return shown(NightlyTimes(**kwargs).after(moment(after), BERLIN))[:-6]

    def test_examples(self) -> None:
        """Each argument has its meaning of 0.7.5, and a missing one matches everything."""
        for after, given_, expected in (
            ("2011-01-05 02:30", dict(hour=3), "2011-01-05 03:00"),
            ("2011-01-05 03:00", dict(hour=3), "2011-01-06 03:00"),
            ("2011-01-05 03:00:30", dict(hour=3, minute=1), "2011-01-05 03:01"),
            ("2011-01-05 03:00", {}, "2011-01-05 04:00"),
            ("2011-01-05 03:00", dict(minute=[45, 15]), "2011-01-05 03:15"),
            ("2011-01-05 23:59", dict(minute="*"), "2011-01-06 00:00"),
            ("2011-01-05 03:00", dict(hour=(1, 13), minute=5), "2011-01-05 13:05"),
            ("2011-01-05 03:00", dict(hour=0, dayOfWeek=0), "2011-01-10 00:00"),
            ("2011-01-05 03:00", dict(hour=0, dayOfWeek=[5, 6]), "2011-01-08 00:00"),
            ("2011-01-05 03:00", dict(hour=0, dayOfMonth=31, month=[2, 3]), "2011-03-31 00:00"),
            ("2097-01-05 03:00", dict(hour=0, dayOfMonth=29, month=2), "2104-02-29 00:00"),
            ("2011-12-31 23:59", dict(minute=0), "2012-01-01 00:00"),
        ):
            self.assertEqual(self.next(after, **given_), expected, given_)

    def test_cron(self) -> None:
        """0.8: a text is read as by cron; there Monday is day 1, and Sunday is 0 and 7."""
        for after, given_, expected in (
            ("2011-01-05 03:00", dict(minute="5"), "2011-01-05 03:05"),
            ("2011-01-05 03:20", dict(minute="*/20"), "2011-01-05 03:40"),
            ("2011-01-05 03:07", dict(minute="1,7"), "2011-01-05 04:01"),
            ("2011-01-05 03:01", dict(minute="1-3"), "2011-01-05 03:02"),
            ("2011-01-05 03:20", dict(minute=["*/20", "23"]), "2011-01-05 03:23"),
            ("2011-01-05 19:00", dict(hour="8-18/2"), "2011-01-06 08:00"),
            ("2011-01-05 19:00", dict(hour="0", dayOfMonth="1,15"), "2011-01-15 00:00"),
            ("2011-01-07 19:00", dict(hour=0, dayOfWeek="1-5"), "2011-01-10 00:00"),
            ("2011-01-07 19:00", dict(hour=0, dayOfWeek="0"), "2011-01-09 00:00"),
            ("2011-01-07 19:00", dict(hour=0, dayOfWeek="7"), "2011-01-09 00:00"),
            ("2011-01-07 19:00", dict(hour=0, dayOfWeek="Mon-Fri"), "2011-01-10 00:00"),
            ("2011-01-07 19:00", dict(hour=0, dayOfMonth="1", month="mar"), "2011-03-01 00:00"),
        ):
            self.assertEqual(self.next(after, **given_), expected, given_)
        for text in ("x", "60", "5-1", "*/0", "", "*-3", "1,", "-1", "1-", "mon", "1.5", "*/100"):
            self.assertRaises(ValueError, NightlyTimes, minute=text)
        self.assertRaises(ValueError, NightlyTimes, dayOfWeek="8")

    def test_eitherDay(self) -> None:
        """If days of the month and of the week are set, one of them is enough, as in cron."""
        times = NightlyTimes(0, 12, dayOfMonth=13, dayOfWeek=4)
        self.assertEqual(
            [each[:10] for each in several(times, moment("2011-05-01 00:00"), 4)],
            ["2011-05-06", "2011-05-13", "2011-05-20", "2011-05-27"],
        )
        self.assertTrue(times.isRunTime(datetime(2011, 6, 13, 12, 0, 59)))
        self.assertFalse(times.isRunTime(datetime(2011, 6, 14, 12, 0)))

    def test_refused(self) -> None:
        """Settings without any time are refused, with a message for the author."""
        for wrong, words in (
            (dict(minute=60), "minute must be a number from 0 to 59, a list of them, or '*', not 60"),
            (dict(hour=[1, 24]), "hour must be a number from 0 to 23, a list of them, or '*', not 24"),
            (dict(dayOfMonth=0), "dayOfMonth must be a number from 1 to 31, a list of them, or '*', not 0"),
            (dict(month="13"), "month must be a number from 1 to 12, a list of them, or '*', not '13'"),
            (dict(dayOfWeek=7), "dayOfWeek must be a number from 0 to 6, a list of them, or '*', not 7"),
            (dict(hour=True), "hour must be a number from 0 to 23, a list of them, or '*', not True"),
            (dict(hour=None), "hour must be a number from 0 to 23, a list of them, or '*', not None"),
            (dict(hour=[]), "hour must be a number from 0 to 23, a list of them, or '*', not nothing"),
            (dict(dayOfMonth=[30, 31], month=2), "no month in month= has such a dayOfMonth"),
        ):
            error = self.assertRaises(ValueError, NightlyTimes, **wrong)
            self.assertEqual(str(error), words)


class SummerTimeTests(unittest.TestCase):
    """Days on which the clock is put forward or back."""

    def test_forward(self) -> None:
        """Row 12: a build in the skipped hour comes once, a day after the last one."""
        self.assertEqual(
            several(NightlyTimes(30, 2), moment("2011-03-26 00:00"), 3),
            ["2011-03-26 02:30 +0100", "2011-03-27 03:30 +0200", "2011-03-28 02:30 +0200"],
        )
        both = several(NightlyTimes([0, 30], [2, 3]), moment("2011-03-27 00:00"), 3)
        self.assertEqual(
            both, [f"2011-03-27 {t} +0200" for t in ("03:00", "03:30")] + ["2011-03-28 02:00 +0200"]
        )

    def test_back(self) -> None:
        """Row 12: a build in the repeated hour comes only the first time."""
        self.assertEqual(
            several(NightlyTimes(30, 2), moment("2011-10-29 12:00"), 2),
            ["2011-10-30 02:30 +0200", "2011-10-31 02:30 +0100"],
        )

    def test_hourly(self) -> None:
        """An hourly build comes every hour, despite changes of the clock."""
        for begin in ("2011-03-26 20:00", "2011-10-29 20:00"):
            when = moment(begin)
            for _ in range(12):
                self.assertEqual(NightlyTimes().after(when, BERLIN), when + HOUR)
                when += HOUR

    def test_overMidnight(self) -> None:
        """A build at midnight comes when midnight itself is skipped."""
        zone = ZoneInfo("America/Sao_Paulo")
        self.assertEqual(
            several(NightlyTimes(0, 0), moment("2011-10-15 12:00", zone), 2, zone),
            ["2011-10-16 01:00 -0200", "2011-10-17 00:00 -0200"],
        )

    def test_wholeDay(self) -> None:
        """A build on a day that a country skipped, at the date line, comes the day after."""
        zone = ZoneInfo("Pacific/Apia")
        for begin in ("2011-12-29 13:00", "2011-12-31 01:00"):
            due = NightlyTimes(0, 12, dayOfMonth=30).after(moment(begin, zone), zone)
            self.assertEqual(shown(due, zone), "2011-12-31 12:00 +1400")

    def test_here(self) -> None:
        """Without a zone, the time zone of the machine counts."""

        def setZone(name: str | None) -> None:
            os.environ.pop("TZ", None)
            if name is not None:
                os.environ["TZ"] = name
            time.tzset()

        self.addCleanup(setZone, os.environ.get("TZ"))
        for zone in ("Europe/Berlin", "America/New_York"):
            setZone(zone)
            for times in (NightlyTimes(30, 2), NightlyTimes([0, 30])):
                begin = moment("2011-03-01 00:00")
                for number in sample(range(300), 25):
                    when = begin + 21 * HOUR * number
                    self.assertEqual(times.after(when), times.after(when, ZoneInfo(zone)), when)

    @given(st.sampled_from(ZONES), moments, st.integers(0, 23), st.integers(0, 59))
    @fuzz
    def test_daily(self, zone: ZoneInfo, begin: int, hour: int, minute: int) -> None:
        """Row 12: a daily build comes once for each calendar day, despite changes of the clock."""
        times, when = NightlyTimes(minute, hour), float(begin)
        for _ in range(40):
            due = times.after(when, zone)
            self.assertTrue(when < due)
            wall = datetime.fromtimestamp(due, zone)
            if (wall.hour, wall.minute) == (hour, minute):
                self.assertEqual(wall.fold, 0)
            else:
                offset = datetime.fromtimestamp(due - DAY, zone).utcoffset()
                before = datetime.fromtimestamp(due, timezone(offset or timezone.utc.utcoffset(None)))
                self.assertEqual(
                    (before.hour, before.minute), (hour, minute), "what the old clock would show"
                )
            if when != begin:
                self.assertTrue(22 * HOUR <= due - when <= 26 * HOUR, shown(due, zone))
            when = due

    @given(
        st.sampled_from(ZONES),
        moments,
        st.lists(st.integers(0, 59), min_size=1, max_size=3) | st.just("*"),
        st.lists(st.integers(0, 6), min_size=1, max_size=3) | st.just("*"),
    )
    @fuzz
    def test_everyHour(self, zone: ZoneInfo, begin: int, minutes: Any, days: Any) -> None:
        """An hourly build comes at the next minute at which the clock shows a matching time."""
        times = NightlyTimes(minutes, dayOfWeek=days)
        due, step = times.after(begin, zone), begin - begin % MINUTE + MINUTE
        while not times.isRunTime(datetime.fromtimestamp(step, zone)):
            step += MINUTE
        self.assertEqual(due, step)
