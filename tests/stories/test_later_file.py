"""A master.cfg of 0.8 builds."""

from __future__ import annotations

from buildbot.model.results import SUCCESS
from tests.stories.changes import ChangeCase

CONFIG = """
from buildbot.plugins import buildslave, changes, schedulers, steps, util

c = BuildmasterConfig = {}
c['slaves'] = [buildslave.BuildSlave('bot1', 'sekrit', max_builds=1, properties={'os': 'linux'})]
c['protocols'] = {'pb': {'port': 9989}}
c['change_source'] = changes.PBChangeSource(passwd='canary-1')
f = util.BuildFactory()
f.addStep(steps.ShellCommand(command=['make', 'check']))
c['builders'] = [
    util.BuilderConfig(name='full', slavenames=['bot1'], factory=f),
    util.BuilderConfig(name='docs', slavenames='bot1', factory=f),
]
c['schedulers'] = [
    schedulers.SingleBranchScheduler(
        name='code', change_filter=util.ChangeFilter(branch=None, category=[None]),
        treeStableTimer=60, builderNames=['full'], properties={'kind': 'code'}),
    schedulers.AnyBranchScheduler(
        name='docs', change_filter=util.ChangeFilter(category='docs'),
        treeStableTimer=None, builderNames=['docs']),
]
c['title'] = 'A project'
c['titleURL'] = 'http://project/'
"""


class LaterFileStory(ChangeCase):
    """A file of 0.8 is loaded, a slave attaches, and changes are built."""

    def test_built(self) -> None:
        """The filters choose the builders, and the builds have the properties of scheduler and slave."""
        self.write(CONFIG)
        self.begin()
        self.assertEqual(self.connected(), ["bot1"])
        self.successResultOf(self.send())
        self.successResultOf(self.send(category="docs"))
        self.wait(61)
        self.assertEqual((self.changesOf("full"), self.changesOf("docs")), ([[1]], [[2]]))
        [build] = self.builds("full")
        self.assertEqual(build.results, SUCCESS)
        found = [build.properties[name] for name in ("os", "kind", "buildername")]
        self.assertEqual(found, ["linux", "code", "full"])
        self.assertEqual(self.master.projectName, "A project")

    def test_sameFile(self) -> None:
        """A reconfig of the same file changes nothing."""
        self.write(CONFIG)
        self.begin()
        self.assertEqual(self.reconfig()["changes"], [])

    def test_slaveLock(self) -> None:
        """Builds on a slave hold its locks, so two slaves with one lock build one after the other."""
        self.write(CONFIG)
        lock = "locks=[util.MasterLock('disk')]"
        self.edit("max_builds=1,", f"{lock},")
        self.edit(
            "c['protocols']",
            f"c['slaves'].append(buildslave.BuildSlave('bot2', 's', {lock}))\nc['protocols']",
        )
        self.edit("slavenames='bot1'", "slavenames=['bot2']")
        self.begin()
        self.connect(name="bot2", password="s", onCommand=lambda command: None)
        self.successResultOf(self.send(category="docs"))
        self.successResultOf(self.send())
        self.wait(61)
        self.assertEqual([build.results for build in self.builds("full")], [None])
        self.slaves[1].commands[0].end(0)
        self.settle()
        self.assertEqual([build.results for build in self.builds("full")], [SUCCESS])

    def test_builderValues(self) -> None:
        """Builds have the properties and the environment of their builder; a step's own variable wins."""
        self.write(CONFIG)
        values = "properties={'kind': 'b'}, env={'A': util.Interpolate('%(prop:os)s'), 'B': '1'}"
        self.edit("slavenames=['bot1'],", f"slavenames=['bot1'], {values}, description='words',")
        self.edit("'check'])", "'check'], env={'B': '2'}, locks=[util.MasterLock('m').access('exclusive')])")
        self.begin()
        self.successResultOf(self.send())
        self.wait(61)
        [build] = self.builds("full")
        self.assertEqual((build.results, build.properties["kind"]), (SUCCESS, "b"))
        self.assertEqual(self.slaves[0].commands[0].args[b"env"], {b"A": b"linux", b"B": b"2"})
