# -*- test-case-name: tests.unit.web.accounts.test_logins -*-
"""The sessions, the tokens and the failed logins of one master. All its web servers share them.

They stay when a reconfig replaces a web server because its arguments have changed.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from buildbot.events.observers import Observers
from buildbot.events.turns import Turns
from buildbot.store.interface import StoreFailed
from buildbot.web.accounts.keeper import States, StoreKeeper
from buildbot.web.accounts.limits import LoginLimits
from buildbot.web.accounts.sessions import Sessions
from buildbot.web.accounts.tokens import Tokens

log = Logger()


class Logins:
    """I know who is logged in to a master.

    @ivar sessions: of people.
    @ivar tokens: of scripts.
    @ivar limits: the failed logins.
    @ivar isLoaded: True when the stored sessions and tokens are read.
    @ivar stored: the number of sessions and tokens that were made or deleted in the store by this process.
    @ivar whenStored: called when that number has grown.
    """

    def __init__(self, store: States) -> None:
        keeper = StoreKeeper(store, self._kept)
        self.stored = 0
        self.whenStored: Callable[[], object] = lambda: None
        self.sessions = Sessions(keeper, self.changed)
        self.tokens = Tokens(keeper, self.changed)
        self.limits = LoginLimits()
        self._observers: Observers[Callable[[], object]] = Observers()
        self._turns = Turns()
        self.isLoaded = False

    def _kept(self) -> None:
        self.stored += 1
        self.whenStored()

    async def load(self, now: float, again: bool = False) -> None:
        """Read the stored sessions and tokens once. A failure is logged.

        @param again: read them once more: another process has changed them.
        """
        async with self._turns:
            if self.isLoaded and not again:
                return
            try:
                await self.sessions.load(now)
                await self.tokens.load()
                self.isLoaded = True
            except StoreFailed as why:
                log.warn("cannot read the sessions and tokens, so people must log in again: {why}", why=why)

    def watch(self, changed: Callable[[], object]) -> Callable[[], None]:
        """Call C{changed()} each time a visitor may have lost a right: a session or a token has ended before
        its expiry, or the master has a new configuration.

        @return: a function that stops these calls.
        """
        self._observers = self._observers.plus(changed)

        def forget() -> None:
            self._observers = self._observers.without(changed)

        return forget

    def changed(self) -> None:
        """A visitor may have lost a right: tell all watchers."""
        for each in self._observers:
            each()
