"""Open streams end soon after their visitor has lost the right to them, and say why."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred

from buildbot.web.accounts import passwords, sessions
from buildbot.web.accounts.accounts import Account
from buildbot.web.accounts.accountsfile import changeAccounts
from buildbot.web.accounts.passwords import hashed
from tests.stories.test_webacts import PASSWORD, ActingCase
from tests.stories.web import Connection, unchunked

LOG = "/builders/full/builds/0/steps/compile/logs/stdio"
#: Each kind of endless answer -> its address.
KINDS = {
    "page": "/live?page=%2Fbuilders",
    "events": "/api/v1/events",
    "log": f"{LOG}/follow",
    "html": f"{LOG}?follow=1",
    "text": f"{LOG}/text?follow=1",
}
READERS = """
import os
from buildbot.web.accounts.authz import Authz
def mayRead(user, *args):
    return 'DENIED' not in os.environ
c['status'] = [html.WebStatus(http_port=8010, authz=Authz(
    view=['role:reader', mayRead], default_action='auth'))]
"""


class StayingCase(ActingCase):
    """Only people with an account may read; a build runs, whose log grows."""

    MORE = READERS

    def setUp(self) -> None:
        self.patch(passwords, "LN", 4)  # quick
        self.patch(passwords, "P", 1)
        self.hash = hashed(PASSWORD)
        ActingCase.setUp(self)
        self.account("ann", "reader")
        self.logIn()
        self.force()

    def account(self, name: str, *roles: str) -> None:
        """Make an account, whose password is checked quickly."""
        made = Account(name, self.hash, frozenset(roles))
        changeAccounts(self.basedir, lambda accounts: accounts.withOne(made))

    def openAll(self, **headers: str) -> dict[str, Connection]:
        """Open one stream of each kind."""
        if not headers:
            headers = {"Cookie": self.cookie}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        opened = {}
        for kind, path in KINDS.items():
            opened[kind] = connection = self.dial()
            connection.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode())
            self.settle()
            self.reactor.advance(0)
            self.settle()
            self.assertIn(b"200 OK", connection.received(), kind)
        self.assertEqual(len(self.web.dispatcher.staying), len(KINDS))
        self.wait(17)
        for kind, connection in opened.items():
            self.assertNotIn(b"0\r\n\r\n", connection.received()[-5:], kind)
        return opened

    def assertEnded(self, opened: dict[str, Connection], why: str, mayReturn: bool = False) -> None:
        """All streams have ended; the last words of each give the reason."""
        self.settle()
        for kind, connection in opened.items():
            if kind not in ("page", "events"):
                why = why.replace("see the pages", "read logs")
            received = connection.received()
            self.assertEqual(received[-5:], b"0\r\n\r\n", kind)
            body = unchunked(received.partition(b"\r\n\r\n")[2]).decode()
            if kind in ("page", "events", "log"):
                last = body.rstrip("\n").rpartition("\n\n")[2].splitlines()
                self.assertEqual(last[0], "event: closed", kind)
                self.assertEqual(
                    json.loads(last[1].removeprefix("data: ")), {"why": why, "mayReturn": mayReturn}
                )
            else:
                self.assertIn(f"ends here. {why}", body)
            self.assertEqual(body.rstrip().endswith("</html>"), kind == "html")
        self.assertEqual(len(self.web.dispatcher.staying), 0)

    def token(self, **more: Any) -> dict[str, str]:
        """A header with a new token of ann."""
        tokens = self.master.logins.tokens
        made = ensureDeferred(
            tokens.add("nightly", ["view", "viewLogs"], self.master.botmaster.now(), **more)
        )
        return {"Authorization": f"Bearer {self.successResultOf(made)[0]}"}


class EndTests(StayingCase):
    """Each kind of stream, and each reason for its end."""

    def test_logout(self) -> None:
        """After a logout, streams end at once."""
        opened = self.openAll()
        self.post("/logout")
        self.reactor.advance(0)
        self.assertEnded(opened, "ann has logged out, or has ended this session elsewhere.")

    def test_elsewhere(self) -> None:
        """After somebody ends all other sessions, their streams end at once; the own streams go on."""
        opened = self.openAll()
        mine = self.cookie
        self.cookie = ""
        self.logIn()
        own = self.dial()
        own.send(f"GET /live?page=%2F HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self.cookie}\r\n\r\n".encode())
        self.post("/tokens/sessions")
        self.reactor.advance(0)
        self.assertNotEqual(mine, self.cookie)
        self.assertNotIn(b"closed", own.received())
        own.close()
        self.assertEnded(opened, "ann has logged out, or has ended this session elsewhere.")

    def test_sessionExpired(self) -> None:
        """After the end of the session's time, streams end with the next sign of life."""
        self.patch(sessions, "LONGEST", 100.0)
        opened = self.openAll()
        self.wait(102)
        self.assertEnded(opened, "The session of ann has expired.")

    def test_revoked(self) -> None:
        """After a token is revoked, its streams end at once."""
        opened = self.openAll(**self.token(owner="ann"))
        self.successResultOf(ensureDeferred(self.master.logins.tokens.revoke("nightly")))
        self.reactor.advance(0)
        self.assertEnded(opened, "The token nightly was revoked.")

    def test_tokenExpired(self) -> None:
        """After a token expires, its streams end with the next sign of life."""
        opened = self.openAll(**self.token(expires=self.master.botmaster.now() + 60))
        self.wait(62)
        self.assertEnded(opened, "The token nightly has expired.")

    def test_removed(self) -> None:
        """After an account is removed, the streams of its sessions end with the next sign of life."""
        opened = self.openAll()
        changeAccounts(self.basedir, lambda accounts: accounts.without("ann"))
        self.wait(17)
        self.assertEnded(opened, "The account ann was removed.")

    def test_ownerRemoved(self) -> None:
        """After an account is removed, the streams of its tokens end with the next sign of life."""
        opened = self.openAll(**self.token(owner="ann"))
        changeAccounts(self.basedir, lambda accounts: accounts.without("ann"))
        self.wait(17)
        self.assertEnded(opened, "The account ann was removed.")

    def test_password(self) -> None:
        """After a password is changed, streams with the old one end with the next sign of life."""
        pair = base64.b64encode(f"ann:{PASSWORD}".encode()).decode()
        opened = self.openAll(Authorization=f"Basic {pair}")
        stored = hashed("another secret")
        changeAccounts(
            self.basedir,
            lambda accounts: accounts.withOne(Account("ann", stored, frozenset({"reader"}))),
        )
        self.wait(17)
        self.assertEnded(opened, "The password of ann has changed.")

    def test_role(self) -> None:
        """After an account loses a role, its streams end with the next sign of life."""
        opened = self.openAll()
        self.account("ann")
        self.wait(17)
        self.assertEnded(opened, "The roles of ann have changed.")

    def test_function(self) -> None:
        """After a function of the configuration says no, streams end with the next sign of life."""
        self.account("bob")
        self.logIn("bob")
        opened = self.openAll()
        self.patch(os, "environ", {**os.environ, "DENIED": "1"})
        self.wait(17)
        self.assertEnded(opened, "bob may not see the pages: the configuration does not allow it.")

    def test_reconfig(self) -> None:
        """After a reconfig that changes the rules, streams end; who may not see them is refused then."""
        opened = self.openAll()
        self.edit("view=['role:reader', mayRead]", "view='role:boss'")
        old = self.web
        self.assertTrue(self.reconfig()["applied"])
        self.assertIsNot(self.web, old)
        self.assertEnded(opened, "The web server has stopped, or has a new configuration.", mayReturn=True)
        for path in KINDS.values():
            self.assertEqual(self.get(path).status, 403, path)

    def test_stop(self) -> None:
        """A visitor who stays logged in keeps all streams, and gets the end of the log as usual."""
        opened = self.openAll()
        self.wait(300)
        self.assertEqual(len(self.web.dispatcher.staying), len(KINDS))
        self.commands[-1].end(0)
        self.wait(2)
        self.assertIn(b"event: end", opened["log"].received())
        self.assertNotIn(b"ends here", opened["text"].received() + opened["html"].received())


class LogTopicTests(StayingCase):
    """People may always see builds, and lose the right to read logs."""

    MORE = READERS.replace("view=['role:reader', mayRead]", "viewLogs=mayRead")

    def listen(self, topics: str) -> Connection:
        """Open a stream of events."""
        connection = self.dial()
        head = f"GET /api/v1/events?topics={topics} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self.cookie}\r\n"
        connection.send(f"{head}\r\n".encode())
        self.settle()
        return connection

    def test_lost(self) -> None:
        """After the right to read logs is lost, streams of events about logs end; others stay."""
        about, other = self.listen("log/full/0/compile/stdio,builds"), self.listen("builds")
        self.wait(17)
        self.assertNotIn(b"event: closed", about.received())
        self.patch(os, "environ", {**os.environ, "DENIED": "1"})
        self.wait(17)
        self.assertIn(b"ann may not read logs", about.received())
        self.assertNotIn(b"event: closed", other.received())


class CheckTests(StayingCase):
    """The check itself may fail."""

    def checked(self, answer: Any) -> dict[str, Connection]:
        """Let each check give this answer, after streams are open."""
        opened = self.openAll()
        self.web.dispatcher.staying._whyOut = lambda who, sight, needs: answer()
        self.wait(17)
        return opened

    def test_fails(self) -> None:
        """If the check fails, streams end, and the log has the reason."""

        async def fails() -> None:
            raise RuntimeError("broken")

        opened = self.checked(fails)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)
        self.assertEnded(opened, "The check of the rights failed. The reason is in twistd.log.")

    def test_twice(self) -> None:
        """Two checks at the same time end nothing."""
        answers: list[Deferred[None]] = []

        async def later() -> None:
            answers.append(Deferred())
            await answers[-1]

        self.openAll()
        staying = self.web.dispatcher.staying
        staying._whyOut = lambda who, sight, needs: later()
        for _ in range(2):
            staying.beat()
            self.reactor.advance(0)
        self.assertGreater(len(answers), 2)
        for answer in answers:
            answer.callback(None)
        self.settle()
        self.assertEqual(len(staying), len(KINDS))

    def test_slow(self) -> None:
        """If the check of a function takes longer than a sign of life, streams end."""

        async def waits() -> None:
            await never

        never: Deferred[None] = Deferred()
        opened = self.checked(waits)
        self.assertEqual(len(self.web.dispatcher.staying), len(KINDS))
        self.wait(17)
        self.assertEnded(opened, "The check of the rights takes too long.")
        never.callback(None)


class SightTests(ActingCase):
    """Some builders are for everybody, others for those who log in."""

    MORE = """
c['builders'].append({'name': 'hidden', 'slavename': 'bot1', 'builddir': 'hidden', 'factory': f})
from buildbot.web.accounts.authz import Authz
from buildbot.web.accounts.rights import Rule
c['status'] = [html.WebStatus(http_port=8010, authz=Authz(rules=[Rule('view', 'auth', tags='inner')]))]
"""

    def test_tag(self) -> None:
        """After a reconfig that hides a builder by its tag, a stream of strangers ends; it may come again."""
        connection = self.dial()
        connection.send(b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        self.settle()
        self.edit("'builddir': 'hidden'", "'builddir': 'hidden', 'category': 'inner'")
        old = self.web
        self.assertTrue(self.reconfig()["applied"])
        self.assertIs(self.web, old)
        self.reactor.advance(0)
        self.assertIn(b'{"why": "You see other builders now.", "mayReturn": true}', connection.received())
