"""Requests that share a build: the default, the configuration, schedulers, and last attempts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import ensureDeferred, succeed

from buildbot.config.diff import diff
from buildbot.config.load import load
from buildbot.config.model import ConfigErrors, MasterConfig, MergeRule
from buildbot.model.change import Change
from buildbot.model.records import MOST_INTERRUPTIONS
from buildbot.model.results import EXCEPTION, SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.process.merging import mayMerge
from buildbot.process.request import BuildRequest
from buildbot.scheduler import AnyBranchScheduler, BaseScheduler, Dependent, Nightly, Periodic, Scheduler
from tests.recipes import codeBlocks
from tests.schedulers import SchedulerCase
from tests.stores import build
from tests.unit.process.test_builds import BuildCase, shell


class MergeCase(BuildCase):
    """A busy builder with waiting requests."""

    def rule(self, says: Any = None, ofAll: Any = True) -> None:
        """Set C{mergeRequests} of the builder, and of all."""
        config = self.botmaster.config
        setup = replace(config.builders["full"], mergeRequests=None if says is None else MergeRule(says))
        self.use(replace(config, builders={"full": setup}, mergeRequests=MergeRule(ofAll)))

    def ask(self, reason: str, properties: Any = None, alone: bool = False, **source: Any) -> BuildSet:
        buildset = BuildSet(["full"], SourceStamp(**source), reason, properties=properties)
        buildset.mergeRequests = not alone
        self.successResultOf(ensureDeferred(self.botmaster.submitBuildSet(buildset)))
        return buildset

    def reasons(self) -> list[str]:
        """Connect a slave until all requests are built; return the reasons of the builds."""
        before = len(self.builds())
        slave = self.green()
        self.settle()
        slave.broker.transport.abortConnection()
        self.settle()
        return [build.reason for build in self.builds()[before:]]


class RuleTests(MergeCase):
    """The setting C{mergeRequests}."""

    def test_default(self) -> None:
        """F15: requests with the same source and properties share a build; others have their own."""
        for reason, properties, branch in (
            ("a", None, None),
            ("b", {"t": 1}, None),
            ("c", None, None),
            ("d", {"t": 1}, None),
            ("e", None, "dev"),
        ):
            self.ask(reason, properties, branch=branch)
        self.assertEqual(self.reasons(), ["a, c", "b, d", "e"])

    def test_never(self) -> None:
        """F15: with mergeRequests False, of the builder or of all, each request has its own build."""
        for rules in ((False, True), (None, False), (False, lambda builder, one, other: True)):
            self.rule(*rules)
            for reason in "abc":
                self.ask(reason)
            self.assertEqual(self.reasons(), ["a", "b", "c"])

    def test_builderFirst(self) -> None:
        """F15: the builder's setting overrides the one for all."""
        self.rule(True, False)
        for reason in "ab":
            self.ask(reason)
        self.assertEqual(self.reasons(), ["a, b"])

    def test_function(self) -> None:
        """F15: a function gets the builder and two requests, and decides."""
        asked = []

        def sameLetter(builder: Any, one: Any, other: Any) -> bool:
            asked.append((builder.name, one.source.branch, one.properties.getProperty("t", None)))
            return bool(one.reason[0] == other.reason[0]) and one.canBeMergedWith(other)

        self.rule(sameLetter)
        for reason in ("a1", "b1", "a2", "b2"):
            self.ask(reason, {"t": 1}, branch="dev")
        self.assertEqual(self.reasons(), ["a1, a2", "b1, b2"])
        self.assertEqual(set(asked), {("full", "dev", 1)})

    def test_differentSources(self) -> None:
        """F15: if a function merges different sources, the first one is built, with all changes."""
        self.rule(lambda builder, one, other: True)
        self.ask("a", revision="1", branch="x")
        self.ask("b", changes=[Change("me", ["f"], "", branch="y", revision="2").numbered(4)])
        self.assertEqual(self.reasons(), ["a, b"])
        (build,) = self.builds()
        assert build.sourcestamp is not None
        self.assertEqual((build.sourcestamp["branch"], build.sourcestamp["revision"]), ("x", "1"))
        self.assertEqual([change["number"] for change in build.sourcestamp["changes"]], [4])

    def test_functionFails(self) -> None:
        """F15: a function that raises, or returns a Deferred, costs only that merge, and is logged once."""

        def broken(builder: Any, one: Any, other: Any) -> Any:
            raise RuntimeError("no idea")

        def late(builder: Any, one: Any, other: Any) -> Any:
            return succeed(True)

        async def later(builder: Any, one: Any, other: Any) -> bool:
            return True

        for rule, error in ((broken, RuntimeError), (late, TypeError), (lambda *a: later(*a), TypeError)):
            self.rule(rule)
            for reason in "abc":
                self.ask(reason)
            self.assertEqual(self.reasons(), ["a", "b", "c"])
            self.assertEqual(len(self.flushLoggedErrors(error)), 1)

    def test_ownRequest(self) -> None:
        """F15: a request of a user's class may refuse to be merged, as the first or the second one."""

        class Own(BuildRequest):
            def canBeMergedWith(self, other: Any) -> bool:
                return False

        rule, own, other = MergeRule(True), Own("x", SourceStamp()), BuildRequest("y", SourceStamp())
        self.assertFalse(mayMerge(rule, None, own, other))
        self.assertFalse(mayMerge(rule, None, other, own))
        self.assertTrue(mayMerge(rule, None, other, BuildRequest("z", SourceStamp())))

    def test_alone(self) -> None:
        """F15: a set that must not be merged is built separately, also after a restart, whatever the builder
        says.
        """
        self.rule(lambda *a: True)
        self.ask("a", alone=True)
        self.ask("b")
        self.ask("c", alone=True)
        self.ask("d")
        self.assertEqual([each.mergeable for each in self.waiting()], [False, True, False, True])
        waiting = [BuildRequest.fromRecord(each) for each in self.waiting()]
        self.assertEqual([each.mergeable for each in waiting], [False, True, False, True])
        self.assertEqual(self.reasons(), ["a", "b, d", "c"])


class Each(BaseScheduler):
    """A user's scheduler."""

    def addChange(self, change: Any) -> None:
        self.submit(BuildSet(["full"], SourceStamp(changes=[change]), "each"))


class SchedulerTests(MergeCase):
    """The setting of schedulers."""

    def submitted(self, scheduler: Any) -> Any:
        """True if the sets that it submits may be merged."""
        bs = BuildSet(["full"], SourceStamp(), "because")
        scheduler.submit(bs)
        return bs.mergeRequests

    def test_own(self) -> None:
        """F15: sets of a user's scheduler are not merged, unless the class sets mergeRequests."""
        self.assertIs(self.submitted(Each("each")), False)
        together = type("Together", (Each,), {"mergeRequests": True})
        self.assertIs(self.submitted(together("together")), True)

    def test_ours(self) -> None:
        """F15: sets of the schedulers of this package may be merged, as in 0.7.5."""
        quick = Scheduler("quick", None, 1, ["full"])
        every = AnyBranchScheduler("any", None, 1, ["full"])
        for each in (
            quick,
            every,
            Dependent("d", quick, ["full"]),
            Periodic("p", ["full"], 5),
            Nightly("n", ["full"]),
        ):
            self.assertIs(self.submitted(each), True, each.name)

    def test_ownSet(self) -> None:
        """F15: the setting of a set itself overrides that of its scheduler."""
        scheduler = Scheduler("quick", None, 1, ["full"])
        bs = BuildSet(["full"], SourceStamp(), "because", mergeRequests=False)
        scheduler.submit(bs)
        self.assertIs(bs.mergeRequests, False)


class DocumentedTests(SchedulerCase):
    """The scheduler in the documentation."""

    def test_each(self) -> None:
        """F15: the scheduler Each of the documentation builds each change separately."""
        (text,) = [text for _, text in codeBlocks() if "class Each(BaseScheduler)" in text]
        names: dict[str, Any] = {"__name__": "master.cfg"}
        exec(text, names)
        self.use(names["Each"]("each", ["full"]))
        for _ in range(3):
            self.commit()
        waiting = self.successResultOf(self.store.pendingRequests())
        self.assertEqual([each.mergeable for each in waiting], [False] * 3)
        one, *others = [BuildRequest.fromRecord(each) for each in waiting]
        for other in others:
            self.assertTrue(one.canBeMergedWith(other))
            self.assertFalse(mayMerge(MergeRule(True), None, one, other))


class TrialTests(MergeCase):
    """F16: requests during whose builds the master has crashed."""

    def crashed(self, buildset: BuildSet, times: int) -> None:
        (request,) = buildset.requests
        request.interruptions = times

    def test_alone(self) -> None:
        """F16: a request on its last attempt is built separately, so that no other is given up with it."""
        for reason in "abc":
            self.crashed(self.ask(reason), MOST_INTERRUPTIONS - 1 if reason != "c" else 1)
        self.ask("d")
        self.assertEqual(self.reasons(), ["a", "b", "c, d"])

    def test_turns(self) -> None:
        """F16: last attempts run one at a time, on all builders, so that the one that crashes the master is
        found.
        """
        self.configure(shell("true"), builders="one two three")
        last = [self.force(name) for name in ("one", "two")]
        for buildset in last:
            self.crashed(buildset, MOST_INTERRUPTIONS - 1)
        slave = self.connect()
        self.force("three")
        self.assertEqual(len(slave.commands), 2)
        self.assertIn("last try", self.botmaster.builders["two"].whyWaiting())
        slave.commands[0].end(0)
        self.settle()
        self.wait(1)
        self.assertEqual(len(slave.commands), 3)
        slave.commands[2].end(0)
        slave.commands[1].end(0)
        self.settle()
        self.assertEqual([buildset.getResults() for buildset in last], [SUCCESS, SUCCESS])

    def test_recordedFirst(self) -> None:
        """F16: the store has a build before any code of the configuration makes it."""
        factory = shell("make")
        seen = []

        def newBuild(requests: Any) -> Any:
            seen.append([build.finished for build in self.builds()])
            return type(factory).newBuild(factory, requests)

        factory.newBuild = newBuild  # type: ignore[method-assign]
        self.configure(factory)
        self.green()
        self.force()
        self.assertEqual(seen, [[None]])

    def test_told(self) -> None:
        """F16: at the start after the third crash, subscribers are told that the set has ended."""
        told: list[Any] = []

        class Listener:
            def buildsetComplete(self, record: Any) -> None:
                told.append((record.id, record.results))

        buildset = self.force()
        store = self.botmaster.store
        for _ in range(MOST_INTERRUPTIONS):
            self.start()
            self.successResultOf(store.interrupted(self.clock.seconds()))
        self.start()
        self.botmaster.events.subscribe(Listener())
        self.successResultOf(ensureDeferred(self.botmaster.openStore()))
        self.successResultOf(ensureDeferred(self.botmaster.resume()))
        self.wait(1)
        self.assertEqual(told, [(buildset.record.id if buildset.record else 0, EXCEPTION)])
        (given,) = self.botmaster.recovery.givenUp
        self.assertEqual((given.builder, given.number, given.results), ("full", 3, EXCEPTION))
        self.botmaster.builders["full"].pending.clear()
        self.successResultOf(ensureDeferred(self.botmaster.closeStore()))

    def start(self) -> None:
        """Record the start of a build in the store."""
        self.successResultOf(self.botmaster.store.startBuild(build("full", self.waiting())))


class ConfigTests(BuildCase):
    """C{mergeRequests} in master.cfg."""

    TEXT = """
from buildbot.process.factory import BuildFactory
c = BuildmasterConfig = {}
c['bots'] = [("a", "pw")]
c['slavePortnum'] = 9989
c['builders'] = [{'name': "b", 'slavename': "a", 'builddir': "b", 'factory': BuildFactory(), %s}]
%s
"""

    def loaded(self, builder: str = "", master: str = "") -> MasterConfig:
        return load(self.TEXT % (builder, master), "master.cfg", self.mktemp())

    def test_sameText(self) -> None:
        """F15: a function that the same text defines again is no change; another function is."""
        rule = "'mergeRequests': lambda builder, a, b: a.reason == b.reason"
        ofAll = "c['mergeRequests'] = lambda builder, a, b: a.reason == b.reason"
        self.assertTrue(diff(self.loaded(rule, ofAll), self.loaded(rule, ofAll)).isEmpty())
        other = self.loaded(rule.replace("==", "!="), ofAll.replace("==", "!="))
        change = diff(self.loaded(rule, ofAll), other)
        self.assertEqual(change.describe(), ("~ builder b: mergeRequests", "~ mergeRequests: new value"))

    def test_sameObject(self) -> None:
        """F15: the same holds for callable objects, methods and partial functions."""
        text = (
            "class Rule:\n    def __init__(self, n): self.n = n\n"
            "    def __call__(self, builder, a, b): return %s\n"
            "    def ask(self, builder, a, b): return True\n"
            "    def __eq__(self, other): return self.n == other.n\n"
            "class Plain:\n    def __init__(self, n): self.n = n\n"
            "    def __call__(self, builder, a, b): return %s\n"
            "import functools\n"
            "c['mergeRequests'] = %s"
        )
        for rule, other in (
            ("Plain(1)", "Plain(2)"),
            ("Rule(1)", "Rule(2)"),
            ("Rule(1).ask", "Rule(2).ask"),
            ("functools.partial(Rule.ask, 1)", "functools.partial(Rule.ask, 2)"),
        ):
            loaded = self.loaded("", text % (True, True, rule))
            self.assertTrue(diff(loaded, self.loaded("", text % (True, True, rule))).isEmpty(), rule)
            self.assertFalse(diff(loaded, self.loaded("", text % (True, True, other))).isEmpty(), rule)
        plain = self.loaded("", text % (True, True, "Plain(1)"))
        self.assertFalse(diff(plain, self.loaded("", text % (True, False, "Plain(1)"))).isEmpty())

    def test_none(self) -> None:
        """F15: a missing key, None and True mean the default."""
        default = self.loaded()
        self.assertTrue(
            diff(default, self.loaded("'mergeRequests': None", "c['mergeRequests'] = None")).isEmpty()
        )
        self.assertTrue(diff(default, self.loaded("", "c['mergeRequests'] = True")).isEmpty())
        self.assertFalse(diff(default, self.loaded("", "c['mergeRequests'] = False")).isEmpty())

    def test_wrong(self) -> None:
        """F15: an invalid value is an error of the configuration, with its location."""
        for wrong, words in (
            ("'no'", "must be True, False or a function of (builder, request, otherRequest), not a str"),
            ("1", "must be True, False or a function"),
            ("lambda a, b: True", "this one does not take three arguments"),
            ("dict", "must be True, False or a function"),
        ):
            for parts, line in (
                ((f"'mergeRequests': {wrong}", ""), 6),
                (("", f"c['mergeRequests'] = {wrong}"), 7),
            ):
                with self.assertRaises(ConfigErrors) as caught:
                    self.loaded(*parts)
                (error,) = caught.exception.errors
                self.assertIn(words, error.message)
                self.assertEqual(error.line, line)

    def test_reconfig(self) -> None:
        """F15: a changed setting applies to the next build, and sends nothing to slaves."""
        slave = self.connect()
        self.force()
        for _ in range(2):
            self.force(branch="x")
        config = self.botmaster.config
        self.use(replace(config, mergeRequests=MergeRule(False)))
        self.settle()
        self.assertEqual(slave.complaints, [])
        for _ in range(3):
            self.command(slave).end(0)
            self.settle()
        self.assertEqual(len(self.builds()), 3)
