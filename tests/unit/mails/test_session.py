"""Mails over a connection: what becomes of them when the server refuses, is mute, or closes."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from buildbot.mails.smtp import Relay, Session, SmtpTarget
from buildbot.outgoing.target import NotNow, Refused, TargetDown
from tests.unit.outgoing.servers import Answer, MailServer, ServerCase

MAIL = {"from": "bot@x", "to": ["ann@x", "bob@x"], "data": "Subject: x\r\n\r\ny\r\n"}
TLS: dict[str, Answer] = {
    "EHLO": b"250-here\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n",
    "STARTTLS": b"220 go on\r\n",
    "AUTH": b"235 welcome\r\n",
}


class FakeReactor:
    """A reactor whose calls from threads happen at once."""

    def callFromThread(self, function: Callable[..., object], *args: object) -> None:
        """Call the function."""
        function(*args)


class SessionCase(ServerCase):
    """I have a mail server, and a target that sends to it."""

    def start(
        self,
        answers: dict[str, Answer] | None = None,
        relay: Relay | None = None,
        greeting: Answer = b"220 hi\r\n",
    ) -> MailServer:
        """Start both.

        @param answers: see L{MailServer}.
        """
        server = MailServer(answers or {})
        self.serve(server.take, greeting)
        reactor: Any = FakeReactor()
        self.target = SmtpTarget(relay or Relay("mail.example"), reactor, lambda work: work())
        return server

    def send(self) -> Any:
        """Send a mail; return None, or why it was not sent."""
        got: list[Any] = []
        self.target.deliver(MAIL).addBoth(got.append)
        return getattr(got[0], "value", None)


class SessionTests(SessionCase):
    """See L{Session}."""

    def test_sent(self) -> None:
        """A mail goes to all its recipients, and the connection ends politely after the last one."""
        server = self.start()
        self.assertEqual((self.send(), self.send()), (None, None))
        self.target.rest()
        self.assertEqual(self.addresses, [("mail.example", 25)])
        asked = [each.upper() for each in server.commands]  # smtplib writes other letters in Python 3.13
        self.assertEqual(asked.count("RCPT TO:<BOB@X>"), 2)
        self.assertEqual(len(server.mails), 2)
        self.assertEqual(server.commands[-1].upper(), "QUIT")
        self.assertTrue(self.sockets[0].isClosed)

    def test_unreachable(self) -> None:
        """A server that does not listen is down; the next mail finds it when it is there."""
        server = self.start()
        self.unreachable = ConnectionRefusedError(111, "Connection refused")
        why = self.send()
        self.assertEqual((type(why), why.reason), (TargetDown, "Connection refused"))
        self.unreachable = None
        self.assertIsNone(self.send())
        self.assertEqual(len(server.mails), 1)

    def test_greetings(self) -> None:
        """A server that greets badly, is mute, or closes at once is down; its own words are told."""
        for greeting, told in (
            (b"554 go away\r\n", "554 go away"),
            (b"", "timed out"),
            (None, "closed"),
            (b"SSH-2.0-OpenSSH\r\n", "2.0-OpenSSH"),
        ):
            server = self.start(greeting=greeting)
            why = self.send()
            self.assertIsInstance(why, TargetDown)
            self.assertIn(told, why.reason)
            self.assertEqual(server.mails, [])

    def test_idle(self) -> None:
        """If the server has closed an idle connection, or says that it will, the next mail gets a new one."""
        for answer in (None, b"421 you were idle\r\n"):
            server = self.start()
            self.assertIsNone(self.send())
            server.answers["NOOP"] = answer
            self.assertIsNone(self.send())
            self.assertEqual((len(self.sockets), len(server.mails)), (2, 2))

    def test_closedWithin(self) -> None:
        """If the server closes in the middle of a mail, at any command, the mail waits."""
        for command in ("EHLO", "MAIL", "RCPT", "DATA", "."):
            self.start({command: None, "HELO": None})
            self.assertIsInstance(self.send(), TargetDown, command)

    def test_mute(self) -> None:
        """If the server falls silent in the middle of a mail, at any command, the mail waits."""
        for command in ("EHLO", "MAIL", "RCPT", "DATA", "."):
            self.start({command: b"", "HELO": b""})
            self.assertIsInstance(self.send(), TargetDown, command)

    def test_oneRefused(self) -> None:
        """The others get a mail that one recipient does not get."""
        server = self.start({"RCPT TO:<ANN": b"550 who?\r\n"})
        why = self.send()
        self.assertEqual((type(why), why.reason), (Refused, "all others got it, but ann@x: 550 who?"))
        self.assertEqual(len(server.mails), 1)

    def test_allRefused(self) -> None:
        """A mail whose recipients are refused for now is tried again; its text was not sent."""
        server = self.start({"RCPT": b"450 later\r\n"})
        why = self.send()
        self.assertIsInstance(why, NotNow)
        self.assertEqual((why.rest["to"], server.mails), (["ann@x", "bob@x"], []))

    def test_many(self) -> None:
        """Of many refused recipients, five are told, and the number of the others."""
        self.start({"RCPT": b"550 who?\r\n"})
        got: list[Any] = []
        to = [f"{number}@x" for number in range(7)]
        self.target.deliver({**MAIL, "to": to}).addErrback(got.append)
        self.assertTrue(got[0].value.reason.endswith("4@x: 550 who? and 2 more"), got[0].value.reason)

    def test_fault(self) -> None:
        """A mail that this program cannot send is its own fault, not that of the server."""
        server = self.start()
        got: list[Any] = []
        self.target.deliver({**MAIL, "data": "\xfc"}).addErrback(got.append)
        got[0].trap(UnicodeEncodeError)
        self.assertIsNone(self.send())
        self.assertEqual(len(server.mails), 1)

    def test_again(self) -> None:
        """After a refused mail the same connection takes the next one."""
        server = self.start({".": b"554 spam\r\n"})
        self.assertIsInstance(self.send(), Refused)
        del server.answers["."]
        self.assertIsNone(self.send())
        self.assertEqual(len(self.sockets), 1)


class EncryptionTests(SessionCase):
    """Encryption, and the login."""

    def test_login(self) -> None:
        """A password is sent only after the connection is encrypted and the certificate checked."""
        server = self.start(dict(TLS), Relay("mail.example", user="me", password="p", caFile="/ca.pem"))
        self.assertIsNone(self.send())
        said = [command.split()[0].upper() for command in server.commands]
        self.assertLess(said.index("STARTTLS"), said.index("AUTH"))
        self.assertEqual(self.context.hosts, ["mail.example"])
        self.assertEqual(self.context.trusted, ["/ca.pem"])
        self.assertEqual((self.context.check_hostname, self.context.verify_mode), (True, ssl.CERT_REQUIRED))

    def test_noPassword(self) -> None:
        """A user without a password logs in with an empty one."""
        server = self.start(dict(TLS), Relay("mail.example", user="me"))
        self.assertIsNone(self.send())
        self.assertIn("AUTH PLAIN AG1lAA==", server.commands)

    def test_wrongPassword(self) -> None:
        """A wrong password is told with its cure, and the connection is closed."""
        answers = {**TLS, "AUTH": b"535 no\r\n"}
        self.start(answers, Relay("mail.example", user="me", password="p"))
        why = self.send()
        self.assertEqual((type(why), why.cure), (TargetDown, "write the right smtpUser and smtpPassword"))
        self.assertTrue(self.sockets[0].isClosed)

    def test_notOffered(self) -> None:
        """Where the server does not encrypt, no password is sent, and the cure is told."""
        server = self.start(relay=Relay("mail.example", user="me", password="p"))
        why = self.send()
        self.assertIsInstance(why, TargetDown)
        self.assertIn("useTls=False", why.cure)
        self.assertEqual(([c for c in server.commands if "AUTH" in c.upper()], server.mails), ([], []))

    def test_refused(self) -> None:
        """A server that offers encryption and then refuses it gets no mail."""
        server = self.start({**TLS, "STARTTLS": b"454 not now\r\n"})
        why = self.send()
        self.assertEqual((type(why), why.reason), (TargetDown, "454 not now"))
        self.assertEqual(server.mails, [])

    def test_badCertificate(self) -> None:
        """A certificate that is not valid is told with its cure."""
        server = self.start(dict(TLS), Relay("mail.example", useTls=True))
        self.context.error = ssl.SSLCertVerificationError(1, "self-signed certificate")
        why = self.send()
        self.assertIsInstance(why, TargetDown)
        self.assertIn("smtpCAFile", why.cure)
        self.assertEqual(server.mails, [])

    def test_unverified(self) -> None:
        """Where a plain connection is allowed, encryption without a valid certificate is, too."""
        self.start(dict(TLS))
        self.assertIsNone(self.send())
        self.assertEqual(self.context.hosts, ["mail.example"])
        self.assertEqual((self.context.check_hostname, self.context.verify_mode), (False, ssl.CERT_NONE))

    def test_off(self) -> None:
        """With useTls=False nothing is encrypted, even where the server offers it."""
        for port in (25, 465):
            self.start(dict(TLS), Relay("mail.example", port, useTls=False))
            self.assertIsNone(self.send())
            self.assertEqual(self.context.hosts, [])

    def test_smtps(self) -> None:
        """Port 465 is encrypted from the beginning."""
        server = self.start(relay=Relay("mail.example", 465))
        self.assertIsNone(self.send())
        self.assertEqual(self.context.hosts, ["mail.example"])
        self.assertNotIn("STARTTLS", [command.upper() for command in server.commands])
        self.assertEqual(self.context.verify_mode, ssl.CERT_REQUIRED)


class StopTests(SessionCase):
    """The end of a connection, from another thread."""

    def test_abort(self) -> None:
        """A connection is ended at once, and takes no mail any more; twice is the same as once."""
        server = self.start()
        session = Session(Relay("mail.example"))
        session.send("bot@x", ["ann@x"], b"y")
        session.abort()
        session.abort()
        self.assertTrue(self.sockets[0].isShut)
        self.assertRaises(TargetDown, session.send, "bot@x", ["ann@x"], b"y")
        self.assertEqual(len(server.mails), 1)

    def test_unused(self) -> None:
        """A connection that was never made can be ended, both ways."""
        self.start()
        session = Session(Relay("mail.example"))
        session.abort()
        session.close()
        self.assertEqual(self.sockets, [])

    def test_closedAlready(self) -> None:
        """A polite end does no harm if the server has closed, or the connection was ended."""
        server = self.start({"QUIT": None})
        self.assertIsNone(self.send())
        self.target.rest()
        self.assertEqual(server.commands[-1].upper(), "QUIT")
        session = Session(Relay("mail.example"))
        session.send("bot@x", ["ann@x"], b"y")
        session.abort()
        session.close()
        session.close()
        self.assertTrue(self.sockets[-1].isClosed)
