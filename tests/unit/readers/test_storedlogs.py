# -*- test-case-name: tests.unit.readers.test_storedlogs -*-
"""A process with pages reads the logs that the master keeps in a bucket."""

from __future__ import annotations

import os
from functools import partial

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
from buildbot.readers.storedlogs import StoredLogs
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
        self.stored = StoredLogs(self.top)
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

    def test_wrong(self) -> None:
        """A note that cannot be read is no note."""
        with open(os.path.join(self.top, NOTE), "w") as file:
            file.write("{")
        self.stored.look()
        self.assertIsNone(mounts.elsewhereOf(self.path))
