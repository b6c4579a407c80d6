"""Opening, renewing and describing the slave ports."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any, cast

from twisted.internet import endpoints
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import ServerFactory
from twisted.internet.testing import MemoryReactor
from twisted.trial import unittest

from buildbot.wire.listeners import (
    BACKLOG,
    CannotOpen,
    SlavePort,
    _endOf,
    closeAll,
    expiryWarnings,
    openAll,
    renewed,
    withBacklog,
)

try:
    from tests.certificates import writeCertificate
except ImportError:
    writeCertificate = None  # type: ignore[assignment]


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
    """A reactor on which some ports are taken."""

    taken: tuple[int, ...] = ()
    closed = 0

    def listenSSL(
        self, port: int, factory: Any, contextFactory: Any, backlog: int = 50, interface: str = ""
    ) -> Any:
        super().listenSSL(port, factory, contextFactory, backlog, interface)
        return Port(self, IPv4Address("TCP", interface or "0.0.0.0", port))

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        if port in self.taken:
            raise CannotListenError(interface, port, OSError(98, "Address already in use"))
        super().listenTCP(port, factory, backlog, interface)
        return Port(self, IPv4Address("TCP", interface or "0.0.0.0", port))


class PortsTests(unittest.SynchronousTestCase):
    """Opening and describing ports."""

    def setUp(self) -> None:
        self.reactor = Reactor()

    def open(self, *descriptions: str) -> Deferred[Any]:
        return Deferred.fromCoroutine(openAll(self.reactor, ServerFactory(), descriptions))

    def test_backlog(self) -> None:
        """L8: a port has a backlog of 1024 unless its description sets one."""
        self.successResultOf(self.open("tcp:9989", "tcp:9990:backlog=7"))
        self.assertEqual([server[2] for server in self.reactor.tcpServers], [BACKLOG, 7])

    def test_othersAreLeftAlone(self) -> None:
        """Descriptions that are not plain sockets are unchanged: they have no backlog."""
        self.assertEqual(withBacklog("systemd:domain=INET:index=0"), "systemd:domain=INET:index=0")

    def test_allOrNone(self) -> None:
        """R1: if one port is taken, the ports opened before it are closed, and the error names it."""
        self.reactor.taken = (9990,)
        error = self.failureResultOf(self.open("tcp:9989", "tcp:9990"), CannotOpen).value
        self.assertIn("cannot listen on tcp:9990: address already in use (ss ", str(error))
        self.assertTrue(error.inUse)
        self.assertEqual(self.reactor.closed, 1)

    def test_nonsense(self) -> None:
        """An invalid description raises an error that names it."""
        error = self.failureResultOf(self.open("tcp:nonsense"), CannotOpen).value
        self.assertIn("tcp:nonsense", str(error))
        self.assertFalse(error.inUse)

    def test_parserThatExits(self) -> None:
        """F15: a port whose parser, a plug-in, calls sys.exit() is an error like others; all are closed."""

        def leave(reactor: Any, description: str) -> Any:
            if description.startswith("own:"):
                sys.exit("no device")
            return given(reactor, description)

        given = endpoints.serverFromString
        self.patch(endpoints, "serverFromString", leave)
        error = self.failureResultOf(self.open("tcp:9989", "own:"), CannotOpen).value
        self.assertIn("own:", str(error))
        self.assertEqual(self.reactor.closed, 1)
        port = SlavePort("own:", cast(Any, None), cast(Any, SimpleNamespace()))
        self.assertIn("no device", str(self.assertRaises(CannotOpen, renewed, port)))

    def test_describe(self) -> None:
        """A port is described by the values needed to connect."""
        opened = self.successResultOf(self.open("tcp:9989:interface=127.0.0.1", "tcp:9990"))
        self.assertEqual([str(port) for port in opened.values()], ["tcp 9989 on 127.0.0.1", "tcp 9990"])
        self.successResultOf(Deferred.fromCoroutine(closeAll(opened.values())))
        self.assertEqual(self.reactor.closed, 2)
        local: Any = SimpleNamespace(getHost=lambda: UNIXAddress("/run/slaves"))
        self.assertEqual(str(SlavePort("unix:/run/slaves", local, None)), "unix /run/slaves")


class CertificateTests(unittest.SynchronousTestCase):
    """TLS ports."""

    if writeCertificate is None:
        skip = "the packages of the tls extra are not installed"

    def setUp(self) -> None:
        self.reactor = Reactor()
        self.now = datetime.now(timezone.utc)
        self.pem = self.mktemp()
        self.description = f"ssl:9990:privateKey={self.pem}"

    def open(self) -> Any:
        opening = Deferred.fromCoroutine(openAll(self.reactor, ServerFactory(), [self.description]))
        return self.successResultOf(opening)[self.description]

    def test_renewed(self) -> None:
        """S5: a new certificate is read from the files of the open port, and used for the next connection."""
        writeCertificate(self.pem, "old.example", self.now, 100)
        port = self.open()
        first = port.context.getContext()
        writeCertificate(self.pem, "new.example", self.now, 100)
        self.assertIs(port.context.getContext(), first)
        port.context.options = renewed(port)
        self.assertIsNot(port.context.getContext(), first)
        self.assertEqual(len(self.reactor.sslServers), 1)

    def test_damaged(self) -> None:
        """S5: a file without a certificate is an error that names the port; the old certificate stays in
        use.
        """
        writeCertificate(self.pem, "old.example", self.now, 100)
        port = self.open()
        with open(self.pem, "w") as file:
            file.write("nothing")
        said = str(self.assertRaises(CannotOpen, renewed, port))
        self.assertIn(self.description, said)
        self.assertIn("do not hold a certificate", said)
        os.unlink(self.pem)
        self.assertIn("No such file", str(self.assertRaises(CannotOpen, renewed, port)))

    def test_expiry(self) -> None:
        """S5: a certificate that expires within 30 days, or has expired, yields one line with its name and
        date.
        """
        for days, lines in ((100, 0), (10, 1), (-1, 1)):
            writeCertificate(self.pem, "master.example", self.now, days)
            said = list(expiryWarnings([self.open()], self.now))
            self.assertEqual(len(said), lines)
            for line in said:
                self.assertIn("master.example", line)
                self.assertIn(f"{self.now + timedelta(days=days):%Y-%m-%d}", line)

    def test_expiryInOldWords(self) -> None:
        """S5: the same works with older releases of cryptography, which have another attribute."""
        ends = datetime(2026, 1, 31, 12)
        self.assertEqual(_endOf(SimpleNamespace(not_valid_after=ends)), ends.replace(tzinfo=timezone.utc))
