# -*- test-case-name: tests.test_daemon_traces -*-
"""What a running process keeps in its directory, and nobody else shall find there: pid file and socket.

The lock decides who runs; see L{buildbot.daemon.lock}.
"""

from __future__ import annotations

import os
from contextlib import suppress

from buildbot.daemon import lock, stranger
from buildbot.daemon.place import PID, SOCKET


def writePid(here: str) -> None:
    """Write twistd.pid, for people and for other programs, over that of a process that is gone."""
    path = os.path.join(here, PID)
    with suppress(FileNotFoundError):
        os.unlink(path)
    with open(path, "x", encoding="ascii") as stream:
        stream.write(f"{os.getpid()}\n")


def remove(here: str) -> None:
    """Remove the traces of this process, which has the lock, and give that up.

    The pid file of a daemon that another program runs there stays: without it, that program cannot stop it.
    """
    for name in (SOCKET,) if stranger.daemonIn(here) is not None else (PID, SOCKET):
        with suppress(OSError):
            os.unlink(os.path.join(here, name))
    lock.release(here, entirely=True)


def sweep(here: str) -> None:
    """Remove the traces of a process that was killed, unless another has begun to run there since."""
    with suppress(lock.AlreadyRunning, OSError):
        lock.hold(here)
        remove(here)
