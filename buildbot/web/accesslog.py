# -*- test-case-name: tests.stories.test_accesslog -*-
"""The access log of a web server, C{http.log}. An answer never fails because the log cannot be written."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from buildbot.daemon.logfile import DaemonLog
from buildbot.daemon.symptoms import Symptom
from buildbot.daemon.troubles import Troubles

#: The name of the file, and of the trouble with it.
NAME = "http.log"
_CURE = "make sure that the disk has room and the directory can be written; logging then resumes"


class AccessLog:
    """I am the access log: a file-like object for twisted.web. L{open} comes first.

    If the file cannot be opened or written, the master reports a trouble, and still answers requests.
    """

    def __init__(self, basedir: str, clock: IReactorTime, troubles: Troubles, length: int, old: int) -> None:
        """@param length: the bytes after which the file is renamed.
        @param old: the number of renamed files that are kept.
        """
        self._basedir = basedir
        self._clock = clock
        self._troubles = troubles
        self._limits = (length, old)
        self._file: DaemonLog | None = None
        self._isClosed = False

    def open(self) -> None:
        """Open the file, unless it is open. A web server does this when it has its port."""
        if self._file is None:
            self._open()

    def write(self, line: str) -> None:
        """Append a line, if that is possible."""
        if self._file is None:
            return
        try:
            self._file.write(line)
        except OSError:
            trouble = self._file.trouble()
            if trouble is not None:
                self._troubles.report(NAME, trouble, self._isOver)

    def close(self) -> None:
        """Close the file."""
        self._isClosed = True
        if self._file is not None:
            self._file.close()

    def _open(self) -> None:
        length, old = self._limits
        try:
            self._file = DaemonLog(self._basedir, self._clock.seconds, NAME, length, old)
        except OSError as error:
            symptom = Symptom("requests are not logged", str(error), _CURE)
            self._troubles.report(NAME, symptom, self._isOver)

    def _isOver(self) -> bool:
        """True if the trouble has ended. A file that could not be opened is tried again."""
        if self._isClosed:
            return True
        if self._file is None:
            self._open()
            return self._file is not None
        return self._file.trouble() is None
