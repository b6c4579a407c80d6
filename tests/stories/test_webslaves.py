"""The pages of the slaves."""

from __future__ import annotations

from twisted.internet.defer import ensureDeferred

from tests.stories.test_webpages import BuildingCase


class SlavesTests(BuildingCase):
    """A person looks after the slaves."""

    def test_list(self) -> None:
        """Each slave has a line with its state, and a link."""
        self.assertIn('<a href="buildslaves/bot1">bot1</a>', self.ask("/buildslaves").text)
        self.assertIn("idle", self.ask("/buildslaves?no_builders=1").text)

    def test_one(self) -> None:
        """A slave's page has its connection, its builders and builds; a pause is shown with its reason."""
        self.force()
        page = self.ask("/buildslaves/bot1").text
        self.assertIn('href="../builders/full/builds/0"', page)
        ensureDeferred(self.master.commands["pause"]("bot1", why="new <disk>", who="ann"))
        self.settle()
        self.wait(2)
        self.assertIn("paused by ann: new &lt;disk&gt;", self.ask("/buildslaves/bot1").text)

    def test_missing(self) -> None:
        """An unknown slave is told, with a guess."""
        page = self.ask("/buildslaves/bot2")
        self.assertEqual(page.status, 404)
        self.assertIn("Did you mean bot1?", page.text)
