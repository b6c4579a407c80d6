"""The pages of the slaves."""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.defer import ensureDeferred

from tests.fakes import KINDS
from tests.stories.test_webpages import BuildingCase


class SlavesTests(BuildingCase):
    """A person looks after the slaves."""

    def test_list(self) -> None:
        """Each slave has a line with its state, and a link."""
        self.assertIn('<a href="buildslaves/bot1">bot1</a>', self.ask("/buildslaves").text)
        self.assertIn("idle", self.ask("/buildslaves?no_builders=1").text)

    def test_kinds(self) -> None:
        """The list says how many slaves are connected, offline and so on, and shows only these on demand."""
        bots = "[('bot1', 'sekrit'), *[('spare%d' % n, 'x') for n in range(3)]]"
        self.edit("c['bots'] = [('bot1', 'sekrit')]", f"c['bots'] = {bots}")
        self.assertTrue(self.reconfig()["applied"])
        ensureDeferred(self.master.commands["pause"]("spare1", why="disk", who="ann"))
        self.settle()
        self.master.status.getSlave("spare2").wasRefused(900.0, "10.9.8.7", "wrong password")
        found = re.findall(r'buildslaves(?:\?only=(\w+))?">(\d+) (\w+)</a>', self.ask("/buildslaves").text)
        kinds = [("", "4", "slaves"), ("connected", "1", "connected"), ("offline", "3", "offline")]
        more = [("paused", "1", "paused"), ("troubled", "1", "troubled")]
        self.assertEqual(found, [*kinds, *more])
        for kind, names in (
            ("connected", ["bot1"]),
            ("offline", ["spare0", "spare1", "spare2"]),
            ("building", []),
            ("paused", ["spare1"]),
            ("troubled", ["spare2"]),
        ):
            page = self.ask(f"/buildslaves?only={kind}").text
            self.assertEqual(re.findall(r'href="buildslaves/(\w+)">', page), names, kind)
        self.assertIn("No slave is building.", self.ask("/buildslaves?only=building").text)
        self.assertEqual(self.ask("/buildslaves?only=red").status, 400)

    def test_offline(self) -> None:
        """The first page leads to the list of offline slaves, if there are any."""
        home = self.ask("/").text
        self.assertIn("1 of 1 slave connected", home)
        self.assertNotIn("offline", home)
        self.edit("c['bots'] = [('bot1', 'sekrit')]", "c['bots'] = [('bot1', 'sekrit'), ('spare', 'x')]")
        self.assertTrue(self.reconfig()["applied"])
        home = self.ask("/").text
        self.assertIn('1 of 2 slaves connected · <a href="buildslaves?only=offline">1 offline</a>', home)

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
        self.assertIn("1, the last from 10.9.8.7", self.ask("/buildslaves/bot1").text)
        status.failing = {"full": "no disk"}
        page = self.ask("/buildslaves?only=troubled").text
        self.assertIn('<td data-label="Note">1 refused login; cannot use 1 builder</td>', page)

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

    def test_afterRestart(self) -> None:
        """An offline slave's page has its last build after a restart, too, and says what is not known."""
        self.force()
        self.assertIn(
            '<a href="../builders/full/builds/0">full/0</a> began ', self.ask("/buildslaves/bot1").text
        )
        for _ in range(2):
            self.commands[-1].end(0)
            self.wait(2)
        for _ in range(2):
            page = self.ask("/buildslaves/bot1").text
            self.assertIn('<a href="../builders/full/builds/0">full/0</a> ended ', page)
            self.assertNotIn("Not seen since", page)
            self.stop()
            self.slaves.clear()
            self.start()
            page = self.ask("/buildslaves/bot1").text
            self.assertIn('<a href="../builders/full/builds/0">full/0</a> ended ', page)
            self.assertIn("Not seen since", page)
            self.connect()

    def test_toldBefore(self) -> None:
        """After a restart, an offline slave's page has what the slave told earlier, and when."""

        def known() -> list[Any]:
            (said,) = self.status("bot1")["slaves"]
            return [said[each] for each in ("address", "generation", "version", "admin", "host", "told")]

        self.stop()
        self.slaves.clear()
        self.start()
        self.connect(info={"admin": b"Ann <ann@example.org>", "host": "big \N{SNOWMAN} machine".encode()})
        before = known()
        self.assertEqual(before[3:5], ["Ann <ann@example.org>", "big \N{SNOWMAN} machine"])
        self.assertNotIn("Told at its login", self.ask("/buildslaves/bot1").text)
        for _ in range(2):
            self.stop()
            self.slaves.clear()
            self.start()
            self.assertEqual(known(), before)
            page = self.ask("/buildslaves/bot1").text
            self.assertIn("Ann &lt;ann@example.org&gt;", page)
            self.assertIn("Told at its login", page)
            self.assertIn("Not seen since", page)

    def test_many(self) -> None:
        """A slave of many builders names some of them in the list, and all on its page."""
        names = [f"b{number}" for number in range(12)]
        more = f"c['builders'] += [{{**c['builders'][0], 'name': n, 'builddir': n}} for n in {names}]"
        self.edit("from buildbot.status import html", more + "\nfrom buildbot.status import html")
        self.assertTrue(self.reconfig()["applied"])
        self.assertIn("3 more", self.ask("/buildslaves").text)
        self.assertIn("b11", self.ask("/buildslaves/bot1").text)


class GenerationsTests(BuildingCase):
    """Slaves of six generations are attached (row 20)."""

    def setUp(self) -> None:
        BuildingCase.setUp(self)
        bots = [(f"s-{kind}", "sekrit") for kind in KINDS]
        self.edit("c['bots'] = [('bot1', 'sekrit')]", f"c['bots'] = [('bot1', 'sekrit'), *{bots}]")
        builders = (
            "[{**c['builders'][0], 'name': n, 'builddir': n, 'slavename': n} for n, p in c['bots'][1:]]"
        )
        self.edit(
            "from buildbot.status import html",
            f"c['builders'] += {builders}\nfrom buildbot.status import html",
        )
        self.assertTrue(self.reconfig()["applied"])

    def test_pages(self) -> None:
        """Each page has generation, version, time, address and events of its slave, and tells its delay."""
        for kind, known in KINDS.items():
            name = f"s-{kind}"
            self.connect(kind, name)
            self.wait(2)
            (said,) = self.status(name)["slaves"]
            page = self.ask(f"/buildslaves/{name}").text
            self.assertIn(f"<dd>{said['generation']}</dd>", page)
            self.assertIn(known.version or "", page)
            self.assertIn("10.0.0.1", page)
            self.assertRegex(page, "<dt>Since</dt><dd><time ")
            self.assertIn("attached from 10.0.0.1", page)
            isLate = kind in ("0.8.14", "w0.9", "w4.3")
            self.assertIn("sent every 5 seconds" if isLate else "sent at once", page, kind)
        listed = self.ask("/buildslaves").text
        for kind in KINDS:
            self.assertIn(f">s-{kind}</a>", listed)

    def test_squabble(self) -> None:
        """Two machines with one name: the page of the slave tells of it."""
        self.connect("0.8.14", "s-0.8.14")
        self.connect("0.8.14", "s-0.8.14")
        self.wait(5)
        page = self.ask("/buildslaves/s-0.8.14").text
        self.assertIn("a newer connection came from 10.0.0.1:", page)

    def test_running(self) -> None:
        """The builds that run on a slave stand on its page, with the number of them."""
        self.force()
        page = self.ask("/buildslaves/bot1").text
        self.assertIn("<dt>Running builds</dt><dd>1</dd>", page)
        self.assertIn('href="../builders/full/builds/0"', page)
