"""The end of a process."""

from __future__ import annotations

import signal
from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.logger import LogEvent
from twisted.trial import unittest

from buildbot.daemon.shutdown import DEADLINE, Stopper
from tests.loglisteners import hearLog


class LaterCall:
    """A timer that uses a test's clock."""

    def __init__(self, clock: Clock, seconds: float, function: Callable[[], None]) -> None:
        self._arguments = (seconds, function)
        self._clock = clock

    def start(self) -> None:
        """See L{threading.Thread.start}."""
        self._clock.callLater(*self._arguments)


class StopperTests(unittest.TestCase):
    """SIGTERM, once and twice, and the deadline."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.happened: list[object] = []
        self.stopper = Stopper(
            lambda: self.happened.append("cleaned up"),
            lambda status: self.happened.append(("left", status)),
            lambda seconds, function: LaterCall(self.clock, seconds, function),
        )
        self.said: list[str] = []
        hearLog(self, self.hear)

    def hear(self, event: LogEvent) -> None:
        """Remember why a process was ended."""
        if event.get("log_namespace") == Stopper.log.namespace:
            self.said.append(str(event.get("why") or event.get("name")))

    def serve(self) -> None:
        """Set the function that stops the services."""
        self.stopper.stop = lambda: self.happened.append("asked to stop")

    def test_clean(self) -> None:
        """The first signal starts a clean end, with less than ten seconds (O3)."""
        self.serve()
        self.stopper.signalled(signal.SIGTERM)
        self.assertEqual(self.happened, ["asked to stop"])
        self.clock.advance(DEADLINE - 0.1)
        self.assertEqual(self.happened, ["asked to stop"])
        self.assertLess(DEADLINE, 10)

    def test_overdue(self) -> None:
        """If the services have not stopped by then, the process ends, and logs the missing services (O3)."""
        self.serve()
        self.stopper.waitingFor = lambda: ["BuildMaster 'x'", "a plug-in"]
        self.stopper.signalled(signal.SIGTERM)
        self.clock.advance(DEADLINE)
        self.assertEqual(self.happened, ["asked to stop", "cleaned up", ("left", 1)])
        self.assertIn("without waiting for BuildMaster 'x', a plug-in", self.said[-1])

    def test_twice(self) -> None:
        """A second signal ends the process at once (O3)."""
        self.serve()
        self.stopper.signalled(signal.SIGTERM)
        self.stopper.signalled(signal.SIGINT)
        self.assertEqual(self.happened, ["asked to stop", "cleaned up", ("left", 1)])
        self.assertEqual(self.said, ["SIGTERM", "SIGINT: ending at once"])

    def test_early(self) -> None:
        """Before the services exist, one signal ends the process."""
        self.stopper.signalled(signal.SIGTERM)
        self.assertEqual(self.happened, ["cleaned up", ("left", 1)])

    def test_stoppedOtherwise(self) -> None:
        """An end without a signal has the same deadline, counted once."""
        self.serve()
        self.stopper.begin()
        self.clock.advance(1)
        self.stopper.signalled(signal.SIGTERM)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(DEADLINE - 1)
        self.assertEqual(self.happened[-1], ("left", 1))

    def test_leavesAnyway(self) -> None:
        """The process ends even if the clean-up raises."""

        def fail() -> None:
            raise OSError("disk")

        stopper = Stopper(fail, lambda status: self.happened.append(("left", status)))
        self.assertRaises(OSError, stopper.signalled, signal.SIGTERM)
        self.assertEqual(self.happened, [("left", 1)])

    def test_install(self) -> None:
        """Both signals are handled, also after other code has replaced the handlers."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.stopper.install()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self.stopper.install()
        self.serve()
        signal.raise_signal(signal.SIGTERM)
        self.assertEqual(self.happened, ["asked to stop"])
