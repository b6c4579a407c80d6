# -*- test-case-name: tests.unit.steps.test_slave -*-
"""Steps that work on files, directories and the environment of the slave.

Slaves of 0.8 and workers have commands for this. A slave of 0.7 runs the usual program instead.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.config.arguments import REQUIRED, arguments
from buildbot.config.kinds import SOME_SECONDS, TEXT, orNone
from buildbot.model.properties import WithProperties
from buildbot.model.results import FAILURE, SUCCESS
from buildbot.process.basestep import BuildStep
from buildbot.process.kinds import PATH, VARIABLES
from buildbot.process.remotecommand import LoggedRemoteCommand, RemoteShellCommand
from buildbot.wire.environment import LONGEST_VALUE

#: Seconds for a slave to tell its environment.
ANSWER_TIME = 60.0


class _FilesStep(BuildStep):
    """I run one command on the slave; its output and its exit status are my result.

    Paths are relative to the directory of the builder.

    @ivar doing: the words for my description while I run; C{done}: those after a success.
    """

    haltOnFailure = True
    flunkOnFailure = True
    doing = "Working"
    done = "Done"

    def path(self) -> str:
        """The path for my description."""
        raise NotImplementedError

    def command(self) -> tuple[str, Mapping[str, Any], Sequence[str]]:
        """My command on the slave: its name, its arguments, and the program that does the same."""
        raise NotImplementedError

    def judged(self, cmd: LoggedRemoteCommand) -> tuple[int, list[str]]:
        """My result and my description, after the command has ended with exit status 0."""
        return SUCCESS, [self.done]

    async def run(self) -> int:
        """See L{BuildStep}."""
        words = [self.doing, self.path()]
        self.step_status.setText(self.described(words))
        name, args, program = self.command()
        if self.slaveVersion(name) is not None:
            cmd = LoggedRemoteCommand(name, dict(args))
        else:
            cmd = RemoteShellCommand(".", list(program), timeout=args.get("timeout", 120))
        cmd.useLog(self.addLog("stdio"), closeWhenFinished=True)
        await self.runCommand(cmd)
        if cmd.rc != 0:
            results, words = FAILURE, [*self.described(words, done=True), "failed"]
        else:
            results, words = self.judged(cmd)
            words = self.described(words, done=True) if results == SUCCESS else words
        self.step_status.setText(words)
        if results == FAILURE:
            self.step_status.setText2([self.name])
        return results


class _DirectoryStep(_FilesStep):
    """I work on one directory, C{dir}."""

    @arguments(dir=PATH)
    def __init__(self, dir: str | WithProperties = REQUIRED, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dir = dir

    def path(self) -> str:
        """See L{_FilesStep}."""
        return str(self.build.render(self.dir))


class RemoveDirectory(_DirectoryStep):
    """I remove a directory with all that is in it. A missing one counts as removed."""

    name = "RemoveDirectory"
    doing, done = "Deleting", "Deleted"

    def command(self) -> tuple[str, Mapping[str, Any], Sequence[str]]:
        """See L{_FilesStep}."""
        return "rmdir", {"dir": self.path()}, ["rm", "-rf", "--", self.path()]


class MakeDirectory(_DirectoryStep):
    """I make a directory, and those above it. An existing one counts as made."""

    name = "MakeDirectory"
    doing, done = "Creating", "Created"

    def command(self) -> tuple[str, Mapping[str, Any], Sequence[str]]:
        """See L{_FilesStep}."""
        return "mkdir", {"dir": self.path()}, ["mkdir", "-p", "--", self.path()]


class CopyDirectory(_FilesStep):
    """I copy the directory C{src} with all that is in it to C{dest}."""

    name = "CopyDirectory"
    doing, done = "Copying", "Copied"

    @arguments(src=PATH, dest=PATH, timeout=orNone(SOME_SECONDS), maxTime=orNone(SOME_SECONDS))
    def __init__(
        self,
        src: str | WithProperties = REQUIRED,
        dest: str | WithProperties = REQUIRED,
        timeout: float | None = None,
        maxTime: float | None = None,
        **kwargs: Any,
    ) -> None:
        """@param timeout: seconds without output after which the slave stops the copy; None: 120.
        @param maxTime: the most seconds that the copy may take; None: no limit.
        """
        super().__init__(**kwargs)
        self.src = src
        self.dest = dest
        self.timeout = timeout
        self.maxTime = maxTime

    def path(self) -> str:
        """See L{_FilesStep}."""
        return f"{self.build.render(self.src)} to {self.build.render(self.dest)}"

    def command(self) -> tuple[str, Mapping[str, Any], Sequence[str]]:
        """See L{_FilesStep}."""
        source, target = self.build.render(self.src), self.build.render(self.dest)
        args = {"fromdir": source, "todir": target, "timeout": self.timeout or 120}
        if self.maxTime:
            args["maxTime"] = self.maxTime
        return "cpdir", args, ["cp", "-R", "-P", "-p", "--", source, target]


class FileExists(_FilesStep):
    """I succeed if a file exists on the slave, and is no directory."""

    name = "FileExists"
    doing, done = "Checking", "File found."

    @arguments(file=PATH)
    def __init__(self, file: str | WithProperties = REQUIRED, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.file = file

    def path(self) -> str:
        """See L{_FilesStep}."""
        return str(self.build.render(self.file))

    def command(self) -> tuple[str, Mapping[str, Any], Sequence[str]]:
        """See L{_FilesStep}."""
        return "stat", {"file": self.path()}, ["test", "-f", self.path()]

    def judged(self, cmd: LoggedRemoteCommand) -> tuple[int, list[str]]:
        """See L{_FilesStep}."""
        found = cmd.updates.get("stat", [()])[-1]
        if found and not stat.S_ISREG(found[0]):
            return FAILURE, ["Not a file."]
        return SUCCESS, [self.done]


class SetPropertiesFromEnv(BuildStep):
    """I set a property of the same name for each of some variables of the slave's environment.

    A variable that is not set, or is empty, sets no property.
    """

    name = "SetPropertiesFromEnv"

    @arguments(variables=VARIABLES, source=TEXT)
    def __init__(
        self, variables: str | Sequence[str] = REQUIRED, source: str = "SlaveEnvironment", **kwargs: Any
    ) -> None:
        """@param variables: names, or one name.
        @param source: the source of the properties, in words.
        """
        super().__init__(**kwargs)
        self.variables = [variables] if isinstance(variables, str) else list(variables)
        self.source = source

    async def run(self) -> int:
        """See L{BuildStep}."""
        self.step_status.setText(self.described(["Setting", "properties"]))
        asked = self.remote.peer.variables(self.variables)
        values = await asked.addTimeout(ANSWER_TIME, self.remote.clock)
        if values is None:
            values = await self._printed()
        for name, value in values.items():
            self.setProperty(name, value, self.source)
        told = [f"{name} = {value!r}\n" for name, value in values.items()]
        missed = [f"{name} is not set\n" for name in self.variables if name not in values]
        self.addCompleteLog("properties", "".join([*told, *missed]))
        self.step_status.setText(self.described(["Set", "properties"], done=True))
        return SUCCESS

    async def _printed(self) -> dict[str, str]:
        """The variables of a slave of 0.7, which only its programs can tell."""
        values = {}
        for name in self.variables:
            cmd = RemoteShellCommand(".", ["printenv", name], timeout=120, collectStdout=True)
            await self.runCommand(cmd)
            value = cmd.stdout.removesuffix("\n")
            if cmd.rc == 0 and value and len(value) <= LONGEST_VALUE:
                values[name] = value
        return values
