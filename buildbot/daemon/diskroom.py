# -*- test-case-name: tests.unit.daemon.test_diskroom -*-
"""Whether a file system has room for more, before something is lost because it has not."""

from __future__ import annotations

import os

from buildbot.daemon.symptoms import Symptom
from buildbot.text.plural import counted

#: With less than this many bytes, or files, left for us, the next thing to be kept may be lost.
BYTES, FILES = 1 << 20, 16


def roomTrouble(path: str, beside: str | None = None) -> Symptom | None:
    """What is wrong with the file system of a directory; None if all is well, or there is no directory.

    @param beside: a directory that is asked about as well: of the same file system nothing is said twice.
    """
    try:
        if beside is not None and os.stat(path).st_dev == os.stat(beside).st_dev:
            return None
        found = os.statvfs(path)
    except OSError:
        return None
    if found.f_flag & os.ST_RDONLY:
        return Symptom(
            "nothing can be kept: changes, requests, builds and logs will be lost",
            f"{path}: its file system is read-only",
            "mount it for writing; if it became read-only by itself, look for faults of its disk",
        )
    left = found.f_bavail * found.f_frsize
    if left < BYTES:
        why = f"{path}: its disk is full, {counted(left, 'byte')} left"
    elif found.f_files and found.f_favail < FILES:
        why = f"{path}: its file system can hold {counted(found.f_favail, 'more file')}"
    else:
        return None
    return Symptom("changes, requests, builds and logs will soon be lost", why, "make room on that disk")
