# -*- test-case-name: tests.unit.readers.test_storedlogs -*-
"""The logs that the master keeps in a bucket, for a process that only reads them. No copies are made.

In the directory of the master, a note tells which bucket. Elsewhere, the configuration and the store tell.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from buildbot.events.onuse import onUse
from buildbot.logs import mounts
from buildbot.logs.names import NOTE
from buildbot.store.interface import IStore, StoreFailed

if TYPE_CHECKING:
    from buildbot.logstorage import far, noted, storage
else:  # most masters have no bucket
    far = onUse("buildbot.logstorage.far")
    noted = onUse("buildbot.logstorage.noted")
    storage = onUse("buildbot.logstorage.storage")

log = Logger()


#: Seconds until a bucket is tried again that could not be used.
AGAIN = 30.0


class StoredLogs:
    """I let the logs in a bucket be read like those on this disk, while the master has noted one."""

    def __init__(self, directory: str, seconds: Callable[[], float] = time.monotonic) -> None:
        """@param directory: the directory of logs, with the note of the master.
        @param seconds: a monotonic clock.
        """
        self._directory = directory
        self._seconds = seconds
        self._seen: tuple[int, int] | None = None  # the note that is in use
        self._againAt = float("inf")

    def look(self) -> None:
        """Use the bucket that the master has noted now. This costs little while the note stays the same."""
        try:
            status = os.stat(os.path.join(self._directory, NOTE))
            found = status.st_mtime_ns, status.st_ino
        except OSError:
            found = None
        if found != self._seen or self._seconds() >= self._againAt:
            self._seen, self._againAt = found, float("inf")
            if found is None:
                mounts.unmount(self._directory)
            elif not noted.mountNoted(self._directory):
                mounts.unmount(self._directory)
                self._againAt = self._seconds() + AGAIN

    def stop(self) -> None:
        """Read no bucket."""
        if self._seen is not None:
            self._seen = None
            mounts.unmount(self._directory)


class SharedBucket:
    """I open the bucket of the configuration, with the name that the master has in it."""

    def __init__(self, store: IStore, seconds: Callable[[], float] = time.monotonic) -> None:
        """@param seconds: a monotonic clock."""
        self._store = store
        self._seconds = seconds
        self._setup: Any = None
        self._againAt = float("inf")
        self._found: mounts.Elsewhere | None = None

    async def look(self, setup: Any) -> mounts.Elsewhere | None:
        """The logs in a bucket; None if they cannot be read now.

        @param setup: C{c['logStorage']}: an L{S3<buildbot.logstorage.s3.S3>}, or None.
        """
        if setup != self._setup or self._seconds() >= self._againAt:
            self._setup, self._againAt, self._found = setup, float("inf"), None
            if setup is not None:
                self._found = await self._opened(setup)
                if self._found is None:
                    self._againAt = self._seconds() + AGAIN
        return self._found

    async def _opened(self, setup: Any) -> mounts.Elsewhere | None:
        try:
            identity = await self._store.getState(storage.IDENTITY)
            return None if identity is None else far.FarLogs(setup.open(), f"{setup.prefix}{identity['id']}/")
        except (StoreFailed, OSError, ImportError, ValueError) as why:
            log.info("the bucket with logs cannot be used: {why}", why=why)
            return None
