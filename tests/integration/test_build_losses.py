# -*- test-case-name: tests.integration.test_build_losses -*-
"""Builds on real slaves of every generation that are stopped, or lose their slave or their master.

What a build does that is left alone is the subject of test_builds; slaves that are lost while they are idle
are the subject of test_liveness.
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

#: Seconds of silence after which the master of these tests asks a slave whether it lives.
KEEPALIVE = 2.0

#: Seconds that it then waits for an answer, and that a stopped build gets to end.
PATIENCE = 30.0

#: Seconds that things may take beyond their deadline on a busy machine.
SLACK = 5.0

#: For C{master.cfg}: three steps, of which the middle one waits for a file; all locks there are, so that
#: one that is kept would be missed.
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

#: The same with a file that is sent, a large one unless the gate is open.
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
    """The middle step of each builder waits until its gate is open."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        os.makedirs(directory)

    def open(self, builder: str) -> None:
        """Let the builds of this builder pass, until C{close}."""
        with open(f"{self.directory}/{builder}.open", "w"):
            pass

    def close(self, builder: str) -> None:
        """Hold the builds of this builder up."""
        os.unlink(f"{self.directory}/{builder}.open")

    def remove(self) -> None:
        """Let everybody go who waits: a slave that was killed leaves its command behind."""
        for name in os.listdir(self.directory):
            os.unlink(os.path.join(self.directory, name))
        os.rmdir(self.directory)

    def began(self, builder: str) -> list[int]:
        """The processes that have come to this gate, in their order."""
        try:
            with open(f"{self.directory}/{builder}.began") as stream:
                return [int(line) for line in stream]
        except FileNotFoundError:
            return []


def isAlive(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    try:
        with open(f"/proc/{pid}/stat") as stream:
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Losses(MasterTestCase):
    """Builds that do not end as they should; each builder has the name of its slave."""

    timeout = 300

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
        """A master, a builder for each slave, and the slaves behind a proxy.

        @param builders: names of slaves by builder, of further builders.
        @param keepalive: by slave.
        @param direct: without the proxy.
        @param steps: what a build does, to be formatted.
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
        """
        Have a build of this builder in its middle step, for the slave too.

        @param began: how many times the step was begun before, in this test.
        @param force: whether to force a build; else there is a request that waits.
        @return: how many seconds that took.
        """
        before = time.monotonic()
        if force:
            await self.master.ask("force", builder=builder, reason="größer")
        await until(lambda: len(self.gates.began(builder)) > began, 60, f"a build of {builder} in mid-step")
        (running,) = await self.master.running(builder)
        self.assertEqual(running["step"], "middle")
        return time.monotonic() - before

    async def nextBuild(self, builder: str, number: int, since: float) -> float:
        """
        The next build succeeds; say how many seconds after C{since} that was.

        @param since: by the wall clock.
        """
        build = await self.master.whenFinished(builder, number, timeout=90)
        self.assertEqual(build["result"], "success", build)
        self.assertEqual([step["name"] for step in build["steps"]], ["before", "middle", "after"])
        finished: float = build["finished"]
        return finished - since

    def row(self, what: str, builder: str, build: Mapping[str, Any], since: float, following: float) -> None:
        """Keep figures for the table; C{since} by the wall clock."""
        generation = self.slaves[build["slave"]].generation.name
        ended = f"{build['result']}: {' '.join(build['text'])}"
        took = f"{max(0.0, build['finished'] - since):.1f}"
        self.rows.append((what, generation, ended, took, f"success after {following:.1f} s"))

    def tellRows(self) -> None:
        """Write the table into the log of the tests."""
        titles = ("what", "generation", "ended as", "seconds", "next build")
        self.tell(*titles, rows=sorted(self.rows, key=lambda row: str(row[0])))

    async def assertIdle(self) -> None:
        """Nothing runs, nothing waits, every slave has room."""
        status = await self.master.ask("status")
        begun = time.monotonic()
        while status["master"]["running"] and time.monotonic() - begun < 30:
            await moments(0.05)  # the end of the build is in the records a moment earlier
            status = await self.master.ask("status")
        self.assertEqual((status["master"]["running"], status["master"]["waiting"]), ([], []))
        self.assertEqual(
            {slave["name"]: slave["running"] for slave in status["slaves"] if slave["running"]}, {}
        )

    async def assertNoneRunning(self, builder: str, number: int) -> None:
        """All builds of a builder up to this number are over in the records."""
        for each in range(number + 1):
            build = await self.master.ask("build", builder=builder, number=each)
            self.assertIsNotNone(build["finished"], build)

    def assertLost(self, build: Mapping[str, Any], since: float, within: float) -> None:
        """A build that ended because its slave was lost, not later than C{within} seconds after C{since}."""
        self.assertEqual((build["result"], build["text"]), ("retry", ["slave", "lost"]), build)
        self.assertEqual([step["name"] for step in build["steps"]], ["before", "middle"])
        self.assertLess(build["finished"] - since, within)

    async def assertWaiting(self, name: str, build: Mapping[str, Any]) -> None:
        """The request that this build served waits again, and says why."""
        begun = time.monotonic()
        while not (waiting := await self.master.waiting(name)) and time.monotonic() - begun < 30:
            await moments(0.05)  # the end of the build is in the records a moment earlier
        self.assertEqual([(each["id"], each["attempts"]) for each in waiting], [(build["requests"][0], 1)])
        (why,) = [each["why"] for each in (await self.master.ask("builds", builder=name))["waiting"]]
        self.assertIn(f"slave {name}: ", why)


class Stopped(Losses):
    """The slave is there, or is gone and everybody sees it."""

    async def test_stoppedKilledAndCut(self) -> None:
        """
        A build is stopped, a slave is killed in mid-step and started again, its connection is cut: each build
        ends at once, a lost one is built again, but the third loss ends it; all the while a build on another
        slave goes on (B1, B2, B5, B6).
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
        """Builds 0 and 1: stop one in mid-step, have another one."""
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
        """Builds 2 and 3: the slave is killed, and started again."""
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
        """Builds 4 to 8: the connection is cut three times; what is then forced is built."""
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
    """The slave is sending a file."""

    async def test_stoppedAndKilled(self) -> None:
        """
        A build is stopped while its slave sends a file, and then another slave is killed in that: the builds
        end at once, half a file is left nowhere, and the next build has the whole of it (B1, B2).
        """
        names = {f"bot-{generation.name}": generation for generation in GENERATIONS}
        await self.startAll(names, steps=TRANSFER)
        await together(self.stopAndKill(name) for name in names)
        await self.assertIdle()
        self.tellRows()
        self.assertNoTracebacks(self.master)

    def received(self, name: str) -> dict[str, int]:
        """What is there of the file that this slave sends: sizes by name."""
        directory = os.path.join(self.master.basedir, "uploads", name)
        try:
            return {each: os.path.getsize(os.path.join(directory, each)) for each in os.listdir(directory)}
        except FileNotFoundError:  # the directory, or a file that has just got its name
            return {}

    async def midTransfer(self, name: str) -> None:
        """Have a build of this builder in the middle of its file."""
        await self.master.ask("force", builder=name)
        await until(lambda: max(self.received(name).values(), default=0) > 500_000, 60, f"a file of {name}")
        self.assertNotIn("big", self.received(name))

    async def stopAndKill(self, name: str) -> None:
        """Builds 0 and 1: stopped, done; 2 and 3: lost, done."""
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
        """The whole file is there, and nothing else; remove it."""
        self.assertEqual(self.received(name), {"big": 1000})
        os.unlink(os.path.join(self.master.basedir, "uploads", name, "big"))


class Mute(Losses):
    """The slave is gone, and nothing says so."""

    async def test_frozenAndUnreachable(self) -> None:
        """
        Slaves that are stopped by SIGSTOP, or whose link swallows everything, lose their builds in time; one
        that is told to stop a build and never answers loses it too; what was lost is built elsewhere at once,
        or where it was when the slave is back; meanwhile others begin as ever (B1, B2, B5, L1, L4).
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
        """A slave that loses its build; when it is back, it is built there."""
        build = await self.master.whenFinished(name, 0)
        self.assertLost(build, since, KEEPALIVE + PATIENCE + SLACK)
        self.assertGreater(build["finished"] - since, PATIENCE - SLACK, "it was given no time to answer")
        await self.assertWaiting(name, build)
        self.gates.open(name)
        begun = time.time()
        revive()
        self.row(what, name, build, since, await self.nextBuild(name, 1, begun))

    async def stubborn(self, since: float) -> None:
        """A slave that does not stop its build: it is cut off."""
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
        """A builder that has another slave: the build is done there at once."""
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
        """
        A master that is stopped or killed in the middle of builds knows them as ended when it is back, and
        does them again, each once, as soon as the slaves have come back by themselves (P1, L4).
        """
        names = {f"bot-{generation.name}": generation for generation in GENERATIONS}
        await self.startAll(names, direct=True)
        await together(self.midStep(name, 0) for name in names)
        since, begun = time.time(), time.monotonic()
        self.assertEqual(await self.master.stop(), 0)
        self.assertLess(time.monotonic() - begun, 10)
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
        """This build ended in this way, and the next one serves its request."""
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
