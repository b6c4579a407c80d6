"""The topics of a whole master: changes, reconfigs and store trouble reach a live page."""

from __future__ import annotations

from typing import Any

from buildbot.changes.changes import Change
from buildbot.status.topics import ALL, BUILDERS, MASTER
from tests.stories.world import World


class TopicStories(World):
    """A master with a watched hub."""

    def setUp(self) -> None:
        super().setUp()
        self.successResultOf(self.start())
        self.events: list[dict[str, Any]] = []
        self.topics = self.master.getStatus().topics
        self.topics.subscribe([ALL], lambda news: self.events.extend(news.events), events=True)
        self.wait(1)

    def told(self) -> list[dict[str, Any]]:
        """The events since the last call."""
        self.wait(1)
        told, self.events[:] = list(self.events), []
        return told

    def test_change(self) -> None:
        """A change is told with its number when it is stored."""
        self.successResultOf(self.master.addChange(Change("ann", ["a.c"], "words", revision="7", branch="b")))
        (event,) = self.told()
        self.assertEqual(event["event"], "changeAdded")
        self.assertEqual(event["data"], {"number": 1, "who": "ann", "branch": "b", "revision": "7"})

    def test_reconfig(self) -> None:
        """A reconfig that is applied touches all pages; one that is refused touches that of the master."""
        page, master = self.topics.etag(BUILDERS), self.topics.etag(MASTER)
        self.add("c['projectName'] = 1 / 0")
        self.reconfig(who="ann")
        (event,) = self.told()
        self.assertEqual(
            event["data"],
            {"generation": 1, "applied": False, "who": "ann", "changes": 0, "warnings": 0, "errors": 1},
        )
        self.assertEqual(self.topics.etag(BUILDERS), page)
        self.assertNotEqual(self.topics.etag(MASTER), master)
        self.edit("c['projectName'] = 1 / 0", "c['projectName'] = 'new'")
        self.reconfig()
        self.assertEqual(
            [(each["event"], each["data"]["applied"]) for each in self.told()], [("reconfigured", True)]
        )
        self.assertNotEqual(self.topics.etag(BUILDERS), page)

    def test_dryRun(self) -> None:
        """A dry run is no event."""
        self.reconfig(dryRun=True)
        self.assertEqual(self.told(), [])

    def test_stream(self) -> None:
        """A stream that is open stays open over reconfigs (row 27)."""
        for number in range(10):
            self.edit("c['slavePortnum']", f"c['projectName'] = 'n{number}'\nc['slavePortnum']")
            self.reconfig()
        self.assertEqual([each["data"]["generation"] for each in self.told()], list(range(2, 12)))
