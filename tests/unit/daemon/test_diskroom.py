"""Warnings before the disk is full."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

from twisted.trial import unittest

from buildbot.buildmaster.startup import watchDirectory
from buildbot.daemon.diskroom import roomTrouble
from buildbot.daemon.troubles import Troubles

GOOD = {"f_flag": 0, "f_bavail": 1000, "f_frsize": 4096, "f_files": 5000, "f_favail": 1000}


class RoomTests(unittest.SynchronousTestCase):
    """F5: a full disk is reported before output is lost."""

    def why(self, **values: Any) -> str:
        """The trouble of a file system with these values; empty if there is none."""
        self.patch(os, "statvfs", lambda path: SimpleNamespace(**{**GOOD, **values}))
        found = roomTrouble("/m")
        return "" if found is None else found.why

    def test_room(self) -> None:
        """F5: with enough room there is no trouble, also where the system counts no files."""
        self.assertEqual(self.why(), "")
        self.assertEqual(self.why(f_files=0, f_favail=0), "")

    def test_full(self) -> None:
        """F5: too few bytes, too few files and a read-only file system are each reported."""
        self.assertEqual(self.why(f_bavail=10), "/m: its disk is full, 40960 bytes left")
        self.assertEqual(self.why(f_favail=3), "/m: its file system can hold 3 more files")
        self.assertEqual(self.why(f_favail=1), "/m: its file system can hold 1 more file")
        self.assertEqual(self.why(f_flag=os.ST_RDONLY), "/m: its file system is read-only")

    def test_kept(self) -> None:
        """With the store in a database, the disk of the master has only logs to lose."""
        self.patch(os, "statvfs", lambda path: SimpleNamespace(**{**GOOD, "f_bavail": 1}))
        here = os.path.abspath(self.mktemp())
        os.mkdir(here)
        for tac, kept in (
            ("", "changes, requests, builds and logs"),
            ("db = 'postgresql://db/ci'\n", "logs"),
        ):
            with open(os.path.join(here, "buildbot.tac"), "w", encoding="utf-8") as stream:
                stream.write(tac)
            troubles = Troubles(lambda: 1.0)
            watchDirectory(here, troubles)
            found = {each.subject: each.symptom.what for each in troubles.current()}
            self.assertEqual(found["disk"], f"{kept} will soon be lost")

    def test_real(self) -> None:
        """F5: a missing directory has no trouble of this kind."""
        self.assertIsNone(roomTrouble("/no/such/directory"))

    def test_once(self) -> None:
        """F5: each file system is reported once."""
        self.assertNotEqual(self.why(f_bavail=0), "")
        self.assertIsNone(roomTrouble(".", "."))
