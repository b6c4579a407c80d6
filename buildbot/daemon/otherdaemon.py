# -*- test-case-name: tests.processes.test_daemon_otherdaemon -*-
"""A daemon that another program runs in a directory of ours: buildbot-worker, or a master or slave of old.

It knows nothing of our lock, and its twistd.pid is all that tells of it. A pid file alone proves nothing:
it is believed if the process that it names works in the directory. Nobody is signalled here.
"""

from __future__ import annotations

import os

from buildbot.daemon.directory import PID
from buildbot.files.plain import readPlain

#: The programs that run such daemons, as they appear in a command line.
_PROGRAMS = frozenset((b"twistd", b"buildbot", b"buildslave", b"buildbot-worker"))


def daemonIn(here: str) -> int | None:
    """The pid of the process that twistd.pid names, if that lives in the directory and is not this one.

    Our own daemon looks the same: only who has found the lock free, or holds it, may ask. None where the
    system has no /proc.
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
        f"process {pid}, which {os.path.join(here, PID)} names, runs in this directory and was not started "
        "by this command: stop it with the program that started it"
    )


def _worksIn(pid: int, here: str, owner: int) -> bool:
    """True if a process works in a directory. Otherwise it has only reused the pid of a dead one.

    @param owner: the uid of the pid file's owner.
    """
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", here)
    except PermissionError:
        # Another user's process. Its directory is hidden, not its name nor whose it is.
        return _isProgram(pid) and os.stat(f"/proc/{pid}").st_uid == owner
    except OSError:
        return False


def _isProgram(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as stream:
            return any(os.path.basename(word) in _PROGRAMS for word in stream.read().split(b"\0"))
    except OSError:
        return False
