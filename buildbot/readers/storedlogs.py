# -*- test-case-name: tests.unit.readers.test_storedlogs -*-
"""The logs that the master keeps in a bucket, for a process that only reads them. No copies are made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from buildbot.events.onuse import onUse
from buildbot.logs import mounts
from buildbot.logs.names import NOTE

if TYPE_CHECKING:
    from buildbot.logstorage import noted
else:  # most masters have no bucket
    noted = onUse("buildbot.logstorage.noted")


class StoredLogs:
    """I let the logs in a bucket be read like those on this disk, while the master has noted one."""

    def __init__(self, directory: str) -> None:
        """@param directory: the directory of logs, with the note of the master."""
        self._directory = directory
        self._seen: tuple[int, int] | None = None  # the note that is in use

    def look(self) -> None:
        """Use the bucket that the master has noted now. This costs little while the note stays the same."""
        try:
            status = os.stat(os.path.join(self._directory, NOTE))
            found = status.st_mtime_ns, status.st_ino
        except OSError:
            found = None
        if found != self._seen:
            self._seen = found
            if found is None or not noted.mountNoted(self._directory):
                mounts.unmount(self._directory)

    def stop(self) -> None:
        """Read no bucket."""
        if self._seen is not None:
            self._seen = None
            mounts.unmount(self._directory)
