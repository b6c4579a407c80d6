# -*- test-case-name: tests.unit.steps.test_transfer -*-
"""Steps that copy files between slave and master.

L{buildbot.steps.files} has the objects that the slave calls for this. L{buildbot.process.masterpath} checks
paths that a slave has influenced.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from buildbot.config.arguments import REQUIRED, arguments
from buildbot.config.kinds import COUNT, FLAG, SIZE, oneOf, orNone
from buildbot.config.messages import articled
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.config.spellings import spelled
from buildbot.model.properties import WithProperties
from buildbot.model.results import FAILURE, SKIPPED, SUCCESS
from buildbot.process.basestep import BuildStep
from buildbot.process.kinds import CONTENT, DIRECTORY, FILE, JSON, LINK, MODE, PATH, SOURCE_FILE, SOURCES
from buildbot.process.masterpath import UnsafePath, onMaster
from buildbot.process.provenance import Piece, piecesOf
from buildbot.steps.files import LARGEST_BLOCK as LARGEST_BLOCK
from buildbot.steps.files import BytesReader, FileCallee
from buildbot.steps.files import DirectoryWriter as DirectoryWriter
from buildbot.steps.files import FileReader as FileReader
from buildbot.steps.files import FileWriter as FileWriter
from buildbot.steps.filetransfer import BLOCK as BLOCK
from buildbot.steps.filetransfer import StatusRemoteCommand as StatusRemoteCommand
from buildbot.steps.filetransfer import Transfer, isDirectory, lastPart, namedCopies
from buildbot.text.plural import counted

#: The first version of the slave's command that tells the times of a file.
KEEPS_TIMES = "2.13"

#: A transfer: the master's part, the slave's command, and its arguments.
_Plan = tuple[FileCallee, str, dict[str, Any]]


class _FileTransfer(BuildStep):
    """The common part of uploads and downloads.

    @ivar workdir: the directory of the slave's file, relative to the builder's directory.
    @ivar maxsize: the most bytes to copy; the step fails for a longer file. None: no limit.
    @ivar blocksize: the bytes in one message, at most L{LARGEST_BLOCK}.
    @ivar mode: permissions of the new file, as for chmod; None: the receiver's default.
    @ivar cmd: the running or finished command.
    """

    cmd: StatusRemoteCommand | None = None
    _current: Transfer | None = None

    @arguments(workdir=DIRECTORY, maxsize=orNone(SIZE, "no limit"), blocksize=COUNT, mode=MODE)
    def __init__(
        self,
        build: object = None,
        workdir: str | WithProperties | None = "build",
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

    def _onMaster(self, path: object, *more: Piece) -> str:
        """A path of the configuration and the pieces behind it, relative to the directory of the master.

        @raise UnsafePath: a property would lead out of the directory that the configuration names.
        """
        basedir = self.build.builder.botmaster.resources.basedir
        return onMaster(basedir, [*piecesOf(path, self.build), *more])

    def _workdirOnSlave(self) -> str:
        """The directory of the slave's file; that of the build if it is None."""
        workdir: str | None = self.build.render(self.workdir)
        return self.build.workdir if workdir is None else workdir

    def _transfer(self, words: Sequence[str], callee: FileCallee, name: str, args: dict[str, Any]) -> None:
        self.step_status.setText(self.described(words))
        ensureDeferred(self._run(words, callee, name, args)).addErrback(self.failed)

    def _download(self, reader: FileReader | BytesReader, target: str) -> None:
        """Write what the reader reads to a file of the slave."""
        args = {"slavedest": target, "workerdest": target, "reader": reader, "mode": self.mode}
        self._transfer(["downloading", "to", lastPart(target)], reader, "downloadFile", args)

    async def _run(
        self, words: Sequence[str], callee: FileCallee, name: str, args: Mapping[str, Any]
    ) -> None:
        if await self._isMoved(callee, name, args):
            self._arrived()
            self.step_status.setText(self.described(words, done=True))
            self.finished(SUCCESS)
        else:
            self.step_status.setText([*self.described(words, done=True), "failed"])
            self.step_status.setText2([self.name])
            self.finished(FAILURE)

    async def _isMoved(self, callee: FileCallee, name: str, args: Mapping[str, Any]) -> bool:
        """Run one transfer. Returns True if it succeeds; errors are in a log."""
        try:
            workdir = self._workdirOnSlave()
        except PLUGIN_ERRORS:
            callee.discard()
            raise
        common = {
            "workdir": workdir,
            "maxsize": self.maxsize,
            "blocksize": min(self.blocksize, LARGEST_BLOCK),
        }
        self._current = Transfer(self, callee, name, {**common, **args})
        self.cmd = self._current.cmd
        isMoved = await self._current.run()
        if self._current.complaints:
            self.addCompleteLog("stderr", self._current.complaints)
        return isMoved

    def _arrived(self) -> None:
        """Called after the whole transfer has succeeded; for subclasses."""

    def interrupt(self, reason: str | Failure) -> Any:
        """See L{BuildStep}. After the end of the command, this stops the master's part of the transfer."""
        if self._current is not None and not self.isRunningCommand():
            self._current.discard()
        return super().interrupt(reason)


class _Upload(_FileTransfer):
    """The common part of uploads: the link to the copy.

    @ivar url: the address of the copy, for a link of the step after a success; None: no link.
    @ivar urlText: the text of the link; None: the last part of C{masterdest}.
    """

    masterdest: str | WithProperties

    @arguments(url=orNone(LINK, "no link"), urlText=orNone(LINK, "the name of the copy"))
    def __init__(
        self,
        url: str | WithProperties | None = None,
        urlText: str | WithProperties | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.url = url
        self.urlText = urlText

    def _target(self) -> str:
        """The path of the copy on the master."""
        return self._onMaster(self.masterdest)

    def _arrived(self) -> None:
        """See L{_FileTransfer}. Adds the link."""
        if self.url is not None:
            title = self.masterdest if self.urlText is None else self.urlText
            title, url = self.build.render((title, self.url))
            self.addURL(lastPart(title) if self.urlText is None else title, url)

    def _fileTransfer(self, source: str, target: str, keepstamp: bool) -> _Plan:
        """The transfer of one file to a path on the master."""
        if keepstamp and self.slaveVersionIsOlderThan("uploadFile", KEEPS_TIMES):
            slave = self.getSlaveName()
            self.addCompleteLog(
                "notes", f"slave {slave} is too old for keepstamp: the copy has its own times\n"
            )
            keepstamp = False
        partials = self.build.builder.botmaster.resources.partials
        writer = FileWriter(target, self.maxsize, self.mode, partials)
        args = {"slavesrc": source, "workersrc": source, "writer": writer, "keepstamp": bool(keepstamp)}
        return writer, "uploadFile", args

    def _directoryTransfer(self, source: str, target: str, compress: str | None) -> _Plan:
        """The transfer of the contents of a directory to a path on the master."""
        partials = self.build.builder.botmaster.resources.partials
        writer = DirectoryWriter(target, self.maxsize, self.mode, partials)
        args = {"slavesrc": source, "workersrc": source, "writer": writer, "compress": compress}
        return writer, "uploadDirectory", args


class FileUpload(_Upload):
    """I copy the file C{slavesrc} of the slave to C{masterdest} in the master's directory."""

    name = "upload"

    @spelled(workersrc="slavesrc")
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
        super().__init__(
            build=build, workdir=workdir, maxsize=maxsize, blocksize=blocksize, mode=mode, **kwargs
        )
        self.slavesrc = slavesrc
        self.masterdest = masterdest
        self.keepstamp = keepstamp

    def start(self) -> Any:
        """See L{BuildStep}."""
        self.checkSlaveHasCommand("uploadFile")
        source = self.build.render(self.slavesrc)
        plan = self._fileTransfer(source, self._target(), self.keepstamp)
        self._transfer(["uploading", lastPart(source)], *plan)


class DirectoryUpload(_Upload):
    """I copy the contents of the slave's directory C{slavesrc} to C{masterdest} in the master's directory.

    The slave must be 0.7.12 or later. Files of the same name in C{masterdest} are replaced; others stay.

    @ivar mode: permissions of the files, as for chmod; readers of a file may also list its directory. A file
        becomes executable only if it is executable on the slave. None: the umask decides.
    """

    name = "upload"

    @spelled(workersrc="slavesrc")
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
        super().__init__(build=build, workdir=workdir, maxsize=maxsize, blocksize=blocksize, **kwargs)
        self.slavesrc = slavesrc
        self.masterdest = masterdest
        self.compress = compress

    def start(self) -> Any:
        """See L{BuildStep}."""
        self.checkSlaveHasCommand("uploadDirectory")
        source = self.build.render(self.slavesrc)
        plan = self._directoryTransfer(source, self._target(), self.compress)
        self._transfer(["uploading", lastPart(source)], *plan)


class MultipleFileUpload(_Upload):
    """I copy several files and directories of the slave into the directory C{masterdest} of the master.

    Each keeps its name. I end at the first one that fails. The slave must be 0.7.12 or later for directories.
    """

    name = "upload"

    @spelled(workersrcs="slavesrcs")
    @arguments(slavesrcs=SOURCES, masterdest=PATH, compress=oneOf(None, "gz", "bz2"), keepstamp=FLAG)
    def __init__(
        self,
        slavesrcs: object = REQUIRED,
        masterdest: str | WithProperties = REQUIRED,
        workdir: str | WithProperties | None = None,
        maxsize: int | None = None,
        blocksize: int = BLOCK,
        mode: int | None = None,
        compress: str | None = None,
        keepstamp: bool = False,
        **kwargs: Any,
    ) -> None:
        """@param slavesrcs: a list of names, or one name.
        @param compress: the compression of directories: None, C{"gz"} or C{"bz2"}.
        @param keepstamp: whether the copies of files have the times of the originals.
        """
        super().__init__(workdir=workdir, maxsize=maxsize, blocksize=blocksize, mode=mode, **kwargs)
        self.slavesrcs = slavesrcs
        self.masterdest = masterdest
        self.compress = compress
        self.keepstamp = keepstamp

    def start(self) -> Any:
        """See L{BuildStep}."""
        self.checkSlaveHasCommand("uploadFile")
        sources = namedCopies(self.slavesrcs, self.build)
        if not sources:
            self.step_status.setText(["uploading", "nothing"])
            return SKIPPED
        self.step_status.setText(self.described(["uploading", counted(len(sources), "file")]))
        ensureDeferred(self._runAll(sources)).addErrback(self.failed)
        return None

    async def _runAll(self, sources: Sequence[tuple[str, Piece]]) -> None:
        for source, copy in sources:
            if not await self._isMoved(*await self._plan(source, copy)):
                self.step_status.setText(["uploading", lastPart(source), "failed"])
                self.step_status.setText2([self.name])
                self.finished(FAILURE)
                return
        self._arrived()
        words = ["uploading", counted(len(sources), "file")]
        self.step_status.setText(self.described(words, done=True))
        self.finished(SUCCESS)

    async def _plan(self, source: str, copy: Piece) -> _Plan:
        """The transfer of one of the sources."""
        if copy.text in ("", ".", ".."):
            raise UnsafePath(f"{source!r} has no name that a copy could have")
        target = self._onMaster(self.masterdest, Piece("/"), copy)
        if await isDirectory(self, source, self._workdirOnSlave()):
            self.checkSlaveHasCommand("uploadDirectory")
            return self._directoryTransfer(source, target, self.compress)
        return self._fileTransfer(source, target, self.keepstamp)


class FileDownload(_FileTransfer):
    """I copy the file C{mastersrc} in the master's directory to C{slavedest} on the slave."""

    name = "download"

    @spelled(workerdest="slavedest")
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
        self._download(FileReader(self._onMaster(self.mastersrc)), target)


class StringDownload(_FileTransfer):
    """I write the text C{s} to the file C{slavedest} on the slave."""

    name = "string_download"

    @spelled(workerdest="slavedest")
    @arguments(s=CONTENT, slavedest=FILE)
    def __init__(
        self,
        s: object = REQUIRED,
        slavedest: str | WithProperties = REQUIRED,
        workdir: str | WithProperties | None = None,
        maxsize: int | None = None,
        blocksize: int = BLOCK,
        mode: int | None = None,
        **kwargs: Any,
    ) -> None:
        """@param s: text, which becomes UTF-8, or bytes."""
        super().__init__(None, workdir, maxsize, blocksize, mode, **kwargs)
        self.s = s
        self.slavedest = slavedest

    def content(self) -> str | bytes:
        """The contents of the file. Subclasses may override this."""
        content: str | bytes = self.build.render(self.s)
        return content

    def start(self) -> Any:
        """See L{BuildStep}."""
        self.checkSlaveHasCommand("downloadFile")
        target = self.build.render(self.slavedest)
        content = self.content()
        if isinstance(content, str):
            content = content.encode("utf-8", "surrogateescape")
        if not isinstance(content, bytes):
            raise TypeError(f"the content of {target} must be text, not {articled(content)}")
        self._download(BytesReader(content), target)


class JSONStringDownload(StringDownload):
    """I write the value C{o} as JSON to the file C{slavedest} on the slave. It may have properties in it."""

    name = "json_download"

    @spelled(workerdest="slavedest")
    @arguments(o=JSON, slavedest=FILE)
    def __init__(
        self, o: object = REQUIRED, slavedest: str | WithProperties = REQUIRED, **kwargs: Any
    ) -> None:
        super().__init__("", slavedest, **kwargs)
        self.o = o

    def content(self) -> str:
        """See L{StringDownload}."""
        return json.dumps(self.build.render(self.o))


class JSONPropertiesDownload(StringDownload):
    """I write the properties and the source of the build as JSON to the file C{slavedest} on the slave.

    The value is a dictionary: C{properties} has the values by name, C{sourcestamp} the branch, the revision,
    the repository, the project, the codebase, the patch and the changes. If the build has several codebases,
    C{sourcestamps} is the list of all.
    """

    name = "json_properties_download"

    @spelled(workerdest="slavedest")
    @arguments(slavedest=FILE)
    def __init__(self, slavedest: str | WithProperties = REQUIRED, **kwargs: Any) -> None:
        super().__init__("", slavedest, **kwargs)

    def content(self) -> str:
        """See L{StringDownload}."""
        known = self.build.properties.toRecord()
        values = {name: value for name, (value, _) in known.items()}
        stamps = [each.toRecord() for each in self.build.source.each()]
        several = {"sourcestamps": stamps} if len(stamps) > 1 else {}
        return json.dumps({"properties": values, "sourcestamp": stamps[0], **several})
