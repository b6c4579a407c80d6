# -*- test-case-name: tests.unit.web.accounts.test_keeper -*-
"""Keep sessions and tokens in the master's store, among the states of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger

from buildbot.web.accounts.sessions import Session, sessionFromRecord, sessionToRecord
from buildbot.web.accounts.tokens import tokenFromRecord, tokenToRecord
from buildbot.web.accounts.visitor import Token

log = Logger()

#: The beginnings of the keys.
SESSION, TOKEN = "web/session/", "web/token/"
_Value = TypeVar("_Value")


class States(Protocol):
    """The part of an L{IStore<buildbot.store.interface.IStore>} that keeps states."""

    def getStates(self, prefix: str) -> Deferred[dict[str, Any]]:
        """The states whose keys begin with a prefix, by key."""

    def setState(self, key: str, value: Any) -> Deferred[None]:
        """Set a state; None deletes it."""


class StoreKeeper:
    """I am a L{SessionKeeper<buildbot.web.accounts.sessions.SessionKeeper>}, and a
    L{TokenKeeper<buildbot.web.accounts.tokens.TokenKeeper>}.
    """

    def __init__(self, store: States, changed: Callable[[], object] = lambda: None) -> None:
        """@param changed: called when a new session or token is stored, or one is deleted."""
        self._store = store
        self._changed = changed

    def loadSessions(self) -> Deferred[list[Session]]:
        """All stored sessions."""
        return ensureDeferred(self._load(SESSION, sessionFromRecord))

    def saveSession(self, session: Session) -> Deferred[None]:
        """Store a session."""
        return self._saved(
            SESSION + session.digest, sessionToRecord(session), session.used == session.created
        )

    def deleteSessions(self, digests: Iterable[str]) -> Deferred[None]:
        """Delete sessions."""
        return ensureDeferred(self._delete([SESSION + each for each in digests]))

    def loadTokens(self) -> Deferred[list[Token]]:
        """All stored tokens."""
        return ensureDeferred(self._load(TOKEN, tokenFromRecord))

    def saveToken(self, token: Token) -> Deferred[None]:
        """Store a token."""
        return self._saved(TOKEN + token.name, tokenToRecord(token), token.used is None)

    def deleteToken(self, name: str) -> Deferred[None]:
        """Delete a token."""
        return ensureDeferred(self._delete([TOKEN + name]))

    def _saved(self, key: str, record: dict[str, Any], isNew: bool) -> Deferred[None]:
        saving = self._store.setState(key, record)
        return saving.addCallback(self._told) if isNew else saving

    def _told(self, result: None) -> None:
        self._changed()

    async def _load(self, prefix: str, read: Callable[[Mapping[str, Any]], _Value]) -> list[_Value]:
        found = []
        for key, record in (await self._store.getStates(prefix)).items():
            try:
                found.append(read(record))
            except (TypeError, KeyError):
                log.warn("the stored {key} is unreadable, and does not count", key=key[:60])
        return found

    async def _delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            await self._store.setState(key, None)
        self._changed()
