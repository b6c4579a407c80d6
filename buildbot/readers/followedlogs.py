# -*- test-case-name: tests.unit.readers.test_followedlogs -*-
"""Logs that another process writes, read from their files while they grow; over the network if they are far.

The master has all output in the file within 0.2 s. A log costs something only while somebody watches it.
"""

from __future__ import annotations

import os
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.control.client import ControlError, NotRunning
from buildbot.events.alarm import Alarm
from buildbot.events.sleep import sleep
from buildbot.logs.files import LogReader
from buildbot.logs.format import BadLog, ChunkParser
from buildbot.logs.live import LogDirectory, LogFile, LoggedStep, Stored
from buildbot.logs.reading import Place
from buildbot.model.records import LogRecord
from buildbot.readers.linkedlogs import Piece

_log = Logger()

#: Seconds between two looks at the file of a watched log.
PAUSE = 0.1
#: The most bytes of a file that one look reads.
MOST = 1 << 20
#: Seconds until a far log is asked for again, after the master did not answer.
RETRY = 1.0


class Far(Protocol):
    """The logs of a master on another machine: a L{buildbot.readers.farlogs.FarMaster}."""

    async def next(self, name: str, offset: int, output: int) -> Piece:
        """The next part of a growing log, when there is one, or after some seconds.

        @param output: the bytes of output that are known.
        @raise ControlError, NotRunning: the master does not answer.
        @raise OSError: there is no such file.
        """

    def grows(self, name: str) -> None:
        """A log grows."""

    def ended(self, name: str, size: int | None) -> None:
        """A log is finished. Its file has this size; None: it is not known."""


class FollowedLog(LogFile):
    """I am a log that grows in another process."""

    def __init__(self, step: LoggedStep, record: LogRecord, path: str, clock: IReactorTime) -> None:
        super().__init__(step, record.name, record.filename, Stored(path, record))
        self._path = path
        self._clock = clock
        self._alarm = Alarm(self._look)
        self._offset = 0

    def told(self, output: int, size: int) -> None:
        """Take the bytes of output and of the file, as the master has told them."""
        if size > self._offset and not self.isWatched():
            self._writer.length, self._offset = output, size

    def place(self) -> Place:
        """See L{LogFile}."""
        return super().place() if self.isFinished() else Place(self._path, False)

    def subscribe(self, receiver: object, catchup: bool = False) -> None:
        """See L{LogFile}."""
        super().subscribe(receiver, catchup)
        self._begin()

    def subscribeBytes(self, receiver: object, catchup: bool = False) -> None:
        """See L{LogFile}."""
        super().subscribeBytes(receiver, catchup)
        self._begin()

    def unsubscribe(self, receiver: object) -> None:
        """See L{LogFile}."""
        super().unsubscribe(receiver)
        if not self.isWatched():
            self._alarm.stop()

    def ended(self, record: LogRecord | None = None) -> None:
        """The master has finished the log.

        @param record: its record; None: it is not known.
        """
        if self.isFinished():
            return
        self._read()
        self._alarm.stop()
        size = os.path.getsize(self._path) if os.path.exists(self._path) else 0
        known = record or LogRecord(self.name, self.filename, size)
        self._writer = Stored(self._path, known)
        self.finish()

    def toRecord(self) -> LogRecord:
        """See L{LogFile}."""
        if self.isFinished():
            return super().toRecord()
        return LogRecord(self.name, self.filename, None, None, self._writer.trouble, self.isHTML)

    def _begin(self) -> None:
        if self.isWatched() and not self._alarm.isSet:
            self._alarm.set(self._clock, PAUSE)

    def _look(self) -> None:
        self._read()
        self._begin()

    def _read(self) -> None:
        """Pass on what has come to the file."""
        if not self.isWatched():
            return
        try:
            chunks, offset = LogReader(self._path).read(self._offset, MOST)
        except OSError:
            return  # the log may be new, and its file comes
        self._offset = offset
        for channel, data in chunks:
            self._writer.length += len(data)
            self.addEntry(channel, data)


class FarLog(FollowedLog):
    """I am a log that grows on another machine."""

    def __init__(self, step: LoggedStep, record: LogRecord, path: str, clock: IReactorTime, far: Far) -> None:
        super().__init__(step, record, path, clock)
        self._far = far
        self._parser: ChunkParser | None = None
        self._asking: Deferred[None] | None = None

    def told(self, output: int, size: int) -> None:
        """See L{FollowedLog}."""
        before = self._offset
        super().told(output, size)
        if self._offset != before:
            self._parser = None

    def hasContents(self) -> bool:
        """See L{LogFile}: its file is there as soon as it is told."""
        return True

    def unsubscribe(self, receiver: object) -> None:
        """See L{LogFile}."""
        super().unsubscribe(receiver)
        if not self.isWatched():
            self._stop()

    def ended(self, record: LogRecord | None = None) -> None:
        """See L{FollowedLog}."""
        if not self.isFinished():
            self._stop()
            self._alarm.stop()
            self._far.ended(self.filename, None if record is None else record.length)
            self._writer = Stored(self._path, record or LogRecord(self.name, self.filename, self._offset))
            self.finish()

    def _begin(self) -> None:
        if self._asking is None:
            super()._begin()

    def _stop(self) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()

    def _look(self) -> None:
        if not self.isWatched():
            return
        asking = self._asking = ensureDeferred(self._ask())

        def asked(result: object) -> None:
            if self._asking is asking:
                self._asking = None
                self._begin()

        asking.addErrback(self._failed).addCallback(asked)

    async def _ask(self) -> None:
        try:
            piece = await self._far.next(self.filename, self._offset, self._writer.length)
        except (ControlError, NotRunning, OSError):
            await sleep(self._clock, RETRY)  # Following tells that the master is away
            return
        self._take(piece)

    def _take(self, piece: Piece) -> None:
        """Pass on what has come."""
        if self._parser is None:
            self._parser = ChunkParser(self._offset)
        self._offset += len(piece.data)
        try:
            chunks = self._parser.feed(piece.data)
        except BadLog:
            chunks = []  # the pages tell where it is damaged
        for channel, data in chunks:
            self._writer.length += len(data)
            self.addEntry(channel, data)
        if piece.output is not None:
            self._writer.length = piece.output

    def _failed(self, why: Any) -> None:
        if why.check(CancelledError) is None:
            _log.failure("cannot follow a log", why)


class FollowedLogs(LogDirectory):
    """I am the directory of logs of another process.

    A log that grows stays the same object until it is finished, so that its watchers stay.

    @ivar far: has the logs, if the process is on another machine.
    """

    far: Far | None = None

    def __init__(self, directory: str, clock: IReactorTime, **rest: Any) -> None:
        super().__init__(directory, clock, **rest)
        self._growing: dict[str, FollowedLog] = {}  # by the name of the file

    def finished(self, step: LoggedStep, record: LogRecord) -> LogFile:
        """The log of a record; of an unfinished one a log that grows."""
        known = self._growing.get(record.filename)
        if record.length is None and not record.html:
            if known is None:
                path = os.path.join(self.directory, record.filename)
                known = self._growing[record.filename] = self._made(step, record, path)
            known.step = step
            return known
        if known is not None:
            del self._growing[record.filename]
            known.step = step
            known.ended(record)
            return known
        return super().finished(step, record)

    def _made(self, step: LoggedStep, record: LogRecord, path: str) -> FollowedLog:
        if self.far is None:
            return FollowedLog(step, record, path, self.clock)
        self.far.grows(record.filename)
        return FarLog(step, record, path, self.clock, self.far)

    def told(self, extents: dict[str, Any]) -> None:
        """Take the lengths of growing logs, by the names of their files."""
        for name, (output, size) in extents.items():
            if name in self._growing:
                self._growing[name].told(output, size)

    def keepOnly(self, filenames: set[str]) -> None:
        """End all growing logs but these: their builds have ended."""
        for name in [each for each in self._growing if each not in filenames]:
            self._growing.pop(name).ended()
