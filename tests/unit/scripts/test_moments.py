"""Points in time, as people write them."""

from __future__ import annotations

import time

from twisted.trial import unittest

from buildbot.scripts.moments import pointIn

NOW = 1_800_000_000.0
DAY = 86400.0


class MomentTests(unittest.SynchronousTestCase):
    """Texts and their times."""

    def read(self, text: str) -> float:
        return pointIn("--since", lambda: NOW)(text)

    def local(self, text: str) -> float:
        return time.mktime(time.strptime(text, "%Y-%m-%d %H:%M:%S"))

    def test_ages(self) -> None:
        """An age counts back from now."""
        for text, age in (
            *(("90s", 90), ("5 min", 300), ("2h", 7200), ("1.5h", 5400), ("3d", 3 * DAY)),
            *(("1w", 7 * DAY), ("2 hours ago", 7200), (" 1D ", DAY)),
        ):
            self.assertEqual(self.read(text), NOW - age, text)

    def test_days(self) -> None:
        """today and yesterday begin at midnight, local time."""
        today = self.read("today")
        self.assertEqual(time.localtime(today)[3:6], (0, 0, 0))
        self.assertEqual(time.localtime(today)[:3], time.localtime(NOW)[:3])
        self.assertEqual(time.localtime(self.read("yesterday"))[:3], time.localtime(today - DAY / 2)[:3])

    def test_dates(self) -> None:
        """Dates and times are local ones."""
        for text in ("2026-11-30 14:05", "2026-11-30T14:05", "2026-11-30 14:05:00"):
            self.assertEqual(self.read(text), self.local("2026-11-30 14:05:00"))
        self.assertEqual(self.read("2026-11-30"), self.local("2026-11-30 00:00:00"))

    def test_wrong(self) -> None:
        """Other texts are refused, with examples; an age of many years is the beginning of time."""
        for text in ("", "2", "2 fortnights", "-1h", "2026-13-01", "30.11.2026", "\x1b[2J"):
            self.assertIn("such as 2h, 3d or 1w", str(self.assertRaises(ValueError, self.read, text)))
        self.assertEqual(self.read("999999999w"), 0.0)
