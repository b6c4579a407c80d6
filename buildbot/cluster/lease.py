# -*- test-case-name: tests.unit.cluster.test_lease -*-
"""Who is the active master of a store, as a state machine in a table.

This module only decides. It uses no database and no clock: each event brings the time, in seconds of this
process's own monotonic clock. No rule compares the clocks of two machines.

A master that waits believes that the active one is dead after it has seen the same beat for the lease and the
grace, and has reached the same database all the time. The safety does not depend on this belief: the store
refuses each write of a master whose place was taken (L{buildbot.cluster.fence}). A wrong belief costs a
takeover, and never data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum


class Standing(Enum):
    """The place of one master."""

    WAITING = "waiting"
    TAKING = "taking"
    ACTIVE = "active"
    DOUBTFUL = "doubtful"
    ENDED = "ended"


class Event(Enum):
    """The things that a master learns."""

    LOOKED = "looked"
    TAKEN = "taken"
    REFUSED = "refused"
    BEATEN = "beaten"
    SILENCE = "silence"
    BURIED = "buried"
    LEAVE = "leave"


class Effect(Enum):
    """The actions after an event, in the order of the tuple."""

    TAKE = "take the active place"
    SERVE = "start to work as the active master"
    DOUBT = "the lease is no longer certain"
    TRUST = "the lease is certain again"
    END = "end this process: another master is active"


@dataclass(frozen=True, slots=True)
class Terms:
    """The times of one master, in seconds.

    @ivar lease: a beat of the active master is good for this time.
    """

    lease: float = 120.0

    @property
    def grace(self) -> float:
        """The time that the others wait in addition."""
        return self.lease / 4

    @property
    def patience(self) -> float:
        """The least time without a beat until another master takes the place."""
        return self.lease + self.grace

    @property
    def trust(self) -> float:
        """The time after which a master without an answer to its beats doubts its own lease."""
        return self.lease * 7 / 8

    @property
    def beat(self) -> float:
        """The time between two beats of the active master."""
        return self.lease / 12

    @property
    def look(self) -> float:
        """The time between two looks of a master that waits."""
        return min(0.5, self.lease / 12)

    @property
    def gap(self) -> float:
        """The longest time between two looks that still count as one observation.

        A master that looked less often cannot know that the database was there all the time.
        """
        return max(5 * self.look, self.lease / 4)


@dataclass(frozen=True, slots=True)
class Seen:
    """The active place, as the store has it.

    @ivar home: the directory of the active master; see L{buildbot.cluster.places}.
    @ivar incarnation: the process of the active master.
    @ivar epoch: counts the takeovers.
    @ivar beats: counts the beats of this epoch.
    @ivar lease: the seconds for which each beat is good; the active master has chosen them.
    @ivar session: the connection to the database, and the run of the database, that this was read with.
    """

    home: str
    incarnation: str
    epoch: int
    beats: int
    lease: float = 120.0
    session: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """One event.

    @ivar sent: when the question was sent whose answer this is; C{at}: when the answer came. Other events
        have the same time in both.
    @ivar seen: the active place; None if nobody has it. Only for L{Event.LOOKED}.
    """

    event: Event
    sent: float
    at: float
    seen: Seen | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """The state of one master.

    @ivar home: the directory of this master; C{incarnation}: this process.
    @ivar seen: the active place as it was last seen, while I wait.
    @ivar since: the time of the answer that showed C{seen} first; C{last}: of the latest answer.
    @ivar trusted: when the last successful beat was sent, while I am active.
    """

    home: str
    incarnation: str
    terms: Terms = Terms()
    standing: Standing = Standing.WAITING
    seen: Seen | None = None
    since: float = 0.0
    last: float = 0.0
    trusted: float = 0.0


Outcome = tuple[Lease, tuple[Effect, ...]]


def _look(now: Lease, news: News) -> Outcome:
    seen = news.seen
    if seen is not None and seen.incarnation == now.incarnation:
        return _serve(now, news)  # the answer to an earlier attempt was lost
    if seen is None or seen.home == now.home or _isDead(now, news):
        return replace(now, standing=Standing.TAKING, seen=seen), (Effect.TAKE,)
    if seen != now.seen or news.sent - now.last > now.terms.gap:
        return replace(now, seen=seen, since=news.at, last=news.at), ()
    return replace(now, last=news.at), ()


def _isDead(now: Lease, news: News) -> bool:
    """True if the active place has not changed for long enough, and was observed all the time."""
    return (
        now.seen is not None
        and news.seen == now.seen
        and news.sent - now.last <= now.terms.gap
        and news.sent - now.since >= Terms(now.seen.lease).patience
    )


def _watchAnew(now: Lease, news: News) -> Outcome:
    return replace(now, standing=Standing.WAITING, seen=None), ()


def _serve(now: Lease, news: News) -> Outcome:
    return replace(now, standing=Standing.ACTIVE, seen=None, trusted=news.sent), (Effect.SERVE,)


def _beat(now: Lease, news: News) -> Outcome:
    return replace(now, trusted=max(now.trusted, news.sent)), ()


def _trustAgain(now: Lease, news: News) -> Outcome:
    if news.at - news.sent >= now.terms.trust:
        return now, ()  # an old answer: it says nothing about now
    return replace(now, standing=Standing.ACTIVE, trusted=news.sent), (Effect.TRUST,)


def _doubt(now: Lease, news: News) -> Outcome:
    if news.at - now.trusted < now.terms.trust:
        return now, ()
    return replace(now, standing=Standing.DOUBTFUL), (Effect.DOUBT,)


def _end(now: Lease, news: News) -> Outcome:
    return replace(now, standing=Standing.ENDED), (Effect.END,)


def _leave(now: Lease, news: News) -> Outcome:
    return replace(now, standing=Standing.ENDED), ()


#: (standing, event) -> rule. All other events change nothing.
TRANSITIONS: dict[tuple[Standing, Event], Callable[[Lease, News], Outcome]] = {
    (Standing.WAITING, Event.LOOKED): _look,
    (Standing.WAITING, Event.SILENCE): _watchAnew,
    (Standing.TAKING, Event.TAKEN): _serve,
    (Standing.TAKING, Event.REFUSED): _watchAnew,
    (Standing.TAKING, Event.SILENCE): _watchAnew,
    (Standing.ACTIVE, Event.BEATEN): _beat,
    (Standing.ACTIVE, Event.SILENCE): _doubt,
    (Standing.DOUBTFUL, Event.BEATEN): _trustAgain,
    (Standing.ACTIVE, Event.BURIED): _end,
    (Standing.DOUBTFUL, Event.BURIED): _end,
    (Standing.WAITING, Event.LEAVE): _leave,
    (Standing.TAKING, Event.LEAVE): _leave,
    (Standing.ACTIVE, Event.LEAVE): _leave,
    (Standing.DOUBTFUL, Event.LEAVE): _leave,
}


def advance(now: Lease, news: News) -> Outcome:
    """Apply an event to the state of a master.

    @return: the new state, and the effects to perform in this order. An event without a rule returns C{now}
        itself and no effects.
    """
    rule = TRANSITIONS.get((now.standing, news.event))
    return (now, ()) if rule is None else rule(now, news)
