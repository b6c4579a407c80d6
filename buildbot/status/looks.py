# -*- test-case-name: tests.unit.status.test_looks -*-
"""How states look: for each state a word, a symbol, a colour and a CSS class.

Pages, mails, badges and the old C{getColor} use this one table. It makes no markup.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from buildbot.model.results import CANCELLED, EXCEPTION, FAILURE, RETRY, SKIPPED, SUCCESS, WARNINGS


@dataclass(frozen=True)
class Look:
    """I am the look of one state. Each part alone tells it, so nobody has to see colours.

    @ivar word: the state in one word.
    @ivar shape: the name of the shape, for drawn icons.
    @ivar symbol: the shape as one character.
    @ivar color: the name of the colour in 0.7.5.
    @ivar css: the classes of the box in 0.7 and 0.8, besides C{BuildStep}, C{LastBuild} or C{Activity}.
    """

    word: str
    shape: str
    symbol: str
    color: str
    css: str


#: The looks of results, by number.
RESULTS = {
    SUCCESS: Look("success", "check", "✓", "green", "success"),
    WARNINGS: Look("warnings", "triangle", "▲", "orange", "warnings"),
    FAILURE: Look("failure", "cross", "✗", "red", "failure"),
    SKIPPED: Look("skipped", "dash", "–", "white", "skipped"),
    EXCEPTION: Look("exception", "exclamation", "!", "purple", "exception"),
    RETRY: Look("retry", "circular arrow", "↻", "purple", "retry"),
    CANCELLED: Look("cancelled", "slash", "⊘", "purple", "exception cancelled"),
}
#: The looks of builders, by the state from C{getState}, or by the activity of one with a waiting request.
ACTIVITIES = {
    "offline": Look("offline", "empty circle", "○", "red", "offline"),
    "idle": Look("idle", "full circle", "●", "white", "idle"),
    "building": Look("building", "triangle to the right", "▶", "yellow", "building"),
    "waiting": Look("waiting", "quarter of a circle", "◔", "yellow", "waiting"),
    "interlocked": Look("interlocked", "diamond", "◆", "yellow", "interlocked"),
}
#: The looks of a build or a step without a result: before its start, and while it runs.
START = Look("waiting", "dotted circle", "◌", "yellow", "start")
RUNNING = Look("running", "triangle to the right", "▶", "yellow", "running")


class Timed(Protocol):
    """A step: the L{buildbot.status.step.BuildStepStatus}, or one like it."""

    def getTimes(self) -> tuple[float | None, float | None]: ...
    def getResults(self) -> tuple[int | None, list[str]]: ...


def lookOfResult(results: int | None) -> Look:
    """The look of a result. None is that of a running build; an unknown number is that of an exception."""
    return RUNNING if results is None else RESULTS.get(results, RESULTS[EXCEPTION])


def lookOfActivity(state: str) -> Look:
    """The look of a builder in a state such as C{"idle"}. An unknown state has its name as word and class."""
    return ACTIVITIES.get(state) or Look(state, "empty circle", "○", "white", state)


def lookOfStep(step: Timed) -> Look:
    """The look of a step: before its start, while it runs, or by its result."""
    started, _ = step.getTimes()
    return START if started is None else lookOfResult(step.getResults()[0])
