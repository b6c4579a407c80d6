"""A developer has a patch built before the commit."""

from __future__ import annotations

import io
import sys
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.spread import pb

from buildbot.clients.tryclient import Try, TryFailed
from tests.schedulers import TestStore
from tests.stories.world import World
from tests.unit.clients.test_sendchange import Cable

CONFIG = """
from buildbot.process.factory import BuildFactory
from buildbot.scheduler import Try_Userpass
from buildbot.steps.shell import ShellCommand

c = BuildmasterConfig = {}
c['bots'] = [('bot1', 'sekrit'), ('bot2', 'sekrit')]
c['slavePortnum'] = 9989
f = BuildFactory([ShellCommand(name=name, command=['make']) for name in ('compile', 'test')])
c['builders'] = [
    {'name': 'full', 'slavename': 'bot1', 'builddir': 'full', 'factory': f},
    {'name': 'quick', 'slavename': 'bot2', 'builddir': 'quick', 'factory': f},
    {'name': 'other', 'slavename': 'bot1', 'builddir': 'other', 'factory': f},
]
c['schedulers'] = [
    Try_Userpass('try', ['full', 'quick'], 8031, [('ann', 'pw-1'), ('bob', 'pw-2')], {'isTry': True}),
]
"""
#: A patch with a byte that is not UTF-8.
DIFF = b"--- a/f\n+++ b/f\n@@ -1 +1 @@\n-old\n+n\xe9w\n"


class TryCase(World):
    """A master with a try scheduler, slaves, and developers."""

    store: TestStore

    def setUp(self) -> None:
        super().setUp()
        self.store = TestStore()
        self.write(CONFIG)
        self.cables: list[Cable] = []
        self.printed = io.StringIO()
        self.patch(sys, "stdout", self.printed)
        path = f"{self.basedir}.diff"
        with open(path, "wb") as stream:
            stream.write(DIFF)
        self.diff = path

    def begin(self, connects: bool = True) -> None:
        """Start the master, and connect the slaves."""
        self.successResultOf(self.start())
        for name in ("bot1", "bot2") if connects else ():
            self.connect(name=name)

    @property
    def port(self) -> Any:
        """The factory of the port for developers."""
        return next(factory for number, factory, *_ in self.reactor.tcpServers[::-1] if number == 8031)

    def attempt(self, **options: Any) -> Deferred[int]:
        """A developer tries a patch."""
        cable = Cable(self.reactor, self.port)
        self.cables.append(cable)
        said: dict[str, Any] = {
            "connect": "pb",
            "master": "m:8031",
            "username": "ann",
            "passwd": "pw-1",
            "diff": self.diff,
        }
        said |= {"patchlevel": 1, "baserev": "r7", "wait": True, **options}
        trying = ensureDeferred(Try(said, self.reactor, cable).go())
        self.settle()
        return trying

    def settle(self) -> None:
        super().settle()
        while any([cable.pump.pump() for cable in self.cables if cable.pump is not None]):
            super().settle()

    def end(self, slave: int, *statuses: int) -> None:
        """A slave ends its commands, one after the other."""
        for status in statuses:
            self.slaves[slave].commands[-1].end(status)
            self.settle()

    def builds(self, builder: str = "full") -> list[Any]:
        """The builds, the oldest first."""
        found: list[Any] = self.successResultOf(self.store.getBuilds(builder))
        return found[::-1]

    def lines(self) -> list[str]:
        """What the developer has read since the last call."""
        said = self.printed.getvalue().splitlines()
        self.printed.truncate(0)
        self.printed.seek(0)
        return said


class TryTests(TryCase):
    """Patches over PB."""

    def test_built(self) -> None:
        """The patch is built on all builders of the scheduler, and the developer sees what happens."""
        self.begin()
        trying = self.attempt(comment="faster", properties={"a": "b", "isTry": "no"})
        self.assertEqual(
            self.lines(),
            [
                "the job has been delivered",
                "full: build 0 has started",
                "quick: build 0 has started",
                "full: step compile …",
                "quick: step compile …",
            ],
        )
        self.end(0, 0, 0)
        self.assertEqual(self.lines(), ["full: step test …", "full: success"])
        self.end(1, 1, 0)
        self.assertEqual(
            self.lines(),
            [
                *("quick: step compile: failed", "quick: step test …", "quick: failed: compile"),
                *("full/0: success", "quick/0: failed: compile"),
            ],
        )
        self.assertEqual(self.successResultOf(trying), 1)
        (build,) = self.builds()
        self.assertEqual(build.reason, "'try' job from user ann (faster)")
        self.assertEqual((build.properties["a"], build.properties["isTry"]), ("b", True))
        self.assertEqual(self.builds("other"), [])
        entry = self.master.audit.latest(1)[0]
        self.assertEqual((entry.who, entry.how, entry.action), ("ann", "pb", "try"))
        self.assertIn("full, quick", entry.detail)

    def test_patchKept(self) -> None:
        """The build of a patch is kept with the patch, byte by byte."""
        self.begin()
        self.attempt(builders=["full"])
        self.end(0, 0, 0)
        (build,) = self.builds()
        level, diff = build.sourcestamp["patch"]
        self.assertEqual((level, diff.encode("utf-8", "surrogateescape")), (1, DIFF))
        self.assertEqual((build.sourcestamp["revision"], build.sourcestamp["branch"]), ("r7", None))

    def test_alone(self) -> None:
        """Two tries of the same patch get a build each."""
        self.begin(connects=False)
        first, second = (
            self.attempt(builders=["full"]),
            self.attempt(builders=["full"], username="bob", passwd="pw-2"),
        )
        self.connect(name="bot1")
        self.settle()
        self.end(0, 0, 0, 0, 0)
        self.assertEqual((self.successResultOf(first), self.successResultOf(second)), (0, 0))
        self.assertEqual(len(self.builds()), 2)

    def test_noStatistics(self) -> None:
        """The build of a patch does not change what the master expects of the next build."""
        self.begin()
        self.attempt(builders=["full"])
        self.reactor.advance(500)
        self.end(0, 0)
        self.reactor.advance(500)
        self.end(0, 0)
        self.assertEqual(self.builds()[0].results, 0)
        self.assertEqual(self.master.botmaster.builders["full"].expectations, {})

    def test_notWaiting(self) -> None:
        """Without --wait, the developer is done when the master has the job on disk."""
        self.begin(connects=False)
        self.store.lazy = True
        trying = self.attempt(wait=None)
        self.assertNoResult(trying)
        self.store.flush()
        self.settle()
        self.assertEqual(self.successResultOf(trying), 0)
        self.store.lazy = False
        self.assertEqual(len(self.successResultOf(self.store.pendingRequests())), 2)

    def test_refused(self) -> None:
        """A wrong password and a wrong builder are refused with the reason. The status counts passwords."""
        self.begin()
        trying = self.attempt(passwd="wrong")
        why = str(self.failureResultOf(trying, TryFailed).value)
        self.assertEqual(
            why, "m:8031 refuses the login of 'ann': it has no Try_Userpass with this name and password"
        )
        self.assertEqual([each["name"] for each in self.status()["master"]["guesses"]], ["ann (tcp:8031)"])
        why = str(self.failureResultOf(self.attempt(builders=["full", "other"]), TryFailed).value)
        self.assertEqual(why, "the master does not build on full, other; it offers full, quick")
        self.assertEqual(self.builds(), [])

    def test_names(self) -> None:
        """The developer can ask for the builders."""
        self.begin()
        self.assertEqual(self.successResultOf(self.attempt(**{"get-builder-names": True})), 0)
        self.assertEqual(self.lines(), ["full", "quick"])

    def test_slaveLost(self) -> None:
        """A build whose slave is lost is built again, and the developer gets the second result."""
        self.begin()
        trying = self.attempt(builders=["full"])
        self.slaves[0].pump.client.abortConnection()
        self.settle()
        self.connect(name="bot1")
        self.settle()
        self.assertNoResult(trying)
        self.end(2, 0, 0)
        self.assertEqual(self.successResultOf(trying), 0)
        said = self.lines()
        self.assertEqual(said[-1], "full/1: success")
        self.assertIn("full: build 1 has started", said)

    def test_clientGone(self) -> None:
        """A developer who disconnects leaves nothing behind, and the build goes on."""
        self.begin()
        trying = self.attempt(builders=["full"])
        build = self.master.botmaster.builders["full"].building[0].build_status
        self.assertEqual(len(build._watchers), 1)
        self.cables[0].client.transport.loseConnection()
        self.settle()
        self.failureResultOf(trying, TryFailed)
        self.assertEqual(len(build._watchers), 0)
        (request,) = self.master.botmaster.engine.activeBuildsets()[0].status.getBuildRequests()
        self.assertEqual(len(request._observers), 0)
        self.end(0, 0, 0)
        self.assertEqual(self.builds()[0].results, 0)

    def test_portTaken(self) -> None:
        """If the port is taken, the master says so, and does not start."""
        self.reactor.taken = 8031
        why = self.failureResultOf(self.start())
        self.assertIn("cannot start Try_Userpass: cannot listen on tcp:8031", str(why.value))

    def test_reconfig(self) -> None:
        """Another password counts after a reconfig, on the same port; without the scheduler it is closed."""
        self.begin()
        self.edit("'pw-1'", "'pw-3'")
        self.assertTrue(self.reconfig()["applied"])
        self.failureResultOf(self.attempt(), TryFailed)
        trying = self.attempt(passwd="pw-3", builders=["full"])
        self.assertIn("full: build 0 has started", self.lines())
        self.edit("c['schedulers'] = [", "c['schedulers'] = []\n_ = [")
        outcome = self.reconfig()
        self.assertTrue(outcome["applied"])
        said = "is being removed: 1 connected client will be disconnected; the builds go on"
        self.assertEqual(outcome["warnings"], [f"scheduler try {said}"])
        self.settle()
        why = str(self.failureResultOf(trying, TryFailed).value)
        self.assertEqual(why, "m:8031 ended the connection before it answered; the builds go on")

    def raw(self) -> Any:
        """Log in without more. Returns the perspective."""
        cable = Cable(self.reactor, self.port)
        self.cables.append(cable)
        job = Try({"connect": "pb", "username": "ann", "passwd": "pw-1"}, self.reactor, cable)
        login = ensureDeferred(job._login())
        self.settle()
        return self.successResultOf(login)

    def call(self, remote: Any, method: str, *arguments: Any) -> Any:
        """Call a method, and return the answer."""
        answer = remote.callRemote(method, *arguments)
        self.settle()
        return self.successResultOf(answer)

    def test_questions(self) -> None:
        """All that clients may ask about sets, requests, builds and steps is answered."""
        self.begin()
        remote, observer = self.raw(), Observer()
        method: str
        answer: Any
        buildset = self.call(remote, "try", "main", "r1", (1, "x"), ["full"], {"a": "b"})
        (name, request), *others = self.call(buildset, "getBuildRequests")
        self.assertEqual((name, others, self.call(request, "getBuilderName")), ("full", [], "full"))
        self.call(request, "subscribe", observer)
        (build,) = [each[1] for each in observer.heard]
        finished = [each.callRemote("waitUntilFinished") for each in (buildset, build)]
        success = buildset.callRemote("waitUntilSuccess")
        self.call(build, "subscribe", observer, 5)
        for method, answer in (
            *(("getBuilderName", "full"), ("getNumber", 0), ("getReason", "'try' job from user ann")),
            *(("getResponsibleUsers", []), ("getTimes", (1000.0, None)), ("isFinished", False)),
            *(("getETA", None), ("getText", []), ("getColor", None), ("getResults", None)),
        ):
            self.assertEqual(self.call(build, method), answer, method)
        step = self.call(build, "getCurrentStep")
        self.assertEqual(self.call(step, "getBuild"), build)
        steps = self.call(build, "getSteps")
        self.assertEqual([self.call(each, "getName") for each in steps], ["compile", "test"])
        for method, answer in (
            *(("getName", "compile"), ("getTimes", (1000.0, None)), ("isFinished", False)),
            *(("getExpectations", [("output", 0, None)]), ("getETA", None), ("getColor", "yellow")),
        ):
            self.assertEqual(self.call(step, method), answer, method)
        waiting = step.callRemote("waitUntilFinished")
        self.end(0, 0)
        self.successResultOf(waiting)
        self.assertEqual(self.call(step, "getResults"), (0, []))
        self.assertEqual(self.call(step, "getText"), ["'make'"])
        self.call(build, "unsubscribe", observer)
        self.end(0, 0)
        for each in finished:
            self.successResultOf(each)
        self.successResultOf(success)
        self.assertEqual([each[0] for each in observer.heard], ["newbuild", "stepFinished", "stepStarted"])
        self.call(request, "unsubscribe", observer)
        for method, answer in (
            *(("getReason", "'try' job from user ann"), ("getID", None), ("getBuilderNames", ["full"])),
            *(("isFinished", True), ("getResults", 0)),
        ):
            self.assertEqual(self.call(buildset, method), answer, method)
        wrong = build.callRemote("subscribe", 7)
        self.settle()
        self.assertIn("an observer that is not a reference", str(self.failureResultOf(wrong).value))

    def test_estimates(self) -> None:
        """The developer sees how long a build still takes, if that is known."""
        self.begin()
        self.master.botmaster.engine.expect("full", {"compile": 50.0, "test": 50.0})
        self.attempt(builders=["full"])
        self.wait(25)
        self.assertIn("full: step compile, about 80 s to go", self.lines())
        self.end(0, 0, 0)

    def test_hostile(self) -> None:
        """A malformed job is refused with the reason."""
        self.begin()
        remote = self.raw()
        answer = remote.callRemote("try", None, None, (1, "x"), ["full"], 7)
        self.settle()
        self.assertIn("its properties are not a dictionary", str(self.failureResultOf(answer).value))


class Observer(pb.Referenceable):
    """I remember what I hear."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def remote_newbuild(self, *news: Any) -> None:
        self.heard.append(("newbuild", *news))

    def remote_stepStarted(self, *news: Any) -> None:
        self.heard.append(("stepStarted", *news))

    def remote_stepFinished(self, *news: Any) -> None:
        self.heard.append(("stepFinished", *news))
