"""Sources of changes that were written for 0.8 call C{self.master.addChange}."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from twisted.application import service
from twisted.internet.defer import Deferred, succeed
from twisted.trial import unittest

from buildbot.changes.base import ChangeSource, PollingChangeSource
from buildbot.changes.changedict import BadChange
from buildbot.model.change import Change


class Parent(service.MultiService):
    """The parent of sources, which keeps their changes."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[Change] = []

    def addChange(self, change: Change) -> Deferred[Change]:
        """Keep it."""
        self.changes.append(change)
        return succeed(change)


class SourceMasterTests(unittest.SynchronousTestCase):
    """C{self.master} of a source."""

    def setUp(self) -> None:
        self.parent = Parent()
        self.source: Any = PollingChangeSource()
        self.source.setServiceParent(self.parent)

    def test_added(self) -> None:
        """The arguments of 0.8 make a change, and the Deferred fires with it."""
        added = self.source.master.addChange(
            author="ann",
            files=["a.c"],
            comments="fix",
            revision="r1",
            when_timestamp=datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=1))),
            branch="",
            category=None,
            project="p",
            properties={"a": 1},
            src="git",
        )
        [change] = self.parent.changes
        self.assertIs(self.successResultOf(added), change)
        self.assertEqual((change.who, change.files, change.comments), ("ann", ["a.c"], "fix"))
        self.assertEqual((change.revision, change.branch, change.project), ("r1", None, "p"))
        self.assertEqual(change.when, datetime(2019, 12, 31, 23, tzinfo=timezone.utc).timestamp())

    def test_olderNames(self) -> None:
        """The names of before 0.8.5 work: who, isdir and when. A time without a zone is UTC."""
        self.source.master.addChange(who="bob", isdir=0, when=5.0, files=[], comments="")
        self.source.master.addChange(who="bob", when_timestamp=datetime(1970, 1, 2))
        self.assertEqual([change.when for change in self.parent.changes], [5.0, 86400.0])

    def test_wrong(self) -> None:
        """A misspelt argument and a missing author are errors, and make no change."""
        self.assertRaises(TypeError, self.source.master.addChange, autor="ann")
        self.assertRaises(BadChange, self.source.master.addChange, files=["a.c"])
        self.assertEqual(self.parent.changes, [])

    def test_ownMaster(self) -> None:
        """A source that sets its own attribute master keeps it."""
        source: Any = ChangeSource()
        source.master = "mine"
        self.assertEqual(source.master, "mine")

    def test_otherNames(self) -> None:
        """Other names are those of the master, such as its directory. Without a master there are none."""
        self.parent.setServiceParent(master := service.MultiService())
        vars(master)["basedir"] = "/home/master"
        self.assertTrue(self.source.master)
        self.assertEqual(self.source.master.basedir, "/home/master")
        self.assertRaises(AttributeError, getattr, self.source.master, "nothing")
        self.source.disownServiceParent()
        self.assertFalse(self.source.master)
        self.assertRaises(AttributeError, getattr, self.source.master, "basedir")
