# -*- test-case-name: tests.unit.daemon.test_lock -*-
"""The lock of a directory and its holder: flock on DIR/buildbot.lock.

The kernel drops the lock when the process ends, so a stale file does no harm. The file only names the holder.
The name is valid while the lock is held by a process with the start time in the file. This module sends no
signals and does not use pid files.
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

#: The most seconds that a held lock may lack a valid holder's name: the holder is about to write it, or
#: another process is checking the lock (with a shared lock, for a moment).
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
    """One lock of this process: the number of calls of L{hold}, and its open file."""

    descriptor: int
    holder: Holder
    copiedFrom: str
    times: int = 1


_held: dict[str, _Held] = {}


def hold(basedir: str, kind: Kind = Kind.OTHER, patience: float = PATIENCE) -> None:
    """Take the lock of a directory until L{release} or the end of this process.

    Calls are counted: the last L{release} frees the lock.

    @param patience: the seconds to wait for the name of another holder.
    @raise AlreadyRunning: another process holds the lock.
    @raise OSError: the directory is missing or not accessible, its file system has no locks, or the lock is
        not a plain file.
    """
    here = os.path.realpath(basedir)
    if here in _held:
        _held[here].times += 1
        return
    descriptor = _acquire(os.path.join(here, LOCK), patience)
    holder = Holder(os.getpid(), time.time(), kind)
    home = os.stat(here).st_ino  # without the device, whose number may change at a reboot
    origin = _otherDirectory(descriptor, home)
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
    """Free a lock that L{hold} took, and remove its file. Does nothing if this process does not hold it.

    @param entirely: True to free it even if it was taken several times.
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
            pass  # the directory is gone or not writable; closing frees the lock anyway
        os.close(held.descriptor)


def holder(basedir: str, patience: float = PATIENCE) -> Holder | None:
    """The holder of a directory's lock; None if it is free or the directory is missing.

    @param patience: the seconds to wait for the holder's name.
    @raise PermissionError: the directory is not accessible to this user.
    @raise OSError: the lock is held, but its holder is unknown.
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
            raise _unseenHolder(path)
        time.sleep(_POLL)


def copiedFrom(basedir: str) -> str:
    """The directory from which this locked one was copied while a process ran there; "" if there is none.

    A directory that was moved to another file system after its process was killed looks the same.
    """
    held = _held.get(os.path.realpath(basedir))
    return "" if held is None else held.copiedFrom


def _otherDirectory(descriptor: int, home: int) -> str:
    """The directory of the last holder of a lock, if the holder was killed and ran in another directory."""
    try:
        said = json.loads(os.pread(descriptor, 8192, 0))
        return str(said["basedir"]) if said["home"] != home else ""
    except (ValueError, KeyError, TypeError):
        return ""


def trouble(basedir: str) -> Symptom | None:
    """The trouble of the lock that this process holds. If the file is gone, others cannot see the lock."""
    here = os.path.realpath(basedir)
    held = _held.get(here)
    if held is None or _isAt(held.descriptor, os.path.join(here, LOCK)):
        return None
    return Symptom(
        "a second master could be started in this directory",
        f"{os.path.join(here, LOCK)} was deleted or replaced while the master runs",
        "restart the master, and exclude its directory from clean-up programs",
    )


def _acquire(path: str, patience: float) -> int:
    """Take the exclusive lock of the file at C{path}. Return its open descriptor."""
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
                raise _unseenHolder(path) from None
            time.sleep(_POLL)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _unseenHolder(path: str) -> OSError:
    return OSError(f"{path} is locked by a process that cannot be seen from here (in another container?)")


def _isAt(descriptor: int, path: str) -> bool:
    """True if the path still names the open file. Its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _readHolder(descriptor: int) -> Holder | None:
    """The holder named in the file; None if that process cannot hold the lock now."""
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
    """The kernel's start time of a process, in ticks since the boot; None if the system does not tell it.

    A pid with its start time is unique.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            return int(stream.read().rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None
