"""The slave ports: all or none, with a backlog that bears a storm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import ServerFactory
from twisted.internet.testing import MemoryReactor
from twisted.trial import unittest

from buildbot.ports import BACKLOG, CannotOpen, closeAll, describe, openAll, withBacklog


@dataclass
class Port:
    """An open port that can be closed."""

    reactor: Reactor
    host: IPv4Address

    def getHost(self) -> IPv4Address:
        return self.host

    def stopListening(self) -> None:
        self.reactor.closed += 1


class Reactor(MemoryReactor):
    """Some of its ports are taken."""

    taken: tuple[int, ...] = ()
    closed = 0

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        if port in self.taken:
            raise CannotListenError(interface, port, OSError(98, "Address already in use"))
        super().listenTCP(port, factory, backlog, interface)
        return Port(self, IPv4Address("TCP", interface or "0.0.0.0", port))


class PortsTests(unittest.SynchronousTestCase):
    """Opening and naming."""

    def setUp(self) -> None:
        self.reactor = Reactor()

    def open(self, *descriptions: str) -> Deferred[Any]:
        return Deferred.fromCoroutine(openAll(self.reactor, ServerFactory(), descriptions))

    def test_backlog(self) -> None:
        """L8: a port has a backlog of 1024 unless the description has one of its own."""
        self.successResultOf(self.open("tcp:9989", "tcp:9990:backlog=7"))
        self.assertEqual([server[2] for server in self.reactor.tcpServers], [BACKLOG, 7])

    def test_othersAreLeftAlone(self) -> None:
        """What is no plain socket keeps its description: a backlog means nothing there."""
        self.assertEqual(withBacklog("systemd:domain=INET:index=0"), "systemd:domain=INET:index=0")

    def test_allOrNone(self) -> None:
        """R1: when one port is taken, those opened before it are closed, and the error names it."""
        self.reactor.taken = (9990,)
        error = self.failureResultOf(self.open("tcp:9989", "tcp:9990"), CannotOpen).value
        self.assertEqual(str(error), "cannot listen on tcp:9990: address already in use")
        self.assertTrue(error.inUse)
        self.assertEqual(self.reactor.closed, 1)

    def test_nonsense(self) -> None:
        """A description that means nothing is an error that names it."""
        error = self.failureResultOf(self.open("tcp:nonsense"), CannotOpen).value
        self.assertIn("tcp:nonsense", str(error))
        self.assertFalse(error.inUse)

    def test_describe(self) -> None:
        """A port is named by what a person needs to connect."""
        opened = self.successResultOf(self.open("tcp:9989:interface=127.0.0.1", "tcp:9990"))
        self.assertEqual(
            [describe(name, port) for name, port in opened.items()], ["tcp 9989 on 127.0.0.1", "tcp 9990"]
        )
        self.successResultOf(Deferred.fromCoroutine(closeAll(opened.values())))
        self.assertEqual(self.reactor.closed, 2)
