# -*- test-case-name: tests.stories.test_webevents -*-
"""The growth of a log, for a client of C{/api/v1/events}: its length, at most twice a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall

from buildbot.logs.live import LogFile
from buildbot.model.completion import atEnd
from buildbot.status.topics import logOf
from buildbot.web.reading import runningBuild
from buildbot.web.world import World

#: The least seconds between two events about one log.
PAUSE = 0.5


class Growth:
    """I send the length of one log while it grows. My owner waits for a log that has not begun.

    I replay nothing: a client needs only the present length.
    """

    def __init__(self, world: World, topic: str, tell: Callable[[str, dict[str, Any]], bool]) -> None:
        """@param tell: sends the data of an event of the topic. It returns False if the client is busy."""
        self.topic = topic
        self._world = world
        self._tell = tell
        self._names = logOf(topic)
        self._log: LogFile | None = None
        self._forget: Callable[[], None] = _nothing
        self._call: IDelayedCall | None = None

    def begin(self) -> None:
        """Watch the log if it exists and grows."""
        if self._log is not None:
            return
        builder, number, step, name = self._names
        build = runningBuild(self._world, builder, number)
        for log in () if build is None else _logs(build, step):
            if log.getName() == name and not log.isFinished():
                self._log = log
                log.subscribeBytes(self)
                self._forget = atEnd(log, self._ended)
                self._soon(0)
                return

    def logBytes(self, build: object, step: object, log: LogFile, channel: int, data: bytes) -> None:
        """See L{LogFile.subscribeBytes}."""
        if self._call is None:
            self._soon(PAUSE)

    def _ended(self) -> None:
        """The log is complete. Send this even if the log began before anybody listened."""
        if self._log is not None and self._call is None:
            self._soon(0)

    def leave(self) -> None:
        """Send no more events."""
        log, self._log = self._log, None
        if log is not None:
            log.unsubscribe(self)
        self._forget()
        self._forget = _nothing
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def _soon(self, seconds: float) -> None:
        self._call = self._world.clock.callLater(seconds, self._tellNow)

    def _tellNow(self) -> None:
        self._call = None
        if self._log is not None:
            builder, number, step, name = self._names
            data = {"builder": builder, "number": number, "step": step, "log": name}
            isOver = self._log.isFinished()
            if not self._tell(self.topic, {**data, "length": self._log.written(), "finished": isOver}):
                self._soon(PAUSE)
            elif isOver:
                self._log = None


def _logs(build: Any, step: str) -> list[LogFile]:
    """The logs of a step of a running build."""
    return [log for each in build.getSteps() if each.name == step for log in each.getLogs()]


def _nothing() -> None:
    """There is no end to wait for."""
