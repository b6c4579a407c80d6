# -*- test-case-name: tests.processes.test_master_steps -*-
"""Steps that run on the master: a command, and the setting of a property."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from buildbot.config.arguments import REQUIRED, Kind, arguments, complain
from buildbot.config.kinds import FLAG, SIGNAL, orNone
from buildbot.logs.live import LogFile
from buildbot.model.interpolate import Property
from buildbot.model.properties import WithProperties
from buildbot.model.results import FAILURE, SUCCESS
from buildbot.process.basestep import BuildStep
from buildbot.process.commandline import words
from buildbot.process.kinds import COMMAND, DIRECTORY, ENVIRONMENT, PROPERTY, WORDS
from buildbot.process.masterpath import UnsafePath, onMaster
from buildbot.process.provenance import Origin, piecesOf
from buildbot.programs.running import Program, ProgramFailed
from buildbot.status.step import asWords

#: The characters that a shell does not interpret.
_HARMLESS = re.compile(r"[\w@%+=:,./-]*")
#: C{${NAME}} in the value of a variable stands for that variable of the master.
_VARIABLE = re.compile(r"\$\{(\w+)\}")


class UnsafeCommand(ValueError):
    """A property has characters that a shell interprets; the message names the property."""


class _LoggedProgram(Program):
    """I am a program whose output goes into a log."""

    def __init__(self, reactor: Any, logfile: LogFile) -> None:
        super().__init__(reactor, None)
        self._logfile = logfile

    def outReceived(self, data: bytes) -> None:
        """See L{Program}."""
        self._logfile.addStdout(data)

    def errReceived(self, data: bytes) -> None:
        """See L{Program}."""
        self._logfile.addStderr(data)


class MasterShellCommand(BuildStep):
    """I run a command on the master, in the directory of the master.

    Properties may come from people who may not run commands on the master. A list of arguments is safe for
    them. In a text, which a shell reads, a property from a slave, a change or a request may only have
    characters that mean nothing to a shell; otherwise I fail.
    """

    name = "MasterShellCommand"
    description: Any = "Running"
    descriptionDone: Any = "Ran"
    descriptionSuffix: Any = None
    haltOnFailure = True
    flunkOnFailure = True
    _program: _LoggedProgram | None = None

    @arguments(
        command=COMMAND,
        description=WORDS,
        descriptionDone=WORDS,
        descriptionSuffix=WORDS,
        env=ENVIRONMENT,
        path=DIRECTORY,
        usePTY=FLAG,
        interruptSignal=orNone(SIGNAL),
    )
    def __init__(
        self,
        command: object = REQUIRED,
        description: object = None,
        descriptionDone: object = None,
        descriptionSuffix: object = None,
        env: Mapping[str, Any] | None = None,
        path: str | WithProperties | None = None,
        usePTY: bool = False,
        interruptSignal: str | None = "KILL",
        **kwargs: Any,
    ) -> None:
        """@param command: a text for C{/bin/sh}, or a list of a program and its arguments.
        @param env: variables to add to the environment of the master; None removes one. C{${NAME}} stands for
            a variable of the master.
        @param path: the working directory; by default the directory of the master.
        @param usePTY: ignored: a command of the master has no terminal.
        @param interruptSignal: the signal that ends the command when the build is stopped.
        """
        super().__init__(**kwargs)
        if command is None:
            complain(self, "has no command")
        self.command = list(words(command)) if isinstance(command, (list, tuple)) else command
        self.description = description or self.description
        self.descriptionDone = descriptionDone or description or self.descriptionDone
        self.descriptionSuffix = descriptionSuffix
        self.env = dict(env or {})
        self.path = path
        self.usePTY = usePTY
        self.interruptSignal = interruptSignal or "KILL"

    async def run(self) -> int:
        """See L{BuildStep}."""
        self.step_status.setText(self._words(self.description))
        logfile = self.addLog("stdio")
        try:
            results, why = await self._ran(logfile)
        except (UnsafeCommand, UnsafePath) as unsafe:
            results, why = FAILURE, str(unsafe)
        if why:
            logfile.addHeader(f"{why}\n")
        logfile.finish()
        words = self._words(self.descriptionDone)
        self.step_status.setText([*words, "failed"] if results == FAILURE else words)
        if results == FAILURE:
            self.step_status.setText2([self.name])
        return results

    def _words(self, words: object) -> list[str]:
        return [*asWords(self.build.render(words)), *asWords(self.build.render(self.descriptionSuffix) or ())]

    async def _ran(self, logfile: LogFile) -> tuple[int, str]:
        """Run the command. Returns the result and the last line of the log."""
        command, where = self._rendered(), self._directory()
        logfile.addHeader(f"{' '.join(map(shlex.quote, self._shown()))}\nin directory {where}\n")
        self._program = program = _LoggedProgram(self.build.clock, logfile)
        if self.stopped:
            return FAILURE, "the build was stopped"
        try:
            await program.start(command, where, self._environment())
        except ProgramFailed as failed:
            return FAILURE, f"exit status {failed.status}" if failed.status is not None else str(failed)
        finally:
            self._program = None
        return SUCCESS, "exit status 0"

    def _rendered(self) -> list[str]:
        said = self.build.render(self.command)
        if isinstance(said, str):
            pieces = piecesOf(self.command, self.build)
            for piece in pieces:
                if piece.by is not Origin.CONFIGURATION and not _HARMLESS.fullmatch(piece.text):
                    raise UnsafeCommand(
                        f"property {piece.name!r} is {piece.text!r}, which a shell would interpret:"
                        " write the command as a list of arguments"
                    )
            return ["/bin/sh", "-c", "".join(piece.text for piece in pieces)]
        if isinstance(self.command, Property):
            for piece in piecesOf(self.command, self.build):
                if piece.by is not Origin.CONFIGURATION:
                    raise UnsafeCommand(
                        f"property {piece.name!r} is not from the configuration, so it chooses no program"
                    )
        return [each[1] if isinstance(each, tuple) else each for each in said]

    def _shown(self) -> list[str]:
        """The command for the log, without secrets."""
        said = self.build.render(self.command)
        return (
            [said]
            if isinstance(said, str)
            else [each[2] if isinstance(each, tuple) else each for each in said]
        )

    def _directory(self) -> str:
        basedir = self.build.builder.botmaster.resources.basedir
        return onMaster(basedir, piecesOf(self.path, self.build)) if self.path else basedir

    def _environment(self) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for name, value in self.build.render(self.env).items():
            text = os.pathsep.join(value) if isinstance(value, (list, tuple)) else value
            found[name] = None if text is None else _VARIABLE.sub(lambda at: os.environ.get(at[1], ""), text)
        return found

    def interrupt(self, reason: str | Failure) -> Deferred[None]:
        """See L{BuildStep}."""
        super().interrupt(reason)
        if self._program is not None:
            self._program.stop(self.interruptSignal)
        return succeed(None)


_VALUE = Kind("a value of a property", lambda value: True)


class SetProperty(BuildStep):
    """I set a property to a value, which may be made of other properties."""

    name = "SetProperty"
    flunkOnFailure = True

    @arguments(property=PROPERTY, value=_VALUE)
    def __init__(self, property: object = REQUIRED, value: object = REQUIRED, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.property = property
        self.value = value

    async def run(self) -> int:
        """See L{BuildStep}."""
        name = self.build.render(self.property)
        self.setProperty(name, self.build.render(self.value))
        self.step_status.setText([f"property '{name}' set"])
        return SUCCESS
