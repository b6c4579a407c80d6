# -*- test-case-name: tests.daemons.test_unpacking -*-
"""Unpack an archive in a child process, without blocking the reactor.

L{buildbot.steps.unpack} has the child's code and the limits of an archive.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from dataclasses import asdict
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.events.alarm import Alarm
from buildbot.events.turns import Turns
from buildbot.files.partial import partialPath
from buildbot.steps.unpack import BadArchive, Order
from buildbot.wire.dialect import text

log = Logger()

#: The most bytes of contents, if the configuration has no limit, …
SIZE = 256 << 20
#: … or this multiple of the archive's size, if that is more.
RATIO = 100
#: The limit of CPU seconds for any archive, and the bytes of contents that add one second to it.
SECONDS = 60
_BYTES_A_SECOND = 4 << 20
#: The number of archives that are unpacked at the same time; others wait.
AT_ONCE = 4
#: The most bytes of the child's output that are kept.
_MOST_SAID = 4096
_STOPPED = "the archive is not unpacked: the build was stopped"
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop());"
    " from buildbot.steps.unpack import main; sys.exit(main(sys.argv[1]))"
)


def orderFor(archive: str, directory: str, maxsize: int | None, mode: int | None) -> Order:
    """The L{Order} to unpack an archive.

    @param maxsize: the most bytes of contents; None: a limit by the size of the archive.
    @param mode: see L{Order}.
    @raise OSError: the archive does not exist.
    """
    size = max(SIZE, RATIO * os.path.getsize(archive)) if maxsize is None else maxsize
    return Order(archive, partialPath(directory), directory, size, SECONDS + size // _BYTES_A_SECOND, mode)


class Unpacking(ProcessProtocol):
    """I am the unpacking of one archive."""

    turns = Turns(AT_ONCE)

    def __init__(self, order: Order, reactor: Any = None) -> None:
        """@param reactor: the reactor to use; None: the global one."""
        if reactor is None:
            from twisted.internet import reactor
        self._order = order
        self._reactor = reactor
        self._said = b""
        self._isLate = self._isStopped = self._isPlacing = False
        self._complaints = b""
        self._alarm = Alarm(self._end)
        self._done: Deferred[None] = Deferred()

    def start(self) -> Deferred[None]:
        """Start the child, once fewer than L{AT_ONCE} others run.

        @return: fires with None when the contents are in the target directory. Fails with L{BadArchive} on an
            error or after L{stop}; then the temporary files are removed.
        """
        self._turn = self.turns.acquire()
        self._turn.addCallbacks(lambda turns: self._begin(), lambda why: self._fail(_STOPPED))
        return self._done

    def _begin(self) -> None:
        command = [
            *(sys.executable, "-c", _PROGRAM),
            *(json.dumps(asdict(self._order)), json.dumps(sys.path)),
        ]
        try:
            self._reactor.spawnProcess(self, command[0], command, env=None, childFDs={0: "w", 1: "r", 2: "r"})
        except OSError as error:
            self.turns.release()
            self._fail(f"cannot start a process to unpack the archive: {error.strerror}")
            return
        # The child may wait for the disk and for other processes: allow more than its CPU time.
        self._alarm.set(self._reactor, 4 * self._order.seconds)

    def _fail(self, why: str) -> None:
        self._done.errback(BadArchive(why))

    def stop(self) -> None:
        """Stop unpacking. Does nothing once the contents are moving to the target directory."""
        if not self._isPlacing:
            self._isStopped = True
            self._turn.cancel()  # if it is still waiting
            self._kill()

    def _end(self) -> None:
        self._isLate = True
        self._kill()

    def _kill(self) -> None:
        if self.transport is not None and self.transport.pid is not None:
            self.transport.signalProcess("KILL")

    # events of the child

    def outReceived(self, data: bytes) -> None:
        """Receive the child's output: that it is ready, or the reason of its failure."""
        self._said = (self._said + data)[:_MOST_SAID]
        if self._said.startswith(b"ready\n") and not self._isPlacing and not self._isStopped:
            self._isPlacing = True
            assert self.transport is not None
            self.transport.write(b"go\n")

    def errReceived(self, data: bytes) -> None:
        """Keep the child's error output: an unexpected error."""
        self._complaints = (self._complaints + data)[-_MOST_SAID:]

    def processEnded(self, reason: Failure) -> None:
        """Remove the temporary files and fire the Deferred: the child has ended."""
        self.turns.release()
        self._alarm.stop()
        if not isinstance(reason.value, ProcessTerminated):
            self._done.callback(None)
            return
        why = self._whyNot(reason)
        if self._complaints:
            log.error(
                "cannot unpack {path}: {said}", path=self._order.directory, said=text(self._complaints, 4096)
            )
        clearing: Deferred[Any] = deferToThread(shutil.rmtree, self._order.aside, True)
        clearing.addBoth(lambda _: self._fail(why))

    def _whyNot(self, reason: Failure) -> str:
        if self._isStopped:
            return _STOPPED
        if self._isLate:
            return f"unpacking the archive takes more than {4 * self._order.seconds} seconds"
        ended = reason.value
        assert isinstance(ended, (ProcessDone, ProcessTerminated))
        if ended.signal == signal.SIGXCPU:
            return f"unpacking the archive takes more than {self._order.seconds} seconds of CPU time"
        said = self._said.removeprefix(b"ready\n")
        try:
            return str(json.loads(said))
        except ValueError:
            how = f"signal {ended.signal}" if ended.signal else f"status {ended.exitCode}"
            return f"unpacking the archive ended with {how}"
