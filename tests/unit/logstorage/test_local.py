"""The copies on this disk of logs that are in the bucket."""

from __future__ import annotations

import os

from buildbot.logstorage.keys import nameOf
from buildbot.logstorage.local import LocalCopies
from tests.unit.logstorage.places import PlaceCase


class CopyTests(PlaceCase):
    def stored(self, *numbers: int) -> None:
        """Builds with logs of 1,000 bytes, and their marks."""
        for number in numbers:
            self.write(number, b"x" * 991)  # and 9 of the format
            self.copies.mark(nameOf("full", number))
            self.now += 100

    def test_oldestUseFirst(self) -> None:
        """Copies that were not read for the longest time go first, until the rest has room."""
        self.stored(1, 2, 3)
        size = self.copies.size // 3
        self.copies.used(nameOf("full", 1))
        self.copies.most = size
        self.assertEqual(self.copies.evict(), 2)
        self.assertEqual(self.names(), ["1-log-say-stdio", "1-stored"])
        self.assertEqual(self.copies.size, size)

    def test_neverUnmarked(self) -> None:
        """Logs that are not in the bucket stay, however little room there is."""
        self.write(7, b"only here")
        self.stored(8)
        self.copies.most = 0
        self.copies.evict()
        self.assertEqual(self.names(), ["7-log-say-stdio"])

    def test_restart(self) -> None:
        """The next process knows the copies, and when they were used."""
        self.stored(1, 2)
        self.copies.used(nameOf("full", 1))
        size = self.copies.size
        self.open(most=size // 2)
        self.assertEqual((len(self.copies), self.copies.size), (2, size))
        self.copies.evict()
        self.assertEqual(self.names(), ["1-log-say-stdio", "1-stored"])

    def test_otherPlace(self) -> None:
        """A mark for another bucket, or a damaged one, says nothing: the logs are stored again."""
        self.stored(1, 2)
        with open(os.path.join(self.top, "full", "2-stored"), "w") as file:
            file.write("nonsense")
        other = LocalCopies(self.top, "there")
        other.load()
        self.assertEqual(len(other), 0)
        self.open()
        self.assertEqual(len(self.copies), 1)

    def test_leftovers(self) -> None:
        """What a killed process left half written is removed at the next start."""
        self.stored(1)
        with open(os.path.join(self.top, "full", ".part-5"), "w") as file:
            file.write("half")
        self.open()
        self.assertEqual(self.names(), ["1-log-say-stdio", "1-stored"])

    def test_forget(self) -> None:
        """The mark of a build whose logs are removed goes, once or twice."""
        self.stored(1)
        for _ in range(2):
            self.copies.forget(nameOf("full", 1))
        self.assertEqual((self.names(), self.copies.size), (["1-log-say-stdio"], 0))
