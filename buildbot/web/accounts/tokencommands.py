# -*- test-case-name: tests.unit.web.accounts.test_tokencommands -*-
"""The commands of the control socket about tokens of scripts: make, list and revoke them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from buildbot.control.client import ControlError
from buildbot.events.onuse import onUse
from buildbot.store.interface import StoreFailed

if TYPE_CHECKING:
    from buildbot.web.accounts import tokens
    from buildbot.web.accounts.logins import Logins
else:
    tokens = onUse("buildbot.web.accounts.tokens")

_DAY = 86400.0
#: The longest life of a token, in days.
MOST_DAYS = 3650


class TokenCommands:
    """I change the tokens of one master. Every user of its control socket may do that."""

    def __init__(self, logins: Callable[[], Logins], now: Callable[[], float]) -> None:
        """@param logins: returns the logins of the master; called when a command needs them."""
        self._loginsOf = logins
        self._now = now

    @property
    def _logins(self) -> Logins:
        return self._loginsOf()

    def handlers(self) -> dict[str, Callable[..., object]]:
        """The handlers for the control socket: command -> method."""
        return {"tokens": self.tokens, "addtoken": self.addtoken, "revoketoken": self.revoketoken}

    async def tokens(self) -> dict[str, Any]:
        """All tokens, by name."""
        await self._load()
        now = self._now()
        return {"tokens": [tokens.describeToken(each, now) for each in self._logins.tokens.all()]}

    async def addtoken(
        self,
        name: str,
        actions: Sequence[str],
        builders: Sequence[str] = (),
        days: int = 90,
        owner: str = "",
    ) -> dict[str, Any]:
        """Make a token. The answer has the token itself as C{token}. The token itself is not stored.

        @param days: until it expires; 0: never.
        @param owner: the account on whose behalf it acts; "": it acts on its own.
        """
        await self._load()
        now = self._now()
        if days > MOST_DAYS:
            raise ControlError(f"a token lasts at most {MOST_DAYS} days, or for ever with 0 days")
        expires = now + days * _DAY if days else None
        try:
            made = self._logins.tokens.add(name, actions, now, builders, expires, owner)
            secret, token = await made
        except (tokens.BadToken, StoreFailed) as why:
            raise ControlError(str(why)) from None
        return {**tokens.describeToken(token, now), "token": secret}

    async def revoketoken(self, name: str) -> dict[str, Any]:
        """Revoke a token. The token allows nothing after that."""
        await self._load()
        try:
            await self._logins.tokens.revoke(name)
        except (tokens.BadToken, StoreFailed) as why:
            raise ControlError(str(why)) from None
        return {"revoked": name}

    async def _load(self) -> None:
        await self._logins.load(self._now())
        if not self._logins.isLoaded:
            raise ControlError("the stored tokens cannot be read: see twistd.log")
