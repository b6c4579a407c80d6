"""The sessions and tokens that all web servers of a master share."""

from __future__ import annotations

from twisted.internet.defer import ensureDeferred, fail
from twisted.trial import unittest

from buildbot.store.interface import StoreFailed
from buildbot.store.memory import MemoryStore
from buildbot.web.accounts.logins import Logins


class LoginsTests(unittest.SynchronousTestCase):
    """A master whose visitors log in."""

    def setUp(self) -> None:
        self.store = MemoryStore()
        self.successResultOf(self.store.open())
        self.logins = Logins(self.store)

    def load(self) -> None:
        """Read what is stored."""
        self.successResultOf(ensureDeferred(self.logins.load(100.0)))

    def test_once(self) -> None:
        """The second web server of a master finds the sessions that the first one has read."""
        self.load()
        other = Logins(self.store)
        self.successResultOf(ensureDeferred(other.sessions.open("ann", "stamp", 100.0)))
        self.load()
        self.assertEqual(self.logins.sessions.sessionsOf(), [])

    def test_broken(self) -> None:
        """A store that cannot be read loses nothing: the next web server reads it."""
        other = Logins(self.store)
        self.successResultOf(ensureDeferred(other.sessions.open("ann", "stamp", 100.0)))
        read = self.store.getStates
        self.store.getStates = lambda prefix: fail(StoreFailed("disk is full"))  # type: ignore[method-assign]
        self.load()
        self.assertEqual(self.logins.sessions.sessionsOf(), [])
        self.store.getStates = read  # type: ignore[method-assign]
        self.load()
        self.assertEqual(len(self.logins.sessions.sessionsOf()), 1)

    def test_watch(self) -> None:
        """A watcher is called when a session or a token ends, until the watching ends."""
        told: list[str] = []
        forget = self.logins.watch(lambda: told.append("ended"))
        _, session = self.successResultOf(ensureDeferred(self.logins.sessions.open("ann", "stamp", 100.0)))
        self.assertEqual(told, [])
        self.successResultOf(ensureDeferred(self.logins.sessions.close([session.digest])))
        self.assertEqual(told, ["ended"])
        self.successResultOf(ensureDeferred(self.logins.tokens.add("nightly", ["view"], 100.0)))
        self.successResultOf(ensureDeferred(self.logins.tokens.revoke("nightly")))
        self.assertEqual(told, ["ended", "ended"])
        forget()
        _, session = self.successResultOf(ensureDeferred(self.logins.sessions.open("ann", "stamp", 100.0)))
        self.successResultOf(ensureDeferred(self.logins.sessions.close([session.digest])))
        self.assertEqual(told, ["ended", "ended"])
