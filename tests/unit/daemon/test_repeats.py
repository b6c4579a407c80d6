"""H7: the log has each traceback once, and counts repetitions."""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from twisted.trial import unittest

from buildbot.daemon.repeats import ANEW, EVERY, REMEMBERED, Repeats
from tests.loglisteners import LogListener


def broken(what: str) -> Failure:
    """Make a failure that is always raised in the same line."""
    try:
        raise ValueError(what)
    except ValueError:
        return Failure()


def brokenElsewhere() -> Failure:
    """Make a failure of another line."""
    try:
        raise ValueError("elsewhere")
    except ValueError:
        return Failure()


class RepeatsTests(unittest.SynchronousTestCase):
    """Filtered events."""

    def setUp(self) -> None:
        self.now = 1000.0
        self.events: list[Any] = []
        self.listener = LogListener(self.events.append)
        self.log = Logger("buildbot.test", observer=Repeats(self.listener, lambda: self.now))

    def lines(self) -> list[str]:
        return [event["log_format"].format(**event) for event in self.events]

    def test_onceWithItsTraceback(self) -> None:
        """H7: ten thousand failures of one line of code give one traceback in the log."""
        for number in range(10_000):
            self.log.failure("serving {who}", broken(f"number {number}"), who=number)
        self.assertEqual(len(self.events), 1)
        self.assertIn("log_failure", self.events[0])

    def test_counted(self) -> None:
        """H7: a minute later a line has their number and the last message."""
        for number in range(101):
            self.log.failure("serving {who}", broken(f"number {number}"), who=number)
        self.now += EVERY
        self.log.failure("serving {who}", broken("the last"), who=7)
        self.assertNotIn("log_failure", self.events[1])
        wanted = "serving 7: ValueError: the last (its traceback was logged before; 100 more like this)"
        self.assertEqual(self.lines()[1], wanted)

    def test_others(self) -> None:
        """A failure of another line of code has its own traceback; so has one with another log message."""
        self.log.failure("serving", broken("x"))
        self.log.failure("serving", brokenElsewhere())
        self.log.failure("building", broken("x"))
        self.assertEqual([("log_failure" in event) for event in self.events], [True] * 3)

    def test_withoutATraceback(self) -> None:
        """Failures that were never raised are distinguished by their type."""
        for error in (ValueError("a"), ValueError("b"), KeyError("c")):
            self.log.failure("serving", Failure(error))
        self.assertEqual(len(self.events), 2)

    def test_anew(self) -> None:
        """A day later the traceback is written again: the log may have lost the first one."""
        self.log.failure("serving", broken("x"))
        self.now += ANEW
        self.log.failure("serving", broken("x"))
        self.assertEqual([("log_failure" in event) for event in self.events], [True] * 2)

    def test_bracesInTheText(self) -> None:
        """The text of a failure is not used as a format."""
        self.log.failure("serving", broken("x"))
        self.now += EVERY
        self.log.failure("serving", broken("{who} {}"))
        self.assertIn("ValueError: {who} {} (", self.lines()[1])

    def test_ordinaryLines(self) -> None:
        """Other events all pass."""
        for _ in range(10):
            self.log.info("slave attached")
        self.assertEqual(len(self.events), 10)

    def test_noFilesLeft(self) -> None:
        """H6: Twisted's message for each connection without a free file is limited to one line a minute."""
        log = Logger("twisted.internet.tcp", observer=Repeats(self.listener, lambda: self.now))
        for port in range(1000):
            log.info("EMFILE recovery: Closed socket from {address}", address=port)
        self.now += EVERY
        log.info("EMFILE recovery: Closed socket from {address}", address=1000)
        wanted = ["EMFILE recovery: Closed socket from 0"]
        wanted.append("EMFILE recovery: Closed socket from 1000; 999 more like this")
        self.assertEqual(self.lines(), wanted)

    def test_levels(self) -> None:
        """The line about repetitions has the level of the failure."""
        self.log.failure("serving", broken("x"), level=LogLevel.error)
        self.now += EVERY
        self.log.failure("serving", broken("x"), level=LogLevel.error)
        self.assertEqual([event["log_level"] for event in self.events], [LogLevel.error] * 2)

    def test_memoryIsBounded(self) -> None:
        """Many kinds of failures use bounded memory."""
        repeats = Repeats(self.listener, lambda: self.now)
        log = Logger("buildbot.test", observer=repeats)
        for number in range(2 * REMEMBERED):
            log.failure(f"serving {number}", broken("x"))
        self.assertEqual(len(repeats), REMEMBERED)
