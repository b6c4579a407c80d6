# -*- test-case-name: tests.test_daemon_logfile -*-
"""Where a daemon's log goes: DIR/twistd.log, private, bounded, one plain line an event.

What is worth an event is decided where the log is called.
"""

from __future__ import annotations

import os
from typing import IO, Any

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEventAsClassicLogText,
)
from twisted.python.logfile import LogFile

from buildbot.daemon.place import LOG
from buildbot.daemon.plaintext import plain
from buildbot.daemon.repeats import Repeats

#: The log is set aside at this many bytes, and this many old ones are kept.
ROTATE_LENGTH = 10_000_000
MAX_ROTATED_FILES = 10


class DaemonLog(LogFile):
    """I am DIR/twistd.log (mode 0600) and its predecessors twistd.log.1 (the latest), .2 …

    Once asked to, I receive what is written to the descriptors 1 and 2 as well, through every change
    of file: the last words of the interpreter, and of children that have no other output.
    """

    def __init__(self, directory: str) -> None:
        LogFile.__init__(
            self, LOG, directory, ROTATE_LENGTH, defaultMode=0o600, maxRotatedFiles=MAX_ROTATED_FILES
        )
        self._outputs: tuple[int, ...] = ()

    def receive(self, *outputs: int) -> None:
        """Let these descriptors write to me from now on."""
        self._outputs = outputs
        for output in outputs:
            os.dup2(self._file.fileno(), output)

    def rotate(self) -> None:
        """Set the file aside and begin a new one."""
        LogFile.rotate(self)
        self.receive(*self._outputs)

    def reopen(self) -> None:
        """Go on in the file that has my name now: logrotate has moved the other away."""
        LogFile.reopen(self)
        self.receive(*self._outputs)


def observer(stream: IO[Any]) -> ILogObserver:
    """What writes events of level info and above to C{stream}, with their time and in plain characters.

    Of failures that are alike it writes one traceback: see L{buildbot.daemon.repeats}.
    """
    return FilteringLogObserver(
        Repeats(FileLogObserver(stream, _line)), [LogLevelFilterPredicate(defaultLogLevel=LogLevel.info)]
    )


def _line(event: LogEvent) -> str | None:
    text = formatEventAsClassicLogText(event)
    return None if text is None else plain(text)
