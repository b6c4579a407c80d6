# -*- test-case-name: tests.unit.logstorage.test_briefly -*-
"""Let the reactor wait for a log in the bucket, but only for moments: plug-ins of 0.8 read logs at once.

All these waits together take at most L{MOST} seconds, and a tenth of the time in the long run. A log that
comes later is kept for the next try.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from functools import partial
from threading import Event, Lock

from buildbot.outgoing.calls import inDaemonThread

#: The most seconds of waiting, and the share of the time in the long run.
MOST, SHARE = 1.0, 0.1
#: The most logs that are fetched at once for those who wait.
AT_ONCE = 4


class _Task:
    def __init__(self) -> None:
        self.done = Event()
        self.data = b""
        self.why: OSError | None = None


class Briefly:
    """I fetch logs in threads for callers that wait a moment. The last one stays in memory."""

    def __init__(
        self,
        inThread: Callable[[Callable[[], None]], object] = inDaemonThread,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """@param inThread: runs a function in a thread.
        @param seconds: a clock that nobody sets.
        """
        self._inThread = inThread
        self._seconds = seconds
        self._lock = Lock()
        self._tasks: dict[str, _Task] = {}
        self._last: tuple[str, bytes] | None = None
        self._left, self._when = MOST, seconds()

    def read(self, path: str, fetch: Callable[[], bytes]) -> bytes:
        """A log, if it comes soon.

        @param fetch: blocks until the log is here.
        @raise OSError: the error of C{fetch}; or EWOULDBLOCK, if it takes too long.
        """
        with self._lock:
            if self._last is not None and self._last[0] == path:
                return self._last[1]
            task = self._tasks.get(path)
            isNew = task is None and len(self._tasks) < AT_ONCE
            if isNew:
                task = self._tasks[path] = _Task()
        if task is not None and isNew:
            self._inThread(partial(self._run, path, task, fetch))
        if task is None or not self._wait(task):
            raise OSError(
                errno.EWOULDBLOCK,
                "it is in the object storage, and the reactor waits no longer: wait for log.bring() first",
            )
        if task.why is not None:
            raise task.why
        return task.data

    def forget(self) -> None:
        """Forget the last log."""
        with self._lock:
            self._last = None

    def _wait(self, task: _Task) -> bool:
        begun = self._seconds()
        self._left = min(MOST, self._left + SHARE * (begun - self._when))
        isDone = task.done.wait(self._left)
        self._when = self._seconds()
        self._left = max(0.0, self._left - (self._when - begun))
        return isDone

    def _run(self, path: str, task: _Task, fetch: Callable[[], bytes]) -> None:
        try:
            task.data = fetch()
            with self._lock:
                self._last = path, task.data
        except OSError as why:
            task.why = why
        except BaseException as why:
            task.why = OSError(errno.EIO, f"it cannot be read: {type(why).__name__}")
            raise
        finally:
            with self._lock:
                self._tasks.pop(path, None)
            task.done.set()
