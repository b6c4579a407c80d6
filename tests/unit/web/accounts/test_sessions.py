"""Sessions of visitors who are logged in."""

from __future__ import annotations

from twisted.internet.defer import ensureDeferred
from twisted.trial import unittest

from buildbot.store.interface import StoreFailed
from buildbot.web.accounts import sessions
from buildbot.web.accounts.sessions import (
    IDLE,
    LONGEST,
    MOST_EACH,
    NOTED,
    Session,
    Sessions,
    cookieOf,
    digestOf,
    secretIn,
    sessionFromRecord,
    sessionToRecord,
)
from tests.unit.web.accounts.keepers import MemoryKeeper


class SessionsTests(unittest.SynchronousTestCase):
    """A master with sessions."""

    def setUp(self) -> None:
        self.keeper = MemoryKeeper()
        self.sessions = Sessions(self.keeper)

    def open(self, user: str = "alice", now: float = 0.0, old: str = "") -> str:
        """The secret of a new session."""
        secret, _ = self.successResultOf(
            ensureDeferred(self.sessions.open(user, "stamp", now, "192.0.2.1", "Firefox", old))
        )
        return secret

    def restarted(self, now: float = 0.0) -> Sessions:
        """The sessions after a restart."""
        found = Sessions(self.keeper)
        self.successResultOf(ensureDeferred(found.load(now)))
        return found

    def test_find(self) -> None:
        """A session is found by its secret alone."""
        secret = self.open()
        found = self.sessions.find(secret, 1.0)
        assert found is not None
        self.assertEqual((found.user, found.address, found.agent), ("alice", "192.0.2.1", "Firefox"))
        for other in ("", secret[:-1], found.digest, "\ud800"):
            self.assertIsNone(self.sessions.find(other, 1.0))

    def test_secret(self) -> None:
        """The secret has 256 random bits; only its digest is stored."""
        secret = self.open()
        self.assertEqual(len(secret), 43)
        self.assertNotEqual(secret, self.open())
        self.assertIn(digestOf(secret), self.keeper.sessions)
        self.assertNotIn(secret, repr(self.keeper.sessions))

    def test_restart(self) -> None:
        """A restart of the master ends no session."""
        secret = self.open()
        self.assertIsNotNone(self.restarted(10.0).find(secret, 10.0))

    def test_idle(self) -> None:
        """A session ends after 12 hours without a request; each request prolongs it."""
        secret = self.open()
        self.assertIsNotNone(self.sessions.find(secret, IDLE - 1))
        self.assertIsNotNone(self.sessions.find(secret, 2 * IDLE - 2))
        self.assertIsNone(self.sessions.find(secret, 3 * IDLE))
        self.assertEqual(self.restarted(3 * IDLE).sessionsOf(), [])
        self.assertEqual(self.keeper.sessions, {})

    def test_longest(self) -> None:
        """A session ends after 30 days, however often it is used."""
        secret = self.open()
        now = 0.0
        while now < LONGEST:
            self.assertIsNotNone(self.sessions.find(secret, now))
            now += IDLE - 1
        self.assertIsNone(self.sessions.find(secret, now))

    def test_newAtLogin(self) -> None:
        """A login ends the session before it: an attacker cannot set the session of a user."""
        old = self.open()
        self.open(old=digestOf(old))
        self.assertIsNone(self.sessions.find(old, 0.0))
        self.assertEqual(len(self.keeper.sessions), 1)

    def test_revoke(self) -> None:
        """One session, or all of a user, can be ended; those of others stay."""
        first, second, bob = self.open(), self.open(), self.open("bob")
        self.successResultOf(ensureDeferred(self.sessions.close([digestOf(first), "unknown"])))
        self.assertIsNone(self.sessions.find(first, 0.0))
        self.assertIsNotNone(self.sessions.find(second, 0.0))
        third = self.open()
        ended = self.successResultOf(ensureDeferred(self.sessions.closeAllOf("alice", digestOf(third))))
        self.assertEqual(ended, 1)
        self.assertEqual(
            {each.digest for each in self.sessions.sessionsOf()}, {digestOf(third), digestOf(bob)}
        )
        self.assertEqual(set(self.keeper.sessions), {digestOf(third), digestOf(bob)})

    def test_fewWrites(self) -> None:
        """Requests one after the other write nothing; the use is noted every few minutes."""
        secret = self.open()
        writes = self.keeper.writes
        for now in range(100):
            self.sessions.find(secret, float(now))
        self.assertEqual(self.keeper.writes, writes)
        self.sessions.find(secret, NOTED + 1)
        self.assertEqual(self.keeper.sessions[digestOf(secret)].used, NOTED + 1)

    def test_brokenStore(self) -> None:
        """If the disk is full, one can log in all the same."""
        self.keeper.isBroken = True
        secret = self.open()
        self.assertIsNotNone(self.sessions.find(secret, NOTED + 1))
        self.assertEqual(self.flushLoggedErrors(StoreFailed), [])

    def test_bounded(self) -> None:
        """The number of sessions is bounded, for each account and for all."""
        secrets = [self.open(now=float(number)) for number in range(MOST_EACH + 5)]
        self.assertEqual(len(self.sessions.sessionsOf("alice")), MOST_EACH)
        self.assertIsNone(self.sessions.find(secrets[0], 60.0))
        self.assertIsNotNone(self.sessions.find(secrets[-1], 60.0))
        self.patch(sessions, "MOST", MOST_EACH + 3)
        for number in range(10):
            self.open(f"user{number}", 100.0 + number)
        self.assertEqual(len(self.sessions.sessionsOf()), MOST_EACH + 3)

    def test_record(self) -> None:
        """A stored session is read as it was."""
        session = Session("d", "alice", "s", 1.0, 2.0, "a", "b")
        self.assertEqual(sessionFromRecord(sessionToRecord(session)), session)


class CookieTests(unittest.SynchronousTestCase):
    """The cookie."""

    def test_secure(self) -> None:
        """With TLS, the cookie has the prefix that no other host and no plain connection can set."""
        self.assertEqual(
            cookieOf("abc", True), "__Host-bb=abc; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=2592000"
        )
        self.assertEqual(secretIn(["a=b; __Host-bb=abc; bb=evil"], True), "abc")
        self.assertEqual(secretIn(["bb=evil"], True), "")

    def test_plain(self) -> None:
        """Without TLS, the cookie has neither the prefix nor Secure."""
        self.assertEqual(
            cookieOf("abc", False, "/ci/"), "bb=abc; Path=/ci/; HttpOnly; SameSite=Lax; Max-Age=2592000"
        )
        self.assertEqual(secretIn(["bb=abc"], False), "abc")

    def test_end(self) -> None:
        """At the logout, the browser forgets the cookie."""
        self.assertIn("Max-Age=0", cookieOf("", True))

    def test_two(self) -> None:
        """Two cookies of the name are a sign of an attack: neither counts."""
        self.assertEqual(secretIn(["bb=one; bb=two"], False), "")
        self.assertEqual(secretIn(["bb=one", "bb=two"], False), "")

    def test_odd(self) -> None:
        """Odd headers have no secret."""
        for header in ("", "bb", "bb=", ";;;", "xbb=1", "bb=" + "x" * 5000):
            self.assertEqual(secretIn([header], False), "")
