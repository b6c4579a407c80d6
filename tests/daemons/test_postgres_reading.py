"""Another process reads the store of a master in PostgreSQL, with a real server."""

from __future__ import annotations

from buildbot.model.change import Change
from buildbot.store.interface import StoreFailed
from buildbot.store.schema import CURRENT
from tests.integration.postgres import PostgresCase


class ReadingTests(PostgresCase):
    """A writer and a reader of one schema."""

    def setUp(self) -> None:
        super().setUp()
        self.writer = self.postgres()
        self.reader = self.writer.forReading()
        self.get(self.reader.open())
        self.addCleanup(self.closed, self.reader)

    def test_sees(self) -> None:
        """Whatever the master has stored is read at once. The reader takes no lock, and writes nothing."""
        self.get(self.writer.open())
        for number in (1, 2):
            self.get(self.writer.addChange(Change("me", ["a.c"], "a change")))
            self.assertEqual(self.get(self.reader.getChanges(10))[0].number, number)
        self.assertRaises(StoreFailed, self.get, self.reader.setState("a", 1))
        self.assertIsNone(self.get(self.writer.getState("a")))

    def test_first(self) -> None:
        """The reader may be there before the first start of the master. It says so, and reads later."""
        why = self.assertRaises(StoreFailed, self.get, self.reader.getChanges(10))
        self.assertIn("no master has used this store yet", str(why))
        self.get(self.writer.open())
        self.assertEqual(self.get(self.reader.getChanges(10)), [])

    def test_cut(self) -> None:
        """A reader whose session was ended connects again."""
        self.get(self.writer.open())
        self.get(self.reader.getChanges(10))
        others = "pid <> pg_backend_pid() AND backend_type = 'client backend'"
        self.server.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
        self.assertEqual(self.get(self.reader.getChanges(10)), [])

    def test_otherRelease(self) -> None:
        """The tables of another release are not read; the words say which one is needed."""
        self.get(self.writer.open())
        for step, word in ((1, "later release"), (-1, "earlier release")):
            self.server.ask(f"UPDATE {self.schema}.store SET version = {CURRENT.version + step}")
            why = self.assertRaises(StoreFailed, self.get, self.reader.getChanges(10))
            self.assertIn(word, str(why))
