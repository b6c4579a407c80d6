# -*- test-case-name: tests.unit.process.test_logobserver -*-
"""
Those who read a log while it grows: a step's own eyes on its output.

They see text: what is not UTF-8 is replaced.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from buildbot.interfaces import LOG_CHANNEL_HEADER, LOG_CHANNEL_STDERR, LOG_CHANNEL_STDOUT, ILogObserver
from buildbot.wire.budget import weigh

log = Logger()

#: Characters of a line without an end that are kept; what is longer comes in pieces (G2).
LONGEST_LINE = 16 * 1024


@implementer(ILogObserver)
class LogObserver:
    """
    I see a log grow; subclasses override L{outReceived}, L{errReceived} and L{headerReceived}.

    For the bytes as they came, override L{setLog} and use C{loog.subscribeBytes}.
    """

    step: Any = None

    def setStep(self, step: Any) -> None:
        """The step that I look for."""
        self.step = step

    def setLog(self, loog: Any) -> None:
        """The log that I look at; what is in it already I see too."""
        loog.subscribe(self, True)
        loog.waitUntilFinished().addCallback(lambda log: self.logFinished()).addErrback(self._failed)

    def _failed(self, why: Failure) -> None:
        """I could not bear the end of the log: my step fails, as it does if I cannot bear any other line."""
        tell = getattr(self.step, "observerFailed", None)
        if tell is not None:
            tell(why)
        else:
            log.failure("observer {observer!r} failed at the end of a log", why, observer=self)

    def logFinished(self) -> None:
        """Nothing more will come."""

    def logChunk(self, build: Any, step: Any, log: Any, channel: int, text: str) -> None:
        """Some more of the log."""
        if channel == LOG_CHANNEL_STDOUT:
            self.outReceived(text)
        elif channel == LOG_CHANNEL_STDERR:
            self.errReceived(text)
        elif channel == LOG_CHANNEL_HEADER:
            self.headerReceived(text)

    def outReceived(self, data: str) -> None:
        """Some more standard output."""

    def errReceived(self, data: str) -> None:
        """Some more standard error."""

    def headerReceived(self, data: str) -> None:
        """Something more about the command itself."""


class LogLineObserver(LogObserver):
    """I see lines; subclasses override L{outLineReceived} and L{errLineReceived}."""

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
        """See L{LogObserver}: a last line without an end is one, too."""
        for out, tell in ((True, self.outLineReceived), (False, self.errLineReceived)):
            if self._parts[out]:
                tell("".join(self._parts[out]))
                self._parts[out].clear()

    def outLineReceived(self, line: str) -> None:
        """One line of standard output, without its end."""

    def errLineReceived(self, line: str) -> None:
        """One line of standard error, without its end."""


class OutputProgressObserver(LogObserver):
    """I tell a step's progress by the length of its output."""

    length = 0

    def __init__(self, name: str) -> None:
        self.name = name

    def logChunk(self, build: Any, step: Any, log: Any, channel: int, text: str) -> None:
        """See L{LogObserver}."""
        self.length += len(text)
        self.step.setProgress(self.name, self.length)


class KeptLines:
    """I count lines, and keep as many of the first as may be.

    @ivar count: how many there were.
    """

    def __init__(self, memory: int) -> None:
        """@param memory: bytes that those that I keep may take."""
        self.count = 0
        self._lines: list[str] = []
        self._left = memory

    def add(self, line: str) -> None:
        """One more."""
        self.count += 1
        self._left -= weigh(line)
        if self._left >= 0:
            self._lines.append(line)

    def text(self) -> str:
        """The lines, for a log, and how many more there were."""
        missed = self.count - len(self._lines)
        return "\n".join([*self._lines, *([f"[{missed} more]"] if missed else []), ""])
