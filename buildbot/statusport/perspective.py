# -*- test-case-name: tests.stories.test_statusport -*-
"""The methods for status clients of all generations. All of them only read."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from twisted.spread import pb

from buildbot.status.remote import RemoteBuildSet
from buildbot.status.visit import LEAST_INTERVAL, Visit
from buildbot.statusport.follower import MODES, Follower
from buildbot.statusport.objects import RemoteBuilder, RemoteSlave
from buildbot.wire.callee import MalformedCall, NewCredPerspective, WrongArguments
from buildbot.wire.dialect import Dialect, text, word


class StatusClientPerspective(NewCredPerspective):
    """I serve one connection of a status client."""

    def __init__(self, status: Any) -> None:
        """@param status: the status of the master."""
        self._status = status
        self._visit: Visit | None = None
        self._follower: Follower | None = None
        self._unread: Callable[[], int] = int

    def perspectiveMessageReceived(self, broker: Any, message: str, args: object, kw: object) -> Any:
        """Serve a call. The first one begins the visit.

        The visit ends with the connection: old clients drop the perspective, which logs them out, and go on.
        """
        if self._visit is None:
            self._visit = Visit(Dialect.PYTHON2, broker.retire)
            self._unread = lambda: int(broker.flow.unread)
            broker.notifyOnDisconnect(self._lost)
        return super().perspectiveMessageReceived(broker, message, args, kw)

    def _lost(self) -> None:
        """The connection has ended: forget all about the client."""
        self.perspective_unsubscribe()
        self._here.end()

    @property
    def _here(self) -> Visit:
        assert self._visit is not None
        return self._visit

    def perspective_subscribe(self, mode: object, interval: object, target: object) -> None:
        """Call methods of C{target} for all that happens from now on. This ends an earlier subscription.

        @param mode: one of MODES.
        @param interval: the seconds between two estimates.
        @raise MalformedCall: an argument is of another type.
        @raise WrongArguments: there is no such mode.
        """
        wanted = word(mode)
        if not isinstance(target, pb.RemoteReference):
            raise MalformedCall("the target must be a reference")
        if not isinstance(interval, (int, float)) or not math.isfinite(interval):
            raise MalformedCall("the interval must be a number")
        if wanted not in MODES:
            raise WrongArguments(f"there is no mode {text(wanted, 40)!r}: use one of {', '.join(MODES)}")
        self.perspective_unsubscribe()
        self._here.dialect = Dialect.PYTHON3 if isinstance(mode, str) else Dialect.PYTHON2
        often = min(max(interval, LEAST_INTERVAL), 86400.0)
        self._follower = Follower(self._here, target, wanted, often, self._unread)
        self._status.subscribe(self._follower)

    def perspective_unsubscribe(self) -> None:
        """End the calls. Does nothing if there are none."""
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.stop()
            self._status.unsubscribe(follower)

    def perspective_getBuildSets(self) -> list[tuple[RemoteBuildSet, Any]]:
        """Pairs (build set, its id) of the build sets that are not finished."""
        return [
            (self._here.remote(RemoteBuildSet, each), self._here.said(each.getID()))
            for each in self._status.getBuildSets()
        ]

    def perspective_getBuilderNames(self) -> Any:
        """The names of the builders."""
        return self._here.said(self._status.getBuilderNames())

    def perspective_getBuilder(self, name: object) -> RemoteBuilder:
        """A builder. Raises L{WrongArguments} if there is none with this name."""
        try:
            return self._here.remote(RemoteBuilder, self._status.getBuilder(word(name)))
        except KeyError:
            raise WrongArguments(f"there is no builder {text(name, 100)!r}") from None

    def perspective_getSlave(self, name: object) -> RemoteSlave:
        """A slave. Raises L{WrongArguments} if there is none with this name."""
        try:
            return self._here.remote(RemoteSlave, self._status.getSlave(word(name)))
        except KeyError:
            raise WrongArguments(f"there is no slave {text(name, 100)!r}") from None

    def perspective_ping(self) -> Any:
        """Answer that the connection works."""
        return self._here.said("pong")
