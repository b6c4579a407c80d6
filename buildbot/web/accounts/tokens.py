# -*- test-case-name: tests.unit.web.accounts.test_tokens -*-
"""Tokens of scripts, for C{Authorization: Bearer}. Only their digests are stored."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.web.accounts.accounts import nameTrouble
from buildbot.web.accounts.rights import ACTIONS, OLD_NAMES
from buildbot.web.accounts.sessions import NOTED, digestOf, mustBeOf
from buildbot.web.accounts.visitor import Token

log = Logger()

#: The beginning of every token: programs that look for lost secrets find it.
PREFIX = "bbt_"
#: The most tokens of the master, and of one account: one person must not use up the room for all others.
MOST = 1000
MOST_EACH = 100


class BadToken(ValueError):
    """A token cannot be made, or does not exist; the message is for the user."""


class TokenKeeper(Protocol):
    """The store of tokens. Each Deferred can fail with L{buildbot.store.interface.StoreFailed}."""

    def loadTokens(self) -> Deferred[list[Token]]:
        """All stored tokens."""

    def saveToken(self, token: Token) -> Deferred[None]:
        """Store a token."""

    def deleteToken(self, name: str) -> Deferred[None]:
        """Delete a token. A missing one is ignored."""


class Tokens:
    """I know the tokens. They are in memory, so that a request does not wait for the store."""

    def __init__(self, keeper: TokenKeeper, ended: Callable[[], object] = lambda: None) -> None:
        """@param ended: called as C{ended()} when a token was revoked."""
        self._keeper = keeper
        self._ended = ended
        self._all: dict[str, Token] = {}
        self._digests: dict[str, str] = {}

    async def load(self) -> None:
        """Read the stored tokens; call this at the start, or if another process has changed them.

        @raise StoreFailed: they cannot be read.
        """
        found = await self._keeper.loadTokens()
        before = self._all.keys()
        self._all, self._digests = {}, {}
        for each in found:
            self._note(each)
        if before - self._all.keys():
            self._ended()

    async def add(
        self,
        name: str,
        actions: Sequence[str],
        now: float,
        builders: Sequence[str] = (),
        expires: float | None = None,
        owner: str = "",
    ) -> tuple[str, Token]:
        """Make a token. Returns the token itself, which is not stored, and its description.

        @param expires: seconds since the epoch; None: never.
        @raise BadToken: with everything that is wrong.
        """
        wrong = list(self._wrong(name, actions, expires, now, owner))
        if wrong:
            raise BadToken("; ".join(wrong))
        names = frozenset(OLD_NAMES.get(each, each) for each in actions)
        secret = PREFIX + secrets.token_urlsafe(32)
        token = Token(name, digestOf(secret), names, tuple(builders), owner, now, expires)
        await self._keeper.saveToken(token)
        self._note(token)
        return secret, token

    def _wrong(
        self, name: str, actions: Sequence[str], expires: float | None, now: float, owner: str
    ) -> Iterable[str]:
        trouble = nameTrouble(name)
        if trouble:
            yield trouble
        if name in self._all:
            yield f"there is a token {name!r} already: revoke it first, or choose another name"
        if not actions:
            yield f"the token needs an action: {', '.join(ACTIONS)}"
        for each in actions:
            if OLD_NAMES.get(each, each) not in ACTIONS:
                yield f"there is no action {each!r}: choose among {', '.join(ACTIONS)}"
        if expires is not None and expires <= now:
            yield "the token would have expired already"
        if len(self._all) >= MOST:
            yield f"there are {MOST} tokens: revoke some"
        elif owner and sum(each.owner == owner for each in self._all.values()) >= MOST_EACH:
            yield f"{owner} has {MOST_EACH} tokens: revoke some"

    def find(self, secret: str, now: float) -> Token | None:
        """The token of this text, or None if it is unknown or has expired. Notes the use."""
        token = self._all.get(self._digests.get(digestOf(secret), ""))
        if token is None or token.isOver(now):
            return None
        if token.used is None or now - token.used > NOTED:
            token = replace(token, used=now)
            self._note(token)
            self._keeper.saveToken(token).addErrback(_tell)
        return token

    def use(self, name: str, now: float) -> None:
        """Note a use in another process."""
        token = self._all.get(name)
        if token is not None and (token.used is None or now - token.used > NOTED / 2):
            token = replace(token, used=now)
            self._note(token)
            self._keeper.saveToken(token).addErrback(_tell)

    def get(self, name: str) -> Token | None:
        """The token of this name, or None. It may have expired."""
        return self._all.get(name)

    async def revoke(self, name: str) -> None:
        """Delete a token. Raises L{BadToken} if it does not exist. It allows nothing after this call."""
        if name not in self._all:
            raise BadToken(f"there is no token {name!r}")
        del self._digests[self._all.pop(name).digest]
        self._ended()
        await self._keeper.deleteToken(name)

    def all(self) -> list[Token]:
        """All tokens, by name."""
        return sorted(self._all.values(), key=lambda each: each.name)

    def _note(self, token: Token) -> None:
        self._all[token.name] = token
        self._digests[token.digest] = token.name


def tokenToRecord(token: Token) -> dict[str, Any]:
    """The token as plain values, for a store."""
    return {**vars(token), "actions": sorted(token.actions), "builders": list(token.builders)}


def tokenFromRecord(record: Mapping[str, Any]) -> Token:
    """The token of L{tokenToRecord}. Raises TypeError or KeyError for other values."""
    actions, builders = record["actions"], record["builders"]
    mustBeOf(list, (actions, builders))
    token = Token(**{**record, "actions": frozenset(actions), "builders": tuple(builders)})
    mustBeOf(str, (token.name, token.digest, token.owner, *actions, *builders))
    mustBeOf((int, float, type(None)), (token.expires, token.used))
    mustBeOf((int, float), (token.created,))
    return token


def describeToken(token: Token, now: float) -> dict[str, Any]:
    """The public fields of a token, as plain values: all but its digest."""
    record = tokenToRecord(token)
    del record["digest"]
    return {**record, "hasExpired": token.isOver(now)}


def _tell(why: Failure) -> None:
    log.warn("cannot store the use of a token: {why}", why=why.getErrorMessage())
