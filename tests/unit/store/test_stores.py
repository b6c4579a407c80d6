"""The kind of store that a place names."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.store.address import BadAddress, parse
from buildbot.store.place import Place
from buildbot.store.postgres import PostgresStore
from buildbot.store.sqlite import SqliteStore
from buildbot.store.stores import storeAt
from tests.stores import Turnstile


class StoresTests(unittest.SynchronousTestCase):
    """Nothing is opened, and no server is asked."""

    def test_kinds(self) -> None:
        """Without a server the store is the file; else it is the database."""
        self.assertIsInstance(storeAt(Place("here"), Turnstile()), SqliteStore)
        server = parse("postgresql://me@db/x")
        self.assertIsInstance(storeAt(Place("here", server), Turnstile()), PostgresStore)
        self.assertRaises(BadAddress, storeAt, Place("here", server, "missing"), Turnstile())
