"""Tests of buildbot.web.pages.matrix."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.model.rows import BuildRow, ChangeRow
from buildbot.web.pages.matrix import Places, Stamp, byStamp, commits, stamps


def build(
    number: int, revision: str | None, branch: str | None = None, *changes: int, repository: str = ""
) -> BuildRow:
    """A finished build."""
    times = (float(number), number + 0.5)
    return BuildRow(
        *("full", number, "bot1", *times, 0, branch, revision, "", repository, "", "", "", changes)
    )


def change(number: int, revision: str | None, branch: str | None = None, repository: str = "") -> ChangeRow:
    """A change."""
    return ChangeRow(number, float(number), "eve", branch, revision, "", repository, None, "words", 1)


class StampsTests(unittest.SynchronousTestCase):
    """The revisions of a grid."""

    def test_newestFirst(self) -> None:
        """A revision is as old as its first build: a rebuild does not move it."""
        rows = {"a": [build(5, "r1"), build(2, "r2"), build(1, "r1")], "b": [build(3, "r3", "dev")]}
        self.assertEqual(stamps(rows, 2), [Stamp("dev", "r3"), Stamp(None, "r2")])
        self.assertEqual(stamps(rows, 9)[-1], Stamp(None, "r1"))

    def test_newestTry(self) -> None:
        """A cell has the newest build of its revision."""
        found = byStamp([build(5, "r1"), build(2, "r2"), build(1, "r1")])
        self.assertEqual({revision: row.number for (_, revision), row in found.items()}, {"r1": 5, "r2": 2})


class PlacesTests(unittest.SynchronousTestCase):
    """The revisions of a console."""

    def placed(self, rows: list[BuildRow], *changes: ChangeRow) -> dict[int, int]:
        """The number of the build of each commit, by its position."""
        return {place: row.number for place, row in Places(commits(changes)).of(rows).items()}

    def test_revision(self) -> None:
        """A build stands in the row of its revision; the newest try counts."""
        rows = [build(3, "r1"), build(2, "r1"), build(1, "r9")]
        self.assertEqual(self.placed(rows, change(2, "r2"), change(1, "r1")), {1: 3})

    def test_included(self) -> None:
        """A build of several changes stands in the row of each, but not where a build of its own is."""
        rows = [build(7, "r3", None, 1, 2, 3), build(6, "r2", None, 2)]
        found = self.placed(rows, change(3, "r3"), change(2, "r2"), change(1, "r1"))
        self.assertEqual(found, {0: 7, 1: 6, 2: 7})

    def test_oneRevision(self) -> None:
        """Changes of one revision are one row; those without a revision are rows of their own."""
        found = commits([change(4, None), change(3, None), change(2, "r1"), change(1, "r1")])
        self.assertEqual([each.numbers for each in found], [(4,), (3,), (2, 1)])

    def test_repositories(self) -> None:
        """The same number of a revision in two repositories or branches is not mixed up."""
        rows = [build(1, "7", None, repository="svn://b")]
        found = self.placed(rows, change(2, "7", repository="svn://a"), change(1, "7", repository="svn://b"))
        self.assertEqual(found, {1: 1})
        self.assertEqual(self.placed([build(1, "7", "dev")], change(2, "7"), change(1, "7", "dev")), {1: 1})
