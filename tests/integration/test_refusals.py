# -*- test-case-name: tests.integration.test_refusals -*-
"""Real slaves that are refused, or lose their master, come back by themselves.

Other tests measure the cost of a refused login.
"""

from __future__ import annotations

import os

from tests.integration.generations import GENERATIONS
from tests.integration.masters import MasterTestCase, RealMaster
from tests.integration.processes import until
from tests.integration.proxy import Proxy
from tests.integration.slaves import RealSlave, together

#: One slave of each generation.
NAMES = {generation: "bot-" + generation.name for generation in GENERATIONS}

#: The most seconds until a slave comes back after it could.
BACK = 120.0


class Refusals(MasterTestCase):
    """Four slaves that are never restarted."""

    async def startFour(self, port: int) -> list[RealSlave]:
        """A slave of each generation, with the password "right"."""
        slaves = await self.startSlaves(
            port, [(generation, name, "right") for generation, name in NAMES.items()]
        )
        return list(slaves.values())

    async def change(self, master: RealMaster, **fields: object) -> None:
        """Write and load a configuration."""
        master.write(master.config(**fields))
        result = await master.run("reconfig", master.basedir)
        self.assertEqual(result.status, 0, result.words)

    def assertUntouched(self, slaves: list[RealSlave]) -> None:
        """Check that no process was restarted."""
        for slave in slaves:
            self.assertTrue(slave.isAlive(), slave.text()[-2000:])

    async def test_wrongPasswordThenRight(self) -> None:
        """Slaves with an unknown name, and then a wrong password, attach when a reconfig corrects it: all
        four generations, without a restart (A2, rule N0).
        """
        builders = {"b": list(NAMES.values())}
        master = await self.startMaster()
        slaves = await self.startFour(master.port)
        await together(slave.whenLogged("message from master: .*refused") for slave in slaves)
        self.assertUntouched(slaves)

        marks = {slave: slave.size() for slave in slaves}
        await self.change(master, bots={name: "wrong" for name in NAMES.values()}, builders=builders)
        await together(
            slave.whenLogged("message from master: .*refused", after=marks[slave]) for slave in slaves
        )
        self.assertUntouched(slaves)
        self.assertEqual(await master.connected(), set())
        for said in (await master.slaves()).values():
            self.assertIn("password", said["events"][-1]["text"])

        await self.change(master, bots={name: "right" for name in NAMES.values()}, builders=builders)
        await master.whenConnected(*NAMES.values(), timeout=BACK)
        self.assertUntouched(slaves)
        self.assertNoTracebacks(master, *slaves)
        for secret in ("wrong", "right"):
            self.assertNotIn(f"'{secret}'", master.text())

    async def test_masterKilled(self) -> None:
        """A master killed by SIGKILL starts again in its directory, shows no slave as connected, refuses no
        valid slave, and soon has all four generations back (A1, L7).
        """
        master = await self.createMaster()
        master.write(
            master.config(
                bots={name: "right" for name in NAMES.values()}, builders={"b": list(NAMES.values())}
            )
        )
        await master.start()
        proxy = Proxy(self, master.port)
        slaves = await self.startFour(proxy.port)
        await master.whenConnected(*NAMES.values())

        proxy.refuse = True
        await master.kill()
        await until(lambda: all(link.closed for link in proxy.links), 180, "the slaves' links to be lost")
        await master.start()
        self.assertEqual(await master.connected(), set())

        proxy.refuse = False
        await master.whenConnected(*NAMES.values(), timeout=BACK)
        self.assertUntouched(slaves)
        self.assertNotIn("refused", master.text())
        self.assertEqual(await master.stop(), 0)
        self.assertFalse(os.path.exists(os.path.join(master.basedir, "control.sock")))
