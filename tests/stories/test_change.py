"""A change becomes a build."""

from __future__ import annotations

from buildbot.clients.sendchange import SendFailed
from buildbot.model.results import FAILURE, SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from tests.examples import sample
from tests.stories.changes import ChangeCase


class ChangeStory(ChangeCase):
    """A hook sends a change, and a slave builds it."""

    def test_built(self) -> None:
        """A change is sent, acknowledged, and built when the tree is stable; then the package is built."""
        self.begin()
        self.assertIsNone(self.successResultOf(self.send()))
        self.wait(59)
        self.assertEqual(self.builds(), [])
        self.wait(2)
        (build,) = self.builds()
        self.assertEqual((build.results, build.reason), (SUCCESS, "scheduler quick"))
        (change,) = build.sourcestamp["changes"]
        self.assertEqual((change["who"], change["files"], change["comments"]), ("ann", ["a.c"], "fix"))
        self.assertEqual([each.results for each in self.builds("package")], [SUCCESS])
        self.assertEqual(self.changesOf("package"), [[1]])

    def test_properties(self) -> None:
        """A build has the properties of its change; of two changes, those of the newer one."""
        self.begin()
        self.successResultOf(self.send(properties={"kind": "docs", "by": "ann"}))
        self.successResultOf(self.send(properties={"kind": "code", "buildername": "mine"}))
        self.wait(61)
        (build,) = self.builds()
        found = [build.properties[name] for name in ("kind", "by", "buildername")]
        self.assertEqual(found, ["code", "ann", "full"])

    def test_runningSchedulers(self) -> None:
        """A caller that reads the list of schedulers gets the running ones, also those kept by a reconfig."""
        self.begin()
        before = self.master.getStatus().getSchedulers()
        self.assertTrue(self.reconfig()["applied"])
        self.assertEqual([scheduler.getName() for scheduler in before], ["quick", "package"])
        for one, other in zip(before, self.master.getStatus().getSchedulers(), strict=True):
            self.assertIs(one, other)

    def test_password(self) -> None:
        """S1: a client without the password cannot start builds; the password is never shown."""
        self.begin()
        self.failureResultOf(self.send(password="changepw"), SendFailed)
        self.edit("canary-1", "canary-2")
        outcome = self.reconfig()
        self.assertTrue(outcome["applied"])
        self.assertNotIn("canary", repr((outcome, self.status(), self.master.config)))
        self.failureResultOf(self.send(), SendFailed)
        self.assertIsNone(self.successResultOf(self.send(password="canary-2")))

    def test_noSource(self) -> None:
        """S1: without a change source, no client can send changes."""
        self.begin()
        self.edit("[PBChangeSource(passwd='canary-1')]", "[]")
        self.assertTrue(self.reconfig()["applied"])
        self.failureResultOf(self.send(), SendFailed)

    def test_killed(self) -> None:
        """P2: a master killed right after acknowledging a change builds it after the restart, once."""
        self.begin()
        self.successResultOf(self.send())
        self.kill()
        self.begin()
        self.wait(61)
        self.assertEqual((self.changesOf(), self.changesOf("package")), ([[1]], [[1]]))

    def test_restarted(self) -> None:
        """A change that waits for the tree to be stable waits across a restart, and is built on time."""
        self.begin()
        self.successResultOf(self.send())
        self.wait(30)
        self.stop()
        self.slaves = []
        self.begin()
        self.wait(29)
        self.assertEqual(self.builds(), [])
        self.wait(2)
        self.assertEqual((self.changesOf(), self.changesOf("package")), ([[1]], [[1]]))

    def test_overdue(self) -> None:
        """A build that became due meanwhile starts at the restart, once, whenever its timer fires."""
        for number, held in enumerate(sample(range(12), 5), 1):
            self.begin()
            self.successResultOf(self.send())
            self.wait(11)
            self.kill()
            self.reactor.advance(3600)
            self.store.lazy = True
            self.begin(held)
            self.store.flush()
            self.store.lazy = False
            self.settle()
            self.wait(3)
            self.assertEqual(self.changesOf()[-1], [number], held)
            self.assertEqual(self.changesOf("package")[-1], [number], held)
            self.assertEqual(len(self.builds()[-1].requests), 1, held)
            self.stop()

    def test_sameFile(self) -> None:
        """R5: after a reconfig without a change, changes are built as before, and waiting ones wait."""
        self.begin()
        self.successResultOf(self.send())
        self.assertEqual(self.reconfig()["changes"], [])
        self.successResultOf(self.send())
        self.wait(61)
        self.assertEqual((self.changesOf(), self.changesOf("package")), ([[1, 2]], [[1, 2]]))

    def test_otherTimer(self) -> None:
        """P2: a reconfig with another timer loses no waiting change, unlike in 0.7.5."""
        self.begin()
        self.successResultOf(self.send())
        self.edit("None, 60", "None, 120")
        self.assertTrue(self.reconfig()["applied"])
        self.wait(61)
        self.successResultOf(self.send())
        self.wait(60)
        self.assertEqual(self.builds(), [])
        self.wait(61)
        self.assertEqual((self.changesOf(), self.changesOf("package")), ([[1, 2]], [[1, 2]]))

    def test_slowReconfig(self) -> None:
        """P2: a change that comes while a new plug-in starts slowly is built once."""
        self.begin()
        self.add("from tests.stories.plugins import Slow; c['status'] = [Slow()]")
        self.edit("None, 60", "None, 20")
        waiting = self.master.reconfigurer.request()
        self.reactor.advance(1)
        self.successResultOf(self.send())
        self.reactor.advance(5)
        self.assertTrue(self.successResultOf(waiting)["applied"])
        self.wait(20)
        self.assertEqual(self.changesOf(), [[1]])

    def test_newBuilder(self) -> None:
        """A scheduler gets a new builder in one reconfig: waiting changes are built there too."""
        self.begin()
        self.successResultOf(self.send())
        self.edit("['full'])", "['full', 'new'])")
        new = "{'name': 'new', 'slavename': 'bot1', 'builddir': 'n', 'factory': f}"
        self.edit("c['builders'] = [", f"c['builders'] = [{new},")
        self.assertTrue(self.reconfig()["applied"])
        self.wait(61)
        self.assertEqual((self.changesOf(), self.changesOf("new")), ([[1]], [[1]]))

    def test_consequences(self) -> None:
        """A reconfig, also a dry run, reports which builds it stops and which requests it cancels."""
        self.begin()
        self.slaves[0].onCommand = lambda command: None
        for revision in ("1", "2"):
            self.master.submitBuildSet(BuildSet(["package"], SourceStamp(revision=revision)))
        self.settle()
        self.edit(", Dependent('package', quick, ['package'])", "")
        self.edit("{'name': 'package', 'slavename': 'bot1', 'builddir': 'package', 'factory': f},", "")
        outcome = self.reconfig(dryRun=True)
        ends = "1 running build will be stopped and 1 waiting request will be cancelled"
        said = f"builder package is being removed: {ends}"
        self.assertEqual((outcome["warnings"], outcome["applied"]), ([said], False))
        self.assertEqual(self.reconfig()["warnings"], [said])
        self.slaves[0].commands[0].end(-1)
        self.settle()
        self.assertEqual([build.results for build in self.builds("package")], [FAILURE])

    def test_removedScheduler(self) -> None:
        """F14: a reconfig reports first how many changes wait for a scheduler that it removes."""
        self.begin()
        self.successResultOf(self.send())
        self.edit("c['schedulers'] = [quick", "c['schedulers'] = [Scheduler('other', None, 9, ['full'])")
        self.edit(", Dependent('package', quick, ['package'])", "")
        said = "scheduler quick is being removed: 1 waiting change will not be built"
        self.assertEqual(self.reconfig(dryRun=True)["warnings"], [said])

    def test_refusedReconfig(self) -> None:
        """R1: after a refused reconfig, the schedulers and the source still work."""
        self.begin()
        self.successResultOf(self.send())
        self.edit("None, 60", "None, 20")
        self.add("from tests.stories.plugins import Broken; c['status'] = [Broken()]")
        self.assertFalse(self.reconfig()["applied"])
        self.successResultOf(self.send())
        self.wait(59)
        self.assertEqual(self.builds(), [])
        self.wait(2)
        self.assertEqual(self.changesOf(), [[1, 2]])
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_submitted(self) -> None:
        """A plug-in of 0.7.5 submits a build set to the master without waiting."""
        self.begin()
        self.master.submitBuildSet(BuildSet(["full"], SourceStamp(), "by a plug-in"))
        self.settle()
        self.assertEqual([build.reason for build in self.builds()], ["by a plug-in"])
