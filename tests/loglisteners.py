"""Observers of all log events, for the duration of a test."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer


@implementer(ILogObserver)
class LogListener:
    """I am an observer of the log that calls a function with each event."""

    def __init__(self, call: Callable[[LogEvent], object]) -> None:
        self._call = call

    def __call__(self, event: LogEvent) -> None:
        self._call(event)


def hearLog(test: SynchronousTestCase | TestCase, hear: Callable[[LogEvent], object]) -> None:
    """Call C{hear} with each event of the log until the test ends."""
    listener = LogListener(hear)
    globalLogPublisher.addObserver(listener)
    test.addCleanup(globalLogPublisher.removeObserver, listener)
