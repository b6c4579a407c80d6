"""The pages of the slaves."""

from __future__ import annotations

import re

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

    def test_none(self) -> None:
        """A master without slaves says so; the builder of a slave may be gone."""
        self.edit("c['bots'] = [('bot1', 'sekrit')]", "c['bots'] = [('bot1', 'sekrit'), ('spare', 'x')]")
        self.assertTrue(self.reconfig()["applied"])
        self.assertIn("No builder uses this slave.", self.ask("/buildslaves/spare").text)
        self.assertIn("Nothing has happened.", self.ask("/buildslaves/spare").text)

    def test_refused(self) -> None:
        """Refused logins under the name of a slave are told, with the address."""
        status = self.master.status.getSlave("bot1")
        status.wasRefused(900.0, "10.9.8.7", "wrong password")
        self.assertIn("10.9.8.7", self.ask("/buildslaves/bot1").text)

    def test_older(self) -> None:
        """The builds of a slave are shown part by part."""
        for _ in range(3):
            self.force()
            self.commands[-1].end(0)
            self.wait(2)
            self.commands[-1].end(0)
            self.wait(2)
        page = self.ask("/buildslaves/bot1?numbuilds=2").text
        self.assertIn("Older builds", page)
        (query,) = re.findall(r'href="[^"]*buildslaves/bot1\?([^"]*)">Older', page)
        older = self.ask(f"/buildslaves/bot1?{query.replace('&amp;', '&')}").text
        self.assertIn("builds/0", older)
        self.assertNotIn("builds/2", older)

    def test_many(self) -> None:
        """A slave of many builders names some of them in the list, and all on its page."""
        names = [f"b{number}" for number in range(12)]
        more = f"c['builders'] += [{{**c['builders'][0], 'name': n, 'builddir': n}} for n in {names}]"
        self.edit("from buildbot.status import html", more + "\nfrom buildbot.status import html")
        self.assertTrue(self.reconfig()["applied"])
        self.assertIn("3 more", self.ask("/buildslaves").text)
        self.assertIn("b11", self.ask("/buildslaves/bot1").text)
