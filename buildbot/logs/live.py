# -*- test-case-name: tests.unit.process.test_builds -*-
"""The logs of a running build: steps write them, observers read them.

L{buildbot.logs.files} writes the unconverted bytes from the slave.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Container, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from buildbot import interfaces
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.daemon.troubles import Symptom, Troubles
from buildbot.events.observers import NOBODY, Observers
from buildbot.events.onuse import onUse
from buildbot.interfaces import LOG_CHANNEL_HEADER, LOG_CHANNEL_STDERR, LOG_CHANNEL_STDOUT, IStatusLogConsumer
from buildbot.logs import indexing, mounts
from buildbot.logs.directory import canWrite
from buildbot.logs.files import LogLimits, LogReader, LogWriter, logFilename, openForWriting
from buildbot.logs.flushing import Flusher
from buildbot.logs.format import Chunk
from buildbot.logs.producer import LogProducer
from buildbot.logs.text import ChunkDecoder, decoded
from buildbot.model.completion import Completion
from buildbot.model.records import BuildRecord, LogRecord

if TYPE_CHECKING:
    from buildbot.logs import feed, reading
else:  # a master whose logs nobody reads does not need them
    feed = onUse("buildbot.logs.feed")
    reading = onUse("buildbot.logs.reading")

_log = Logger()


class LoggedBuild(Protocol):
    """The part of a build's status that logs use."""

    record: BuildRecord
    number: int
    logs: LogDirectory


class LoggedStep(Protocol):
    """The part of a step's status that logs use."""

    @property
    def build(self) -> LoggedBuild: ...


@runtime_checkable
class ObservingStep(Protocol):
    """A step with a log observer."""

    def observerFailed(self, why: Failure) -> None:
        """Note an exception of the observer."""


class LogDirectory:
    """I create the logs of all builds, in files below one directory.

    @ivar limits: the limits of each log.
    @ivar troubles: the list to which I report failed writes.
    @ivar readers: the web servers that show logs. While there are any, the times of long logs are kept.
    @ivar lookers: those at whose pages people look. While there are any, indexes are made as logs grow.
    """

    def __init__(
        self,
        directory: str,
        clock: IReactorTime,
        limits: LogLimits | None = None,
        troubles: Troubles | None = None,
        inThread: Callable[..., Deferred[Any]] = deferToThread,
    ) -> None:
        """@param inThread: runs a function in a thread."""
        self.directory = directory
        self.clock = clock
        self.limits = limits or LogLimits()
        self.troubles = troubles
        self.readers: set[object] = set()
        self.lookers: set[object] = set()
        self._inThread = inThread
        self._flusher = Flusher(clock)

    def create(
        self,
        build: LoggedBuild,
        step: str,
        name: str,
        given: Container[str],
        limits: LogLimits | None = None,
    ) -> tuple[str, LogWriter]:
        """Create a log. Return its unique file name and its writer.

        @param given: the file names of the other logs of the build.
        @param limits: of this log; None: the usual ones.
        """
        names = build.record.builder, build.number, step, name
        filename, file = logFilename(*names, given), None
        try:
            file = openForWriting(f"{self.directory}/{filename}")
        except FileExistsError:
            filename = logFilename(*names, _Taken(self.directory, given))
        except OSError:
            pass  # the writer retries, and reports the error
        path = f"{self.directory}/{filename}"
        return filename, LogWriter(
            path,
            self.clock,
            limits or self.limits,
            tell=self._told,
            file=file,
            flusher=self._flusher,
            grew=self._keepIndex,
        )

    @property
    def received(self) -> int:
        """The bytes of output of all logs since the start."""
        return self._flusher.received

    def _told(self, path: str, error: str | None) -> None:
        """Report that writing a log fails, or works again."""
        if self.troubles is None:
            return
        directory = os.path.dirname(path)
        subject = f"logs/{os.path.basename(directory)}"
        if error is None:
            self.troubles.clear(subject)
            return
        symptom = Symptom(
            "the output of steps is lost: the logs cannot be written",
            f"{directory}: {error}",
            f"make sure that the master can write files below {self.directory}, and that its disk has room",
        )
        self.troubles.report(subject, symptom, lambda: canWrite(directory))

    def finished(self, step: LoggedStep, record: LogRecord) -> LogFile:
        """Return the log of a finished build, from its record."""
        kind = HTMLLogFile if record.html else LogFile
        path = os.path.join(self.directory, record.filename)
        log = kind(step, record.name, record.filename, Stored(path, record))
        log.finish()
        return log

    @cached_property
    def views(self) -> reading.LogViews:
        """The reader of logs by lines and by bytes, at any place."""
        return reading.LogViews(self._inThread)

    @cached_property
    def feeds(self) -> feed.LogFeeds:
        """The sender of the new lines of logs to their watchers."""
        return feed.LogFeeds(self.clock, self.views)

    def place(self, log: LogRecord) -> reading.Place:
        """The place of a log in the store, for L{views}."""
        return reading.Place(os.path.join(self.directory, log.filename), log.length is not None, log.crc)

    def _keepIndex(self, writer: LogWriter) -> None:
        """Bring the index of a long log up to date in a thread, if people look.

        If nobody looks, keep only the times of the log: its index can be made when it is needed.
        """
        if not self.readers or writer.size < indexing.KEPT:
            return
        if self.lookers:
            crc = writer.crc if writer.isFinished else None
            self.views.prepare(reading.Place(writer.path, writer.isFinished, crc, writer.marks))
        elif writer.isFinished:
            indexing.keepTimes(writer.marks, writer.path, writer.size, writer.crc)

    def reader(self, filename: str) -> LogReader:
        """Return a reader for the log with this file name."""
        return LogReader(os.path.join(self.directory, filename))


class _Taken:
    """I contain the names of the build's logs, and those of existing files."""

    def __init__(self, directory: str, given: Container[str]) -> None:
        self._directory = directory
        self._given = given

    def __contains__(self, filename: object) -> bool:
        return filename in self._given or os.path.lexists(os.path.join(self._directory, str(filename)))


class _Nothing(LogReader):
    """I read a log without a file: it is empty."""

    def size(self) -> int:
        """See L{LogReader}."""
        return 0

    def read(self, offset: int = 0, size: int = 0, end: int | None = None) -> tuple[list[Chunk], int]:
        """See L{LogReader}."""
        return [], offset


class Nowhere:
    """I replace the writer of a log that has no file. The log stays empty."""

    path = os.devnull
    length = 0
    crc = 0
    trouble = ""
    error: str | None = None

    def append(self, channel: int, data: bytes) -> None:
        """See L{LogWriter}."""

    def flush(self) -> None:
        """See L{LogWriter}."""

    def finish(self) -> int:
        """See L{LogWriter}."""
        return 0


class Stored:
    """I replace the writer of a log that an earlier build has written."""

    error: str | None = None

    def __init__(self, path: str, record: LogRecord) -> None:
        self.path = path
        self.length = record.length or 0
        self.crc = record.crc
        self.trouble = record.trouble

    def append(self, channel: int, data: bytes) -> None:
        """See L{LogWriter}. Nothing is added to a finished log."""

    def flush(self) -> None:
        """See L{LogWriter}."""

    def finish(self) -> int:
        """See L{LogWriter}."""
        return self.length


@implementer(interfaces.IStatusLog, interfaces.ILogFile)
class LogFile(Completion):
    """I am one log of a step.

    @ivar filename: the path of the file, relative to the directory of logs.
    @ivar isOpen: True until the log is complete.
    @ivar isHTML: True if the text is HTML, to be shown unescaped.
    """

    __slots__ = ("step",)

    isHTML = False
    isOpen = True
    _observers: Observers[object] = NOBODY
    _byteObservers: Observers[object] = NOBODY
    _decoder: ChunkDecoder | None = None
    _length: int | None = None

    def __init__(
        self, step: LoggedStep, name: str, filename: str, writer: LogWriter | Nowhere | Stored
    ) -> None:
        self.step = step
        self.name = name
        self.filename = filename
        self._writer = writer

    def getName(self) -> str:
        """The log's name in its step."""
        return self.name

    def getStep(self) -> Any:
        """The status of the step."""
        return self.step

    def isFinished(self) -> bool:
        """True when the log is complete."""
        return self._length is not None

    @property
    def finished(self) -> bool:
        """True when the log is complete."""
        return self.isFinished()

    def getFilename(self) -> str:
        """The path of the log's file."""
        return self._writer.path

    def written(self) -> int:
        """The bytes of output so far."""
        return self._writer.length

    def extent(self) -> tuple[int, int]:
        """The bytes of output, and those of the file, which has all of it and a few more."""
        self.flush()
        return self._writer.length, getattr(self._writer, "size", 0)

    @property
    def length(self) -> int:
        """The bytes of output so far; 0.7.5 counted characters."""
        return self.written()

    def hasContents(self) -> bool:
        """True if the log's file exists, even an empty one, here or in object storage."""
        writer = self._writer
        if isinstance(writer, Nowhere) or os.path.exists(writer.path):
            return not isinstance(writer, Nowhere)
        return mounts.isElsewhere(writer.path) and (bool(writer.length) or writer.crc is not None)

    def toRecord(self) -> LogRecord:
        """The record of the log for the store."""
        writer = self._writer
        trouble = writer.trouble or (f"cannot be written: {writer.error}" if writer.error else "")
        crc = None if self._length is None else writer.crc
        record = object.__new__(LogRecord)  # quicker: see L{Record}
        vars(record).update(
            name=self.name,
            filename=self.filename,
            length=self._length,
            crc=crc,
            trouble=trouble,
            html=self.isHTML,
        )
        return record

    # writing

    def addStdout(self, text: bytes | str) -> None:
        """Add standard output."""
        self.addEntry(LOG_CHANNEL_STDOUT, text)

    def addStderr(self, text: bytes | str) -> None:
        """Add standard error."""
        self.addEntry(LOG_CHANNEL_STDERR, text)

    def addHeader(self, text: bytes | str) -> None:
        """Add a note about the command, on the header channel."""
        self.addEntry(LOG_CHANNEL_HEADER, text)

    def addEntry(self, channel: int, text: bytes | str) -> None:
        """Add bytes, or text, which is encoded as UTF-8. After L{finish}, output is dropped (B4).

        @raise TypeError: C{data} is neither. So the calling step fails, and its build can still end.
        """
        if self._length is not None or not text:
            return
        data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        if not isinstance(data, bytes):
            raise TypeError(f"a log takes text or bytes, not {type(data).__name__}")
        self._writer.append(channel, data)
        if self._byteObservers:
            for observer in self._byteObservers:
                self._tell(observer, "logBytes", channel, data)
        if self._decoder is not None:
            self._tellText(self._decoder.decode(channel, data), channel)

    def flush(self) -> None:
        """Write all added output to the file, as far as the disk permits."""
        if self._length is None:
            self._writer.flush()

    def finish(self) -> None:
        """Close the log. A second call does nothing."""
        if self._length is None:
            self._length = self._writer.finish()
            self.isOpen = False
            for channel, text in self._decoder.finish() if self._decoder is not None else ():
                self._tellText(text, channel)
            self._observers = self._byteObservers = NOBODY
            self._decoder = None
            if self._waiting:
                self.tellFinished()

    # reading, as text or as bytes

    def subscribe(self, receiver: object, catchup: bool = False) -> None:
        """Call C{receiver.logChunk(build, step, log, channel, text)} for new output.

        Invalid UTF-8 becomes U+FFFD. A character is never split between two calls.

        @param catchup: True to call it for earlier output first.
        """
        decoder = ChunkDecoder()
        if catchup:
            for channel, data in self._written():
                text = decoder.decode(channel, data)
                if text and not self._tell(receiver, "logChunk", channel, text):
                    return
        if self.isFinished():
            for channel, text in decoder.finish():
                self._tell(receiver, "logChunk", channel, text)
            return
        self._decoder = self._decoder or decoder
        self._observers = self._observers.plus(receiver)

    def subscribeBytes(self, receiver: object, catchup: bool = False) -> None:
        """Call C{receiver.logBytes(build, step, log, channel, data)} for new output, unconverted.

        @param catchup: True to call it for earlier output first.
        """
        if catchup:
            for channel, data in self._written():
                if not self._tell(receiver, "logBytes", channel, data):
                    return
        if not self.isFinished():
            self._byteObservers = self._byteObservers.plus(receiver)

    def place(self) -> reading.Place:
        """The log as it is now, for L{LogDirectory.views}. All added output is in it."""
        writer, isOver = self._writer, self.isFinished()
        if not isinstance(writer, LogWriter):
            return reading.Place(writer.path, True, writer.crc)
        self.flush()
        tail = None if isOver else writer.tail()
        return reading.Place(writer.path, isOver, writer.crc if isOver else None, writer.marks, tail)

    @property
    def isElsewhere(self) -> bool:
        """True if the log is only in object storage: L{getText} waits for it, or raises OSError."""
        return mounts.isElsewhere(self._writer.path)

    def bring(self) -> Deferred[None]:
        """Copy the log to this disk if it is only in object storage; L{getText} is quick then.

        @return: fires when the log is there. Fails with OSError if it cannot be fetched.
        """
        return ensureDeferred(self.step.build.logs.views.bring(self.place()))

    def subscribeConsumer(self, consumer: IStatusLogConsumer) -> None:
        """Write (channel, text), old and new, to an L{interfaces.IStatusLogConsumer}, at its own pace."""
        logs = self.step.build.logs
        producer = LogProducer(self, self._reader(), consumer, logs.clock)
        if not self.isElsewhere:
            producer.start()
            return
        self.bring().addCallbacks(
            lambda none: producer.start(),
            lambda why: _log.warn("cannot read log {name}: {why}", name=self.name, why=why.value),
        )

    def isWatched(self) -> bool:
        """True if there are subscribers."""
        return bool(self._observers or self._byteObservers)

    def unsubscribe(self, receiver: object) -> None:
        """Stop calling a receiver."""
        self._observers = self._observers.without(receiver)
        self._byteObservers = self._byteObservers.without(receiver)
        if not self._observers:
            self._decoder = None

    def _written(self) -> Iterator[Chunk]:
        """The chunks in the file; none if the log has no file."""
        return self._reader().chunks() if self.hasContents() else iter(())

    def _tellText(self, text: str, channel: int) -> None:
        if text:
            for observer in self._observers:
                self._tell(observer, "logChunk", channel, text)

    def _tell(self, observer: object, method: str, channel: int, data: bytes | str) -> bool:
        """Call an observer. If it raises, unsubscribe it and return False."""
        try:
            getattr(observer, method)(self.step.build, self.step, self, channel, data)
        except PLUGIN_ERRORS:
            self.unsubscribe(observer)
            step = getattr(observer, "step", None)
            if isinstance(step, ObservingStep):
                # The step fails: its verdict would rest on output that the observer missed.
                step.observerFailed(Failure())
            else:
                _log.failure("observer {observer!r} of log {name} failed", observer=observer, name=self.name)
            return False
        return True

    def getChunks(self, channels: Container[int] = (), onlyText: bool = False) -> Iterator[Any]:
        """Yield the present output as (channel, text) pairs.

        @param channels: the wanted channels; all if none is given.
        @param onlyText: yield pieces of text instead of pairs.
        """
        chunks = decoded(self.getByteChunks(channels))
        return (text for _, text in chunks) if onlyText else chunks

    def getByteChunks(self, channels: Container[int] = ()) -> Iterator[Chunk]:
        """Yield the present output, unconverted, as (channel, bytes) pairs."""
        reader = self._reader()
        return reader.chunks(channels=channels or None, end=reader.size())

    def getText(self) -> str:
        """Return standard output and error as text, all of it in memory. Invalid UTF-8 becomes U+FFFD."""
        return self._text((LOG_CHANNEL_STDOUT, LOG_CHANNEL_STDERR))

    def getTextWithHeaders(self) -> str:
        """Return the text with the header channel, which has the command and its end."""
        return self._text((LOG_CHANNEL_STDOUT, LOG_CHANNEL_STDERR, LOG_CHANNEL_HEADER))

    def _text(self, channels: tuple[int, ...]) -> str:
        return self._reader().text(channels)

    def _reader(self) -> LogReader:
        """A reader of all output so far."""
        self.flush()
        path = self._writer.path
        return _Nothing(path) if isinstance(self._writer, Nowhere) else LogReader(path)

    def readlines(self, channel: int = LOG_CHANNEL_STDOUT) -> list[str]:
        """Return the lines of one channel, with their ends. Only a newline ends a line."""
        return io.StringIO(self._text((channel,)), newline="\n").readlines()


class HTMLLogFile(LogFile):
    """I am a log in HTML, to be shown unescaped. A step writes me in one piece."""

    isHTML = True

    def subscribe(self, receiver: object, catchup: bool = False) -> None:
        """Do nothing: receivers get no pieces of HTML logs."""

    @property
    def html(self) -> str:
        """The whole text."""
        return self.getText()
