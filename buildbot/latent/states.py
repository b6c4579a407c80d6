# -*- test-case-name: tests.unit.latent.test_states -*-
"""The instance of one latent slave, as a state machine in a table.

This module only decides. It uses no process, no store and no clock.
L{buildbot.latent.instance.Instance} performs the effects.

Two promises are in the table. A start comes only after the store has the note about it. A note is deleted
only after a stop that succeeded, or if nothing was started.
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """The state of an instance, in words for people."""

    OFF = "can be started"
    NOTING = "about to start"
    STARTING = "starting"
    EARLY = "starting, and connected"
    AWAITED = "started, not connected yet"
    READY = "started"
    LEAVING = "started, and stops after its builds"
    ABORTING = "stopping the start"
    STOPPING = "stopping"
    UNSTOPPED = "could not be stopped"
    FORGETTING = "stopped"
    RESTING = "not started again yet"


class Event(Enum):
    """Events of an instance."""

    WANTED = "a build needs it"
    NOTED = "the store has the note"
    NOT_NOTED = "the store cannot have the note"
    STARTED = "the start has succeeded"
    NOT_STARTED = "the start has failed"
    ATTACHED = "the slave has attached"
    LOST = "the slave is lost"
    LATE = "the slave does not attach in time"
    LEAVE = "no further builds are to start"
    STOP = "it is to stop"
    STOPPED = "the stop has succeeded"
    NOT_STOPPED = "the stop has failed"
    AGAIN = "it is time for another attempt"
    FORGOTTEN = "the note is deleted"


class Effect(Enum):
    """The actions after an event, in the order of the tuple."""

    NOTE = "write into the store that it is about to start"
    START = "start it"
    KEEP = "write into the store that it has started"
    ADMIT = "offer the slave to the builders"
    ABORT = "end the start"
    PART = "disconnect the slave"
    STOP = "stop it"
    COMPLAIN = "show the trouble, and set the time of the next attempt"
    FORGET = "delete the note"
    REST = "end the trouble, and wait if the start has failed"
    ASK = "ask the builders whether they need it"


Outcome = tuple[State, tuple[Effect, ...]]

_STOP: Outcome = (State.STOPPING, (Effect.STOP,))
_PART: Outcome = (State.STOPPING, (Effect.PART, Effect.STOP))
_ABORT: Outcome = (State.ABORTING, (Effect.ABORT,))
_CUT: Outcome = (State.ABORTING, (Effect.PART, Effect.ABORT))

#: (state, event) -> the new state and the effects. All other events change nothing.
TRANSITIONS: dict[tuple[State, Event], Outcome] = {
    (State.OFF, Event.WANTED): (State.NOTING, (Effect.NOTE,)),
    (State.NOTING, Event.NOTED): (State.STARTING, (Effect.START,)),
    (State.NOTING, Event.NOT_NOTED): (State.FORGETTING, (Effect.FORGET,)),
    (State.NOTING, Event.STOP): (State.FORGETTING, (Effect.FORGET,)),
    (State.STARTING, Event.STARTED): (State.AWAITED, (Effect.KEEP,)),
    (State.STARTING, Event.ATTACHED): (State.EARLY, ()),
    (State.STARTING, Event.NOT_STARTED): _STOP,
    (State.STARTING, Event.LATE): _ABORT,
    (State.STARTING, Event.STOP): _ABORT,
    (State.EARLY, Event.STARTED): (State.READY, (Effect.KEEP, Effect.ADMIT)),
    (State.EARLY, Event.LOST): (State.STARTING, ()),
    (State.EARLY, Event.NOT_STARTED): _PART,
    (State.EARLY, Event.LATE): _CUT,
    (State.EARLY, Event.STOP): _CUT,
    (State.AWAITED, Event.ATTACHED): (State.READY, (Effect.ADMIT,)),
    (State.AWAITED, Event.LATE): _STOP,
    (State.AWAITED, Event.STOP): _STOP,
    (State.READY, Event.LEAVE): (State.LEAVING, ()),
    (State.READY, Event.LOST): _STOP,
    (State.READY, Event.STOP): _PART,
    (State.LEAVING, Event.LOST): _STOP,
    (State.LEAVING, Event.STOP): _PART,
    (State.ABORTING, Event.STARTED): _STOP,
    (State.ABORTING, Event.NOT_STARTED): _STOP,
    (State.STOPPING, Event.STOPPED): (State.FORGETTING, (Effect.FORGET,)),
    (State.STOPPING, Event.NOT_STOPPED): (State.UNSTOPPED, (Effect.COMPLAIN,)),
    (State.UNSTOPPED, Event.AGAIN): _STOP,
    (State.UNSTOPPED, Event.STOP): _STOP,
    (State.FORGETTING, Event.FORGOTTEN): (State.RESTING, (Effect.REST,)),
    (State.RESTING, Event.AGAIN): (State.OFF, (Effect.ASK,)),
}

#: The states in which the master waits for the slave: nobody starts it a second time.
COMING = frozenset((State.NOTING, State.STARTING, State.EARLY, State.AWAITED))
#: The states in which the slave may log in. A slave that was lost is not welcome again: it is stopped.
WELCOME = frozenset((State.STARTING, State.AWAITED))
#: The states in which nothing runs, and nothing is in the store.
OVER = frozenset((State.OFF, State.RESTING))


def advance(now: State, event: Event) -> Outcome:
    """Apply an event to a state.

    @return: the new state, and the effects to perform in this order. An event without a rule returns the
        state itself and no effects.
    """
    return TRANSITIONS.get((now, event), (now, ()))
