"""A scheduler of a site's own, written for 0.8, takes changes and submits builds."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.stories.changes import ChangeCase

SCHEDULERS = """
from twisted.internet import defer
from buildbot.changes.filter import ChangeFilter
from buildbot.process.properties import Properties
from buildbot.schedulers import base

class Importants(base.BaseScheduler):
    '''Counts the unimportant changes, and builds them with the next important one.'''
    compare_attrs = base.BaseScheduler.compare_attrs + ('files',)

    def __init__(self, name, builderNames, files, properties={}, codebases=None):
        base.BaseScheduler.__init__(self, name, builderNames, properties, codebases)
        self.files = files
        self.told = []

    def startService(self):
        base.BaseScheduler.startService(self)
        self.startConsumingChanges(fileIsImportant=self.isImportant,
            change_filter=ChangeFilter(branch=[None, 'stable']))

    def isImportant(self, change):
        if 'bad' in change.files:
            raise ValueError('bad')
        return bool([f for f in change.files if f in self.files])

    @defer.inlineCallbacks
    def gotChange(self, change, important):
        waiting = yield self.getState('waiting', [])
        waiting = [n for n in waiting if n != change.number] + [change.number]
        yield self.setState('waiting', [] if important else waiting)
        if important:
            props = Properties()
            props.updateFromProperties(self.properties)
            props.setProperty('count', len(waiting), 'Scheduler')
            bsid, brids = yield self.addBuildsetForChanges(reason='important', changeids=waiting,
                properties=props)
            self.told.append((bsid, sorted(brids)))

class Asking(base.BaseScheduler):
    '''Builds whatever it is asked to.'''

c = BuildmasterConfig = {}
"""


class OwnSchedulerStory(ChangeCase):
    """A site with two schedulers of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.edit("c = BuildmasterConfig = {}", SCHEDULERS)
        self.edit(
            "c['schedulers'] = [quick, Dependent('package', quick, ['package'])]",
            "c['schedulers'] = [Importants('own', ['full'], ['a.c'], properties={'kind': 'ci'}),"
            " Asking('asking', ['full', 'package'])]",
        )

    def own(self, name: str = "own") -> Any:
        """A running scheduler."""
        (found,) = [each for each in self.master.getStatus().getSchedulers() if each.getName() == name]
        return found

    def commit(self, *files: str, **more: Any) -> None:
        """Commit a change, and let builds run."""
        self.successResultOf(self.send(*files, **more))
        self.wait(1)

    def test_changes(self) -> None:
        """Changes come one by one, judged; the numbers of the set and its requests come back."""
        self.begin()
        for name in ("doc.txt", "a.c", "b.c"):
            self.commit(name)
        self.commit("a.c", branch="other")
        self.assertEqual(self.changesOf(), [[1, 2]])
        (build,) = self.builds()
        self.assertEqual(
            (build.reason, build.properties["kind"], build.properties["count"]), ("important", "ci", 2)
        )
        self.assertEqual(self.own().told, [(1, ["full"])])

    def test_restarts(self) -> None:
        """P2: each change is built once, also after a kill, a restart or a reconfig in between."""
        self.begin()
        self.commit("doc.txt")
        self.kill()
        self.begin()
        self.commit("b.c")
        self.stop()
        self.slaves = []
        self.begin()
        self.edit("['a.c'], properties", "['a.c', 'c.c'], properties")
        self.assertTrue(self.reconfig()["applied"])
        self.commit("c.c")
        self.commit("a.c")
        self.assertEqual(self.changesOf(), [[1, 2, 3], [4]])

    def test_killedMeanwhile(self) -> None:
        """P2: a change whose gotChange was still working at a kill comes again, and is built once."""
        self.begin()
        self.commit("doc.txt")
        scheduler = self.own()
        scheduler.setState = lambda *args: Deferred()  # the store does not answer in time
        self.commit("a.c")
        self.assertEqual(self.builds(), [])
        self.wait(30)
        self.kill()
        self.begin()
        self.wait(1)
        self.assertEqual(self.changesOf(), [[1, 2]])
        self.kill()
        self.begin()
        self.wait(5)
        self.assertEqual(self.changesOf(), [[1, 2]])

    def test_failing(self) -> None:
        """A change that cannot be judged is logged and left out; later ones are built."""
        self.begin()
        self.commit("bad")
        self.commit("a.c")
        self.assertEqual(self.changesOf(), [[2]])
        self.assertEqual([str(each.value) for each in self.flushLoggedErrors(ValueError)], ["bad"])

    def test_asked(self) -> None:
        """Sets are submitted for the latest of a branch, for a revision, and for changes."""
        self.begin()
        asking = self.own("asking")
        added = [
            asking.addBuildsetForLatest(reason="latest", branch="stable", properties={"x": 1}),
            asking.addBuildsetForSourceStampDetails(
                reason="one", branch="b", revision="r3", project="p", builderNames=["full"]
            ),
            asking.addBuildsetForSourceStampSetDetails(
                "two", {"lib": {"revision": "r1"}, "app": {"branch": "b"}}, None, builderNames=["full"]
            ),
        ]
        self.wait(3)
        self.assertEqual(
            [sorted(self.successResultOf(each)[1]) for each in added],
            [["full", "package"], ["full"], ["full"]],
        )
        latest, one, two = self.builds()
        self.assertEqual(
            (latest.reason, latest.sourcestamp["branch"], latest.properties["x"]), ("latest", "stable", 1)
        )
        found = {key: one.sourcestamp[key] for key in ("branch", "revision", "project")}
        self.assertEqual(found, {"branch": "b", "revision": "r3", "project": "p"})
        both = [two.sourcestamp, *two.sourcestamp["beside"]]
        self.assertEqual(
            [(each["codebase"], each["revision"]) for each in both], [("lib", "r1"), ("app", None)]
        )
        self.failureResultOf(asking.addBuildsetForChanges(reason="none", changeids=[77]), ValueError)

    def test_reconfigured(self) -> None:
        """A reconfig notices other builders, also of a class that compares attributes of its own."""
        self.begin()
        self.edit(
            "compare_attrs = base.BaseScheduler.compare_attrs + ('files',)", "compare_attrs = ['files']"
        )
        self.assertTrue(self.reconfig()["applied"])
        self.edit("Importants('own', ['full']", "Importants('own', ['package']")
        self.assertTrue(self.reconfig()["applied"])
        self.commit("a.c")
        self.assertEqual((self.changesOf(), self.changesOf("package")), ([], [[1]]))
