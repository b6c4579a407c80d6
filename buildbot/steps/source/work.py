# -*- test-case-name: tests.unit.steps.source.test_driving -*-
"""The commands of a checkout by the master. They run on the slave one after the other, and share one log.

Slaves of 0.7 have no commands for directories. Their shell runs the usual programs instead.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.python.failure import Failure

from buildbot.process.loggingstep import LoggingBuildStep
from buildbot.process.remotecommand import LoggedRemoteCommand, RemoteShellCommand, SlaveSaid
from buildbot.steps.files import BytesReader
from buildbot.steps.source.checkout import CheckoutFailed, Slave
from buildbot.steps.source.hiding import HIDDEN, Hiding, secretsOf

#: The first version of the slave's shell command that hides obfuscated arguments in its output.
HIDES_ARGUMENTS = "2.16"
#: The most characters of a command's output that are kept.
LONGEST_OUTPUT = 1 << 20
#: The most characters of an unfinished line that are kept.
LONGEST_LINE = 4096
#: The bytes of one message of a file.
BLOCK = 64 * 1024
#: The most characters of names in one command, and those that a name may need besides itself.
AT_ONCE = 30000
BETWEEN = 4


class PartSkipped(CheckoutFailed):
    """The version control has left parts of the working copy as they are; C{lines} are its words."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__(f"a part of the working copy was not updated: {lines[0]}")
        self.lines = lines


@dataclass(frozen=True)
class Secret:
    """An argument that no log may show; C{shown} is shown instead of it."""

    real: str
    shown: str = HIDDEN


def hiddenUrl(url: str) -> str | Secret:
    """A URL as an argument of a command: a L{Secret} if it has a password."""
    secrets = secretsOf(url)
    if not secrets:
        return url
    shown = url
    for each in sorted(secrets, key=len, reverse=True):
        shown = shown.replace(each, HIDDEN)
    return Secret(url, shown)


def secret(word: str) -> Secret:
    """An argument of a command that nobody may see."""
    return Secret(word)


class _Hiding:
    """I put the output of commands into one log, without secrets."""

    def __init__(self, log: Any, hiding: Hiding) -> None:
        self._log = log
        self._hiding = hiding
        self._kept: dict[str, str] = {}

    def add(self, method: str, data: bytes | str) -> None:
        """Write text to the log. An end that may be the beginning of a secret waits for more text."""
        text = data.decode("utf-8", "surrogateescape") if isinstance(data, bytes) else data
        told, self._kept[method] = self._hiding.split(self._kept.pop(method, "") + text)
        if told:
            getattr(self._log, method)(told)

    def flush(self) -> None:
        """Write the waiting text."""
        kept, self._kept = self._kept, {}
        for method, text in kept.items():
            if text:
                getattr(self._log, method)(text)


class Heard:
    """I look for words in the lines of a program's output; they may come in pieces.

    @ivar lines: the lines that have these words.
    """

    def __init__(self, words: re.Pattern[str] | None) -> None:
        self._words = words
        self._rest: dict[str, str] = {}
        self.lines: list[str] = []

    def hear(self, text: str, stream: str = "stdout") -> None:
        """Look at more output of one of the program's streams."""
        if self._words is None:
            return
        *whole, rest = (self._rest.get(stream, "") + text).split("\n")
        self._rest[stream] = rest[:LONGEST_LINE]
        self._look(whole)

    def end(self) -> None:
        """Look at the last line, which may lack its end."""
        rest, self._rest = self._rest, {}
        self._look(rest.values())

    def _look(self, lines: Iterable[str]) -> None:
        if self._words is not None:
            self.lines += [line.strip() for line in lines if self._words.search(line)]


class _HidesSecrets(LoggedRemoteCommand):
    """I am a command whose output is written without secrets."""

    takesText = True
    hidingLog: _Hiding | None = None
    hiding: Hiding
    listeners: Sequence[Heard] = ()

    def useHiding(self, hiding: Hiding) -> None:
        """Hide these secrets. Call it before C{useLog}."""
        self.hiding = hiding

    def useLog(self, loog: Any, closeWhenFinished: bool = False, logfileName: str | None = None) -> None:
        """See L{LoggedRemoteCommand}."""
        super().useLog(loog, closeWhenFinished, logfileName)
        self.hidingLog = _Hiding(loog, self.hiding)

    def addStdout(self, data: bytes | str) -> None:
        """See L{LoggedRemoteCommand}."""
        self._hear("stdout", data)
        self._add("addStdout", data)

    def addStderr(self, data: bytes | str) -> None:
        """See L{LoggedRemoteCommand}."""
        self._hear("stderr", data)
        self._add("addStderr", data)

    @property
    def skipped(self) -> Sequence[str]:
        """The lines by which the version control told that it skipped parts of the working copy."""
        return self.listeners[0].lines if self.listeners else ()

    def _hear(self, stream: str, data: bytes | str) -> None:
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        for each in self.listeners:
            each.hear(text, stream)

    def addHeader(self, data: bytes | str) -> None:
        """See L{LoggedRemoteCommand}."""
        self._add("addHeader", data)

    def _add(self, method: str, data: bytes | str) -> None:
        if self.hidingLog is not None:
            self.hidingLog.add(method, data)

    def remoteComplete(self, maybeFailure: Failure | None) -> Any:
        """See L{LoggedRemoteCommand}. A slave's error may repeat an argument."""
        for each in self.listeners:
            each.end()
        if self.hidingLog is not None:
            self.hidingLog.flush()
        if maybeFailure is not None:
            said = maybeFailure.getErrorMessage()
            if self.hiding.hide(said) != said:
                maybeFailure = Failure(SlaveSaid(self.hiding.hide(said)))
        return super().remoteComplete(maybeFailure)


class _Nowhere:
    """I am the log of commands that people need not see."""

    name = "stdio"

    def addStdout(self, data: object) -> None:
        """Drop the text."""

    addStderr = addHeader = addStdout

    def getName(self) -> str:
        """See L{buildbot.logs.live.LogFile}."""
        return "stdio"

    def isWatched(self) -> bool:
        """See L{buildbot.logs.live.LogFile}."""
        return False


class _Program(_HidesSecrets, RemoteShellCommand):
    """I run a program, and keep its standard output."""

    output = ""

    def addStdout(self, data: bytes | str) -> None:
        """See L{LoggedRemoteCommand}."""
        text = data.decode("utf-8", "surrogateescape") if isinstance(data, bytes) else data
        self.output += text[: LONGEST_OUTPUT - len(self.output)]
        super().addStdout(data)


@dataclass(frozen=True)
class Outcome:
    """How a program has ended, and its standard output."""

    rc: int | None
    output: str = ""

    @property
    def isCut(self) -> bool:
        """True if the output has more than what is kept."""
        return len(self.output) >= LONGEST_OUTPUT

    @property
    def line(self) -> str:
        """The output's first line."""
        return self.output.strip().partition("\n")[0].strip()


@dataclass
class Work:
    """I run commands on the slave of a step.

    @ivar log: the log of all commands.
    @ivar skipping: the words by which the version control tells that it leaves a part of the working copy as
        it is, and ends with status 0 all the same. None if it has none.
    @ivar doubtful: the words of lines to keep; or None.
    @ivar doubts: the lines of the last command that have these words.
    """

    step: LoggingBuildStep
    slave: Slave
    log: Any
    hiding: Hiding
    timeout: float | None = 1200
    env: Mapping[str, Any] | None = None
    logEnviron: bool = False
    skipping: re.Pattern[str] | None = None
    doubtful: re.Pattern[str] | None = None
    doubts: list[str] = field(default_factory=list)

    def tell(self, words: str) -> None:
        """Write a line to the log."""
        self.log.addHeader(self.hiding.hide(words) + "\n")

    async def run(
        self,
        command: Sequence[str | Secret],
        directory: str,
        mayFail: bool = False,
        isQuiet: bool = False,
        stdin: str | None = None,
    ) -> Outcome:
        """Run a program.

        @param mayFail: whether the caller looks at the exit status.
        @param isQuiet: whether to leave it out of the log.
        @raise CheckoutFailed: its exit status is not 0.
        @raise PartSkipped: it has skipped a part of the working copy.
        """
        hides = self.slave.has("shell", HIDES_ARGUMENTS)
        sent = [
            (("obfuscated", each.real, each.shown) if hides else each.real)
            if isinstance(each, Secret)
            else each
            for each in command
        ]
        # without a terminal the output is as the program wrote it, and nobody is asked for a password
        others: dict[str, Any] = {"usePTY": False, **({} if stdin is None else {"initial_stdin": stdin})}
        env = {**(self.env or {}), **self.step.build.slaveEnvironment} or None
        program = _Program(directory, sent, env, timeout=self.timeout, logEnviron=self.logEnviron, **others)
        await self._perform(program, isQuiet)
        if program.rc != 0 and not mayFail:
            shown = [each.shown if isinstance(each, Secret) else each for each in command[:3]]
            raise CheckoutFailed(self.hiding.hide(f"{' '.join(shown)} failed with exit status {program.rc}"))
        if program.skipped and not mayFail:
            raise PartSkipped([self.hiding.hide(line) for line in program.skipped])
        return Outcome(program.rc, program.output)

    async def own(self, name: str, args: Mapping[str, Any]) -> PlainCommand:
        """Run the slave's own command for a checkout, to its end."""
        command = PlainCommand(name, args)
        await self._perform(command)
        return command

    async def exists(self, path: str) -> bool:
        """True if a file or directory exists."""
        if self.slave.has("stat"):
            command = PlainCommand("stat", {"file": path, "workdir": ""})
            await self._perform(command, isQuiet=True)
            return command.rc == 0
        outcome = await self.run(["test", "-e", path], ".", mayFail=True, isQuiet=True)
        return outcome.rc == 0

    async def removeDirectory(self, directory: str) -> None:
        """Remove a directory, if it exists, also one that may not be written to."""
        if self.slave.has("rmdir"):
            await self._must("rmdir", {"dir": directory}, f"{directory} cannot be removed")
            return
        removed = await self.run(["rm", "-rf", directory], ".", mayFail=True)
        if removed.rc != 0:
            # a directory that may not be written to keeps its files
            await self.run(["chmod", "-R", "u+rwx", directory], ".", mayFail=True)
            await self.run(["rm", "-rf", directory], ".")

    async def removeAll(self, directory: str, names: Sequence[str]) -> None:
        """Remove files and directories of a directory. One program removes many of them."""
        for some in portions(names):
            if len(some) > 1:
                removed = await self.run(["rm", "-rf", "--", *some], directory, mayFail=True)
                if removed.rc == 0:
                    continue
            for name in some:
                await self.removeDirectory(f"{directory}/{name}")

    async def makeDirectory(self, directory: str) -> None:
        """Make a directory with its parents; it may exist."""
        if self.slave.has("mkdir"):
            await self._must("mkdir", {"dir": directory}, f"{directory} cannot be made")
        else:
            await self.run(["mkdir", "-p", directory], ".", isQuiet=True)

    async def copyDirectory(self, source: str, target: str) -> None:
        """Replace a directory by a copy of another one."""
        await self.removeDirectory(target)
        if self.slave.has("cpdir"):
            told = {"fromdir": source, "todir": target}
            await self._must("cpdir", told, f"{source} cannot be copied to {target}")
        else:
            await self.run(["cp", "-R", "-P", "-p", source, target], ".")

    async def write(self, directory: str, name: str, content: bytes) -> None:
        """Write a file."""
        reader = BytesReader(content)
        told = {"slavedest": name, "workerdest": name, "workdir": directory, "reader": reader}
        told |= {"maxsize": None, "blocksize": BLOCK, "mode": None}
        await self._must("downloadFile", told, f"{name} cannot be written", {})

    async def _must(
        self, name: str, args: Mapping[str, Any], trouble: str, more: Mapping[str, Any] | None = None
    ) -> None:
        also = {"timeout": self.timeout, "logEnviron": self.logEnviron} if more is None else more
        command = PlainCommand(name, {**args, **also})
        await self._perform(command)
        if command.rc != 0:
            raise CheckoutFailed(f"{trouble}: the slave's command {name} has the status {command.rc}")

    async def _perform(self, command: _HidesSecrets, isQuiet: bool = False) -> None:
        command.useHiding(self.hiding)
        command.useLog(_Nowhere() if isQuiet else self.log, False)
        command.listeners = heard = (Heard(self.skipping), Heard(self.doubtful))
        await self.step.runCommand(command)
        self.doubts = heard[1].lines


class PlainCommand(_HidesSecrets):
    """I am a command of the slave for files, directories or a checkout; it takes no program to run."""


def portions(names: Iterable[str]) -> Iterator[list[str]]:
    """The names for one command after another."""
    some: list[str] = []
    size = 0
    for name in names:
        length = len(name) + BETWEEN
        if some and size + length > AT_ONCE:
            yield some
            some, size = [], 0
        some.append(name)
        size += length
    if some:
        yield some


def relative(directory: str, name: str) -> str:
    """The path of a file of the top directory, seen from a directory below it."""
    return posixpath.join(*[".." for part in directory.split("/") if part], name)
