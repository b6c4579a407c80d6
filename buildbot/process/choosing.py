# -*- test-case-name: tests.stories.test_choosing -*-
"""Let functions of master.cfg choose the next build: C{nextBuild}, C{nextSlave} and C{canStartBuild}.

Without them, L{buildbot.process.queue} chooses.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from buildbot.config.kinds import takes
from buildbot.config.model import BuilderConfig, SiteRule
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.process.queue import bestSlave
from buildbot.process.request import BuildRequest
from buildbot.process.slavebuilder import SlaveBuilder

log = Logger()

_Chosen = tuple[SlaveBuilder, list[BuildRequest]]


class SiteChoice:
    """I call the functions of one builder.

    If a function fails, no build of the builder starts then. The log has the first failure of each function.
    L{BuilderConfig} explains the functions.

    @ivar why: the reason why the last call of L{next} chose no build, in words; empty if it did.
    """

    def __init__(self, builder: Any, setup: BuilderConfig) -> None:
        """@param builder: the builder that the functions get."""
        self.why = ""
        self._builder = builder
        self._setup = setup
        #: C{nextSlave} of 0.9 takes the request, too.
        self._takesRequest = setup.nextSlave is not None and takes(setup.nextSlave.says, None, None, None)

    def next(
        self,
        waiting: Iterable[BuildRequest],
        slaves: Iterable[SlaveBuilder],
        canMerge: Callable[[BuildRequest, BuildRequest], bool],
    ) -> _Chosen | None:
        """Choose the slave and the requests for the next build; None if no build can start.

        See L{buildbot.process.queue.nextBuild} for the arguments.
        """
        self.why = ""
        idle = [slave for slave in slaves if slave.isIdle]
        left = [request for request in waiting if not request.isChosen] if idle else []
        try:
            while left:
                first = self._request(left)
                if first is None:
                    return None
                merged = [first, *[each for each in left if each is not first and canMerge(first, each)]]
                slave = self._slave(idle, merged)
                if slave is not None:
                    return slave, merged
                if self.why:
                    return None
                left.remove(first)
        except _Failed as failed:
            self.why = f"{failed} of the configuration failed: see twistd.log"
            return None
        self.why = "canStartBuild of the configuration allows no build" if idle else ""
        return None

    def allows(self, slave: object, request: BuildRequest) -> bool:
        """True if C{canStartBuild} allows a build of a request on a slave.

        @param slave: also one that is not attached; see L{buildbot.latent.instances.AbsentSlave}.
        """
        try:
            return self._canStart(slave, request)
        except _Failed:
            return False

    def _request(self, left: Sequence[BuildRequest]) -> BuildRequest | None:
        """The request that C{nextBuild} chooses, or else the oldest."""
        rule = self._setup.nextBuild
        if rule is None:
            return left[0]
        chosen: BuildRequest | None = self._asked("nextBuild", rule, left, list(left))
        if chosen is None:
            self.why = "nextBuild of the configuration chooses no request"
        return chosen

    def _slave(self, idle: Sequence[SlaveBuilder], requests: Sequence[BuildRequest]) -> SlaveBuilder | None:
        """The slave that C{nextSlave} chooses, or else the best, among those that C{canStartBuild} allows."""
        left = list(idle)
        while left:
            slave = self._nextSlave(left, requests)
            if slave is None:
                if len(left) == len(idle):
                    self.why = "nextSlave of the configuration chooses no slave"
                return None
            if self._canStart(slave, requests[0]):
                return slave
            left.remove(slave)
        return None

    def _nextSlave(
        self, left: Sequence[SlaveBuilder], requests: Sequence[BuildRequest]
    ) -> SlaveBuilder | None:
        rule = self._setup.nextSlave
        if rule is None:
            return bestSlave(left, requests)
        more = requests[:1] if self._takesRequest else ()
        chosen: SlaveBuilder | None = self._asked("nextSlave", rule, left, list(left), *more)
        return chosen

    def _canStart(self, slave: object, request: BuildRequest) -> bool:
        rule = self._setup.canStartBuild
        return rule is None or self._asked("canStartBuild", rule, None, slave, request) is True

    def _asked(self, name: str, rule: SiteRule, choices: Sequence[Any] | None, *args: Any) -> Any:
        """The answer of a function. Raises L{_Failed} if it raises, or returns nonsense.

        @param choices: it must return one of these, or None. None: it returns true or false.
        """
        try:
            answer = rule.says(self._builder, *args)  # type: ignore[operator] # the rules have checked it
            if inspect.iscoroutine(answer):
                answer.close()
            if isinstance(answer, Deferred) or inspect.isawaitable(answer):
                raise TypeError(f"{name} must not return a Deferred or a coroutine")
            if choices is None:
                return bool(answer)
            if answer is not None and not any(answer is each for each in choices):
                raise TypeError(
                    f"{name} must return one of the items of its list, or None, and not {answer!r:.100}"
                )
        except PLUGIN_ERRORS:
            if not rule.failed:
                log.failure(
                    "{function} of builder {name} failed: no build of this builder starts while it fails; "
                    "further failures are not logged",
                    function=name,
                    name=self._builder.name,
                )
            rule.failed = True
            raise _Failed(name) from None
        return answer


class _Failed(Exception):
    """A function of the configuration has failed; the message is its name."""


def siteChoice(builder: Any, setup: BuilderConfig) -> SiteChoice | None:
    """The functions of a builder; None if it has none."""
    functions = (setup.nextBuild, setup.nextSlave, setup.canStartBuild)
    return SiteChoice(builder, setup) if any(each is not None for each in functions) else None


def enforceChosenSlave(builder: Any, slavebuilder: Any, request: Any) -> bool:
    """A C{canStartBuild}: the property C{slavename} or C{workername} of a request chooses the slave."""
    for name in ("slavename", "workername"):
        if isinstance(request.properties.get(name), str):
            return bool(request.properties[name] == slavebuilder.slave.slavename)
    return True
