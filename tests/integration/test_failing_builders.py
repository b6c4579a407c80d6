# -*- test-case-name: tests.integration.test_failing_builders -*-
"""Real slaves of every generation that cannot make the directories of some builders."""

from __future__ import annotations

import os

from tests.integration.generations import GENERATIONS, Generation
from tests.integration.masters import MasterTestCase, RealMaster
from tests.integration.slaves import RealSlave, together

#: The directories that fail at first: one with a file in its place, and one below a file.
BLOCKED = ("blocked", "file/below")
#: The rest of C{master.cfg}: every slave has a builder in each of these directories.
BUILDERS = """
from buildbot.steps.shell import ShellCommand
f.addStep(ShellCommand, command='echo built in `pwd`')
c['builders'] = [
    dict(name='%s on %s' % (directory, slave), slavename=slave, builddir=directory + slave, factory=f)
    for slave, _ in c['bots'] for directory in ('first', 'blocked', 'file/below', 'last')
]
"""


def nameOf(generation: Generation) -> str:
    """The name of the slave of a generation."""
    return f"slave-{generation.name}"


class FailingBuildersTests(MasterTestCase):
    """A builder that fails on a slave does not affect the others."""

    async def startBlocked(self, port: int) -> dict[str, RealSlave]:
        """Start a slave of each generation, with files in the place of some builders' directories."""
        slaves = {}
        for generation in GENERATIONS:
            name = nameOf(generation)
            directory = os.path.join(self.directory, "slaves", name)
            installed = self.installed[generation]
            slaves[name] = RealSlave(self, installed, directory, port, name, "sesame")
        await together(slave.create() for slave in slaves.values())
        for name, slave in slaves.items():
            for blocked in (f"blocked{name}", "file"):
                with open(os.path.join(slave.basedir, blocked), "w"):
                    pass
            slave.start()
        return slaves

    async def test_everyGeneration(self) -> None:
        """F6: a slave builds for all builders that it can make, and for the others when it can make them."""
        master = await self.createMaster()
        names = [nameOf(generation) for generation in GENERATIONS]
        master.write(master.config(bots=dict.fromkeys(names, "sesame"), after=BUILDERS))
        await master.start()
        slaves = await self.startBlocked(master.port)
        await master.whenConnected(*names)
        for name, said in (await master.slaves()).items():
            self.assertEqual(said["attachedTo"], [f"first on {name}", f"last on {name}"])
            self.assertEqual(set(said["failing"]), {f"{each} on {name}" for each in BLOCKED})
            for why in said["failing"].values():
                self.assertRegex(why, "File exists|Not a directory")
            await self.build(master, f"last on {name}")
        shown = await master.run("status", master.basedir)
        waiting = await master.ask("force", builder=f"blocked on {names[0]}")
        self.assertIn("cannot use this builder", waiting["why"])
        await master.ask("stopbuild", builder=f"blocked on {names[0]}", pending=True)
        for name, slave in slaves.items():
            self.assertIn(f"{name} cannot use builder blocked on {name}: ", shown.words)
            os.unlink(os.path.join(slave.basedir, f"blocked{name}"))
            os.unlink(os.path.join(slave.basedir, "file"))
        reconfigured = await master.run("reconfig", master.basedir)
        self.assertEqual(reconfigured.status, 0, reconfigured.words)
        await self.assertAllWell(master, names)
        for name in names:
            await master.ask("disconnect", slave=name)
        await master.whenConnected(*names)
        await self.assertAllWell(master, names)

    async def assertAllWell(self, master: RealMaster, names: list[str]) -> None:
        """Check that every slave has all its builders, and builds for those that failed."""
        for name in names:
            wanted = {f"{each} on {name}" for each in ("first", *BLOCKED, "last")}
            await master.whenBuilders({name: wanted})
            for each in BLOCKED:
                await self.build(master, f"{each} on {name}")
        said = await master.slaves()
        self.assertEqual([slave["failing"] for slave in said.values()], [{}] * len(names))

    async def build(self, master: RealMaster, builder: str) -> None:
        """Run one build of this builder; it must succeed."""
        forced = await master.ask("force", builder=builder)
        number = 0 if forced["build"] is None else forced["build"]
        build = await master.whenFinished(builder, number)
        self.assertEqual(build["result"], "success", build)
