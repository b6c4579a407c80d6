# -*- test-case-name: tests.unit.process.test_logobserver -*-
"""Log observers: objects that a step attaches to a log, to read output as it arrives.

They get text; invalid UTF-8 is replaced.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from buildbot.interfaces import LOG_CHANNEL_HEADER, LOG_CHANNEL_STDERR, LOG_CHANNEL_STDOUT, ILogObserver
from buildbot.logs.live import ObservingStep
from buildbot.wire.budget import weigh

log = Logger()

#: The most characters of an unfinished line; a longer line is delivered in pieces (G2).
LONGEST_LINE = 16 * 1024


@implementer(ILogObserver)
class LogObserver:
    """I observe a log; subclasses override L{outReceived}, L{errReceived} and L{headerReceived}.

    To get bytes, override L{setLog} and use C{loog.subscribeBytes}.
    """

    step: Any = None

    def setStep(self, step: object) -> None:
        """Set the step that I belong to."""
        self.step = step

    def setLog(self, loog: Any) -> None:
        """Set the log to observe. Its present content is delivered, too."""
        loog.subscribe(self, True)
        loog.waitUntilFinished().addCallback(lambda log: self.logFinished()).addErrback(self._failed)

    def _failed(self, why: Failure) -> None:
        """Let the step fail after an exception at the end of the log, as after one at any line."""
        if isinstance(self.step, ObservingStep):
            self.step.observerFailed(why)
        else:
            log.failure("observer {observer!r} failed at the end of a log", why, observer=self)

    def logFinished(self) -> None:
        """The log is finished; subclasses may override this."""

    def logChunk(self, build: object, step: object, log: object, channel: int, text: str) -> None:
        """See L{buildbot.interfaces.IStatusReceiver}: pass the text to the method of its channel."""
        if channel == LOG_CHANNEL_STDOUT:
            self.outReceived(text)
        elif channel == LOG_CHANNEL_STDERR:
            self.errReceived(text)
        elif channel == LOG_CHANNEL_HEADER:
            self.headerReceived(text)

    def outReceived(self, data: str) -> None:
        """New standard output; subclasses may override this."""

    def errReceived(self, data: str) -> None:
        """New standard error; subclasses may override this."""

    def headerReceived(self, data: str) -> None:
        """New header text about the command; subclasses may override this."""


class LogLineObserver(LogObserver):
    """I observe a log by lines; subclasses override L{outLineReceived} and L{errLineReceived}."""

    def __init__(self) -> None:
        self._parts: dict[bool, list[str]] = {True: [], False: []}
        self._kept = {True: 0, False: 0}

    def outReceived(self, data: str) -> None:
        """See L{LogObserver}."""
        self._received(data, True)

    def errReceived(self, data: str) -> None:
        """See L{LogObserver}."""
        self._received(data, False)

    def _received(self, data: str, out: bool) -> None:
        tell = self.outLineReceived if out else self.errLineReceived
        parts = self._parts[out]
        *lines, rest = data.split("\n")
        for line in lines:
            parts.append(line)
            tell("".join(parts).rstrip("\r"))
            parts.clear()
            self._kept[out] = 0
        if rest:
            parts.append(rest)
            self._kept[out] += len(rest)
            if self._kept[out] > LONGEST_LINE:
                tell("".join(parts))
                parts.clear()
                self._kept[out] = 0

    def logFinished(self) -> None:
        """See L{LogObserver}. Delivers a last line without an end."""
        for out, tell in ((True, self.outLineReceived), (False, self.errLineReceived)):
            if self._parts[out]:
                tell("".join(self._parts[out]))
                self._parts[out].clear()

    def outLineReceived(self, line: str) -> None:
        """One line of standard output, without its end."""

    def errLineReceived(self, line: str) -> None:
        """One line of standard error, without its end."""


class OutputProgressObserver(LogObserver):
    """I report the length of a log as the step's progress."""

    length = 0

    def __init__(self, name: str) -> None:
        self.name = name

    def logChunk(self, build: object, step: object, log: object, channel: int, text: str) -> None:
        """See L{LogObserver}."""
        self.length += len(text)
        self.step.setProgress(self.name, self.length)


class KeptLines:
    """I count lines, and keep the first ones up to a memory limit.

    @ivar count: the number of lines.
    """

    def __init__(self, memory: int) -> None:
        """@param memory: the most bytes for the kept lines."""
        self.count = 0
        self._lines: list[str] = []
        self._left = memory

    def add(self, line: str) -> None:
        """Count a line, and keep it if there is room."""
        self.count += 1
        self._left -= weigh(line)
        if self._left >= 0:
            self._lines.append(line)

    def text(self) -> str:
        """The kept lines, for a log, and the number of the others."""
        missed = self.count - len(self._lines)
        return "\n".join([*self._lines, *([f"[{missed} more]"] if missed else []), ""])
