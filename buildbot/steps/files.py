# -*- test-case-name: tests.unit.steps.test_transfer -*-
"""The objects that a slave calls to read or write a file of the master.

A file on the master appears completely or not at all. L{buildbot.steps.unpacking} unpacks archives.
L{buildbot.steps.transfer} has the steps that use these objects.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.files.partial import Partials, partialPath
from buildbot.files.permissions import makeDirectories
from buildbot.files.plain import openPlain
from buildbot.files.sparing import sparing
from buildbot.steps.unpacking import Unpacking, orderFor
from buildbot.text.plural import counted
from buildbot.wire.callee import Callee

#: The most bytes in one message; PB's own limit is 640 KiB.
LARGEST_BLOCK = 256 * 1024


class FileCallee(Callee):
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


class FileWriter(FileCallee):
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
        """See L{FileCallee}: the slave stops at C{maxsize}, and calls that a failure."""
        return self._complete and self._length == self.maxsize

    async def keep(self) -> None:
        """See L{FileCallee}."""
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
        """See L{FileCallee}."""
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
        """See L{FileCallee}. Never True: a part of an archive cannot be unpacked."""
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
        """See L{FileCallee}."""
        super().discard()
        if self._unpacking is not None:
            self._unpacking.stop()


class FileReader(FileCallee):
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


class BytesReader(FileCallee):
    """I read a content of the master's memory for the slave."""

    def __init__(self, content: bytes, path: str = "the content") -> None:
        super().__init__(path)
        self._content = memoryview(content)

    def remote_read(self, maxlength: int) -> bytes:
        """Return the next bytes, at most C{maxlength}; empty at the end."""
        with self._remembering():
            length = max(0, min(maxlength, LARGEST_BLOCK))
            block, self._content = bytes(self._content[:length]), self._content[length:]
            if block:
                self.whenHeard()
            return block
        return b""

    def remote_close(self) -> None:
        """Do nothing: the slave has read all it needs."""


class BytesWriter(FileCallee):
    """I keep the slave's data in memory.

    @ivar content: the data so far.
    """

    def __init__(self, path: str, maxsize: int) -> None:
        """@param maxsize: the most bytes to accept; more is an error."""
        super().__init__(path)
        self.content = bytearray()
        self._maxsize = maxsize
        self._complete = False

    def remote_write(self, data: bytes) -> None:
        """Keep bytes."""
        if self.error is not None or self._complete:
            return
        with self._remembering():
            if not isinstance(data, bytes):
                raise ValueError(f"the slave sent a {type(data).__name__} instead of bytes")
            if len(self.content) + len(data) > self._maxsize:
                raise ValueError(f"the slave sent more than {counted(self._maxsize, 'byte')}")
            if data:
                self.whenHeard()
            self.content += data

    def remote_close(self) -> None:
        """End the data: the slave has sent all bytes."""
        self._complete = True

    async def keep(self) -> None:
        """See L{FileCallee}."""
        with self._remembering():
            if not self._complete:
                raise ValueError("the slave did not send the whole file")

    def discard(self) -> None:
        """See L{FileCallee}."""
        super().discard()
        self._complete = True
