"""A change of c['logStorage'] in words."""

from __future__ import annotations

from dataclasses import dataclass, replace

from twisted.trial.unittest import SynchronousTestCase

from buildbot.config.diff import diff
from buildbot.config.logstorage import storageChange
from buildbot.config.model import MasterConfig


@dataclass(frozen=True)
class Storage:
    place: str
    spoolLimit: int | None = 5


class ChangeTests(SynchronousTestCase):
    def words(self, old: object, new: object) -> str:
        ((key, words),) = storageChange(old, new)
        self.assertEqual(key, "logStorage")
        return words

    def test_same(self) -> None:
        """Two loads of one file change nothing."""
        self.assertEqual(storageChange(Storage("a"), Storage("a")), ())
        config = MasterConfig(logStorage=Storage("a"))
        self.assertTrue(diff(config, replace(config, logStorage=Storage("a"))).isEmpty())

    def test_places(self) -> None:
        """A new place, and none, say what becomes of the logs that are stored already."""
        self.assertIn("those that are here already", self.words(None, Storage("a")))
        self.assertIn("cannot be read until the key is back", self.words(Storage("a"), None))
        self.assertIn("until their objects are copied", self.words(Storage("a"), Storage("b")))

    def test_limits(self) -> None:
        """A new limit is told by its name."""
        config = MasterConfig(logStorage=Storage("a"))
        lines = diff(config, replace(config, logStorage=Storage("a", 6))).describe()
        self.assertEqual(lines, ("~ logStorage: spoolLimit 5 -> 6",))
