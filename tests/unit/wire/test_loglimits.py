"""Limits on repeated log lines."""

from twisted.trial import unittest

from buildbot.wire import loglimits
from buildbot.wire.loglimits import (
    CONNECTION_LINES,
    LINES,
    LINES_KNOWN,
    REMEMBERED,
    SHARE,
    ConnectionLineLimiter,
    LogLimiter,
)


class LogLimiterTests(unittest.SynchronousTestCase):
    """A7: the log lines of a thousand failed logins."""

    def test_oncePerMinute(self) -> None:
        """A7: one subject gets one line a minute, with the number of omitted lines."""
        limiter = LogLimiter()
        said = [limiter.allow("refused", "bot1", i * 0.06, known=True) for i in range(1001)]
        self.assertEqual([s for s in said if s is not None], [0, 999])

    def test_everNewSubjects(self) -> None:
        """A7: new names do not evade the limit."""
        limiter = LogLimiter()
        said = [limiter.allow("refused", str(i), 1.0) for i in range(1000)]
        self.assertEqual(sum(s is not None for s in said), LINES)
        self.assertIsNotNone(limiter.allow("refused", "later", 62.0))

    def test_knownNamesHaveTheirOwn(self) -> None:
        """H2: invented names do not use up the lines about bots of the configuration."""
        limiter = LogLimiter()
        for i in range(1000):
            limiter.allow("refused", str(i), 1.0)
        self.assertEqual(
            [limiter.allow("refused", f"bot{i}", 1.0, known=True) for i in range(101)],
            [0] * LINES_KNOWN + [None],
        )

    def test_kindsHaveTheirOwn(self) -> None:
        """H2: one kind of line does not use up the lines of another."""
        limiter = LogLimiter()
        for i in range(1000):
            limiter.allow("refused", str(i), 1.0)
        self.assertEqual(limiter.allow("violated", "10.0.0.1", 1.0), 0)

    def test_originsHaveTheirOwn(self) -> None:
        """H2: an address that invents names leaves lines for other addresses."""
        limiter = LogLimiter()
        said = [limiter.allow("refused", str(i), 1.0, origin="10.0.0.1") for i in range(1000)]
        self.assertEqual(sum(s is not None for s in said), LINES // SHARE)
        self.assertEqual(limiter.allow("refused", "b0t1", 1.0, origin="10.0.0.2"), 0)

    def test_summary(self) -> None:
        """H2: omitted lines are summed up once, with their number."""
        limiter = LogLimiter()
        for i in range(1000):
            limiter.allow("refused", str(i), 1.0)
        for _ in range(10):
            limiter.allow("violated", "10.0.0.1", 1.0)
        left = 1000 - LINES
        self.assertEqual(limiter.summary(), [("refused", left, left), ("violated", 9, 1)])
        self.assertEqual(limiter.summary(), [])

    def test_memoryIsBounded(self) -> None:
        """Old subjects are forgotten, but their omitted lines stay counted."""
        limiter = LogLimiter()
        for i in range(3 * REMEMBERED):
            limiter.allow("refused", str(i), 1.0)
        ((kind, count, subjects),) = limiter.summary()
        self.assertEqual((kind, count, subjects), ("refused", 3 * REMEMBERED - LINES, REMEMBERED))

    def test_pace(self) -> None:
        """The limits are those in the documentation."""
        self.assertEqual((loglimits.EVERY, loglimits.LINES, loglimits.LINES_KNOWN), (60.0, 30, 100))


class ConnectionLineLimiterTests(unittest.SynchronousTestCase):
    """H7: a slave that connects and disconnects all the time."""

    def test_few(self) -> None:
        """One slave gets a few lines a minute, then the number of omitted ones."""
        connectionLines = ConnectionLineLimiter()
        said = [connectionLines.allow("bot1", 5.0) for _ in range(CONNECTION_LINES + 90)]
        self.assertEqual(said, [0] * CONNECTION_LINES + [None] * 90)
        self.assertEqual([connectionLines.allow("bot1", 66.0), connectionLines.allow("bot1", 66.0)], [90, 0])

    def test_others(self) -> None:
        """Ten thousand other slaves get all their lines."""
        connectionLines = ConnectionLineLimiter()
        for _ in range(100):
            connectionLines.allow("bot1", 5.0)
        self.assertEqual({connectionLines.allow(f"slave{n}", 5.0) for n in range(10_000)}, {0})
