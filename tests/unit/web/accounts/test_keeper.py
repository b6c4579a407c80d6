"""Sessions and tokens in the master's store."""

from __future__ import annotations

from typing import Any

from buildbot.web.accounts.keeper import SESSION, TOKEN, StoreKeeper
from buildbot.web.accounts.sessions import Session, sessionToRecord
from buildbot.web.accounts.tokens import tokenToRecord
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

    def test_wrongKinds(self) -> None:
        """A stored session or token with a value of a wrong kind does not count; the others do."""
        store = self.opened()
        keeper = StoreKeeper(store)
        session = Session("d1", "alice", "s", 1.0, 2.0)
        token = Token("ci", "d", frozenset({"view"}), ("a*",), "alice", 1.0, 2.0)
        self.get(keeper.saveSession(session))
        self.get(keeper.saveToken(token))
        sessions: list[dict[str, Any]] = [{"used": "soon"}, {"created": None}, {"user": 7}, {"agent": None}]
        tokens: list[dict[str, Any]] = [
            {"expires": "soon"},
            {"created": None},
            {"builders": ""},
            {"actions": 7},
        ]
        for number, wrong in enumerate(sessions):
            self.get(store.setState(f"{SESSION}{number}", {**sessionToRecord(session), **wrong}))
        for number, wrong in enumerate([*tokens, {"builders": [7]}]):
            self.get(store.setState(f"{TOKEN}{number}", {**tokenToRecord(token), **wrong}))
        self.assertEqual(self.get(keeper.loadSessions()), [session])
        self.assertEqual(self.get(keeper.loadTokens()), [token])
