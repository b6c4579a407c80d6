"""What a command says in the directory of a master that does not run, and whose store others may use."""

from __future__ import annotations

import os

from twisted.trial import unittest

from buildbot.cluster import looking
from buildbot.cluster.home import ID
from buildbot.cluster.places import Place
from buildbot.control import client
from buildbot.daemon import directory as directories
from buildbot.scripts.elsewhere import nameOf
from buildbot.store.interface import StoreFailed
from tests.commandline import command, directory

DB = "db = 'postgresql://me@host/x'\n"


class ElsewhereTests(unittest.SynchronousTestCase):
    """The store is replaced."""

    def setUp(self) -> None:
        self.here = directory(self.mktemp())
        self.write(DB)
        self.found: Place | StoreFailed | None = None
        self.patch(client, "request", self.request)
        self.patch(looking, "mastersOf", self.mastersOf)

    def write(self, lines: str) -> None:
        """Write buildbot.tac."""
        with open(os.path.join(self.here, "buildbot.tac"), "w", encoding="utf-8") as stream:
            stream.write(f"{lines}application = service.Application('buildmaster')\n")

    def request(self, here: str, *others: object) -> object:
        """No master runs."""
        raise client.NotRunning(here)

    def mastersOf(self, where: object) -> list[Place]:
        """Answer as a store."""
        if isinstance(self.found, StoreFailed):
            raise self.found
        return [] if self.found is None else [self.found]

    def active(self, name: str) -> None:
        """A master is active."""
        self.found = Place("two", name, "x", 2, "active", 1, 9.0, "1", "")

    def refusal(self, verb: str = "force") -> str:
        """What a command says."""
        said = command(verb, self.here, *(["full"] if verb == "force" else []))
        self.assertEqual(said.status, 1)
        return said.err

    def test_standby(self) -> None:
        """While another master is active, it is named; a master that has run here can wait."""
        self.active("two:/srv")
        for verb in ("force", "status"):
            said = self.refusal(verb)
            self.assertIn("two:/srv is the active master of its store, ask there", said)
            self.assertIn(f"`buildbot start --standby {self.here}` lets this one wait", said)

    def test_mine(self) -> None:
        """A master that was the active one, or that nobody knows anything about, is to be started."""
        starts = f"no buildmaster is running in {self.here}: `buildbot start {self.here}` starts it\n"
        self.assertEqual(self.refusal(), starts)
        self.active(nameOf(self.here))
        self.assertEqual(self.refusal(), starts)
        self.found = StoreFailed("no route to host")
        self.assertEqual(self.refusal(), starts)
        self.write("db = 7\n")
        self.assertEqual(self.refusal(), starts)

    def test_pages(self) -> None:
        """A directory with pages alone gets no advice to start a master there. One with a master does."""
        home = os.path.join(self.here, directories.PAGES)
        os.mkdir(home)
        self.assertIn("which is for pages alone: start the master in its own directory", self.refusal())
        self.active("two:/srv")
        self.assertRegex(self.refusal(), "two:/srv is the active master of its store, ask there\n$")
        self.found = None
        with open(os.path.join(self.here, ID), "w", encoding="utf-8"):
            pass
        self.assertIn("starts it", self.refusal())
