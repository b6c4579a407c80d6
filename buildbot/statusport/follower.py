# -*- test-case-name: tests.stories.test_statusport -*-
"""Tell one status client what happens, in as much detail as it wants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.spread import pb

from buildbot.interfaces import LOG_CHANNEL_HEADER
from buildbot.status.base import StatusReceiver
from buildbot.status.remote import RemoteBuild, RemoteBuildStep, RemoteLog
from buildbot.status.visit import Visit
from buildbot.statusport.objects import RemoteBuilder

#: What a client can subscribe to. Each mode includes those before it.
MODES = BUILDERS, BUILDS, STEPS, LOGS, FULL = ("builders", "builds", "steps", "logs", "full")
#: The most characters of output in one message: PB sends no text of more than 640 KiB.
_PIECE = 100_000
#: Output is left out while the client has more unread bytes. At UNREAD_AFTER_LOGIN of L{buildbot.wire.flow},
#: it is disconnected.
UNREAD = 1 << 20


class Follower(StatusReceiver):
    """I am a status receiver, and call the methods of one client. The calls have the shapes of 0.7.5."""

    def __init__(
        self,
        visit: Visit,
        client: pb.RemoteReference,
        mode: str,
        interval: float,
        unread: Callable[[], int],
    ) -> None:
        """@param mode: one of MODES.
        @param interval: the seconds between two estimates.
        @param unread: returns the number of bytes that the client leaves unread.
        """
        self._visit = visit
        self._client = client
        self._depth = MODES.index(mode)
        self._interval = interval
        self._unread = unread
        self._leftOut: dict[Any, int] = {}  # log -> characters
        self._isOver = False
        self._known: set[str] = set()  # the names of the builders that are told

    def stop(self) -> None:
        """Tell nothing more."""
        self._isOver = True

    def _tell(self, message: str, *news: Any) -> None:
        if not self._isOver:
            self._visit.tell(self._client, message, *news)

    def _wants(self, mode: str) -> bool:
        return not self._isOver and self._depth >= MODES.index(mode)

    # as a receiver of status

    def builderAdded(self, builderName: str, builder: Any) -> Any:
        """There is a builder."""
        self._known.add(builderName)
        self._tell("builderAdded", builderName, self._visit.remote(RemoteBuilder, builder))
        return self if self._wants(BUILDS) else None

    def builderRemoved(self, builderName: str) -> None:
        """A builder has gone."""
        self._known.discard(builderName)
        self._tell("builderRemoved", builderName)

    def builderChangedState(self, builderName: str, state: str) -> None:
        """A builder has another state. Clients expect a third argument, which was an estimate once."""
        if builderName in self._known:
            self._tell("builderChangedState", builderName, state, None)

    def buildStarted(self, builderName: str, build: Any) -> Any:
        """A build has started."""
        self._tell("buildStarted", builderName, self._visit.remote(RemoteBuild, build))
        return (self, self._interval) if self._wants(STEPS) else None

    def buildFinished(self, builderName: str, build: Any, results: int) -> None:
        """A build has ended."""
        self._tell("buildFinished", builderName, self._visit.remote(RemoteBuild, build), results)

    def buildETAUpdate(self, build: Any, ETA: float | None) -> None:
        """There is a new estimate. Old clients do not accept None for an unknown one."""
        if ETA is not None:
            self._tell("buildETAUpdate", *self._ofBuild(build), ETA)

    def stepStarted(self, build: Any, step: Any) -> Any:
        """A step has started."""
        self._tell("stepStarted", *self._ofStep(build, step))
        return (self, self._interval) if self._wants(LOGS) else None

    def stepFinished(self, build: Any, step: Any, results: Any) -> None:
        """A step has ended."""
        self._tell("stepFinished", *self._ofStep(build, step), results)

    def stepETAUpdate(self, build: Any, step: Any, ETA: float | None, expectations: Any) -> None:
        """There is a new estimate for a step."""
        self._tell("stepETAUpdate", *self._ofStep(build, step), ETA, expectations)

    def logStarted(self, build: Any, step: Any, log: Any) -> Any:
        """A log has been opened."""
        self._tell("logStarted", *self._ofLog(build, step, log))
        return self if self._wants(FULL) else None

    def logFinished(self, build: Any, step: Any, log: Any) -> None:
        """A log is complete."""
        told = self._ofLog(build, step, log)
        self._tellLeftOut(log, told)
        self._tell("logFinished", *told)

    def logChunk(self, build: Any, step: Any, log: Any, channel: int, text: str) -> None:
        """There is output. If a build writes faster than a client reads, a note stands for the output."""
        if self._isOver:
            return
        if self._unread() > UNREAD:
            self._leftOut[log] = self._leftOut.get(log, 0) + len(text)
        else:
            told = self._ofLog(build, step, log)
            self._tellLeftOut(log, told)
            for start in range(0, len(text), _PIECE):
                self._tell("logChunk", *told, channel, text[start : start + _PIECE])

    def _tellLeftOut(self, log: Any, told: tuple[Any, ...]) -> None:
        count = self._leftOut.pop(log, 0)
        if count:
            note = f"({count} characters are left out here: the client reads too slowly)\n"
            self._tell("logChunk", *told, LOG_CHANNEL_HEADER, note)

    def _ofBuild(self, build: Any) -> tuple[Any, ...]:
        return build.getBuilder().getName(), self._visit.remote(RemoteBuild, build)

    def _ofStep(self, build: Any, step: Any) -> tuple[Any, ...]:
        return *self._ofBuild(build), step.getName(), self._visit.remote(RemoteBuildStep, step)

    def _ofLog(self, build: Any, step: Any, log: Any) -> tuple[Any, ...]:
        """As the clients expect it, a log of HTML has a name only."""
        reference = None if log.isHTML else self._visit.remote(RemoteLog, log)
        return *self._ofStep(build, step), log.getName(), reference
