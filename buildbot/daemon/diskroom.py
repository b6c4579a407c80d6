# -*- test-case-name: tests.unit.daemon.test_diskroom -*-
"""Warn before a file system is full."""

from __future__ import annotations

import os

from buildbot.daemon.symptoms import Symptom
from buildbot.text.plural import counted

#: The least free bytes, or files; with less, a trouble is reported.
BYTES, FILES = 1 << 20, 16
#: What the directory of a master with its store in a file keeps.
EVERYTHING = "changes, requests, builds and logs"


def roomTrouble(path: str, beside: str | None = None, kept: str = EVERYTHING) -> Symptom | None:
    """A directory's trouble with its file system; None if there is none or the directory is missing.

    @param beside: another checked directory; a shared file system is reported only once.
    @param kept: what is kept in the directory, in words.
    """
    try:
        if beside is not None and os.stat(path).st_dev == os.stat(beside).st_dev:
            return None
        found = os.statvfs(path)
    except OSError:
        return None
    if found.f_flag & os.ST_RDONLY:
        return Symptom(
            f"nothing can be stored: {kept} will be lost",
            f"{path}: its file system is read-only",
            "mount it for writing; if it became read-only by itself, check its disk",
        )
    left = found.f_bavail * found.f_frsize
    if left < BYTES:
        why = f"{path}: its disk is full, {counted(left, 'byte')} left"
    elif found.f_files and found.f_favail < FILES:
        why = f"{path}: its file system can hold {counted(found.f_favail, 'more file')}"
    else:
        return None
    return Symptom(f"{kept} will soon be lost", why, "make room on that disk")
