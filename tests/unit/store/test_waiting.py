"""The requests that wait: the same tests for the store in memory and the one on disk."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

from buildbot.model.change import Change
from buildbot.model.likeness import likenessOf
from buildbot.model.sourcestamp import SourceStamp
from buildbot.store.files import FILE
from buildbot.store.memory import MemoryStore
from buildbot.store.requests import Store, encode
from buildbot.store.schema import CURRENT
from buildbot.store.waiting import Waiting
from tests.stores import SqliteCase, StoreCase, buildset


def _branch(name: str | None, *changes: int) -> dict[str, Any]:
    made = [Change("ann", [], "", branch=name, when=1.0).numbered(each) for each in changes]
    return SourceStamp(name, changes=made).toRecord()


class _Promises(StoreCase):
    """The tests; each class below is one kind of store."""

    def make(self) -> Store:
        raise NotImplementedError

    def setUp(self) -> None:
        super().setUp()
        self.store = self.make()
        self.get(self.store.open())

    def numbers(self, builder: str = "full", *arguments: Any) -> tuple[list[int], int | None]:
        """The numbers of the requests of a page, and the last."""
        page = self.get(self.store.getWaiting(builder, *arguments))
        return [each.id for each in page.requests], page.last

    def test_counts(self) -> None:
        """The requests that wait are counted by builder; others are not."""
        self.assertEqual(self.get(self.store.countWaiting()), {})
        for _ in range(3):
            _, (one, *_) = self.ask("full", "quick")
        self.ask("full")
        self.start(one)
        self.get(self.store.cancelRequests([2, 4], 5.0))
        self.assertEqual(self.get(self.store.countWaiting()), {"full": Waiting(3, 7), "quick": Waiting(1, 6)})

    def test_pages(self) -> None:
        """The requests of a builder are read in pages, oldest first, until a page is the last."""
        requests = [self.ask("full", "quick")[1][0] for _ in range(5)]
        self.assertEqual(self.numbers("full", 0, 2), ([1, 3], 3))
        self.assertEqual(self.numbers("full", 3, 2), ([5, 7], 7))
        self.assertEqual(self.numbers("full", 7, 2), ([9], None))
        self.assertEqual(self.numbers("gone"), ([], None))
        self.assertEqual(self.get(self.store.getWaiting("full")).requests, requests)
        self.start(requests[1])
        self.assertEqual(self.numbers("full", 0, 2), ([1, 5], 5))
        self.assertRaises(ValueError, self.numbers, "full", 0, 0)
        self.assertRaises(ValueError, self.numbers, "\udcff")

    def test_alike(self) -> None:
        """Only the requests that one build may serve are read, in pages too."""
        for name in ("a", "b", "a", None, "a", "a"):
            self.ask("full", "quick", "full", sourcestamp=_branch(name))
        self.ask("full", sourcestamp=_branch("a"), mergeable=False)
        one, *_ = self.get(self.store.getWaiting("full")).requests
        like = likenessOf(one)
        self.assertEqual(self.numbers("full", 0, 9, like), ([1, 3, 7, 9, 13, 15, 16, 18], None))
        self.assertEqual(self.numbers("full", 0, 3, like), ([1, 3, 7], 7))
        self.assertEqual(self.numbers("full", 7, 3, like), ([9, 13, 15], 15))
        self.assertEqual(self.numbers("full", 15, 3, like), ([16, 18], None))
        self.assertEqual(self.numbers("full", 99, 3, like), ([], None))
        self.get(self.store.prune(1))
        self.get(self.store.cancelRequests([1, 3], 5.0))
        self.assertEqual(self.numbers("full", 1, 2, like), ([7, 9], 9))

    def test_some(self) -> None:
        """Some requests are read by their numbers, if they wait."""
        _, requests = self.ask("full", "quick", "full")
        self.start(requests[0])
        self.assertEqual(self.get(self.store.findWaiting([3, 1, 2, 99, 3])), requests[1:])
        self.assertEqual(self.get(self.store.findWaiting([])), [])

    def test_codebases(self) -> None:
        """The requests for a change of a further codebase are found, too."""
        beside = [_branch("lib", 8), _branch("tools", 3, 9)]
        self.ask("full", sourcestamp={**_branch(None, 5), "beside": beside})
        self.ask("full", sourcestamp=_branch(None, 7))
        for number, expected in ((3, [1]), (5, [1]), (6, []), (7, [2]), (8, [1]), (9, [1])):
            found = self.get(self.store.getWaitingOf(number))
            self.assertEqual([each.id for each in found], expected, number)

    def test_change(self) -> None:
        """The requests for a change are found; those of other changes, and running ones, are not."""
        for numbers in ((1, 4), (2,), (4, 9), (3, 5), ()):
            self.ask("full", "quick", sourcestamp=_branch(None, *numbers))
        asked = self.get(self.store.pendingRequests())
        self.start(asked[0])
        self.assertEqual([each.id for each in self.get(self.store.getWaitingOf(4))], [2, 5, 6])
        self.assertEqual([each.id for each in self.get(self.store.getWaitingOf(2))], [3, 4])
        self.assertEqual(self.get(self.store.getWaitingOf(7)), [])


class MemoryTests(_Promises):
    """The contract, in memory."""

    def make(self) -> Store:
        return MemoryStore()


class SqliteTests(_Promises):
    """The contract, on disk."""

    def make(self) -> Store:
        return self.sqlite()


#: For the modules of other stores: trial would run a class by itself.
PROMISES = (_Promises,)
del _Promises


class UpgradeTests(SqliteCase):
    """A store of an earlier release."""

    def test_columns(self) -> None:
        """The sets of schedulers, the requests alike and those of a change are found after the upgrade."""
        directory = self.quick()
        sources = [_branch("a", 1, 3), _branch("a", 4), _branch("b")]
        with closing(sqlite3.connect(f"{directory}/{FILE}")) as file:
            CURRENT.upgrade(file, 0, 4)
            for number in range(1, 2500):
                made = replace(buildset(), scheduler="s", sourcestamp=sources[number % 3])
                text = "[]" if number == 7 else encode(made)
                file.execute("INSERT INTO buildsets (id, record) VALUES (?, ?)", (number, text))
                file.execute(
                    "INSERT INTO requests (id, buildset, builder, attempts, state)"
                    " VALUES (?, ?, 'full', 0, 'pending')",
                    (number, number),
                )
            file.execute("PRAGMA user_version = 4")
            file.commit()
        store = self.opened(directory)
        self.assertEqual([each.id for each in self.get(store.getBuildsetsOf("s", 2497))], [2498, 2499])
        self.assertEqual(len(self.get(store.getWaitingOf(3))), 833)
        first = self.get(store.getWaiting("full", 0, 1)).requests[0]
        found = self.get(store.getWaiting("full", 2490, 9, likenessOf(first))).requests
        self.assertEqual([each.id for each in found], [2491, 2493, 2494, 2496, 2497, 2499])
        page = self.get(store.getWaiting("full", 5, 2))
        self.assertEqual(([each.id for each in page.requests], page.last), ([6], 7))
        self.assertEqual([each.id for each in page.unreadable], [7])
