"""The pages of revisions, and the search."""

from __future__ import annotations

import re
import time
from html import unescape
from urllib.parse import quote

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord
from tests.effort import leastEffort
from tests.stories.test_webpages import BuildingCase
from tests.stories.web import Connection

FIRST, SECOND = "abcd1111", "abcd2222"


class HistoryCase(BuildingCase):
    """A master with changes and builds in its store."""

    def change(self, revision: str, who: str = "eve", comments: str = "words") -> int:
        """Store a change; returns its number."""
        change = Change(who, ["a.c"], comments, revision=revision)
        number = self.successResultOf(self.master.addChange(change)).number
        assert number is not None
        self.settle()
        return number

    def build(self, revision: str, results: int = 0, builder: str = "full", *changes: int) -> None:
        """Store a finished build of a revision."""
        now = self.reactor.seconds()
        source = {
            "branch": None,
            "revision": revision,
            "changes": [{"number": each, "who": "eve", "revision": revision} for each in changes],
        }
        build = self.successResultOf(
            self.store.startBuild(BuildRecord(builder, None, "bot1", (), now, sourcestamp=source))
        )
        ended = BuildRecord(
            *(builder, build.number, "bot1", (), now, now + 1.0, results, ("done",)), sourcestamp=source
        )
        self.successResultOf(self.store.finishBuild(ended))
        self.reactor.advance(2)
        self.settle()


class RemovedTests(HistoryCase):
    """A person looks for the builds of a builder that was renamed."""

    def renamed(self) -> Connection:
        """Rename the builder; returns the stream of its page, which was open."""
        stream = self.dial()
        stream.send(b"GET /live?page=%2Fbuilders%2Ffull HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        self.settle()
        self.edit("'name': 'full'", "'name': 'other'")
        self.assertTrue(self.reconfig()["applied"])
        self.wait(2)
        return stream

    def test_history(self) -> None:
        """The old address of the builder, and the search, lead to its builds. An open page ends."""
        self.build(FIRST)
        stream = self.renamed()
        self.assertIn(b"event: closed", stream.received())
        for path in ("/builders/full", "/search?q=ful"):
            answer = self.ask(path)
            self.assertEqual(answer.status, 303, path)
            self.assertTrue(answer.headers["location"].endswith("one_line_per_build/full"), path)
        page = self.ask("/one_line_per_build/full").text
        self.assertIn("<h1>Builds of full</h1>", page)
        self.assertIn("The configuration does not have this builder any more.", page)
        self.assertIn('href="../builders/full/builds/0"', page)
        self.assertNotIn("any more", self.ask("/one_line_per_build/other").text)
        self.assertEqual(self.ask("/builders/none").status, 404)

    def test_slave(self) -> None:
        """The address of a removed slave leads to its builds, too."""
        self.build(FIRST)
        self.edit("'bot1'", "'bot2'")
        self.assertTrue(self.reconfig()["applied"])
        answer = self.ask("/buildslaves/bot1")
        self.assertEqual(answer.status, 303)
        self.assertTrue(answer.headers["location"].endswith("one_line_per_build?slave=bot1"))
        self.assertIn("builds/0", self.ask("/one_line_per_build?slave=bot1").text)
        self.assertEqual(self.ask("/buildslaves/bot9").status, 404)

    def test_author(self) -> None:
        """The search finds the changes of a person, if it finds nothing else."""
        self.change(FIRST, "Eve <eve@example.org>")
        answer = self.ask("/search?q=EVE")
        self.assertEqual(answer.status, 303)
        self.assertTrue(answer.headers["location"].endswith("changes?author=EVE"))
        self.assertIn("Nothing is called %00.", self.ask("/search?q=%2500").text)

    def test_gone(self) -> None:
        """An open page of a removed builder without builds says why it ends."""
        stream = self.renamed()
        self.assertIn(b"There is no builder full.", stream.received())


class PropertyTests(HistoryCase):
    """The properties of a build on its page."""

    def test_passwords(self) -> None:
        """The password in the URL of a property is struck out."""
        properties = {"repository": "https://me:sekrit@h/r"}
        record = BuildRecord("full", None, "bot1", (), self.reactor.seconds(), properties=properties)
        number = self.successResultOf(self.store.startBuild(record)).number
        page = self.ask(f"/builders/full/builds/{number}").text
        self.assertIn("https://me:XXXX@h/r", page)
        self.assertNotIn("sekrit", page)


class RevisionTests(HistoryCase):
    """A person asks what became of a revision."""

    def test_builds(self) -> None:
        """All builds of a revision are shown, on every builder and with every try, and its change."""
        number = self.change(FIRST, who="<eve>")
        self.build(FIRST, 2)
        self.build(FIRST)
        self.build(FIRST, 0, "gone")
        self.build(SECOND)
        page = self.ask(f"/revision/{FIRST}").text
        self.assertIn("3 builds on 2 builders: 2 success, 1 failure.", page)
        for to in ("full/builds/0", "full/builds/1", "gone/builds/0"):
            self.assertIn(f'href="../builders/{to}"', page)
        self.assertNotIn("full/builds/2", page)
        self.assertIn(f'href="../changes/{number}"', page)
        self.assertIn("&lt;eve&gt;", page)

    def test_prefix(self) -> None:
        """Four characters are enough; if several revisions begin so, they are listed."""
        self.build(FIRST)
        self.assertIn(f"Revision {FIRST}", self.ask("/revision/abcd").text)
        self.build(SECOND)
        page = self.ask("/revision/abcd").text
        self.assertIn(f'href="../revision/{FIRST}"', page)
        self.assertIn(f'href="../revision/{SECOND}"', page)
        self.assertEqual(self.ask("/revision/abc").status, 404)

    def test_exact(self) -> None:
        """A short number of a revision is not the beginning of longer ones."""
        self.build("1234")
        self.build("12345")
        self.assertIn("Revision 1234<", self.ask("/revision/1234").text)

    def test_included(self) -> None:
        """A build of a later revision that includes the change is listed apart."""
        number = self.change(FIRST)
        self.build(SECOND, 0, "full", number)
        page = self.ask(f"/revision/{FIRST}").text
        self.assertIn("There are no builds of this revision.", page)
        self.assertIn("Also included in", page)


class SearchTests(HistoryCase):
    """A person searches."""

    def to(self, query: str) -> str:
        """The address that a search with one hit leads to."""
        answer = self.ask(f"/search?q={query}")
        self.assertEqual(answer.status, 303, answer.text)
        return answer.headers["location"]

    def test_oneHit(self) -> None:
        """One hit leads to its page: builder, slave, build, change or revision."""
        number = self.change(FIRST)
        self.build(SECOND)
        self.assertEqual(self.to("full"), "builders/full")
        self.assertEqual(self.to("FUL"), "builders/full")
        self.assertEqual(self.to("bot"), "buildslaves/bot1")
        for written in ("full/0", "full%230", "full+0", "full+%230"):
            self.assertEqual(self.to(written), "builders/full/builds/0")
        self.assertEqual(self.to(f"%23{number}"), f"changes/{number}")
        self.assertEqual(self.to("abcd1"), f"revision/{FIRST}")
        self.assertEqual(self.to(SECOND), f"revision/{SECOND}")

    def test_several(self) -> None:
        """Several hits are listed."""
        self.build(FIRST)
        self.build(SECOND)
        page = self.ask("/search?q=abcd").text
        self.assertIn(f'href="revision/{FIRST}"', page)
        self.assertIn(f'href="revision/{SECOND}"', page)

    def test_blanks(self) -> None:
        """A long text of blanks does not keep the master busy."""
        blanks = "+" * 990
        self.assertEqual(self.ask(f"/search?q=a{blanks}b").status, 200)
        took = leastEffort(lambda: self.ask(f"/search?q=a{blanks}b"), 1.0, time.thread_time)
        self.assertLess(took, 1.0)

    def test_none(self) -> None:
        """A search without a hit says so; markup in it is escaped."""
        self.assertIn("Nothing is called &lt;b&gt;.", self.ask("/search?q=%3Cb%3E").text)
        self.assertIn("Search for a builder", self.ask("/search").text)
        for odd in ("full/99", "/", "%23", "full/-1", "9999999999999"):
            self.assertEqual(self.ask(f"/search?q={odd}").status, 200, odd)


class ManyTests(HistoryCase):
    """A person searches in a master with names that are alike."""

    MORE = """
for each in ('Full', 'full-linux', 'linux-full', 'linux1-gcc', 'docs', 'docs-pdf', 'win 2.0', 'a/b', '1234',
        'linux', 'nightly'):
    c['builders'].append({'name': each, 'slavename': 'bot1', 'builddir': each.lower().replace('/', '') + '_',
        'factory': f})
c['bots'] += [(each, 'sekrit') for each in ('linux1', 'linux2', 'Win', 'docs', 'bot', 'mac-mini.example')]
"""

    def setUp(self) -> None:
        HistoryCase.setUp(self)
        self.edit("from buildbot.status import html", f"{self.MORE}from buildbot.status import html")
        self.assertEqual(self.reconfig()["errors"], [])
        for revision in (FIRST, SECOND, "1234", "5", "deadbeef01", "deadbeef0102", "v1.0-3-gabc"):
            self.change(revision)
        for builder in ("full", "full", "full-linux", "win 2.0", "a/b", "linux", "1234"):
            self.build(FIRST, 0, builder)

    def firstOf(self, query: str) -> str:
        """The page of the first hit."""
        answer = self.ask(f"/search?q={quote(query, safe='')}")
        if answer.status == 303:
            return answer.headers["location"]
        found = re.search(r'<td data-label="Name"><a href="([^"]*)"', answer.text)
        return unescape(found[1]) if found else ""

    def test_first(self) -> None:
        """The first hit of each of fifty searches is the right one (row 23)."""
        searches = {
            # builders: whole, folded, beginning, part
            **{"full": "builders/full", "Full": "builders/Full", "FULL": "builders/full"},
            **{"full-": "builders/full-linux", "-full": "builders/linux-full", "pdf": "builders/docs-pdf"},
            **{"linux-": "builders/linux-full", "gcc": "builders/linux1-gcc", "night": "builders/nightly"},
            **{"win 2": "builders/win%202.0", "2.0": "builders/win%202.0", "a/b": "builders/a%2Fb"},
            **{"A/B": "builders/a%2Fb", "nightly": "builders/nightly", " docs ": "builders/docs"},
            **{"DOCS": "builders/docs", "docs-": "builders/docs-pdf", "ightl": "builders/nightly"},
            # slaves
            **{"bot1": "buildslaves/bot1", "bot": "buildslaves/bot", "linux1": "buildslaves/linux1"},
            **{"linux2": "buildslaves/linux2", "Win": "buildslaves/Win", "WIN": "buildslaves/Win"},
            **{"mac": "buildslaves/mac-mini.example", "mini": "buildslaves/mac-mini.example"},
            **{"LINUX1": "buildslaves/linux1", "example": "buildslaves/mac-mini.example"},
            # builds
            **{"full/0": "builders/full/builds/0", "full/1": "builders/full/builds/1"},
            **{"full#1": "builders/full/builds/1", "full 1": "builders/full/builds/1"},
            **{"full #1": "builders/full/builds/1", "full-linux/0": "builders/full-linux/builds/0"},
            **{"win 2.0 #0": "builders/win%202.0/builds/0", "a/b/0": "builders/a%2Fb/builds/0"},
            **{"linux 0": "builders/linux/builds/0", "1234/0": "builders/1234/builds/0"},
            # changes and revisions
            **{"#1": "changes/1", "#5": "changes/5", "7": "changes/7", "2": "changes/2"},
            **{"5": "revision/5", "1234": "builders/1234", FIRST: f"revision/{FIRST}"},
            **{SECOND: f"revision/{SECOND}", "abcd2": f"revision/{SECOND}", "abcd": f"revision/{FIRST}"},
            **{"deadbeef01": "revision/deadbeef01", "dead": "revision/deadbeef01"},
            **{"deadbeef010": "revision/deadbeef0102", "v1.0": "revision/v1.0-3-gabc"},
        }
        self.assertGreaterEqual(len(searches), 50)
        for query, page in searches.items():
            self.assertEqual(self.firstOf(query), page, query)
