# -*- test-case-name: tests.unit.logstorage.test_local -*-
"""The copies on this disk of logs that are in the bucket, and the room that they take.

A mark stands beside the logs of a build: the file C{NUMBER-stored}. It says that all logs of the build are
in the bucket. Logs without it are never removed here. All methods block; they may run in any thread.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from threading import Lock

from twisted.logger import Logger

from buildbot.files.permissions import makeDirectories
from buildbot.files.plain import openPlain, readPlain
from buildbot.logs.directory import numberOf
from buildbot.logs.names import PARTIAL, logOf
from buildbot.logstorage.keys import Name

_log = Logger()

_MARK = re.compile(r"([0-9]{1,15})-stored")
#: Seconds before another use of the same logs is noted on the disk.
_NOTED = 60.0
_LARGEST = 4096


class LocalCopies:
    """I know the logs on this disk that are in the bucket, too.

    @ivar size: the bytes of these logs.
    @ivar most: how many they may be.
    """

    def __init__(self, directory: str, place: str, now: Callable[[], float] = time.time) -> None:
        """@param directory: the directory of logs.
        @param place: where the objects are: marks for another place do not count.
        """
        self._directory = directory
        self._place = place
        self._now = now
        self._lock = Lock()
        self._copies: dict[Name, list[float]] = {}  # the size, and the time of the last use
        self.size = 0
        self.most = 0

    def __len__(self) -> int:
        """The number of builds with copies."""
        return len(self._copies)

    def __contains__(self, name: object) -> bool:
        """True if the logs of a build are in the bucket, and on this disk."""
        return name in self._copies

    def load(self) -> None:
        """Find the marks on the disk. Removes incomplete files of a process that was killed."""
        found: dict[Name, list[float]] = {}
        for directory in _listed(self._directory):
            marked: dict[int, float] = {}
            sizes: dict[int, int] = {}
            with suppress(OSError), os.scandir(os.path.join(self._directory, directory)) as entries:
                for entry in entries:
                    mark, number = _MARK.fullmatch(entry.name), numberOf(logOf(entry.name))
                    with suppress(OSError):
                        if entry.name.startswith(PARTIAL):
                            os.unlink(entry.path)
                        elif mark is not None and self._isMine(entry.path):
                            marked[int(mark[1])] = entry.stat().st_mtime
                        elif number is not None:
                            size = entry.stat(follow_symlinks=False).st_size
                            sizes[number] = sizes.get(number, 0) + size
            for each, when in marked.items():
                found[Name(directory, each)] = [sizes.get(each, 0), when]
        with self._lock:
            self._copies = found
            self.size = sum(int(each[0]) for each in found.values())

    def _isMine(self, path: str) -> bool:
        with readPlain(path, follow=False) as file:
            try:
                return bool(json.loads(file.read(_LARGEST))["place"] == self._place)
            except (ValueError, KeyError, TypeError):
                return False

    def mark(self, name: Name) -> None:
        """Note that all logs of a build are in the bucket. Raises OSError."""
        path = self._markPath(name)
        makeDirectories(os.path.dirname(path), 0o600)
        partial = os.path.join(os.path.dirname(path), f"{PARTIAL}{name.number}")
        descriptor = openPlain(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, follow=False)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"place": self._place}, file)
        now = self._now()
        os.utime(partial, (now, now))
        os.replace(partial, path)
        self.measure(name)

    def measure(self, name: Name) -> None:
        """Note the present size of the copies of a build."""
        size = sum(_sizeOf(path) for path in self._filesOf([name]))
        with self._lock:
            old = self._copies.get(name, [0, 0])
            self._copies[name] = [size, self._now()]
            self.size += size - int(old[0])

    def used(self, name: Name) -> None:
        """Note that the logs of a build are read."""
        now = self._now()
        with self._lock:
            known = self._copies.get(name)
            if known is None or 0 <= now - known[1] < _NOTED:
                return
            known[1] = now
        with suppress(OSError):
            os.utime(self._markPath(name), (now, now))

    def forget(self, name: Name) -> None:
        """Remove the mark of a build: its logs are removed everywhere."""
        with suppress(FileNotFoundError):
            os.unlink(self._markPath(name))
        with self._lock:
            self.size -= int(self._copies.pop(name, [0])[0])

    def evict(self, besides: Name | None = None) -> int:
        """Remove the copies that were not read for the longest time, until they take few enough bytes.

        @param besides: the logs of this build stay: somebody wants them on this disk now.
        @return: the number of builds whose copies were removed.
        """
        with self._lock:
            left, gone = self.size, []
            if left <= self.most:
                return 0
            for name, (size, _) in sorted(self._copies.items(), key=lambda each: each[1][1]):
                if left <= self.most:
                    break
                if size and name != besides:
                    gone.append(name)
                    left -= int(size)
            for name in gone:
                self.size -= int(self._copies.pop(name)[0])
        for path in self._filesOf(gone):
            try:
                os.unlink(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                _log.warn("cannot delete the copy {path}: {error}", path=path, error=error)
        for name in gone:  # the last: logs without a mark would be stored once more
            if not any(map(os.path.lexists, self._filesOf([name]))):
                with suppress(OSError):
                    os.unlink(self._markPath(name))
        return len(gone)

    def _filesOf(self, names: Collection[Name]) -> list[str]:
        """The log files of some builds, and their indexes."""
        wanted: dict[str, set[int]] = {}
        for name in names:
            wanted.setdefault(name.directory, set()).add(name.number)
        return [
            os.path.join(self._directory, directory, file)
            for directory, numbers in wanted.items()
            for file in _listed(os.path.join(self._directory, directory))
            if numberOf(logOf(file)) in numbers
        ]

    def _markPath(self, name: Name) -> str:
        return os.path.join(self._directory, name.directory, f"{name.number}-stored")


def _listed(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def _sizeOf(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0
