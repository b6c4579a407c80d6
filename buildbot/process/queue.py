# -*- test-case-name: tests.unit.process.test_queue -*-
"""Choose the next request of a builder and an idle slave for it, and explain why a request waits.

These are functions of values: they do not start builds or keep a queue.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from buildbot.model.sourcestamp import SourceStamp
from buildbot.text.plural import counted


class Waiting(Protocol):
    """The part of a request that the choice uses.

    C{submitted} is in seconds since the epoch. C{lostOn} has the names of the slaves that were lost during a
    build of the request. C{isChosen} is True if a build of it is being prepared.
    """

    @property
    def isChosen(self) -> bool: ...

    @property
    def submitted(self) -> float: ...

    @property
    def source(self) -> SourceStamp: ...

    @property
    def lostOn(self) -> Collection[str]: ...


class Candidate(Protocol):
    """The part of a slave that the choice uses; L{SlaveView} explains the attributes."""

    @property
    def name(self) -> str: ...

    @property
    def isIdle(self) -> bool: ...

    @property
    def running(self) -> int: ...

    @property
    def used(self) -> float: ...


_Request = TypeVar("_Request", bound=Waiting)
_Slave = TypeVar("_Slave", bound=Candidate)


@dataclass(frozen=True)
class SlaveView:
    """The state of one slave for one builder.

    @ivar attached: True if it is connected and ready to build for this builder.
    @ivar away: the time it was lost, in seconds since the epoch; None if it was never connected.
    @ivar trouble: the reason why this builder is unusable there; empty if it is usable.
    @ivar paused: the reason of the pause; "" without a reason, None if it is not paused.
    @ivar busy: True if it builds for this builder: at most one build at a time.
    @ivar running: the number of running builds, of all builders.
    @ivar maxBuilds: the most builds at a time; None: no limit.
    @ivar used: the time of the last start of a build there; 0 if there was none.
    @ivar instance: the state of a latent slave that is not usable now, in words; empty for others.
    """

    name: str
    attached: bool = True
    away: float | None = None
    paused: str | None = None
    busy: bool = False
    running: int = 0
    maxBuilds: int | None = None
    used: float = 0.0
    trouble: str = ""
    instance: str = ""

    @property
    def isFull(self) -> bool:
        """True if it runs the most builds allowed."""
        return self.maxBuilds is not None and self.running >= self.maxBuilds

    @property
    def isIdle(self) -> bool:
        """True if a build could start at once."""
        usable = self.attached and not self.instance
        return usable and self.paused is None and not self.busy and not self.isFull


def canShareBuild(one: Waiting, other: Waiting) -> bool:
    """The default rule: one build may serve two requests if their sources can be merged."""
    return one.source.canBeMergedWith(other.source)


def nextBuild(
    pending: Iterable[_Request],
    slaves: Iterable[_Slave],
    canMerge: Callable[[_Request, _Request], bool] = canShareBuild,
) -> tuple[_Slave, list[_Request]] | None:
    """Choose the slave and the requests for a builder's next build.

    The oldest request is always served first. All requests that can be merged with it join it. Slaves are
    ranked: first those that were not lost during a build of these requests, then those with fewer running
    builds, then those idle for longer.

    @param pending: the builder's requests, oldest first; not iterated if no slave is idle. Those that were
        chosen before are skipped.
    @param slaves: the builder's slaves, or only the ones that may be idle. Among equals, the first is chosen.
    @param canMerge: a symmetric rule; two requests that can be merged with a third can be merged with each
        other.
    @return: the slave and the requests, oldest first; None if no build can start.
    """
    idle = [slave for slave in slaves if slave.isIdle]
    waiting = [request for request in pending if not request.isChosen] if idle else []
    if not waiting:
        return None
    first, *others = waiting
    merged = [first, *[other for other in others if canMerge(first, other)]]
    return bestSlave(idle, merged), merged


def bestSlave(idle: Sequence[_Slave], requests: Iterable[Waiting]) -> _Slave:
    """The best of some idle slaves for a build of these requests: see L{nextBuild}."""
    if len(idle) == 1:
        return idle[0]
    lostOn = {name for request in requests for name in request.lostOn}
    return min(idle, key=lambda slave: (slave.name in lostOn, slave.running, slave.used))


def isHopeless(slaves: Sequence[SlaveView]) -> bool:
    """True if no slave can ever build for a builder with these slaves: waiting does not help.

    It has no slave, or each of its slaves has refused the builder.
    """
    return all(slave.trouble for slave in slaves)


def whyWaiting(slaves: Sequence[SlaveView]) -> str:
    """The reason why the next request of a builder with these slaves waits, in words for people.

    For a slave with several reasons, the one to fix first is shown.
    """
    if not slaves:
        return "no slave builds for this builder"
    if any(slave.isIdle for slave in slaves):
        return "about to start"
    groups: dict[str, list[str]] = {}
    for slave in slaves:
        groups.setdefault(_state(slave), []).append(slave.name)
    return "; ".join(
        f"slave{'s' * (len(names) > 1)} {', '.join(names)}: {state}" for state, names in groups.items()
    )


def _state(slave: SlaveView) -> str:
    if slave.trouble:
        return f"cannot use this builder ({slave.trouble})"
    paused = f"paused ({slave.paused})" if slave.paused else "paused"
    if slave.instance:
        return slave.instance if slave.paused is None else f"{slave.instance}, and {paused}"
    if not slave.attached:
        gone = "not seen since the master started"
        if slave.away is not None:
            gone = f"offline since {_clock(slave.away)}"
        return gone if slave.paused is None else f"{gone}, and {paused}"
    if slave.paused is not None:
        return paused
    if slave.busy:
        return "building for this builder"
    return f"busy with {counted(slave.running, 'build')}, which is the limit"


def _clock(when: float) -> str:
    return datetime.fromtimestamp(when).strftime("%Y-%m-%d %H:%M:%S")
