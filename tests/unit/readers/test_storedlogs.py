# -*- test-case-name: tests.unit.readers.test_storedlogs -*-
"""A process with pages reads the logs that the master keeps in a bucket."""

from __future__ import annotations

import os
from functools import partial

from twisted.internet.defer import ensureDeferred
from twisted.python import threadable
from twisted.trial import unittest

from buildbot.logs import mounts
from buildbot.logs.files import LogReader, LogWriter, logFilename
from buildbot.logs.names import NOTE
from buildbot.logstorage import noted, s3
from buildbot.logstorage.far import FarLogs
from buildbot.logstorage.keys import nameOf
from buildbot.logstorage.local import LocalCopies
from buildbot.logstorage.noted import mountNoted, note, removeNote
from buildbot.logstorage.s3 import S3
from buildbot.logstorage.sending import Sending
from buildbot.logstorage.storage import IDENTITY
from buildbot.readers.storedlogs import AGAIN, SharedBucket, StoredLogs
from buildbot.store.memory import MemoryStore
from tests.unit.logstorage.buckets import FakeBucket, FakeReactor


class StoredLogsTests(unittest.SynchronousTestCase):
    """A log is in a bucket in memory, and not on the disk any more."""

    def setUp(self) -> None:
        self.patch(s3, "find_spec", lambda name: name)  # the package for a real server is not needed
        self.here = S3("https://s3.example.org", "logs", prefix="p/")
        self.top = os.path.abspath(self.mktemp())
        bucket = FakeBucket()
        asked = partial(mountNoted, isInReactor=lambda: False, opener=lambda setup: bucket)
        self.patch(noted, "mountNoted", asked)
        self.now = 1000.0
        self.bucket = bucket
        self.stored = StoredLogs(self.top, lambda: self.now)
        self.addCleanup(self.stored.stop)
        self.path = os.path.join(self.top, logFilename("full", 1, "say", "stdio"))
        writer = LogWriter(self.path, FakeReactor())
        writer.append(0, b"hello\n")
        writer.finish()
        copies = LocalCopies(self.top, "here", lambda: 1000.0)
        mine = FarLogs(bucket, "p/id/", copies, isInReactor=lambda: False)
        Sending(self.top, bucket, "p/id/", copies, mine).send(nameOf("full", 1), False)
        copies.evict()
        self.assertFalse(os.path.exists(self.path))

    def test_read(self) -> None:
        """A log in the bucket is read as if it were here; nothing is written here."""
        note(self.top, self.here, "p/id/")
        before = os.listdir(os.path.dirname(self.path))
        self.stored.look()
        self.stored.look()
        self.assertEqual(LogReader(self.path).text(), "hello\n")
        self.assertEqual(os.listdir(os.path.dirname(self.path)), before)

    def test_later(self) -> None:
        """The master may begin to use the bucket after this process has begun, or use another one."""
        self.stored.look()
        self.assertRaises(FileNotFoundError, LogReader(self.path).text)
        note(self.top, self.here, "p/other/")
        self.stored.look()
        self.assertRaises(FileNotFoundError, LogReader(self.path).text)
        note(self.top, self.here, "p/id/")
        self.stored.look()
        self.assertEqual(LogReader(self.path).text(), "hello\n")

    def test_none(self) -> None:
        """When the master uses no bucket any more, none is asked."""
        note(self.top, self.here, "p/id/")
        self.stored.look()
        removeNote(self.top)
        self.stored.look()
        self.assertIsNone(mounts.elsewhereOf(self.path))

    def test_again(self) -> None:
        """A bucket that cannot be used at first, as its keys are not there yet, is tried again."""
        working = noted.mountNoted
        self.patch(noted, "mountNoted", lambda directory: False)
        note(self.top, self.here, "p/id/")
        self.stored.look()
        self.patch(noted, "mountNoted", working)
        self.now += AGAIN - 1
        self.stored.look()
        self.assertRaises(FileNotFoundError, LogReader(self.path).text)
        self.now += 1
        self.stored.look()
        self.assertEqual(LogReader(self.path).text(), "hello\n")

    def test_wrong(self) -> None:
        """A note that cannot be read is no note."""
        with open(os.path.join(self.top, NOTE), "w") as file:
            file.write("{")
        self.stored.look()
        self.assertIsNone(mounts.elsewhereOf(self.path))

    def shared(self, setup: object) -> mounts.Elsewhere | None:
        """The logs in the bucket of a configuration."""
        return self.successResultOf(ensureDeferred(self.elsewhere.look(setup)))

    def test_shared(self) -> None:
        """On another machine, the configuration names the bucket, and the store the master's name in it."""
        store = MemoryStore()
        self.elsewhere = SharedBucket(store, lambda: self.now)
        self.patch(S3, "open", lambda setup: self.bucket)
        self.patch(threadable, "isInIOThread", lambda: False)
        self.assertIsNone(self.shared(None))
        self.assertIsNone(self.shared(self.here))
        self.successResultOf(store.open())
        self.assertIsNone(self.shared(self.here))
        self.now += AGAIN
        self.assertIsNone(self.shared(self.here))
        store.setState(IDENTITY, {"id": "id", "since": 5.0})
        self.now += AGAIN
        found = self.shared(self.here)
        assert found is not None
        self.assertEqual(self.shared(self.here), found)
        mounts.mount(self.top, found)
        self.addCleanup(mounts.unmount, self.top)
        self.assertIsNone(self.shared(None))
        self.assertEqual(found.sizeOf(self.path), 10)
