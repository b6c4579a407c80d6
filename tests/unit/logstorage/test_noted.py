"""The note beside the logs of where else they are."""

from __future__ import annotations

import os
from unittest.mock import patch

from buildbot.logs import mounts
from buildbot.logs.files import LogReader
from buildbot.logs.names import NOTE
from buildbot.logstorage import s3
from buildbot.logstorage.noted import mountNoted, note, removeNote
from buildbot.logstorage.s3 import S3
from tests.unit.logstorage.places import START, PlaceCase


class NoteTests(PlaceCase):
    def setUp(self) -> None:
        super().setUp()
        found = patch.object(s3, "find_spec", lambda name: name)
        found.start()
        self.addCleanup(found.stop)
        self.path = self.write(1, b"hello\n")
        self.send(1)
        self.copies.evict()
        mounts.unmount(self.top)

    def mounted(self) -> bool:
        """What a command does."""
        return mountNoted(self.top, lambda: False, lambda setup: self.bucket)

    def test_command(self) -> None:
        """A command reads a log that is only in the bucket, and leaves no copy."""
        self.assertFalse(self.mounted())
        note(self.top, S3("http://s3", "logs", credentialsFile="/etc/keys"), START)
        self.assertTrue(self.mounted())
        self.assertEqual(LogReader(self.path).text(), "hello\n")
        self.assertFalse(os.path.exists(self.path))

    def test_removed(self) -> None:
        """Without the key, no process looks into the bucket any more."""
        note(self.top, S3("http://s3", "logs"), START)
        removeNote(self.top)
        removeNote(self.top)
        self.assertFalse(self.mounted())
        self.assertRaises(FileNotFoundError, LogReader(self.path).text)

    def test_nonsense(self) -> None:
        """A note that cannot be read changes nothing."""
        for words in ("", "[]", "{}", '{"setup": {"later": 1}, "start": "x"}'):
            with open(os.path.join(self.top, NOTE), "w") as file:
                file.write(words)
            self.assertFalse(self.mounted())
