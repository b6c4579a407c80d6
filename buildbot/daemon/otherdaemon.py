# -*- test-case-name: tests.processes.test_daemon_otherdaemon -*-
"""Detect a daemon that another program runs in the directory: buildbot-worker, or an old master or slave.

Such a daemon does not use our lock; only its twistd.pid shows it. A pid file alone proves nothing: it counts
if its process has the directory as its current one. This module sends no signals.
"""

from __future__ import annotations

import os

from buildbot.daemon.directory import PID
from buildbot.files.plain import readPlain

#: The programs that run such daemons, as they appear in a command line.
_PROGRAMS = frozenset((b"twistd", b"buildbot", b"buildslave", b"buildbot-worker"))


def daemonIn(here: str) -> int | None:
    """The pid in twistd.pid, if that process works in the directory and is not this one; else None.

    Our own daemon looks the same. So call this only if the lock is free, or held by this process. Always None
    on systems without /proc.
    """
    path = os.path.join(here, PID)
    try:
        with readPlain(path) as stream:
            pid, owner = int(stream.read(100)), os.fstat(stream.fileno()).st_uid
    except (OSError, ValueError):
        return None
    if pid <= 0 or pid == os.getpid():
        return None
    return pid if _worksIn(pid, here, owner) else None


def words(pid: int, here: str) -> str:
    """The message for a user who wants to start or stop a daemon in this directory."""
    return (
        f"process {pid}, named in {os.path.join(here, PID)}, runs in this directory and was not started "
        "by this command: stop it with the program that started it"
    )


def _worksIn(pid: int, here: str, owner: int) -> bool:
    """True if a process works in a directory. Otherwise it has only reused the pid of an ended one.

    @param owner: the uid of the pid file's owner.
    """
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", here)
    except PermissionError:
        # A process of another user. Its directory is hidden; its name and its owner are visible.
        return _isProgram(pid) and os.stat(f"/proc/{pid}").st_uid == owner
    except OSError:
        return False


def _isProgram(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as stream:
            return any(os.path.basename(word) in _PROGRAMS for word in stream.read().split(b"\0"))
    except OSError:
        return False
