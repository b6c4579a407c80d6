# -*- test-case-name: tests.unit.process.test_ending -*-
"""The end of a build, as a table-driven state machine.

A build ends once, in any order of a stop, the loss of its slave, time-outs and the last step. This module
does not touch steps, slaves or clocks: L{buildbot.process.base.Build} reports the events and performs the
effects. docs/architecture/builds.rst shows the same table, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from buildbot.model.results import EXCEPTION, FAILURE, RETRY, SUCCESS, Results


class State(Enum):
    """The states of a build."""

    RUNNING = "running"
    STOPPING = "stopping"
    CUT = "cut off"
    GONE = "stopped, then lost"
    LOST = "lost"
    UNWANTED = "lost, then stopped"
    OVER = "over"


class Event(Enum):
    """The events of a build."""

    STOP = "stop"
    LOSS = "slave lost"
    OVERDUE = "overdue"
    SLAVE_OVERDUE = "overdue on the slave"
    END = "end"


class Effect(Enum):
    """The effects of an event, performed in the given order."""

    STOP_TIME = "allow time to stop"
    LOSS_TIME = "allow time after a loss"
    INTERRUPT = "interrupt the step"
    CUT_OFF = "disconnect the slave"
    ABANDON = "leave the step behind"
    FINISH = "finish"


Outcome = tuple[State, tuple[Effect, ...]]

_LIVE = tuple(state for state in State if state is not State.OVER)
_LEFT_BEHIND = (State.CUT, State.GONE, State.LOST, State.UNWANTED)

#: The new state and the effects for each state and event. A missing pair changes nothing.
TRANSITIONS: dict[tuple[State, Event], Outcome] = {
    (State.RUNNING, Event.STOP): (State.STOPPING, (Effect.STOP_TIME, Effect.INTERRUPT)),
    (State.STOPPING, Event.STOP): (State.STOPPING, (Effect.INTERRUPT,)),
    (State.CUT, Event.STOP): (State.CUT, (Effect.INTERRUPT,)),
    (State.GONE, Event.STOP): (State.GONE, (Effect.INTERRUPT,)),
    (State.LOST, Event.STOP): (State.UNWANTED, (Effect.INTERRUPT,)),
    (State.UNWANTED, Event.STOP): (State.UNWANTED, (Effect.INTERRUPT,)),
    (State.RUNNING, Event.LOSS): (State.LOST, (Effect.LOSS_TIME, Effect.INTERRUPT)),
    (State.STOPPING, Event.LOSS): (State.GONE, (Effect.LOSS_TIME, Effect.INTERRUPT)),
    (State.CUT, Event.LOSS): (State.GONE, (Effect.LOSS_TIME, Effect.INTERRUPT)),
    (State.STOPPING, Event.OVERDUE): (State.STOPPING, (Effect.ABANDON,)),
    (State.STOPPING, Event.SLAVE_OVERDUE): (State.CUT, (Effect.CUT_OFF, Effect.LOSS_TIME)),
    **{(state, Event.OVERDUE): (state, (Effect.ABANDON,)) for state in _LEFT_BEHIND},
    **{(state, Event.SLAVE_OVERDUE): (state, (Effect.ABANDON,)) for state in _LEFT_BEHIND},
    **{(state, Event.END): (State.OVER, (Effect.FINISH,)) for state in _LIVE},
}

#: The states after a stop.
STOPPED = (State.STOPPING, State.CUT, State.GONE, State.UNWANTED)


def advance(state: State, event: Event) -> Outcome:
    """The new state of a build after an event, and the effects to perform."""
    return TRANSITIONS.get((state, event), (state, ()))


def resultsOf(
    state: State,
    results: int,
    text: Sequence[str],
    stopReason: str | None = None,
    whyLost: str = "",
    overtime: str = "",
) -> tuple[int, list[str]]:
    """The final result of a build, and its text.

    @param state: the state before the end.
    @param results: the folded results of its steps.
    @param text: the words of the steps.
    @param stopReason: the reason of a stop.
    @param whyLost: the reason why the master disconnected the slave; empty if it did not.
    @param overtime: a note on a command that exceeded its time limit, if the slave did not end it; else
        empty.
    """
    if state in STOPPED:  # also after a loss: the build is not wanted any more
        return FAILURE, ["interrupted", stopReason or ""]
    if state is State.LOST and overtime:
        return EXCEPTION, [overtime]  # another slave would have the same time limit
    if state is State.LOST:
        return RETRY, ["slave", "lost", *([f"({whyLost})"] if whyLost else [])]
    if results == SUCCESS:
        return results, list(text)
    return results, ["failed" if results == FAILURE else Results[results], *text]
