"""The connection to the server is made again and again."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial import unittest

from buildbot.irc.identity import Server
from buildbot.irc.link import GOOD, LONGEST_WAIT, Link, endpointOf, reasonOf, waitAfter


class LinkTests(unittest.SynchronousTestCase):
    """A server that is there, down, and back."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.left = 0
        self.attempts: list[Deferred[Any]] = []
        self.link = Link(
            Server("irc.example.org", 6667), "factory", self.clock, lambda: self, chance=lambda: 0.5
        )

    def connect(self, factory: object) -> Deferred[Any]:
        """I am the endpoint, too."""
        self.assertEqual(factory, "factory")
        self.attempts.append(Deferred())
        return self.attempts[-1]

    def leaveServer(self) -> None:
        """I am the bot, too."""
        self.left += 1

    def next(self) -> float:
        """The seconds until the next attempt, which is made then."""
        (call,) = self.clock.getDelayedCalls()
        wait = float(call.getTime() - self.clock.seconds())
        self.clock.advance(wait)
        return wait

    def test_down(self) -> None:
        """While the server is down, the attempts become rare, but never end."""
        self.link.connect()
        waits = []
        for _ in range(10):
            self.attempts[-1].errback(ConnectionRefusedError())
            waits.append(self.next())
        self.assertEqual(waits[:3], [60, 120, 240])
        self.assertEqual(waits[-1], LONGEST_WAIT)
        self.assertEqual(len(self.attempts), 11)

    def test_lost(self) -> None:
        """A lost connection is made again soon; if that goes on, later and later."""
        self.link.connect()
        waits = []
        for _ in range(3):
            self.attempts[-1].callback(self)
            self.link.lost("bye")
            waits.append(self.next())
        self.assertEqual(waits, [5, 10, 20])
        self.attempts[-1].callback(self)
        self.clock.advance(GOOD)
        self.link.lost("bye")
        self.assertEqual(self.next(), 5)

    def test_refused(self) -> None:
        """After a refused login the bot waits as long as for a server that is down."""
        self.link.connect()
        waits = []
        for _ in range(2):
            self.attempts[-1].callback(self)
            self.link.lost("the login was refused", wasReady=False)
            waits.append(self.next())
        self.assertEqual(waits, [60, 120])

    def test_jitter(self) -> None:
        """Chance makes a wait up to a quarter shorter or longer."""
        self.assertEqual([waitAfter(60, 1, chance) for chance in (0, 0.5, 1)], [45, 60, 75])
        self.assertGreater(waitAfter(0, 1, 0), 0)

    def test_stop(self) -> None:
        """After a stop no attempt waits, the present one is given up, and nothing follows."""
        self.link.connect()
        self.link.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.link.lost("bye")
        self.assertEqual((self.clock.getDelayedCalls(), self.left), ([], 0))

    def test_stopConnected(self) -> None:
        """A connection ends with a stop, also if the login is not over; a second stop does nothing."""
        self.link.connect()
        self.attempts[-1].callback(self)
        self.link.stop()
        self.link.stop()
        self.assertEqual((self.clock.getDelayedCalls(), self.left), ([], 1))

    def test_reasons(self) -> None:
        """The reasons of TLS are told in words that help."""

        def reason(module: str, text: str) -> str:
            kind = type("Error", (Exception,), {"__module__": module})
            return reasonOf(Failure(kind(text)))

        self.assertIn("caFile", reason("OpenSSL.SSL", "[('SSL', '', 'certificate verify failed')]"))
        self.assertIn("another host", reason("service_identity.exceptions", "VerificationError(...)"))
        self.assertIn("TLS does not work", reason("OpenSSL.SSL", "wrong version number"))
        self.assertIn("buildbot-classic[tls]", reasonOf(Failure(ImportError("no OpenSSL"))))
        self.assertEqual(reasonOf(Failure(ValueError("a\nb"))), "a b")

    def test_badFile(self) -> None:
        """A certificate that cannot be read is like a server that is down: the file may come.

        A FIFO does not stop the master.
        """
        garbage, fifo = self.mktemp(), self.mktemp()
        with open(garbage, "wb") as file:
            file.write(b"-----BEGIN CERTIFICATE-----\ngarbage\n-----END CERTIFICATE-----\n")
        os.mkfifo(fifo)
        for path in ("/nonexistent.pem", garbage, fifo):
            for files in ((path, None), (None, path)):
                server = Server("irc.example.org", 6697, True, *files)
                link = Link(server, "factory", self.clock, lambda: endpointOf(server, self.clock))  # noqa: B023
                link.connect()
                self.assertEqual(len(self.clock.getDelayedCalls()), 1)
                link.stop()
