# -*- test-case-name: tests.unit.process.test_ending -*-
"""
How a build comes to its end: a table-driven machine.

A build ends once, in whatever order a stop, the loss of its slave, time-outs and the last step
come. Nothing here touches a step, a slave or a clock: L{buildbot.process.base.Build} tells the
events and performs the effects. docs/architecture/builds.rst shows the same table, and a test
compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from buildbot.model.results import EXCEPTION, FAILURE, RETRY, SUCCESS, Results


class State(Enum):
    """How far a build is from its end."""

    RUNNING = "running"
    STOPPING = "stopping"
    CUT = "cut off"
    GONE = "stopped, then lost"
    LOST = "lost"
    UNWANTED = "lost, then stopped"
    OVER = "over"


class Event(Enum):
    """What can happen to a build."""

    STOP = "stop"
    LOSS = "slave lost"
    OVERDUE = "overdue"
    SLAVE_OVERDUE = "overdue on the slave"
    END = "end"


class Effect(Enum):
    """What to do about it, in the order given."""

    STOP_TIME = "allow time to stop"
    LOSS_TIME = "allow time after a loss"
    INTERRUPT = "interrupt the step"
    CUT_OFF = "disconnect the slave"
    ABANDON = "leave the step behind"
    FINISH = "finish"


Outcome = tuple[State, tuple[Effect, ...]]

_LIVE = tuple(state for state in State if state is not State.OVER)
_LEFT_BEHIND = (State.CUT, State.GONE, State.LOST, State.UNWANTED)

#: What each event does in each state. An event that is not here changes nothing.
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

#: The states whose build somebody has stopped.
STOPPED = (State.STOPPING, State.CUT, State.GONE, State.UNWANTED)


def advance(state: State, event: Event) -> Outcome:
    """
    What an event makes of a build.

    @return: the new state, and the effects to perform.
    """
    return TRANSITIONS.get((state, event), (state, ()))


def resultsOf(
    state: State,
    results: int,
    text: Sequence[str],
    stopReason: str | None = None,
    whyLost: str = "",
    overtime: str = "",
) -> tuple[int, list[str]]:
    """
    The results of a build that ends, and what to say of it.

    @param state: its state just before it ends.
    @param results: the folded results of its steps.
    @param text: what the steps say.
    @param stopReason: why somebody has stopped it.
    @param whyLost: why the master has disconnected the slave, if it has.
    @param overtime: which command took longer than the configuration allows, if the slave did not end it.
    """
    if state in STOPPED:  # also after a loss: nobody wants the build any more
        return FAILURE, ["interrupted", stopReason or ""]
    if state is State.LOST and overtime:
        return EXCEPTION, [overtime]  # the next slave would be given no more time
    if state is State.LOST:
        return RETRY, ["slave", "lost", *([f"({whyLost})"] if whyLost else [])]
    if results == SUCCESS:
        return results, list(text)
    return results, ["failed" if results == FAILURE else Results[results], *text]
