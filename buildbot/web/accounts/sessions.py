# -*- test-case-name: tests.unit.web.accounts.test_sessions -*-
"""Sessions: who is logged in, kept over a restart. Only digests of their secrets are stored.

A session ends after 12 idle hours or 30 days, at a logout, or when the password of its account changes.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.store.interface import StoreFailed

log = Logger()

#: The name of the cookie with TLS, and without.
SECURE_COOKIE, COOKIE = "__Host-bb", "bb"
#: Seconds without a request until a session ends.
IDLE = 12 * 3600.0
#: Seconds from the login to the end of a session.
LONGEST = 30 * 86400.0
#: Seconds between two writes of the last use.
NOTED = 300.0
#: The most sessions: the one that is unused for longest ends first. And the most of one account.
MOST = 5000
MOST_EACH = 50
#: The bytes of the secret.
_SECRET = 32


@dataclass(frozen=True)
class Session:
    """I am one login.

    @ivar digest: the SHA-256 of the secret in the cookie, in hexadecimal digits.
    @ivar user: the name of the account.
    @ivar stamp: the fingerprint of the password's hash at the login. Another one ends the session.
    @ivar created: seconds since the epoch; C{used}: of the last use, at most NOTED seconds too early.
    @ivar address: of the login; C{agent}: the browser, in its own words.
    """

    digest: str
    user: str
    stamp: str
    created: float
    used: float
    address: str = ""
    agent: str = ""

    def isOver(self, now: float) -> bool:
        """True if the time of the session is over."""
        return now - self.used > IDLE or now - self.created > LONGEST


class SessionKeeper(Protocol):
    """The store of sessions. Each Deferred can fail with L{StoreFailed}."""

    def loadSessions(self) -> Deferred[list[Session]]:
        """All stored sessions."""

    def saveSession(self, session: Session) -> Deferred[None]:
        """Store a session, or replace the one with its digest."""

    def deleteSessions(self, digests: Iterable[str]) -> Deferred[None]:
        """Delete sessions. Missing ones are ignored."""


class Sessions:
    """I know the sessions. They are in memory, so that a request does not wait for the store."""

    def __init__(self, keeper: SessionKeeper, ended: Callable[[], object] = lambda: None) -> None:
        """@param ended: called as C{ended()} when a session was ended."""
        self._keeper = keeper
        self._ended = ended
        self._all: dict[str, Session] = {}

    async def load(self, now: float) -> None:
        """Read the stored sessions; call this at the start, or if another process has changed them.

        @raise StoreFailed: they cannot be read.
        """
        before, self._all = self._all, {each.digest: each for each in await self._keeper.loadSessions()}
        if before.keys() - self._all.keys():
            self._ended()
        await self._delete([each.digest for each in self._all.values() if each.isOver(now)])

    async def open(
        self, user: str, stamp: str, now: float, address: str = "", agent: str = "", old: str = ""
    ) -> tuple[str, Session]:
        """Begin a session after a login. Returns the secret for the cookie, and the session.

        @param old: the digest of the visitor's session before the login; it ends.
        """
        secret = secrets.token_urlsafe(_SECRET)
        session = Session(digestOf(secret), user, stamp, now, now, address[:100], agent[:200])
        mine = sorted((each for each in self._all.values() if each.user == user), key=lambda each: each.used)
        gone = [each.digest for each in mine[: max(0, len(mine) + 1 - MOST_EACH)]]
        if len(self._all) >= MOST:
            gone.append(min(self._all.values(), key=lambda each: each.used).digest)
        gone += [each.digest for each in self._all.values() if each.isOver(now)]
        self._all[session.digest] = session
        await self._delete([*gone, *([old] if old else [])])
        await _logged(self._keeper.saveSession(session))
        return secret, session

    def find(self, secret: str, now: float) -> Session | None:
        """The session of a cookie's secret, or None. Notes the use."""
        session = self._all.get(digestOf(secret))
        if session is None or session.isOver(now):
            return None
        if now - session.used > NOTED:
            session = replace(session, used=now)
            self._all[session.digest] = session
            self._keeper.saveSession(session).addErrback(_tell)
        return session

    def use(self, digest: str, now: float) -> None:
        """Note a use in another process."""
        session = self._all.get(digest)
        if session is not None and now - session.used > NOTED / 2:
            self._all[digest] = used = replace(session, used=now)
            self._keeper.saveSession(used).addErrback(_tell)

    def get(self, digest: str) -> Session | None:
        """The session with a digest, or None. It may have expired."""
        return self._all.get(digest)

    async def close(self, digests: Iterable[str]) -> int:
        """End sessions, and return how many there were."""
        known = [each for each in digests if each in self._all]
        await self._delete(known)
        return len(known)

    async def closeAllOf(self, user: str, but: str = "") -> int:
        """End all sessions of an account, except C{but}, and return how many there were."""
        return await self.close([each.digest for each in self.sessionsOf(user) if each.digest != but])

    def sessionsOf(self, user: str | None = None) -> list[Session]:
        """The sessions of an account, or all; the last used first."""
        found = [each for each in self._all.values() if user in (None, each.user)]
        return sorted(found, key=lambda each: -each.used)

    async def _delete(self, digests: Iterable[str]) -> None:
        gone = [each for each in dict.fromkeys(digests) if self._all.pop(each, None) is not None]
        if gone:
            self._ended()
            await _logged(self._keeper.deleteSessions(gone))


def digestOf(secret: str) -> str:
    """The digest under which a secret is stored."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def cookieOf(secret: str, isSecure: bool, path: str = "/") -> str:
    """The value of C{Set-Cookie} for a new session; with an empty secret: for its end.

    @param isSecure: whether the visitor uses TLS.
    @param path: of the site, without TLS. With TLS the path is always C{/}.
    """
    age = f"; Max-Age={int(LONGEST)}" if secret else "; Max-Age=0"
    if isSecure:
        return f"{SECURE_COOKIE}={secret}; Path=/; Secure; HttpOnly; SameSite=Lax{age}"
    return f"{COOKIE}={secret}; Path={path}; HttpOnly; SameSite=Lax{age}"


def secretIn(cookies: Iterable[str], isSecure: bool) -> str:
    """The secret in the C{Cookie} headers of a request, or "".

    With TLS, only the cookie with the prefix counts: no other host can set it. Two cookies of the name are a
    sign of an attack, and none counts.
    """
    wanted = SECURE_COOKIE if isSecure else COOKIE
    found = []
    for header in cookies:
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            if name == wanted:
                found.append(value)
    return found[0] if len(found) == 1 and len(found[0]) <= 100 else ""


def sessionToRecord(session: Session) -> dict[str, Any]:
    """The session as plain values, for a store."""
    return asdict(session)


def sessionFromRecord(record: Mapping[str, Any]) -> Session:
    """The session of L{sessionToRecord}. Raises TypeError for other values."""
    session = Session(**record)
    texts = (session.digest, session.user, session.stamp, session.address, session.agent)
    mustBeOf(str, texts)
    mustBeOf((int, float), (session.created, session.used))
    return session


def mustBeOf(kinds: type | tuple[type, ...], values: Iterable[object]) -> None:
    """Raise TypeError unless all values are of these types."""
    for each in values:
        if not isinstance(each, kinds):
            raise TypeError(f"a stored value must not be of type {type(each).__name__}")


async def _logged(done: Deferred[None]) -> None:
    try:
        await done
    except StoreFailed as why:
        log.warn("cannot store a session, so a restart of the master ends it: {why}", why=why)


def _tell(why: Failure) -> None:
    log.warn("cannot store the use of a session: {why}", why=why.getErrorMessage())
