# -*- test-case-name: tests.stories.test_mail -*-
"""The mails of one notifier about slaves that are missing, or back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from buildbot.mails.contents import Contents
from buildbot.mails.missing import Watch
from buildbot.mails.postbox import Postbox


class SlaveMails:
    """I write and queue these mails."""

    def __init__(self, status: Any, contents: Contents, postbox: Postbox, now: Callable[[], float]) -> None:
        """@param status: the status of the master.
        @param now: returns the time, in seconds since the epoch.
        """
        self._status, self._contents, self._postbox, self._now = status, contents, postbox, now

    async def missing(self, name: str, lost: float, watch: Watch) -> None:
        """Tell that a slave is missing, since a time in seconds since the epoch."""
        letter = self._contents.ofSlave(self._status.getSlave(name), lost)
        await self._postbox.post(letter, (list(watch.recipients), []), "")

    async def back(self, name: str, lost: float, watch: Watch) -> None:
        """Tell that a slave is back, which was away since a time."""
        letter = self._contents.ofSlaveBack(self._status.getSlave(name), lost, self._now())
        await self._postbox.post(letter, (list(watch.recipients), []), "")
