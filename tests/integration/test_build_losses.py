# -*- test-case-name: tests.integration.test_build_losses -*-
"""Builds on real slaves of every generation that are stopped, or that lose their slave or their master.

test_builds has undisturbed builds; test_liveness has the loss of idle slaves.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.integration.generations import GENERATIONS, OLD_SLAVE, SLAVE, WORKER, Generation
from tests.integration.masters import MasterTestCase
from tests.integration.processes import moments, until
from tests.integration.proxy import Mode, Proxy
from tests.integration.slaves import together

#: Seconds of silence before the master of these tests probes a slave.
KEEPALIVE = 2.0

#: Seconds for the answer to a probe, and for a stopped build to end.
PATIENCE = 30.0

#: Extra seconds for a busy machine; less than PATIENCE: what takes longer has waited for a probe.
SLACK = 28.0

#: The most seconds by which a slave may lose its connection before its time is over.
EARLY = 15.0

#: For C{master.cfg}: three steps, the middle one of which waits for a file, with all kinds of locks, so that
#: a lock that is not released would be noticed.
STEPS = """
from buildbot.locks import MasterLock, SlaveLock
from buildbot.steps.shell import ShellCommand, WithProperties
gate = WithProperties({gates!r} + '/%(buildername)s')
script = '''
echo $$ >> "$1.began"
echo waiting
while [ ! -e "$1.open" ] && [ -d "${{1%/*}}" ]; do sleep 0.2; done
echo done
'''
f.addStep(ShellCommand, name='before', command=['true'], usePTY=False)
f.addStep(ShellCommand, name='middle', command=['sh', '-c', script, 'sh', gate], usePTY=False,
          haltOnFailure=True, locks=[SlaveLock('middle')])
f.addStep(ShellCommand, name='after', command=['true'], usePTY=False)
for builder in c['builders']:
    builder['locks'] = [SlaveLock('one on each'), MasterLock('all', {slaves})]
"""

#: The same with the upload of a file, a large one unless the gate is open.
TRANSFER = """
from buildbot.steps.shell import ShellCommand, WithProperties
from buildbot.steps.transfer import FileUpload
gate = WithProperties({gates!r} + '/%(buildername)s.open')
script = 'size=1G; [ ! -e "$1" ] || size=1000; rm -f big; truncate -s $size big'
f.addStep(ShellCommand, name='before', command=['sh', '-c', script, 'sh', gate], usePTY=False)
f.addStep(FileUpload, name='middle', slavesrc='big', haltOnFailure=True,
          masterdest=WithProperties('uploads/%(buildername)s/big'))
f.addStep(ShellCommand, name='after', command=['true'], usePTY=False)
"""


class Gates:
    """Let the middle step of each builder wait until its gate is open."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        os.makedirs(directory)

    def open(self, builder: str) -> None:
        """Let the builds of this builder pass, until C{close}."""
        with open(f"{self.directory}/{builder}.open", "w"):
            pass

    def close(self, builder: str) -> None:
        """Stop the builds of this builder at the gate."""
        os.unlink(f"{self.directory}/{builder}.open")

    def remove(self) -> None:
        """Open all gates: a killed slave leaves its command running."""
        for name in os.listdir(self.directory):
            os.unlink(os.path.join(self.directory, name))
        os.rmdir(self.directory)

    def began(self, builder: str) -> list[int]:
        """The processes that have come to this gate, in order."""
        try:
            with open(f"{self.directory}/{builder}.began") as stream:
                return [int(line) for line in stream]
        except FileNotFoundError:
            return []


def isAlive(pid: int) -> bool:
    """True if the process exists and has not ended."""
    try:
        with open(f"/proc/{pid}/stat") as stream:
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Losses(MasterTestCase):
    """Builds that do not end normally; each builder has the name of its slave."""

    async def makeReady(self) -> None:
        """No master yet."""
        await super().makeReady()
        self.gates = Gates(os.path.join(self.directory, "gates"))
        self.addCleanup(self.gates.remove)
        self.rows: list[tuple[object, ...]] = []

    async def startAll(
        self,
        slaves: Mapping[str, Generation],
        builders: Mapping[str, list[str]] = {},
        keepalive: Mapping[str, float] = {},
        direct: bool = False,
        steps: str = STEPS,
    ) -> None:
        """Start a master, a builder for each slave, and the slaves behind a proxy.

        @param builders: further builders -> names of their slaves.
        @param keepalive: by slave.
        @param direct: slaves without the proxy.
        @param steps: the steps of a build, to be formatted.
        """
        self.master = await self.startMaster(
            bots={name: "sesame" for name in slaves},
            builders={**{name: [name] for name in slaves}, **builders},
            keepalive=keepalive,
            after=steps.format(gates=self.gates.directory, slaves=len(slaves)),
        )
        self.proxy = Proxy(self, self.master.port)
        self.slaves = await self.startSlaves(
            self.master.port if direct else self.proxy.port,
            [(generation, name, "sesame") for name, generation in slaves.items()],
        )
        await self.master.whenConnected(*slaves)

    async def midStep(self, builder: str, began: int, force: bool = True) -> float:
        """Run a build of this builder up to its middle step.

        @param began: how many times the step was started before, in this test.
        @param force: True to force a build; else a waiting request is built.
        @return: the seconds that it took.
        """
        before = time.monotonic()
        if force:
            await self.master.ask("force", builder=builder, reason="größer")
        await until(lambda: len(self.gates.began(builder)) > began, 180, f"a build of {builder} in mid-step")
        (running,) = await self.master.running(builder)
        self.assertEqual(running["step"], "middle")
        return time.monotonic() - before

    async def nextBuild(self, builder: str, number: int, since: float) -> float:
        """Check that the next build succeeds; return its seconds after C{since} (system clock)."""
        build = await self.master.whenFinished(builder, number, timeout=180)
        self.assertEqual(build["result"], "success", build)
        self.assertEqual([step["name"] for step in build["steps"]], ["before", "middle", "after"])
        finished: float = build["finished"]
        return finished - since

    def row(self, what: str, builder: str, build: Mapping[str, Any], since: float, following: float) -> None:
        """Record figures for the table; C{since} by the system clock."""
        generation = self.slaves[build["slave"]].generation.name
        ended = f"{build['result']}: {' '.join(build['text'])}"
        took = f"{max(0.0, build['finished'] - since):.1f}"
        self.rows.append((what, generation, ended, took, f"success after {following:.1f} s"))

    def tellRows(self) -> None:
        """Write the table into the log of the tests."""
        titles = ("what", "generation", "ended as", "seconds", "next build")
        self.tell(*titles, rows=sorted(self.rows, key=lambda row: str(row[0])))

    async def assertIdle(self) -> None:
        """Check that no build is running, no request waits, and every slave has room."""
        status = await self.master.ask("status")
        begun = time.monotonic()
        while status["master"]["running"] and time.monotonic() - begun < 120:
            await moments(0.05)  # the end of the build is in the records a moment earlier
            status = await self.master.ask("status")
        self.assertEqual((status["master"]["running"], status["master"]["waiting"]), ([], []))
        self.assertEqual(
            {slave["name"]: slave["running"] for slave in status["slaves"] if slave["running"]}, {}
        )

    async def assertNoneRunning(self, builder: str, number: int) -> None:
        """Check that all builds of a builder up to this number are finished in the records."""
        for each in range(number + 1):
            build = await self.master.ask("build", builder=builder, number=each)
            self.assertIsNotNone(build["finished"], build)

    def assertLost(self, build: Mapping[str, Any], since: float, within: float) -> None:
        """Check that a build ended because its slave was lost, at most C{within} seconds after C{since}."""
        self.assertEqual((build["result"], build["text"]), ("retry", ["slave", "lost"]), build)
        self.assertEqual([step["name"] for step in build["steps"]], ["before", "middle"])
        self.assertLess(build["finished"] - since, within)

    async def assertWaiting(self, name: str, build: Mapping[str, Any]) -> None:
        """Check that the request of this build waits again, and shows the reason."""
        begun = time.monotonic()
        while not (waiting := await self.master.waiting(name)) and time.monotonic() - begun < 120:
            await moments(0.05)  # the record of the end is written a moment earlier
        self.assertEqual([(each["id"], each["attempts"]) for each in waiting], [(build["requests"][0], 1)])
        (why,) = [each["why"] for each in (await self.master.ask("builds", builder=name))["waiting"]]
        self.assertIn(f"slave {name}: ", why)


class Stopped(Losses):
    """The slave is connected, or the loss of its connection is visible."""

    async def test_stoppedKilledAndCut(self) -> None:
        """A build is stopped, a slave is killed during a step and started again, and its connection is reset:
        each build ends at once, and a lost one is built again, but not after the third loss. A build on
        another slave is not affected (B1, B2, B5, B6).
        """
        names = {f"bot-{generation.name}": generation for generation in GENERATIONS}
        await self.startAll({**names, "bystander": WORKER})
        await self.midStep("bystander", 0)
        since = (await self.master.slaves())["bystander"]["since"]

        await together(self.stop(name) for name in names)
        await together(self.kill(name) for name in names)
        await together(self.cut(name) for name in names)

        (running,) = await self.master.running("bystander")
        self.assertEqual((running["number"], len(self.gates.began("bystander"))), (0, 1))
        self.gates.open("bystander")
        await self.nextBuild("bystander", 0, time.time())
        self.assertEqual((await self.master.slaves())["bystander"]["since"], since)
        await self.assertIdle()
        await together(self.assertNoneRunning(name, 8) for name in names)
        self.tellRows()
        self.assertNoTracebacks(self.master)

    async def stop(self, name: str) -> None:
        """Builds 0 and 1: stop one during its step, and run another one."""
        await self.midStep(name, 0)
        since = time.time()
        answer = await self.master.ask("stopbuild", builder=name, who="anna", reason="größer")
        self.assertEqual(answer["stopped"], [0])
        build = await self.master.whenFinished(name, 0)
        self.assertEqual((build["result"], build["text"][0]), ("failure", "interrupted"))
        self.assertIn("größer", build["text"][1])
        self.assertEqual([step["name"] for step in build["steps"]], ["before", "middle"])
        self.assertLess(build["finished"] - since, SLACK)
        self.assertEqual(await self.master.waiting(name), [], "a stopped build is not tried again")
        (process,) = self.gates.began(name)
        await until(lambda: not isAlive(process), SLACK, f"the end of the command of {name}")

        self.gates.open(name)
        begun = time.time()
        await self.master.ask("force", builder=name)
        self.row("stopped", name, build, since, await self.nextBuild(name, 1, begun))
        self.gates.close(name)

    async def kill(self, name: str) -> None:
        """Builds 2 and 3: the slave is killed and started again."""
        slave = self.slaves[name]
        await self.midStep(name, 2)
        since = time.time()
        await slave.kill()
        build = await self.master.whenFinished(name, 2)
        self.assertLost(build, since, SLACK)
        await self.assertWaiting(name, build)
        self.gates.open(name)
        begun = time.time()
        slave.start()
        self.row("killed, started again", name, build, since, await self.nextBuild(name, 3, begun))
        again = await self.master.ask("build", builder=name, number=3)
        self.assertEqual(again["requests"], build["requests"])
        self.gates.close(name)

    async def cut(self, name: str) -> None:
        """Builds 4 to 8: the connection is reset three times; then a forced build succeeds."""
        for loss in range(3):
            await self.midStep(name, 4 + loss, force=loss == 0)
            address = (await self.master.slaves())[name]["address"]
            since = time.time()
            self.proxy.linkOf(address).reset()
            build = await self.master.whenFinished(name, 4 + loss)
            if loss < 2:
                self.assertLost(build, since, SLACK)
        self.assertEqual((build["result"], build["text"]), ("exception", ["slave lost; the last of 3 tries"]))
        self.assertLess(build["finished"] - since, SLACK)
        self.assertEqual(await self.master.waiting(name), [])
        self.gates.open(name)
        for number in (7, 8):
            begun = time.time()
            await self.master.ask("force", builder=name)
            took = await self.nextBuild(name, number, begun)
            if number == 7:
                self.row("cut off three times", name, build, since, took)


class InTransfer(Losses):
    """The slave is uploading a file."""

    async def test_stoppedAndKilled(self) -> None:
        """A build is stopped during an upload, and another slave is killed during one: the builds end at
        once, no incomplete file is left, and the next build has the complete file (B1, B2).
        """
        names = {f"bot-{generation.name}": generation for generation in GENERATIONS}
        await self.startAll(names, steps=TRANSFER)
        await together(self.stopAndKill(name) for name in names)
        await self.assertIdle()
        self.tellRows()
        self.assertNoTracebacks(self.master)

    def received(self, name: str) -> dict[str, int]:
        """The files of this slave's upload: sizes by name."""
        directory = os.path.join(self.master.basedir, "uploads", name)
        try:
            return {each: os.path.getsize(os.path.join(directory, each)) for each in os.listdir(directory)}
        except FileNotFoundError:  # the directory, or a file that was just renamed
            return {}

    async def midTransfer(self, name: str) -> None:
        """Run a build of this builder up to the middle of its upload."""
        await self.master.ask("force", builder=name)
        await until(lambda: max(self.received(name).values(), default=0) > 500_000, 180, f"a file of {name}")
        self.assertNotIn("big", self.received(name))

    async def stopAndKill(self, name: str) -> None:
        """Builds 0 and 1: stopped, successful; 2 and 3: lost, successful."""
        await self.midTransfer(name)
        since = time.time()
        await self.master.ask("stopbuild", builder=name)
        build = await self.master.whenFinished(name, 0)
        self.assertEqual((build["result"], build["text"][0]), ("failure", "interrupted"), build)
        self.assertLess(build["finished"] - since, SLACK)
        self.assertEqual(self.received(name), {})
        self.gates.open(name)
        begun = time.time()
        await self.master.ask("force", builder=name)
        self.row("stopped in a transfer", name, build, since, await self.nextBuild(name, 1, begun))
        self.takeBack(name)

        self.gates.close(name)
        await self.midTransfer(name)
        since = time.time()
        await self.slaves[name].kill()
        build = await self.master.whenFinished(name, 2)
        self.assertLost(build, since, SLACK)
        self.assertEqual(self.received(name), {})
        self.gates.open(name)
        begun = time.time()
        self.slaves[name].start()
        self.row("killed in a transfer", name, build, since, await self.nextBuild(name, 3, begun))
        self.takeBack(name)

    def takeBack(self, name: str) -> None:
        """Check that the complete file is the only one; remove it."""
        self.assertEqual(self.received(name), {"big": 1000})
        os.unlink(os.path.join(self.master.basedir, "uploads", name, "big"))


class Mute(Losses):
    """The slave is gone without a visible loss of the connection."""

    async def test_frozenAndUnreachable(self) -> None:
        """Slaves that are stopped by SIGSTOP, or whose connection swallows everything, lose their builds in
        time. So does one that never reacts to a stop. A lost build is built at once on another slave, or
        later on the same one. Other builds are not affected (B1, B2, B5, L1, L4).
        """
        frozen = {f"frozen-{generation.name}": generation for generation in GENERATIONS}
        dead = {f"dead-{generation.name}": generation for generation in GENERATIONS}
        others = {"stubborn": SLAVE, "roaming": OLD_SLAVE, "well": WORKER}
        await self.startAll(
            {**frozen, **dead, **others},
            {"either": ["roaming", "well"]},
            {name: KEEPALIVE for name in (*frozen, *dead, "roaming")},
        )
        self.gates.open("well")
        await self.master.ask("force", builder="well")
        await self.nextBuild("well", 0, time.time())  # so that the other of the two is chosen next
        await together(self.midStep(name, 0) for name in (*frozen, *dead, "stubborn", "either"))
        self.assertEqual((await self.master.running("either"))[0]["slave"], "roaming")
        addresses = {name: said["address"] for name, said in (await self.master.slaves()).items()}

        since = time.time()
        for name in (*frozen, "stubborn", "roaming"):
            self.slaves[name].freeze()
        for name in dead:
            self.proxy.linkOf(addresses[name]).setMode(Mode.BLACKHOLE)
        self.gates.open("either")
        await self.master.ask("stopbuild", builder="stubborn", reason="enough")

        ending = together(
            [
                self.stubborn(since),
                self.roaming(since),
                *(self.mute(name, since, "stopped by SIGSTOP", self.slaves[name].thaw) for name in frozen),
                *(
                    self.mute(name, since, "link swallows", self.proxy.linkOf(addresses[name]).reset)
                    for name in dead
                ),
            ]
        )
        begun = time.time()
        answer = await self.master.ask("force", builder="well")
        self.assertEqual((answer["build"], answer["why"]), (1, ""))
        self.assertLess(await self.nextBuild("well", 1, begun), SLACK)
        await ending

        await self.assertIdle()
        self.assertEqual([self.slaves[name].attachments() for name in ("well", *frozen)], [1, 2, 2, 2, 2])
        await together(self.assertNoneRunning(name, 1) for name in (*frozen, *dead, "stubborn", "either"))
        self.tellRows()
        self.assertNoTracebacks(self.master)

    async def mute(self, name: str, since: float, what: str, revive: Callable[[], None]) -> None:
        """A slave that loses its build; after its return, the request is built there."""
        build = await self.master.whenFinished(name, 0)
        self.assertLost(build, since, KEEPALIVE + PATIENCE + SLACK)
        self.assertGreater(build["finished"] - since, PATIENCE - EARLY, "it was given no time to answer")
        await self.assertWaiting(name, build)
        self.gates.open(name)
        begun = time.time()
        revive()
        self.row(what, name, build, since, await self.nextBuild(name, 1, begun))

    async def stubborn(self, since: float) -> None:
        """A slave that does not stop its build is disconnected."""
        build = await self.master.whenFinished("stubborn", 0)
        self.assertEqual((build["result"], build["text"][0]), ("failure", "interrupted"))
        self.assertLess(build["finished"] - since, PATIENCE + SLACK)
        self.assertEqual(await self.master.waiting("stubborn"), [])
        self.gates.open("stubborn")
        begun = time.time()
        self.slaves["stubborn"].thaw()
        await self.master.ask("force", builder="stubborn")
        self.row("stopped, is frozen", "stubborn", build, since, await self.nextBuild("stubborn", 1, begun))

    async def roaming(self, since: float) -> None:
        """A builder with another slave: the request is built there at once."""
        build = await self.master.whenFinished("either", 0)
        self.assertLost(build, since, KEEPALIVE + PATIENCE + SLACK)
        took = await self.nextBuild("either", 1, build["finished"])
        self.assertLess(took, SLACK)
        again = await self.master.ask("build", builder="either", number=1)
        self.assertEqual((again["slave"], again["requests"]), ("well", build["requests"]))
        self.row("SIGSTOP, built elsewhere", "either", build, since, took)
        self.slaves["roaming"].thaw()


class Restarted(Losses):
    """The master is gone."""

    async def test_masterRestarted(self) -> None:
        """If the master is stopped or killed during builds, it knows them as ended after its restart, and
        builds each request again, once, when the slaves have reconnected by themselves (P1, L4).
        """
        names = {f"bot-{generation.name}": generation for generation in GENERATIONS}
        await self.startAll(names, direct=True)
        await together(self.midStep(name, 0) for name in names)
        since, begun = time.time(), time.monotonic()
        self.assertEqual(await self.master.stop(), 0)
        self.assertLess(time.monotonic() - begun, SLACK)
        await self.master.start()
        await together(self.again(name, 0, since, "master stopped, started", "retry") for name in names)

        await together(self.midStep(name, 2) for name in names)
        since = time.time()
        await self.master.kill()
        await self.master.start()
        await together(self.again(name, 2, since, "master killed, started", "exception") for name in names)

        await self.assertIdle()
        await together(self.assertNoneRunning(name, 3) for name in names)
        self.assertTrue(all(slave.isAlive() for slave in self.slaves.values()))
        self.tellRows()
        self.assertNoTracebacks(self.master)

    async def again(self, name: str, number: int, since: float, what: str, result: str) -> None:
        """Check how this build ended, and that the next one serves its request."""
        begun = time.time()
        build = await self.master.ask("build", builder=name, number=number)
        self.assertIsNotNone(build["finished"], build)
        self.assertEqual(build["result"], result, build)
        self.assertNotIn("after", [step["name"] for step in build["steps"]])
        self.gates.open(name)
        took = await self.nextBuild(name, number + 1, begun)
        again = await self.master.ask("build", builder=name, number=number + 1)
        self.assertEqual(again["requests"], build["requests"])
        self.row(what, name, build, since, took)
        self.gates.close(name)
