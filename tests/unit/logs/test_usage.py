"""The room that logs take, and which go first."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial import unittest

from buildbot.logs.files import logFilename
from buildbot.logs.usage import LogFiles, beyondCount, beyondSize, scan, total, withStored


class ScanTests(unittest.SynchronousTestCase):
    """A directory of logs."""

    def put(self, builder: str, number: int, size: int, when: float) -> str:
        """Make a log file, and return its name."""
        name = logFilename(builder, number, "compile", "stdio")
        path = Path(self.logs, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        os.utime(path, (when, when))
        return name

    def setUp(self) -> None:
        self.logs = self.mktemp()

    def test_found(self) -> None:
        """Each builder has its builds with their files; an index counts for the room, and is no log."""
        name = self.put("full", 3, 10, 50.0)
        Path(self.logs, "full", "index-3-log-compile-stdio").write_bytes(b"xxx")
        Path(self.logs, "full", "notes").write_bytes(b"of a user")
        self.put("a/b", 0, 5, 60.0)
        long = "b" * 300
        self.put(long, 1, 7, 70.0)
        found = scan(self.logs, [long])
        self.assertEqual(sorted(found), ["a/b", long, "full"])
        self.assertEqual(found["full"], {3: LogFiles([name], 13, 50.0)})
        self.assertEqual(total(found), 25)

    def test_none(self) -> None:
        """A master without logs has none."""
        self.assertEqual(scan(self.logs), {})

    def test_unknownDirectory(self) -> None:
        """A directory whose name is not that of a builder is left alone."""
        os.makedirs(os.path.join(self.logs, ".notes"))
        Path(self.logs, ".notes", "1-log-a-b").write_text("of a user")
        self.assertEqual(scan(self.logs), {})


class ChoiceTests(unittest.SynchronousTestCase):
    """Which logs go."""

    def test_count(self) -> None:
        """The logs of the newest builds stay, also when builds between have no logs."""
        usage = {"full": {number: LogFiles() for number in (0, 1, 2, 7, 9)}, "gone": {0: LogFiles()}}
        self.assertEqual(beyondCount(usage, {"full": 9}, 3), [("full", 0), ("full", 1), ("full", 2)])

    def test_size(self) -> None:
        """The oldest logs of all builders go first; the newest build of each builder keeps its logs."""
        usage = {
            "full": {1: LogFiles([], 10, 1.0), 2: LogFiles([], 10, 3.0), 3: LogFiles([], 10, 5.0)},
            "quick": {1: LogFiles([], 10, 2.0), 2: LogFiles([], 10, 4.0)},
        }
        self.assertEqual(beyondSize(usage, 50), [])
        self.assertEqual(beyondSize(usage, 35), [("full", 1), ("quick", 1)])
        self.assertEqual(beyondSize(usage, 1), [("full", 1), ("quick", 1), ("full", 2)])


class StoredTests(unittest.SynchronousTestCase):
    """Logs in object storage."""

    def test_merged(self) -> None:
        """Logs count once: with their object if there is one, else with their files; orders stay."""
        here = {"full": {1: LogFiles(["full/1-log-a-b"], 100, 5.0), 2: LogFiles(["full/2-log-a-b"], 50, 6.0)}}
        stored = [("full", 1, 10, 7.0), ("full", 0, 4, 3.0), ("no%20builder's", 1, 5, 1.0)]
        found = withStored(here, stored, ["full"])
        self.assertEqual({number: each.room for number, each in found["full"].items()}, {0: 4, 1: 10, 2: 50})
        self.assertEqual((found["full"][1].names, found["full"][0].latest), (["full/1-log-a-b"], 3.0))
        self.assertEqual((list(found), total(found)), (["full"], 64))
        self.assertEqual(beyondSize({"full": found["full"]}, 60), [("full", 0)])
        self.assertEqual(here["full"][1].stored, 0)
