"""Keepers of sessions and tokens in memory, which can be told to fail."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.defer import Deferred, fail, succeed

from buildbot.store.interface import StoreFailed
from buildbot.web.accounts.sessions import Session
from buildbot.web.accounts.visitor import Token


class MemoryKeeper:
    """I keep sessions and tokens for a test.

    @ivar isBroken: True: every call fails.
    @ivar writes: how often something was stored.
    """

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}
        self.tokens: dict[str, Token] = {}
        self.isBroken = False
        self.writes = 0

    def _done(self) -> Deferred[None]:
        self.writes += 1
        return fail(StoreFailed("disk is full")) if self.isBroken else succeed(None)

    def loadSessions(self) -> Deferred[list[Session]]:
        """All stored sessions."""
        return succeed(list(self.sessions.values()))

    def saveSession(self, session: Session) -> Deferred[None]:
        """Store a session."""
        if not self.isBroken:
            self.sessions[session.digest] = session
        return self._done()

    def deleteSessions(self, digests: Iterable[str]) -> Deferred[None]:
        """Delete sessions."""
        for each in digests:
            self.sessions.pop(each, None)
        return self._done()

    def loadTokens(self) -> Deferred[list[Token]]:
        """All stored tokens."""
        return succeed(list(self.tokens.values()))

    def saveToken(self, token: Token) -> Deferred[None]:
        """Store a token."""
        if not self.isBroken:
            self.tokens[token.name] = token
        return self._done()

    def deleteToken(self, name: str) -> Deferred[None]:
        """Delete a token."""
        self.tokens.pop(name, None)
        return self._done()
