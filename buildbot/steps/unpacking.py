# -*- test-case-name: tests.integration.test_unpacking -*-
"""Have an archive unpacked in a child process, while the reactor goes on.

What the child does, and what an archive may hold, is in L{buildbot.steps.unpack}.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from dataclasses import asdict
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.events.alarm import Alarm
from buildbot.files.partial import partialPath
from buildbot.steps.unpack import BadArchive, Order
from buildbot.wire.dialect import text

log = Logger()

#: Without a limit in the configuration, the contents may have so many bytes, …
SIZE = 256 << 20
#: … or so many times the bytes of the archive, if that is more.
RATIO = 100
#: Seconds of computing that any archive may take; one more for so many bytes of its contents.
SECONDS = 60
_BYTES_A_SECOND = 4 << 20
#: So many archives are unpacked at a time; the others wait for their turn.
AT_ONCE = 4
#: Bytes of the child's words that are kept.
_MOST_SAID = 4096
_STOPPED = "it is not unpacked: the build was stopped"
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop());"
    " from buildbot.steps.unpack import main; sys.exit(main(sys.argv[1]))"
)


def orderFor(archive: str, directory: str, maxsize: int | None, mode: int | None) -> Order:
    """How to unpack an archive.

    @param maxsize: bytes that its contents may have; None: as many as are likely for its size.
    @param mode: see L{Order}.
    @raise OSError: it is not there.
    """
    size = max(SIZE, RATIO * os.path.getsize(archive)) if maxsize is None else maxsize
    return Order(archive, partialPath(directory), directory, size, SECONDS + size // _BYTES_A_SECOND, mode)


class Unpacking(ProcessProtocol):
    """I am the unpacking of one archive."""

    turns = DeferredSemaphore(AT_ONCE)

    def __init__(self, order: Order, reactor: Any = None) -> None:
        """@param reactor: None for the usual one."""
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
        """Begin, or wait for my turn.

        @return: fires with None when the contents have taken their place; fails with L{BadArchive} if they
            cannot, or if I was stopped. Nothing is left of them then.
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
            self._fail(f"no process can be started to unpack it: {error.strerror}")
            return
        # It may have to wait for the disk, and for other processes.
        self._alarm.set(self._reactor, 4 * self._order.seconds)

    def _fail(self, why: str) -> None:
        self._done.errback(BadArchive(why))

    def stop(self) -> None:
        """Nobody wants the contents any more. What takes its place already goes on to do so."""
        if not self._isPlacing:
            self._isStopped = True
            self._turn.cancel()  # if it still has to come
            self._kill()

    def _end(self) -> None:
        self._isLate = True
        self._kill()

    def _kill(self) -> None:
        if self.transport is not None and self.transport.pid is not None:
            self.transport.signalProcess("KILL")

    # what the child does

    def outReceived(self, data: bytes) -> None:
        """The child says something: that it is ready, or why it cannot be."""
        self._said = (self._said + data)[:_MOST_SAID]
        if self._said.startswith(b"ready\n") and not self._isPlacing and not self._isStopped:
            self._isPlacing = True
            assert self.transport is not None
            self.transport.write(b"go\n")

    def errReceived(self, data: bytes) -> None:
        """The child has trouble that it does not understand itself."""
        self._complaints = (self._complaints + data)[-_MOST_SAID:]

    def processEnded(self, reason: Failure) -> None:
        """The child has ended: clear up behind it, and tell."""
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
            return f"it takes more than {4 * self._order.seconds} seconds to unpack"
        ended = reason.value
        assert isinstance(ended, (ProcessDone, ProcessTerminated))
        if ended.signal == signal.SIGXCPU:
            return f"it takes more than {self._order.seconds} seconds of computing to unpack"
        said = self._said.removeprefix(b"ready\n")
        try:
            return str(json.loads(said))
        except ValueError:
            how = f"signal {ended.signal}" if ended.signal else f"status {ended.exitCode}"
            return f"unpacking it ended with {how}"
