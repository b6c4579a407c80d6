# -*- test-case-name: tests.unit.readers.test_followedlogs -*-
"""Logs that another process writes, read from their files while they grow.

The master has all output in the file within 0.2 s. A log costs something only while somebody watches it.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.interfaces import IReactorTime

from buildbot.events.alarm import Alarm
from buildbot.logs.files import LogReader
from buildbot.logs.live import LogDirectory, LogFile, LoggedStep, Stored
from buildbot.logs.reading import Place
from buildbot.model.records import LogRecord

#: Seconds between two looks at the file of a watched log.
PAUSE = 0.1
#: The most bytes of a file that one look reads.
MOST = 1 << 20


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


class FollowedLogs(LogDirectory):
    """I am the directory of logs of another process.

    A log that grows stays the same object until it is finished, so that its watchers stay.
    """

    def __init__(self, directory: str, clock: IReactorTime, **rest: Any) -> None:
        super().__init__(directory, clock, **rest)
        self._growing: dict[str, FollowedLog] = {}  # by the name of the file

    def finished(self, step: LoggedStep, record: LogRecord) -> LogFile:
        """The log of a record; of an unfinished one a log that grows."""
        known = self._growing.get(record.filename)
        if record.length is None and not record.html:
            if known is None:
                path = os.path.join(self.directory, record.filename)
                known = self._growing[record.filename] = FollowedLog(step, record, path, self.clock)
            known.step = step
            return known
        if known is not None:
            del self._growing[record.filename]
            known.step = step
            known.ended(record)
            return known
        return super().finished(step, record)

    def told(self, extents: dict[str, Any]) -> None:
        """Take the lengths of growing logs, by the names of their files."""
        for name, (output, size) in extents.items():
            if name in self._growing:
                self._growing[name].told(output, size)

    def keepOnly(self, filenames: set[str]) -> None:
        """End all growing logs but these: their builds have ended."""
        for name in [each for each in self._growing if each not in filenames]:
            self._growing.pop(name).ended()
