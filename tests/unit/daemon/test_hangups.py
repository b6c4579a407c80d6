"""SIGHUP, which asks a daemon to read its configuration again."""

from __future__ import annotations

import os
import signal
from typing import Any, cast

from twisted.internet.interfaces import IReactorFromThreads
from twisted.trial import unittest

from buildbot.daemon.hangups import Hangups


class LaterReactor:
    """A reactor that makes its calls when the test says so."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def callFromThread(self, call: Any) -> None:
        self.calls.append(call)

    def turn(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()


class HangupsTests(unittest.SynchronousTestCase):
    """Signals that this process sends to itself."""

    def setUp(self) -> None:
        before = signal.getsignal(signal.SIGHUP)
        self.addCleanup(lambda: signal.signal(signal.SIGHUP, before))
        self.others: list[int] = []
        signal.signal(signal.SIGHUP, lambda number, frame: self.others.append(number))
        self.reactor = LaterReactor()
        self.told: list[str] = []
        self.hangups = Hangups(cast(IReactorFromThreads, self.reactor), lambda: self.told.append("hung up"))
        self.hangups.catch()

    def hangUp(self) -> None:
        os.kill(os.getpid(), signal.SIGHUP)

    def test_several(self) -> None:
        """Several signals before the reactor's next turn count as one."""
        for _ in range(5):
            self.hangUp()
        self.assertEqual(self.told, [], "nothing is done inside the signal handler")
        self.reactor.turn()
        self.assertEqual(self.told, ["hung up"])

    def test_again(self) -> None:
        """A signal after that turn counts again."""
        for _ in range(2):
            self.hangUp()
            self.reactor.turn()
        self.assertEqual(self.told, ["hung up", "hung up"])

    def test_release(self) -> None:
        """After the release, the signal has its former effect."""
        self.hangups.release()
        self.hangUp()
        self.reactor.turn()
        self.assertEqual((self.told, self.others), ([], [signal.SIGHUP]))
