# -*- test-case-name: tests.stories.test_statusport -*-
"""The objects that only status clients get: builders, slaves, and events of builders.

L{buildbot.status.remote} has build sets, builds, steps and logs.
"""

from __future__ import annotations

from typing import Any

from twisted.spread import pb

from buildbot.status.remote import Remote, RemoteBuild
from buildbot.store.interface import StoreFailed
from buildbot.wire.callee import MalformedCall


class NotReadable(pb.Error):
    """The store cannot be read now. The text is for the user of the client."""


def _wholeNumber(value: object) -> int:
    """A number of a build or an event, from a client. Raises L{MalformedCall}."""
    if not isinstance(value, int) or abs(value) > 1 << 31:
        raise MalformedCall("a number must be an int")
    return value


class RemoteBuilder(Remote):
    """A builder."""

    isLasting = True

    def remote_getName(self) -> Any:
        """The name."""
        return self._text(self._status.getName())

    def remote_getCategory(self) -> Any:
        """The category; or None."""
        return self._text(self._status.getCategory())

    def remote_getState(self) -> Any:
        """The state ("offline", "idle" or "building"), None, and the running builds."""
        state, builds = self._status.getState()
        return self._text(state), None, [self._build(each) for each in builds]

    def remote_getSlaves(self) -> list[RemoteSlave]:
        """Its slaves."""
        return [self._visit.remote(RemoteSlave, each) for each in self._status.getSlaves()]

    def remote_getLastFinishedBuild(self) -> RemoteBuild | None:
        """The last finished build; or None."""
        return self._build(self._status.getLastFinishedBuild())

    def remote_getCurrentBuilds(self) -> list[RemoteBuild | None]:
        """The running builds."""
        return [self._build(each) for each in self._status.getCurrentBuilds()]

    async def remote_getBuild(self, number: object) -> RemoteBuild | None:
        """The build with a number; -1 is the newest. None if there is none.

        @raise NotReadable: the store cannot be read.
        """
        try:
            return self._build(await self._status.fetchBuild(_wholeNumber(number)))
        except StoreFailed:
            raise NotReadable("the master cannot read its builds now") from None

    def remote_getEvent(self, number: object) -> RemoteEvent | None:
        """The event with a number; -1 is the newest. None if there is none."""
        event = self._status.getEvent(_wholeNumber(number))
        return None if event is None else self._visit.remote(RemoteEvent, event)


class RemoteSlave(Remote):
    """A slave."""

    isLasting = True

    def remote_getName(self) -> Any:
        """The name."""
        return self._text(self._status.getName())

    def remote_getAdmin(self) -> Any:
        """Who cares for it; or None."""
        return self._text(self._status.getAdmin())

    def remote_getHost(self) -> Any:
        """A description of its host; or None."""
        return self._text(self._status.getHost())

    def remote_isConnected(self) -> bool:
        """True if it is connected."""
        return bool(self._status.isConnected())


class RemoteEvent(Remote):
    """An event of a builder."""

    def remote_getTimes(self) -> Any:
        """The pair (start, end); None for a time to come."""
        return self._status.getTimes()

    def remote_getText(self) -> Any:
        """Words about it."""
        return self._text(list(self._status.getText()))

    def remote_getColor(self) -> Any:
        """The colour of 0.7.5 for it."""
        return self._text(self._status.getColor())
