# -*- test-case-name: tests.unit.process.test_deadline -*-
"""Act when a command exceeds a time limit: ping the slave, then end the command or disconnect the slave.

L{buildbot.process.deadline} watches the limits, and L{buildbot.process.remotecommand} has the command.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.process.deadline import SIGN_AFTER, Deadlines

if TYPE_CHECKING:
    from buildbot.process.seams import SlaveForBuild

log = Logger()

#: Seconds for a slave to answer a ping, if it does not confirm the start of a command soon. A slave that does
#: not answer is disconnected, and the build goes to another one.
SIGN_TIME = 10.0
#: Seconds for a slave to answer a ping, after it did not start or end a command in time.
ANSWER_TIME = 20.0
#: A slave that was heard of within these seconds is alive.
TALKING = 5.0


class CommandNotStarted(Exception):
    """The slave did not confirm the start of the command in time."""


class LimitedCommand(Protocol):
    """The part of a command that its time limits use."""

    remote_command: str
    args: dict[str, Any]
    deadlines: Deadlines | None
    active: bool
    remote: SlaveForBuild
    step: Any

    def interrupt(self, why: str, /) -> Deferred[None]:
        """Ask the slave to stop the command."""

    def tellOverdue(self, words: str, /) -> None:
        """Report an exceeded limit to people."""


class Overtime:
    """I act for one command that exceeds a limit."""

    __slots__ = ("_command", "_end", "_isCut", "_isOvertime")

    def __init__(self, command: LimitedCommand, end: Callable[[Failure], object]) -> None:
        """@param end: called to end the command with an error."""
        self._command = command
        self._end = end
        self._isCut = self._isOvertime = False

    def noSign(self) -> None:
        """Ping the slave, which disconnects it if it does not answer. Otherwise the command gets its time."""
        self._command.remote.slave.isAnswering(SIGN_TIME, SIGN_AFTER / 2)

    def overdue(self, what: str) -> None:
        """Act on an exceeded limit: ping the slave, then end the command, or disconnect a dead slave."""
        deadlines = self._command.deadlines
        if deadlines is None:
            return
        if deadlines.isEnding:
            self._cut(what)
            return

        def heard(lives: bool) -> None:
            # The messages that the slave sent before its answer have been read by now.
            if not lives or not self._command.active or deadlines.isEnding or not deadlines.isOverdue():
                return
            if deadlines.isStarting:
                self._end(Failure(CommandNotStarted(what)))
            else:
                self._tooLong(what)

        # A slave with much to send would answer a ping only after that.
        fresh = -1.0 if deadlines.isStarting else TALKING
        self._command.remote.slave.isAnswering(ANSWER_TIME, fresh).addCallback(heard)

    def _tooLong(self, what: str) -> None:
        """Interrupt a command that the slave should have ended."""
        command = self._command
        log.info(
            "{command!r} on {remote!r} is being stopped: {what}",
            command=command,
            remote=command.remote,
            what=what,
        )
        command.tellOverdue(f"the master stops this command: {what}")
        self._isOvertime = "timeout" in command.args or "maxTime" in command.args
        command.interrupt(f"the master stopped waiting: {what}")

    def _cut(self, what: str) -> None:
        """Disconnect a slave that does not end the command. Then its build interrupts the command."""
        if self._isCut:
            self._end(Failure(ConnectionLost(what)))
            return
        self._isCut = True
        command = self._command
        log.warn(
            "{command!r} on {remote!r} did not stop, the slave is disconnected: {what}",
            command=command,
            remote=command.remote,
            what=what,
        )
        command.tellOverdue(f"the master disconnects the slave: {what}")
        build = getattr(command.step, "build", None)
        if build is not None:
            build.whyLost = f"the command {command.remote_command!r} did not end"
            if self._isOvertime:
                build.overtime = f"{build.whyLost} within its time limit"
        command.remote.slave.disconnect(f"the command {command.remote_command!r} did not end: {what}")
