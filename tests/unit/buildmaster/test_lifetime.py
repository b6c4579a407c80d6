"""The reports of the start and the end of a master."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.logger import ILogObserver, globalLogPublisher
from twisted.trial import unittest
from zope.interface import implementer

from buildbot.buildmaster.lifetime import Lifetime
from buildbot.daemon.readiness import StartFailed


class Reactor(Clock):
    """A clock that counts how often it was stopped."""

    stopped = 0

    def stop(self) -> None:
        """Count."""
        self.stopped += 1


class LifetimeTests(unittest.TestCase):
    """Whoever asked is told; for others the process stops."""

    def setUp(self) -> None:
        """A lifetime, and what it logs."""
        self.reactor = Reactor()
        self.lifetime = Lifetime(self.reactor)
        self.logged: list[str] = []

        @implementer(ILogObserver)
        def observe(event: dict[str, Any]) -> None:
            self.logged.append(str(event.get("lines")))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)

    def test_ready(self) -> None:
        """All who ask, early or late, get the lines of the start."""
        early = self.lifetime.whenReady()
        self.assertNoResult(early)
        self.assertFalse(self.lifetime.isReady)
        self.lifetime.ready(["slaves: tcp 9989"])
        self.assertTrue(self.lifetime.isReady)
        self.assertEqual(self.successResultOf(early), ["slaves: tcp 9989"])
        self.assertEqual(self.successResultOf(self.lifetime.whenReady()), ["slaves: tcp 9989"])

    def test_afterStart(self) -> None:
        """Work for after the start waits for its success, and the lines stay."""
        done: list[str] = []
        self.lifetime.afterStart(lambda: done.append("reloaded"))
        self.assertEqual(done, [])
        self.lifetime.ready(["works"])
        self.assertEqual(done, ["reloaded"])
        self.assertEqual(self.successResultOf(self.lifetime.whenReady()), ["works"])

    def test_failed(self) -> None:
        """Who asked for the start gets the reason of its failure; work for after it is not done."""
        done: list[str] = []
        self.lifetime.afterStart(lambda: done.append("early"))
        asked = self.lifetime.whenReady()
        self.lifetime.afterStart(lambda: done.append("late"))
        self.lifetime.failed(["no such port"], False)
        self.assertEqual(self.failureResultOf(asked, StartFailed).value.lines, ["no such port"])
        self.reactor.advance(1)
        self.assertEqual((self.reactor.stopped, done), (0, []))

    def test_failedAlone(self) -> None:
        """If nobody asked, a failed start is logged, and the reactor is stopped."""
        self.lifetime.failed(["no such port"], False)
        self.reactor.advance(1)
        self.assertEqual((self.reactor.stopped, self.logged), (1, ["no such port"]))

    def test_failedWhileStopping(self) -> None:
        """A start that fails because the process stops needs no second stop."""
        self.lifetime.failed(["no such port"], True)
        self.reactor.advance(1)
        self.assertEqual((self.reactor.stopped, self.logged), (0, []))

    def test_failedLate(self) -> None:
        """A master that has waited was ready before its start failed: its process ends."""
        over = self.lifetime.whenOver()
        self.lifetime.ready(["waits"])
        self.lifetime.failed(["no such port"], False)
        self.assertEqual(self.successResultOf(over), ["no such port"])
        self.assertEqual(self.reactor.stopped, 0)

    def test_end(self) -> None:
        """The first reason of an end is told; a second one is not."""
        over = self.lifetime.whenOver()
        self.lifetime.end(["another master has taken over"])
        self.lifetime.end(["again"])
        self.assertEqual(self.successResultOf(over), ["another master has taken over"])

    def test_endAlone(self) -> None:
        """If nobody asked, the first reason is logged, and the reactor is stopped once."""
        self.lifetime.end(["another master has taken over"])
        self.lifetime.end(["again"])
        self.reactor.advance(1)
        self.assertEqual((self.reactor.stopped, self.logged), (1, ["another master has taken over"]))
