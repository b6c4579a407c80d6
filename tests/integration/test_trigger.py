# -*- test-case-name: tests.integration.test_trigger -*-
"""A tree of builds that trigger others, on real slaves; its master is killed in the middle."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from typing import Any

from buildbot.model.records import INTERRUPTED
from buildbot.store.files import FILE
from tests.integration.generations import SLAVE, WORKER
from tests.integration.masters import MasterTestCase
from tests.integration.processes import moments

#: The builders: one at the top, four below it, and fifteen below these.
MIDDLE = [f"middle{n}" for n in range(4)]
LEAVES = [f"leaf{n}" for n in range(15)]
#: Leaves that do not wait for the gate. The second one fails.
QUICK = LEAVES[:2]
#: The leaves of each builder in the middle: the first one has both quick leaves.
BELOW = {name: LEAVES[n * 4 : n * 4 + 4] for n, name in enumerate(MIDDLE)}

#: The rest of C{master.cfg}. A leaf notes its start and its end in a file of its own.
STEPS = """
from buildbot.schedulers.triggerable import Triggerable
from buildbot.steps.shell import ShellCommand
from buildbot.steps.trigger import Trigger

where, middle, below, quick = {where!r}, {middle!r}, {below!r}, {quick!r}

def waiting(scheduler):
    factory_ = factory.BuildFactory()
    factory_.addStep(ShellCommand(name='before', command=['true'], usePTY=False))
    factory_.addStep(Trigger(schedulerNames=[scheduler], waitForFinish=True, haltOnFailure=True,
                             set_properties={{'from': scheduler}}))
    factory_.addStep(ShellCommand(name='after', command=['true'], usePTY=False))
    return factory_

script = '''
echo began >> "$1"
while [ ! -e "$2" ] && [ -d "${{2%/*}}" ]; do sleep 0.2; done
echo ended >> "$1"
exit $3
'''

def leaf(name):
    gate = where if name in quick else where + '/open'
    status = '1' if name == quick[1] else '0'
    command = ['sh', '-c', script, 'sh', where + '/' + name, gate, status]
    return factory.BuildFactory([ShellCommand(name='leaf', command=command, usePTY=False, timeout=None)])

def builder(name, made):
    return dict(name=name, slavenames=[slaves[len(c['builders']) % len(slaves)]], builddir=name, factory=made)

slaves = [bot[0] for bot in c['bots']]
c['schedulers'].append(Triggerable('middle', middle))
c['builders'].append(builder('top', waiting('middle')))
for name in middle:
    c['builders'].append(builder(name, waiting('below ' + name)))
    c['schedulers'].append(Triggerable('below ' + name, below[name]))
    for each in below[name]:
        c['builders'].append(builder(each, leaf(each)))
"""

#: Seconds for a busy machine to run all builds.
PATIENCE = 180.0


class TriggerTests(MasterTestCase):
    """One forced build triggers nineteen others."""

    async def makeReady(self) -> None:
        """A master and two slaves, of 0.8 and of 4.3."""
        await super().makeReady()
        self.where = os.path.join(self.directory, "leaves")
        os.mkdir(self.where)
        names = {"where": self.where, "middle": MIDDLE, "below": BELOW, "quick": QUICK}
        self.master = await self.startMaster(bots=dict.fromkeys("ab", "sesame"), after=STEPS.format(**names))
        wanted = [
            (generation, name, "sesame") for generation, name in zip((SLAVE, WORKER), "ab", strict=True)
        ]
        self.slaves = await self.startSlaves(self.master.port, wanted)
        await self.master.whenConnected("a", "b")

    async def cleanUp(self) -> None:
        """End the leaves that still run."""
        self.openGate()

    def openGate(self) -> None:
        """Let all leaves end."""
        with open(os.path.join(self.where, "open"), "w"):
            pass

    def noted(self, leaf: str) -> list[str]:
        """What the builds of a leaf have noted."""
        try:
            with open(os.path.join(self.where, leaf)) as stream:
                return stream.read().split()
        except FileNotFoundError:
            return []

    async def untilWaiting(self, starts: int) -> None:
        """Wait until each slow leaf has begun C{starts} times, and all others wait for them."""
        slow = [leaf for leaf in LEAVES if leaf not in QUICK]
        for _ in range(int(PATIENCE * 10)):
            builds = await self.master.running()
            running = {build["builder"] for build in builds}
            waiting = {build["builder"] for build in builds if build["note"].startswith("waiting for the")}
            begun = sum(self.noted(leaf).count("began") >= starts for leaf in slow)
            if begun == len(slow) and running == {"top", *MIDDLE, *slow} and waiting == {"top", *MIDDLE}:
                return
            await moments(0.1)
        self.fail(f"begun: {begun}, running: {sorted(running)}, waiting: {sorted(waiting)}")

    async def kill(self) -> None:
        """Kill the master, and start it again."""
        self.master.child.signal(signal.SIGKILL)
        await self.master.child.whenEnded()
        await self.master.start()
        await self.master.whenConnected("a", "b")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the master's store; it must not run."""
        with closing(sqlite3.connect(os.path.join(self.master.basedir, FILE))) as connection:
            return connection.execute(query).fetchall()

    async def test_killed(self) -> None:
        """The master is killed twice while the tree waits: each build is triggered once, and the failure of
        one leaf is the result of the builds that wait for it.
        """
        await self.master.ask("force", builder="top")
        for leaf in QUICK:
            await self.master.whenFinished(leaf, 0, PATIENCE)
        await self.untilWaiting(1)
        await self.kill()
        await self.untilWaiting(2)
        await self.kill()
        # After two crashes, the slow leaves run one by one: this is their last attempt.
        self.openGate()
        top = await self.master.whenFinished("top", 2, PATIENCE)
        self.assertEqual((top["result"], top["text"]), ("failure", ["failed", "trigger"]))
        self.assertEqual([step["name"] for step in top["steps"]], ["before", "trigger"])
        results = {name: (await self.master.whenFinished(name, 2))["result"] for name in MIDDLE}
        self.assertEqual(results, {**dict.fromkeys(MIDDLE, "success"), MIDDLE[0]: "failure"})
        await self.master.run("stop", self.master.basedir)
        await self.master.child.whenEnded()
        # One request for each builder, and one build for each request, besides the interrupted ones.
        rows = self.rows("SELECT builder, interruptions FROM requests")
        requests = Counter(name for name, _ in rows)
        self.assertEqual(requests, Counter(["top", *MIDDLE, *LEAVES]))
        builds = Counter(
            name
            for name, record in self.rows("SELECT builder, record FROM builds")
            if INTERRUPTED not in record
        )
        self.assertEqual(builds, requests)
        # A crash does not count against a build that waits.
        expected = {**dict.fromkeys(LEAVES, 2), **dict.fromkeys(["top", *MIDDLE, *QUICK], 0)}
        self.assertEqual(dict(rows), expected)
        for leaf in LEAVES:
            times = 1 if leaf in QUICK else 3
            self.assertEqual(self.noted(leaf), ["began"] * times + ["ended"], leaf)
        self.assertNoTracebacks(self.master)
