# -*- test-case-name: tests.unit.daemon.test_pidfile -*-
"""The pid file and control socket: written while the daemon runs, removed when it ends.

The lock decides who runs; see L{buildbot.daemon.lock}.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress

from buildbot.daemon import lock, otherdaemon
from buildbot.daemon.directory import PID, SOCKET
from buildbot.daemon.symptoms import Symptom
from buildbot.files.plain import mustBePlain, readPlain

#: The directories in which this process has written its pid file.
_written: set[str] = set()


def writePid(here: str) -> None:
    """Write twistd.pid, for people and other programs. Replaces the file of an ended process."""
    path = os.path.join(here, PID)
    if os.path.isdir(path) and not os.path.islink(path):
        mustBePlain(path)
    with suppress(FileNotFoundError):
        os.unlink(path)
    with open(path, "x", encoding="ascii") as stream:
        stream.write(f"{os.getpid()}\n")
    _written.add(here)


def pidTrouble(here: str) -> Symptom | None:
    """The trouble of this process's pid file, or None."""
    if here not in _written:
        return None
    path = os.path.join(here, PID)
    try:
        with readPlain(path) as stream:
            said = stream.read(100).decode("ascii", "replace").strip()
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            return None  # the file cannot be checked now
        said = error.strerror or type(error).__name__
    if said == str(os.getpid()):
        return None
    return Symptom(
        "scripts cannot find the master's process: its pid file is wrong",
        f"{path}: {said or 'it is empty'}",
        f"write {os.getpid()} into it, or restart the master",
    )


def remove(here: str) -> None:
    """Remove the pid file, the socket and the lock of this process, which holds the lock.

    The pid file of a daemon that another program runs there is kept: that program needs it to stop the
    daemon.
    """
    for name in (SOCKET,) if otherdaemon.daemonIn(here) is not None else (PID, SOCKET):
        with suppress(OSError):
            os.unlink(os.path.join(here, name))
    lock.release(here, entirely=True)


def sweep(here: str) -> None:
    """Remove the files of a killed process, unless another process runs there now."""
    with suppress(lock.AlreadyRunning, OSError):
        lock.hold(here)
        remove(here)
