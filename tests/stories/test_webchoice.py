"""Long lists of the web, from which a person chooses, and the pages about a change and about the disk."""

from __future__ import annotations

import re

from twisted.internet.defer import ensureDeferred, execute, fail

from buildbot.changes.changes import Change
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.store.interface import StoreFailed
from tests.stories.test_webpages import CONFIG, BuildingCase


class ChoiceTests(BuildingCase):
    """A master with changes and builds."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(self.master.botmaster.retention.logs, "inThread", execute)
        hash = "a" * 40
        for who, branch, revision in (
            ("ann", None, "r1"),
            ("Bob <b>", "topic", hash),
            ("ann", "topic", "r3"),
        ):
            change = Change(who, ["a.c"], f"work of {who}", branch=branch, revision=revision)
            self.successResultOf(self.master.addChange(change))

    def numbers(self, path: str) -> list[int]:
        """The changes that a page lists."""
        return [int(each) for each in re.findall(r">#([0-9]+)</a>", self.ask(path).text)]

    def end(self, code: int) -> None:
        """Force a build, and end it."""
        self.force()
        for _ in range(2):
            self.commands[-1].end(code)
            self.wait(2)

    def test_changes(self) -> None:
        """Changes are chosen by author, branch, revision and time; an empty field chooses all."""
        for query, expected in (
            ("", [3, 2, 1]),
            ("?author=&branch=&revision=&since=&until=", [3, 2, 1]),
            ("?author=BOB", [2]),
            ("?author=ann&branch=topic", [3]),
            ("?branch=trunk", [1]),
            ("?revision=aaaaaaaa", [2]),
            ("?since=2100-01-01", []),
            ("?author=ann&before=3", [1]),
        ):
            self.assertEqual(self.numbers(f"/changes{query}"), expected, query)
        self.assertIn("No change meets these conditions.", self.ask("/changes?author=nobody").text)

    def test_narrowed(self) -> None:
        """A list says which builders the address chooses, and has a link to all; an empty list says why."""
        for path in ("builders", "queue", "grid", "console", "one_line_per_build"):
            page = self.ask(f"/{path}?builder=full&builder=&tag=%3Cb%3E").text
            self.assertIn(f'Only builder full, tag &lt;b&gt;. <a href="{path}">Show all</a>', page)
            self.assertNotIn("<p>Only ", self.ask(f"/{path}").text, path)
        self.assertIn("No builder meets these conditions.", self.ask("/builders?tag=none").text)
        self.assertIn("No build meets these conditions.", self.ask("/grid?branch=none").text)
        self.assertIn("No change meets these conditions.", self.ask("/console?name=nobody").text)

    def test_form(self) -> None:
        """The form shows what is chosen, and the link to older changes keeps it."""
        page = self.ask("/changes?author=ann&numchanges=1").text
        self.assertIn('name="author" value="ann"', page)
        self.assertIn('<details class="act" open>', page)
        self.assertIn('<a href="changes">Show all</a></form>', page)
        self.assertIn('<details class="act"><summary>Choose changes', self.ask("/changes").text)
        self.assertNotIn("Show all", self.ask("/changes").text)
        self.assertIn("author=ann", page)
        (older,) = re.findall(r'href="[^"]*\?([^"]*before=3[^"]*)"', page)
        self.assertEqual(self.numbers(f"/changes?{older.replace('&amp;', '&')}"), [1])

    def test_wrong(self) -> None:
        """A time that is none is told, with examples; what was typed cannot become a part of the page."""
        for path in ("/changes", "/one_line_per_build"):
            answer = self.ask(f"{path}?since=%3Cscript%3E")
            self.assertEqual(answer.status, 400)
            self.assertIn("2h, 3d or 1w", answer.text)
            self.assertNotIn("<script>", answer.text)

    def test_change(self) -> None:
        """The page of a change shows its builds, running and finished; or that there is none."""
        self.assertIn("No build has it.", self.ask("/changes/1").text)
        change = self.successResultOf(self.master.botmaster.store.getChange(1))
        assert change is not None
        for _ in range(2):
            buildset = BuildSet(["full"], SourceStamp(changes=[change]), "commit")
            self.successResultOf(ensureDeferred(self.master.submitBuildSet(buildset)))
            self.wait(2)
        page = self.ask("/changes/1").text
        self.assertIn("builders/full/builds/0", page)
        self.assertIn(">full</a> waits: ", page)
        self.assertNotIn("builders/full/builds/0", self.ask("/changes/2").text)

    def test_builds(self) -> None:
        """Builds are chosen by slave, outcome, revision and time; the form keeps the chosen builders."""
        self.end(1)
        self.end(0)

        def builds(query: str) -> list[str]:
            return re.findall(r"builds/([0-9]+)", self.ask(f"/one_line_per_build?{query}").text)

        self.assertEqual(builds("failed=true"), ["0"])
        self.assertEqual(builds("slave=bot1&failed=false"), ["1", "0"])
        self.assertEqual(builds("slave=&revision=&since=&until=&branch="), ["1", "0"])
        self.assertEqual(builds("slave=bot9"), [])
        self.assertEqual(builds("since=2100-01-01"), [])
        page = self.ask("/one_line_per_build?builder=full&slave=bot9").text
        self.assertIn('type="hidden" name="builder" value="full"', page)
        self.assertIn("No build meets these conditions.", page)

    def test_disk(self) -> None:
        """Only an administrator sees what takes room."""
        self.end(0)
        self.assertIn(self.ask("/about/disk").status, (401, 403))
        self.assertNotIn("what takes room", self.ask("/about").text)
        rights = "from buildbot.status.web.authz import Authz\n"
        self.write(rights + CONFIG.replace("http_port=8010", "http_port=8010, authz=Authz(admin=True)"))
        self.reconfig()
        page = self.ask("/about/disk")
        self.assertEqual(page.status, 200)
        for words in ("Logs of each builder", "the last 500", "builders/full"):
            self.assertIn(words, page.text)
        self.assertIn("what takes room", self.ask("/about").text)
        self.patch(self.store, "countBuilds", lambda: fail(StoreFailed("no route to host")))
        page = self.ask("/about/disk")
        self.assertEqual(page.status, 200)
        self.assertIn("the store does not answer: no route to host", page.text)
        self.assertNotIn("Next removal", page.text)
