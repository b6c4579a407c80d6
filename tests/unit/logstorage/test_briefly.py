"""The reactor waits for logs in a bucket for moments only; what comes later is there at the next try."""

from __future__ import annotations

import errno
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from buildbot.logstorage import briefly as briefly_
from buildbot.logstorage.briefly import AT_ONCE, MOST, SHARE, Briefly


class BrieflyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 0.0
        self.waiting: list[Callable[[], None]] = []
        self.isSlow = False
        self.waited = 0.0

    def made(self) -> Briefly:
        return Briefly(self.inThread, lambda: self.now)

    def inThread(self, work: Callable[[], None]) -> None:
        """Work at once, or after the wait is over."""
        if self.isSlow:
            self.waiting.append(work)
        else:
            work()

    def spend(self, briefly: Briefly) -> None:
        """Use all of the time for waits."""
        self.patch(briefly, "_left", 0.0)

    def test_soon(self) -> None:
        """A log that comes soon is read as if it were here; the last one is not fetched again."""
        briefly, fetched = self.made(), []

        def fetch() -> bytes:
            fetched.append(1)
            return b"hello"

        self.assertEqual([briefly.read("a", fetch), briefly.read("a", fetch)], [b"hello"] * 2)
        self.assertEqual(len(fetched), 1)
        briefly.forget()
        self.assertEqual((briefly.read("a", fetch), len(fetched)), (b"hello", 2))

    def test_late(self) -> None:
        """A log that comes late is an error that says so; it is there at the next try."""
        briefly = self.made()
        self.spend(briefly)
        self.isSlow = True
        for _ in range(2):
            why = self.assertRaises(OSError, briefly.read, "a", lambda: b"hello")
            self.assertEqual(why.errno, errno.EWOULDBLOCK)
            self.assertIn("wait for log.bring() first", str(why))
        self.assertEqual(len(self.waiting), 1)
        self.waiting.pop()()
        self.assertEqual(briefly.read("a", lambda: b"other"), b"hello")

    def test_fewAtOnce(self) -> None:
        """Few logs are fetched at once, however many are asked for."""
        briefly = self.made()
        self.spend(briefly)
        self.isSlow = True
        for number in range(AT_ONCE + 3):
            self.assertRaises(OSError, briefly.read, str(number), lambda: b"")
        self.assertEqual(len(self.waiting), AT_ONCE)

    def test_share(self) -> None:
        """Waits use up their time, which comes back slowly."""
        briefly = self.made()

        class Done:
            def wait(done, seconds: float) -> bool:
                self.waited = seconds
                self.now += seconds
                return False

        self.patch(Briefly, "_run", lambda *arguments: None)
        self.patch(briefly_, "Event", Done)
        for pause, expected in ((0.0, MOST), (0.0, 0.0), (5.0, 5 * SHARE), (1000.0, MOST)):
            self.now += pause
            self.assertRaises(OSError, briefly.read, "a", lambda: b"")
            self.assertAlmostEqual(self.waited, expected)

    def test_errors(self) -> None:
        """Errors of the storage are told as they are."""
        briefly = self.made()

        def fails() -> bytes:
            raise FileNotFoundError(2, "no such object")

        self.assertRaises(FileNotFoundError, briefly.read, "a", fails)

        def breaks() -> bytes:
            raise ZeroDivisionError

        def inThread(work: Callable[[], None]) -> None:
            self.assertRaises(ZeroDivisionError, work)

        briefly = Briefly(inThread, lambda: self.now)
        self.assertIn("ZeroDivisionError", str(self.assertRaises(OSError, briefly.read, "a", breaks)))
