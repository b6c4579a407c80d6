# -*- test-case-name: tests.test_steps -*-
"""Steps that only pass the time, to try a configuration out; they hold their arguments and cannot run yet."""

from __future__ import annotations

from typing import Any

from buildbot.process.buildstep import BuildStep, LoggingBuildStep


class Dummy(BuildStep):
    """I wait C{timeout} seconds in the master, and succeed."""

    name = "dummy"
    haltOnFailure = True

    def __init__(self, timeout: float = 5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.timeout = timeout


class FailingDummy(Dummy):
    """I wait C{timeout} seconds in the master, and fail."""

    name = "failing dummy"


class RemoteDummy(LoggingBuildStep):
    """I wait C{timeout} seconds on the slave, which must be of 0.7, and succeed."""

    name = "remote dummy"
    haltOnFailure = True

    def __init__(self, timeout: float = 5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.timeout = timeout


class Wait(LoggingBuildStep):
    """I wait until somebody inside of the slave's process, which must be of 0.7, lets C{handle} go."""

    name = "wait"

    def __init__(self, handle: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.handle = handle
