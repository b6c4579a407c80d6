# -*- test-case-name: tests.unit.latent.test_command,tests.integration.test_latent -*-
"""A latent slave that commands on the master start and stop, such as those of a cloud or of containers."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, ensureDeferred

from buildbot.config.arguments import REQUIRED, Kind, arguments
from buildbot.config.kinds import SOME_SECONDS, isText, isTexts, orNone, sequenceOf
from buildbot.events.onuse import onUse
from buildbot.latent.buildslave import (
    BUILD_WAIT_TIMEOUT,
    MISSING_TIMEOUT,
    RETRY_WAIT,
    AbstractLatentBuildSlave,
)

if TYPE_CHECKING:
    from buildbot.programs import running
else:  # a file is checked faster without processes
    running = onUse("buildbot.programs.running")

#: The most bytes of output of one command.
MOST_OUTPUT = 1 << 20
#: The most characters of an instance's id.
LONGEST_ID = 1000
#: The variable with the id of the instance.
ID = "BUILDBOT_INSTANCE"

#: Stands for the password of a slave that gets a new one each time; nobody can know it.
_UNUSED = secrets.token_hex()

COMMAND = Kind(
    "a list of a program and its arguments (texts)",
    lambda value: bool(value) and sequenceOf(isText)(value),
    standIn=(),
)
ENVIRONMENT = Kind(
    "a dict of texts",
    isTexts,
    isSecret=True,
)
PASSWORD = Kind(
    "text, and not empty, or None for a new one each time",
    lambda value: value is None or (isText(value) and value != ""),
    isSecret=True,
)
HOST = Kind("the name of a host (text)", lambda value: isText(value) and value != "")


class CommandLatentBuildSlave(AbstractLatentBuildSlave):
    """I am a slave that a command starts when a build needs it, and another one stops.

    The commands run without a shell, each with a time limit. Environment variables have what they, and the
    instance, need: C{BUILDMASTER}, C{BUILDMASTER_PORT}, C{WORKERNAME}, C{WORKERPASS}, and the same as
    C{SLAVENAME} and C{SLAVEPASS}. The last line that the start prints is the id of the instance; the stop
    gets it as C{BUILDBOT_INSTANCE}.
    """

    _starting: running.Program | None = None

    @arguments(
        password=PASSWORD,
        start_command=COMMAND,
        stop_command=COMMAND,
        check_command=orNone(COMMAND),
        env=orNone(ENVIRONMENT),
        masterFQDN=orNone(HOST),
        start_timeout=SOME_SECONDS,
        stop_timeout=SOME_SECONDS,
    )
    def __init__(
        self,
        name: str,
        password: str | None = None,
        start_command: Sequence[str] = REQUIRED,
        stop_command: Sequence[str] = REQUIRED,
        check_command: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        masterFQDN: str | None = None,
        max_builds: int | None = None,
        notify_on_missing: str | Sequence[str] | None = None,
        missing_timeout: float | None = MISSING_TIMEOUT,
        build_wait_timeout: float = BUILD_WAIT_TIMEOUT,
        properties: Mapping[str, Any] | None = None,
        locks: Sequence[Any] | None = None,
        keepalive_interval: float | None = None,
        stop_with_master: bool = True,
        retry_wait: float = RETRY_WAIT,
        start_timeout: float = 600.0,
        stop_timeout: float = 300.0,
    ) -> None:
        """@param password: None: the master makes a new one for each instance.
        @param stop_command: must also succeed if there is no instance.
        @param check_command: ends with 0 if the instance runs, and with 1 if it does not; asked after a
            restart of the master.
        @param env: further environment variables of the commands.
        @param masterFQDN: the host of the master, for C{BUILDMASTER}; by default the name of this machine.
        @param start_timeout: the most seconds for the start; C{stop_timeout}: for the stop and the check.
        """
        super().__init__(
            name,
            _UNUSED if password is None else password,
            max_builds,
            notify_on_missing,
            missing_timeout,
            build_wait_timeout,
            properties,
            locks,
            keepalive_interval,
            stop_with_master,
            retry_wait,
        )
        self.start_command = list(start_command)
        self.stop_command = list(stop_command)
        self.check_command = list(check_command) if check_command is not None else None
        self.env = dict(env or {})
        self.masterFQDN = masterFQDN
        self.start_timeout = start_timeout
        self.stop_timeout = stop_timeout
        self.makesPassword = password is None

    def start_instance(self, build: Any) -> Deferred[str]:
        """Run the start command. Fires with the id of the instance, perhaps empty text."""
        self._starting = self._program(self.start_timeout)
        environment = {**self.env, **self.environment}
        started = self._starting.start(self.start_command, env=environment, isBounded=True)
        return started.addCallback(idOf)

    def abort_start(self, started: Deferred[Any]) -> None:
        """Kill the start command. The Deferred of the start fires when it has ended."""
        if self._starting is not None:
            self._starting.stop()

    def stop_instance(self, fast: bool = False) -> Deferred[Any]:
        """Run the stop command."""
        return self._run(self.stop_command, self.stop_timeout)

    def check_instance(self) -> Deferred[bool]:
        """Find out whether the instance runs. Fires with True also if the command cannot tell."""
        return ensureDeferred(self._check())

    async def _check(self) -> bool:
        if self.check_command is None:
            return True
        try:
            await self._run(self.check_command, self.stop_timeout)
        except running.ProgramFailed as failed:
            return failed.status != 1
        return True

    def _run(self, command: Sequence[str], seconds: float) -> Deferred[bytes]:
        environment = {**self.env, **self.environment, ID: str(self.instance_id or "")}
        return self._program(seconds).start(command, env=environment, isBounded=True)

    def _program(self, seconds: float) -> running.Program:
        from twisted.internet import reactor

        return running.Program(reactor, seconds, MOST_OUTPUT)

    def canStop(self, other: AbstractLatentBuildSlave) -> bool:
        """True if only my stop command is another one: the start tells what there is to stop."""
        if not isinstance(other, CommandLatentBuildSlave) or type(other) is not type(self):
            return False
        return (self.start_command, self.env) == (other.start_command, other.env)

    def means(self) -> dict[str, Any]:
        """See L{AbstractLatentBuildSlave.means}."""
        return {
            "stop_command": self.stop_command,
            "check_command": self.check_command,
            "env": self.env,
            "stop_timeout": self.stop_timeout,
            "retry_wait": self.retry_wait,
        }


def fromMeans(name: str, means: Mapping[str, Any]) -> CommandLatentBuildSlave:
    """A slave that can only stop what an earlier process has started. Raises for other values."""
    return CommandLatentBuildSlave(name, start_command=["false"], **means)


def idOf(output: bytes) -> str:
    """The last line of an output that is not empty."""
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines()]
    return next((line[:LONGEST_ID] for line in reversed(lines) if line), "")
