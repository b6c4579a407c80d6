"""The quick logger."""

from __future__ import annotations

from twisted.logger import LogEvent, Logger
from twisted.trial import unittest

from buildbot.daemon.logger import QuickLogger


class QuickLoggerTests(unittest.TestCase):
    """It emits the same events as Twisted's logger."""

    def said(self, kind: type[Logger], **fields: object) -> LogEvent:
        """The event of a line of this kind of logger, without its time and its logger."""
        events: list[LogEvent] = []
        logger = kind("a.module", "the source", events.append)  # type: ignore[arg-type]  # it is called only
        logger.info("build {number} started", number=7, **fields)
        (event,) = events
        self.assertIs(event.pop("log_logger"), logger)
        self.assertIsInstance(event.pop("log_time"), float)
        return event

    def test_sameEvent(self) -> None:
        """A line has the same fields."""
        self.assertEqual(self.said(QuickLogger), self.said(Logger))
        self.assertEqual(self.said(QuickLogger)["number"], 7)

    def test_trace(self) -> None:
        """A trace of the observers is kept, as by Twisted's logger."""
        traces: list[list[object]] = [[], []]
        for kind, trace in zip((QuickLogger, Logger), traces, strict=True):
            self.said(kind, log_trace=trace)
        self.assertEqual([len(trace) for trace in traces], [1, 1])

    def test_namespace(self) -> None:
        """The namespace is that of the module that makes the logger."""
        self.assertEqual(QuickLogger().namespace, __name__)
