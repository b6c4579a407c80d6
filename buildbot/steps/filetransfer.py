# -*- test-case-name: tests.unit.steps.test_transfer -*-
"""Transfers of one file or directory between slave and master, for the steps that consist of them.

L{buildbot.steps.files} has the master's end of a transfer. L{buildbot.steps.transfer} has the steps.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionLost

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.interpolate import Interpolate
from buildbot.model.properties import WithProperties, isRenderable
from buildbot.process.basestep import BuildStep
from buildbot.process.provenance import Origin, Piece, piecesOf
from buildbot.process.remotecommand import RemoteCommand, RemoteShellCommand
from buildbot.steps.files import BytesWriter, FileCallee
from buildbot.wire.dialect import text

if TYPE_CHECKING:
    from buildbot.process.seams import BuildForStep

#: The default bytes in one message.
BLOCK = 16 * 1024
#: The most characters of a slave's error output that are kept.
COMPLAINTS = 64 * 1024


class StatusRemoteCommand(RemoteCommand):
    """I am a command without logs.

    @ivar stderr: the lines of the slave's error output.
    """

    takesText = False
    stderr = ""

    def remoteUpdate(self, update: dict[str, Any]) -> None:
        """See L{RemoteCommand}."""
        super().remoteUpdate(update)
        if "stderr" in update and len(self.stderr) < COMPLAINTS:
            self.stderr += text(update["stderr"], COMPLAINTS, lines=True).rstrip("\n") + "\n"


class Transfer:
    """I am one transfer of one step.

    @ivar cmd: the slave's part.
    @ivar complaints: the errors of both sides, in lines; empty after a success.
    """

    def __init__(self, step: BuildStep, callee: FileCallee, name: str, args: Mapping[str, Any]) -> None:
        """@param callee: the master's part.
        @param name: the slave's command, with its C{args}.
        """
        self.cmd = StatusRemoteCommand(name, args)
        self.complaints = ""
        self._step = step
        self._callee = callee

    async def run(self) -> bool:
        """Run both parts. Returns True if the whole file has arrived."""
        callee = self._callee
        try:
            if callee.error is None:
                self.complaints = await self._ran()
        finally:
            callee.discard()
        self.complaints += f"{callee.error}\n" if callee.error else ""
        # Slaves of 0.7 end an interrupted transfer without an exit status.
        return self.cmd.rc == 0 and callee.error is None

    def discard(self) -> None:
        """Stop the master's part."""
        self._callee.discard()

    async def _ran(self) -> str:
        """Run the slave's part and then the master's. Returns the slave's error output."""
        callee, cmd = self._callee, self.cmd
        callee.whenHeard = cmd.heard
        callee.whenFailed = lambda: cmd.interrupt("the master cannot continue the transfer")
        try:
            await self._step.runCommand(cmd)
        except ConnectionLost:
            raise
        except PLUGIN_ERRORS as error:
            cmd.rc = cmd.rc or -1
            return f"{cmd.stderr}{text(str(error), COMPLAINTS, lines=True)}\n"
        if cmd.rc == 0 or callee.isCut:
            await callee.keep()
        return cmd.stderr


async def readFile(step: BuildStep, path: str, workdir: str, maxsize: int) -> tuple[str, str]:
    """Read a small file of the slave, for a step that has started.

    @return: the text, and the complaints of the slave, in lines. The text is empty if there are complaints.
    """
    writer = BytesWriter(path, maxsize)
    args = {"slavesrc": path, "workersrc": path, "workdir": workdir, "writer": writer}
    limits = {"maxsize": maxsize, "blocksize": BLOCK, "keepstamp": False}
    transfer = Transfer(step, writer, "uploadFile", {**args, **limits})
    if await transfer.run():
        return writer.content.decode("utf-8", "replace"), ""
    return "", transfer.complaints or "the slave did not send it"


async def isDirectory(step: BuildStep, path: str, workdir: str) -> bool:
    """True for a directory of the slave; False for a file, and for a missing one.

    A slave of 0.7 has no command for it, so it runs C{test}.
    """
    cmd: RemoteCommand
    if step.slaveVersion("stat") is None:
        cmd = RemoteShellCommand(workdir, ["test", "-d", path], timeout=120)
        await step.runCommand(cmd)
        return cmd.rc == 0
    cmd = StatusRemoteCommand("stat", {"file": path, "workdir": workdir})
    await step.runCommand(cmd)
    found = cmd.updates.get("stat", [()])[-1]
    return cmd.rc == 0 and bool(found) and stat.S_ISDIR(found[0])


def namedCopies(sources: object, build: BuildForStep) -> list[tuple[str, Piece]]:
    """The files and directories that a build copies, each with the name of its copy.

    @param sources: a name, a list of names, or a value of properties that becomes one of them.
    """
    if isRenderable(sources) and not isinstance(sources, (Interpolate, WithProperties)):
        found = build.render(sources)
        pairs = [(each, Piece(each, Origin.SLAVE)) for each in _listed(found)]
    else:
        least = [max(piecesOf(each, build), key=lambda piece: piece.by) for each in _listed(sources)]
        pairs = list(zip(build.render(_listed(sources)), least, strict=True))
    return [(source, replace(piece, text=lastPart(source))) for source, piece in pairs if source]


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def lastPart(path: str) -> str:
    """The name of a file or directory, without the directory that it is in."""
    return path.rstrip("/").rpartition("/")[2]
