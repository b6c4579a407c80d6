# -*- test-case-name: tests.unit.readers.test_following -*-
"""Follow the master: ask again and again what has changed, and notice when it is away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.control.client import ControlError, NotRunning
from buildbot.events.alarm import Alarm
from buildbot.events.sleep import sleep
from buildbot.status.topics import MASTER, QUEUE

log = Logger()

#: The topics whose events may change why requests wait.
_QUEUE = frozenset((QUEUE, MASTER))
#: The least seconds between two questions. So an answer has everything of this time.
PACE = 0.1
#: How many seconds longer that is for each told builder, build and slave, and the most seconds. So telling
#: takes a few percent of the master's time at most, however much happens there.
EACH, LONGEST = 0.002, 1.0
#: The most seconds until an answer, if nothing has happened; and while this process waits for what is no
#: event: the store has a build that has ended, or a slave has accepted its list of builders.
WAIT, SHORT_WAIT = 10.0, 0.25
#: The least seconds between two questions for all reasons why requests wait.
REASONS = 2.0
#: Seconds until the next question while the master is away.
RETRY = 1.0
#: The most seconds until an answer: else the master counts as away.
PATIENCE = WAIT + 20.0
#: The most seconds that an answer waits until this process knows its effect.
CATCH_UP = 3.0


class OutOfStep(Exception):
    """The master tells of something that was never told before: ask for everything."""


class OtherRelease(Exception):
    """The master and this process are of different releases; the message is for people."""


class Follower(Protocol):
    """It takes what the master tells."""

    async def take(self, told: Mapping[str, Any]) -> None:
        """Take one answer.

        @raise OutOfStep: it does not fit to the ones before.
        @raise OtherRelease: it cannot be understood.
        """

    def away(self, why: str) -> None:
        """The master does not answer. Called once each time."""


class Picture(Protocol):
    """What is known of the master: a L{buildbot.readers.mirror.Mirror}."""

    @property
    def known(self) -> int:
        """The highest number of a request that it has told."""

    @property
    def unsettled(self) -> Sequence[str]:
        """The builders to be told again."""

    @property
    def pending(self) -> Sequence[str]:
        """The slaves to be told again."""

    @property
    def wanted(self) -> Sequence[int]:
        """The requests to be told, by their numbers."""


class Following:
    """I ask the master, and pass on what it tells.

    @ivar lastId: the last event that was taken; "" before the first one.
    @ivar logins: the number of changes of sessions that was taken.
    """

    def __init__(
        self,
        ask: Callable[[str, dict[str, Any], float], Awaitable[Any]],
        follower: Follower,
        picture: Picture,
        clock: IReactorTime,
        name: str = "",
    ) -> None:
        """@param ask: see L{buildbot.readers.link.Link.ask}.
        @param picture: what is known.
        @param name: of this process, for the C{status} of the master.
        """
        self._name = name
        self._ask = ask
        self._follower = follower
        self._picture = picture
        self._clock = clock
        self._isAway = False
        self._first: Deferred[None] | None = Deferred()
        self._waiting: dict[Deferred[None], tuple[str, int]] = {}
        self._pause: Deferred[None] | None = None
        self._isStopped = False
        self._isQueueTouched = True  # there may be other reasons why requests wait
        self._reasonsAt = -REASONS
        self._since = ""
        self.lastId = ""
        self.logins = -1

    def first(self) -> Deferred[None]:
        """Fires when the first question was answered, or could not be. Call it once, before L{run}."""
        assert self._first is not None
        return self._first

    async def run(self) -> None:
        """Follow until L{stop}."""
        while not self._isStopped:
            began = self._clock.seconds()
            try:
                pause = await self._once()
            except PLUGIN_ERRORS:
                log.failure("what the master tells cannot be shown")
                self._since, pause = "", RETRY
            first, self._first = self._first, None
            if first is not None:
                first.callback(None)
            left = max(0.0, began + pause - self._clock.seconds())
            if not self._isStopped:
                self._pause = sleep(self._clock, left)
                try:
                    await self._pause
                except CancelledError:
                    return

    def stop(self) -> None:
        """Ask no more."""
        self._isStopped = True
        if self._pause is not None:
            self._pause.cancel()

    async def _once(self) -> float:
        """Ask once. Returns the seconds from this question to the next one."""
        began = self._clock.seconds()
        left = max(0.0, self._reasonsAt + REASONS - began) if self._isQueueTouched else WAIT
        asked = {
            "since": self._since,
            "why": not left,
            "wait": SHORT_WAIT if self._picture.unsettled or self._picture.pending else left or WAIT,
            "known": self._picture.known,
            "logins": self.logins,
            "unsettled": self._picture.unsettled,
            "pending": self._picture.pending,
            "wanted": self._picture.wanted,
            "reader": self._name,
        }
        try:
            told = await self._ask("follow", asked, PATIENCE)
        except (NotRunning, ControlError) as why:
            self._lost("no master runs there" if isinstance(why, NotRunning) else str(why))
            return RETRY
        try:
            await self._follower.take(told)
        except OutOfStep as why:
            log.info("asking the master for everything again: it tells of {what}, which is new", what=why)
            self._since = ""
            return PACE
        except OtherRelease as why:
            self._lost(str(why))
            return RETRY
        if self._isAway:
            self._isAway = False
            log.info("the master is back")
        if asked["why"]:
            self._reasonsAt, self._isQueueTouched = began, False
        if not _QUEUE.isdisjoint(told["touched"]):
            self._isQueueTouched = True
        self._since = self.lastId = told["lastId"]
        self.logins = told["logins"]
        self._tell()
        size = sum(len(told[each]) for each in ("builders", "builds", "slaves"))
        return min(LONGEST, PACE + EACH * size)

    def _lost(self, why: str) -> None:
        self._since = ""
        if not self._isAway and not self._isStopped:
            self._isAway = True
            self._follower.away(why)

    # those who wait for an effect

    async def caughtUp(self, lastId: str, logins: int) -> None:
        """Wait until an event, and a number of changes of sessions, were taken; not for long."""
        if self._isReached(lastId, logins):
            return
        reached: Deferred[None] = Deferred()
        self._waiting[reached] = (lastId, logins)

        def enough() -> None:
            if self._waiting.pop(reached, None) is not None:
                reached.callback(None)

        late = Alarm(enough)
        late.set(self._clock, CATCH_UP)
        try:
            await reached
        finally:
            late.stop()

    def _tell(self) -> None:
        for each, (lastId, logins) in list(self._waiting.items()):
            if self._isReached(lastId, logins):
                del self._waiting[each]
                each.callback(None)

    def _isReached(self, lastId: str, logins: int) -> bool:
        epoch, _, number = lastId.rpartition("-")
        mine, _, reached = self.lastId.rpartition("-")
        return mine == epoch and int(reached or 0) >= int(number or 0) and self.logins >= logins
