# -*- test-case-name: tests.unit.daemon.test_logfile -*-
"""Where a daemon's log goes: DIR/twistd.log, private, bounded, one plain line an event.

The log begins a new file at a size, and works with programs that rotate it from outside, such as logrotate.
What is worth an event is decided where the log is called.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from functools import lru_cache
from typing import IO, Any

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEventAsClassicLogText,
    formatTime,
)
from twisted.python import threadable
from twisted.python.logfile import BaseLogFile, LogFile

from buildbot.daemon.directory import LOG
from buildbot.daemon.repeats import Repeats
from buildbot.daemon.symptoms import Symptom
from buildbot.files.plain import mustBePlain
from buildbot.text.plural import counted
from buildbot.text.printable import plain

#: The log is set aside at this many bytes, and this many old ones are kept.
ROTATE_LENGTH = 10_000_000
MAX_ROTATED_FILES = 10
#: The seconds between two checks that the log file still has its name.
LOOK = 0.1


class DaemonLog(LogFile):
    """I am DIR/twistd.log (mode 0600) and its predecessors twistd.log.1 (the latest), .2 …

    Once asked to, I receive what is written to the descriptors 1 and 2 as well, through every change
    of file: the last words of the interpreter, and of children that have no other output.
    """

    synchronized = ["write", "rotate", "reopen"]  # threads log, too

    def __init__(self, directory: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked = clock()
        self._lost = 0  # the number of events lost since a write failed
        self._why = ""  # the reason of the failure
        self._stuck = ""  # the reason why rotation fails
        LogFile.__init__(
            self, LOG, directory, ROTATE_LENGTH, defaultMode=0o600, maxRotatedFiles=MAX_ROTATED_FILES
        )
        self._outputs: tuple[int, ...] = ()

    def receive(self, *outputs: int) -> None:
        """Redirect these descriptors to the log."""
        self._outputs = outputs
        for output in outputs:
            os.dup2(self._file.fileno(), output)

    def write(self, data: str | bytes) -> None:
        """Append to the file that has my name now: another program may have moved the old one away.

        That is noticed within L{LOOK} seconds; meanwhile, lines go into the old one.

        @raise OSError: the disk is full, or the like; nothing else is lost by it.
        """
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
        """Do the work of L{LogFile}'s C{write} without its lock, which is held already."""
        BaseLogFile.write(self, data)
        self.size += len(data)

    def trouble(self) -> Symptom | None:
        """The current trouble of the log: lost events or a wrong file. None if all is well.

        A log that another program has just moved away is no trouble: the next one is opened here.
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
                "its name leads to no file that can be opened",
                "the log goes into a file without a name",
            )
        elif self._stuck:
            why, what = self._stuck, "the log grows, for it cannot be set aside at its size"
        else:
            return None
        cure = "see that the disk has room and the directory can be written; the log goes on by itself then"
        return Symptom(what, f"{self.path}: {why}", cure)

    def shouldRotate(self) -> bool:
        """True if the file has its full size. Checks the file, which another program may have truncated."""
        if not LogFile.shouldRotate(self):
            return False
        self.size = os.fstat(self._file.fileno()).st_size
        return bool(LogFile.shouldRotate(self))

    def rotate(self) -> None:
        """Rename the file and begin a new one. If that fails, continue in the old one."""
        before = self._file
        try:
            self._file = os.fdopen(os.dup(before.fileno()), "ab", buffering=0)  # rotating closes it too early
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
        before = self._file
        try:
            self._openFile()
        except OSError:
            return  # a log in a file of another name is better than none
        before.close()
        self.receive(*self._outputs)

    def _openFile(self) -> None:
        """Open or make the file to append to: whatever others do to it, no write leaves a hole in it."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        # Without O_NONBLOCK, a FIFO of that name would wait for somebody who reads it.
        try:
            file = os.fdopen(os.open(self.path, flags | os.O_NONBLOCK, 0o600), "ab", buffering=0)
        except OSError:
            mustBePlain(self.path)  # or it says what it is
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
        """True if the log's name is not that of the open file any more. Costs a system call."""
        try:
            there = os.stat(self.path)
        except OSError:
            return True
        return not os.path.samestat(there, self._here)


threadable.synchronize(DaemonLog)


def observer(stream: IO[Any]) -> ILogObserver:
    """Make an observer that writes events of level info and above to C{stream}, with time, escaped.

    Of failures that are alike it writes one traceback: see L{buildbot.daemon.repeats}.
    """
    return FilteringLogObserver(
        Repeats(FileLogObserver(stream, _line)), [LogLevelFilterPredicate(defaultLogLevel=LogLevel.info)]
    )


def _second(when: float | None) -> str:
    """A time as Twisted writes it, to the second."""
    return formatTime(None) if when is None else _formatted(int(when))


_formatted = lru_cache(maxsize=4)(formatTime)  # many events have the same second


def _line(event: LogEvent) -> str | None:
    text = _simple(event) or formatEventAsClassicLogText(event, _second)
    return None if text is None else plain(text)


def _simple(event: LogEvent) -> str | None:
    """The line of an event that most are like, as Twisted writes it; None for any other.

    Twisted's formatter is written in Python, and takes ten times as long.
    """
    form = event.get("log_format")
    if not isinstance(form, str) or not form or "()" in form or not _ODD.isdisjoint(event):
        return None
    try:
        said = form.format_map(event).replace("\n", "\n\t")
        source = f"{event['log_namespace']}#{event['log_level'].name}"
        return f"{_second(event.get('log_time'))} [{source}] {said}\n"
    except Exception:
        return None  # Twisted's formatter says what is wrong with the event


#: Twisted shows an event otherwise that has one of these.
_ODD = frozenset(("log_failure", "log_flattened", "log_system"))
