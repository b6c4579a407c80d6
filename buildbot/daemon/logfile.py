# -*- test-case-name: tests.unit.daemon.test_logfile -*-
"""A daemon's log: DIR/twistd.log, private, with a size limit, one plain line for each event.

The log is rotated at a size, and works with programs that rotate it from outside, such as logrotate. The
callers of the log decide what is logged.
"""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from threading import Lock, RLock
from typing import IO, Any

from twisted.logger import (
    ILogObserver,
    LogEvent,
    LogLevel,
    formatEventAsClassicLogText,
    formatTime,
)
from twisted.python.logfile import LogFile
from zope.interface import implementer

from buildbot.daemon.directory import LOG
from buildbot.daemon.jsonlines import jsonLine
from buildbot.daemon.repeats import Repeats
from buildbot.daemon.symptoms import Symptom
from buildbot.files.plain import mustBePlain
from buildbot.text.plural import counted
from buildbot.text.printable import plain
from buildbot.text.urls import withoutPasswords

#: The log is rotated at this many bytes, and this many old files are kept.
ROTATE_LENGTH = 10_000_000
MAX_ROTATED_FILES = 10
#: The seconds between two checks that the log file still has its name.
LOOK = 0.1


class DaemonLog(LogFile):
    """I am DIR/twistd.log, or another log (mode 0600), and its predecessors twistd.log.1 (the latest), .2 …

    After L{receive}, the descriptors 1 and 2 are redirected to me, also after each rotation. This catches the
    last messages of the interpreter, and of children without another output.
    """

    def __init__(
        self,
        directory: str,
        clock: Callable[[], float] = time.monotonic,
        name: str = LOG,
        length: int = ROTATE_LENGTH,
        old: int = MAX_ROTATED_FILES,
    ) -> None:
        """@param length: the bytes after which the file is rotated.
        @param old: the number of rotated files that are kept.
        """
        self._lock = RLock()  # threads log, too
        self._clock = clock
        self._looked = clock()
        self._lost = 0  # the number of events lost since a write failed
        self._why = ""  # the reason of the failure
        self._stuck = ""  # the reason why rotation fails
        LogFile.__init__(self, name, directory, length, defaultMode=0o600, maxRotatedFiles=old)
        self._outputs: tuple[int, ...] = ()

    def receive(self, *outputs: int) -> None:
        """Redirect these descriptors to the log."""
        self._outputs = outputs
        for output in outputs:
            os.dup2(self._file.fileno(), output)

    def write(self, data: str | bytes) -> None:
        """Append to the file that now has the log's name: another program may have moved the old one away.

        A move is noticed within L{LOOK} seconds. Until then, lines go into the old file.

        @raise OSError: the write failed, for example because the disk is full. Later writes are not affected.
        """
        with self._lock:
            now = self._clock()
            if now - self._looked >= LOOK:
                self._looked = now
                if self._moved():
                    self.reopen()
            try:
                self._append(data)
            except OSError as error:
                self._lost += 1
                self._why = error.strerror or type(error).__name__
                raise
            if self._lost:
                lost, self._lost = self._lost, 0
                self._append(f"[{counted(lost, 'event')} lost here: {self._why}]\n")

    def _append(self, data: str | bytes) -> None:
        """Like C{write} of L{LogFile}. The caller holds the lock."""
        if self.shouldRotate():
            self.rotate()
        self._file.write(data if isinstance(data, bytes) else data.encode())
        self.size += len(data)

    def trouble(self) -> Symptom | None:
        """The current trouble of the log: lost events or a wrong file. None if there is none.

        If another program has just moved the log away, I first open a new one.
        """
        if self._moved():
            self.reopen()
        if self._lost:
            why, what = (
                f"{self._why}; {counted(self._lost, 'event')} lost so far",
                "the log cannot be written",
            )
        elif self._moved():
            why, what = (
                "no file of this name can be opened",
                "the log goes into a file without a name",
            )
        elif self._stuck:
            why, what = self._stuck, "the log cannot be rotated and keeps growing"
        else:
            return None
        cure = "make sure that the disk has room and the directory can be written; logging then resumes"
        return Symptom(what, f"{self.path}: {why}", cure)

    def shouldRotate(self) -> bool:
        """True if the file has its full size. Checks the file, which another program may have truncated."""
        if not LogFile.shouldRotate(self):
            return False
        self.size = os.fstat(self._file.fileno()).st_size
        return bool(LogFile.shouldRotate(self))

    def rotate(self) -> None:
        """Rename the file and begin a new one. If that fails, continue in the old one."""
        with self._lock:
            before = self._file
            try:
                # LogFile.rotate closes the old file before the new one is open
                self._file = os.fdopen(os.dup(before.fileno()), "ab", buffering=0)
                LogFile.rotate(self)
            except OSError as error:
                self._file = before
                self._stuck = error.strerror or type(error).__name__
                return
            self._stuck = ""
            before.close()
            self.receive(*self._outputs)

    def reopen(self) -> None:
        """Open the file with the log's name again. If that fails, continue in the old one."""
        with self._lock:
            before = self._file
            try:
                self._openFile()
            except OSError:
                return  # keep the old file: a log under another name is better than none
            before.close()
            self.receive(*self._outputs)

    def _openFile(self) -> None:
        """Open or create the file in append mode: writes leave no hole if another program truncates it."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        # Without O_NONBLOCK, opening a FIFO of that name would wait for a reader.
        try:
            file = os.fdopen(os.open(self.path, flags | os.O_NONBLOCK, 0o600), "ab", buffering=0)
        except OSError:
            mustBePlain(self.path)  # names the kind of file in its error
            raise
        found = os.fstat(file.fileno())
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISCHR(found.st_mode)):
            file.close()
            mustBePlain(self.path)
        if stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) & 0o077:
            os.fchmod(file.fileno(), 0o600)
        os.set_blocking(file.fileno(), True)
        self._file, self.size, self.closed = file, found.st_size, False
        self._here = found

    def _moved(self) -> bool:
        """True if the log's name now belongs to another file than the open one. Costs a system call."""
        try:
            there = os.stat(self.path)
        except OSError:
            return True
        return not os.path.samestat(there, self._here)


def observer(stream: IO[Any], asJSON: bool = False) -> ILogObserver:
    """Make an observer that writes events of level info and above to C{stream}, with time, escaped.
    The passwords of URLs are replaced: reasons, errors and messages of plug-ins may have them.

    Equal failures get one traceback: see L{buildbot.daemon.repeats}.

    @param asJSON: True for one JSON object a line: see L{buildbot.daemon.jsonlines}.
    """
    return Shown(Repeats(Lines(stream, jsonLine if asJSON else _line)))


@implementer(ILogObserver)
class Lines:
    """I write each event as a line of text.

    A signal handler or another thread may log while I write. I then write its line after the present one:
    Python's streams refuse a second write by the same thread (RuntimeError, "reentrant call").
    """

    def __init__(self, stream: IO[Any], line: Callable[[LogEvent], str | None] | None = None) -> None:
        """@param line: makes the line of an event, with its end; None or "" writes nothing."""
        self._line = line or _line
        self._write = stream.write
        self._flush = None if isinstance(stream, DaemonLog) else stream.flush  # it has no buffer
        self._due: deque[str] = deque()
        self._writing = Lock()

    def __call__(self, event: LogEvent) -> None:
        """See L{ILogObserver}."""
        text = self._line(event)
        if not text:
            return
        self._due.append(text)
        # Look again after each release: a line may have come between the last look and the release.
        while self._due and self._writing.acquire(blocking=False):
            try:
                while self._due:
                    self._write(self._due.popleft())
                if self._flush is not None:
                    self._flush()
            finally:
                self._writing.release()


#: The levels of events that are written.
_SHOWN = frozenset((LogLevel.info, LogLevel.warn, LogLevel.error, LogLevel.critical))


@implementer(ILogObserver)
class Shown:
    """I pass on events of level info and above.

    Twisted's filter does the same, but compares levels by iterating over all of them.
    """

    def __init__(self, observer: ILogObserver) -> None:
        self._observer = observer

    def __call__(self, event: LogEvent) -> None:
        """See L{ILogObserver}."""
        if event.get("log_level") in _SHOWN and event.get("log_namespace"):
            self._observer(event)


def _second(when: float | None) -> str:
    """A time as Twisted writes it, to the second."""
    return formatTime(None) if when is None else _formatted(int(when))


_formatted = lru_cache(maxsize=4)(formatTime)  # many events have the same second


def _line(event: LogEvent) -> str | None:
    text = _simple(event) or formatEventAsClassicLogText(event, _second)
    return None if text is None else withoutPasswords(plain(text))


def _simple(event: LogEvent) -> str | None:
    """The line of a common event, as Twisted formats it; None for other events.

    Twisted's own formatter takes ten times as long.
    """
    form = event.get("log_format")
    if not isinstance(form, str) or not form or "()" in form or not _ODD.isdisjoint(event):
        return None
    try:
        said = form.format_map(event).replace("\n", "\n\t")
        source = f"{event['log_namespace']}#{event['log_level'].name}"
        return f"{_second(event.get('log_time'))} [{source}] {said}\n"
    except Exception:
        return None  # Twisted's formatter reports the error in the event


#: Twisted formats events with one of these in another way.
_ODD = frozenset(("log_failure", "log_flattened", "log_system"))
