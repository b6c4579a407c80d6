# -*- test-case-name: tests.unit.logs.test_usage -*-
"""How much room the logs take, and which go first when it must be less.

L{scan} blocks: call it in a thread. L{buildbot.process.logkeeping} removes the logs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from buildbot.logs.directory import directoryOf, numberOf
from buildbot.logs.names import logOf


@dataclass
class LogFiles:
    """I am all log files of one build.

    @ivar names: relative to the directory of logs, without indexes.
    @ivar size: their bytes, with their indexes.
    @ivar stored: the bytes of their object in object storage; 0 if they are only on this disk.
    @ivar latest: the time at which one of them was last written, in seconds since the epoch.
    """

    names: list[str] = field(default_factory=list)
    size: int = 0
    latest: float = 0.0
    stored: int = 0

    @property
    def room(self) -> int:
        """The bytes that count for a limit: those in object storage, if it has the logs."""
        return self.stored or self.size


#: Builder -> build number -> its files.
Usage = Mapping[str, Mapping[int, LogFiles]]


def scan(logs: str, builders: Iterable[str] = ()) -> dict[str, dict[int, LogFiles]]:
    """Measure all logs below the directory C{logs}. Files that vanish meanwhile are left out.

    @param builders: the names of known builders. Another builder is found if its name can be read from that
        of its directory, as nearly all can.
    """
    known = {directoryOf(name): name for name in builders}
    found: dict[str, dict[int, LogFiles]] = {}
    for directory in _listed(logs):
        builder = builderOf(directory, known)
        if builder is not None:
            files = _filesIn(logs, directory)
            if files:
                found[builder] = files
    return found


def builderOf(directory: str, known: Mapping[str, str]) -> str | None:
    """The builder of a directory, by its name.

    @param known: the directory of each known builder -> its name.
    """
    builder = known.get(directory, unquote(directory))
    return builder if directoryOf(builder) == directory else None


def withStored(
    usage: Usage, stored: Iterable[tuple[str, int, int, float]], builders: Iterable[str] = ()
) -> dict[str, dict[int, LogFiles]]:
    """The logs of a master, here and in object storage.

    @param stored: of each object: the directory of the builder, the number of the build, its bytes, and when
        it was stored.
    @param builders: as for L{scan}.
    """
    known = {directoryOf(name): name for name in builders}
    found = {builder: dict(builds) for builder, builds in usage.items()}
    for directory, number, size, when in stored:
        builder = builderOf(directory, known)
        if builder is not None:
            builds = found.setdefault(builder, {})
            files = builds.get(number) or LogFiles([f"{directory}/{number}-log-"], 0, when)
            builds[number] = replace(files, stored=size)
    return found


def _listed(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def _filesIn(logs: str, directory: str) -> dict[int, LogFiles]:
    found: dict[int, LogFiles] = {}
    with suppress(OSError), os.scandir(os.path.join(logs, directory)) as entries:
        for entry in entries:
            number = numberOf(logOf(entry.name))
            if number is None:
                continue
            with suppress(OSError):
                about = entry.stat(follow_symlinks=False)
                files = found.setdefault(number, LogFiles())
                files.size += about.st_size
                if logOf(entry.name) == entry.name:
                    files.names.append(f"{directory}/{entry.name}")
                    files.latest = max(files.latest, about.st_mtime)
    return found


def total(usage: Usage) -> int:
    """The bytes of all logs."""
    return sum(files.room for builds in usage.values() for files in builds.values())


def beyondCount(usage: Usage, newest: Mapping[str, int], keep: int) -> list[tuple[str, int]]:
    """The builds with logs that are not among the newest C{keep} of their builder.

    @param newest: builder -> the number of its newest build. A builder without one keeps all its logs.
    """
    return [
        (builder, number)
        for builder, builds in usage.items()
        for number in sorted(builds)
        if builder in newest and number <= newest[builder] - keep
    ]


def beyondSize(usage: Usage, size: int) -> list[tuple[str, int]]:
    """The builds whose logs must go until all logs take at most C{size} bytes, the oldest first.

    The newest build of each builder keeps its logs, so they may take more.
    """
    old = sorted(
        (files.latest, builder, number)
        for builder, builds in usage.items()
        for number, files in builds.items()
        if number != max(builds)
    )
    gone, left = [], total(usage)
    for _, builder, number in old:
        if left <= size:
            break
        left -= usage[builder][number].room
        gone.append((builder, number))
    return gone
