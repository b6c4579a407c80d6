# -*- test-case-name: tests.processes.test_childload -*-
"""Load a master.cfg in a child process with a time limit, and report the result.

The configuration stays in the child. After a good report, the caller loads the file again in its own process.
L{buildbot.reconfig.configchild} has the child's code.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from buildbot.config.load import locate
from buildbot.config.model import ConfigError
from buildbot.daemon.garbage import NEW_OBJECTS_OF_BRIEF
from buildbot.daemon.oserrors import inWords
from buildbot.events.alarm import Alarm
from buildbot.events.reactors import ProcessReactor
from buildbot.reconfig.configchild import Order
from buildbot.text.plural import counted

#: The most bytes of a file's output that are kept.
MOST_OUTPUT = 64 * 1024
#: Seconds beyond the time limit, for the child to start and to report its position. Then it is killed.
GRACE = 5.0
#: Seconds to read the rest of the output after the child's processes are killed.
_DRAIN = 1.0
#: The most bytes of a report. No honest child writes more.
_MOST_REPORT = 16 * 1024 * 1024
#: The child gets our sys.path, so it imports the same modules. They are no garbage.
_PROGRAM = (
    "import gc, json, sys; sys.path[:] = json.loads(sys.argv.pop());"
    f" gc.set_threshold({NEW_OBJECTS_OF_BRIEF});"
    " from buildbot.reconfig.configchild import main; main(sys.argv[1])"
)
_Take = Callable[[bytes], None]
_FRAME = re.compile(r'^  File "(.*)", line (\d+) in ', re.MULTILINE)


@dataclass(frozen=True)
class LoadReport:
    """The result of loading a file in a child process.

    @ivar ok: True if the file can be used; C{errors} is empty then.
    @ivar output: the first L{MOST_OUTPUT} bytes of its standard output and standard error.
    """

    ok: bool
    errors: tuple[ConfigError, ...]
    warnings: tuple[ConfigError, ...]
    output: str


def checkInChild(path: str, basedir: str, timeout: float, asks: bool = False) -> LoadReport:
    """Load the file of a master in a child process, and block until it is done; for the command line.

    Reports the errors of L{buildbot.config.load}. Also refuses a file that ends or kills the process, does
    not finish in time, forks, leaves threads running, or changes the directory, the umask or signal handlers.

    @param timeout: the seconds that the file may run.
    @param asks: True to ask the server of object storage, too, whether the bucket can be used.
    """
    child = _Child(path, basedir, asks)
    ours, theirs = os.pipe()
    try:
        process = subprocess.Popen(
            child.command(timeout, theirs),
            cwd=child.basedir,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[theirs],
            start_new_session=True,
        )
    except OSError as failed:
        os.close(ours)
        return child.notStarted(failed)
    finally:
        os.close(theirs)
    assert process.stdout is not None
    deadline = time.monotonic() + timeout + GRACE
    try:
        _pump({ours: child.reported}, {process.stdout.fileno(): child.printed}, deadline)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
    finally:  # also after Ctrl-C
        ended = process.poll()
        _endGroup(process.pid)
        process.wait()
        _pump({process.stdout.fileno(): child.printed}, {}, time.monotonic() + _DRAIN)
        os.close(ours)
        process.stdout.close()
    return child.conclude(ended, timeout)


def loadInChild(path: str, basedir: str, timeout: float, reactor: ProcessReactor) -> Deferred[LoadReport]:
    """The same as L{checkInChild}, without blocking the reactor.

    @return: fires with the report, at the latest some seconds after C{timeout}. Fails only if it is
        cancelled; that kills the child at once.
    """
    child = _Child(path, basedir)
    waiting = _Waiting(child, timeout, reactor)
    nothing = os.open(os.devnull, os.O_RDONLY)
    command = child.command(timeout, _Waiting.REPORT)
    try:
        reactor.spawnProcess(
            waiting,
            command[0],
            command,
            env=None,
            path=child.basedir,
            childFDs={0: nothing, 1: "r", 2: "r", _Waiting.REPORT: "r"},
        )
    except OSError as failed:
        return succeed(child.notStarted(failed))
    finally:
        os.close(nothing)
    return waiting.done


class _Child:
    """I am the parent's view of one child: its command line, its output and the report made from them."""

    def __init__(self, path: str, basedir: str, asks: bool = False) -> None:
        self._asks = asks
        self.basedir, self._path, self._shown = locate(path, basedir)
        self._output = bytearray()
        self._unkept = 0
        self._report = bytearray()

    def command(self, timeout: float, report: int) -> list[str]:
        """The program and its arguments. All arguments after the program are ASCII."""
        order = Order(self._path, self.basedir, timeout, report, self._asks)
        places = [os.path.abspath(each) for each in sys.path]
        return [sys.executable, "-u", "-c", _PROGRAM, json.dumps(asdict(order)), json.dumps(places)]

    def printed(self, data: bytes) -> None:
        """Add bytes of the child's standard output or error."""
        room = MOST_OUTPUT - len(self._output)
        self._output += data[:room]
        self._unkept += len(data[room:])

    def reported(self, data: bytes) -> None:
        """Add bytes of the child's report."""
        self._report += data[: _MOST_REPORT - len(self._report)]

    def notStarted(self, failed: OSError) -> LoadReport:
        """The report if the child cannot be started."""
        return self._refused(f"cannot start a process to load it: {inWords(failed)}")

    def conclude(self, status: int | None, timeout: float) -> LoadReport:
        """The report on an ended child.

        @param status: like C{subprocess.Popen.returncode}; None: the child was killed after the time limit.
        """
        started, text = self._report[:1] == b"\n", self._report[1:].decode("utf-8", "replace")
        if started and text.startswith("Timeout"):
            return self._late(timeout, text)
        if started and text.startswith("{") and text.endswith("\n"):
            told = json.loads(text)
            errors = tuple(ConfigError(*each) for each in told["errors"])
            warnings = tuple(ConfigError(*each) for each in told["warnings"])
            return LoadReport(not errors, errors, warnings, self._printed())
        if status is None:
            return self._late(timeout, "")
        if status < 0:
            return self._refused(f"it was killed by signal {-status} ({_signalName(-status)})")
        if not started:
            said = self._printed().strip().splitlines() or ["no output"]
            return self._refused(f"the process that should load it failed with status {status}: {said[-1]}")
        return self._refused(f"it ended the process with status {status} (os._exit?); it must run to its end")

    def _late(self, timeout: float, dump: str) -> LoadReport:
        filename, line = self._lastLine(dump)
        where = f" (it was at line {line})" if line else ""
        return self._refused(f"it did not finish in {timeout:g} s{where}", filename, line)

    def _lastLine(self, dump: str) -> tuple[str, int | None]:
        """The innermost line in faulthandler's dump that is in the file, or in a module in its directory."""
        mine, below = _asDumped(self._path), _asDumped(os.path.join(self.basedir, ""))
        for thread in dump.split("\nThread "):
            frames = [(found[1], int(found[2])) for found in _FRAME.finditer(thread)]
            if not any(filename == mine for filename, _ in frames):
                continue
            for filename, line in frames:
                if filename == mine:
                    return self._shown, line
                if filename.startswith(below) and "site-packages" not in filename:
                    return filename.removeprefix(below), line
        return self._shown, None

    def _refused(self, message: str, filename: str | None = None, line: int | None = None) -> LoadReport:
        return LoadReport(False, (ConfigError(message, filename or self._shown, line),), (), self._printed())

    def _printed(self) -> str:
        text = self._output.decode("utf-8", "replace")
        return f"{text}\n[{counted(self._unkept, 'more byte')}]\n" if self._unkept else text


class _Waiting(ProcessProtocol):
    """I am the protocol of one child for the reactor."""

    #: The child's file descriptor for the report.
    REPORT = 3

    def __init__(self, child: _Child, timeout: float, reactor: ProcessReactor) -> None:
        self.done: Deferred[LoadReport] = Deferred(lambda cancelled: self._giveUp())
        self._child = child
        self._timeout = timeout
        self._reactor = reactor
        self._status: int | None = None
        self._late = False
        self._deadline = Alarm(self._giveUp)
        self._draining = Alarm(self._closePipes)

    def connectionMade(self) -> None:
        assert self.transport is not None
        self._transport = self.transport
        self._pid = self.transport.pid
        self._deadline.set(self._reactor, self._timeout + GRACE)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        if childFD == self.REPORT:
            self._child.reported(data)
        else:
            self._child.printed(data)

    def processExited(self, reason: Failure) -> None:
        ended = reason.value
        assert isinstance(ended, (ProcessDone, ProcessTerminated))
        self._status = -ended.signal if ended.signal else ended.exitCode
        _endGroup(self._pid)
        self._draining.set(self._reactor, _DRAIN)

    def processEnded(self, reason: Failure) -> None:
        self._deadline.stop()
        self._draining.stop()
        if not self.done.called:
            self.done.callback(self._child.conclude(None if self._late else self._status, self._timeout))

    def _giveUp(self) -> None:
        self._late = True
        _endGroup(self._pid)

    def _closePipes(self) -> None:
        """Close the pipes: a process that left the group may still hold them open."""
        for number in (1, 2, self.REPORT):
            with contextlib.suppress(KeyError):
                self._transport.closeChildFD(number)


def _endGroup(pid: int) -> None:
    """Kill a child and all processes in its group."""
    for kill in (os.killpg, os.kill):  # it may not lead a group yet
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)
            return


def _pump(
    wanted: Mapping[int, Callable[[bytes], None]],
    besides: Mapping[int, Callable[[bytes], None]],
    deadline: float,
) -> None:
    """Read pipes until all in C{wanted} are at their end, or until C{deadline} (monotonic)."""
    left = set(wanted)
    with selectors.DefaultSelector() as selector:
        for descriptor, take in {**wanted, **besides}.items():
            selector.register(descriptor, selectors.EVENT_READ, take)
        while left and time.monotonic() < deadline:
            for key, _ in selector.select(deadline - time.monotonic()):
                data = os.read(key.fd, 64 * 1024)
                if data:
                    key.data(data)
                else:
                    selector.unregister(key.fd)
                    left.discard(key.fd)


def _asDumped(path: str) -> str:
    """A file name as faulthandler writes it: escaped to ASCII, and cut if it is long."""
    short = path if len(path) <= 500 else path[:500]
    escaped = "".join(c if " " <= c <= "~" else c.encode("ascii", "backslashreplace").decode() for c in short)
    return escaped if short == path else f"{escaped}..."


def _signalName(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return "a real-time signal"
