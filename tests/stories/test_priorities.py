"""The keys of 0.8 for all builders: c['prioritizeBuilders'] and c['properties']."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred

from buildbot.model.properties import WithProperties
from buildbot.process.provenance import Origin, originOf, piecesOf
from tests.stories.changes import ChangeCase

CONFIG = """
from buildbot.changes.pb import PBChangeSource
from buildbot.process.factory import BuildFactory
from buildbot.scheduler import Scheduler
from buildbot.steps.shell import ShellCommand

c = BuildmasterConfig = {}
c['bots'] = [('bot1', 'sekrit', {'max_builds': 1})]
c['slavePortnum'] = 9989
f = BuildFactory()
f.addStep(ShellCommand, command=['make'])
names = ['low', 'middle', 'high']
c['builders'] = [{'name': n, 'slavename': 'bot1', 'builddir': n, 'factory': f} for n in names]
c['sources'] = [PBChangeSource(passwd='canary-1')]
c['schedulers'] = [Scheduler('all', None, None, names)]
ORDER = ('high', 'middle', 'low')
def prioritize(master, builders):
    return sorted(builders, key=lambda builder: ORDER.index(builder.name))
"""
RULE = "c['prioritizeBuilders'] = prioritize\n"


class OrderCase(ChangeCase):
    """A slave that runs one build at a time, for three builders."""

    def begins(self, *lines: str) -> None:
        """Start the master with some lines at the end of its file, and connect the slave."""
        self.write(CONFIG + "".join(lines))
        self.begin()
        (self.slave,) = self.slaves
        self.slave.onCommand = lambda command: None
        self.done = 0

    def change(self) -> None:
        """Send a change; each builder gets a request."""
        self.successResultOf(self.send())
        self.wait(1)

    def order(self) -> list[str]:
        """End the builds, one after the other; return their builders in the order of the builds."""
        began = []
        while len(self.slave.commands) > self.done:
            command: Any = self.slave.commands[self.done]
            began.append(command.builder.decode())
            self.done += 1
            command.end(0)
            self.wait(1)
        return began


class PriorityTests(OrderCase):
    """C{c['prioritizeBuilders']}."""

    def test_without(self) -> None:
        """Without the key, the order is that of the requests."""
        self.begins()
        self.change()
        self.assertEqual(self.order(), ["low", "middle", "high"])

    def test_changes(self) -> None:
        """The function determines the order of the builds of each change."""
        self.begins(RULE)
        for _ in range(3):
            self.change()
            self.assertEqual(self.order(), ["high", "middle", "low"])

    def test_busy(self) -> None:
        """A request that comes while the slave is busy is built before those of less important builders."""
        self.begins(RULE)
        self.change()
        self.change()
        self.assertEqual(self.order(), ["high", "high", "middle", "low"])

    def test_reconfig(self) -> None:
        """A reconfig changes the order, and another one ends it; builds that wait follow it."""
        self.begins(RULE)
        self.change()
        self.assertEqual(self.reconfig()["changes"], [])
        self.edit("ORDER = ('high', 'middle', 'low')", "ORDER = ('high', 'low', 'middle')")
        (change,) = self.reconfig()["changes"]
        self.assertIn("prioritizeBuilders", change)
        self.assertEqual(self.order(), ["high", "low", "middle"])
        self.edit(RULE, "")
        self.reconfig()
        self.change()
        self.assertEqual(sorted(self.order()), ["high", "low", "middle"])

    def test_master(self) -> None:
        """The function gets the master, and the builders with requests."""
        self.begins(
            "def told(master, builders):\n"
            "    names = [b.name for b in builders]\n"
            "    assert master.getStatus().getBuilderNames() == ['low', 'middle', 'high']\n"
            "    assert all(b.pending for b in builders)\n"
            "    return builders[::-1]\n"
            "c['prioritizeBuilders'] = told\n"
        )
        self.change()
        self.assertEqual(self.order(), ["high", "middle", "low"])

    def test_oldest(self) -> None:
        """The function can sort by the time of the oldest request, as that of 0.7 does."""
        self.begins(
            "c['prioritizeBuilders'] = lambda master, builders: sorted(\n"
            "    builders, key=lambda b: (-b.getOldestRequestTime(), b.name))\n"
        )
        self.assertIsNone(self.master.botmaster.builders["low"].getOldestRequestTime())
        self.change()
        self.assertEqual(self.order(), ["high", "low", "middle"])

    def test_inPlace(self) -> None:
        """A function may change the list that it gets; it must return one."""
        self.begins(
            "def sort(master, builders):\n    builders.sort(key=lambda b: b.name)\n    return builders\n"
        )
        self.edit("    return builders\n", "    return builders\nc['prioritizeBuilders'] = sort\n")
        self.reconfig()
        self.change()
        self.assertEqual(self.order(), ["high", "low", "middle"])

    def test_leftOut(self) -> None:
        """A builder that the function leaves out waits, and the status has the reason."""
        self.begins("c['prioritizeBuilders'] = lambda master, builders: builders[:1]\n")
        self.change()
        self.assertEqual(self.order(), ["low", "middle", "high"])
        self.edit("builders[:1]", "[]")
        self.reconfig()
        self.change()
        self.assertEqual(self.order(), [])
        why = self.master.botmaster.builders["low"].whyWaiting()
        self.assertEqual(why, "prioritizeBuilders of the configuration leaves this builder out")

    def test_fails(self) -> None:
        """If it raises or returns nonsense, all builders get slaves; the log has it once."""
        for answer, kind in (
            ("1 / 0", ZeroDivisionError),
            ("None", TypeError),
            ("['low']", TypeError),
            ("builders[0]", TypeError),
            ("Deferred()", TypeError),
            ("wait()", TypeError),
            ("sys.exit()", SystemExit),
        ):
            self.begins(
                "import sys\nfrom twisted.internet.defer import Deferred\nasync def wait():\n    return []\n"
                f"c['prioritizeBuilders'] = lambda master, builders: {answer}\n"
            )
            for _ in range(2):
                self.change()
                self.assertEqual(self.order(), ["low", "middle", "high"])
            self.assertEqual(len(self.flushLoggedErrors(kind)), 1)
            self.stop()
            self.slaves.clear()

    def test_brokenBuilder(self) -> None:
        """A builder that fails to start its builds does not keep others from theirs."""
        self.begins(RULE)
        high = self.master.botmaster.builders["high"]
        self.patch(high, "startBuilds", lambda: 1 / 0)
        for _ in range(2):
            self.change()
            self.assertEqual(self.order(), ["middle", "low"])
        self.assertEqual({each.type for each in self.flushLoggedErrors()}, {ZeroDivisionError})

    def test_force(self) -> None:
        """C{buildbot force} tells the number of the build also then."""
        self.begins(RULE)
        forcing = ensureDeferred(self.master.commands["force"]("low"))
        self.wait(1)
        self.assertEqual(self.successResultOf(forcing)["build"], 0)
        forcing = ensureDeferred(self.master.commands["force"]("high"))
        self.wait(1)
        said = self.successResultOf(forcing)
        self.assertEqual(
            (said["build"], said["why"]), (None, "slave bot1: busy with 1 build, which is the limit")
        )
        self.assertEqual(self.order(), ["low", "high"])


class PropertyTests(OrderCase):
    """C{c['properties']}."""

    def built(self) -> Any:
        """The running build of the builder low."""
        (build,) = self.master.botmaster.builders["low"].building
        return build

    def test_everyBuild(self) -> None:
        """Each build has the properties, also after a reconfig that changes them, and a restart."""
        self.begins("c['properties'] = {'site': 'here', 'jobs': 4}\n")
        for value in ("here", "there"):
            self.change()
            build = self.built()
            self.assertEqual((build.getProperty("site"), build.getProperty("jobs")), (value, 4))
            self.assertEqual(build.properties.getPropertySource("site"), "Global")
            self.assertEqual(len(self.order()), 3)
            self.assertEqual(self.reconfig()["changes"], [])
            if value == "here":
                self.edit("'here'", "'there'")
                self.assertEqual(self.reconfig()["changes"], ["~ properties: new value"])

    def test_weakest(self) -> None:
        """Properties from elsewhere count more: of the change, the request, the builder, the slave."""
        self.begins("c['properties'] = {'site': 'here', 'who': 'all', 'buildername': 'none'}\n")
        self.successResultOf(self.send(properties={"who": "ann"}))
        self.wait(1)
        build = self.built()
        told = {name: build.getProperty(name) for name in ("site", "who", "buildername")}
        self.assertEqual(told, {"site": "here", "who": "ann", "buildername": "low"})
        self.assertEqual(build.properties.getPropertySource("who"), "Change")

    def test_trusted(self) -> None:
        """They count as of the configuration, like those of a builder, until somebody replaces them."""
        self.begins(
            "c['properties'] = {'site': 'here', 'who': 'all'}\nc['builders'][0]['properties'] = {'os': 'x'}\n"
        )
        self.successResultOf(self.send(properties={"who": "ann"}))
        self.wait(1)
        build = self.built()
        origins = {name: originOf(name, build) for name in ("site", "who", "os")}
        ours = Origin.CONFIGURATION
        self.assertEqual(origins, {"site": ours, "who": Origin.OTHERS, "os": ours})
        (piece,) = piecesOf(WithProperties("%(site)s"), build)
        self.assertEqual((piece.text, piece.by), ("here", ours))
        build.setProperty("site", "evil")
        self.assertEqual(originOf("site", build), Origin.SLAVE)
