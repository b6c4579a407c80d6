# -*- test-case-name: tests.unit.web.accounts.test_rights -*-
"""The visitor behind a request: the name, the roles, and how the name was proved.

L{buildbot.web.accounts.identify} makes these values; L{buildbot.web.accounts.rights} decides by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Token:
    """I am a token of a script. The token itself is not stored.

    @ivar name: unique among the tokens.
    @ivar digest: the SHA-256 of the token, in hexadecimal digits.
    @ivar actions: the allowed actions.
    @ivar builders: the allowed builders, as names with C{*} and C{?}; empty: all builders.
    @ivar owner: the account on whose behalf the token acts. The token allows nothing that the owner may not
        do. Empty: a person with access to the master's directory made it, and it acts on its own.
    @ivar created: seconds since the epoch.
    @ivar expires: seconds since the epoch; None: never.
    @ivar used: the time of the last use, a few minutes too early at most; None: it was never used.
    """

    name: str
    digest: str
    actions: frozenset[str]
    builders: tuple[str, ...] = ()
    owner: str = ""
    created: float = 0.0
    expires: float | None = None
    used: float | None = None

    def isOver(self, now: float) -> bool:
        """True if the token has expired."""
        return self.expires is not None and self.expires <= now

    def covers(self, action: str, builder: str | None) -> bool:
        """True if the token is for this action on this builder. None: the action is about no builder."""
        if action not in self.actions:
            return False
        if not self.builders:
            return True
        return builder is not None and any(fnmatchcase(builder, each) for each in self.builders)


@dataclass(frozen=True)
class Visitor:
    """I am the author of a request.

    @ivar name: the name of the account; of a token without an owner, the name of the token; else "".
    @ivar how: the proof of the name: "anonymous", "session", "basic", "token" or "proxy".
    @ivar address: the address that the request comes from, as text.
    @ivar session: the digest of the session, if the name comes from one.
    @ivar stamp: a text that changes with the password of the account; "" for a token or a proxy.
    """

    name: str = ""
    how: str = "anonymous"
    address: str = ""
    roles: frozenset[str] = frozenset()
    token: Token | None = None
    session: str = ""
    stamp: str = ""

    @property
    def isLoggedIn(self) -> bool:
        """True for a person or a script with a proved name."""
        return self.name != ""


#: A visitor without a name.
ANONYMOUS = Visitor()
