# -*- test-case-name: tests.processes.test_gitpoller -*-
"""The base class of pollers that run a program, such as git."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from buildbot.changes.storingpoller import StoringPoller
from buildbot.programs.output import BadOutput
from buildbot.programs.running import Program, ProgramFailed
from buildbot.text.urls import withoutPasswords

#: The time limit of a program that only looks at a repository, in seconds.
LOOK_SECONDS = 120.0
#: The time limit of a program that fetches new commits, in seconds.
FETCH_SECONDS = 3600.0


class ProgramPoller(StoringPoller):
    """I look by running a program: derive from me, and override C{poll} and C{identity}."""

    _program: Program | None = None
    project = ""

    def take(
        self,
        pollInterval: float,
        project: str | None,
        category: object,
        name: str | None,
        timeout: float | None,
        pollAtLaunch: bool,
    ) -> None:
        """Take the arguments that all such pollers have; constructors call this.

        @param timeout: the most seconds that one command may take.
        @param pollAtLaunch: True: look first as soon as I start.
        """
        self.pollInterval = pollInterval
        self.project = project or ""
        self.category = category
        self.name = name
        self.timeout = timeout
        if pollAtLaunch:
            self.random = lambda: 0.0

    def identityOf(self, *places: str) -> str:
        """My name, or else what I watch: see L{StoringPoller.identity}."""
        category = self.category if isinstance(self.category, str) else ""
        return self.name or " ".join([*places, category])

    async def run(
        self,
        command: Sequence[str],
        seconds: float = LOOK_SECONDS,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
    ) -> bytes:
        """Run a program, and return its output.

        @raise ProgramFailed: it failed, took longer than C{seconds}, or I was stopped.
        """
        if not self.running:
            raise ProgramFailed("the master is stopping, or the configuration has changed")
        self._program = Program(self.clock, seconds)
        try:
            return await self._program.start(command, env={"LC_ALL": "C.UTF-8", **(env or {})}, stdin=stdin)
        finally:
            self._program = None

    def stopPoll(self, looking: Deferred[Any]) -> None:
        """Kill the program. Changes on their way to the store are waited for."""
        if self._program is not None:
            self._program.stop()

    def reasonOf(self, why: Failure) -> str:
        """See L{PollingChangeSource.reasonOf}."""
        if why.check(ProgramFailed, BadOutput):
            return withoutPasswords(why.getErrorMessage())
        return super().reasonOf(why)
