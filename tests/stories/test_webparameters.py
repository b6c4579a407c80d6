"""The parameters of the pages of 0.7 and 0.8: each page takes all of them, and each does what it did."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord, LogRecord, StepRecord
from buildbot.web.table import TABLE
from tests.stories.test_webpages import CONFIG
from tests.stories.web import WebWorld

#: The parameters of each page, in 0.7.5 to 0.8.14.
FEED = "builder show category tag branch committer project first_time last_time show_time failures_only"
GRID = "category tag branch reload"
PARAMETERS = {
    "/waterfall": f"{FEED} num_events show_events reload nobubble phase",
    "/rss": FEED,
    "/atom": FEED,
    "/grid": f"{GRID} width length",
    "/tgrid": f"{GRID} width length rev_order",
    "/console": f"{GRID} builder name revs repository project codebase",
    "/one_line_per_build": "builder branch numbuilds reload",
    "/one_line_per_build/{builder}": "branch numbuilds reload",
    "/one_box_per_builder": "builder branch tag category",
    "/builders": "builder branch tag category",
    "/builders/{builder}": "numbuilds maxsearch",
    "/buildslaves/{slave}": "numbuilds maxsearch",
    "/buildslaves": "no_builders",
    "/png": "builder number size revision",
}
MORE = (
    CONFIG
    + """
c['bots'].append(('bot2', 'sekrit'))
c['builders'] = [
    {'name': name, 'slavename': slave, 'builddir': name, 'factory': f, 'category': category}
    for name, slave, category in (('one', 'bot1', 'fast'), ('two', 'bot1', 'slow'), ('away', 'bot2', 'slow'),
        ('three', 'bot1', 'fast'))
]
"""
)
#: The builds: builder, number, and what is special about it. They start at 1000, 1100, ...
BUILDS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("one", {}),
    ("one", {"branch": "dev", "who": "eve"}),
    ("two", {"results": 2, "project": "lamp"}),
    ("two", {"results": 2, "project": "lamp", "repository": "git://h/r"}),
    ("three", {"revision": "r99"}),
)
HEADS = re.compile(r'class="Builder"><a href="builders/(\w+)"')
BOXES = re.compile(r'href="builders/(\w+)/builds/(\d+)">Build')


class ParameterCase(WebWorld):
    """A master with four builders, one of them without builds and slave, and five builds."""

    STATUS = ""

    def setUp(self) -> None:
        WebWorld.setUp(self)
        self.write(MORE)
        self.successResultOf(self.store.open())
        for place, (builder, special) in enumerate(BUILDS):
            self.build(builder, 1000.0 + 100 * place, special)
        self.successResultOf(self.store.close())
        self.successResultOf(self.start())
        self.connect(onCommand=lambda command: None)
        self.reactor.advance(5000 - self.reactor.seconds())

    def build(self, builder: str, started: float, special: Mapping[str, Any]) -> None:
        """Store a finished build with its change."""
        given: dict[str, Any] = {"revision": f"r{started:.0f}", "project": "", "repository": "", **special}
        who = given.pop("who", "ann")
        results = given.pop("results", 0)
        change = Change(who, ["a.c"], "words", revision=given["revision"], branch=given.get("branch"))
        number = self.successResultOf(self.store.addChange(change, started)).number
        source = {**given, "changes": [{"number": number, "who": who, "revision": given["revision"]}]}
        source.setdefault("branch", None)
        begun = self.successResultOf(
            self.store.startBuild(BuildRecord(builder, None, "bot1", (), started, sourcestamp=source))
        )
        log = LogRecord("stdio", "none", 7, 7)
        step = StepRecord("compile", started + 1, started + 50, results, ("compile", "done"), logs=(log,))
        self.successResultOf(
            self.store.finishBuild(
                BuildRecord(
                    *(builder, begun.number, "bot1", (), started, started + 50, results, ("done",)),
                    sourcestamp=source,
                    steps=(step,),
                )
            )
        )


class TableTests(ParameterCase):
    """Addresses of old masters are opened."""

    def test_known(self) -> None:
        """Each page knows all parameters that it had (row 14)."""
        for path, names in PARAMETERS.items():
            (route,) = [each for each in TABLE if each.path == path and each.method == "GET"]
            self.assertEqual(set(names.split()) - {each.name for each in route.parameters}, set(), path)

    def test_empty(self) -> None:
        """Empty fields of a form mean nothing."""
        for path, names in PARAMETERS.items():
            if "{" not in path and path != "/png":
                query = "&".join(f"{name}=" for name in names.split() if name not in ("rev_order",))
                self.assertIn(self.ask(f"{path}?{query}").status, (200, 301), path)

    def test_noText(self) -> None:
        """A text of the address is not put on the page, as alert_msg was."""
        for path in ("/", "/builders", "/waterfall"):
            self.assertNotIn("call me", self.ask(f"{path}?alert_msg=call+me").text)


class WaterfallTests(ParameterCase):
    """The parameters of the waterfall."""

    def seen(self, query: str) -> tuple[list[str], list[str]]:
        """The columns and the builds of a waterfall."""
        page = self.ask(f"/waterfall?{query}")
        self.assertEqual(page.status, 200, query)
        return HEADS.findall(page.text), sorted(
            f"{name}/{number}" for name, number in BOXES.findall(page.text)
        )

    def test_each(self) -> None:
        """Each parameter chooses columns or builds."""
        every = ["one", "two", "away", "three"]
        builds = ["one/0", "one/1", "three/0", "two/0", "two/1"]
        for query, columns, boxes in (
            ("", every, builds),
            ("builder=two&builder=one", ["two", "one"], ["one/0", "one/1", "two/0", "two/1"]),
            ("show=three", ["three"], ["three/0"]),
            ("category=slow", ["two", "away"], ["two/0", "two/1"]),
            ("tag=fast", ["one", "three"], ["one/0", "one/1", "three/0"]),
            ("branch=dev", every, ["one/1"]),
            ("branch=dev&branch=trunk", every, builds),
            ("branch=trunk", every, ["one/0", "three/0", "two/0", "two/1"]),
            ("committer=eve", every, ["one/1"]),
            ("project=lamp", every, ["two/0", "two/1"]),
            ("first_time=1200", every, ["three/0", "two/0", "two/1"]),
            ("last_time=1150", every, ["one/0", "one/1"]),
            ("show_time=150&last_time=1250&first_time=5", every, ["one/1", "two/0"]),
            ("failures_only=true", ["two", "away"], ["two/0", "two/1"]),
            ("nobubble=1&phase=2", every, builds),
        ):
            self.assertEqual(self.seen(query), (columns, boxes), query)

    def test_rows(self) -> None:
        """num_events limits the rows; show_events adds the events of slaves; reload loads the page again."""
        self.assertEqual(self.ask("/waterfall?num_events=3").text.count("<tr>"), 3 + 3 + 1)
        self.assertNotIn('class="Event"', self.ask("/waterfall").text)
        self.assertIn('class="Event"', self.ask("/waterfall?show_events=true").text)
        self.assertIn('content="60"', self.ask("/waterfall?reload=60").text)

    def test_older(self) -> None:
        """Links lead to the time before and after, and keep the other parameters."""
        page = self.ask("/waterfall?category=fast&show_time=100&last_time=1150").text
        self.assertIn('href="waterfall?category=fast&amp;last_time=1050&amp;show_time=100">Older', page)
        self.assertIn('href="waterfall?category=fast&amp;last_time=1250&amp;show_time=100">Newer', page)
        page = self.ask("/waterfall?category=fast").text
        self.assertIn('href="waterfall?category=fast&amp;last_time=999">Older', page)
        self.assertNotIn(">Newer<", page)

    def test_fold(self) -> None:
        """A category is folded into one column with numbers, and unfolded again."""
        page = self.ask("/waterfall").text
        self.assertIn('href="waterfall?fold=slow" aria-label="fold slow">fold</a>', page)
        page = self.ask("/waterfall?reload=20&fold=slow").text
        self.assertEqual(HEADS.findall(page), ["one", "three"])
        self.assertIn('class="Builder">2 builders</th>', page)
        self.assertIn("<td>1 failure</td>", page)
        self.assertIn("<td>1 idle, 1 offline</td>", page)
        self.assertNotIn("builders/two/", page)
        self.assertIn('href="waterfall?reload=20" aria-label="unfold slow">unfold</a>', page)
        self.assertNotIn("colgroup", self.ask("/waterfall?category=slow").text)

    def test_logs(self) -> None:
        """The box of a step has its text, and its logs as links (row 12)."""
        page = self.ask("/waterfall?builder=three").text
        self.assertIn("</span> compile</a> compile done ", page)
        self.assertIn('<a href="builders/three/builds/0/steps/compile/logs/stdio">stdio</a>', page)

    def test_form(self) -> None:
        """The form has a field for each parameter, and what it sends is understood."""
        form = self.ask("/waterfall/help").text
        fields = set(re.findall(r'name="(\w+)"', form.partition("<main")[2]))
        wanted = "builder category branch committer project failures_only show_events show_time until"
        self.assertEqual({*wanted.split(), "num_events", "reload"} - fields, set())
        query = "category=fast&branch=&committer=&project=&show_time=&until=&num_events=200&reload="
        self.assertEqual(self.seen(query), (["one", "three"], ["one/0", "one/1", "three/0"]))


class OtherTests(ParameterCase):
    """The parameters of the other pages."""

    def test_feeds(self) -> None:
        """The feeds have the filters of the waterfall."""
        for query, builds in (
            ("", ["two/builds/1", "two/builds/0"]),
            ("show=one", []),
            ("builder=two&first_time=1300", ["two/builds/1"]),
            ("last_time=1300", ["two/builds/0"]),
            ("project=other", []),
            ("project=lamp&failures_only=1", ["two/builds/1", "two/builds/0"]),
            ("category=fast", []),
            ("committer=eve", []),
        ):
            for path in ("/atom", "/rss"):
                text = self.ask(f"{path}?{query}").text
                found = list(dict.fromkeys(re.findall(r"builders/(two/builds/\d)", text)))
                self.assertEqual(found, builds, (path, query))

    def test_png(self) -> None:
        """The image shows the last build, or the one of a number or a revision."""
        images = {
            query: self.ask(f"/png?builder=one{query}").body
            for query in ("", "&number=0", "&number=-2", "&number=-9", "&revision=r1000", "&revision=none")
        }
        good, unknown = images[""], images["&revision=none"]
        self.assertNotEqual(good, unknown)
        for query in ("&number=0", "&number=-2", "&revision=r1000"):
            self.assertEqual(images[query], good, query)
        self.assertEqual(images["&number=-9"], unknown)
        self.assertEqual(self.ask("/png?builder=two&number=7").body, self.ask("/png?builder=away").body)
        self.assertEqual(self.ask("/png?builder=gone").status, 404)

    def test_lists(self) -> None:
        """The lists of builders and builds are reduced."""
        to = self.ask("/one_box_per_builder?tag=fast").headers["location"]
        self.assertEqual(to, "builders?tag=fast")
        for query, shown in (
            ("tag=fast", ["one", "three"]),
            ("category=slow", ["two", "away"]),
            ("builder=two", ["two"]),
        ):
            page = self.ask(f"/builders?{query}").text
            self.assertEqual(re.findall(r'"Builder"><a href="builders/(\w+)"', page), shown, query)
        self.assertNotIn("#1", self.ask("/builders?branch=trunk&builder=one").text)
        self.assertEqual(
            self.ask("/builders/one?numbuilds=1&maxsearch=5").text.count('data-label="Build"'), 1
        )
        self.assertEqual(self.ask("/buildslaves/bot1?numbuilds=2&maxsearch=5").text.count('"Build"'), 2)
        self.assertNotIn("builders/one", self.ask("/buildslaves?no_builders=1").text.partition("<main")[2])


class ManyTests(WebWorld):
    """A master with 200 builders."""

    STATUS = ""

    def test_all(self) -> None:
        """A waterfall of 200 columns has all heads: idle, offline and never built ones, too (row 11)."""
        self.write(
            MORE
            + """
c['builders'] = [{'name': 'b%03d' % each, 'slavename': 'bot2' if each < 5 else 'bot1', 'factory': f,
    'builddir': 'b%d' % each} for each in range(200)]
"""
        )
        self.successResultOf(self.start())
        self.connect(onCommand=lambda command: None)
        for number in range(25, 200):
            record = BuildRecord(f"b{number:03d}", None, "bot1", (), 10.0 + number)
            self.successResultOf(self.store.startBuild(record))
        page = self.ask("/waterfall").text
        self.assertEqual(HEADS.findall(page), [f"b{number:03d}" for number in range(200)])
        self.assertEqual(page.count('<td class="Activity offline">'), 5)
        self.assertEqual(page.count('<td class="Activity idle">'), 195)
        self.assertEqual(len(BOXES.findall(page)), 100)  # 200 rows
