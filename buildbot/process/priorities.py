# -*- test-case-name: tests.stories.test_priorities -*-
"""The order in which builders get slaves, by C{prioritizeBuilders} of master.cfg.

Without this key, each builder takes a slave at once: see L{buildbot.process.engine}.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.eventual import eventual

log = Logger()


class WaitsForSlaves(Protocol):
    """The part of a builder that this module uses."""

    @property
    def name(self) -> str: ...

    @property
    def pending(self) -> Collection[object]:
        """The waiting requests."""

    @property
    def isFilling(self) -> bool:
        """True if older requests than all in memory are about to be read."""

    def startBuilds(self) -> None:
        """Start builds while there are waiting requests and idle slaves."""


class Priorities:
    """I let builders start builds in the order of a function of the configuration.

    @ivar rule: the function; None: there is none, and I do nothing.
    @ivar leftOut: the builders with waiting requests that the function did not return the last time.
    """

    def __init__(self, clock: IReactorTime, builders: Mapping[str, WaitsForSlaves]) -> None:
        self._clock = clock
        self._builders = builders
        self.rule: Callable[[Any, Any], object] | None = None
        self.leftOut: frozenset[str] = frozenset()
        self._master: Any = None
        self._hasFailed = False
        self._due: Deferred[None] | None = None
        self._isPutOff = False

    def configure(self, rule: Callable[[Any, Any], object] | None, master: object) -> None:
        """Use a function from now on. It is called with C{master} and a list of builders."""
        self.rule, self._master = rule, master
        self.leftOut, self._hasFailed = frozenset(), False
        self.soon()

    def soon(self) -> None:
        """Let the builders start builds in the next turn of the reactor."""
        if self._due is None or self._isPutOff:
            self._due, self._isPutOff = self._due or Deferred(), False
            eventual(self._clock, self._start)

    def settled(self) -> Deferred[None]:
        """Fires when no builder is about to start builds."""
        settled: Deferred[None] = Deferred()
        if self._due is None:
            settled.callback(None)
        else:
            self._due.addCallback(settled.callback)
        return settled

    def _start(self) -> None:
        if any(each.isFilling for each in self._builders.values()):
            self._isPutOff = True  # the builder calls again when it knows its oldest request
            return
        due, self._due = self._due, None  # a build that cannot start causes the next round
        waiting = [each for each in self._builders.values() if each.pending]
        for builder in self._sorted(waiting):
            try:
                builder.startBuilds()
            except PLUGIN_ERRORS:  # of a plug-in's request class
                log.failure("builder {name} failed to start its builds", name=builder.name)
        if due is not None:
            due.callback(None)

    def _sorted(self, waiting: Sequence[WaitsForSlaves]) -> Sequence[WaitsForSlaves]:
        """The builders in the order of the function. If it fails, the order is that of the configuration."""
        self.leftOut = frozenset()
        if self.rule is None or not waiting:
            return waiting
        try:
            chosen = _checked(self.rule(self._master, list(waiting)), waiting)
        except PLUGIN_ERRORS:
            if not self._hasFailed:
                log.failure(
                    "prioritizeBuilders failed: whenever it fails, builders get slaves in the order of the "
                    "configuration; further failures are not logged"
                )
            self._hasFailed = True
            return waiting
        kept = set(map(id, chosen))
        self.leftOut = frozenset(each.name for each in waiting if id(each) not in kept)
        return chosen


def _checked(answer: object, waiting: Sequence[WaitsForSlaves]) -> Sequence[WaitsForSlaves]:
    """The answer of the function. Raises TypeError if it is not a list of some of the builders."""
    if inspect.iscoroutine(answer):
        answer.close()
    known = set(map(id, waiting))
    if not isinstance(answer, (list, tuple)) or any(id(each) not in known for each in answer):
        wanted = "a list of the builders that it was called with"
        raise TypeError(f"prioritizeBuilders must return {wanted}, and has returned {answer!r:.100}")
    return list(answer)
