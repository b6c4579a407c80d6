# -*- test-case-name: tests.unit.web.accounts.test_checking -*-
"""Check passwords in threads, so that the reactor goes on: two at once, and a bounded number that waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from buildbot.events.turns import Turns
from buildbot.web.accounts.passwords import NO_ACCOUNT, UnusableHash, hashed, parsed

#: The most checks at once: each uses a processor and 16 MiB of memory.
AT_ONCE = 2
#: The most checks that wait.
WAITING = 50
#: Runs a function in a thread, and fires with its value.
InThread = Callable[[Callable[[], object]], "Deferred[object]"]


class TooBusy(Exception):
    """Too many passwords wait for their check: answer 503."""


class PasswordChecker:
    """I compare passwords with their stored hashes."""

    def __init__(self, inThread: InThread = deferToThread) -> None:
        self._inThread = inThread
        self._turns = Turns(AT_ONCE)

    async def isRight(self, password: str, stored: str | None) -> bool:
        """True if C{password} belongs to a stored hash. Raises L{TooBusy}.

        @param stored: the hash; None: there is no such account. Then the check takes the same time.
        @raise UnusableHash: the stored hash cannot be used. This takes the same time, too.
        """
        unusable: UnusableHash | None = None
        wanted = NO_ACCOUNT
        if stored is not None:
            try:
                wanted = parsed(stored)  # type: ignore[assignment]
            except UnusableHash as why:
                unusable = why
        right = bool(await self._run(lambda: wanted.isOf(password)))
        if unusable is not None:
            raise unusable
        return right and wanted is not NO_ACCOUNT

    async def hashed(self, password: str) -> str:
        """The hash to store for a password. Raises L{TooBusy}."""
        return cast(str, await self._run(lambda: hashed(password)))

    async def _run(self, function: Callable[[], object]) -> object:
        if self._turns.taken + self._turns.waiting >= AT_ONCE + WAITING:
            raise TooBusy("too many people log in at this moment: try again in a few seconds")
        return await self._turns.whole(lambda: self._inThread(function))
