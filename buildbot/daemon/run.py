# -*- test-case-name: tests.unit.daemon.test_run -*-
"""The process of a buildmaster or buildslave: it runs the buildbot.tac of one directory.

C{python -m buildbot.daemon.run DIR} runs in the foreground and logs to standard output. With C{--ready-fd} it
is the child that C{buildbot start} starts, and logs to DIR/twistd.log. The services are in other modules, and
so is the command C{start}.
"""

from __future__ import annotations

import atexit
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any, cast

from buildbot.daemon import garbage

with garbage.allKept():  # the modules make many objects, and none of them is garbage
    import twisted
    from twisted.application.service import Application, IService, IServiceCollection
    from twisted.internet import defer, task
    from twisted.internet.error import ReactorNotRunning
    from twisted.logger import (
        ILogObserver,
        LegacyLogObserverWrapper,
        Logger,
        globalLogBeginner,
        globalLogPublisher,
    )
    from twisted.python import log as legacyLog
    from twisted.python import usage
    from twisted.python.components import Componentized

    from buildbot import version
    from buildbot.config.plugincode import PLUGIN_ERRORS
    from buildbot.daemon import directory, lock, logfile, otherdaemon, pidfile, tacfile
    from buildbot.daemon.oserrors import inWords
    from buildbot.daemon.readiness import (
        IEnds,
        IPages,
        IReadiness,
        IStandby,
        Reporter,
        StartFailed,
        notify,
        watchdogInterval,
    )
    from buildbot.daemon.repeats import Repeats
    from buildbot.daemon.shutdown import Stopper
    from buildbot.daemon.troubles import ITroubled
    from buildbot.events.reactors import StoppableReactor
    from buildbot.text.printable import plain, plainLine

log = Logger("buildbot.daemon.run")  # by name: this module may be run as __main__

#: The most open files of a master: its child programs may close all of them one by one.
_MOST_FILES = 262_144


#: How much lower the priority of a process with pages is than that of its master.
_NICE = 5


class Options(usage.Options):
    """The arguments of this process. (Users type C{buildbot start}.)"""

    synopsis = "python -m buildbot.daemon.run [--ready-fd=N] [--verbose] [--standby] [--pages-only] [...] DIR"
    optParameters = [
        ["ready-fd", None, None, "The writing end of the start-up pipe; none: foreground", int],
        ["http-port", None, "", "The port of the pages; none: that of the configuration"],
    ]
    optFlags = [
        ["verbose", "v", "Show the tracebacks of a start that fails"],
        ["pages-only", None, "Only serve the pages of the master"],
        ["standby", None, "Wait while another master is active on the same store, and take over"],
    ]

    def parseArgs(self, basedir: str) -> None:  # type: ignore[override]
        """Store the argument DIR."""
        self["basedir"] = basedir


class Running:
    """I run one application from start to end and keep its exit status."""

    def __init__(
        self,
        application: Componentized,
        reactor: StoppableReactor,
        reporter: Reporter,
        stopper: Stopper,
        verbose: bool = False,
    ) -> None:
        self._services = IServiceCollection(application)
        self._reactor = reactor
        self._reporter = reporter
        self._stopper = stopper
        self._verbose = verbose
        self._notStopped: list[str] = []
        self.status = 0  #: the exit status, valid after the reactor has returned
        stopper.stop = self.askToStop
        stopper.waitingFor = lambda: self._notStopped

    async def start(self) -> None:
        """Start all services, wait until all are ready, and report it. If one fails, stop."""
        root = IService(self._services)
        waiting = [each.whenReady() for each in allServices(root) if IReadiness.providedBy(each)]
        try:
            for each in allServices(root):
                if IEnds.providedBy(each):
                    each.whenOver().addCallback(lambda lines: self._failed(StartFailed(lines)))
            root.privilegedStartService()
            root.startService()
            said = await defer.gatherResults(waiting, consumeErrors=True)
        except PLUGIN_ERRORS as why:
            self._failed((why.subFailure.value or why) if isinstance(why, defer.FirstError) else why)
            return
        if not self._stopper.begun:
            self._reporter.ready([line for each in said for line in each])

    def _failed(self, why: BaseException) -> None:
        if isinstance(why, StartFailed):
            lines = why.lines
        else:
            log.error("starting failed:\n{traceback}", traceback="".join(traceback.format_exception(why)))
            lines = [plainLine(f"{type(why).__name__}: {why}")]
        if self._verbose:
            lines = [*lines, *"".join(traceback.format_exception(why)).splitlines()]
        self.status = 1
        if not self._stopper.begun:
            for line in lines:
                log.error("{line}", line=line)
            self._reporter.failed(lines)
        self._stopper.begin()
        self.askToStop()

    def askToStop(self) -> None:
        """Stop the reactor in its next turn. Safe in any thread and in signal handlers."""
        self._reactor.callFromThread(self._stopReactor)

    def _stopReactor(self) -> None:
        with suppress(ReactorNotRunning):  # the reactor has stopped already
            self._reactor.stop()

    async def stop(self) -> None:
        """Stop all services, the latest first. Returns when all have stopped or failed to."""
        self._stopper.begin()
        self._reporter.stopping()
        IService(self._services).running = 0
        await defer.DeferredList(
            [defer.Deferred.fromCoroutine(self._stop(each)) for each in reversed(list(self._services))]
        )

    async def _stop(self, service: IService) -> None:
        name = describe(service)
        self._notStopped.append(name)
        try:
            await defer.maybeDeferred(service.stopService)
        except PLUGIN_ERRORS:
            log.failure("{name} failed to stop", name=name)
        self._notStopped.remove(name)

    def finished(self) -> int:
        """Return the exit status. Call me after the reactor has returned."""
        if not self._reporter.told:
            self._reporter.failed(["the process was stopped before it was ready"])
            self.status = 1
        return self.status


def allServices(root: IService) -> Iterator[IService]:
    """A service and all below it."""
    yield root
    if IServiceCollection.providedBy(root):
        for each in root:
            yield from allServices(each)


def describe(service: IService) -> str:
    """The title of a service for messages."""
    kind = type(service).__name__
    return f"{kind} {service.name!r}" if getattr(service, "name", None) else kind


def raiseFileLimit(most: int = _MOST_FILES) -> None:
    """Raise this process's limit of open files as far as permitted: each slave takes one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most if hard == resource.RLIM_INFINITY else min(hard, most)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # continue with the present limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def ownObserver(application: Componentized) -> ILogObserver | None:
    """The log observer that the .tac sets, as those of 0.7.12 and buildbot-worker do; else None."""
    own: ILogObserver | None = application.getComponent(ILogObserver, None)
    if own is None:
        legacy = application.getComponent(legacyLog.ILogObserver, None)
        own = None if legacy is None else LegacyLogObserverWrapper(legacy)
    return own


def main(argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Run this process with these arguments to its end. Returns the exit status."""
    options = Options()
    try:
        options.parseOptions(argv)
    except usage.UsageError as why:
        print(f"{options.synopsis}\n{why}", file=sys.stderr)
        return 2
    pages = options["http-port"] if options["pages-only"] else None
    if options["standby"] and pages is not None:
        print(f"{options.synopsis}\n--standby and --pages-only exclude each other", file=sys.stderr)
        return 2
    return run(
        options["basedir"], options["ready-fd"], options["verbose"], environ, pages, options["standby"]
    )


def run(
    basedir: str,
    readyFd: int | None,
    verbose: bool,
    environ: Mapping[str, str],
    pages: str | None = None,
    isStandby: bool = False,
) -> int:
    """Run the buildbot.tac of a directory until it is stopped. Returns the exit status.

    The pid file, the socket and the lock are removed at the exit of the interpreter.

    @param readyFd: the start-up pipe of a daemon; None runs in the foreground.
    @param verbose: True to report tracebacks of a failed start.
    @param pages: the port of a process that only serves pages, "" for that of the configuration; None: run
        everything.
    @param isStandby: True to wait while another master is active on the same store.
    """
    reporter = Reporter(readyFd, environ)
    os.umask(0o077)
    try:
        here = directory.enter(basedir)
        asJSON = directory.logsAsJSON(directory.readTac(here))
        home = here if pages is None else _homeOfPages(here)
        stopper = _moveIn(here, home)
        file = None if readyFd is None else logfile.DaemonLog(home)
    except (directory.Unusable, lock.AlreadyRunning, OSError) as why:
        line = inWords(why) if isinstance(why, OSError) else str(why)
        line = f"{basedir}: {line}" if isinstance(why, lock.AlreadyRunning) else line
        reporter.failed([line])
        if readyFd is None:  # there is no parent to tell the user, and no log yet
            print(plain(line), file=sys.stderr)
        return 1
    observer = logfile.observer(sys.stdout if file is None else cast(IO[Any], file), asJSON)
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=True)
    log.info(
        "buildbot {version} (Twisted {twisted}, Python {python}) starts in {here}, pid {pid}",
        version=version,
        twisted=twisted.__version__,
        python=sys.version.split()[0],
        here=here,
        pid=os.getpid(),
    )
    try:
        with garbage.allKept():
            tac = tacfile.load(here, verbose)
            application = tac.application if pages is None else _pagesOf(tac.application, home, pages)
            if isStandby:
                standBy(application)
    except StartFailed as why:
        for line in why.lines:
            log.error("{line}", line=line)
        reporter.failed(why.lines)
        return 1
    if tac.umask is not None:
        os.umask(tac.umask)
    own = ownObserver(tac.application)
    if own is not None:
        globalLogPublisher.addObserver(Repeats(own))
    if file is not None:
        file.rotateLength, file.maxRotatedFiles = tac.rotateLength, tac.maxRotatedFiles
        if own is not None:
            globalLogPublisher.removeObserver(observer)
    return _live(application, reporter, stopper, file, verbose, environ)


def _homeOfPages(here: str) -> str:
    """The directory of the lock, pid file and logs of a process that only serves pages. Makes it.

    This process then gives way to its master: readers wait rather than slaves.
    """
    home = os.path.join(here, directory.PAGES)
    os.makedirs(home, 0o700, exist_ok=True)
    os.nice(_NICE)
    return home


def _pagesOf(application: Componentized, home: str, port: str) -> Componentized:
    """An application that only serves the pages of another one, which is not started."""
    made: Componentized = Application("pages")
    for each in allServices(IService(application)):
        if IPages.providedBy(each):
            each.pagesOnly(home, port).setServiceParent(made)
            return made
    raise StartFailed([f"{directory.TAC} makes no BuildMaster: it has no pages"])


def standBy(application: Componentized) -> None:
    """Let the master of an application wait while another one is active.

    @raise StartFailed: it has no master.
    """
    found = [each for each in allServices(IService(application)) if IStandby.providedBy(each)]
    if not found:
        raise StartFailed([f"{directory.TAC} makes no BuildMaster: nothing can stand by"])
    for each in found:
        each.standBy()


def _moveIn(here: str, home: str) -> Stopper:
    """Prepare this process for the directory: lock, pid file, signal handlers, limits.

    @param home: the directory of lock and pid file.
    @raise lock.AlreadyRunning, directory.Unusable, OSError: this failed; the directory is unchanged.
    """
    kind = directory.kindOf(directory.readTac(here))
    lock.hold(home, kind)
    other = otherdaemon.daemonIn(home)
    if other is not None:
        lock.release(home)
        raise directory.Unusable(otherdaemon.words(other, home))
    cleanUp = _cleaner(home)
    atexit.register(cleanUp)
    stopper = Stopper(cleanUp)
    stopper.install()
    # Otherwise these signals would end the process before a handler is set.
    for number in (signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, _ignored)
    if kind is not directory.Kind.SLAVE:
        raiseFileLimit()
        garbage.collectRarely()
    os.chdir(here)
    pidfile.writePid(home)
    return stopper


def _ignored(number: int, frame: object) -> None:
    log.info("{name} ignored: nothing in this process handles it", name=signal.Signals(number).name)


def _live(
    application: Componentized,
    reporter: Reporter,
    stopper: Stopper,
    file: logfile.DaemonLog | None,
    verbose: bool,
    environ: Mapping[str, str],
) -> int:
    """Run the reactor with the application until it is stopped. Returns the exit status."""
    # Import it after the .tac ran: that may install another reactor.
    from twisted.internet import reactor as installed

    reactor: Any = installed
    running = Running(application, reactor, reporter, stopper, verbose)

    async def begin() -> None:
        await task.deferLater(reactor, 0)  # after Twisted has installed its handlers
        stopper.install()
        if file is not None:
            for each in allServices(IService(IServiceCollection(application))):
                if ITroubled.providedBy(each):
                    each.troubles.watch("twistd.log", file.trouble)
            signal.signal(signal.SIGUSR1, lambda number, frame: reactor.callFromThread(file.reopen))
        await running.start()
        if file is not None:
            file.receive(1, 2)
        interval = watchdogInterval(environ, os.getpid())
        if interval is not None:
            await task.LoopingCall(notify, "WATCHDOG=1", environ).start(interval)

    reactor.addSystemEventTrigger("before", "shutdown", lambda: defer.Deferred.fromCoroutine(running.stop()))
    reactor.callWhenRunning(lambda: defer.Deferred.fromCoroutine(begin()))
    reactor.run()
    return running.finished()


def _cleaner(here: str) -> Callable[[], None]:
    """Make a function that removes the pid file, socket and lock of this process."""
    mine = os.getpid()

    def cleanUp() -> None:
        if os.getpid() == mine:  # a forked child runs the exit handlers of its parent too
            pidfile.remove(here)

    return cleanUp


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
