"""Many mails within ten minutes become one digest."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.mails.digest import MOST, PERIOD, Digest


class DigestTests(unittest.SynchronousTestCase):
    """See L{Digest}; a number stands for a build."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.sent: list[list[int]] = []
        send: Any = self.sent.append
        self.digest = Digest(2, self.clock, send)

    def take(self, *builds: Any) -> list[bool]:
        """Which of these builds wait for the digest."""
        return [self.digest.takes(each) for each in builds]

    def test_few(self) -> None:
        """A few mails within ten minutes are sent at once."""
        for build in range(4):
            self.assertEqual(self.take(build), [False])
            self.clock.advance(PERIOD / 2)
        self.assertEqual(self.sent, [])

    def test_many(self) -> None:
        """The ones after that are sent together, ten minutes after the first of them; then it begins anew."""
        self.assertEqual(self.take(1, 2, 3, 4), [False, False, True, True])
        self.clock.advance(PERIOD - 1)
        self.assertEqual(self.take(5), [True])
        self.assertEqual(self.sent, [])
        self.clock.advance(1)
        self.assertEqual(self.sent, [[3, 4, 5]])
        self.assertEqual(self.take(6, 7, 8), [False, False, True])
        self.clock.advance(PERIOD)
        self.assertEqual(self.sent, [[3, 4, 5], [8]])

    def test_stop(self) -> None:
        """At a stop, what is collected is sent, and nothing is left in the clock."""
        self.take(1, 2, 3)
        self.digest.flush()
        self.digest.flush()
        self.assertEqual(self.sent, [[3]])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_afterStop(self) -> None:
        """After the end, a build has a mail of its own: no alarm of the digest rings for it later."""
        self.take(1, 2, 3)
        self.digest.end()
        self.assertEqual(self.sent, [[3]])
        self.assertEqual(self.take(4, 5), [False, False])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_veryMany(self) -> None:
        """A digest is sent early when it has very many builds."""
        self.take(*range(2 + MOST + 1))
        self.assertEqual([len(each) for each in self.sent], [MOST])
