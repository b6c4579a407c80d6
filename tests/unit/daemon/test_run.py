"""One application, from its start to its end."""

from __future__ import annotations

import resource
from collections.abc import Callable
from functools import partial

from twisted.application import service
from twisted.internet import defer
from twisted.internet.error import ReactorNotRunning
from twisted.logger import ILogObserver, Logger
from twisted.python import log as legacyLog
from twisted.trial import unittest
from zope.interface import implementer

from buildbot.daemon import run
from buildbot.daemon.readiness import IEnds, IReadiness, IStandby, Reporter, StartFailed
from buildbot.daemon.shutdown import Stopper
from tests.commandline import spoken


class Told(Reporter):
    """I remember the reports."""

    def __init__(self) -> None:
        Reporter.__init__(self, None, {})
        self.words: list[tuple[object, ...]] = []

    def ready(self, lines: object) -> None:
        self.told = True
        self.words.append(("ready", lines))

    def failed(self, lines: object) -> None:
        if not self.told:
            self.told = True
            self.words.append(("failed", lines))

    def stopping(self) -> None:
        self.words.append(("stopping",))


class FakeReactor:
    """I stop when I am told to, once."""

    def __init__(self) -> None:
        self.stops = 0

    def callFromThread(self, function: Callable[[], object]) -> None:
        function()

    def stop(self) -> None:
        self.stops += 1
        if self.stops > 1:
            raise ReactorNotRunning


class Never:
    """A timer that never fires."""

    def start(self) -> None:
        """Do nothing."""


class Plain(service.Service):
    """A service that records its start and stop, or fails in one."""

    def __init__(self, diary: list[str], name: str, breaks: BaseException | None = None) -> None:
        self.diary = diary
        self.setName(name)
        self.breaks = breaks
        self.stopped: defer.Deferred[None] = defer.succeed(None)

    def startService(self) -> None:
        if self.breaks:
            raise self.breaks
        self.diary.append(f"start {self.name}")

    def stopService(self) -> defer.Deferred[None]:
        if self.breaks:
            raise self.breaks
        self.diary.append(f"stop {self.name}")
        return self.stopped


@implementer(IReadiness)
class Slow(Plain):
    """A service that is ready when the test says so; it may fail before it is asked."""

    def __init__(self, diary: list[str], name: str) -> None:
        Plain.__init__(self, diary, name)
        self.isReady: defer.Deferred[list[str]] = defer.Deferred()

    def whenReady(self) -> defer.Deferred[list[str]]:
        self.diary.append(f"ask {self.name}")
        return self.isReady


@implementer(IEnds, IStandby)
class Mortal(Plain):
    """A service that ends when the test says so, and can stand by."""

    def __init__(self, diary: list[str], name: str) -> None:
        Plain.__init__(self, diary, name)
        self.isOver: defer.Deferred[list[str]] = defer.Deferred()

    def whenOver(self) -> defer.Deferred[list[str]]:
        return self.isOver

    def standBy(self) -> None:
        self.diary.append(f"stand by {self.name}")


class RunningTests(unittest.TestCase):
    """Start, report and stop."""

    def setUp(self) -> None:
        self.diary: list[str] = []
        self.reporter = Told()
        self.reactor = FakeReactor()
        self.application = service.Application("test")
        self.stopper = Stopper(lambda: None, lambda status: None, lambda seconds, function: Never())
        self.running = run.Running(self.application, self.reactor, self.reporter, self.stopper)

    def add(self, each: Plain, parent: object = None) -> Plain:
        """Add a service to the application or to another service."""
        each.setServiceParent(parent or self.application)
        return each

    def slow(self, name: str, parent: object = None) -> Slow:
        """Add a service that becomes ready later."""
        each = Slow(self.diary, name)
        self.add(each, parent)
        return each

    def start(self) -> defer.Deferred[None]:
        """Start everything."""
        return defer.Deferred.fromCoroutine(self.running.start())

    def stop(self) -> defer.Deferred[None]:
        """Stop everything."""
        return defer.Deferred.fromCoroutine(self.running.stop())

    def test_ready(self) -> None:
        """The start is reported when the last service is ready, with the lines of all (O1)."""
        inner = service.MultiService()
        inner.setServiceParent(self.application)
        one, two = self.slow("one"), self.slow("two", inner)
        self.add(Plain(self.diary, "plain"))
        started = self.start()
        two.isReady.callback(["web: 8010"])
        self.assertEqual(self.reporter.words, [])
        one.isReady.callback(["slaves: tcp 9989", "more"])
        self.successResultOf(started)
        ((word, lines),) = self.reporter.words
        assert isinstance(lines, list)
        self.assertEqual((word, sorted(lines)), ("ready", ["more", "slaves: tcp 9989", "web: 8010"]))
        self.assertEqual(self.reactor.stops, 0)

    def test_askedBefore(self) -> None:
        """A service is asked before it starts, so that an immediate failure is seen."""
        self.slow("one").isReady.callback([])
        self.start()
        self.assertEqual(self.diary, ["ask one", "start one"])

    def test_failed(self) -> None:
        """If a service fails, its reasons are reported, and everything stops with status 1."""
        one, two = self.slow("one"), self.slow("two")
        self.start()
        one.isReady.errback(StartFailed(["cannot listen on tcp 9989", "and more"]))
        self.assertEqual(self.reporter.words, [("failed", ["cannot listen on tcp 9989", "and more"])])
        self.assertEqual(self.reactor.stops, 1)
        two.isReady.errback(StartFailed(["too late to matter"]))
        self.successResultOf(self.stop())
        self.assertEqual(self.running.finished(), 1)
        self.assertEqual(self.diary[-2:], ["stop two", "stop one"])

    def test_over(self) -> None:
        """A service that was ready may find that the process must end: it stops, with status 1."""
        one = Mortal(self.diary, "one")
        self.add(one)
        self.successResultOf(self.start())
        self.assertEqual(self.reporter.words, [("ready", [])])
        one.isOver.callback(["another one has taken over"])
        self.assertEqual(self.reactor.stops, 1)
        self.successResultOf(self.stop())
        self.assertEqual(self.running.finished(), 1)
        self.assertEqual(self.diary, ["start one", "stop one"])

    def test_brokenStart(self) -> None:
        """A service that raises at its start is reported in one line; the traceback is in the log."""
        self.add(Plain(self.diary, "odd", ValueError("no\nnumber")))
        self.slow("one")
        self.start()
        self.assertEqual(self.reporter.words, [("failed", ["ValueError: no number"])])
        self.assertEqual(self.running.finished(), 1)

    def test_exits(self) -> None:
        """F15: a service that calls sys.exit() at its start or stop is reported like one that raises."""
        self.add(Plain(self.diary, "odd", SystemExit("no number")))
        self.start()
        self.assertEqual(self.reporter.words, [("failed", ["SystemExit: no number"])])
        self.stop()
        self.assertEqual(self.stopper.waitingFor(), [])
        self.assertEqual(len(self.flushLoggedErrors(SystemExit)), 1)

    def test_verbose(self) -> None:
        """With verbose, the traceback is reported."""
        self.running = run.Running(self.application, self.reactor, self.reporter, self.stopper, verbose=True)
        self.add(Plain(self.diary, "odd", ValueError("no")))
        self.start()
        ((_, lines),) = self.reporter.words
        self.assertIn("Traceback (most recent call last):", lines)

    def test_stoppedMeanwhile(self) -> None:
        """A process that is stopped while it starts is not reported as ready."""
        one = self.slow("one")
        self.start()
        self.stopper.signalled(15)
        self.assertEqual(self.reactor.stops, 1)
        self.stop()
        one.isReady.callback(["fine"])
        self.assertEqual(self.running.finished(), 1)
        self.assertEqual(
            self.reporter.words, [("stopping",), ("failed", ["the process was stopped before it was ready"])]
        )

    def test_stop(self) -> None:
        """All services stop, in reverse order, even if one raises."""
        one = self.add(Plain(self.diary, "one"))
        odd = self.add(Plain(self.diary, "odd"))
        self.add(Plain(self.diary, "two"))
        self.successResultOf(self.start())
        odd.breaks = ValueError("never mind")
        one.stopped = defer.Deferred()
        stopped = self.stop()
        self.assertEqual(self.diary[3:], ["stop two", "stop one"])
        self.assertEqual(self.stopper.waitingFor(), ["Plain 'one'"])
        self.assertNoResult(stopped)
        one.stopped.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual((self.running.finished(), self.reporter.words[-1]), (0, ("stopping",)))

    def test_stopTwice(self) -> None:
        """A second request to stop does nothing."""
        self.running.askToStop()
        self.running.askToStop()
        self.assertEqual(self.reactor.stops, 2)


class PartsTests(unittest.TestCase):
    """Parts of the start."""

    def test_fileLimit(self) -> None:
        """The limit of open files is raised as far as permitted, and never lowered."""
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        wanted = before[0] - 10
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted - 10, before[1]))
        run.raiseFileLimit(wanted)
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE), (wanted, before[1]))
        run.raiseFileLimit(5)
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE), (wanted, before[1]))

    def test_ownObserver(self) -> None:
        """A log observer set in the .tac, in the old or the new way, is used."""
        application = service.Application("test")
        self.assertIsNone(run.ownObserver(application))
        said: list[object] = []
        application.setComponent(legacyLog.ILogObserver, said.append)
        observer = run.ownObserver(application)
        assert observer is not None
        Logger(observer=observer).info("hello")
        self.assertEqual(len(said), 1)
        application.setComponent(ILogObserver, observer)
        self.assertIs(run.ownObserver(application), observer)

    def test_arguments(self) -> None:
        """An unknown argument is reported."""
        for words in ([], ["--ready-fd", "x", "dir"]):
            said = spoken(partial(run.main, words, {}))
            self.assertEqual((said.status, said.out), (2, ""))
            self.assertIn("python -m buildbot.daemon.run", said.err)

    def test_standBy(self) -> None:
        """A service that can stand by is told so before its start; without one, the start fails."""
        diary: list[str] = []
        application = service.Application("test")
        Plain(diary, "plain").setServiceParent(application)
        self.assertRaises(StartFailed, run.standBy, application)
        Mortal(diary, "one").setServiceParent(application)
        run.standBy(application)
        self.assertEqual(diary, ["stand by one"])
        said = spoken(partial(run.main, ["--standby", "--pages-only", "dir"], {}))
        self.assertEqual(said.status, 2)
        self.assertIn("exclude each other", said.err)

    def test_describe(self) -> None:
        """A service without a name has a title in messages."""
        self.assertEqual(run.describe(Plain([], "one")), "Plain 'one'")
        self.assertEqual(run.describe(service.Service()), "Service")
