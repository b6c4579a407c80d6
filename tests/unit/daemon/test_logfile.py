"""The log of a daemon."""

from __future__ import annotations

import errno
import io
import os
import stat

from twisted.logger import Logger, LogLevel, LogPublisher, formatEventAsClassicLogText
from twisted.logger._flatten import flattenEvent
from twisted.python.failure import Failure
from twisted.trial import unittest

from buildbot.daemon import logfile
from buildbot.files.plain import NotPlain
from buildbot.text.printable import plain


class ObserverTests(unittest.TestCase):
    """The format of one event."""

    def setUp(self) -> None:
        self.stream = io.StringIO()
        self.log = Logger("part", observer=LogPublisher(logfile.observer(self.stream)))

    def test_line(self) -> None:
        """An event is a line with its time, its origin and its text."""
        self.log.info("slave {name} attached", name="bot1")
        self.assertRegex(
            self.stream.getvalue(),
            r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} \[part#info\] slave bot1 attached\n$",
        )

    def test_plain(self) -> None:
        """A slave cannot write escape sequences or line ends into the log (S4)."""
        self.log.info("says {what}", what="\x1b[2Jone\n2026-01-01T00:00:00+0000 two")
        text = self.stream.getvalue()
        self.assertIn("says \\x1b[2Jone\n\t2026-01-01", text)

    def test_passwords(self) -> None:
        """The password of a URL does not come into the log, neither in a text nor in a traceback."""
        self.log.info("forced: {reason}", reason="see https://me:sesame@git.example.org/r.git now")
        try:
            raise ValueError("cannot fetch https://me:sesame@git.example.org/r.git")
        except ValueError:
            self.log.failure("failed")
        text = self.stream.getvalue()
        self.assertIn("https://me:XXXX@git.example.org/r.git now", text)
        self.assertIn("Traceback", text)
        self.assertNotIn("sesame", text)

    def test_asTwisted(self) -> None:
        """Every event is formatted like by Twisted's own formatter, whatever it contains."""
        given = {"log_namespace": "here", "log_level": LogLevel.warn, "log_time": 1234567890.5}
        for event in (
            {"log_format": "build {number} of {name!r}", "number": 7, "name": "full"},
            {"log_format": "{one.real:>5}|{two[0]}|{{}}", "one": 3, "two": ["x"]},
            {"log_format": "two\nlines: {text}", "text": "a\nb"},
            {"log_format": "called: {who.upper()}", "who": "mary"},
            {"log_format": "{missing} and {0}"},
            {"log_format": "{", "text": "x"},
            {"log_format": b"bytes"},
            {"log_format": ""},
            {"log_format": None},
            {},
            {"log_format": "{text}", "text": "x", "log_time": None},
            {"log_format": "{text}", "text": "x", "log_system": "mine"},
            {"log_format": "{text}", "text": "x", "log_level": None},
            {"log_format": "broken", "log_failure": Failure(ValueError("why"))},
        ):
            whole = {**given, **event}
            wanted = formatEventAsClassicLogText(whole)
            self.assertEqual(logfile._line(whole), wanted and plain(wanted), event)
        flat = {**given, "log_format": "{text}", "text": "x"}
        flattenEvent(flat)
        self.assertEqual(logfile._line(flat), formatEventAsClassicLogText(flat))

    def test_debug(self) -> None:
        """Debug events are not logged."""
        self.log.debug("tick")
        self.assertEqual(self.stream.getvalue(), "")

    def test_empty(self) -> None:
        """An event without a text is not logged."""
        self.log.info("")
        self.assertEqual(self.stream.getvalue(), "")

    def test_duringWrite(self) -> None:
        """A line that a signal handler logs while another line is written comes after that line."""

        class Interrupted(io.StringIO):
            isWriting = False

            def write(stream, text: str) -> int:
                if stream.isWriting:
                    raise RuntimeError("reentrant call")
                stream.isWriting = True
                if "line" in text:
                    self.log.info("signal")
                stream.isWriting = False
                return super().write(text)

        stream = Interrupted()
        self.log = Logger("part", observer=LogPublisher(logfile.observer(stream)))
        self.log.info("line 1")
        self.log.info("line 2")
        said = [line.rpartition("] ")[2] for line in stream.getvalue().splitlines()]
        self.assertEqual(said, ["line 1", "signal", "line 2", "signal"])

    def test_afterFailure(self) -> None:
        """Lines are written again after a write has failed."""

        class Failing(io.StringIO):
            troubles = [OSError(errno.ENOSPC, "full")]

            def write(stream, text: str) -> int:
                if stream.troubles:
                    raise stream.troubles.pop()
                return super().write(text)

        stream = Failing()
        observer = logfile.observer(stream)
        log = Logger("part", observer=observer)
        self.assertRaises(OSError, log.info, "lost")
        log.info("kept")
        self.assertIn("kept", stream.getvalue())


class _Full:
    """I replace a file on a full disk."""

    def write(self, data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def flush(self) -> None:
        """Do nothing."""


class DaemonLogTests(unittest.TestCase):
    """twistd.log and its predecessors."""

    def setUp(self) -> None:
        self.here = os.path.realpath(self.mktemp())
        os.mkdir(self.here)
        self.path = os.path.join(self.here, "twistd.log")

    def later(self) -> float:
        """The time: L{logfile.LOOK} seconds more at each call."""
        self.now += logfile.LOOK
        return self.now

    now = 1000.0

    def open(self) -> logfile.DaemonLog:
        """Open the log; it is closed when the test ends."""
        file = logfile.DaemonLog(self.here, self.later)
        self.addCleanup(lambda: None if file.closed else file.close())
        return file

    def why(self, file: logfile.DaemonLog) -> str:
        """The trouble of the log, as text; empty if there is none."""
        found = file.trouble()
        return "" if found is None else f"{found.what}: {found.why}"

    def test_lost(self) -> None:
        """F5: events lost on a full disk are counted, reported, and noted in their place."""
        file = self.open()
        file.write("one\n")
        self.assertEqual(self.why(file), "")
        full = self.patch(file, "_file", _Full())
        self.patch(file, "_moved", lambda: False)
        for _ in range(2):
            self.assertRaises(OSError, file.write, "two\n")
        self.assertIn("cannot be written", self.why(file))
        self.assertIn("No space left on device; 2 events lost so far", self.why(file))
        full.restore()
        file.write("three\n")
        self.assertEqual(self.why(file), "")
        with open(self.path) as stream:
            self.assertEqual(stream.read(), "one\nthree\n[2 events lost here: No space left on device]\n")

    def test_nameless(self) -> None:
        """F5, H10: if a FIFO or directory takes the log's name, the log goes on in the old file, and this is
        reported.
        """
        file = self.open()
        for make, remove in ((os.mkfifo, os.unlink), (os.mkdir, os.rmdir)):
            os.unlink(self.path)
            make(self.path)
            file.write("text\n")
            self.assertIn("goes into a file without a name", self.why(file))
            remove(self.path)
            file.write("text\n")
            self.assertEqual(self.why(file), "")

    def test_justMoved(self) -> None:
        """A log that was just moved away, as by logrotate, is no trouble: the new file is opened at once."""
        file = self.open()
        file.write("one\n")
        os.rename(self.path, f"{self.path}.old")
        self.assertEqual(self.why(file), "")
        file.write("two\n")
        with open(self.path) as stream:
            self.assertEqual(stream.read(), "two\n")

    def test_odd(self) -> None:
        """H10: a twistd.log that is a FIFO or a directory is refused at once, with its kind."""
        for make, remove in ((os.mkfifo, os.unlink), (os.mkdir, os.rmdir)):
            make(self.path)
            self.assertRaises(NotPlain, logfile.DaemonLog, self.here)
            remove(self.path)

    def read(self, name: str = "twistd.log") -> str:
        """The text of a file in the directory."""
        with open(os.path.join(self.here, name)) as stream:
            return stream.read()

    def test_private(self) -> None:
        """The log is private to its owner, even if an older release left it open to all."""
        with open(self.path, "w") as stream:
            stream.write("old\n")
        os.chmod(self.path, 0o644)
        self.open().write("new\n")
        self.assertEqual((self.read(), stat.S_IMODE(os.stat(self.path).st_mode)), ("old\nnew\n", 0o600))

    def test_bounded(self) -> None:
        """Only so many files of that size are kept (G6)."""
        file = self.open()
        file.rotateLength, file.maxRotatedFiles = 100, 3
        for number in range(200):
            file.write(f"line {number:03d}\n")
        self.assertEqual(
            sorted(os.listdir(self.here)), ["twistd.log", "twistd.log.1", "twistd.log.2", "twistd.log.3"]
        )
        self.assertTrue(
            all(os.path.getsize(os.path.join(self.here, name)) < 120 for name in os.listdir(self.here))
        )
        self.assertIn("line 199", self.read() + self.read("twistd.log.1"))

    def test_unbounded(self) -> None:
        """Without a length, the log grows: another program rotates it."""
        file = self.open()
        file.rotateLength = None
        file.write("one\n")
        file.write("two\n")
        self.assertEqual(self.read(), "one\ntwo\n")

    def test_boundedByDefault(self) -> None:
        """This limit is the default (G6)."""
        file = self.open()
        self.assertEqual((file.rotateLength, file.maxRotatedFiles), (10_000_000, 10))

    def test_reopen(self) -> None:
        """After logrotate has moved the log away, a new one is opened."""
        file = self.open()
        file.write("one\n")
        os.rename(self.path, f"{self.path}.old")
        file.reopen()
        file.write("two\n")
        self.assertEqual((self.read(), self.read("twistd.log.old")), ("two\n", "one\n"))

    def test_moved(self) -> None:
        """A log that was moved away is not written any more, even without a signal (F13)."""
        file = self.open()
        file.write("one\n")
        os.rename(self.path, f"{self.path}.old")
        file.write("two\n")
        os.unlink(self.path)
        file.write("three\n")
        self.assertEqual((self.read(), self.read("twistd.log.old")), ("three\n", "one\n"))

    def test_movedJustNow(self) -> None:
        """Events at the moment when the log is moved away are not lost (F13)."""
        file = logfile.DaemonLog(self.here, lambda: self.now)
        self.addCleanup(file.close)
        os.rename(self.path, f"{self.path}.old")
        file.write("one\n")
        self.now += logfile.LOOK
        file.write("two\n")
        self.assertEqual((self.read(), self.read("twistd.log.old")), ("two\n", "one\n"))

    def test_truncated(self) -> None:
        """A log that was copied and truncated (copytruncate) has no NUL bytes, and goes on in place (F13)."""
        file = self.open()
        file.rotateLength = 100
        file.write("x" * 90 + "\n")
        os.truncate(self.path, 0)
        for number in range(5):
            file.write(f"line {number}\n")
        self.assertEqual(self.read(), "".join(f"line {number}\n" for number in range(5)))
        self.assertEqual(os.listdir(self.here), ["twistd.log"])

    def test_cannotReopen(self) -> None:
        """If no new log can be made, no event is lost (F13)."""
        file = self.open()
        os.rename(self.path, f"{self.path}.old")
        os.mkdir(self.path)
        file.write("one\n")
        os.rmdir(self.path)
        file.write("two\n")
        self.assertEqual((self.read(), self.read("twistd.log.old")), ("two\n", "one\n"))

    def test_cannotRotate(self) -> None:
        """If the log cannot be rotated, it keeps growing, and no event is lost (F13)."""
        file = self.open()
        file.rotateLength = 3
        os.mkdir(f"{self.path}.1")  # no file can have that name
        os.mkdir(f"{self.path}.1/x")
        file.maxRotatedFiles = 1
        for number in range(3):
            file.write(f"{number}\n")
            file.write("next\n")
        self.assertEqual(self.read(), "0\nnext\n1\nnext\n2\nnext\n")

    def test_receive(self) -> None:
        """Output of other code on the redirected descriptors is in the current log."""
        output = os.open(os.devnull, os.O_WRONLY)
        self.addCleanup(os.close, output)
        file = self.open()
        file.receive(output)
        os.write(output, b"one\n")
        file.rotate()
        os.write(output, b"two\n")
        os.unlink(self.path)
        file.reopen()
        os.write(output, b"three\n")
        self.assertEqual((self.read("twistd.log.1"), self.read()), ("one\n", "three\n"))
