"""Who makes a request."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.trial import unittest

from buildbot.web.accounts.accounts import Account
from buildbot.web.accounts.checking import PasswordChecker
from buildbot.web.accounts.identify import BASIC_TIME, Asked, BadLogin, Identifier, TooManyLogins
from buildbot.web.accounts.oldauth import AuthBase, BasicAuth, UsersAuth
from buildbot.web.accounts.origin import Trust
from buildbot.web.accounts.passwords import hashed
from buildbot.web.accounts.proxies import proxiesOf
from buildbot.web.accounts.sessions import Sessions
from buildbot.web.accounts.tokens import Tokens
from buildbot.web.accounts.visitor import Visitor
from tests.quickhash import hashQuickly
from tests.unit.web.accounts.keepers import MemoryKeeper

PEER = "192.0.2.1"


class Source:
    """The accounts of a test."""

    def __init__(self) -> None:
        self.all: dict[str, Account] = {}

    def get(self, name: str) -> Account | None:
        """One account."""
        return self.all.get(name)


class IdentifyCase(unittest.SynchronousTestCase):
    """A site with an account."""

    def setUp(self) -> None:
        hashQuickly(self)
        self.now = 1000.0
        self.checks = 0
        self.accounts = Source()
        self.accounts.all["alice"] = Account("alice", hashed("secret"), frozenset({"dev"}))
        keeper = MemoryKeeper()
        self.sessions, self.tokens = Sessions(keeper), Tokens(keeper)
        self.site = self.identifier()

    def identifier(self, **kwargs: Any) -> Identifier:
        """The part under test."""
        return Identifier(
            self.accounts,
            self.sessions,
            self.tokens,
            PasswordChecker(self.atOnce),
            lambda: self.now,
            **kwargs,
        )

    def atOnce(self, function: Callable[[], object]) -> Deferred[object]:
        """Replaces the threads."""
        self.checks += 1
        return succeed(function())

    def asking(self, *authorization: str, site: Identifier | None = None, **kwargs: Any) -> Deferred[Visitor]:
        """Begin to ask who makes a request."""
        headers = {name: [value] for name, value in kwargs.pop("headers", {}).items()}
        if authorization:
            headers["authorization"] = list(authorization)
        asked = Asked(kwargs.pop("peer", PEER), headers, **kwargs)
        return ensureDeferred((site or self.site).whoIs(asked))

    def who(self, *authorization: str, **kwargs: Any) -> Visitor:
        """Who makes a request."""
        return self.successResultOf(self.asking(*authorization, **kwargs))

    def login(self, name: str = "alice", password: str = "secret", **kwargs: Any) -> str:
        """Log in by the form; the header Cookie of later requests."""
        site = kwargs.pop("site", None) or self.site
        asked = Asked(PEER, {}, trust=Trust.OWN)
        secret, who = self.successResultOf(ensureDeferred(site.logIn(name, password, asked, **kwargs)))
        self.assertEqual((who.name, who.how), (name, "session"))
        return f"bb={secret}"


def basic(name: str = "alice", password: str = "secret") -> str:
    """The header Authorization."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


class BasicTests(IdentifyCase):
    """A name and a password with each request."""

    def test_anonymous(self) -> None:
        """A request without a proof is anonymous, with its address."""
        self.assertEqual(self.who(), Visitor(address=PEER))
        self.assertEqual(self.who("Digest x"), Visitor(address=PEER))

    def test_right(self) -> None:
        """A right password gives the name and the roles of the account."""
        who = self.who(basic())
        self.assertEqual(who, Visitor("alice", "basic", PEER, frozenset({"dev"}), stamp=who.stamp))
        self.assertEqual(self.who(basic().replace("Basic", "bAsIc")).name, "alice")

    def test_wrong(self) -> None:
        """A wrong password, an unknown name and a malformed header are refused; two names cost the same."""
        for header in (basic("alice", "x"), basic("bob")):
            self.failureResultOf(self.asking(header), BadLogin)
        self.assertEqual(self.checks, 2)
        for header in ("Basic", "Basic x", "Basic !!!!", basic("", "x"), "Basic " + "A" * 9000):
            self.failureResultOf(self.asking(header), BadLogin)
        self.failureResultOf(self.asking(basic(), basic()), BadLogin)

    def test_remembered(self) -> None:
        """A right password is checked once a minute: a script with many requests costs little."""
        for _ in range(100):
            self.who(basic())
        self.assertEqual(self.checks, 1)
        self.now += BASIC_TIME
        self.who(basic())
        self.assertEqual(self.checks, 2)

    def test_changed(self) -> None:
        """After a change of the password, or without the account, the old password is wrong at once."""
        self.who(basic())
        self.accounts.all["alice"] = Account("alice", hashed("other"))
        self.failureResultOf(self.asking(basic()), BadLogin)
        self.who(basic("alice", "other"))
        del self.accounts.all["alice"]
        self.failureResultOf(self.asking(basic("alice", "other")), BadLogin)

    def test_limit(self) -> None:
        """After five failures in a minute, even the right password must wait, and nothing is computed."""
        for _ in range(5):
            self.failureResultOf(self.asking(basic("alice", "x")), BadLogin)
        checks = self.checks
        why = self.failureResultOf(self.asking(basic()), TooManyLogins).value
        self.assertEqual((why.retryAfter, self.checks), (15, checks))
        self.now += 15
        self.assertEqual(self.who(basic()).name, "alice")

    def test_unusableHash(self) -> None:
        """A hash that cannot be used is a wrong password; the log says more."""
        self.accounts.all["bob"] = Account("bob", "rqXexS6ZhobKA")
        self.failureResultOf(self.asking(basic("bob")), BadLogin)


class SessionTests(IdentifyCase):
    """Logins by the form."""

    def test_cookie(self) -> None:
        """The cookie of a login proves the name in later requests."""
        cookie = self.login()
        who = self.who(headers={"cookie": cookie})
        self.assertEqual((who.name, who.how, who.roles), ("alice", "session", frozenset({"dev"})))
        self.assertEqual(self.who(headers={"cookie": cookie + "x"}).name, "")

    def test_foreign(self) -> None:
        """Row 47: a cookie does not count in a request of another site, or of no browser."""
        cookie = self.login()
        for trust, name in {
            Trust.READING: "alice",
            Trust.OWN: "alice",
            Trust.FOREIGN: "",
            Trust.NO_BROWSER: "",
        }.items():
            self.assertEqual(self.who(headers={"cookie": cookie}, trust=trust).name, name, trust)

    def test_passwordChanged(self) -> None:
        """A change of the password, or the end of the account, ends its sessions."""
        for account in (Account("alice", hashed("secret")), None):
            cookie = self.login()
            before = self.accounts.all["alice"]
            if account is None:
                del self.accounts.all["alice"]
            else:
                self.accounts.all["alice"] = account
            self.assertEqual(self.who(headers={"cookie": cookie}).name, "")
            self.accounts.all["alice"] = account or before

    def test_roles(self) -> None:
        """A change of the roles counts at once, and ends no session."""
        cookie = self.login()
        self.accounts.all["alice"] = Account("alice", self.accounts.all["alice"].stored, frozenset({"ops"}))
        self.assertEqual(self.who(headers={"cookie": cookie}).roles, frozenset({"ops"}))

    def test_newAtLogin(self) -> None:
        """A login gives a new cookie and ends the session before it."""
        cookie = self.login()
        old = self.who(headers={"cookie": cookie})
        again = self.login(old=old.session)
        self.assertNotEqual(cookie, again)
        self.assertEqual(self.who(headers={"cookie": cookie}).name, "")

    def test_logout(self) -> None:
        """A logout ends the session in the master, not only in the browser."""
        cookie = self.login()
        self.successResultOf(ensureDeferred(self.site.logOut(self.who(headers={"cookie": cookie}))))
        self.assertEqual(self.who(headers={"cookie": cookie}).name, "")

    def test_wrong(self) -> None:
        """A wrong password begins no session."""
        asked = ensureDeferred(self.site.logIn("alice", "x", Asked(PEER)))
        self.failureResultOf(asked, BadLogin)
        self.assertEqual(self.sessions.sessionsOf(), [])


class TokenTests(IdentifyCase):
    """Scripts."""

    def token(self, **kwargs: Any) -> str:
        """The header of a new token."""
        made = self.tokens.add("ci", ["forceBuild"], self.now, **kwargs)
        return f"Bearer {self.successResultOf(ensureDeferred(made))[0]}"

    def test_token(self) -> None:
        """A token gives its own name."""
        who = self.who(self.token())
        self.assertEqual((who.name, who.how, who.address), ("ci", "token", PEER))
        assert who.token is not None

    def test_owner(self) -> None:
        """The token of an account has its name and its roles; it ends with the account."""
        header = self.token(owner="alice")
        who = self.who(header)
        self.assertEqual((who.name, who.roles), ("alice", frozenset({"dev"})))
        del self.accounts.all["alice"]
        self.failureResultOf(self.asking(header), BadLogin)

    def test_wrong(self) -> None:
        """A wrong or expired token is refused, and many of them must wait."""
        header = self.token(expires=self.now + 10)
        self.now += 10
        for each in (header, "Bearer", "Bearer x", "Bearer bbt_x", "Bearer bbt_y"):
            self.failureResultOf(self.asking(each), BadLogin)
        self.failureResultOf(self.asking("Bearer bbt_z"), TooManyLogins)


class ProxyTests(IdentifyCase):
    """Names that a proxy gives."""

    def setUp(self) -> None:
        super().setUp()
        self.site = self.identifier(proxies=proxiesOf(["10.0.0.1"], "X-Remote-User"))

    def test_trusted(self) -> None:
        """A trusted proxy gives the name, and the account of this name gives the roles."""
        headers = {"x-remote-user": "alice", "x-forwarded-for": "198.51.100.7"}
        who = self.who(peer="10.0.0.1", headers=headers)
        self.assertEqual(who, Visitor("alice", "proxy", "198.51.100.7", frozenset({"dev"})))

    def test_others(self) -> None:
        """Everybody else who sends the header is anonymous."""
        self.assertEqual(self.who(headers={"x-remote-user": "alice"}), Visitor(address=PEER))


class Own(AuthBase):
    """An auth of one's own, which answers as the test says."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str]] = []

    def authenticate(self, user: str, passwd: str) -> object:
        """Note the question."""
        self.asked.append((user, passwd))
        return self.answer() if callable(self.answer) else self.answer


class AuthTests(IdentifyCase):
    """The auth of 0.8."""

    def test_basicAuth(self) -> None:
        """BasicAuth knows more users than the accounts; who is taken out of it is logged out."""
        site = self.identifier(auth=BasicAuth([("bob", "builder")]))
        self.assertEqual(self.who(basic("bob", "builder"), site=site).name, "bob")
        self.assertEqual(self.who(basic(), site=site).name, "alice")
        self.failureResultOf(self.asking(basic("bob", "x"), site=site), BadLogin)
        cookie = self.login("bob", "builder", site=site)
        self.assertEqual(self.who(site=site, headers={"cookie": cookie}).name, "bob")
        for auth in (BasicAuth([]), None):
            self.assertEqual(self.who(site=self.identifier(auth=auth), headers={"cookie": cookie}).name, "")

    def test_own(self) -> None:
        """An auth of one's own may answer at once or later."""
        for auth in map(Own, (True, succeed(True), 1)):
            self.assertEqual(self.who(basic("bob", "x:y"), site=self.identifier(auth=auth)).name, "bob")
            self.assertEqual(auth.asked, [("bob", "x:y")])
        refusals: list[object] = [False, None, succeed(False)]
        for refusal in refusals:
            self.failureResultOf(self.asking(basic("bob"), site=self.identifier(auth=Own(refusal))), BadLogin)

    def test_failing(self) -> None:
        """An auth that fails accepts nobody, and the failure is in the log."""
        for answer in (lambda: 1 / 0, lambda: fail(ZeroDivisionError())):
            self.failureResultOf(self.asking(basic("bob"), site=self.identifier(auth=Own(answer))), BadLogin)
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_accountsFirst(self) -> None:
        """The auth is not asked about a name that has an account."""
        auth = Own(True)
        self.failureResultOf(self.asking(basic("alice", "x"), site=self.identifier(auth=auth)), BadLogin)
        self.assertEqual(auth.asked, [])

    def test_users(self) -> None:
        """UsersAuth means the accounts."""
        site = self.identifier(auth=UsersAuth())
        self.assertEqual(self.who(basic(), site=site).name, "alice")
        self.failureResultOf(self.asking(basic("bob"), site=site), BadLogin)
