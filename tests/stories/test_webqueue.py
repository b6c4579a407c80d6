"""The pages of waiting requests, schedulers and change sources."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from html import unescape

from twisted.internet.defer import ensureDeferred

from buildbot.changes.base import PollingChangeSource
from buildbot.model.change import Change
from buildbot.web.pages import builder as builderpages
from tests.stories.test_webpages import CONFIG
from tests.stories.web import WebWorld

MORE = (
    CONFIG
    + """
c['bots'] = [('bot1', 'sekrit', {'max_builds': 1}), *((f'bot{each}', 'sekrit') for each in (2, 3, 4))]
c['builders'] += [
    {'name': 'lonely', 'slavename': 'bot2', 'builddir': 'lonely', 'factory': f},
    {'name': 'left', 'slavename': 'bot3', 'builddir': 'left', 'factory': f},
    {'name': 'limited', 'slavename': 'bot1', 'builddir': 'limited', 'factory': f},
    {'name': 'refused', 'slavename': 'bot1', 'builddir': 'refused', 'factory': f},
    {'name': 'later', 'slavename': 'bot4', 'builddir': 'later', 'factory': f},
]
c['prioritizeBuilders'] = lambda botmaster, builders: [each for each in builders if each.name != 'later']
from buildbot.scheduler import Dependent, Nightly, Periodic, Scheduler, Triggerable
first = Scheduler('quick', None, 120, ['full'])
c['schedulers'] = [
    first,
    Dependent('after', first, ['lonely']),
    Periodic('often', ['full'], 3600),
    Nightly('late', ['full'], hour=3, minute=0),
    Triggerable('called', ['lonely']),
]
"""
)


class Poller(PollingChangeSource):
    """A poller whose first look fails."""

    looks = 0

    def poll(self) -> None:
        self.looks += 1
        if self.looks == 1:
            raise OSError("no route to <host>")
        self.found = 3

    def describe(self) -> str:
        return "the <poller>"


class QueueCase(WebWorld):
    """A master with busy, absent and impossible slaves."""

    STATUS = ""

    def setUp(self) -> None:
        WebWorld.setUp(self)
        self.write(MORE.replace("http_port=8010", "http_port=8010, allowForce=True"))
        self.successResultOf(self.start())
        self.connect(onCommand=lambda command: None)
        self.master.botmaster.slaves["bot1"].slave_status.failing = {"refused": "no disk"}

    def force(self, builder: str, reason: str = "r") -> None:
        """Force a build."""
        ensureDeferred(self.master.commands["force"](builder, reason=reason, who="ann"))
        self.settle()
        self.reactor.advance(0)
        self.settle()


class QueueTests(QueueCase):
    """A person asks why nothing happens."""

    def test_empty(self) -> None:
        """An empty queue says so."""
        self.assertIn("Nothing waits.", self.ask("/queue").text)

    def test_busy(self) -> None:
        """Requests for a builder that is busy show the reason, and how many are ahead."""
        for reason in ("one", "<two>", "three"):
            self.force("full", reason)
        page = self.ask("/queue").text
        self.assertIn("3 requests of 1 builder waiting", page)
        self.assertIn("slave bot1: building for this builder", page)
        self.assertIn("&lt;two&gt;", page)
        self.assertIn('<td data-label="Ahead">2</td>', page)
        self.assertNotIn("impossible", page)
        to = "builders/full/cancelbuild?id=3&amp;came-from=%2Fqueue"
        self.assertIn(f'<a href="{to}"><span class="whole">Cancel 3</span></a>', page)

    def test_many(self) -> None:
        """The page of a builder shows some requests, with a link to all of them."""
        self.patch(builderpages, "MOST_WAITING", 2)
        for reason in ("one", "two"):
            self.force("full", reason)
        self.assertNotIn("of them</a>", self.ask("/builders/full").text)
        self.force("full", "three")
        page = self.ask("/builders/full").text
        self.assertIn('<a href="../queue?builder=full">All 3 of them</a>', page)
        self.assertNotIn("three", page)

    def test_offline(self) -> None:
        """A request whose slave is away waits; it is not impossible."""
        self.force("lonely")
        page = self.ask("/queue").text
        self.assertIn("slave bot2: not seen since the master started", page)
        self.assertNotIn("no slave can ever build", page)

    def test_impossible(self) -> None:
        """A request that each slave refuses is told apart from one that waits for a busy slave."""
        self.master.botmaster.builders["refused"].attachedSlaves.clear()
        self.force("refused")
        page = self.ask("/queue").text
        self.assertIn("no slave can ever build 1 of them", page)
        self.assertIn("cannot use this builder (no disk)", page)

    def test_causes(self) -> None:
        """The queue, the first page and the page of the builder say of each of eight causes what the builder
        itself says (row 6).
        """
        botmaster = self.master.botmaster
        for builder in ("full", "lonely", "limited"):  # a periodic build is running on "full"
            self.force(builder)
        self.says("slave bot1: building for this builder")
        self.says("slave bot1: busy with 1 build, which is the limit")
        self.says("slave bot2: not seen since the master started")
        gone = self.connect(name="bot3")
        gone.pump.client.loseConnection()
        self.settle()
        self.force("left")
        self.says("slave bot3: offline since")
        ensureDeferred(self.master.commands["pause"]("bot3", why="new <disk>", who="ann"))
        self.settle()
        self.says("new <disk>")
        botmaster.builders["refused"].attachedSlaves.clear()
        self.force("refused")
        self.says("no slave can ever build this: slave bot1: cannot use this builder (no disk)")
        self.connect(name="bot4", onCommand=lambda command: None)
        self.force("later")
        self.says("prioritizeBuilders of the configuration leaves this builder out")
        botmaster.health.trouble = "disk full"
        self.says("no build can be recorded: disk full")
        botmaster.health.trouble = ""

    def says(self, words: str) -> None:
        """The page gives this reason, and the reason of each builder."""
        self.wait(2)
        page = unescape(self.ask("/queue").text)
        self.assertIn(words, page)
        home = unescape(self.ask("/").text)
        for builder in self.master.botmaster.builders.values():
            for each in (page, home, unescape(self.ask(f"/builders/{builder.name}").text)):
                self.assertIn(builder.whyWaiting(), each)

    def test_chosen(self) -> None:
        """The list can be reduced to some builders, and is shown in pages."""
        self.force("lonely")
        self.assertIn("Nothing waits.", self.ask("/queue?builder=full").text)
        for _ in range(101):
            self.force("lonely")
        self.assertIn('href="queue?skip=100&amp;builder=lonely"', self.ask("/queue?builder=lonely").text)
        self.assertIn(
            'href="queue?skip=0&amp;builder=lonely"', self.ask("/queue?builder=lonely&skip=100").text
        )


class SchedulersTests(QueueCase):
    """A person asks what fires next."""

    def test_list(self) -> None:
        """Each scheduler shows what it waits for, and the timed ones their next build."""
        page = self.ask("/schedulers").text
        self.assertIn("a change of the main line, then for 2 min without another one", page)
        self.assertIn("a build set without failures of the scheduler quick", page)
        self.assertIn("its time, each 1 h", page)
        self.assertIn("(in 1 h 0 min)", page)
        self.assertIn('href="schedulers/late"', page)

    def test_times(self) -> None:
        """Periodic and nightly builds have their next times, and a scheduler with changes the end of its
        quiet time; a dependent and a triggered one say what they wait for (row 9).
        """
        late = datetime.fromtimestamp(self.reactor.seconds()).replace(hour=3, minute=0, second=0)
        if late.timestamp() <= self.reactor.seconds():
            late += timedelta(days=1)
        self.nextOf("late", "its time", late.timestamp())
        self.nextOf("often", "its time, each 1 h", self.reactor.seconds() + 3600, within=2)
        self.nextOf("after", "a build set without failures of the scheduler quick", None)
        self.nextOf("called", "a step that triggers it", None)
        self.nextOf("quick", "a change of the main line, then for 2 min without another one", None)
        self.successResultOf(self.master.addChange(Change("eve", ["a.c"], "words")))
        quiet = self.reactor.seconds() + 120
        self.wait(60)
        self.nextOf("quick", "a change of the main line", quiet, within=2)
        self.wait(70)
        self.nextOf("quick", "a change of the main line", None)
        self.reactor.advance(late.timestamp() - self.reactor.seconds() + 60)
        self.wait(2)
        self.nextOf("late", "its time", late.timestamp() + 86400)

    def nextOf(self, name: str, waits: str, when: float | None, within: float = 0) -> None:
        """The list shows what a scheduler waits for, and the time of its next build."""
        row = self.ask("/schedulers").text.partition(f'href="schedulers/{name}"')[2].partition("</tr>")[0]
        self.assertIn(waits, row)
        times = [
            datetime.strptime(each, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
            for each in re.findall(r'datetime="([^"]*)"', row)
        ]
        if when is None:
            self.assertEqual(times, [], name)
        else:
            self.assertApproximates(times[0], when, within + 1)
            self.assertIn("(in ", row)

    def test_pending(self) -> None:
        """A scheduler lists the changes of its next build, with its time."""
        self.successResultOf(self.master.addChange(Change("<eve>", ["a.c"], "words", revision="12ab")))
        self.wait(1)
        page = self.ask("/schedulers/quick").text
        self.assertIn("1 change pending.", page)
        self.assertIn("&lt;eve&gt;", page)
        self.assertIn("(in 1 min 59 s)", page)

    def test_triggeredBy(self) -> None:
        """The page of a scheduler links the builders whose steps trigger it."""
        step = (
            "from buildbot.steps.trigger import Trigger\nfrom buildbot.process.factory import BuildFactory\n"
        )
        made = "c['builders'][0]['factory'] = BuildFactory([Trigger(schedulerNames=['called'])])\n"
        self.assertNotIn("Triggered by", self.ask("/schedulers/called").text)
        self.write(MORE + step + made)
        self.reconfig()
        page = self.ask("/schedulers/called").text.partition("Triggered by")[2]
        self.assertIn('href="../builders/full"', page)

    def test_missing(self) -> None:
        """An unknown scheduler is told, with a guess."""
        page = self.ask("/schedulers/quik")
        self.assertEqual(page.status, 404)
        self.assertIn("Did you mean quick?", page.text)

    def test_sources(self) -> None:
        """A poller shows its last look, its error, and the number of its changes."""
        poller = Poller()
        poller.setServiceParent(self.master.change_svc)
        self.assertIn("not yet", self.ask("/schedulers").text)
        self.wait(11)
        page = self.ask("/schedulers").text
        self.assertIn("no route to &lt;host&gt;", page)
        self.assertIn("the &lt;poller&gt;", page)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.successResultOf(poller.doPoll())
        self.wait(2)
        page = self.ask("/schedulers").text
        self.assertNotIn("no route", page)
        self.assertIn('<td data-label="Changes since its start">3</td>', page)
