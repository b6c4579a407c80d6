# -*- test-case-name: tests.unit.process.test_queue -*-
"""Which waiting request meets which idle slave, and why a request still waits.

Nothing here starts a build or keeps a queue: requests and slaves of a builder come in, a choice comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from buildbot.model.sourcestamp import SourceStamp
from buildbot.text.plural import counted


class Waiting(Protocol):
    """
    What a request must have to be served here.

    C{submitted} is in seconds since the epoch; C{lostOn} holds the names of the slaves that were lost while
    they built for it.
    """

    @property
    def submitted(self) -> float: ...

    @property
    def source(self) -> SourceStamp: ...

    @property
    def lostOn(self) -> Collection[str]: ...


class Candidate(Protocol):
    """What a slave must have to be chosen here; see L{SlaveSight} for what it means."""

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
class SlaveSight:
    """
    One slave as one builder sees it now.

    @ivar attached: it is connected and ready to build for this builder.
    @ivar away: since when it has not been, in seconds since the epoch; None if it never was there.
    @ivar trouble: why it cannot make this very builder; empty if it can, or is not attached.
    @ivar paused: why nothing new starts on it: a reason, "" if nobody gave one, None if it is not paused.
    @ivar busy: it builds for this very builder: that is done one at a time.
    @ivar running: how many builds it runs, of all builders.
    @ivar maxBuilds: how many it may run at a time; None: no limit.
    @ivar used: when a build last started there; 0 if none did.
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

    @property
    def isFull(self) -> bool:
        """Whether it runs as many builds as it may."""
        return self.maxBuilds is not None and self.running >= self.maxBuilds

    @property
    def isIdle(self) -> bool:
        """Whether a build could start here at once."""
        return self.attached and self.paused is None and not self.busy and not self.isFull


def canShareBuild(one: Waiting, other: Waiting) -> bool:
    """Whether one build may serve two requests of a builder: if it is of the source that both want."""
    return one.source.canBeMergedWith(other.source)


def nextBuild(
    pending: Iterable[_Request],
    slaves: Iterable[_Slave],
    canMerge: Callable[[_Request, _Request], bool] = canShareBuild,
) -> tuple[_Slave, list[_Request]] | None:
    """
    The next build of one builder: where it runs, and the requests that it serves, the oldest first.

    The oldest request is served now if any slave is idle; nothing passes it by. All others that can be
    merged with it join it. A slave that was lost with one of them is taken only if no other is idle; then
    the one that runs least is, then the one that has rested longest.

    @param pending: the builder's requests, the oldest first; not gone through if no slave is idle.
    @param slaves: the builder's slaves, or only those that may be idle; of equally good ones the first is
        taken.
    @param canMerge: says the same whichever request comes first, and of any two that both go with a third.
    @return: None if nothing can start.
    """
    idle = [slave for slave in slaves if slave.isIdle]
    waiting = list(pending) if idle else []
    if not waiting:
        return None
    first, *others = waiting
    merged = [first, *(other for other in others if canMerge(first, other))]
    lostOn = {name for request in merged for name in request.lostOn}
    return min(idle, key=lambda slave: (slave.name in lostOn, slave.running, slave.used)), merged


def whyWaiting(slaves: Sequence[SlaveSight]) -> str:
    """
    Why the next request of a builder with these slaves does not start, in words for people.

    A slave that is several things at once is called by what must be mended first.
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


def _state(slave: SlaveSight) -> str:
    if slave.trouble:
        return f"cannot use this builder ({slave.trouble})"
    paused = f"paused ({slave.paused})" if slave.paused else "paused"
    if not slave.attached:
        gone = "not seen since the master started"
        if slave.away is not None:
            gone = f"offline since {_clock(slave.away)}"
        return gone if slave.paused is None else f"{gone}, and {paused}"
    if slave.paused is not None:
        return paused
    if slave.busy:
        return "building for this builder"
    return f"busy with {counted(slave.running, 'build')}, the most it may run"


def _clock(when: float) -> str:
    return datetime.fromtimestamp(when).strftime("%Y-%m-%d %H:%M:%S")
