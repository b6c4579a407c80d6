"""Very many requests wait: only the oldest are in memory, and nobody can tell."""

from __future__ import annotations

import gc
import json
import random
import re
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from twisted.internet.defer import ensureDeferred

from buildbot.control.client import ControlError
from buildbot.model.change import Change
from buildbot.model.results import SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process import resources
from buildbot.process.buildset import BuildSet
from buildbot.process.request import BuildRequest
from buildbot.status.base import StatusReceiver
from tests.examples import THOROUGH
from tests.garbage import setOthersAside
from tests.schedulers import TestStore
from tests.stories.web import WebWorld

CONFIG = """
from buildbot.process.factory import BuildFactory
from buildbot.scheduler import Scheduler
from buildbot.status import html
from buildbot.steps.shell import ShellCommand
c = BuildmasterConfig = {}
c['bots'] = [(name, 'sekrit') for name in ('bot1', 'bot2')]
c['slavePortnum'] = 9989
f = BuildFactory([ShellCommand(name='compile', command=['make'])])
c['builders'] = [{'name': name, 'slavenames': ['bot1', 'bot2'], 'builddir': name, 'factory': f}
    for name in BUILDERS]
c['schedulers'] = [Scheduler('quick', 'a', 5, BUILDERS)]
c['mergeRequests'] = MERGE
c['status'] = [html.WebStatus(http_port=8010, allowForce=True)]
"""
#: The configurations: builders, and C{mergeRequests}.
PLANS = (
    ("['full', 'quick']", "True"),
    ("['full', 'quick']", "False"),
    ("['full']", "True"),
    ("['full', 'quick']", "lambda builder, one, other: one.source.branch == other.source.branch"),
)
OWN = {"Origin": "http://127.0.0.1:8010", "Sec_Fetch_Site": "same-origin"}
SEEDS = range(3) if THOROUGH else [random.randrange(1000)]
STEPS = 90 if THOROUGH else 25


def _requests() -> list[BuildRequest]:
    """All requests that are used and are not set aside, whoever made them."""
    gc.collect()
    return [each for each in gc.get_objects() if type(each) is BuildRequest]


class BacklogCase(WebWorld):
    """A master with a store that can be slow."""

    STATUS = ""
    #: The most waiting requests of a builder in memory.
    most = 3

    def setUp(self) -> None:
        super().setUp()
        self.store: TestStore = TestStore()
        self.running: list[Any] = []
        self.plan(0)

    def plan(self, number: int) -> None:
        """Write a configuration."""
        builders, merge = PLANS[number]
        self.builders = eval(builders)
        self.write(CONFIG.replace("BUILDERS", builders).replace("MERGE", merge))

    def begin(self) -> None:
        """Start the master."""
        self.patch(resources, "MOST_WAITING", self.most)
        starting = self.start()
        self.settle()
        self.successResultOf(starting)

    def settle(self) -> None:
        super().settle()
        while isinstance(self.store, TestStore) and self.store.flush():
            self.reactor.advance(0)
            super().settle()

    def done(self, command: str, **params: Any) -> Any:
        """The answer of a command, or its error."""

        async def ask() -> Any:
            try:
                answer = self.master.commands[command](**params)
                return await answer if isawaitable(answer) else answer
            except ControlError as error:
                return str(error)

        asked = ensureDeferred(ask())
        self.settle()
        self.wait(3)  # it may wait for the build
        return self.successResultOf(asked)

    def force(self, branch: str | None = None, builder: str = "full", **more: Any) -> Any:
        """Force a build."""
        return self.done("force", builder=builder, branch=branch, **more)

    def waiting(self) -> list[int]:
        """The numbers of the waiting requests, from the API."""
        return [each["id"] for each in self.ask("/api/v1/requests?limit=1000").json["requests"]]

    def come(self, name: str = "bot1") -> None:
        """A slave connects."""
        self.connect(name=name, onCommand=self.running.append)

    def end(self, number: int = 0) -> None:
        """A command of a slave ends."""
        self.running.pop(number).end(0)
        self.settle()
        self.wait(1)

    def go(self) -> None:
        """All slaves go away."""
        for slave in self.slaves:
            assert slave.pump is not None
            slave.pump.client.abortConnection()
            slave.pump.pump()
        self.slaves.clear()
        self.running.clear()
        self.settle()

    def again(self) -> None:
        """The master stops, and starts again."""
        self.stop()
        self.connections.clear()
        self.slaves.clear()
        self.running.clear()
        self.begin()

    def served(self, builder: str = "full") -> list[tuple[int, ...]]:
        """The requests of each build, the oldest first."""
        asked = self.store.getBuilds(builder, 1000)
        self.settle()
        return [build.requests for build in self.successResultOf(asked)][::-1]


class FewTests(BacklogCase):
    """Three requests of a builder are in memory."""

    def setUp(self) -> None:
        super().setUp()
        self.begin()

    def inMemory(self) -> int:
        """The number of requests of the builder in memory."""
        return len(self.master.botmaster.builders["full"].pending)

    def test_memory(self) -> None:
        """Of twenty requests, few are in memory, also after a restart; all are counted and listed."""
        for number in range(20):
            self.force(f"b{number}")
        for _ in range(2):
            self.assertLessEqual(self.inMemory(), 3)
            self.assertEqual(self.waiting(), list(range(1, 21)))
            (found,) = self.status()["master"]["waiting"]
            self.assertEqual(found["requests"], 20)
            self.assertEqual(self.ask("/api/v1/builders/full").json["pending"], 20)
            self.assertIn("20 requests of 1 builder waiting", self.ask("/queue").text)
            self.assertIn("20 waiting", self.ask("/builders/full").text)
            self.assertRegex(self.ask("/metrics").text, r'buildbot_requests_pending\{builder="full"\} 20')
            self.again()

    def test_objects(self) -> None:
        """Very many sets that come while the master runs leave no objects, but those that somebody uses."""
        setOthersAside(self)
        engine = self.master.botmaster.engine
        ends: list[Any] = []

        def submit(count: int) -> BuildSet:
            """Submit sets; return the last one."""
            for _ in range(count):
                made = BuildSet(["full"], SourceStamp(branch="a"), "x")
                engine.submitBuildSet(made)
            self.settle()
            return made

        watched = BuildSet(["full"], SourceStamp(branch="b"), "watched")
        watched.waitUntilFinished().addCallback(ends.append)
        for _ in range(5):
            submit(1)
        engine.submitBuildSet(watched)
        submit(12)
        # those that wait for its request, for its status and later ones
        submit(1).requests[0].waitUntilFinished().addCallback(ends.append)
        submit(1).requests[0].status.subscribe(ends.append)
        submit(1).requests[0].subscribe(ends.append)
        submit(1).waitUntilSuccess().addCallback(ends.append)
        used = submit(1).status
        del watched
        gc.collect()
        self.assertLess(len(engine.activeBuildsets()), 15)
        self.assertLess(len(_requests()), 15)
        self.assertEqual(len(self.waiting()), 23)
        self.come()
        while self.running:
            self.end()
        self.assertEqual(len(ends), 5)
        self.assertTrue(used.isFinished())
        self.assertEqual((len(engine.activeBuildsets()), self.waiting()), (0, []))

    def test_told(self) -> None:
        """The end of a set is told to status plug-ins, also if it has no object; its beginning only once."""
        setOthersAside(self)
        told: list[tuple[str, Any]] = []

        class Receiver(StatusReceiver):
            def builderAdded(self, builderName: str, builder: Any) -> Any:
                return self

            def buildsetComplete(self, buildset: Any) -> None:
                told.append(("complete", buildset))

            def requestSubmitted(self, request: Any) -> None:
                told.append(("request", request.brid))

        self.master.getStatus().subscribe(Receiver())
        for _ in range(10):
            self.master.botmaster.engine.submitBuildSet(BuildSet(["full"], SourceStamp(branch="a"), "x"))
            self.settle()
        gc.collect()
        self.come()
        while self.running:
            self.end()
        self.assertEqual([each for kind, each in told if kind == "request"], list(range(1, 11)))
        ends = [each for kind, each in told if kind == "complete"]
        self.assertEqual(len(ends), 10)
        for each in ends:
            self.assertEqual((each.getResults(), each.getReason()), (SUCCESS, "x"))
            self.assertEqual((each.getBuilderNames(), each.isFinished()), (["full"], True))

    def test_inOrder(self) -> None:
        """The requests are built in the order of their numbers."""
        for number in range(10):
            self.force(f"b{number}")
        self.come()
        while self.running:
            self.end()
        self.assertEqual(self.served(), [(number,) for number in range(1, 11)])
        self.assertEqual(self.waiting(), [])

    def test_merged(self) -> None:
        """A build serves all requests that it may serve, also those that are not in memory."""
        for number in range(12):
            self.force("ab"[number % 2], properties={"p": str(number % 3 == 0)})
        self.again()
        self.come()
        while self.running:
            self.end()
        self.assertEqual(self.served(), [(1, 7), (2, 6, 8, 12), (3, 5, 9, 11), (4, 10)])

    def test_cancel(self) -> None:
        """A request that is not in memory can be asked about and cancelled, once."""
        for number in range(10):
            self.force(f"b{number}")
        self.assertEqual(self.done("request", builder="full", request=8)["state"], "waiting")
        self.assertEqual(self.done("cancel", builder="full", request=8)["cancelled"], [8])
        self.assertIn("does not wait", self.done("cancel", builder="full", request=8))
        self.assertEqual(self.done("request", builder="full", request=8)["state"], "cancelled")
        self.assertIn("has no request", self.done("request", builder="quick", request=9))
        answer = self.ask("/api/v1/requests/9/cancel", "POST", b"{}", Content_Type="application/json", **OWN)
        self.assertLess(answer.status, 300, answer.text)
        self.assertEqual(self.ask("/api/v1/requests/10").json["id"], 10)
        self.assertEqual(self.ask("/api/v1/requests/9").status, 404)
        self.assertEqual(self.waiting(), [1, 2, 3, 4, 5, 6, 7, 10])
        self.come()
        while self.running:
            self.end()
        self.assertEqual([each for (each,) in self.served()], [1, 2, 3, 4, 5, 6, 7, 10])

    def test_cancelAll(self) -> None:
        """All requests are cancelled together; later ones wait as usual."""
        for number in range(10):
            self.force(f"b{number}")
        self.assertEqual(sorted(self.done("cancel", builder="full")["cancelled"]), list(range(1, 11)))
        self.assertEqual(self.waiting(), [])
        self.assertIn("no request waits", self.done("cancel", builder="full"))
        self.force("later")
        self.assertEqual(self.waiting(), [11])
        self.again()
        self.assertEqual(self.waiting(), [11])

    def test_cancelledWhileRead(self) -> None:
        """All requests are cancelled while the next ones are being read: none is built."""
        for number in range(10):
            self.force(f"b{number}")
        self.store.lazy = True
        self.come()
        cancelling = ensureDeferred(self.master.commands["cancel"](builder="full"))
        self.settle()
        self.successResultOf(cancelling)
        while self.running:
            self.end()
        self.assertLessEqual(len(self.served()), 1)
        self.assertEqual(self.waiting(), [])

    def test_removed(self) -> None:
        """A reconfig without the builder cancels all its requests; when it comes back, none waits."""
        for number in range(10):
            self.force(f"b{number}", builder="quick")
        self.plan(2)
        outcome = self.reconfig()
        self.assertIn("10 waiting requests will be cancelled", str(outcome))
        self.plan(0)
        self.reconfig()
        self.force("new", builder="quick")
        self.assertEqual(self.waiting(), [11])

    def test_removedWhileAway(self) -> None:
        """A restart without the builder cancels all its requests."""
        for number in range(10):
            self.force(f"b{number}", builder="quick")
        self.plan(2)
        self.again()
        self.plan(0)
        self.reconfig()
        self.assertEqual(self.waiting(), [])

    def test_change(self) -> None:
        """The requests for a change are shown with it, and are cancelled with it."""
        for number in range(8):
            change = Change("ann", ["a.c"], "", branch="a", revision=str(number), when=1.0)
            ensureDeferred(self.master.addChange(change))
            self.wait(6)
        for number in range(4):
            self.force(f"b{number}")
        self.assertEqual(len(self.done("change", number=7)["waiting"]), 2)
        found = self.done("stopchange", change=7)
        self.assertEqual(found["cancelled"], [13, 14])
        self.assertNotIn(13, self.waiting())
        self.assertEqual(self.done("change", number=7)["waiting"], [])

    def test_storeFails(self) -> None:
        """While the next requests cannot be read, no build starts; then all are built."""
        for number in range(10):
            self.force(f"b{number}")
        self.come()
        self.store.full = True
        for _ in range(4):
            if self.running:
                self.end()
        self.store.full = False
        self.wait(120)
        while self.running:
            self.end()
        self.assertEqual(sorted(each for build in self.served() for each in build)[-1], 10)
        self.assertEqual(self.waiting(), [])

    def test_pages(self) -> None:
        """The queue is shown in pages, to the end."""
        for number in range(250):
            ensureDeferred(self.master.commands["force"](builder="full", branch=f"b{number}"))
        seen: list[int] = []
        path: str | None = "/queue"
        while path:
            text = self.ask(path).text
            seen += map(int, re.findall(r'data-label="Request">(\d+)<', text))
            found = re.search(r'href="(queue\?[^"]*)">Newer', text)
            path = f"/{found.group(1)}" if found else None
        self.assertEqual(seen, list(range(1, 251)))
        self.assertEqual(len(self.ask("/queue?after=245").text.split('data-label="Request"')), 6)


class SameTests(BacklogCase):
    """Whatever happens, the same is seen as with all requests in memory."""

    def play(self, seed: int, most: int) -> list[Any]:
        """Let many things happen; return what is seen after each."""
        self.most = most
        self.setUp()
        self.begin()
        chance, seen = random.Random(seed), []
        happenings: list[tuple[int, Callable[[random.Random], object]]] = [
            (12, self.ask1),
            (4, lambda chance: self.cancelOne(chance)),
            (1, lambda chance: self.done("cancel", builder=chance.choice(("full", "quick")))),
            (3, self.sendChange),
            (1, lambda chance: self.done("stopchange", change=chance.randrange(1, 6))),
            (6, self.endOne),
            (2, lambda chance: self.come(chance.choice(("bot1", "bot2")))),
            (1, lambda chance: self.go()),
            (1, lambda chance: self.done("pause", slave="bot1", who="ann", why="lunch")),
            (2, lambda chance: self.done("unpause", slave="bot1")),
            (1, self.alter),
            (1, lambda chance: self.again()),
        ]
        weights = [weight for weight, _ in happenings]
        for _ in range(STEPS):
            (_, happening), *_ = chance.choices(happenings, weights)
            answer = happening(chance)
            self.wait(chance.randrange(3))
            seen.append((answer, self.shown()))
        self.go()
        self.plan(0)
        self.reconfig()
        self.done("unpause", slave="bot1")
        self.come()
        self.come("bot2")
        while self.running:
            self.end()
        seen.append(self.shown())
        self.again()
        seen.append(self.shown())
        self.stop()
        self.connections.clear()
        self.slaves.clear()
        return seen

    def ask1(self, chance: random.Random) -> Any:
        """Force some builds."""
        for _ in range(chance.randrange(1, 5)):
            name = chance.choice(self.builders)
            answer = self.force(chance.choice("abc"), name, properties={"p": chance.choice("xy")})
        return answer

    def cancelOne(self, chance: random.Random) -> Any:
        """Cancel a request, whether it waits or not."""
        return self.done("cancel", builder=chance.choice(self.builders), request=chance.randrange(1, 60))

    def sendChange(self, chance: random.Random) -> None:
        """A change comes."""
        change = Change("ann", ["a.c"], "", branch="a", revision=str(chance.randrange(9)), when=1.0)
        ensureDeferred(self.master.addChange(change))
        self.settle()

    def endOne(self, chance: random.Random) -> None:
        """A command ends."""
        if self.running:
            self.end(chance.randrange(len(self.running)))

    def alter(self, chance: random.Random) -> Any:
        """The configuration changes."""
        self.plan(chance.randrange(len(PLANS)))
        return self.reconfig()["changes"]

    def shown(self) -> Any:
        """What is seen."""
        api = [self.ask(f"/api/v1/{path}").json for path in ("requests?limit=1000", "builders")]
        line = re.findall(r"<p>[^<]*waiting[^<]*</p>", self.ask("/queue").text)
        return json.dumps(api), line, self.served("full"), self.served("quick")

    def test_same(self) -> None:
        """Forced, cancelled, paused, reconfigured, restarted: with three in memory or all, it is the same."""
        for seed in SEEDS:
            few, all = self.play(seed, 3), self.play(seed, 1000)
            for step, (one, other) in enumerate(zip(few, all, strict=True)):
                self.assertEqual(one, other, f"seed {seed}, step {step}")
            if THOROUGH:
                self.assertGreater(max(len(json.loads(each[0])[0]["requests"]) for _, each in all[:-2]), 6)
