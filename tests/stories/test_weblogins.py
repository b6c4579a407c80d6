"""Logins of a master with two web servers: they share sessions, tokens and limits, and outlive changes."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from twisted.internet.defer import ensureDeferred, execute

from buildbot.web.accounts import checking, passwords, sessions
from buildbot.web.accounts.accounts import Account
from buildbot.web.accounts.accountsfile import changeAccounts
from buildbot.web.accounts.door import Door
from buildbot.web.accounts.logins import Logins
from buildbot.web.accounts.passwords import hashed
from buildbot.web.call import Problem
from buildbot.web.incoming import Incoming
from tests.examples import THOROUGH
from tests.stories.test_webpages import CONFIG
from tests.stories.web import Connection, Response, WebWorld, parsed

TWO = """
from buildbot.web.accounts.authz import Authz
authz = Authz(default_action='auth', admin='role:admin')
c['status'] = [html.WebStatus(http_port=8010, numbuilds=20, authz=authz),
               html.WebStatus(http_port=8011, authz=authz)]
"""


class TwoCase(WebWorld):
    """One master, two web servers, two accounts."""

    STATUS = ""

    def setUp(self) -> None:
        WebWorld.setUp(self)
        self.patch(passwords, "LN", 4)  # quick
        self.patch(passwords, "P", 1)
        self.patch(checking, "NO_ACCOUNT", passwords.Scrypt(4, 8, 1, b"0" * 16, b"0" * 32))
        self.patch(checking.PasswordChecker.__init__, "__defaults__", (lambda function: execute(function),))
        self.write(CONFIG + TWO)
        for name in ("ann", "bob"):
            self.account(name, f"{name} is here")
        self.successResultOf(self.start())

    def account(self, name: str, password: str, *roles: str) -> None:
        """Make or change an account."""
        made = Account(name, hashed(password), frozenset(roles))
        changeAccounts(self.basedir, lambda accounts: accounts.withOne(made))

    def at(self, server: int, path: str, fields: dict[str, Any] | None = None, **headers: str) -> Response:
        """Ask one of the web servers; with fields: send a form from its pages."""
        connection = Connection(self.master.config.status[server].site, "192.0.2.7")  # type: ignore[attr-defined]
        body = urlencode(fields or {}, doseq=True).encode()
        lines = [f"{'GET' if fields is None else 'POST'} {path} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += ["Sec-Fetch-Site: same-origin", "Content-Type: application/x-www-form-urlencoded"]
        lines += [f"Content-Length: {len(body)}"]
        connection.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        for _ in range(20):
            if connection.received():
                break
            self.settle()
            self.reactor.advance(0)
        connection.close()
        return parsed(connection.received())

    def logIn(self, server: int, name: str, password: str) -> Response:
        """Log in with the form."""
        return self.at(server, "/login", {"username": name, "passwd": password})

    def cookieOf(self, answer: Response) -> str:
        """The cookie of a login."""
        self.assertEqual(answer.status, 303, answer.text)
        return answer.headers["set-cookie"].partition(";")[0]

    def door(self, server: int) -> Door:
        """The door of a web server."""
        found: Door = self.master.config.status[server].dispatcher.world.guard  # type: ignore[attr-defined]
        return found


class SharedTests(TwoCase):
    """What happens on one web server counts on the other."""

    def test_session(self) -> None:
        """A session of one web server is known to the other, and a logout there ends it here."""
        cookie = self.cookieOf(self.logIn(0, "ann", "ann is here"))
        self.assertIn(">ann</a>", self.at(1, "/", Cookie=cookie).text)
        self.at(1, "/logout", {}, Cookie=cookie)
        self.assertNotIn(">ann</a>", self.at(0, "/", Cookie=cookie).text)

    def test_token(self) -> None:
        """A token of one web server works on the other, until it is revoked on either, or by the command."""
        cookie = self.cookieOf(self.logIn(0, "ann", "ann is here"))
        made = self.at(0, "/tokens", {"name": "ci", "days": "1", "action": ["view"]}, Cookie=cookie)
        secret = re.search(r"bbt_[\w-]+", made.text)
        assert secret is not None
        bearer: dict[str, Any] = {"Authorization": f"Bearer {secret[0]}"}
        self.assertEqual(self.at(1, "/me", **bearer).status, 200)
        listed = self.successResultOf(ensureDeferred(self.master.commands["tokens"]()))["tokens"]
        self.assertEqual([each["name"] for each in listed], ["ci"])
        self.assertIn("ci", self.at(1, "/tokens", Cookie=cookie).text)
        self.successResultOf(ensureDeferred(self.master.commands["revoketoken"]("ci")))
        for server in (0, 1):
            self.assertEqual(self.at(server, "/me", **bearer).status, 401)
        self.assertNotIn("<td>ci", self.at(1, "/tokens", Cookie=cookie).text)

    def test_guesses(self) -> None:
        """Wrong passwords are counted together: the other web server gives no further attempts."""
        for attempt in range(5):
            self.assertEqual(self.logIn(attempt % 2, "ann", "wrong").status, 401)
        for server in (0, 1):
            refused = self.logIn(server, "ann", "ann is here")
            self.assertEqual(refused.status, 429)
            self.assertGreater(int(refused.headers["retry-after"]), 0)
        self.reactor.advance(3600)
        self.assertEqual(self.logIn(0, "ann", "ann is here").status, 303)

    def test_guessedTokens(self) -> None:
        """Guessed tokens are counted, too."""
        for attempt in range(5):
            self.assertEqual(self.at(attempt % 2, "/", Authorization="Bearer bbt_guess").status, 401)
        self.assertEqual(self.at(0, "/", Authorization="Bearer bbt_guess").status, 429)

    def test_rooms(self) -> None:
        """An account has at most some sessions: the one that is unused for longest ends first."""
        self.patch(sessions, "MOST_EACH", 3)
        cookies = []
        for _ in range(4):
            cookies.append(self.cookieOf(self.logIn(0, "ann", "ann is here")))
            self.reactor.advance(400)
        known = [">ann</a>" in self.at(1, "/", Cookie=each).text for each in cookies]
        self.assertEqual(known, [False, True, True, True])


@dataclass
class Login:
    """The state of a session, according to the rules."""

    user: str
    password: str
    created: float
    used: float
    isOpen: bool = True


class RandomTests(TwoCase):
    """Random actions, compared with the plain rules and with a fresh master on the same store."""

    def setUp(self) -> None:
        TwoCase.setUp(self)
        self.people = {name: f"{name} is here" for name in ("ann", "bob")}
        self.logins: dict[str, Login] = {}
        self.tokens: dict[str, tuple[str, str, float]] = {}
        self.count, self.builds = 0, 20

    def test_sequences(self) -> None:
        """After each action both web servers, a fresh master and the rules agree on who everybody is."""
        for seed in range(2) if THOROUGH else [random.randrange(1000)]:
            chance = random.Random(seed)
            for step in range(40 if THOROUGH else 15):
                act = chance.choice(
                    [
                        *[self.login] * 4,
                        *[self.token] * 2,
                        *(self.wrong, self.logout, self.others, self.revoke, self.password),
                        *(self.remove, self.pause, self.pause, self.again, self.change, self.role),
                    ]
                )
                act(chance)
                self.compare(f"seed {seed}, step {step}: {act.__name__}")

    # actions

    def login(self, chance: random.Random) -> None:
        """Somebody logs in."""
        name = chance.choice(sorted(self.people))
        answer = self.logIn(chance.randrange(2), name, self.people[name])
        if answer.status == 429:  # after wrong passwords
            self.reactor.advance(3600)
            answer = self.logIn(chance.randrange(2), name, self.people[name])
        now = self.reactor.seconds()
        self.logins[self.cookieOf(answer)] = Login(name, self.people[name], now, now)

    def wrong(self, chance: random.Random) -> None:
        """Somebody guesses a password, or logs in without an account."""
        answer = self.logIn(chance.randrange(2), chance.choice(["ann", "eve"]), "guess")
        self.assertIn(answer.status, (401, 429))
        self.assertNotIn("set-cookie", answer.headers)

    def logout(self, chance: random.Random) -> None:
        """Somebody logs out."""
        cookie = self.some(chance)
        if cookie:
            self.at(chance.randrange(2), "/logout", {}, Cookie=cookie)
            self.logins[cookie].isOpen = False

    def others(self, chance: random.Random) -> None:
        """Somebody ends all other sessions."""
        cookie = self.some(chance)
        if cookie:
            self.assertEqual(self.at(chance.randrange(2), "/tokens/sessions", {}, Cookie=cookie).status, 303)
            for each, login in self.logins.items():
                login.isOpen &= each == cookie or login.user != self.logins[cookie].user

    def token(self, chance: random.Random) -> None:
        """Somebody makes a token, with a session or with the command."""
        self.count += 1
        name, days = f"t{self.count}", chance.choice([1, 30])
        end = self.reactor.seconds() + days * 86400
        cookie = self.some(chance)
        if cookie and chance.random() < 0.5:
            fields = {"name": name, "days": str(days), "action": ["view"]}
            made = self.at(chance.randrange(2), "/tokens", fields, Cookie=cookie).text
            found = re.search(r"bbt_[\w-]+", made)
            assert found is not None, made
            self.tokens[found[0]] = (name, self.logins[cookie].user, end)
        else:
            work = self.master.commands["addtoken"](name, ["view"], days=days)
            self.tokens[self.successResultOf(ensureDeferred(work))["token"]] = (name, "", end)

    def revoke(self, chance: random.Random) -> None:
        """Somebody revokes a token."""
        if self.tokens:
            secret = chance.choice(sorted(self.tokens))
            work = self.master.commands["revoketoken"](self.tokens.pop(secret)[0])
            self.successResultOf(ensureDeferred(work))

    def password(self, chance: random.Random) -> None:
        """Somebody gets a new password, or an account again."""
        self.count += 1
        name = chance.choice(["ann", "bob"])
        self.people[name] = f"password {self.count}"
        self.account(name, self.people[name])

    def remove(self, chance: random.Random) -> None:
        """An account is removed, but the last one stays."""
        if len(self.people) > 1:
            name = chance.choice(sorted(self.people))
            del self.people[name]
            changeAccounts(self.basedir, lambda accounts: accounts.without(name))

    def role(self, chance: random.Random) -> None:
        """An account gets another role; its sessions stay."""
        name = chance.choice(sorted(self.people))
        role = frozenset(chance.sample(["admin", "dev"], 1))
        changeAccounts(
            self.basedir, lambda accounts: accounts.withOne(replace(accounts.all[name], roles=role))
        )

    def pause(self, chance: random.Random) -> None:
        """Time passes."""
        self.reactor.advance(chance.choice([60, 3600, 7 * 3600, 20 * 3600, 9 * 86400]))

    def again(self, chance: random.Random) -> None:
        """The master is restarted."""
        self.stop()
        self.successResultOf(self.start())

    def change(self, chance: random.Random) -> None:
        """A reconfig makes one web server anew, or neither."""
        self.count += 1
        if chance.random() < 0.5:
            self.edit(f"numbuilds={self.builds}", f"numbuilds={self.builds + 1}")
            self.builds += 1
        else:
            self.edit("c['builders'] = ", f"c['projectName'] = 'p{self.count}'\nc['builders'] = ")
        self.assertTrue(self.reconfig()["applied"])

    # the rules

    def some(self, chance: random.Random) -> str:
        """The cookie of an open session, or ""."""
        now = self.reactor.seconds()
        found = sorted(each for each, login in self.logins.items() if self.isOpen(login, now))
        return chance.choice(found) if found else ""

    def isOpen(self, login: Login, now: float) -> bool:
        """True if a session must be open."""
        isInTime = now - login.used <= sessions.IDLE and now - login.created <= sessions.LONGEST
        return login.isOpen and isInTime and self.people.get(login.user) == login.password

    def compare(self, where: str) -> None:
        """Compare the answers of both web servers, a fresh master and the rules."""
        now = self.reactor.seconds()
        fresh = Logins(self.store)
        doors = [self.door(0), self.door(1), Door(self.door(0)._settings, self.master, fresh)]
        self.successResultOf(ensureDeferred(fresh.load(now)))
        for cookie, login in self.logins.items():
            wanted = login.user if self.isOpen(login, now) else ""
            got = [self.nameAt(door, cookie=cookie) for door in doors]
            self.assertEqual(got, [wanted] * 3, where)
            if wanted and now - login.used > sessions.NOTED:
                login.used = now
        for secret, (name, owner, end) in self.tokens.items():
            wanted = owner or name
            if now >= end or (owner and owner not in self.people):
                wanted = "refused"
            got = [self.nameAt(door, authorization=f"Bearer {secret}") for door in doors]
            self.assertEqual(got, [wanted] * 3, where)

    def nameAt(self, door: Door, **headers: str) -> str:
        """The visitor that a door recognises."""
        self.count += 1  # each from an address of its own, so that refused tokens are not delayed
        address = f"198.51.{self.count // 250 % 250}.{self.count % 250}"
        asked = Incoming("GET", "/", {"host": "127.0.0.1", **headers}, {}, peer=address)

        async def name() -> str:
            try:
                return (await door.enter(asked)).name
            except Problem:
                return "refused"

        return self.successResultOf(ensureDeferred(name()))
