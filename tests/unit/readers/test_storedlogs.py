# -*- test-case-name: tests.unit.readers.test_storedlogs -*-
"""A process with pages reads the logs that the master keeps in a bucket."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.trial import unittest

from buildbot.logs import mounts
from buildbot.logs.files import LogReader, LogWriter, logFilename
from buildbot.logstorage import far
from buildbot.logstorage.far import FarLogs
from buildbot.logstorage.keys import nameOf
from buildbot.logstorage.local import LocalCopies
from buildbot.logstorage.s3 import S3
from buildbot.logstorage.sending import Sending
from buildbot.logstorage.storage import IDENTITY
from buildbot.readers.storedlogs import StoredLogs
from buildbot.store.memory import MemoryStore
from tests.unit.logstorage.buckets import FakeBucket, FakeReactor

SETUP = S3("https://s3.example.org", "logs", prefix="p/")


class StoredLogsTests(unittest.SynchronousTestCase):
    """A log is in a bucket in memory, and not on the disk any more."""

    def setUp(self) -> None:
        self.top = os.path.abspath(self.mktemp())
        self.bucket = FakeBucket()
        self.patch(S3, "open", lambda setup: self.bucket)
        self.patch(far, "FarLogs", lambda bucket, start: FarLogs(bucket, start, isInReactor=lambda: False))
        self.store = MemoryStore()
        self.successResultOf(self.store.open())
        self.stored = StoredLogs(self.store, self.top)
        self.addCleanup(self.stored.stop)
        self.path = os.path.join(self.top, logFilename("full", 1, "say", "stdio"))
        writer = LogWriter(self.path, FakeReactor())
        writer.append(0, b"hello\n")
        writer.finish()
        copies = LocalCopies(self.top, "here", lambda: 1000.0)
        mine = FarLogs(self.bucket, "p/id/", copies, isInReactor=lambda: False)
        Sending(self.top, self.bucket, "p/id/", copies, mine).send(nameOf("full", 1), False)
        copies.evict()
        self.assertFalse(os.path.exists(self.path))

    def use(self, setup: Any) -> None:
        """Use a configuration."""
        self.successResultOf(ensureDeferred(self.stored.use(setup)))

    def test_read(self) -> None:
        """A log in the bucket is read as if it were here; nothing is written here."""
        self.successResultOf(self.store.setState(IDENTITY, {"id": "id", "since": 1.0}))
        before = os.listdir(os.path.dirname(self.path))
        self.use(SETUP)
        self.assertEqual(LogReader(self.path).text(), "hello\n")
        self.assertEqual(os.listdir(os.path.dirname(self.path)), before)

    def test_later(self) -> None:
        """The master may begin to use the bucket after this process has begun."""
        self.use(SETUP)
        self.assertTrue(self.stored.isWaiting)
        self.assertRaises(FileNotFoundError, LogReader(self.path).text)
        self.successResultOf(self.store.setState(IDENTITY, {"id": "id", "since": 1.0}))
        self.successResultOf(ensureDeferred(self.stored.look()))
        self.assertFalse(self.stored.isWaiting)
        self.assertEqual(LogReader(self.path).text(), "hello\n")

    def test_none(self) -> None:
        """After a reconfig without a bucket, no bucket is asked. Without one nothing waits."""
        self.successResultOf(self.store.setState(IDENTITY, {"id": "id", "since": 1.0}))
        self.use(SETUP)
        self.use(None)
        self.assertIsNone(mounts.elsewhereOf(self.path))
        self.assertFalse(self.stored.isWaiting)

    def test_storeFails(self) -> None:
        """A store that cannot be read now is read later."""
        self.successResultOf(self.store.close())
        self.use(SETUP)
        self.assertTrue(self.stored.isWaiting)
        self.successResultOf(self.store.open())
        self.successResultOf(self.store.setState(IDENTITY, {"id": "id", "since": 1.0}))
        self.successResultOf(ensureDeferred(self.stored.look()))
        self.assertEqual(LogReader(self.path).text(), "hello\n")
