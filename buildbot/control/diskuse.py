# -*- test-case-name: tests.unit.control.test_diskuse -*-
"""What takes room in the directory of a master: the store, the logs of each builder, and twistd.log."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from buildbot.logs.names import LOGS
from buildbot.logs.usage import Usage, scan
from buildbot.store.files import FILE, JOURNAL, SHM, WAL
from buildbot.store.place import serverOf

#: The beginning of the names of the log of the process, and of its older parts.
_TWISTD = "twistd.log"


def diskUse(
    basedir: str, usage: Usage, counts: Mapping[str, int] | None, trouble: str = ""
) -> dict[str, Any]:
    """The room that each part takes, in bytes; docs/reference/control-socket explains the keys. Blocks.

    @param usage: the logs.
    @param counts: builder -> the number of its builds in the store; None if the store does not tell.
    @param trouble: why it does not.
    """
    known = counts or {}
    builders = [
        {
            "builder": name,
            "builds": None if counts is None else known.get(name, 0),
            "withLogs": len(usage.get(name, ())),
            "logs": sum(files.size for files in usage.get(name, {}).values()),
            "stored": sum(files.stored for files in usage.get(name, {}).values()),
        }
        for name in sorted({*known, *usage})
    ]
    return {
        "server": serverOf(basedir),
        "store": sum(_size(os.path.join(basedir, FILE + end)) for end in ("", WAL, SHM, JOURNAL)),
        "logs": sum(each["logs"] for each in builders),
        "stored": sum(each["stored"] for each in builders),
        "twistdLog": sum(_twistdLogs(basedir)),
        "free": _free(basedir),
        "storeTrouble": trouble,
        "builders": sorted(builders, key=lambda each: each["logs"] + each["stored"], reverse=True),
    }


def uncounted(basedir: str, trouble: str = "") -> dict[str, Any]:
    """The answer to C{disk} without the store and the configuration: of a directory alone. Blocks."""
    found = diskUse(basedir, scan(os.path.join(basedir, LOGS)), None, trouble)
    return {**found, "keeps": None, "goes": None}


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _twistdLogs(basedir: str) -> Iterator[int]:
    """The size of each part of the log of the process."""
    with suppress(OSError), os.scandir(basedir) as entries:
        for entry in entries:
            if entry.name == _TWISTD or entry.name.startswith(f"{_TWISTD}."):
                with suppress(OSError):
                    yield entry.stat(follow_symlinks=False).st_size


def _free(basedir: str) -> int | None:
    """The bytes that the master can still write; None if the system does not tell."""
    try:
        found = os.statvfs(basedir)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize
