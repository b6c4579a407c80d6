# -*- test-case-name: tests.unit.store.test_readonly -*-
"""Another process reads the store while the master writes it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

from twisted.internet import defer
from twisted.internet import reactor as installed
from twisted.internet.defer import ensureDeferred
from twisted.trial import unittest

from buildbot.model.change import Change
from buildbot.store.files import FILE
from buildbot.store.interface import StoreFailed
from buildbot.store.schema import CURRENT
from buildbot.store.sqlite import SqliteStore

reactor: Any = installed


class ReadingTests(unittest.TestCase):
    """A writer and a reader of one directory."""

    def setUp(self) -> None:
        self.here = self.mktemp()
        os.mkdir(self.here)
        self.writer = SqliteStore(self.here, reactor)
        self.reader = self.writer.forReading()

    async def opened(self) -> None:
        """Open both."""
        await self.writer.open()
        self.addCleanup(self.writer.close)
        await self.reader.open()
        self.addCleanup(self.reader.close)

    def test_sees(self) -> defer.Deferred[Any]:
        """Whatever the master has stored is read at once, also what it stores later."""
        return ensureDeferred(self._sees())

    async def _sees(self) -> None:
        await self.opened()
        for number in (1, 2, 3):
            await self.writer.addChange(Change("me", ["a.c"], f"change {number}"))
            seen = await self.reader.getChanges(10)
            self.assertEqual(seen[0].number, number)
        await self.writer.setState("web/session/x", {"a": 1})
        self.assertEqual(await self.reader.getStates("web/session/"), {"web/session/x": {"a": 1}})

    def test_writesNothing(self) -> defer.Deferred[Any]:
        """Each call that would write fails, and changes nothing."""
        return ensureDeferred(self._writesNothing())

    async def _writesNothing(self) -> None:
        await self.opened()
        calls: tuple[Callable[[], defer.Deferred[Any]], ...] = (
            lambda: self.reader.addChange(Change("me", [], "no")),
            lambda: self.reader.setState("a", 1),
            lambda: self.reader.cancelRequests([1], 1.0),
        )
        for call in calls:
            await self.assertFailure(call(), StoreFailed)
        self.assertEqual(await self.writer.getChanges(10), [])

    def test_first(self) -> defer.Deferred[Any]:
        """The reader may be there before the first start of the master. It says so, and reads later."""
        return ensureDeferred(self._first())

    async def _first(self) -> None:
        await self.reader.open()
        self.addCleanup(self.reader.close)
        why = await self.assertFailure(self.reader.getChanges(10), StoreFailed)
        self.assertIn("no master has run", str(why))
        self.assertEqual(os.listdir(self.here), [])
        await self.writer.open()
        self.addCleanup(self.writer.close)
        self.assertEqual(await self.reader.getChanges(10), [])

    def test_replaced(self) -> defer.Deferred[Any]:
        """After a backup was restored, the reader reads the new file."""
        return ensureDeferred(self._replaced())

    async def _replaced(self) -> None:
        await self.writer.open()
        await self.reader.open()
        self.addCleanup(self.reader.close)
        await self.writer.addChange(Change("me", [], "old"))
        self.assertEqual(len(await self.reader.getChanges(10)), 1)
        await self.writer.close()
        for name in os.listdir(self.here):
            os.rename(os.path.join(self.here, name), os.path.join(self.here, f"old-{name}"))
        another = SqliteStore(self.here, reactor)
        await another.open()
        self.addCleanup(another.close)
        self.assertEqual(await self.reader.getChanges(10), [])

    def test_otherRelease(self) -> defer.Deferred[Any]:
        """The file of another release is not read; the words say which one is needed."""
        return ensureDeferred(self._otherRelease())

    async def _otherRelease(self) -> None:
        await self.writer.open()
        await self.writer.close()
        await self.reader.open()
        self.addCleanup(self.reader.close)
        for version, word in (
            (CURRENT.version + 1, "later release"),
            (CURRENT.version - 1, "earlier release"),
        ):
            with closing(sqlite3.connect(os.path.join(self.here, FILE))) as file:
                file.execute(f"PRAGMA user_version = {version}")
            why = await self.assertFailure(self.reader.getChanges(10), StoreFailed)
            self.assertIn(word, str(why))

    def test_holdsNothing(self) -> defer.Deferred[Any]:
        """Between two calls the reader holds no old state, so the master's write-ahead log does not grow."""
        return ensureDeferred(self._holdsNothing())

    async def _holdsNothing(self) -> None:
        await self.opened()
        await self.writer.addChange(Change("me", [], "x"))
        await self.reader.getChanges(10)
        with closing(sqlite3.connect(os.path.join(self.here, FILE))) as other:
            busy, _, _ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self.assertEqual(busy, 0)
