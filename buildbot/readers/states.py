# -*- test-case-name: tests.stories.test_readers -*-
"""The sessions and tokens of the master, for a process that only reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed

from buildbot.store.interface import IStore
from buildbot.web.accounts.keeper import SESSION, TOKEN
from buildbot.web.accounts.logins import Logins


class UsedStates:
    """I read states from the store of the master. A session or token that is used is told, not written."""

    def __init__(self, store: IStore, used: Callable[[str], object]) -> None:
        """@param used: called with the key of a session or token that was used."""
        self._store = store
        self._used = used

    def getStates(self, prefix: str) -> Deferred[dict[str, Any]]:
        """See L{States<buildbot.web.accounts.keeper.States>}."""
        found: Deferred[dict[str, Any]] = self._store.getStates(prefix)
        return found

    def setState(self, key: str, value: Any) -> Deferred[None]:
        """Tell the master of the use. A session that is over is deleted by the master itself."""
        if value is not None:
            self._used(key)
        return succeed(None)


class Uses:
    """I carry out the command C{used} in the master."""

    def __init__(self, logins: Callable[[], Logins], now: Callable[[], float]) -> None:
        self._logins = logins
        self._now = now

    def used(self, key: str) -> None:
        """Note that a session or a token was used just now, so that it does not end.

        @param key: its key in the store. Others are ignored.
        """
        if key.startswith(SESSION):
            self._logins().sessions.use(key[len(SESSION) :], self._now())
        elif key.startswith(TOKEN):
            self._logins().tokens.use(key[len(TOKEN) :], self._now())
