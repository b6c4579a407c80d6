"""Whatever happens in any order, each build with several codebases gets what a simple model says.

C{BUILDBOT_TEST_SEQUENCES} in the environment sets the number of sequences.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from twisted.internet.defer import ensureDeferred
from twisted.trial import unittest

from buildbot.model.results import SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from tests.examples import examples
from tests.fakes import FakeSlave
from tests.stories.changes import ChangeCase

FILE = """
from buildbot.plugins import buildslave, changes, schedulers, steps, util

c = BuildmasterConfig = {}
c['codebaseGenerator'] = lambda change: change['repository'].rpartition('/')[2]
c['slaves'] = [buildslave.BuildSlave('bot1', 'sekrit')]
c['protocols'] = {'pb': {'port': 9989}}
c['change_source'] = changes.PBChangeSource(passwd='canary-1')
f = util.BuildFactory([steps.ShellCommand(command=['make']), steps.Trigger(schedulerNames=['below'])])
p = util.BuildFactory([steps.ShellCommand(command=['pack'])])
c['builders'] = [
    util.BuilderConfig(name=name, slavenames=['bot1'], factory=f if name == 'full' else p)
    for name in ('full', 'each', 'hourly', 'package', 'low', 'asked')
]
mine = {all}
full = schedulers.SingleBranchScheduler(
    name='full', change_filter=util.ChangeFilter(branch=['master', 'stable']), treeStableTimer=60,
    builderNames=['full'], codebases=mine)
c['schedulers'] = [
    full,
    schedulers.AnyBranchScheduler(name='each', treeStableTimer=60, builderNames=['each'], codebases=mine),
    schedulers.Nightly(
        name='hourly', minute=30, branch='master', onlyIfChanged=True, builderNames=['hourly'],
        codebases=mine),
    schedulers.Dependent(name='package', upstream=full, builderNames=['package']),
    schedulers.Triggerable(name='below', builderNames=['low'], codebases={below}),
    schedulers.ForceScheduler(name='asked', builderNames=['asked', 'full'], codebases={names}),
]
"""

#: The codebases that a file may have, and what the file says of them.
SAID: dict[str, dict[str, Any]] = {
    "app": {"repository": "git://h/app", "branch": "master"},
    "lib": {"repository": "git://h/lib", "branch": "stable", "revision": "r1"},
    "doc": {},
}
BRANCHES = ("master", "stable", "dev")
#: The seconds between two looks, and until a build of a stable tree.
STEP, STABLE = 20, 60

#: The branch, the repository, the revision and the numbers of the changes of a codebase.
Facts = tuple[Any, ...]
#: The sources of a build, by codebase.
Sources = tuple[tuple[str, Facts], ...]


def factsOf(record: Any) -> Sources:
    """The facts of a stored source."""
    stamps = SourceStamp.fromRecord(record).each()
    return inOrder(
        (each.codebase, (each.branch, each.repository, each.revision, tuple(c.number for c in each.changes)))
        for each in stamps
    )


def inOrder(sources: Iterable[tuple[str, Facts]]) -> Sources:
    """The sources in the order of the names."""
    return tuple(sorted(sources, key=lambda each: each[0]))


def latest(name: str, branch: str | None = None) -> Facts:
    """The facts of a codebase without changes."""
    said = SAID[name]
    return said.get("branch", branch), said.get("repository", ""), said.get("revision"), ()


@dataclass
class Pushed:
    """A change, as the model knows it."""

    number: int
    codebase: str
    branch: str


def setsOf(names: Sequence[str], changes: Sequence[Pushed], branch: str | None = None) -> Iterator[Sources]:
    """The sets that changes need: one, unless those of a codebase have several branches.

    Without several codebases, a set has the changes of one codebase and one branch.
    """
    rows: dict[str, dict[str, list[Pushed]]] = {}
    for each in changes:
        rows.setdefault(each.codebase, {}).setdefault(each.branch, []).append(each)
    if len(names) < 2:
        for row in rows.values():
            yield from (((those[0].codebase, factsFor(those)),) for those in row.values())
        return
    for number in range(max((len(row) for row in rows.values()), default=0)):
        stamps = []
        for name in names:
            groups = list(rows.get(name, {}).values())[number:]
            stamps.append((name, factsFor(groups[0]) if groups else latest(name, branch)))
        yield inOrder(stamps)


def factsFor(changes: Sequence[Pushed]) -> Facts:
    """The facts of a codebase with these changes of one branch."""
    first = changes[0]
    return first.branch, f"git://h/{first.codebase}", None, tuple(each.number for each in changes)


@dataclass
class Tree:
    """The changes that wait together."""

    waiting: list[Pushed] = field(default_factory=list)
    due: float = 0.0


class Model:
    """What the schedulers must do."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.trees: dict[tuple[str, str], Tree] = {}
        self.sets: dict[str, list[Sources]] = {"full": [], "each": [], "hourly": [], "asked": []}
        self.news: list[Pushed] = []

    def wants(self, change: Pushed) -> bool:
        """True if the schedulers want a change; without codebases they want each."""
        return not self.names or change.codebase in self.names

    def treeOf(self, change: Pushed) -> tuple[str, str]:
        """Where a change waits: with several codebases, all branches wait together."""
        return "full", "" if len(self.names) > 1 else change.branch

    def push(self, change: Pushed, now: float) -> None:
        """A change arrives."""
        if not self.wants(change):
            return
        for key in [("each", change.branch)] + [self.treeOf(change)] * (change.branch != "dev"):
            tree = self.trees.setdefault(key, Tree())
            tree.waiting.append(change)
            tree.due = now + STABLE
        if change.branch == "master":
            self.news.append(change)

    def passed(self, before: float, now: float) -> None:
        """Time has passed."""
        for key, tree in sorted(self.trees.items(), key=lambda each: each[1].due):
            if tree.waiting and tree.due <= now:
                self.sets[key[0]] += setsOf(self.names, tree.waiting)
                tree.waiting = []
        if (now - 1800) // 3600 > (before - 1800) // 3600:
            self.sets["hourly"] += setsOf(self.names, self.news, "master")
            self.news = []

    def use(self, names: Sequence[str]) -> None:
        """A reconfig: changes of other codebases are dropped."""
        self.names = names
        old, self.trees = self.trees, {}
        for (scheduler, branch), tree in old.items():
            for change in filter(self.wants, tree.waiting):
                key = self.treeOf(change) if scheduler == "full" else (scheduler, branch)
                new = self.trees.setdefault(key, Tree())
                new.waiting = sorted([*new.waiting, change], key=lambda each: each.number)
                new.due = max(new.due, tree.due)
        self.news = list(filter(self.wants, self.news))


class Story(ChangeCase):
    """One master, its model, and a slave that ends its commands when the test says so."""

    def runTest(self) -> None:
        """This case is run by another one."""

    def play(self, names: Sequence[str], happenings: Sequence[tuple[Any, ...]]) -> None:
        """Run one sequence."""
        self.setUp()
        self.model = Model(names)
        self.below: tuple[str, ...] = ("lib", "doc")
        self.pushed = 0
        self.followed: set[int] = set()
        self.expected: dict[str, list[Sources]] = {"package": [], "below": []}
        self.use(names)
        self.begin()
        for what, *said in (*happenings, ("ends",), ("passes", 3600), ("ends",), ("ends",)):
            note(f"{what} {said}")
            getattr(self, what)(*said)
            self.compare()
        self.noneWaits()

    def use(self, names: Sequence[str]) -> None:
        """Write the file with these codebases."""
        mine = {name: SAID[name] for name in names}
        below = {name: SAID[name] for name in self.below}
        text = FILE.replace("{all}", repr(mine)).replace("{below}", repr(below))
        self.write(text.replace("{names}", repr(list(names) or [""])))

    def connect(self, *args: Any, **kw: Any) -> FakeSlave:
        """Connect a slave that does not end its commands by itself."""
        return super().connect()

    # what happens

    def push(self, name: str, branch: str) -> None:
        """Somebody commits."""
        self.pushed += 1
        self.successResultOf(self.send(repository=f"git://h/{name}", branch=branch))
        self.model.push(Pushed(self.pushed, name, branch), self.reactor.seconds())

    def passes(self, seconds: int) -> None:
        """Time passes."""
        for _ in range(seconds // STEP):
            before = self.reactor.seconds()
            self.reactor.advance(STEP)
            self.settle()
            self.model.passed(before, self.reactor.seconds())

    def changes(self, names: Sequence[str], below: tuple[str, ...]) -> None:
        """The file changes."""
        self.below = below
        self.use(names)
        outcome = self.reconfig()
        self.assertTrue(outcome["applied"], outcome)
        self.model.use(names)
        self.passes(STEP)  # it is on disk that changes were dropped

    def dies(self) -> None:
        """The master is killed, and starts again."""
        self.kill()
        self.begin()
        self.settle()

    def crashes(self, name: str, pieces: int) -> None:
        """Somebody commits to two branches. When they are built, the master is killed, and the store has done
        only some pieces of its work.
        """
        self.push(name, "master")
        self.push(name, "stable")
        self.passes(STABLE - STEP)
        before = self.reactor.seconds()
        self.store.lazy = True
        self.reactor.advance(STEP)
        self.settle()
        self.store.flush(pieces)
        self.settle()
        self.store.lazy = False
        self.dies()
        self.model.passed(before, self.reactor.seconds())

    def restarts(self) -> None:
        """The master stops and starts."""
        self.stop()
        self.slaves = []
        self.begin()
        self.settle()

    def forces(self, builder: str, branch: str) -> None:
        """A person forces a build, and gives the branch of one codebase."""
        names = self.model.names or ("",)
        params = {f"{names[-1]}_branch".lstrip("_"): branch}
        force = self.master.commands["force"]
        asked = ensureDeferred(force(builder, who="ann", scheduler="asked", params=params))
        self.settle()
        self.successResultOf(asked)
        sources = [(name, (branch if name == names[-1] else None, "", None, ())) for name in names]
        self.model.sets["asked"].append(inOrder(sources))

    def ends(self) -> None:
        """The builds end well, and those that wait for the slave, which comes back if it was lost."""
        if not self.connected():
            self.slaves = []
            self.connect()
        for _ in range(40):
            commands = [command for slave in self.slaves for command in slave.commands]
            for slave in self.slaves:
                slave.commands.clear()
            for command in commands:
                command.end(0)
            self.settle()
            self.reactor.advance(0)
            self.settle()
            self.follow()
            if not commands:
                return

    def follow(self) -> None:
        """Note what must follow from the builds that have ended."""
        for build in self.builds("full"):
            if build.results != SUCCESS or build.number in self.followed:
                continue
            self.followed.add(build.number)
            facts = dict(factsOf(build.sourcestamp))
            if any(self.setOf(request).scheduler == "full" for request in build.requests):
                self.expected["package"].append(inOrder(facts.items()))
            if "" in facts and len(self.below) == 1:  # a source without a name is good for one codebase
                self.expected["below"].append(inOrder(facts.items()))
                continue
            below = [(name, facts.get(name, latest(name))) for name in self.below]
            self.expected["below"].append(inOrder((name, completed(name, each)) for name, each in below))

    # what must be so

    def setOf(self, request: int) -> Any:
        """The build set of a request."""
        return self.successResultOf(self.store.getBuildsetOf(request))

    def sets(self) -> dict[str, list[Sources]]:
        """The sources of all sets, by scheduler."""
        found: dict[str, list[Sources]] = {}
        number = 1
        while (record := self.successResultOf(self.store.getBuildset(number))) is not None:
            found.setdefault(record.scheduler or "", []).append(factsOf(record.sourcestamp))
            number += 1
        return found

    def compare(self) -> None:
        """The sets are those of the model; each build has all of its requests."""
        found = self.sets()
        for name, expected in (*self.model.sets.items(), *self.expected.items()):
            self.assertEqual(Counter(found.get(name, [])), Counter(expected), name)
        for builder in ("full", "each", "hourly", "package", "low", "asked"):
            for build in self.builds(builder):
                sources = [factsOf(self.setOf(each).sourcestamp) for each in build.requests]
                self.assertEqual(factsOf(build.sourcestamp), together(sources), builder)

    def noneWaits(self) -> None:
        """No request waits."""
        self.assertEqual(self.successResultOf(self.store.pendingRequests()), [])
        builders = self.master.botmaster.builders
        self.assertEqual([name for name, each in builders.items() if each.building or each.pending], [])


def together(sources: Sequence[Sources]) -> Sources:
    """The source of one build for some requests: each codebase with the changes of all."""
    changes: dict[str, set[int]] = {}
    where = {(name, facts[:3]) for each in sources for name, facts in each}
    for name, facts in (part for each in sources for part in each):
        changes.setdefault(name, set()).update(facts[3])
    return inOrder((name, (*facts, tuple(sorted(changes[name])))) for name, facts in where)


def completed(name: str, facts: Facts) -> Facts:
    """The facts of a codebase that a step passes on."""
    branch, repository, revision, changes = facts
    said = SAID[name]
    if changes:
        return facts
    if branch is None and revision is None:
        branch, revision = said.get("branch"), said.get("revision")
    return branch, repository or said.get("repository", ""), revision, ()


_names = st.permutations(list(SAID)).flatmap(lambda names: st.sampled_from([[], names[:1], names[:2], names]))
_happenings = st.one_of(
    st.tuples(st.just("push"), st.sampled_from(list(SAID)), st.sampled_from(BRANCHES)),
    st.tuples(st.just("push"), st.sampled_from(list(SAID)), st.just("master")),
    st.tuples(st.just("passes"), st.sampled_from([STEP, STABLE, STABLE, 1800])),
    st.tuples(st.just("ends")),
    st.tuples(st.just("changes"), _names, st.sampled_from([("lib", "doc"), ("app", "lib"), ("doc",)])),
    st.tuples(st.sampled_from(["dies", "restarts"])),
    st.tuples(st.just("crashes"), st.sampled_from(list(SAID)), st.integers(0, 9)),
    st.tuples(st.just("forces"), st.sampled_from(["full", "asked"]), st.sampled_from(BRANCHES)),
)


class SequenceTests(unittest.SynchronousTestCase):
    """Anything may happen."""

    def test_sequences(self) -> None:
        """Changes, forced builds, reconfigs, kills and restarts, in any order: nothing is lost or mixed."""
        options = settings(
            max_examples=examples(10),
            deadline=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        )
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        try:
            options(given(_names, st.lists(_happenings, min_size=4, max_size=14))(self.play))()
        except BaseException as failure:
            print("\n".join(getattr(failure, "__notes__", ())))  # what happened, which trial would not show
            raise

    def play(self, names: Sequence[str], happenings: Sequence[tuple[Any, ...]]) -> None:
        """Run one sequence."""
        story = Story()
        try:
            story.play(names, happenings)
        finally:
            story.doCleanups()
