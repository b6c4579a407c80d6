# -*- test-case-name: tests.unit.web.accounts.test_identify -*-
"""Find out who makes a request: by Basic, Bearer, a cookie, or the header of a trusted proxy.

Requests come as plain values. L{buildbot.web.accounts.rights} decides what the visitor may do.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.web.accounts.accounts import Account
from buildbot.web.accounts.checking import PasswordChecker
from buildbot.web.accounts.limits import LoginLimits
from buildbot.web.accounts.origin import Trust
from buildbot.web.accounts.passwords import UnusableHash, fingerprint
from buildbot.web.accounts.proxies import Proxies, Seen, seenBy
from buildbot.web.accounts.sessions import Sessions, secretIn
from buildbot.web.accounts.tokens import PREFIX, Tokens
from buildbot.web.accounts.visitor import Token, Visitor

log = Logger()

#: Seconds for which a right password of Basic is not checked again. And the most such passwords.
BASIC_TIME = 60.0
BASIC_MOST = 1000
#: The most characters of the header C{Authorization}.
_LONGEST = 4096


class BadLogin(Exception):
    """The name and the password, or the token, are wrong: answer 401. The message is for the visitor."""


class TooManyLogins(Exception):
    """Too many logins have failed: answer 429 with C{Retry-After}.

    @ivar retryAfter: whole seconds until the next attempt, at least 1.
    """

    def __init__(self, seconds: float) -> None:
        self.retryAfter = max(1, math.ceil(seconds))
        Exception.__init__(self, f"too many failed logins: try again in {self.retryAfter} seconds")


@dataclass(frozen=True)
class Asked:
    """I am the part of a request that tells who makes it.

    @ivar peer: the address of the connection's other end; C{"unix"} for a UNIX socket.
    @ivar headers: by name in lower case, each with all of its values.
    @ivar isSecure: whether the connection itself uses TLS.
    @ivar trust: the trust in its origin; see L{buildbot.web.accounts.origin.trustOf}.
    """

    peer: str
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    isSecure: bool = False
    trust: Trust = Trust.READING


class AccountSource(Protocol):
    """The accounts of C{buildbot account}: L{buildbot.web.accounts.accountsfile.AccountsFile}."""

    def get(self, name: str) -> Account | None:
        """One account, or None."""


class Identifier:
    """I find out who makes a request, and check logins."""

    def __init__(
        self,
        accounts: AccountSource,
        sessions: Sessions,
        tokens: Tokens,
        checker: PasswordChecker,
        now: Callable[[], float],
        ticks: Callable[[], float] | None = None,
        auth: Any = None,
        proxies: Proxies | None = None,
        limits: LoginLimits | None = None,
    ) -> None:
        """@param now: returns seconds since the epoch.
        @param ticks: returns seconds of a clock that never goes back; None: C{now}.
        @param auth: an object with C{authenticate} and C{errmsg}, or None. Accounts come before it.
        @param limits: the failed logins, which several web servers may share.
        """
        self._accounts = accounts
        self._sessions = sessions
        self._tokens = tokens
        self._checker = checker
        self._now = now
        self._ticks = ticks or now
        self._auth = auth
        self._proxies = proxies or Proxies()
        self._limits = limits or LoginLimits()
        self._recent: OrderedDict[bytes, tuple[float, str]] = OrderedDict()
        self._key = os.urandom(32)

    def seen(self, asked: Asked) -> Seen:
        """The request as the visitor made it: address, TLS, host."""
        return seenBy(self._proxies, asked.peer, asked.isSecure, asked.headers)

    async def whoIs(self, asked: Asked) -> Visitor:
        """The visitor of a request; anonymous without a proof of a name.

        @raise BadLogin: the header C{Authorization} is wrong.
        @raise TooManyLogins: too many logins have failed.
        @raise buildbot.web.accounts.checking.TooBusy: too many passwords wait for their check.
        """
        seen = self.seen(asked)
        said = asked.headers.get("authorization", ())
        if len(said) > 1:
            raise BadLogin("the request has several headers Authorization")
        if seen.user:
            return self._named(seen.user, "proxy", seen.address)
        scheme, _, rest = said[0].strip().partition(" ") if said else ("", "", "")
        if scheme.lower() == "bearer":
            return self._bearer(rest.strip(), seen.address)
        if scheme.lower() == "basic":
            name, password = _pair(rest)
            await self._mustBeRight(name, password, seen.address, isRepeated=True)
            return self._named(name, "basic", seen.address, stamp=self._stamp(name))
        return self._byCookie(asked, seen) or Visitor(address=seen.address)

    async def logIn(
        self, name: str, password: str, asked: Asked, agent: str = "", old: str = ""
    ) -> tuple[str, Visitor]:
        """Check a login from a form, and begin a session. Raises as L{whoIs}.

        @param old: the digest of the visitor's session before, which ends (C{Visitor.session}).
        @return: the secret for L{cookieOf<buildbot.web.accounts.sessions.cookieOf>}, and the visitor.
        """
        seen = self.seen(asked)
        await self._mustBeRight(name, password, seen.address)
        secret, session = await self._sessions.open(
            name, self._stamp(name), self._now(), seen.address, agent, old
        )
        return secret, self._named(name, "session", seen.address, session.digest, session.stamp)

    async def logOut(self, who: Visitor) -> None:
        """End the visitor's session."""
        if who.session:
            await self._sessions.close([who.session])

    def whyOut(self, who: Visitor) -> str:
        """The reason why the proof of a visitor's name is no longer valid, as a sentence; "" if it is valid.

        This does not count as a use of the session or the token.
        """
        gone = ""
        if who.token is not None:
            gone = self._whyTokenEnded(who.token)
        elif who.how in ("session", "basic"):
            gone = self._whyLoginEnded(who)
        if not gone and (who.token is None or who.token.owner) and self._rolesOf(who.name) != who.roles:
            return f"The roles of {who.name} have changed."
        return gone

    def _whyTokenEnded(self, token: Token) -> str:
        known = self._tokens.get(token.name)
        if known is None or known.digest != token.digest:
            return f"The token {token.name} was revoked."
        if token.isOver(self._now()):
            return f"The token {token.name} has expired."
        if token.owner and not self._isKnown(token.owner):
            return f"The account {token.owner} was removed."
        return ""

    def _whyLoginEnded(self, who: Visitor) -> str:
        session = self._sessions.get(who.session) if who.how == "session" else None
        if who.how == "session" and session is None:
            return f"{who.name} has logged out, or has ended this session elsewhere."
        if session is not None and session.isOver(self._now()):
            return f"The session of {who.name} has expired."
        stamp = self._stamp(who.name)
        if stamp == who.stamp and stamp:
            return ""
        return f"The password of {who.name} has changed." if stamp else f"The account {who.name} was removed."

    def _byCookie(self, asked: Asked, seen: Seen) -> Visitor | None:
        if asked.trust not in (Trust.READING, Trust.OWN):
            return None
        secret = secretIn(asked.headers.get("cookie", ()), seen.isSecure)
        session = self._sessions.find(secret, self._now()) if secret else None
        if session is None or not session.stamp or session.stamp != self._stamp(session.user):
            return None  # the password has changed, or the account is gone
        return self._named(session.user, "session", seen.address, session.digest, session.stamp)

    def _bearer(self, secret: str, address: str) -> Visitor:
        wait = self._limits.wait(address, "", self._ticks())
        if wait:
            raise TooManyLogins(wait)
        token = self._tokens.find(secret, self._now()) if secret.startswith(PREFIX) else None
        if token is None or (token.owner and not self._isKnown(token.owner)):
            self._limits.failed(address, f"{PREFIX}{address}", self._ticks())
            raise BadLogin("the token is unknown, has expired or was revoked")
        who = self._named(token.owner, "token", address) if token.owner else Visitor(token.name, "token")
        return Visitor(who.name, "token", address, who.roles, token)

    def _isKnown(self, name: str) -> bool:
        """True unless an account is gone. Names of C{auth} and of proxies are never known to be gone."""
        return self._auth is not None or bool(self._proxies.header) or self._accounts.get(name) is not None

    def _named(self, name: str, how: str, address: str, session: str = "", stamp: str = "") -> Visitor:
        return Visitor(name, how, address, self._rolesOf(name), session=session, stamp=stamp)

    def _rolesOf(self, name: str) -> frozenset[str]:
        account = self._accounts.get(name)
        return account.roles if account is not None else frozenset()

    def _stamp(self, name: str) -> str:
        """A text that changes with the password of a user, as far as that is known; "" for unknown users."""
        account = self._accounts.get(name)
        if account is not None:
            return fingerprint(account.stored)
        if self._auth is None or getattr(self._auth, "usesAccounts", False):
            return ""
        return str(self._auth.stampOf(name)) if hasattr(self._auth, "stampOf") else "auth"

    async def _mustBeRight(self, name: str, password: str, address: str, isRepeated: bool = False) -> None:
        stamp = self._stamp(name)
        key = self._secretOf(name, password)
        if isRepeated and self._wasRight(key, stamp):
            return
        wait = self._limits.wait(address, name, self._ticks())
        if wait:
            raise TooManyLogins(wait)
        # It counts as failed until it is right, so that many attempts at once are not free.
        self._limits.failed(address, name, self._ticks())
        if not await self._isRight(name, password):
            raise BadLogin("the name or the password is wrong")
        self._limits.succeeded(name, address)
        if isRepeated:
            self._recent[key] = (self._ticks(), stamp)
            while len(self._recent) > BASIC_MOST:
                self._recent.popitem(last=False)

    async def _isRight(self, name: str, password: str) -> bool:
        """Whether an account, or else the C{auth}, accepts a password."""
        account = self._accounts.get(name)
        stored = account.stored if account is not None else None
        if stored is None and hasattr(self._auth, "storedHash"):
            stored = self._auth.storedHash(name)
        elif stored is None and self._auth is not None and not getattr(self._auth, "usesAccounts", False):
            return await self._asks(name, password)
        try:
            return await self._checker.isRight(password, stored)
        except UnusableHash as why:
            log.warn("{user} cannot log in to the web: {why}", user=name, why=why)
            return False

    async def _asks(self, name: str, password: str) -> bool:
        try:
            return bool(await maybeDeferred(self._auth.authenticate, name, password))
        except PLUGIN_ERRORS:
            log.failure("the check of the password by {auth} failed", auth=type(self._auth).__name__)
            return False

    def _secretOf(self, name: str, password: str) -> bytes:
        text = f"{len(name)}:{name}{password}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, text, hashlib.sha256).digest()

    def _wasRight(self, key: bytes, stamp: str) -> bool:
        found = self._recent.get(key)
        if found is None:
            return False
        since, known = found
        if known == stamp and self._ticks() - since < BASIC_TIME:
            return True
        del self._recent[key]
        return False


def _pair(text: str) -> tuple[str, str]:
    """The name and the password of Basic. Raises L{BadLogin}."""
    try:
        name, colon, password = (
            base64.b64decode(text[:_LONGEST].strip(), validate=True).decode("utf-8").partition(":")
        )
    except (binascii.Error, UnicodeDecodeError):
        raise BadLogin("the header Authorization is malformed") from None
    if not colon or not name or "\0" in name:
        raise BadLogin("the header Authorization is malformed")
    return name, password
