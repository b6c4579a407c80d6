"""The waterfall of a master that builds."""

from __future__ import annotations

import re
import time
from typing import Any

from twisted.internet.defer import Deferred

from buildbot.model.records import BuildRecord, StepRecord
from buildbot.web.looking import LONGEST
from buildbot.web.markup import Markup
from buildbot.web.pages.columns import UNIT, Box
from buildbot.web.pages.waterfall import BoxCache, boxesOf
from tests.stories.test_webpages import BuildingCase


class WaterfallTests(BuildingCase):
    """A person looks at the waterfall."""

    def test_boxes(self) -> None:
        """A build has a box for its start and one for each step; it is filtered by branch and builder."""
        self.assertEqual(self.ask("/waterfall").status, 200)
        self.force()
        self.wait(5)
        page = self.ask("/waterfall").text
        self.assertIn(">Build 0</a>", page)
        self.assertIn('class="BuildStep running"', page)
        self.commands[0].end(2)
        self.wait(2)
        self.commands[1].end(0)
        self.wait(2)
        page = self.ask("/waterfall").text
        self.assertIn('class="BuildStep failure"', page)
        self.assertIn('class="LastBuild box failure"', page)
        self.assertNotIn("Build 0", self.ask("/waterfall?branch=other").text)
        self.assertIn("Build 0", self.ask("/waterfall?branch=trunk&failures_only=1").text)
        self.assertNotIn("Build 0", self.ask("/waterfall?builder=none").text)
        self.assertNotIn("Build 0", self.ask("/waterfall?last_time=5").text)

    def test_reload(self) -> None:
        """A browser without script loads the page again after the seconds of the address, at least 15."""
        self.assertIn('content="15"', self.ask("/waterfall?reload=1").text)
        self.assertNotIn("http-equiv", self.ask("/waterfall").text)

    def test_help(self) -> None:
        """A form makes the address of a waterfall."""
        self.assertIn('value="full"', self.ask("/waterfall/help").text)

    def test_chosenInHelp(self) -> None:
        """The form has what the waterfall shows, which it would lose otherwise."""
        page = self.ask("/waterfall?show=full&branch=%22b%22&show_events=1&show_time=3600&num_events=7").text
        (query,) = re.findall(r'waterfall/help\?([^"]*)"', page)
        page = self.ask(f"/waterfall/help?{query.replace('&amp;', '&')}").text
        self.assertIn('name="builder" value="full" checked', page)
        self.assertIn('name="branch" value="&#34;b&#34;"', page.replace("&quot;", "&#34;"))
        self.assertIn('name="show_events" value="true" checked', page)
        self.assertNotIn('name="failures_only" value="true" checked', page)
        self.assertIn('<option value="3600" selected>', page)
        self.assertIn('name="num_events" type="number" min="1" value="7"', page)

    def test_until(self) -> None:
        """The time until which builds are shown is written as people write it; links go on from there."""
        page = self.ask("/waterfall?until=2h&builder=full")
        self.assertEqual(page.status, 200)
        self.assertNotIn("until=", page.text.partition("<main")[2].partition("<table")[0].partition("<h1")[2])
        self.assertIn("Newer", page.text)
        self.assertEqual(self.ask("/waterfall?until=never").status, 400)
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(86400))
        self.assertIn(f'name="until" value="{moment}"', self.ask("/waterfall/help?last_time=86400").text)
        self.assertIn('name="until" value=""', self.ask("/waterfall/help?last_time=x").text)

    def finish(self) -> None:
        """End both steps of the running build, the first with a failure."""
        self.commands[-1].end(2)
        self.wait(2)
        self.commands[-1].end(0)
        self.wait(2)

    def test_times(self) -> None:
        """Addresses of 0.7.12 with times show only that time; a span wins over the first time."""
        self.force()
        self.finish()
        now = int(self.reactor.seconds())
        for query, isThere in (
            ("show_time=1000", True),
            (f"show_time=1&last_time={now - 500}", False),
            (f"first_time={now - 900}", True),
            (f"first_time={now + 900}", False),
            (f"last_time={now}&show_time=900&first_time={now + 5}", True),
        ):
            self.assertEqual("Build 0" in self.ask(f"/waterfall?{query}").text, isThere, query)

    def test_filters(self) -> None:
        """Builds are chosen by the authors of their changes, and by their project."""
        self.force()
        self.finish()
        self.assertNotIn("Build 0", self.ask("/waterfall?committer=bob").text)
        self.assertNotIn("Build 0", self.ask("/waterfall?project=other").text)

    def test_redNow(self) -> None:
        """A builder with a red step now is among the broken ones; one that is good is not."""
        self.assertNotIn('href="builders/full"', self.ask("/waterfall?failures_only=1").text)
        self.force()
        self.commands[0].end(2)
        self.wait(2)
        self.assertIn('href="builders/full"', self.ask("/waterfall?failures_only=1").text)

    def test_timeLeft(self) -> None:
        """A running build and its step show the time left, once an earlier build has shown how long they
        take; and how late they are (row 8).
        """
        self.force()
        self.wait(30)
        self.commands[-1].end(0)
        self.wait(30)
        self.commands[-1].end(0)
        self.wait(2)
        self.force()
        self.assertRegex(self.ask("/waterfall").text, "1 min [01] s left")
        build = "/builders/full/builds/1"
        for path in ("/", build):
            self.assertRegex(self.ask(path).text, "1 min [01] s<", path)
        self.assertRegex(self.ask(build).text, r"\(3[01] s left\)")
        self.wait(50)
        for path in ("/", "/waterfall", build):
            self.assertRegex(self.ask(path).text, "3[01] s, (19|20) s later than usual", path)
        for path in (build, f"{build}/steps/compile"):
            self.assertRegex(self.ask(path).text, r"\((19|20) s later than usual\)", path)

    def test_room(self) -> None:
        """The kept boxes of finished builds are limited; the oldest are made again."""
        cache = BoxCache(room=300)
        for number in range(5):
            build = BuildRecord("full", number, "bot1", (), 5.0, finished=6.0)
            cache.put(build, (Box(5.0, 6.0, "x", Markup("y" * 50)),))
            cache.put(build, ())
        self.assertIsNone(cache.get("full", 0))
        self.assertIsNotNone(cache.get("full", 4))

    def test_read(self) -> None:
        """Only the builds that fill the rows are read; more rows show older builds, too."""
        for number in range(4):
            self.force(f"reason {number}")
            self.finish()
            self.wait(10)
        read: list[int] = []
        real = self.store.getBuild

        def getBuild(builder: str, number: int) -> Any:
            read.append(number)
            return real(builder, number)

        self.patch(self.store, "getBuild", getBuild)
        page = self.ask("/waterfall?num_events=2").text
        self.assertEqual((read, "Build 0</a>" in page), ([3], False))
        page = self.ask("/waterfall?num_events=100").text
        self.assertEqual(sorted(read), [0, 1, 2, 3])
        for number in range(4):
            self.assertIn(f">Build {number}</a>", page)

    def test_together(self) -> None:
        """The builds of many rows are read together: a busy master makes one of them wait as long as all."""
        for number in range(20):
            self.force(f"reason {number}")
            self.finish()
            self.wait(10)
        asked: list[tuple[Deferred[Any], Any]] = []
        real = self.store.getBuild

        def getBuild(builder: str, number: int) -> Any:
            asked.append((Deferred(), real(builder, number)))
            return asked[-1][0]

        self.patch(self.store, "getBuild", getBuild)
        connection = self.dial("127.0.0.1")
        connection.send(b"GET /waterfall HTTP/1.1\r\nHost: 127.0.0.1:8010\r\n\r\n")
        turns = 0
        while asked:
            turns, some, asked[:] = turns + 1, list(asked), []
            for done, found in some:
                found.chainDeferred(done)
            self.settle()
        self.assertEqual(turns, 1)
        self.assertIn(b">Build 0</a>", connection.received())

    def test_left(self) -> None:
        """Half an hour after the last look, boxes and rows are no longer in memory; they are read again."""
        self.force()
        self.finish()
        before = self.ask("/waterfall").text
        boxes = self.web.dispatcher.world.part(BoxCache)
        self.assertIsNotNone(boxes.get("full", 0))
        self.reactor.advance(LONGEST - 1)
        self.assertIsNotNone(boxes.get("full", 0))
        self.reactor.advance(1)
        self.assertIsNone(boxes.get("full", 0))
        self.assertIn(">Build 0</a>", before)
        self.assertIn(">Build 0</a>", self.ask("/waterfall").text)
        self.assertIsNotNone(boxes.get("full", 0))

    def test_unfinished(self) -> None:
        """A step without an end, of a build that was interrupted, ends with its build."""
        steps = (StepRecord("compile", 5.0),)
        boxes = boxesOf(BuildRecord("full", 0, "bot1", (), 5.0, finished=7.0, steps=steps), 900.0)
        self.assertEqual(boxes[-1].ends, 7 * UNIT)

    def test_hidden(self) -> None:
        """A hidden step has no box."""
        steps = (StepRecord("shown", 5.0, 6.0, 0), StepRecord("secret", 6.0, 7.0, 0, hidden=True))
        boxes = boxesOf(BuildRecord("full", 0, "bot1", (), 5.0, finished=7.0, steps=steps), 9.0)
        self.assertEqual(len(boxes), 2)
