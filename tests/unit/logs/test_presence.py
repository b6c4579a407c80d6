"""A directory of logs that is deleted or replaced under a running master."""

from __future__ import annotations

import os

from twisted.trial import unittest

from buildbot.logs.presence import Presence


class PresenceTests(unittest.TestCase):
    """F5: the directory of logs is in its place, or that is a trouble."""

    def setUp(self) -> None:
        self.logs = os.path.join(self.mktemp(), "logs")
        os.makedirs(self.logs)
        self.presence = Presence(self.logs)
        self.assertEqual(self.why(), "")

    def why(self) -> str:
        """The present trouble; empty if there is none."""
        found = self.presence.look()
        return "" if found is None else found.why

    def test_movedAway(self) -> None:
        """F5: a directory that is missing is a trouble, until it is put back."""
        os.rename(self.logs, f"{self.logs}.away")
        self.assertIn("has been deleted or replaced", self.why())
        os.rename(f"{self.logs}.away", self.logs)
        self.assertEqual(self.why(), "")

    def test_replaced(self) -> None:
        """F5: another directory in its place is a trouble until a restart."""
        os.rename(self.logs, f"{self.logs}.away")
        os.mkdir(self.logs)
        self.assertIn("has been deleted or replaced", self.why())
        self.presence = Presence(self.logs)
        self.assertEqual(self.why(), "")

    def test_notYet(self) -> None:
        """A master without logs has no such trouble, and none when its first log makes the directory."""
        os.rmdir(self.logs)
        self.presence = Presence(self.logs)
        self.assertEqual(self.why(), "")
        os.mkdir(self.logs)
        self.assertEqual(self.why(), "")

    def test_notADirectory(self) -> None:
        """F5: a file in its place is a trouble; when it is moved away, the directory is made anew."""
        os.rmdir(self.logs)
        open(self.logs, "w").close()
        self.presence = Presence(self.logs)
        self.assertIn("is not a directory", self.why())
        os.unlink(self.logs)
        self.assertEqual(self.why(), "")
