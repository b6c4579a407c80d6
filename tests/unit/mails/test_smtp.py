"""The answers of mail servers, and what the sender makes of them."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.trial import unittest

from buildbot.mails.smtp import Relay, Session, SmtpTarget, outcomeOf
from buildbot.outgoing.target import NotNow, Refused, TargetDown
from tests.unit.outgoing.threads import Threads

RELAY = Relay("mail.example.com", user="me", password="canary-77")
MAIL = {"from": "bot@x", "to": ["ann@x", "bob@x"], "data": "Subject: x\r\n\r\ny\r\n"}


def meaning(error: BaseException | None, **refused: tuple[int, bytes]) -> Any:
    """The outcome of an attempt; the refused recipients are given by their names."""
    return outcomeOf(error, {f"{name}@x": answer for name, answer in refused.items()}, MAIL, RELAY)


class OutcomeTests(unittest.SynchronousTestCase):
    """See L{outcomeOf}."""

    def test_good(self) -> None:
        """A mail that everybody gets has no trouble."""
        self.assertIsNone(meaning(None))

    def test_down(self) -> None:
        """A server that cannot be reached, or refuses everything, is down."""
        for error in (
            ConnectionRefusedError(111, "Connection refused"),
            TimeoutError("timed out"),
            smtplib.SMTPServerDisconnected("Connection unexpectedly closed"),
            smtplib.SMTPConnectError(554, b"no"),
            smtplib.SMTPAuthenticationError(535, b"canary-77 is wrong"),
            smtplib.SMTPNotSupportedError("no AUTH"),
            smtplib.SMTPDataError(421, b"shutting down"),
            smtplib.SMTPRecipientsRefused({"ann@x": (421, b"too many")}),
            ssl.SSLCertVerificationError(1, "self-signed certificate"),
            ssl.SSLError(1, "handshake failure"),
        ):
            outcome = meaning(error)
            self.assertIsInstance(outcome, TargetDown, repr(error))
            self.assertTrue(outcome.reason)
            self.assertNotIn("canary", outcome.reason)
        self.assertEqual(
            meaning(ConnectionRefusedError(111, "Connection refused")).reason, "Connection refused"
        )

    def test_noLogin(self) -> None:
        """A server that wants a login first costs no mail: all wait, and the cure is told."""
        answer = (530, b"5.7.0 Authentication required")
        for error in (
            smtplib.SMTPSenderRefused(*answer, "bot@x"),
            smtplib.SMTPRecipientsRefused({"ann@x": answer, "bob@x": answer}),
        ):
            outcome = meaning(error)
            self.assertIsInstance(outcome, TargetDown)
            self.assertIn("530 5.7.0 Authentication required", outcome.reason)
            self.assertIn("smtpUser", outcome.cure)

    def test_greeting(self) -> None:
        """A server that refuses the connection is told in its own words."""
        self.assertEqual(meaning(smtplib.SMTPConnectError(554, b"no\r\nservice")).reason, "554 no service")

    def test_message(self) -> None:
        """A mail that is refused is tried again, or given up, as the server says."""
        self.assertIsInstance(meaning(smtplib.SMTPDataError(451, b"greylisted")), NotNow)
        self.assertIsInstance(meaning(smtplib.SMTPDataError(554, b"spam")), Refused)
        self.assertIsInstance(meaning(smtplib.SMTPSenderRefused(550, b"who?", "bot@x")), Refused)

    def test_someLater(self) -> None:
        """Only the recipients that the server refused for now are tried again."""
        outcome = meaning(None, ann=(452, b"mailbox\r\nfull"))
        self.assertEqual((outcome.rest["to"], outcome.rest["data"]), (["ann@x"], MAIL["data"]))
        self.assertEqual(outcome.reason, "ann@x: 452 mailbox full")
        answers = {"ann@x": (550, b"unknown"), "bob@x": (450, b"later")}
        self.assertEqual(meaning(smtplib.SMTPRecipientsRefused(answers)).rest["to"], ["bob@x"])

    def test_someNever(self) -> None:
        """A recipient who is refused for good is told, once."""
        self.assertIsInstance(meaning(None, ann=(550, b"unknown")), Refused)
        answers = {"ann@x": (550, b"unknown"), "bob@x": (550, b"unknown")}
        self.assertIsInstance(meaning(smtplib.SMTPRecipientsRefused(answers)), Refused)


class RelayTests(unittest.SynchronousTestCase):
    """See L{Relay}."""

    def test_encrypted(self) -> None:
        """A password goes to another host over an encrypted connection only, unless the file says so."""
        self.assertTrue(Relay("mail.example.com", user="me", password="p").needsTls)
        self.assertFalse(Relay("localhost", user="me", password="p").needsTls)
        self.assertFalse(Relay("mail.example.com").needsTls)
        self.assertFalse(Relay("mail.example.com", useTls=False, user="me", password="p").needsTls)
        self.assertTrue(Relay("127.0.0.1", useTls=True).needsTls)

    def test_name(self) -> None:
        """The name tells relays apart."""
        self.assertEqual(Relay().name, "mail to localhost")
        self.assertEqual(Relay("::1", 587, user="me").name, "mail to [::1]:587 as me")


class FakeSession(Session):
    """A connection whose outcome a test decides."""

    def __init__(self, relay: Relay) -> None:
        super().__init__(relay)
        self.sent: list[Sequence[str]] = []
        self.error: Exception | None = None
        self.ended: list[str] = []

    def send(self, sender: str, recipients: Sequence[str], data: bytes) -> dict[str, tuple[int, bytes]]:
        self.sent.append(recipients)
        if self.error is not None:
            raise self.error
        return {}

    def close(self) -> None:
        self.ended.append("close")

    def abort(self) -> None:
        self.ended.append("abort")


class LateSession(Session):
    """A connection that is aborted while it is made."""

    def _connect(self) -> Any:
        self.abort()


class SessionTests(unittest.SynchronousTestCase):
    """See L{Session}."""

    def test_abortedMeanwhile(self) -> None:
        """A mail is not sent after all by a connection that was given up while it was made."""
        self.assertRaises(TargetDown, LateSession(RELAY).send, "bot@x", ["ann@x"], b"text")


class TargetTests(unittest.SynchronousTestCase):
    """See L{SmtpTarget}."""

    def setUp(self) -> None:
        self.sessions: list[FakeSession] = []
        self.threads = Threads()
        self.target = SmtpTarget(RELAY, self.threads.reactor, self.threads.work.append, self.newSession)

    def newSession(self, relay: Relay) -> FakeSession:
        self.sessions.append(FakeSession(relay))
        return self.sessions[-1]

    def test_oneConnection(self) -> None:
        """Several mails share a connection; it is closed when there is no more."""
        for _ in range(2):
            done = self.target.deliver(MAIL)
            self.threads.run()
            self.successResultOf(done)
        self.target.rest()
        self.target.rest()
        self.threads.run()
        self.assertEqual([(len(each.sent), each.ended) for each in self.sessions], [(2, ["close"])])

    def test_newConnection(self) -> None:
        """After a failure of the server there is a new connection."""
        done = self.target.deliver(MAIL)
        self.sessions[0].error = ConnectionResetError(104, "Connection reset by peer")
        self.threads.run()
        self.failureResultOf(done, TargetDown)
        again = self.target.deliver(MAIL)
        self.threads.run()
        self.successResultOf(again)
        self.assertEqual(len(self.sessions), 2)

    def test_cancelled(self) -> None:
        """A delivery that takes too long is cut off; its late end does no harm."""
        done = self.target.deliver(MAIL)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertEqual(self.sessions[0].ended, ["abort"])
        again = self.target.deliver(MAIL)
        self.threads.run()
        self.successResultOf(again)
        self.assertEqual(len(self.sessions), 2)

    def test_notUsed(self) -> None:
        """A target that was never used has nothing to close."""
        self.target.rest()
        self.assertEqual((self.threads.work, self.sessions), ([], []))
