# -*- test-case-name: tests.unit.slaves.test_attachment -*-
"""The attachment of one slave name, as a state machine in a table.

This module only decides. It uses no connection and no clock. L{buildbot.slaves.driver.AttachmentDriver}
performs the effects.

Every event names the connection (the I{peer}) that it comes from. An event of a connection that is not being
served changes nothing. So a late loss of an old connection cannot harm the new one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Generic, TypeVar

#: A connection. The machine only compares connections with each other.
_Peer = TypeVar("_Peer")


class State(Enum):
    """The state of a slave name."""

    ABSENT = "absent"
    ASKING = "asking"
    OFFERING = "offering"
    READY = "ready"
    CLOSING = "closing"
    DISPLACING = "displacing"


class Event(Enum):
    """Events of a slave name."""

    CONNECTED = "connected"
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    CHANGED = "builders changed"
    FAILED = "failed"
    CLOSE = "close"
    LOST = "lost"


class Effect(Enum):
    """The actions after an event, in the order of the tuple."""

    ASK = "send the first volley: who are you"
    OFFER = "send the second volley, or a changed builder list"
    ATTACH = "publish the slave, attach its builders, answer its login"
    TAKE_BACK = "take the builders back"
    HANG_UP = "cut the served connection"
    HANG_UP_WAITING = "cut the connection that waited for its turn"


@dataclass(frozen=True, slots=True)
class Attachment(Generic[_Peer]):
    """The state of one slave name.

    @ivar peer: the connection being served; None only when ABSENT.
    @ivar waiting: the newer connection that is served once C{peer} is gone;
        not None only when DISPLACING.
    """

    state: State = State.ABSENT
    peer: _Peer | None = None
    waiting: _Peer | None = None

    @property
    def served(self) -> _Peer:
        """C{peer}, for callers who know that the state is not ABSENT."""
        assert self.peer is not None, self.state
        return self.peer


ABSENT: Attachment[Any] = Attachment()

Outcome = tuple[Attachment[_Peer], tuple[Effect, ...]]
_BUSY = (State.ASKING, State.OFFERING, State.READY, State.CLOSING)


def _ask(now: Attachment[_Peer], peer: _Peer) -> Outcome[_Peer]:
    return Attachment(State.ASKING, peer), (Effect.ASK,)


def _displace(now: Attachment[_Peer], peer: _Peer) -> Outcome[_Peer]:
    cut = () if now.state is State.CLOSING else (Effect.HANG_UP,)
    return Attachment(State.DISPLACING, now.peer, peer), cut


def _replaceWaiting(now: Attachment[_Peer], peer: _Peer) -> Outcome[_Peer]:
    return replace(now, waiting=peer), (Effect.HANG_UP_WAITING,)


def _offer(now: Attachment[_Peer], peer: _Peer) -> Outcome[_Peer]:
    return replace(now, state=State.OFFERING), (Effect.OFFER,)


def _offerAgain(now: Attachment[_Peer], peer: _Peer) -> Outcome[_Peer]:
    return now, (Effect.OFFER,)


def _attach(now: Attachment[_Peer], peer: _Peer) -> Outcome[_Peer]:
    return replace(now, state=State.READY), (Effect.ATTACH,)


def _close(now: Attachment[_Peer], peer: _Peer) -> Outcome[_Peer]:
    return Attachment(State.CLOSING, now.peer), (Effect.HANG_UP,)


def _closeBoth(now: Attachment[_Peer], peer: _Peer) -> Outcome[_Peer]:
    return Attachment(State.CLOSING, now.peer), (Effect.HANG_UP_WAITING,)


def _gone(now: Attachment[_Peer], peer: _Peer) -> Outcome[_Peer]:
    return ABSENT, (Effect.TAKE_BACK,)


def _nextInLine(now: Attachment[_Peer], peer: _Peer) -> Outcome[_Peer]:
    return Attachment(State.ASKING, now.waiting), (Effect.TAKE_BACK, Effect.ASK)


#: (state, event) -> rule, for the connection being served. All other events change nothing. CONNECTED comes
#: from a new connection, all others come from the one being served.
TRANSITIONS: dict[tuple[State, Event], Callable[[Attachment[Any], Any], Outcome[Any]]] = {
    (State.ABSENT, Event.CONNECTED): _ask,
    **{(state, Event.CONNECTED): _displace for state in _BUSY},
    (State.DISPLACING, Event.CONNECTED): _replaceWaiting,
    (State.ASKING, Event.ANSWERED): _offer,
    (State.OFFERING, Event.ACCEPTED): _attach,
    (State.OFFERING, Event.CHANGED): _offerAgain,
    (State.READY, Event.CHANGED): _offerAgain,
    (State.ASKING, Event.FAILED): _close,
    (State.OFFERING, Event.FAILED): _close,
    (State.READY, Event.FAILED): _close,
    (State.ASKING, Event.CLOSE): _close,
    (State.OFFERING, Event.CLOSE): _close,
    (State.READY, Event.CLOSE): _close,
    (State.DISPLACING, Event.CLOSE): _closeBoth,
    **{(state, Event.LOST): _gone for state in _BUSY},
    (State.DISPLACING, Event.LOST): _nextInLine,
}


def advance(now: Attachment[_Peer], event: Event, peer: _Peer) -> Outcome[_Peer]:
    """Apply C{event} of the connection C{peer} to the attachment C{now}.

    @return: the new attachment, and the effects to perform in this order. An event without a rule returns
        C{now} itself and no effects.
    """
    if event is Event.CONNECTED:
        if peer is now.peer or peer is now.waiting:
            return now, ()
    elif peer is not now.peer:
        if event is Event.LOST and peer is now.waiting and peer is not None:
            return replace(now, state=State.CLOSING, waiting=None), ()
        return now, ()
    rule = TRANSITIONS.get((now.state, event))
    return rule(now, peer) if rule else (now, ())
