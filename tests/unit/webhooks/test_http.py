"""The answers of web servers, and what the sender makes of them."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping

from twisted.internet.defer import CancelledError
from twisted.trial import unittest

from buildbot.config.arguments import BadArguments
from buildbot.outgoing.target import Refused, TargetBusy, TargetDown
from buildbot.webhooks.http import Address, Connection, HttpTarget, Reply, outcomeOf
from buildbot.webhooks.notifier import Webhook
from tests.unit.outgoing.threads import Threads

ADDRESS = Address("https://me:canary-1@hooks.example:8443/canary-2?x=canary-3", "canary-4")
MESSAGE = {"id": "a.1", "body": "{}"}


class OutcomeTests(unittest.SynchronousTestCase):
    """See L{outcomeOf}."""

    def test_accepted(self) -> None:
        """Any 2xx accepts a message."""
        for status in (200, 202, 204):
            self.assertIsNone(outcomeOf(Reply(status)))

    def test_down(self) -> None:
        """A server that fails, refuses everything or redirects is down."""
        answers: tuple[Reply | Exception, ...] = (
            *(Reply(status) for status in (301, 307, 401, 403, 404, 405, 408, 429, 500, 502, 503)),
            ConnectionRefusedError(111, "Connection refused"),
            TimeoutError("timed out"),
            http.client.RemoteDisconnected("closed"),
            http.client.BadStatusLine("x"),
            ssl.SSLCertVerificationError(1, "self-signed certificate"),
        )
        for answer in answers:
            outcome = outcomeOf(answer)
            assert isinstance(outcome, TargetDown), answer
            self.assertTrue(outcome.reason)

    def test_refused(self) -> None:
        """A message that the server does not understand, or does not want any more, is given up."""
        for status in (400, 410, 413, 422):
            self.assertIsInstance(outcomeOf(Reply(status)), Refused)

    def test_refusing(self) -> None:
        """Where one address has many receivers, an unknown one costs its own messages only."""
        self.assertIsInstance(outcomeOf(Reply(404), (404,)), Refused)
        self.assertIsInstance(outcomeOf(Reply(403), (404,)), TargetDown)

    def test_retryAfter(self) -> None:
        """The seconds that the server asks for are obeyed; a date or nonsense is ignored."""
        for said, after in (
            ("120", 120),
            (None, None),
            ("Wed, 21 Oct 2015 07:28:00 GMT", None),
            ("9" * 50, None),
        ):
            outcome = outcomeOf(Reply(429, said))
            assert isinstance(outcome, TargetDown)
            self.assertEqual(outcome.after, after)

    def test_busy(self) -> None:
        """A server that says when it takes more messages works; Discord and Matrix say it in the body."""
        for reply, after in (
            (Reply(429, "1"), 1),
            (Reply(429, "0.25"), 0.25),
            (Reply(403, "60"), 60),
            (Reply(429, None, b'{"message": "slow", "retry_after": 1.5, "global": false}'), 1.5),
            (Reply(429, None, b'{"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 2000}'), 2),
        ):
            outcome = outcomeOf(reply)
            assert isinstance(outcome, TargetBusy), reply
            self.assertEqual(outcome.after, after)
        for body in (b"", b"{", b"[]", b'{"retry_after": true}', b'{"retry_after_ms": "x"}'):
            outcome = outcomeOf(Reply(429, None, body))
            self.assertIs(type(outcome), TargetDown, body)
        outcome = outcomeOf(Reply(503, "5"))
        self.assertIs(type(outcome), TargetDown)


class FakeConnection(Connection):
    """A connection whose answer a test decides."""

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self.posted: list[tuple[str, Mapping[str, str], bytes]] = []
        self.answer: Reply | Exception = Reply(200)
        self.ended: list[str] = []

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        self.posted.append((path, headers, body))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self) -> None:
        self.ended.append("close")

    def abort(self) -> None:
        self.ended.append("abort")


class TargetTests(unittest.SynchronousTestCase):
    """See L{HttpTarget}."""

    def setUp(self) -> None:
        self.connections: list[FakeConnection] = []
        self.threads = Threads()
        self.target = HttpTarget(
            ADDRESS,
            self.threads.reactor,
            lambda: 1000.7,
            "buildbot/1",
            self.threads.work.append,
            self.newConnection,
        )

    def newConnection(self, address: Address) -> FakeConnection:
        self.connections.append(FakeConnection(address))
        return self.connections[-1]

    def test_headers(self) -> None:
        """A message has its id, the time of the attempt, the signature and the login."""
        done = self.target.deliver(MESSAGE)
        self.threads.run()
        self.successResultOf(done)
        ((path, headers, body),) = self.connections[0].posted
        self.assertEqual((path, body), ("", b"{}"))
        self.assertEqual((headers["webhook-id"], headers["webhook-timestamp"]), ("a.1", "1000"))
        self.assertRegex(headers["webhook-signature"], r"^v1,[A-Za-z0-9+/]{43}=$")
        self.assertEqual(headers["Authorization"], "Basic bWU6Y2FuYXJ5LTE=")

    def test_secret(self) -> None:
        """Neither the name nor the text of an address has a secret."""
        self.assertNotIn("canary", f"{ADDRESS!r} {ADDRESS.name}")
        self.assertIn("hooks.example", ADDRESS.name)
        self.assertNotEqual(ADDRESS.name, Address("https://hooks.example/other").name)

    def test_token(self) -> None:
        """A token is sent, and not shown; a message may have a path of its own."""
        address = Address("https://api.example", token="canary-5")
        target = HttpTarget(
            address, self.threads.reactor, lambda: 0.0, "x", self.threads.work.append, self.newConnection
        )
        target.deliver({**MESSAGE, "path": "/repos"})
        self.threads.run()
        ((path, headers, _),) = self.connections[0].posted
        self.assertEqual((path, headers["Authorization"]), ("/repos", "token canary-5"))
        self.assertNotIn("canary", f"{address!r} {address.name}")

    def test_bearer(self) -> None:
        """GitLab takes a token as the one of a bearer."""
        target = HttpTarget(
            Address("https://api.example", token="t1", bearer=True),
            *(self.threads.reactor, lambda: 0.0, "x"),
        )
        self.assertEqual(target.headers("a.1", b"")["Authorization"], "Bearer t1")

    def test_form(self) -> None:
        """A message may be a field of a form, beside other fields, which are not shown."""
        address = Address("https://sink.example", form=(("key", "canary 6"),))
        target = HttpTarget(
            address, self.threads.reactor, lambda: 0.0, "x", self.threads.work.append, self.newConnection
        )
        target.deliver({"id": "a.1", "body": '[{"a": 1}]'})
        self.threads.run()
        ((_, headers, body),) = self.connections[0].posted
        self.assertEqual(body, b"key=canary+6&packets=%5B%7B%22a%22%3A+1%7D%5D")
        self.assertEqual(headers["Content-Type"], "application/x-www-form-urlencoded")
        self.assertNotIn("canary", f"{address!r} {address.name}")

    def test_omitted(self) -> None:
        """A message says that earlier ones had no room, if its shape has a place for that."""
        target = HttpTarget(
            *(Address("https://sink.example"), self.threads.reactor, lambda: 0.0, "x"),
            *(self.threads.work.append, self.newConnection, lambda body, count: {**body, "omitted": count}),
        )
        for more in ({}, {"omitted": 3}):
            target.deliver({"id": "a.1", "body": '{"a": 1}', **more})
            self.threads.run()
        bodies = [body for _, _, body in self.connections[0].posted]
        self.assertEqual(bodies, [b'{"a": 1}', b'{"a": 1, "omitted": 3}'])

    def test_failed(self) -> None:
        """After a failure there is a new connection; after a success, the same one."""
        for answer, kind in ((Reply(200), None), (Reply(500), TargetDown), (Reply(200), None)):
            done = self.target.deliver(MESSAGE)
            self.connections[-1].answer = answer
            self.threads.run()
            if kind is None:
                self.successResultOf(done)
            else:
                self.failureResultOf(done, kind)
        self.target.rest()
        self.threads.run()
        self.assertEqual(
            [(len(each.posted), each.ended) for each in self.connections], [(2, ["close"]), (1, ["close"])]
        )

    def test_cancelled(self) -> None:
        """A delivery that takes too long is cut off; its late end does no harm."""
        done = self.target.deliver(MESSAGE)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.threads.run()
        self.assertEqual(self.connections[0].ended, ["abort", "close"])


class UrlTests(unittest.SynchronousTestCase):
    """The addresses that a configuration may have."""

    def test_wrong(self) -> None:
        """An address that cannot be one is refused, without a word of it in the error."""
        for url in (
            7,
            "",
            "canary",
            "https:///canary",
            "https://canary example/",
            "https://canary:0/",
            "https://canary:99999/",
            "https://[canary/",
            "https://canäry/",
            "https://x/canary\x7f",
        ):
            error = self.assertRaises(BadArguments, Webhook, url)
            self.assertIn("url must be an address", str(error))
            self.assertNotRegex(str(error), "can.ry")

    def test_right(self) -> None:
        """Hosts may be names or numbers, with a port or without."""
        for url in ("http://localhost", "https://[::1]:8443/x?y=z", "https://me:p@hooks.example/"):
            self.assertEqual(Webhook(url).address.url, url)
