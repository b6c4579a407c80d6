"""The note about an instance in the store."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial import unittest

from buildbot.latent.record import STARTED, STARTING, InstanceRecord, plain


class RecordTests(unittest.SynchronousTestCase):
    """Notes, whole and damaged."""

    def test_kept(self) -> None:
        """A note comes back from JSON unchanged, and shows no password."""
        note = InstanceRecord("bot1", STARTED, 7.0, 8.0, "s3cret", ["i-1", 2], {"env": {"A": "s3cret"}})
        self.assertEqual(InstanceRecord.fromRecord(json.loads(json.dumps(note.toRecord()))), note)
        self.assertNotIn("s3cret", repr(note))
        self.assertEqual(note.key, "instance/bot1")

    def test_damaged(self) -> None:
        """Any other value is an error, and not a note."""
        good = InstanceRecord("bot1", STARTING, 7.0, 8.0).toRecord()
        values: list[Any] = [None, 7, [], {}, {**good, "phase": "x"}, {**good, "slave": 7}]
        values += [{**good, "began": "x"}, {**good, "sure": None}, {**good, "password": 7}, {**good, "x": 7}]
        values += [{**good, "means": 7}]
        for value in values:
            with self.assertRaises((TypeError, ValueError), msg=value):
                InstanceRecord.fromRecord(value)

    def test_plain(self) -> None:
        """What a start returns is kept as JSON values; other objects become texts."""
        loop: list[Any] = []
        loop.append(loop)
        self.assertEqual(plain(["i-1", {"a": 1}, True]), ["i-1", {"a": 1}, True])
        self.assertEqual(plain((1, b"x")), [1, "b'x'"])
        self.assertIsInstance(plain(loop), str)
