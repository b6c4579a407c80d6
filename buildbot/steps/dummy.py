# -*- test-case-name: tests.unit.steps.test_steps -*-
"""Steps that only wait, on the master or on a 0.7 slave, to test a configuration."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from buildbot.config.arguments import arguments
from buildbot.config.kinds import SECONDS, TEXT
from buildbot.events.alarm import Alarm
from buildbot.model.results import FAILURE, SUCCESS
from buildbot.process.basestep import BuildStep
from buildbot.process.kinds import NOTHING
from buildbot.process.loggingstep import LoggingBuildStep
from buildbot.process.remotecommand import LoggedRemoteCommand


class Dummy(BuildStep):
    """I wait C{timeout} seconds in the master and succeed. If interrupted, I fail."""

    name = "dummy"
    haltOnFailure = True
    _end = SUCCESS
    _alarm: Alarm | None = None

    @arguments(timeout=SECONDS, workdir=NOTHING)
    def __init__(self, timeout: float = 5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.timeout = timeout

    def start(self) -> Any:
        """See L{BuildStep}."""
        self.step_status.setText(["delay", f"{self.timeout} secs"])
        self._alarm = Alarm(self.done)
        self._alarm.set(self.build.clock, self.timeout)

    def interrupt(self, reason: str | Failure) -> Deferred[None]:
        """See L{BuildStep}."""
        interrupted = super().interrupt(reason)
        if self._alarm is not None and self._alarm.isSet:
            self._alarm.stop()
            self.step_status.setText(["delay", "interrupted"])
            self.finished(FAILURE)
        return interrupted

    def done(self) -> None:
        """End the step: the timeout has passed."""
        self.finished(self._end)


class FailingDummy(Dummy):
    """I wait C{timeout} seconds in the master, and fail."""

    name = "failing dummy"
    _end = FAILURE

    def start(self) -> Any:
        """See L{BuildStep}."""
        super().start()
        self.step_status.setText(["boom", f"{self.timeout} secs"])


class RemoteDummy(LoggingBuildStep):
    """I wait C{timeout} seconds on a 0.7 slave and succeed."""

    name = "remote dummy"
    haltOnFailure = True

    @arguments(timeout=SECONDS, workdir=NOTHING)
    def __init__(self, timeout: float = 5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.timeout = timeout

    def describe(self, done: bool = False) -> list[str]:
        """The description in words, with the awaited thing."""
        return ["remote", "delay", f"{self.timeout} secs"]

    def start(self) -> Any:
        """See L{BuildStep}."""
        self.checkSlaveHasCommand("dummy")
        self.startCommand(LoggedRemoteCommand("dummy", {"timeout": self.timeout}))


class Wait(LoggingBuildStep):
    """I wait until code inside a 0.7 slave's process releases C{handle}."""

    name = "wait"

    @arguments(handle=TEXT, workdir=NOTHING)
    def __init__(self, handle: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.handle = handle

    def describe(self, done: bool = False) -> list[str]:
        """The description in words, with the awaited thing."""
        return [f"wait: {self.handle}"]

    def start(self) -> Any:
        """See L{BuildStep}."""
        self.checkSlaveHasCommand("dummy.wait")
        args = {"handle": (self.handle, self.build.reason)}
        self.startCommand(LoggedRemoteCommand("dummy.wait", args))
