"""Which lines and bytes of a log are wanted."""

from __future__ import annotations

import random

from twisted.trial import unittest

from buildbot.web.logs.choosing import Unsatisfiable, Wanted, around, lineOf, rangeOf, shareOf


class LineTests(unittest.TestCase):
    def test_line(self) -> None:
        """A place is a number or a percentage."""
        self.assertEqual(
            [lineOf(each, 2000) for each in ("7", " 50 % ", "0", "200%", "0.1%")], [7, 1000, 1, 2000, 2]
        )
        self.assertEqual([lineOf(each, 2000) for each in ("", "x", "-5", "5%%", "1e9")], [None] * 5)

    def test_share(self) -> None:
        """A percentage is also a share of the bytes; a number is none."""
        self.assertEqual(
            [shareOf(each) for each in (" 50 % ", "0%", "200%", "7", "x%")], [0.5, 0, 1, None, None]
        )

    def test_around(self) -> None:
        """Some lines above a line are shown; a line behind the end means the last one."""
        self.assertEqual(around(100, 200), Wanted(80, 500, 100))
        self.assertEqual(around(900, 200), Wanted(180, 500, 200))
        self.assertEqual(around(3, 0).first, 1)


class RangeTests(unittest.TestCase):
    def test_ranges(self) -> None:
        """A range is that of a plain slice."""
        data = bytes(range(200))
        chance = random.Random(1)
        for _ in range(500):
            first, last = chance.randrange(200), chance.randrange(300)
            for header, part in (
                (f"bytes={first}-{last}", data[first : last + 1] if last >= first else data),
                (f"bytes={first}-", data[first:]),
                (f"bytes=-{last + 1}", data[-last - 1 :]),
            ):
                start, end = rangeOf(header, len(data)) or (0, len(data))
                self.assertEqual(data[start:end], part, header)

    def test_wrong(self) -> None:
        """A header that is wrong, or asks for several ranges, counts as missing."""
        for header in ("", "bytes", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=1-2,5-6", "bytes=9-3"):
            self.assertIsNone(rangeOf(header, 100), header)

    def test_unsatisfiable(self) -> None:
        """A range behind the end is told."""
        for header, size in (("bytes=100-", 100), ("bytes=200-300", 100), ("bytes=-0", 100), ("bytes=-5", 0)):
            self.assertRaises(Unsatisfiable, rangeOf, header, size)
