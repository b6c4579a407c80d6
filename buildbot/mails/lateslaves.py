# -*- test-case-name: tests.unit.mails.test_lateslaves -*-
"""Latent slaves that do not attach after their start: one mail about each, until it attaches again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger

from buildbot.mails.missing import Watch

log = Logger()


class LateSlaves:
    """I tell people about latent slaves that did not attach in time."""

    def __init__(
        self,
        watched: Callable[[], Mapping[str, Watch]],
        lateSince: Callable[[str], float | None],
        tell: Callable[[str, float, Watch], Awaitable[None]],
    ) -> None:
        """@param watched: returns who is told about which latent slave.
        @param lateSince: returns the first start after which a slave did not attach, in seconds since the
            epoch; None if it has attached after the last one.
        @param tell: sends the mail; fires when the mail is on disk.
        """
        self._watched, self._lateSince, self._tell = watched, lateSince, tell
        self._told: dict[str, float] = {}

    def changed(self, name: str) -> None:
        """The state of a slave may have changed."""
        since = self._lateSince(name)
        if since is None:
            self._told.pop(name, None)
        elif self._told.get(name) != since:
            watch = self._watched().get(name)
            if watch is not None:
                self._told[name] = since
                telling: Deferred[None] = ensureDeferred(self._telling(name, since, watch))
                telling.addErrback(lambda why: log.failure("cannot send a mail about a late slave", why))

    async def _telling(self, name: str, since: float, watch: Watch) -> None:
        await self._tell(name, since, watch)
