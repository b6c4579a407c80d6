# -*- test-case-name: tests.unit.steps.test_shellsequence -*-
"""A step that runs several commands on the slave, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from buildbot.config.arguments import REQUIRED, Kind, arguments, complain
from buildbot.config.compare import ComparableMixin
from buildbot.config.kinds import FLAG, NAME, orNone, sequenceOf
from buildbot.logs.live import LogFile
from buildbot.model.properties import isRenderable
from buildbot.model.results import SUCCESS, fold
from buildbot.process.kinds import COMMAND
from buildbot.process.remotecommand import RemoteShellCommand
from buildbot.steps.command import ShellCommand


class ShellArg(ComparableMixin):
    """I am one command of a L{ShellSequence}, with flags like those of a step.

    @ivar logname: the log of its output; None: C{stdio}.
    """

    compare_attrs = (
        *("command", "logname", "haltOnFailure", "flunkOnFailure", "flunkOnWarnings"),
        *("warnOnFailure", "warnOnWarnings"),
    )

    @arguments(
        command=COMMAND,
        logname=orNone(NAME, "stdio"),
        logfile=orNone(NAME, "stdio"),
        haltOnFailure=FLAG,
        flunkOnFailure=FLAG,
        flunkOnWarnings=FLAG,
        warnOnFailure=FLAG,
        warnOnWarnings=FLAG,
    )
    def __init__(
        self,
        command: object = REQUIRED,
        logname: str | None = None,
        haltOnFailure: bool = False,
        flunkOnWarnings: bool = False,
        flunkOnFailure: bool = False,
        warnOnWarnings: bool = False,
        warnOnFailure: bool = False,
        logfile: str | None = None,
    ) -> None:
        """@param logfile: the name of 0.8 for C{logname}."""
        if not command:
            complain(self, "has no command to run")
        self.command = command
        self.logname = logname or logfile
        self.haltOnFailure = haltOnFailure
        self.flunkOnWarnings = flunkOnWarnings
        self.flunkOnFailure = flunkOnFailure
        self.warnOnWarnings = warnOnWarnings
        self.warnOnFailure = warnOnFailure


_COMMANDS = Kind(
    "a list of ShellArg(…)",
    lambda value: isRenderable(value) or sequenceOf(lambda each: isinstance(each, ShellArg))(value),
    standIn=(),
)


class ShellSequence(ShellCommand):
    """I run several commands, each with the arguments of a L{ShellCommand}.

    Their results add up to mine by their flags, like those of steps to the result of their build.
    """

    name = "shell_sequence"

    @arguments(commands=_COMMANDS)
    def __init__(self, commands: object = REQUIRED, **kwargs: Any) -> None:
        """@param commands: a list of L{ShellArg}, or a value with properties that becomes one."""
        super().__init__(**kwargs)
        if kwargs.get("command"):
            complain(self, "takes commands, not command", "command", kwargs["command"])
        self.commands = commands

    def shouldRunTheCommand(self, command: object) -> bool:
        """True for a command that is to run; subclasses may leave some out. An empty command does not run."""
        return bool(command)

    async def run(self) -> int:
        """See L{buildbot.process.basestep.BuildStep}."""
        return await self.runShellSequence(self.build.render(self.commands))

    async def runShellSequence(self, commands: Sequence[ShellArg]) -> int:
        """Run these commands.

        @return: the result of all of them.
        """
        results, cmd = SUCCESS, None
        logs: dict[str, LogFile] = {}
        for each in commands:
            command = self.build.render(each.command)
            if not self.shouldRunTheCommand(command):
                continue
            self.setCommand(command)
            self.step_status.setText(self.describe(False))
            cmd, notes = self.commandForSlave()
            self._useLogs(cmd, each.logname or "stdio", notes, logs)
            await self.runCommand(cmd)
            results, isOver = fold(results, self.evaluateCommand(cmd), each)
            if isOver:
                break
        if cmd is None:
            self.step_status.setText([self.name, "nothing to run"])
        elif (said := self.setStatus(cmd, results)) is not None:
            await said
        return results

    def _useLogs(
        self, cmd: RemoteShellCommand, name: str, notes: Sequence[str], logs: dict[str, LogFile]
    ) -> None:
        """Let a command write to its logs, which other commands may have used before."""
        for each, watched in ((name, "stdio"), *((each, each) for each in self.logfiles)):
            if each not in logs:
                logs[each] = self.addLog(each)
            cmd.useLog(logs[each], False, watched)
        for note in notes:
            logs[name].addHeader(note)
