"""What is worth a line in the log, and what is only counted."""

from twisted.trial import unittest

from buildbot.wire import loglimits
from buildbot.wire.loglimits import COMINGS, LINES, LINES_KNOWN, REMEMBERED, SHARE, Comings, LogLimiter


class LogLimiterTests(unittest.SynchronousTestCase):
    """A7: the log of a thousand bad logins."""

    def test_oncePerMinute(self) -> None:
        """A7: one line a minute about one subject, and it counts what was left out."""
        limiter = LogLimiter()
        said = [limiter.allow("refused", "bot1", i * 0.06, known=True) for i in range(1001)]
        self.assertEqual([s for s in said if s is not None], [0, 999])

    def test_everNewSubjects(self) -> None:
        """A7: ever new names do not get around the limit."""
        limiter = LogLimiter()
        said = [limiter.allow("refused", str(i), 1.0) for i in range(1000)]
        self.assertEqual(sum(s is not None for s in said), LINES)
        self.assertIsNotNone(limiter.allow("refused", "later", 62.0))

    def test_knownNamesHaveTheirOwn(self) -> None:
        """H2: names that somebody makes up use up no line about a bot of the configuration."""
        limiter = LogLimiter()
        for i in range(1000):
            limiter.allow("refused", str(i), 1.0)
        self.assertEqual(
            [limiter.allow("refused", f"bot{i}", 1.0, known=True) for i in range(101)],
            [0] * LINES_KNOWN + [None],
        )

    def test_kindsHaveTheirOwn(self) -> None:
        """H2: one kind of trouble uses up no line about another."""
        limiter = LogLimiter()
        for i in range(1000):
            limiter.allow("refused", str(i), 1.0)
        self.assertEqual(limiter.allow("violated", "10.0.0.1", 1.0), 0)

    def test_originsHaveTheirOwn(self) -> None:
        """H2: one address that makes up names leaves lines for those of other addresses."""
        limiter = LogLimiter()
        said = [limiter.allow("refused", str(i), 1.0, origin="10.0.0.1") for i in range(1000)]
        self.assertEqual(sum(s is not None for s in said), LINES // SHARE)
        self.assertEqual(limiter.allow("refused", "b0t1", 1.0, origin="10.0.0.2"), 0)

    def test_summary(self) -> None:
        """H2: what was left out is told once, with its number."""
        limiter = LogLimiter()
        for i in range(1000):
            limiter.allow("refused", str(i), 1.0)
        for _ in range(10):
            limiter.allow("violated", "10.0.0.1", 1.0)
        left = 1000 - LINES
        self.assertEqual(limiter.summary(), [("refused", left, left), ("violated", 9, 1)])
        self.assertEqual(limiter.summary(), [])

    def test_memoryIsBounded(self) -> None:
        """Ever new subjects are forgotten, and counted all the same."""
        limiter = LogLimiter()
        for i in range(3 * REMEMBERED):
            limiter.allow("refused", str(i), 1.0)
        ((kind, count, subjects),) = limiter.summary()
        self.assertEqual((kind, count, subjects), ("refused", 3 * REMEMBERED - LINES, REMEMBERED))

    def test_pace(self) -> None:
        """The figures are those that the documentation names."""
        self.assertEqual((loglimits.EVERY, loglimits.LINES, loglimits.LINES_KNOWN), (60.0, 30, 100))


class ComingsTests(unittest.SynchronousTestCase):
    """H7: a slave that comes and goes without end."""

    def test_few(self) -> None:
        """A few lines a minute about one slave, and then the number of those that were left out."""
        comings = Comings()
        said = [comings.allow("bot1", 5.0) for _ in range(COMINGS + 90)]
        self.assertEqual(said, [0] * COMINGS + [None] * 90)
        self.assertEqual([comings.allow("bot1", 66.0), comings.allow("bot1", 66.0)], [90, 0])

    def test_others(self) -> None:
        """A storm of ten thousand slaves is told in full, whatever one of them does."""
        comings = Comings()
        for _ in range(100):
            comings.allow("bot1", 5.0)
        self.assertEqual({comings.allow(f"slave{n}", 5.0) for n in range(10_000)}, {0})
