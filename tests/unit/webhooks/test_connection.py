"""Messages over a connection: what becomes of them when the server refuses, is mute, or closes."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from buildbot.outgoing.target import Refused, TargetBusy, TargetDown
from buildbot.webhooks.http import LONGEST_ANSWER, Address, Connection, HttpTarget
from tests.unit.outgoing.servers import Answer, ServerCase, WebServer

MESSAGE = {"id": "a.1", "body": "{}"}


class FakeReactor:
    """A reactor whose calls from threads happen at once."""

    def callFromThread(self, function: Callable[..., object], *args: object) -> None:
        """Call the function."""
        function(*args)


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    """An answer of a web server."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("ascii") + body


GOOD = answer("200 OK")


class ConnectionTests(ServerCase):
    """See L{Connection}."""

    def start(self, *answers: Answer, address: Address | None = None) -> WebServer:
        """Start a server, and a target that posts to it."""
        server = WebServer(*answers)
        self.serve(server.take)
        reactor: Any = FakeReactor()
        address = address or Address("http://hooks.example/a?b=c")
        self.target = HttpTarget(address, reactor, lambda: 0.0, "x", lambda work: work())
        return server

    def post(self) -> Any:
        """Post a message; return None, or why it was not accepted."""
        got: list[Any] = []
        self.target.deliver(MESSAGE).addBoth(got.append)
        return getattr(got[0], "value", None)

    def test_posted(self) -> None:
        """Messages share a connection, which is closed after the last one."""
        server = self.start(GOOD, GOOD)
        self.assertEqual((self.post(), self.post()), (None, None))
        self.target.rest()
        self.assertEqual(self.addresses, [("hooks.example", 80)])
        self.assertEqual([each.split(b"\r\n")[0] for each in server.requests], [b"POST /a?b=c HTTP/1.1"] * 2)
        self.assertTrue(self.sockets[0].isClosed)

    def test_put(self) -> None:
        """An address may want another method."""
        server = self.start(GOOD, address=Address("http://hooks.example", method="PUT"))
        self.assertIsNone(self.post())
        self.assertEqual(server.requests[0].split(b"\r\n")[0], b"PUT / HTTP/1.1")

    def test_busy(self) -> None:
        """What a busy server says in the body of its answer is read."""
        self.start(answer("429 Slow", b'{"retry_after": 0.5}'))
        busy = self.post()
        self.assertIsInstance(busy, TargetBusy)
        self.assertEqual(busy.after, 0.5)

    def test_noPath(self) -> None:
        """An address that is only a host gets its messages at the root."""
        server = self.start(GOOD, address=Address("http://hooks.example"))
        self.assertIsNone(self.post())
        self.assertTrue(server.requests[0].startswith(b"POST / HTTP/1.1\r\n"))

    def test_unreachable(self) -> None:
        """A server that does not listen is down; the next message finds it when it is there."""
        self.start(GOOD)
        self.unreachable = ConnectionRefusedError(111, "Connection refused")
        why = self.post()
        self.assertEqual((type(why), why.reason), (TargetDown, "Connection refused"))
        self.unreachable = None
        self.assertIsNone(self.post())

    def test_mute(self) -> None:
        """A server that says nothing, or only half of its answer, is down."""
        for said in (b"", b"HTTP/1.1 20", answer("200 OK")[:-2], answer("200 OK", b"much")[:-1]):
            self.start(said)
            why = self.post()
            self.assertEqual((type(why), why.reason), (TargetDown, "timed out"), said)
            self.assertTrue(self.sockets[0].isClosed)

    def test_notWeb(self) -> None:
        """A server that speaks something else is down; its words are told in one line."""
        self.start(b"SSH-2.0-OpenSSH_9\r\n")
        why = self.post()
        self.assertEqual((type(why), why.reason), (TargetDown, "SSH-2.0-OpenSSH_9"))

    def test_closedAtOnce(self) -> None:
        """A server that closes a new connection without an answer is down: there is no second attempt."""
        server = self.start(None, GOOD)
        self.assertIsInstance(self.post(), TargetDown)
        self.assertEqual((len(server.requests), len(self.sockets)), (1, 1))

    def test_idle(self) -> None:
        """If the server has closed an idle connection, the message goes over a new one at once."""
        server = self.start(GOOD, None, GOOD)
        self.assertEqual((self.post(), self.post()), (None, None))
        self.assertEqual((len(server.requests), len(self.sockets)), (3, 2))

    def test_idleBroken(self) -> None:
        """The same if it closed before the message was written."""
        server = self.start(GOOD, GOOD)
        self.assertIsNone(self.post())
        self.sockets[0].isCut = True
        self.assertIsNone(self.post())
        self.assertEqual((len(server.requests), len(self.sockets)), (2, 2))

    def test_closing(self) -> None:
        """A server that says that it closes gets the next message over a new connection."""
        self.start(answer("200 OK", b"", "Connection: close"), GOOD)
        self.assertEqual((self.post(), self.post()), (None, None))
        self.assertEqual((len(self.sockets), self.sockets[0].isClosed), (2, True))

    def test_tooLong(self) -> None:
        """A message whose answer is too long is accepted, but the rest of the answer is not read."""
        self.start(answer("200 OK", b"x" * (LONGEST_ANSWER + 9000)), GOOD)
        self.assertEqual((self.post(), self.post()), (None, None))
        self.assertEqual((len(self.sockets), self.sockets[0].isClosed), (2, True))

    def test_longest(self) -> None:
        """An answer of exactly the longest length leaves the connection open."""
        self.start(answer("200 OK", b"x" * LONGEST_ANSWER), GOOD)
        self.assertEqual((self.post(), self.post()), (None, None))
        self.assertEqual(len(self.sockets), 1)

    def test_redirect(self) -> None:
        """A redirect is not followed: nothing is posted to an address that nobody wrote."""
        server = self.start(answer("308 Permanent Redirect", b"", "Location: http://evil.example/"))
        why = self.post()
        self.assertEqual((type(why), why.cure), (TargetDown, "write the new address"))
        self.assertEqual((len(server.requests), len(self.addresses)), (1, 1))

    def test_retryAfter(self) -> None:
        """The header Retry-After counts if it has seconds; a date does no harm."""
        for value, after in (("7", 7.0), ("Wed, 21 Oct 2015 07:28:00 GMT", None)):
            self.start(answer("503 Service Unavailable", b"", f"Retry-After: {value}"))
            why = self.post()
            self.assertEqual((type(why), why.after), (TargetDown, after))

    def test_refused(self) -> None:
        """A refused message is given up, and the next one goes over the same kind of connection."""
        self.start(answer("422 Unprocessable"), GOOD)
        self.assertIsInstance(self.post(), Refused)
        self.assertIsNone(self.post())

    def test_fault(self) -> None:
        """A header that cannot be sent is a fault of this side, and told as what it is."""
        self.start(GOOD, address=Address("http://hooks.example", token="a\nb"))
        self.assertIsInstance(self.post(), ValueError)


class SecureTests(ConnectionTests):
    """The same, encrypted; and what may go wrong with certificates."""

    def start(self, *answers: Answer, address: Address | None = None) -> WebServer:
        """The port is that of HTTP, so that all tests above hold."""
        address = address or Address("http://hooks.example/a?b=c")
        url = address.url.replace("http://hooks.example", "https://hooks.example:80")
        return super().start(*answers, address=replace(address, url=url, caFile="/ca.pem"))

    def test_certificate(self) -> None:
        """The certificate must be valid for the host of the address; one more authority may be named."""
        self.start(GOOD)
        self.assertIsNone(self.post())
        self.assertEqual((self.context.hosts, self.context.trusted), (["hooks.example"], ["/ca.pem"]))
        self.assertEqual((self.context.check_hostname, self.context.verify_mode), (True, ssl.CERT_REQUIRED))

    def test_system(self) -> None:
        """Without an authority of its own, an address trusts those of the system only."""
        server = WebServer(GOOD)
        self.serve(server.take)
        connection = Connection(Address("https://hooks.example/"))
        self.assertEqual(connection.post("", {}, b"{}").status, 200)
        self.assertEqual((self.addresses, self.context.trusted), ([("hooks.example", 443)], []))

    def test_badCertificate(self) -> None:
        """A server with another certificate gets nothing, and the cure is told."""
        server = self.start(GOOD)
        self.context.error = ssl.SSLCertVerificationError(1, "self-signed certificate")
        why = self.post()
        self.assertEqual((type(why), why.cure), (TargetDown, "name its authority in caFile"))
        self.assertEqual(server.requests, [])
        self.context.error = None
        self.assertIsNone(self.post())


class StopTests(ServerCase):
    """The end of a connection, from another thread."""

    def setUp(self) -> None:
        self.server = WebServer(GOOD, GOOD)
        self.serve(self.server.take)
        self.connection = Connection(Address("http://hooks.example/"))

    def post(self) -> int:
        """Post a message; return the status of the answer."""
        return self.connection.post("", {}, b"{}").status

    def test_abort(self) -> None:
        """A connection is ended at once, and takes no message any more; twice is the same as once."""
        self.assertEqual(self.post(), 200)
        self.connection.abort()
        self.connection.abort()
        self.assertTrue(self.sockets[0].isShut)
        self.assertRaises(TimeoutError, self.post)
        self.assertEqual(len(self.server.requests), 1)

    def test_abortedMeanwhile(self) -> None:
        """A message whose connection is ended while it waits for the answer is not sent again."""
        self.assertEqual(self.post(), 200)

        def cut(*written: object) -> None:
            self.connection.abort()

        self.patch(self.sockets[0], "sendall", cut)
        self.assertRaises(ConnectionError, self.post)
        self.assertEqual((len(self.server.requests), len(self.sockets)), (1, 1))

    def test_unused(self) -> None:
        """A connection that was never made can be ended, both ways, and makes none later."""
        self.connection.abort()
        self.connection.close()
        self.assertRaises(TimeoutError, self.post)
        self.assertEqual(self.server.requests, [])
