"""What pages keep of the last builds of each builder."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred

from buildbot.status.topics import builderTopic
from buildbot.web.lastrows import LastRows
from tests.stories.test_websearch import FIRST, SECOND, HistoryCase


class LastRowsTests(HistoryCase):
    """Many people look at the builders, while few things happen."""

    def setUp(self) -> None:
        HistoryCase.setUp(self)
        self.read: list[list[str]] = []
        asked = self.store.getLastRows

        def getLastRows(builders: Iterable[str], count: int = 20) -> Any:
            self.read.append(list(builders))
            return asked(builders, count)

        self.patch(self.store, "getLastRows", getLastRows)
        self.build(FIRST)

    def look(self) -> str:
        """The list of builders, made again."""
        self.wait(2)
        return self.ask("/builders").text

    def test_readOnce(self) -> None:
        """The builds of a builder are read once while nothing happens there."""
        self.look()
        self.assertIn('href="builders/full/builds/0"', self.look())
        self.assertEqual(self.read, [["full"]])

    def test_news(self) -> None:
        """A build that begins or ends is shown, and the store is not asked: memory has the new builds."""
        self.look()
        for _ in range(2):
            began = len(self.commands)
            self.force()
            self.assertIn("running", self.look())
            self.look()
            for number in (began, began + 1):
                self.commands[number].end(2)
                self.wait(2)
            self.assertIn("failure", self.look())
        self.assertIn('href="builders/full/builds/2"', self.look())
        self.assertEqual(self.read, [["full"]])

    def test_unstored(self) -> None:
        """A build runs until its end is stored, as everywhere else."""
        self.look()
        self.force()
        self.commands[0].end(0)
        self.wait(2)
        stored: Deferred[None] = Deferred()
        finish = self.store.finishBuild
        self.patch(self.store, "finishBuild", lambda *args: stored.addCallback(lambda _: finish(*args)))
        self.commands[1].end(0)
        self.wait(2)
        self.assertIn("running", self.look())
        stored.callback(None)
        self.wait(2)
        self.assertNotIn("running", self.look())

    def test_onlyNews(self) -> None:
        """After builds that are not in memory only the newest rows are read, not all."""
        for _ in range(8):
            self.build(FIRST)
        self.look()
        counts: list[int] = []
        asked = self.store.getLastRows

        def getLastRows(builders: Iterable[str], count: int = 20) -> Any:
            counts.append(count)
            return asked(builders, count)

        self.patch(self.store, "getLastRows", getLastRows)
        self.build(SECOND)
        self.build(FIRST, 2)
        self.master.status.topics.touch(builderTopic("full"))
        page = self.look()
        self.assertIn('title="10 success"', page)
        self.assertIn('<a class="failure" href="builders/full/builds/10" title="failure"', page)
        self.assertEqual(counts, [5])

    def test_old(self) -> None:
        """After an hour all rows are read again, since old builds are deleted."""
        self.look()
        self.wait(3601)
        self.look()
        self.assertEqual(len(self.read), 2)

    def test_bounded(self) -> None:
        """With little room, rows are read again instead of kept."""
        self.build(SECOND)
        kept = LastRows(room=1)
        world: Any = SimpleNamespace(
            topics=self.master.status.topics,
            botmaster=self.master.botmaster,
            store=self.store,
            now=self.reactor.seconds,
        )
        for _ in range(2):
            found = self.successResultOf(ensureDeferred(kept.of(world, ["full"], 20)))
            self.assertEqual([row.number for row in found["full"]], [1, 0])
        self.assertEqual(len(self.read), 2)

    def test_fewer(self) -> None:
        """A page that shows fewer builds uses those of a page that shows more, also after news."""
        self.build(SECOND)
        kept = LastRows()
        world: Any = SimpleNamespace(
            topics=self.master.status.topics,
            botmaster=self.master.botmaster,
            store=self.store,
            now=self.reactor.seconds,
        )

        def numbers(count: int) -> list[int]:
            found = self.successResultOf(ensureDeferred(kept.of(world, ["full"], count)))["full"]
            again = self.successResultOf(ensureDeferred(kept.of(world, ["full"], count)))["full"]
            self.assertIs(again, found)
            return [row.number for row in found]

        self.assertEqual(numbers(20), [1, 0])
        self.assertEqual((numbers(1), numbers(20), len(self.read)), ([1], [1, 0], 1))
        self.build(FIRST)
        self.master.status.topics.touch(builderTopic("full"))
        self.assertEqual((numbers(1), numbers(2), numbers(20)), ([2], [2, 1], [2, 1, 0]))
        self.assertEqual(len(self.read), 2)

    def test_order(self) -> None:
        """The builders keep their order, also if a build has run on the first one."""
        kept = LastRows()
        world: Any = SimpleNamespace(
            topics=self.master.status.topics,
            botmaster=self.master.botmaster,
            store=self.store,
            now=self.reactor.seconds,
        )
        names = ["full", "other"]
        for _ in range(2):
            found = self.successResultOf(ensureDeferred(kept.of(world, names, 20)))
            self.assertEqual(list(found), names)
            self.build(FIRST)
            self.master.status.topics.touch(builderTopic("full"))

    def test_standings(self) -> None:
        """The first page asks the store only for builders where something has happened."""
        asked: list[list[str]] = []
        read = self.store.getStandings

        def getStandings(builders: Iterable[str]) -> Any:
            asked.append(list(builders))
            return read(builders)

        self.patch(self.store, "getStandings", getStandings)
        for _ in range(2):
            self.wait(2)
            self.assertIn("No builder is broken.", self.ask("/").text)
        self.assertEqual(asked, [["full"]])
        self.force()
        for number in (0, 1):
            self.commands[number].end(2)
            self.wait(2)
        self.assertIn("log of #1", self.ask("/").text)
        count = len(asked)
        self.wait(2)
        self.assertIn("log of #1", self.ask("/").text)
        self.assertEqual(len(asked), count)
