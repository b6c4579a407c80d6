"""Child processes of one test that end with it.

This module does not know what runs in them (slaves, masters, the command line).
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Mapping, Sequence

from twisted.internet import defer, protocol, reactor, task
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

#: The root of the checkout (or of the installed tree) of the tests.
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

#: Seconds between SIGTERM and SIGKILL.
GRACE = 120.0


class TooLate(AssertionError):
    """The awaited event did not happen in time."""


def moments(seconds: float) -> defer.Deferred[None]:
    """Fires after C{seconds}."""
    return task.deferLater(reactor, seconds)


def untilNextLook(begun: float) -> float:
    """The seconds to wait before the next look at something that is awaited since C{begun}.

    A look costs the processors something, too. So who has waited for long waits longer, by a tenth at most.
    """
    return min(max(0.05, (time.monotonic() - begun) / 10), 0.3)


async def until(condition: Callable[[], object], timeout: float, what: Callable[[], str] | str) -> float:
    """Wait until C{condition()} is true; return the seconds.

    @param what: the awaited event, for the error (a callable is called when it is too late).
    @raise TooLate: when C{timeout} seconds have passed.
    """
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > timeout:
            raise TooLate(f"not within {timeout} s: {what() if callable(what) else what}")
        await moments(untilNextLook(begun))
    return time.monotonic() - begun


async def never(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Watch for C{seconds}. Raises AssertionError if C{condition()} becomes true."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            raise AssertionError(f"{what}, {ends - time.monotonic():.1f} s before the end of the watch")
        await moments(0.05)


def environment(home: str, **more: str) -> dict[str, str]:
    """The environment variables of a child: from the user's only PATH; C{home} is its HOME.

    Below C{home}, git never finds a repository that is above it, such as the one of these tests.
    """
    return {
        **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")},
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": home,
        "TMPDIR": home,
        "GIT_CEILING_DIRECTORIES": os.path.realpath(home),
        **more,
    }


class Child(protocol.ProcessProtocol):
    """I am one child process; both its outputs go to files, so that nobody can be blocked by a pipe.

    The test that starts me ends me: by SIGKILL at its clean-up if nothing else did.
    """

    def __init__(
        self,
        test: TestCase,
        argv: Sequence[str],
        cwd: str,
        env: Mapping[str, str],
        output: str,
    ) -> None:
        """@param argv: the program (absolute) and its arguments.
        @param output: path of a file; standard output is appended to C{output + ".out"} and standard
            error to C{output + ".err"}.
        """
        self.argv = list(argv)
        self.status: int | None = None  # exit status, or minus the signal's number
        self._waiting: list[defer.Deferred[int]] = []
        self._outputs = (output + ".out", output + ".err")
        self._begins = [os.path.getsize(path) if os.path.exists(path) else 0 for path in self._outputs]
        files = [os.open(os.devnull, os.O_RDONLY)]
        files += [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for path in self._outputs]
        try:
            self._process = reactor.spawnProcess(
                self, argv[0], self.argv, env=dict(env), path=cwd, childFDs=dict(enumerate(files))
            )
        finally:
            for descriptor in files:
                os.close(descriptor)
        self.pid: int = self._process.pid
        test.addCleanup(lambda: defer.ensureDeferred(self.end()))

    def processEnded(self, reason: Failure) -> None:
        """The child was reaped: fire the Deferreds."""
        why = reason.value
        assert isinstance(why, (ProcessDone, ProcessTerminated))
        self.status = -why.signal if why.signal else (why.exitCode or 0)
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            deferred.callback(self.status)

    def isAlive(self) -> bool:
        """True until the process has ended (also while it is stopped)."""
        return self.status is None

    def signal(self, number: int) -> None:
        """Send a signal; an ended process is ignored."""
        if self.status is None:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass

    def whenEnded(self, timeout: float = 180.0) -> defer.Deferred[int]:
        """Fires with the exit status (minus the number of the signal that ended it).

        @raise TooLate: it is still running after C{timeout} seconds.
        """
        if self.status is not None:
            return defer.succeed(self.status)
        deferred: defer.Deferred[int] = defer.Deferred(lambda d: self._waiting.remove(d))
        self._waiting.append(deferred)
        deferred.addTimeout(timeout, reactor, onTimeoutCancel=self._stillRunning)
        return deferred

    def _stillRunning(self, result: object, timeout: float) -> object:
        raise TooLate(f"still running after {timeout} s: {self.argv}\n{self.stdout()}{self.stderr()}")

    async def end(self) -> None:
        """Kill the process, in any state, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        await self.whenEnded(GRACE)

    async def stop(self) -> int:
        """Send SIGTERM; after C{GRACE} seconds the process is killed, which is an error."""
        self.signal(signal.SIGTERM)
        return await self.whenEnded(GRACE)

    def stdout(self) -> str:
        """The standard output of this child so far."""
        return self._read(0)

    def stderr(self) -> str:
        """The standard error of this child so far."""
        return self._read(1)

    def _read(self, which: int) -> str:
        with open(self._outputs[which], "rb") as stream:
            stream.seek(self._begins[which])
            return stream.read().decode("utf-8", "replace")


class LogFile:
    """A log that a process writes and a test reads, by polling the file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def size(self) -> int:
        """The size of the log in bytes (0 without a file): a mark for C{after}."""
        try:
            return os.path.getsize(self.path)
        except OSError:
            return 0

    def text(self, after: int = 0) -> str:
        """The log from byte C{after} on."""
        try:
            with open(self.path, "rb") as stream:
                stream.seek(after)
                return stream.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def count(self, pattern: str, after: int = 0) -> int:
        """The number of matches of the regular expression in the log."""
        return len(re.findall(pattern, self.text(after), re.MULTILINE))

    async def whenLogged(self, pattern: str, timeout: float = 120.0, after: int = 0, times: int = 1) -> float:
        """Wait until the regular expression occurs in the log C{times} times; return the seconds.

        @raise TooLate: with the end of the log.
        """
        return await until(
            lambda: self.count(pattern, after) >= times,
            timeout,
            lambda: f"{pattern!r} in {self.path}:\n{self.text(after)[-4000:]}",
        )


class Daemon(LogFile):
    """I am a log, and the processes that write it: at most one at a time."""

    _child: Child | None = None

    @property
    def child(self) -> Child:
        """The process that was started last."""
        assert self._child is not None, "never started"
        return self._child

    @property
    def pid(self) -> int:
        """The pid of the process that was started last."""
        return self.child.pid

    def isAlive(self) -> bool:
        """True if the process exists (also while it is frozen)."""
        return self._child is not None and self._child.isAlive()

    async def stop(self) -> int:
        """Stop it with SIGTERM; return its exit status (newer twistds end by the signal: -15)."""
        return await self.child.stop()

    async def kill(self) -> None:
        """Kill it with SIGKILL, and wait until it is gone."""
        await self.child.end()
