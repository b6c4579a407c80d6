# -*- test-case-name: tests.unit.logstorage.test_sending -*-
"""Put the logs of one build into the bucket, and check that they are there. All functions block."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress

from buildbot.logs import indexing
from buildbot.logs.directory import numberOf
from buildbot.logs.names import PARTIAL, indexPath, isIndex, logOf
from buildbot.logstorage.bucket import Bucket, StorageAway
from buildbot.logstorage.far import SHORT, FarLogs
from buildbot.logstorage.keys import Name, keyOf
from buildbot.logstorage.local import LocalCopies
from buildbot.logstorage.packing import MEMBER, Packed, pack


class Sending:
    """I send the logs of builds, one build at a time."""

    def __init__(self, directory: str, bucket: Bucket, start: str, copies: LocalCopies, far: FarLogs) -> None:
        """@param directory: the directory of logs.
        @param start: what all keys begin with.
        """
        self._directory = directory
        self._bucket = bucket
        self._start = start
        self._copies = copies
        self._far = far

    def send(self, name: Name, mayBeThere: bool) -> int:
        """Put the logs of a build into the bucket, and mark them.

        @param mayBeThere: True to look first whether they are there: an earlier process may have sent them.
        @return: the bytes of the logs.
        @raise StorageAway: the storage cannot be reached, or has not kept what it was sent.
        @raise OSError: a file cannot be read.
        """
        logs = self._logs(name)
        size = sum(os.path.getsize(os.path.join(self._directory, name.directory, each)) for each in logs)
        if not logs or (mayBeThere and self._isThere(name, logs)):
            if logs:
                self._copies.mark(name)
            return size
        files = [(each, os.path.join(self._directory, name.directory, each)) for each in logs]
        for _, path in list(files):
            if os.path.getsize(path) > SHORT:  # its reader needs the index, and not all of the log
                with suppress(OSError):
                    indexing.find(path, None)
                    index = indexPath(path)
                    if os.path.exists(index):
                        files.append((os.path.basename(index), index))
        partial = os.path.join(self._directory, name.directory, f"{PARTIAL}{name.number}.logs")
        try:
            with open(partial, "wb") as target:
                packed = pack(target, files)
            key = keyOf(self._start, name)
            self._bucket.put(key, partial)
            self._check(key, packed)
        finally:
            with suppress(OSError):
                os.unlink(partial)
        self._far.forget(name)
        self._copies.mark(name)
        return size

    def _logs(self, name: Name) -> list[str]:
        """The names of the log files of a build, without indexes."""
        found = os.listdir(os.path.join(self._directory, name.directory))
        return sorted(each for each in found if numberOf(logOf(each)) == name.number and not isIndex(each))

    def _isThere(self, name: Name, logs: Sequence[str]) -> bool:
        """True if the bucket has these logs, byte for byte as far as their sums tell."""
        self._far.forget(name)
        try:
            held = self._far.files(name)
        except FileNotFoundError:
            return False
        except StorageAway:
            raise
        except OSError:  # damaged: it is replaced
            return False
        return all(
            each in held
            and (held[each].size, held[each].crc)
            == indexing.sumsOf(os.path.join(self._directory, name.directory, each))
            for each in logs
        )

    def _check(self, key: str, packed: Packed) -> None:
        """Check an object. Its ETag is a checksum on most servers; on others, the object is read back."""
        held = self._bucket.look(key)
        if held is None or held.size != packed.size:
            found = "nothing" if held is None else f"{held.size} bytes"
            raise StorageAway(f"the server has {found} of an object of {packed.size} bytes that it took")
        if held.etag in packed.etags:
            return
        digest, at = hashlib.sha256(), 0
        while at < packed.size and (piece := self._bucket.get(key, at, 16 * MEMBER)):
            digest.update(piece)
            at += len(piece)
        if digest.hexdigest() != packed.sha256:
            raise StorageAway("the server has other bytes than it was sent")
