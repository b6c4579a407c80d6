# -*- test-case-name: tests.processes.test_gitpoller -*-
"""The base class of pollers that store their position.

A subclass stores its new position in one transaction with each change. So a crash neither loses nor repeats a
change.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from buildbot.changes.base import PollingChangeSource
from buildbot.config.arguments import Kind
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.change import Change
from buildbot.store.interface import IStore, StoreFailed
from buildbot.text.urls import withoutPasswords

#: The most changes that are passed on before the poller waits until they are stored.
AT_ONCE = 100

#: The kinds of arguments that all pollers take.
CATEGORY = Kind(
    "text, None, or a function of a change",
    lambda value: value is None or isinstance(value, str) or callable(value),
)
URL = Kind(
    "the URL of a repository (text)", lambda value: isinstance(value, str) and bool(value.strip()), standIn=""
)


class PollFailed(Exception):
    """A poll failed, for a reason outside of the code. The text is for people."""


class StoringPoller(PollingChangeSource):
    """I store my position with each change: derive from me, and override C{poll} and C{identity}."""

    category: Any = None
    found: int = 0

    def identity(self) -> str:
        """Return the key of my stored position. Restarts and reconfigs keep it. May hold a password."""
        raise NotImplementedError

    # for subclasses

    @property
    def store(self) -> IStore:
        """The store of the master."""
        changemaster: Any = self.parent
        store: IStore = changemaster.parent.botmaster.store
        return store

    def place(self, name: str) -> str:
        """A path below the directory of the master."""
        changemaster: Any = self.parent
        return os.path.join(changemaster.parent.basedir, os.path.expanduser(name))

    @property
    def key(self) -> str:
        """The first part of the keys of my memory in the store. It holds no password."""
        return f"poller/{type(self).__name__}/{self.digest}"

    def positionKey(self) -> str:
        """The key of my memory. A reconfig that changes it warns of lost commits."""
        return self.key

    @property
    def digest(self) -> str:
        """A short name for my identity that is fit for keys and for names of directories."""
        return sha256(self.identity().encode("utf-8", "surrogateescape")).hexdigest()[:20]

    def wallClock(self) -> float:
        """The time of the master's clock, in seconds since the epoch."""
        changemaster: Any = self.parent
        now: float = changemaster.parent.botmaster.now()
        return now

    def parted(self, number: int, changes: Sequence[Change]) -> list[tuple[Change, Mapping[str, Any]]]:
        """The changes of one numbered revision, each with the memory to store with it.

        C{last} in it is the last revision that is passed on as a whole, C{parts} the number of changes of the
        next one.
        """
        places: list[dict[str, int]] = [
            {"last": number - 1, "parts": count} for count in range(1, len(changes))
        ]
        return [
            (change, {self.key: place})
            for change, place in zip(changes, [*places, {"last": number}], strict=False)
        ]

    async def passOn(self, changes: Sequence[tuple[Change, Mapping[str, Any]]]) -> None:
        """Pass on changes, each with the memory to store with it. Returns when all of them are stored.

        @raise StoreFailed: the master is stopping, and some could not be stored.
        """
        changemaster: Any = self.parent
        for start in range(0, len(changes), AT_ONCE):
            storing: list[Deferred[Any]] = [
                changemaster.addChange(change, state) for change, state in changes[start : start + AT_ONCE]
            ]
            for each in storing:
                await each
                self.found += 1

    def categorized(self, change: Change) -> Change:
        """Set the category of a change, as the configuration says.

        @raise PollFailed: the function of the configuration failed.
        """
        if callable(self.category):
            try:
                change.category = self.category(change)
            except PLUGIN_ERRORS as error:
                raise PollFailed(f"the function category= failed on {change.revision}: {error!r}") from error
        else:
            change.category = self.category
        return change

    def stopPoll(self, looking: Deferred[Any]) -> None:
        """End a look early. Changes on their way to the store are waited for."""
        raise NotImplementedError

    def reasonOf(self, why: Failure) -> str:
        """See L{PollingChangeSource.reasonOf}."""
        if why.check(PollFailed, StoreFailed):
            return withoutPasswords(why.getErrorMessage())
        return super().reasonOf(why)
