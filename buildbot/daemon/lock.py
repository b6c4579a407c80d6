# -*- test-case-name: tests.unit.daemon.test_lock -*-
"""The lock that says whether a process runs in a directory, and which: flock on DIR/buildbot.lock.

The kernel drops the lock with the process, however that ends, so a stale file fools nobody. What is
written in the file only names the holder; it is believed while the lock is held, by a process that
was born when the file says. This module sends no signal and knows nothing of pid files.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import dataclass

from buildbot.daemon.directory import LOCK, Kind
from buildbot.daemon.symptoms import Symptom
from buildbot.files.plain import openPlain

#: The most seconds that a held lock may lack a valid holder's name: its holder is about to write
#: that, or somebody has just been looking (which takes a shared lock for a moment).
PATIENCE = 2.0
_POLL = 0.01


@dataclass(frozen=True)
class Holder:
    """The process in a directory: its pid, the time it took the lock (epoch seconds), and its kind."""

    pid: int
    since: float
    kind: Kind = Kind.OTHER

    def __str__(self) -> str:
        return f"pid {self.pid} since {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(self.since))}"


class AlreadyRunning(Exception):
    """Another process holds the lock: C{pid}, C{since} (epoch seconds); str() is for the user."""

    def __init__(self, pid: int, since: float) -> None:
        Exception.__init__(self, pid, since)
        self.pid = pid
        self.since = since

    def __str__(self) -> str:
        return f"already running, {Holder(self.pid, self.since)}"


@dataclass
class _Held:
    """The locks of this very process: how often each was asked for, and its open file."""

    descriptor: int
    holder: Holder
    copiedFrom: str
    times: int = 1


_held: dict[str, _Held] = {}


def hold(basedir: str, kind: Kind = Kind.OTHER, patience: float = PATIENCE) -> None:
    """Take the lock of a directory for the rest of this process's life, or until L{release}.

    Calls are counted: the last L{release} gives the lock up.

    @param patience: the seconds to wait for the name of another holder.
    @raise AlreadyRunning: another process holds it.
    @raise OSError: the directory is missing or closed, its file system knows no locks, or the lock is
        something else than a plain file.
    """
    here = os.path.realpath(basedir)
    if here in _held:
        _held[here].times += 1
        return
    descriptor = _acquire(os.path.join(here, LOCK), patience)
    holder = Holder(os.getpid(), time.time(), kind)
    home = os.stat(here).st_ino  # of the device nothing: after a reboot it may have another number
    origin = _strangersHome(descriptor, home)
    text = json.dumps(
        {
            "pid": holder.pid,
            "since": holder.since,
            "kind": kind.value,
            "born": _born(holder.pid),
            "home": home,
            "basedir": here,
        }
    )
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{text}\n".encode("ascii"), 0)
    except OSError:
        os.close(descriptor)
        raise
    _held[here] = _Held(descriptor, holder, origin)


def release(basedir: str, entirely: bool = False) -> None:
    """Give up a lock that L{hold} took, and remove its file; does nothing if this process has it not.

    @param entirely: True to give it up even if it was taken several times.
    """
    here = os.path.realpath(basedir)
    held = _held.get(here)
    if held is None:
        return
    held.times = 0 if entirely else held.times - 1
    if not held.times:
        del _held[here]
        os.ftruncate(held.descriptor, 0)
        try:
            os.unlink(os.path.join(here, LOCK))
        except OSError:
            pass  # gone with its directory, or the directory cannot be written: the lock is free all the same
        os.close(held.descriptor)


def holder(basedir: str, patience: float = PATIENCE) -> Holder | None:
    """The holder of a directory's lock; None if it is free or the directory is missing.

    @param patience: the seconds to wait for the holder's name.
    @raise PermissionError: the directory is closed to this user.
    @raise OSError: the lock is held, but its holder does not say who it is.
    """
    here = os.path.realpath(basedir)
    if here in _held:
        return _held[here].holder
    path = os.path.join(here, LOCK)
    giveUp = time.monotonic() + patience
    while True:
        try:
            descriptor = openPlain(path, follow=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
        except BlockingIOError:
            found = _readHolder(descriptor)
        finally:
            os.close(descriptor)
        if found is not None:
            return found
        if time.monotonic() > giveUp:
            raise _nameless(path)
        time.sleep(_POLL)


def copiedFrom(basedir: str) -> str:
    """Where the directory of a lock of ours was copied from while a process ran there; "" if it was not.

    A directory that was moved to another file system after its process was killed looks the same.
    """
    held = _held.get(os.path.realpath(basedir))
    return "" if held is None else held.copiedFrom


def _strangersHome(descriptor: int, home: int) -> str:
    """The directory that the last holder of a lock ran in, if it was killed and that was another one."""
    try:
        said = json.loads(os.pread(descriptor, 8192, 0))
        return str(said["basedir"]) if said["home"] != home else ""
    except (ValueError, KeyError, TypeError):
        return ""


def trouble(basedir: str) -> Symptom | None:
    """What is wrong with a lock that this process holds: without its file, nobody else sees it."""
    here = os.path.realpath(basedir)
    held = _held.get(here)
    if held is None or _isAt(held.descriptor, os.path.join(here, LOCK)):
        return None
    return Symptom(
        "a second master could be started in this directory",
        f"{os.path.join(here, LOCK)} was deleted or replaced while the master runs",
        "restart the master, and keep programs that clean up away from its directory",
    )


def _acquire(path: str, patience: float) -> int:
    """An open descriptor that holds the exclusive lock of the file that is at C{path} now."""
    giveUp = time.monotonic() + patience
    while True:
        descriptor = openPlain(path, os.O_RDWR | os.O_CREAT, follow=False)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _isAt(descriptor, path):
                return descriptor
        except BlockingIOError:
            found = _readHolder(descriptor)
            if found is not None:
                os.close(descriptor)
                raise AlreadyRunning(found.pid, found.since) from None
            if time.monotonic() > giveUp:
                os.close(descriptor)
                raise _nameless(path) from None
            time.sleep(_POLL)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _nameless(path: str) -> OSError:
    return OSError(f"{path} is locked by a process that cannot be seen from here (in another container?)")


def _isAt(descriptor: int, path: str) -> bool:
    """True if the path still names the open file. Its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _readHolder(descriptor: int) -> Holder | None:
    """The holder named in the file, or None if that process cannot hold the lock now."""
    try:
        said = json.loads(os.pread(descriptor, 8192, 0))
        found = Holder(int(said["pid"]), float(said["since"]), Kind(said["kind"]))
        born = said["born"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if _born(found.pid) == born and _isAlive(found.pid) else None


def _isAlive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _born(pid: int) -> int | None:
    """The kernel's start time of a process, in ticks since the machine's; None where it does not tell.

    A pid with its start time is never given out twice.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            return int(stream.read().rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None
