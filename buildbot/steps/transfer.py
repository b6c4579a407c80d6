# -*- test-case-name: tests.unit.steps.test_transfer -*-
"""Steps that copy files between slave and master, and the objects that the slave calls for this.

A file on the master appears completely or not at all. L{buildbot.steps.unpacking} unpacks archives.
L{buildbot.process.masterpath} checks paths that a slave has influenced.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from buildbot.config.arguments import REQUIRED, arguments
from buildbot.config.kinds import COUNT, FLAG, SIZE, oneOf, orNone
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.files.partial import Partials, partialPath
from buildbot.files.permissions import makeDirectories
from buildbot.files.plain import openPlain
from buildbot.files.sparing import sparing
from buildbot.model.properties import WithProperties
from buildbot.model.results import FAILURE, SUCCESS
from buildbot.process.basestep import BuildStep
from buildbot.process.kinds import DIRECTORY, FILE, MODE, PATH, SOURCE_FILE
from buildbot.process.masterpath import onMaster
from buildbot.process.provenance import piecesOf
from buildbot.process.remotecommand import RemoteCommand
from buildbot.steps.unpacking import Unpacking, orderFor
from buildbot.text.plural import counted
from buildbot.wire.callee import Callee
from buildbot.wire.dialect import text

#: The most bytes in one message; PB's own limit is 640 KiB.
LARGEST_BLOCK = 256 * 1024
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


# ---- objects that the slave calls


class _FileCallee(Callee):
    """I am the master's end of a transfer. Errors are kept for the step; the slave does not see them.

    @ivar path: the path of the file on the master.
    @ivar error: the first error, in words; None if there was none.
    @ivar whenFailed: called on the first error.
    @ivar whenHeard: called whenever data arrives or leaves. Empty calls do not count.
    """

    error: str | None = None

    def __init__(self, path: str) -> None:
        self.path = path
        self.whenHeard: Callable[[], object] = lambda: None
        self.whenFailed: Callable[[], object] = lambda: None
        self._file: io.BufferedReader | io.BufferedWriter | None = None

    @contextmanager
    def _remembering(self) -> Iterator[None]:
        """A context that stores an exception in C{error} for the step, instead of raising it to the slave."""
        try:
            yield
        except PLUGIN_ERRORS as error:
            if self.error is None:
                words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                self.error = f"{self.path}: {words}"
                self.whenFailed()

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    @property
    def isCut(self) -> bool:
        """True if the size limit was reached and the part received is kept."""
        return False

    async def keep(self) -> None:
        """Move the received data to its place. Sets C{error} if that fails."""

    def discard(self) -> None:
        """End the transfer: delete data that was not kept, and accept no more."""
        self.whenFailed = self.whenHeard = lambda: None  # else a slave that keeps me keeps the build
        with self._remembering():
            self._close()


class FileWriter(_FileCallee):
    """I write the slave's data to a temporary file beside C{path}."""

    def __init__(
        self,
        path: str,
        maxsize: int | None = None,
        mode: int | None = None,
        partials: Partials | None = None,
    ) -> None:
        """@param maxsize: the most bytes to accept; more is an error.
        @param mode: permissions of the file; None: the umask decides.
        @param partials: notes the incomplete file, for removal if the master is killed.
        """
        super().__init__(os.path.realpath(path))
        self.partials = partials
        self.maxsize = maxsize
        self.mode = mode
        self._length = 0
        self._complete = False
        self._temporary: str | None = None
        with self._remembering():
            self._check()
            self._open()

    def _check(self) -> None:
        if os.path.lexists(self.path) and not os.path.isfile(self.path):
            raise ValueError("the path exists and is not a file")

    def _open(self) -> None:
        makeDirectories(os.path.dirname(self.path), self.mode)
        temporary = partialPath(self.path)
        if self.partials is not None:
            self.partials.note(temporary)
        permissions = 0o666 if self.mode is None else 0o600
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, permissions)
        self._temporary = temporary
        self._file = io.BufferedWriter(sparing(descriptor, temporary, canWrite=True))

    def remote_write(self, data: bytes) -> None:
        """Append bytes to the file."""
        if self._file is None or self.error is not None:
            return
        with self._remembering():
            if not isinstance(data, bytes):
                raise ValueError(f"the slave sent a {type(data).__name__} instead of bytes")
            self._length += len(data)
            if self.maxsize is not None and self._length > self.maxsize:
                raise ValueError(f"the slave sent more than {counted(self.maxsize, 'byte')}")
            if data:
                self.whenHeard()
            self._file.write(data)

    def remote_close(self) -> None:
        """End the file: the slave has sent all bytes."""
        with self._remembering():
            if self._file is not None:
                self.whenHeard()
            self._complete = self._complete or self._file is not None
            self._close()

    def remote_utime(self, accessed_modified: Sequence[float]) -> None:
        """Set the file's times (accessed, modified), in seconds since the epoch. Called after the end."""
        if self._temporary is not None:
            with self._remembering():
                accessed, modified = accessed_modified
                os.utime(self._temporary, (accessed, modified))

    @property
    def isCut(self) -> bool:
        """See L{_FileCallee}: the slave stops at C{maxsize}, and calls that a failure."""
        return self._complete and self._length == self.maxsize

    async def keep(self) -> None:
        """See L{_FileCallee}."""
        with self._remembering():
            if not self._complete:
                raise ValueError("the slave did not send the whole file")
            if self.error is None and self._temporary is not None:
                await self._place(self._temporary)

    async def _place(self, temporary: str) -> None:
        if self.mode is not None:
            os.chmod(temporary, self.mode)
        os.replace(temporary, self.path)
        self._temporary = None
        self._forget(temporary)

    def _forget(self, temporary: str) -> None:
        if self.partials is not None:
            self.partials.forget(temporary)

    def discard(self) -> None:
        """See L{_FileCallee}."""
        super().discard()
        temporary, self._temporary = self._temporary, None
        if temporary is not None:
            with self._remembering():
                os.unlink(temporary)
                self._forget(temporary)


class DirectoryWriter(FileWriter):
    """I write the slave's archive to a temporary file and unpack it into C{path}."""

    _unpacking: Unpacking | None = None

    def _check(self) -> None:
        if os.path.lexists(self.path) and not os.path.isdir(self.path):
            raise ValueError("the path exists and is not a directory")

    def remote_unpack(self) -> None:
        """End the archive: the slave has sent all bytes."""
        self.remote_close()

    @property
    def isCut(self) -> bool:
        """See L{_FileCallee}. Never True: a part of an archive cannot be unpacked."""
        return False

    async def _place(self, temporary: str) -> None:
        order = orderFor(temporary, self.path, self.maxsize, self.mode)
        if self.partials is not None:
            self.partials.note(order.aside)
        self._unpacking = Unpacking(order)
        try:
            await self._unpacking.start()
        finally:
            self._forget(order.aside)

    def discard(self) -> None:
        """See L{_FileCallee}."""
        super().discard()
        if self._unpacking is not None:
            self._unpacking.stop()


class FileReader(_FileCallee):
    """I read C{path} for the slave."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        with self._remembering():
            # raises for a pipe, which would block the master
            self._file = io.BufferedReader(sparing(openPlain(path), path, canWrite=False))

    def remote_read(self, maxlength: int) -> bytes:
        """Return the next bytes, at most C{maxlength}; empty at the end and after an error."""
        if self._file is not None and self.error is None:
            with self._remembering():
                block = self._file.read(max(0, min(maxlength, LARGEST_BLOCK)))
                if block:
                    self.whenHeard()
                return block
        return b""

    def remote_close(self) -> None:
        """Close the file: the slave has read all it needs."""
        with self._remembering():
            self._close()


# ---- the steps


class _FileTransfer(BuildStep):
    """The common part of uploads and downloads.

    @ivar workdir: the directory of the slave's file, relative to the builder's directory.
    @ivar maxsize: the most bytes to copy; the step fails for a longer file. None: no limit.
    @ivar blocksize: the bytes in one message, at most L{LARGEST_BLOCK}.
    @ivar mode: permissions of the new file, as for chmod; None: the receiver's default.
    @ivar cmd: the running or finished command.
    """

    cmd: StatusRemoteCommand | None = None
    _callee: _FileCallee | None = None

    @arguments(workdir=DIRECTORY, maxsize=orNone(SIZE, "no limit"), blocksize=COUNT, mode=MODE)
    def __init__(
        self,
        build: object = None,
        workdir: str | WithProperties = "build",
        maxsize: int | None = None,
        blocksize: int = BLOCK,
        mode: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(build, **kwargs)  # type: ignore[arg-type]  # checked by its kind
        self.workdir = workdir
        self.maxsize = maxsize
        self.blocksize = blocksize
        self.mode = mode

    def _onMaster(self, path: Any) -> str:
        """A path of the configuration, relative to the directory of the master.

        @raise UnsafePath: a property would lead out of the directory that the configuration names.
        """
        basedir = self.build.builder.botmaster.resources.basedir
        return onMaster(basedir, piecesOf(path, self.build))

    def _transfer(self, words: Sequence[str], callee: _FileCallee, name: str, args: dict[str, Any]) -> None:
        self.step_status.setText(list(words))
        common = {
            "workdir": self.build.render(self.workdir),
            "maxsize": self.maxsize,
            "blocksize": min(self.blocksize, LARGEST_BLOCK),
        }
        self._callee = callee
        self.cmd = StatusRemoteCommand(name, {**common, **args})
        ensureDeferred(self._run(words, callee, self.cmd)).addErrback(self.failed)

    def interrupt(self, reason: str | Failure) -> Any:
        """See L{BuildStep}. After the end of the command, this stops the master's part of the transfer."""
        if self._callee is not None and not self.isRunningCommand():
            self._callee.discard()
        return super().interrupt(reason)

    async def _run(self, words: Sequence[str], callee: _FileCallee, cmd: StatusRemoteCommand) -> None:
        complaints = ""
        try:
            if callee.error is None:
                complaints = await self._ran(callee, cmd)
        finally:
            callee.discard()
        complaints += f"{callee.error}\n" if callee.error else ""
        if complaints:
            self.addCompleteLog("stderr", complaints)
        # Slaves of 0.7 end an interrupted transfer without an exit status.
        if cmd.rc == 0 and callee.error is None:
            self.finished(SUCCESS)
        else:
            self.step_status.setText([*words, "failed"])
            self.step_status.setText2([self.name])
            self.finished(FAILURE)

    async def _ran(self, callee: _FileCallee, cmd: StatusRemoteCommand) -> str:
        """Run the slave's part and the master's part. Returns the slave's error output."""
        callee.whenHeard = cmd.heard
        callee.whenFailed = lambda: cmd.interrupt("the master cannot continue the transfer")
        try:
            await self.runCommand(cmd)
        except ConnectionLost:
            raise
        except PLUGIN_ERRORS as error:
            cmd.rc = cmd.rc or -1
            return f"{cmd.stderr}{text(str(error), COMPLAINTS, lines=True)}\n"
        if cmd.rc == 0 or callee.isCut:
            await callee.keep()
        return cmd.stderr


class FileUpload(_FileTransfer):
    """I copy the file C{slavesrc} of the slave to C{masterdest} in the master's directory."""

    name = "upload"

    @arguments(slavesrc=SOURCE_FILE, masterdest=FILE, keepstamp=FLAG)
    def __init__(
        self,
        build: object = None,
        slavesrc: str | WithProperties = REQUIRED,
        masterdest: str | WithProperties = REQUIRED,
        workdir: str | WithProperties = "build",
        maxsize: int | None = None,
        blocksize: int = BLOCK,
        mode: int | None = None,
        keepstamp: bool = False,
        **kwargs: Any,
    ) -> None:
        """@param keepstamp: whether the copy has the times of the original; slaves before 0.8.9 cannot."""
        super().__init__(build, workdir, maxsize, blocksize, mode, **kwargs)
        self.slavesrc = slavesrc
        self.masterdest = masterdest
        self.keepstamp = keepstamp

    def start(self) -> Any:
        """See L{BuildStep}."""
        self.checkSlaveHasCommand("uploadFile")
        source = self.build.render(self.slavesrc)
        partials = self.build.builder.botmaster.resources.partials
        writer = FileWriter(self._onMaster(self.masterdest), self.maxsize, self.mode, partials)
        args = {"slavesrc": source, "workersrc": source, "writer": writer, "keepstamp": bool(self.keepstamp)}
        self._transfer(["uploading", _last(source)], writer, "uploadFile", args)


class DirectoryUpload(_FileTransfer):
    """I copy the contents of the slave's directory C{slavesrc} to C{masterdest} in the master's directory.

    The slave must be 0.7.12 or later. Files of the same name in C{masterdest} are replaced; others stay.

    @ivar mode: permissions of the files, as for chmod; readers of a file may also list its directory. A file
        becomes executable only if it is executable on the slave. None: the umask decides.
    """

    name = "upload"

    @arguments(slavesrc=PATH, masterdest=PATH, compress=oneOf(None, "gz", "bz2"))
    def __init__(
        self,
        build: object = None,
        slavesrc: str | WithProperties = REQUIRED,
        masterdest: str | WithProperties = REQUIRED,
        workdir: str | WithProperties = "build",
        maxsize: int | None = None,
        blocksize: int = BLOCK,
        compress: str | None = None,
        **kwargs: Any,
    ) -> None:
        """@param maxsize: the most bytes of the archive, and the most bytes of the unpacked contents.
        @param compress: the compression of the archive: None, C{"gz"} or C{"bz2"}.
        """
        super().__init__(build, workdir, maxsize, blocksize, **kwargs)
        self.slavesrc = slavesrc
        self.masterdest = masterdest
        self.compress = compress

    def start(self) -> Any:
        """See L{BuildStep}."""
        self.checkSlaveHasCommand("uploadDirectory")
        source = self.build.render(self.slavesrc)
        partials = self.build.builder.botmaster.resources.partials
        writer = DirectoryWriter(self._onMaster(self.masterdest), self.maxsize, self.mode, partials)
        args = {"slavesrc": source, "workersrc": source, "writer": writer, "compress": self.compress}
        self._transfer(["uploading", _last(source)], writer, "uploadDirectory", args)


class FileDownload(_FileTransfer):
    """I copy the file C{mastersrc} in the master's directory to C{slavedest} on the slave."""

    name = "download"

    @arguments(mastersrc=SOURCE_FILE, slavedest=FILE)
    def __init__(
        self,
        build: object = None,
        mastersrc: str | WithProperties = REQUIRED,
        slavedest: str | WithProperties = REQUIRED,
        workdir: str | WithProperties = "build",
        maxsize: int | None = None,
        blocksize: int = BLOCK,
        mode: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(build, workdir, maxsize, blocksize, mode, **kwargs)
        self.mastersrc = mastersrc
        self.slavedest = slavedest

    def start(self) -> Any:
        """See L{BuildStep}."""
        self.checkSlaveHasCommand("downloadFile")
        target = self.build.render(self.slavedest)
        reader = FileReader(self._onMaster(self.mastersrc))
        args = {"slavedest": target, "workerdest": target, "reader": reader, "mode": self.mode}
        self._transfer(["downloading", "to", _last(target)], reader, "downloadFile", args)


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]
