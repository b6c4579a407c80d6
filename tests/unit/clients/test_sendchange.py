"""The client that sends changes, with our own master and with all kinds of errors."""

from __future__ import annotations

import io
import sys
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionRefusedError, DNSLookupError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure
from twisted.trial import unittest
from zope.interface import implementer

from buildbot.changes.pb import PBChangeSource
from buildbot.clients.sendchange import Sender, SendFailed
from tests.pumped import Pump
from tests.stories.world import Reactor
from tests.unit.changes.test_changes import SourceCase


class SSLError(Exception):
    """I replace the error of OpenSSL, which only the extra tls installs."""

    __module__ = "OpenSSL.SSL"


@implementer(IStreamClientEndpoint)
class Cable:
    """An endpoint that leads to a factory in this process, or to an error."""

    def __init__(self, reactor: Any, server: Any) -> None:
        self._reactor = reactor
        self._server = server
        self.pump: Any = None
        self.client: Any = None

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        if isinstance(self._server, Exception):
            return fail(self._server)
        client = self.client = protocolFactory.buildProtocol(None)
        self.pump = Pump(self._server.buildProtocol(None), client, self._reactor)
        return succeed(client)


class SenderCase(SourceCase):
    """A master, and a client that sends changes to it."""

    def sender(self, server: Any = None, **kw: Any) -> Sender:
        self.cable = Cable(self.master.reactor, server or self.master.slavePort)
        return Sender("master:9989", "ann", reactor=self.master.reactor, endpoint=self.cable, **kw)

    def pumped(self, answer: Deferred[None]) -> Deferred[None]:
        if self.cable.pump is not None:
            self.cable.pump.pump()
        return answer

    def reason(self, answer: Deferred[None]) -> str:
        return str(self.failureResultOf(self.pumped(answer), SendFailed).value)


class SendTests(SenderCase):
    """Sending one change."""

    def test_sent(self) -> None:
        """P2: success is reported when the master has the change on disk; then the connection ends."""
        self.use(PBChangeSource())
        self.store.lazy = True
        sender = self.sender()
        answer = sender.send("brånch", "7", "cömment", ("ä.c", "b.c"), category="web", when=5)
        self.assertNoResult(self.pumped(answer))
        self.store.flush()
        self.assertIsNone(self.successResultOf(self.pumped(answer)))
        self.store.lazy = False
        (change,) = self.changes()
        self.assertEqual((change.who, change.branch, change.revision), ("ann", "brånch", "7"))
        self.assertEqual((change.files, change.comments), (["ä.c", "b.c"], "cömment"))
        self.assertEqual((change.category, change.when), ("web", 5.0))
        self.assertTrue(self.cable.pump.client.lost)
        self.assertFalse(sender.failed)
        self.assertEqual(self.master.reactor.getDelayedCalls(), [])

    def test_otherUser(self) -> None:
        """Each change can have its own author; a change may have no files."""
        self.use(PBChangeSource())
        self.successResultOf(self.pumped(self.sender().send(None, None, "", [], "bob")))
        self.assertEqual([(change.who, change.files) for change in self.changes()], [("bob", [])])

    def test_password(self) -> None:
        """Another account can be used."""
        self.use(PBChangeSource("hook", "pässword"))
        sender = self.sender(username="hook", password="pässword")
        self.successResultOf(self.pumped(sender.send(None, None, "", ["a.c"])))
        self.assertEqual(len(self.changes()), 1)

    def test_refused(self) -> None:
        """S1: if the master has no such source, the error tells the possible reasons, without the
        password.
        """
        sender = self.sender(password="s3cret")
        reason = self.reason(sender.send(None, None, "", ["a.c"]))
        self.assertIn("master:9989 refuses the login of 'change'", reason)
        self.assertIn("no PBChangeSource", reason)
        self.assertNotIn("s3cret", reason)
        self.assertNotIn("--auth", reason)
        self.assertTrue(sender.failed)
        self.use(PBChangeSource("hook", "another"))
        reason = self.reason(self.sender().send(None, None, "", ["a.c"]))
        self.assertIn("with this name and password; they are the default without --auth", reason)
        self.pumped(succeed(None))
        self.assertTrue(self.cable.pump.client.lost)

    def test_notTaken(self) -> None:
        """If the master refuses a change, the error has the master's reason."""
        self.use(PBChangeSource())
        reason = self.reason(self.sender().send(None, None, "", ["a.c"], when="today"))
        self.assertIn("master:9989 refuses the change: ", reason)
        self.assertIn("when must be a number of seconds", reason)

    def test_fullDisk(self) -> None:
        """P4: a change that is not stored is not reported as sent."""
        self.use(PBChangeSource())
        self.store.full = True
        self.assertIn("disk is full", self.reason(self.sender().send(None, None, "", ["a.c"])))

    def test_nobodyThere(self) -> None:
        """A refused connection and an unknown host are reported."""
        for error in (ConnectionRefusedError("Connection refused"), DNSLookupError("no such host")):
            reason = self.reason(self.sender(error).send(None, None, "", ["a.c"]))
            self.assertIn("cannot connect to master:9989: ", reason)

    def test_silence(self) -> None:
        """A master that does not answer is given up after the time limit, and the connection is closed."""
        self.use(PBChangeSource())
        self.store.lazy = True
        answer = self.sender(timeout=20).send(None, None, "", ["a.c"])
        self.pumped(answer)
        self.master.reactor.advance(19)
        self.assertNoResult(self.pumped(answer))
        self.master.reactor.advance(1)
        self.assertIn("did not answer within 20 s", self.reason(answer))
        self.pumped(succeed(None))
        self.assertTrue(self.cable.pump.client.lost)
        self.store.lazy = False

    def test_hangUp(self) -> None:
        """If the connection ends before the answer, the error says that the result is unknown."""
        self.use(PBChangeSource())
        self.store.lazy = True
        answer = self.sender().send(None, None, "", ["a.c"])
        self.pumped(answer)
        self.cable.pump.server.abortConnection()
        self.assertIn("ended the connection before it answered", self.reason(answer))
        self.store.lazy = False

    def test_handshake(self) -> None:
        """S1: a connection that ends before the login is reported at once, with the reason of TLS."""
        for why, said in (
            (
                SSLError([("SSL routines", "", "certificate verify failed")]),
                "cannot connect to master:9989: the TLS handshake failed: certificate verify failed",
            ),
            (ConnectionDone(), "master:9989 ended the connection before it answered"),
        ):
            sender = self.sender()
            answer = sender.send(None, None, "", ["a.c"])
            self.cable.client.connectionLost(Failure(why))
            reason = str(self.failureResultOf(answer, SendFailed).value)
            self.assertEqual(reason, said)

    def test_tooLarge(self) -> None:
        """A change too large for PB is reported before it is sent."""
        self.use(PBChangeSource())
        more: dict[str, Any]
        for more in ({"comments": "ä" * 350_000}, {"comments": "", "properties": {"a": ["x" * 700_000]}}):
            reason = self.reason(self.sender().send(None, None, files=["a.c"], **more))
            self.assertIn("too large to send", reason)
        self.assertIn("too large", self.reason(self.sender().send(None, None, "", ["a"] * 700_000)))
        self.assertIsNone(self.cable.pump)


class SendAllTests(SenderCase):
    """Sending several changes over one connection."""

    def setUp(self) -> None:
        super().setUp()
        self.told: list[tuple[int, str | None]] = []

    def sendAll(self, *names: str, when: object = None, **kw: Any) -> Deferred[None]:
        """Send a change for each file; C{when} is the time of the second one."""
        changes: list[dict[str, Any]] = [{"who": "ann", "files": [name], "comments": ""} for name in names]
        if when is not None:
            changes[1]["when"] = when
        return self.sender(**kw).sendAll(changes, lambda index, why: self.told.append((index, why)))

    def test_all(self) -> None:
        """F10: each change is sent when the master has the one before, in order."""
        self.use(PBChangeSource())
        self.store.lazy = True
        answer = self.pumped(self.sendAll("a", "b", "c"))
        for number in range(3):
            self.assertEqual(self.told, [(each, None) for each in range(number)])
            self.store.flush()
            self.pumped(answer)
        self.store.lazy = False
        self.assertIsNone(self.successResultOf(answer))
        self.assertEqual(self.told, [(0, None), (1, None), (2, None)])
        self.assertEqual([change.files for change in self.changes()], [["a"], ["b"], ["c"]])
        self.assertTrue(self.cable.pump.client.lost)

    def test_oneRefused(self) -> None:
        """F10: a change that the master never accepts is reported, and the next ones are sent."""
        self.use(PBChangeSource())
        self.successResultOf(self.pumped(self.sendAll("a", "b", "c", when="today")))
        self.assertEqual([index for index, _ in self.told], [0, 1, 2])
        self.assertIn("when must be a number of seconds", str(self.told[1][1]))
        self.assertEqual([change.files for change in self.changes()], [["a"], ["c"]])

    def test_diskFullMeanwhile(self) -> None:
        """F10: a change that the master cannot store now is reported as one to send again."""
        self.use(PBChangeSource())
        self.store.full = True
        self.assertIn("disk is full", self.reason(self.sendAll("a", "b")))
        self.assertEqual(self.told, [])

    def test_timeOfAll(self) -> None:
        """F10: the time limit is for all of them."""
        self.use(PBChangeSource())
        self.store.lazy = True
        answer = self.pumped(self.sendAll("a", "b", timeout=20))
        self.master.reactor.advance(15)
        self.store.flush()
        self.pumped(answer)
        self.assertEqual(self.told, [(0, None)])
        self.master.reactor.advance(5)
        self.assertIn("did not answer within 20 s", self.reason(answer))
        self.store.lazy = False


class OldWayTests(unittest.SynchronousTestCase):
    """The functions that scripts of 0.7.5 call."""

    def test_addresses(self) -> None:
        """A master is given as host and port, or as an endpoint description; other addresses are refused."""
        reactor = Reactor()
        for good in ("localhost:9989", "[::1]:9989", "10.0.0.1:9989", "tcp:localhost:9989"):
            Sender(good, reactor=reactor)
        for bad in ("localhost", "", "localhost:", "foo:bar:baz"):
            self.assertRaises(ValueError, Sender, bad, reactor=reactor)

    def test_prints(self) -> None:
        """Success is printed to standard output, failure to standard error."""
        sender = Sender("localhost:9989", "ann", reactor=Reactor())
        out, err = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", out)
        self.patch(sys, "stderr", err)
        sender.printSuccess(None)
        self.assertEqual((out.getvalue(), err.getvalue()), ("change sent successfully\n", ""))
        sender.printFailure(Failure(SendFailed("no luck")))
        self.assertEqual(err.getvalue(), "change not sent: no luck\n")
        self.assertTrue(sender.failed)

    def test_stop(self) -> None:
        """stop() ends the reactor that run() runs, and passes on its argument."""
        reactor = Reactor()
        self.assertEqual(Sender("localhost:9989", "ann", reactor=reactor).stop(7), 7)
        self.assertTrue(reactor.stopped)
