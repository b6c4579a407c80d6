"""The files in the directory of logs."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.interfaces import LOG_CHANNEL_STDOUT
from buildbot.logs.directory import (
    CUT_SHORT,
    LEFT,
    adopt,
    canWrite,
    logTrouble,
    nextNumber,
    numbersIn,
    orphans,
)
from buildbot.logs.files import LogWriter, logFilename
from buildbot.model.records import TAKEN_OVER, BuildRecord, LogRecord, StepRecord


class ShelfCase(unittest.SynchronousTestCase):
    """I have a directory of logs."""

    def setUp(self) -> None:
        self.logs = os.path.join(self.mktemp(), "logs")

    def log(self, number: int, step: str = "shell", text: bytes = b"text", builder: str = "full") -> str:
        """Write a finished log; return its name."""
        filename = logFilename(builder, number, step, "stdio")
        writer = LogWriter(os.path.join(self.logs, filename), Clock())
        writer.append(LOG_CHANNEL_STDOUT, text)
        writer.finish()
        return filename


class NumbersTests(ShelfCase):
    """Builds that have logs."""

    def test_next(self) -> None:
        """H9: a new build gets a number above those of all log files, even if the store lacks them."""
        self.assertEqual(nextNumber(self.logs, "full"), 0)
        for number in (3, 20, 7):
            self.log(number)
        self.log(99, builder="full/debug")
        Path(self.logs, "full", "README").write_text("what lies here is not all ours")
        Path(self.logs, "full", "100-other").write_text("")
        Path(self.logs, "full", f"{10**20}-log-x").write_text("")
        self.assertEqual(nextNumber(self.logs, "full"), 21)
        self.assertEqual(nextNumber(self.logs, "full/debug"), 100)

    def test_orphans(self) -> None:
        """H9: logs that are too old are found by number or age; other files are ignored."""
        names = [self.log(number) for number in range(4)]
        Path(self.logs, "full", "0-notes").write_text("")
        files = list(numbersIn(self.logs, "full"))
        self.assertEqual(orphans(self.logs, files, 2, None), {0: [names[0]], 1: [names[1]]})
        os.utime(os.path.join(self.logs, names[3]), (50, 50))
        self.assertEqual(orphans(self.logs, files, 0, 60.0), {3: [names[3]]})

    def test_canWrite(self) -> None:
        """F5: a trial shows if logs can be written again, and leaves no file."""
        directory = os.path.join(self.logs, "full")
        self.assertTrue(canWrite(directory))
        self.assertTrue(canWrite(directory))
        self.assertEqual(os.listdir(directory), [])
        os.rmdir(directory)
        Path(directory).write_text("no directory")
        self.assertFalse(canWrite(directory))


class AdoptTests(ShelfCase):
    """The logs of a killed master."""

    def test_adopted(self) -> None:
        """H9: a log that the record of a killed build lacks is added to the record."""
        known, unknown, _ = self.log(5), self.log(5, "a test"), self.log(6)
        self.assertEqual(os.path.basename(unknown), "5-log-a test-stdio")
        step = StepRecord("shell", 1.0, logs=(LogRecord("stdio", known), LogRecord("gone", "full/5-log-x")))
        build = adopt(BuildRecord("full", 5, "bot1", (), 1.0, steps=(step,)), self.logs)
        size = os.path.getsize(os.path.join(self.logs, known))
        self.assertEqual(
            build.steps[0].logs,
            (
                LogRecord("stdio", known, size, None, CUT_SHORT),
                LogRecord("gone", "full/5-log-x", 0, None, "its file is gone"),
            ),
        )
        (other,) = build.steps[1:]
        self.assertEqual((other.name, other.finished), ("a test", None))
        self.assertEqual(other.logs, (LogRecord("stdio", unknown, size, None, CUT_SHORT),))

    def test_takenOver(self) -> None:
        """A log that is not on the machine of the master that took over is not called deleted. On the old
        machine, it is there, as far as it was written.
        """
        name = self.log(5)
        steps = (StepRecord("shell", 1.0, logs=(LogRecord("stdio", name),)),)
        build = BuildRecord("full", 5, "bot1", (), 1.0, steps=steps, text=(TAKEN_OVER,))
        build = adopt(build, self.mktemp())
        (log,) = build.steps[0].logs
        self.assertEqual((log.length, log.trouble), (0, LEFT))
        for logs in (self.logs, self.mktemp()):
            self.assertEqual(logTrouble(os.path.join(logs, name), log), [LEFT])

    def test_sameStep(self) -> None:
        """H9: a further log of a known step is added to that step."""
        unknown = self.log(5)
        build = adopt(BuildRecord("full", 5, "bot1", (), 1.0, steps=(StepRecord("shell", 1.0),)), self.logs)
        (step,) = build.steps
        self.assertEqual([(log.name, log.filename) for log in step.logs], [("stdio", unknown)])

    def test_noStep(self) -> None:
        """H9: logs are added also if the record has no step yet; a build without logs does not change."""
        unknown = self.log(5)
        bare = BuildRecord("full", 5, "bot1", (), 1.0)
        (step,) = adopt(bare, self.logs).steps
        self.assertEqual((step.name, [log.filename for log in step.logs]), ("shell", [unknown]))
        other = BuildRecord("full", 4, "bot1", (), 1.0)
        self.assertEqual(adopt(other, self.logs), other)


class WholeTests(ShelfCase):
    """Checks of finished logs."""

    def setUp(self) -> None:
        super().setUp()
        self.filename = self.log(0, text=b"line\n" * 100000)
        self.path = os.path.join(self.logs, self.filename)
        data = Path(self.path).read_bytes()
        self.record = LogRecord("stdio", self.filename, len(data), zlib.crc32(data))

    def trouble(self) -> str:
        """The faults of the log."""
        return "; ".join(logTrouble(self.path, self.record))

    def test_whole(self) -> None:
        """H9: an undamaged log has no faults, nor has one that grows or is from an earlier release."""
        self.assertEqual(self.trouble(), "")
        self.assertEqual(logTrouble(self.path, LogRecord("stdio", self.filename)), [])
        self.assertEqual(logTrouble(self.path, LogRecord("stdio", self.filename, self.record.length)), [])

    def test_cut(self) -> None:
        """H9: a shortened log is reported with the number of missing bytes."""
        os.truncate(self.path, 300000)
        length = self.record.length or 0
        self.assertEqual(self.trouble(), f"its last {length - 300000} of {length} bytes are missing")

    def test_everyByte(self) -> None:
        """H9: a wrong byte anywhere in a log is detected."""
        data = Path(self.path).read_bytes()
        for position in range(0, len(data), 9973):
            with open(self.path, "r+b") as file:
                file.seek(position)
                file.write(bytes([data[position] ^ 1]))
                file.flush()
                self.assertIn("altered after it was written", self.trouble())
                file.seek(position)
                file.write(data[position : position + 1])
        self.assertEqual(self.trouble(), "")

    def test_odd(self) -> None:
        """H9, H10: a log that is gone, has grown, or is a FIFO is reported at once."""
        with open(self.path, "ab") as file:
            file.write(b"more")
        self.assertEqual(self.trouble(), "its file has 4 bytes too many")
        os.unlink(self.path)
        self.assertEqual(self.trouble(), "its file is gone")
        os.mkfifo(self.path)
        self.assertIn("it is a FIFO", self.trouble())
