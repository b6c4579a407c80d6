# -*- test-case-name: tests.unit.readers.test_storedlogs -*-
"""The logs that the master keeps in a bucket, for a process that only reads them. No copies are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger

from buildbot.events.onuse import onUse
from buildbot.logs import mounts
from buildbot.store.interface import IStore, StoreFailed

if TYPE_CHECKING:
    from buildbot.logstorage import far, s3, storage
else:  # most masters have no bucket
    far = onUse("buildbot.logstorage.far")
    s3 = onUse("buildbot.logstorage.s3")
    storage = onUse("buildbot.logstorage.storage")

log = Logger()


class StoredLogs:
    """I let the logs in a bucket be read like those on this disk, while the configuration names one.

    @ivar isWaiting: True if the master has not used the bucket yet: L{look} is to be called again.
    """

    def __init__(self, store: IStore, directory: str) -> None:
        """@param directory: the directory of logs."""
        self._store = store
        self._directory = directory
        self._setup: object = None
        self.isWaiting = False

    async def use(self, setup: object) -> None:
        """Use the bucket of a configuration, or none. Never raises."""
        if setup == self._setup:
            return
        self.stop()
        self._setup = setup
        self.isWaiting = isinstance(setup, s3.S3) if setup is not None else False
        await self.look()

    async def look(self) -> None:
        """Begin to read from the bucket, if the master has a name there."""
        setup = self._setup
        if not self.isWaiting or not isinstance(setup, s3.S3):
            return
        try:
            identity = await self._store.getState(storage.IDENTITY)
        except StoreFailed as why:
            log.info("the logs in the bucket cannot be read yet: {why}", why=why.reason)
            return
        if identity is not None and setup == self._setup and self.isWaiting:
            self.isWaiting = False
            start = f"{setup.prefix}{identity['id']}/"
            mounts.mount(self._directory, far.FarLogs(setup.open(), start))

    def stop(self) -> None:
        """Read no bucket."""
        if self._setup is not None:
            mounts.unmount(self._directory)
        self._setup = None
        self.isWaiting = False
