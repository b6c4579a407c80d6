"""Sessions and tokens in the master's store."""

from __future__ import annotations

from buildbot.web.accounts.keeper import SESSION, StoreKeeper
from buildbot.web.accounts.sessions import Session
from buildbot.web.accounts.visitor import Token
from tests.stores import SqliteCase


class KeeperTests(SqliteCase):
    """A store."""

    def test_sessions(self) -> None:
        """Sessions are stored, replaced and deleted; a restart reads them."""
        store = self.opened()
        keeper = StoreKeeper(store)
        for used in (2.0, 3.0):
            self.get(keeper.saveSession(Session("d1", "alice", "s", 1.0, used)))
        self.get(keeper.saveSession(Session("d2", "bob", "s", 1.0, 2.0)))
        self.get(keeper.deleteSessions(["d2", "d3"]))
        self.closed(store)
        again = StoreKeeper(self.opened(self.directory))
        self.assertEqual(self.get(again.loadSessions()), [Session("d1", "alice", "s", 1.0, 3.0)])

    def test_tokens(self) -> None:
        """Tokens are stored and deleted."""
        keeper = StoreKeeper(self.opened())
        token = Token("ci", "d", frozenset({"view"}), ("a*",), "alice", 1.0, 2.0)
        self.get(keeper.saveToken(token))
        self.assertEqual(self.get(keeper.loadTokens()), [token])
        self.get(keeper.deleteToken("ci"))
        self.assertEqual(self.get(keeper.loadTokens()), [])

    def test_unreadable(self) -> None:
        """A stored value of another release does no harm: it does not count."""
        store = self.opened()
        self.get(store.setState(SESSION + "x", {"strange": 1}))
        self.assertEqual(self.get(StoreKeeper(store).loadSessions()), [])
