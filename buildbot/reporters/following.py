# -*- test-case-name: tests.stories.test_senders -*-
"""Give a reporter the events of the builders that it follows when they happen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from buildbot.status.base import StatusReceiver


@dataclass(eq=False, repr=False)
class Following(StatusReceiver):
    """I listen to all builders for a reporter.

    A reconfig may give a builder another category or tag while the reporter stays. So I ask at each event
    whether the reporter follows the builder.

    @ivar reporter: gets the events. A step or a log that it wants to hear of is told to it directly.
    @ivar isMine: takes the status of a builder; True if the reporter follows it.
    @ivar builderOf: returns the status of a builder with a name; raises KeyError if it has gone.
    """

    reporter: StatusReceiver
    isMine: Callable[[Any], bool]
    builderOf: Callable[[str], Any]

    def __repr__(self) -> str:
        return repr(self.reporter)

    def builderChangedState(self, builderName: str, state: str) -> None:
        """See L{buildbot.interfaces.IStatusReceiver}."""
        if self._isNamed(builderName):
            self.reporter.builderChangedState(builderName, state)

    def _isNamed(self, name: str) -> bool:
        try:
            return self.isMine(self.builderOf(name))
        except KeyError:
            return False

    def buildStarted(self, builderName: str, build: Any) -> Any:
        """See L{buildbot.interfaces.IStatusReceiver}."""
        return self.reporter.buildStarted(builderName, build) if self.isMine(build.getBuilder()) else None

    def buildFinished(self, builderName: str, build: Any, results: int) -> None:
        """See L{buildbot.interfaces.IStatusReceiver}."""
        if self.isMine(build.getBuilder()):
            self.reporter.buildFinished(builderName, build, results)

    def requestSubmitted(self, request: Any) -> None:
        """See L{buildbot.interfaces.IMasterReceiver}."""
        if self._isNamed(request.getBuilderName()):
            self.reporter.requestSubmitted(request)

    def requestCancelled(self, builder: Any, request: Any) -> None:
        """See L{buildbot.interfaces.IMasterReceiver}."""
        if self.isMine(builder):
            self.reporter.requestCancelled(builder, request)

    def requestReturned(self, builder: Any, request: Any) -> None:
        """See L{buildbot.interfaces.IMasterReceiver}."""
        if self.isMine(builder):
            self.reporter.requestReturned(builder, request)
