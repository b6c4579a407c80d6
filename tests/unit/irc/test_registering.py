"""The login at a server."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from twisted.trial import unittest

from buildbot.irc.identity import Identity, Server, otherNick
from buildbot.irc.registering import MOST_TRIES, Registration


class RegisteringTests(unittest.SynchronousTestCase):
    """Capabilities, SASL and nicks."""

    def begin(self, **more: Any) -> Registration:
        """Begin a login."""
        self.sent: list[str] = []
        self.failed: list[str] = []
        made = Registration(Identity("builder", **more), self.sent.append, self.failed.append)
        made.begin()
        return made

    def test_plain(self) -> None:
        """Without SASL, the server is told the password of the server, the nick and the user."""
        self.assertTrue(self.begin(serverPassword="canary").welcomed())
        self.assertEqual(self.sent, ["PASS :canary", "NICK builder", "USER builder 0 * :buildbot"])

    def test_sasl(self) -> None:
        """SASL PLAIN sends the account and the password, and the login goes on when they are accepted."""
        login = self.begin(password="canary", sasl="PLAIN", account="ann")
        self.assertEqual(self.sent[0], "CAP LS 302")
        login.capabilities(["*", "LS", "*", "multi-prefix sasl=PLAIN,EXTERNAL"])
        self.assertNotIn("CAP REQ :sasl", self.sent)
        login.capabilities(["*", "LS", "account-tag"])
        self.assertEqual(self.sent[-1], "CAP REQ :sasl")
        login.capabilities(["builder", "ACK", "sasl "])
        self.assertEqual(self.sent[-1], "AUTHENTICATE PLAIN")
        login.challenged()
        self.assertEqual(b64decode(self.sent[-1].split()[1]), b"\0ann\0canary")
        login.loggedIn()
        self.assertEqual(self.sent[-1], "CAP END")
        self.assertTrue(login.welcomed())
        self.assertEqual(self.failed, [])

    def test_long(self) -> None:
        """A long password is sent in chunks; one that fills the last chunk is followed by a plus."""
        for length, chunks in ((10, 1), (291, 2), (500, 2)):  # 291: exactly 400 characters
            login = self.begin(password="x" * length, sasl="PLAIN")
            login.challenged()
            said = [each.split()[1] for each in self.sent if each.startswith("AUTHENTICATE")]
            self.assertEqual(len(said), chunks)
            whole = "".join(each for each in said if each != "+")
            self.assertEqual(b64decode(whole), b"\0builder\0" + b"x" * length)

    def test_external(self) -> None:
        """SASL EXTERNAL sends no password."""
        login = self.begin(sasl="EXTERNAL", password="canary")
        login.capabilities(["*", "LS", "sasl"])
        login.capabilities(["*", "ACK", "sasl"])
        login.challenged()
        self.assertEqual(self.sent[-2:], ["AUTHENTICATE EXTERNAL", "AUTHENTICATE +"])

    def test_notOffered(self) -> None:
        """The bot does not stay on a server without SASL: the password is never sent another way."""
        for answer in (
            lambda login: login.capabilities(["*", "LS", "other"]),
            lambda login: login.welcomed(),
        ):
            answer(self.begin(password="canary", sasl="PLAIN"))
            self.assertEqual(self.failed, ["the server does not offer SASL"])
            self.assertNotIn("canary", " ".join(self.sent))
        login = self.begin(password="canary", sasl="PLAIN")
        login.capabilities(["*", "LS", "sasl"])
        login.capabilities(["*", "NAK", "sasl"])
        self.assertEqual(self.failed, ["the server refuses SASL"])

    def test_refused(self) -> None:
        """A refused login ends the connection, with the words of the server."""
        self.begin(password="canary", sasl="PLAIN").refused("SASL authentication failed")
        self.assertEqual(self.failed, ["the login was refused: SASL authentication failed"])

    def test_accounts(self) -> None:
        """The server is asked to tell the accounts of people, if it can do that."""
        login = self.begin(wantsAccounts=True)
        login.capabilities(["*", "LS", "account-tag"])
        self.assertEqual(self.sent[-1], "CAP REQ :account-tag")
        login.capabilities(["*", "ACK", "account-tag"])
        self.assertEqual(self.sent[-1], "CAP END")
        login = self.begin(wantsAccounts=True)
        login.capabilities(["*", "LS", "other"])
        self.assertEqual(self.sent[-1], "CAP END")
        self.assertTrue(login.welcomed())

    def test_nicks(self) -> None:
        """While the nick is taken, others are tried, short enough for every server, but not for ever."""
        login = self.begin()
        for _ in range(MOST_TRIES):
            login.nickRefused()
        tried = [each.split()[1] for each in self.sent if each.startswith("NICK")]
        self.assertEqual(tried[:4], ["builder", "builder_", "builder__", "builder2"])
        self.assertEqual(len(set(tried)), MOST_TRIES + 1)
        self.assertEqual(self.failed, [])
        login.nickRefused()
        self.assertEqual(len(self.failed), 1)
        self.assertEqual(otherNick("averylongnick", 1), "averylo__")

    def test_secrets(self) -> None:
        """No text about an identity or a server has a password."""
        said = repr(Identity("b", "canary-1", serverPassword="canary-2")) + repr(Server("h", 6667))
        self.assertNotIn("canary", said)
        server = Server("h", 6697, True, "ca.pem", "/own.pem").within("/master")
        self.assertEqual((server.caFile, server.clientCertificate), ("/master/ca.pem", "/own.pem"))
        self.assertEqual(Server("::1", 6667).name, "[::1]:6667")
