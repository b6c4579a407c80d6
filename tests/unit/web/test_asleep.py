"""A web server that is made at its first connection."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Factory, Protocol
from twisted.trial import unittest

from buildbot.web.asleep import Asleep

PEER = IPv4Address("TCP", "127.0.0.1", 40000)


class Site(Factory):
    """A site that counts its starts and stops."""

    noisy = False
    protocol = Protocol
    started = stopped = 0

    def startFactory(self) -> None:
        self.started += 1

    def stopFactory(self) -> None:
        self.stopped += 1

    def acceptableProtocols(self) -> list[bytes]:
        return [b"http/1.1"]


class AsleepTests(unittest.SynchronousTestCase):
    """Show 9: a web server at which nobody looks costs a start little."""

    def setUp(self) -> None:
        self.made: list[Site] = []
        self.broken = False
        self.unused = 0
        self.asleep = Asleep(self._make, self._never)

    def _make(self) -> Any:
        if self.broken:
            raise SyntaxError("a hole")
        self.made.append(Site())
        self.made[-1].doStart()
        return self.made[-1]

    def _never(self) -> None:
        self.unused += 1

    def test_first(self) -> None:
        """The first connection makes the site; the second one finds the same."""
        self.assertEqual(self.made, [])
        for _ in range(2):
            protocol = self.asleep.buildProtocol(PEER)
            self.assertIs(protocol.factory, self.made[0])
        self.assertEqual(len(self.made), 1)

    def test_broken(self) -> None:
        """A site that cannot be made is tried again at the next connection."""
        self.broken = True
        self.assertRaises(SyntaxError, self.asleep.buildProtocol, PEER)
        self.broken = False
        self.assertIsNotNone(self.asleep.buildProtocol(PEER))

    def test_stop(self) -> None:
        """A closed port stops the site, or tells that there was none."""
        self.asleep.doStop()
        self.assertEqual((self.made, self.unused), ([], 1))
        self.asleep.buildProtocol(PEER)
        self.asleep.doStop()
        self.assertEqual((self.made[0].started, self.made[0].stopped, self.unused), (1, 1, 1))
