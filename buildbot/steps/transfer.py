# -*- test-case-name: tests.test_steps -*-
"""Steps that move files between slave and master; they hold their arguments, nothing moves here yet."""

from __future__ import annotations

from typing import Any

from buildbot.process.buildstep import BuildStep


class _FileTransfer(BuildStep):
    """What both directions share.

    @ivar workdir: the slave's file is relative to it; below the builder's directory.
    @ivar maxsize: bytes after which the transfer fails; None: as many as there are.
    @ivar blocksize: bytes that travel at a time.
    @ivar mode: permissions of the new file, as for chmod; None for the receiver's usual ones.
    """

    def __init__(
        self,
        build: Any = None,
        workdir: str = "build",
        maxsize: int | None = None,
        blocksize: int = 16 * 1024,
        mode: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(build, **kwargs)
        self.workdir = workdir
        self.maxsize = maxsize
        self.blocksize = blocksize
        self.mode = mode


class FileUpload(_FileTransfer):
    """I copy the file C{slavesrc} of the slave to C{masterdest} in the master's directory."""

    name = "upload"

    def __init__(self, build: Any = None, *, slavesrc: Any, masterdest: Any, **kwargs: Any) -> None:
        super().__init__(build, **kwargs)
        self.slavesrc = slavesrc
        self.masterdest = masterdest


class FileDownload(_FileTransfer):
    """I copy the file C{mastersrc} in the master's directory to C{slavedest} on the slave."""

    name = "download"

    def __init__(self, build: Any = None, *, mastersrc: Any, slavedest: Any, **kwargs: Any) -> None:
        super().__init__(build, **kwargs)
        self.mastersrc = mastersrc
        self.slavedest = slavedest
