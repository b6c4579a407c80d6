"""The states in the store of a stopped master."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

from twisted.trial import unittest

from buildbot.store.database import Database
from buildbot.store.files import FILE
from buildbot.store.interface import StoreFailed
from buildbot.store.schema import CURRENT
from buildbot.store.states import StoppedStates


class StatesTests(unittest.SynchronousTestCase):
    """A command changes a state while no master runs."""

    def setUp(self) -> None:
        self.here = self.mktemp()
        os.mkdir(self.here)
        self.path = os.path.join(self.here, FILE)
        self.states = StoppedStates(self.here)

    def test_kept(self) -> None:
        """A state is set, replaced and deleted; other states stay, and so does the version of the file."""
        Database(self.path, sqlite3.connect, CURRENT).close()
        for key, value in (("web/a", 1), ("web/b", {"x": [2]}), ("other", 3), ("web/a", 4)):
            self.successResultOf(self.states.setState(key, value))
        self.assertEqual(
            self.successResultOf(self.states.getStates("web/")), {"web/a": 4, "web/b": {"x": [2]}}
        )
        self.successResultOf(self.states.setState("web/b", None))
        self.assertEqual(self.successResultOf(self.states.getStates("")), {"web/a": 4, "other": 3})

    def test_missing(self) -> None:
        """A master that was never started has no states; none can be set, and no file is made."""
        self.assertEqual(self.successResultOf(self.states.getStates("")), {})
        self.failureResultOf(self.states.setState("a", 1), StoreFailed)
        self.assertFalse(os.path.exists(self.path))

    def test_damaged(self) -> None:
        """A damaged store is told, and not touched."""
        with open(self.path, "wb") as file:
            file.write(b"x" * 5000)
        self.failureResultOf(self.states.getStates(""), StoreFailed)
        self.failureResultOf(self.states.setState("a", 1), StoreFailed)
        with open(self.path, "rb") as file:
            self.assertEqual(file.read(), b"x" * 5000)

    def test_rolledBack(self) -> None:
        """A change that fails leaves the old state."""
        Database(self.path, sqlite3.connect, CURRENT).close()
        self.successResultOf(self.states.setState("a", 1))
        with closing(sqlite3.connect(self.path)) as store, store:
            store.execute(
                "CREATE TRIGGER no BEFORE INSERT ON state BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
            )
        self.failureResultOf(self.states.setState("a", 2), StoreFailed)
        self.assertEqual(self.successResultOf(self.states.getStates("")), {"a": 1})
