# -*- test-case-name: tests.integration.test_liveness -*-
"""Real slaves that freeze, vanish, use one name twice or do not read: others are never affected.

test_attach and test_refusals have the logins of slaves.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from datetime import datetime, timezone

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import Certificate, optionsForClientTLS

from tests.certificates import writeCertificate
from tests.integration.generations import GENERATIONS, OLD_SLAVE, OLD_WORKER, SLAVE, WORKER
from tests.integration.masters import MasterTestCase
from tests.integration.processes import never, until
from tests.integration.proxy import Mode, Proxy
from tests.integration.slaves import RealSlave, together

#: Seconds of silence before the master of these tests probes a slave.
KEEPALIVE = 3.0

#: Seconds for the answer to a probe.
PATIENCE = 30.0

#: Extra seconds for a busy machine; less than PATIENCE: what takes longer has waited for a probe.
SLACK = 28.0

#: The most seconds by which a slave may lose its connection before its time is over.
EARLY = 15.0

#: For C{master.cfg}: a plug-in that calls one slave with arguments of 12 MB. (More than the kernel takes, and
#: one call: the master itself disconnects a slave that leaves many calls unread.)
FLOOD = """
from twisted.application import service
class Flood(service.Service):
    def startService(self):
        slave = self.parent.botmaster.slaves['deaf'].slave
        slave.callRemote('print', [b'x' * 600000] * 20).addErrback(lambda _: None)
c['status'].append(Flood())
"""


class Liveness(MasterTestCase):
    """A master whose slaves fail."""

    async def test_frozen(self) -> None:
        """Slaves that are stopped by SIGSTOP, or behind a silently dead connection, are detected in time; a
        reconfig meanwhile returns at once and names them; other slaves are not affected; and the frozen ones
        come back when they continue (L1, L4, R10).
        """
        frozen = {generation: "frozen-" + generation.name for generation in GENERATIONS}
        everybody = [*frozen.values(), "lost", "well"]
        master = await self.createMaster()
        before = master.config(
            bots={name: "sesame" for name in everybody},
            builders={"b": everybody},
            keepalive={name: KEEPALIVE for name in everybody if name != "well"},
        )
        master.write(before)
        await master.start()
        proxy = Proxy(self, master.port)
        slaves = await self.startSlaves(
            proxy.port,
            [
                *((generation, name, "sesame") for generation, name in frozen.items()),
                (OLD_SLAVE, "lost", "sesame"),
                (WORKER, "well", "sesame"),
            ],
        )
        await master.whenConnected(*everybody)
        addresses = {name: said["address"] for name, said in (await master.slaves()).items()}
        since = (await master.slaves())["well"]["since"]
        for name in frozen.values():
            slaves[name].freeze()
        proxy.linkOf(addresses["lost"]).setMode(Mode.BLACKHOLE)
        begun = time.monotonic()

        master.write(replace(before, builders={"b": everybody, "new": everybody}))
        result = await master.run("reconfig", master.basedir)
        self.assertLess(time.monotonic() - begun, SLACK)
        self.assertEqual(result.status, 0, result.words)
        pending = re.search("^not confirmed by all slaves yet: (.*)$", result.stdout, re.MULTILINE)
        assert pending is not None, result.stdout
        self.assertLessEqual({*frozen.values(), "lost"}, set(pending[1].split(", ")))
        await master.whenBuilders({"well": {"b", "new"}}, timeout=SLACK)

        await master.whenConnected("well", timeout=KEEPALIVE + PATIENCE + SLACK)
        took = time.monotonic() - begun
        self.assertLess(took, KEEPALIVE + PATIENCE + SLACK)
        self.assertGreater(took, PATIENCE - EARLY, "they were given no time to answer")
        for name, said in (await master.slaves()).items():
            if name != "well":
                self.assertIn("probe", said["events"][-1]["text"])
        self.assertEqual((await master.slaves())["well"]["since"], since)
        self.assertEqual(slaves["well"].attachments(), 1)

        for name in frozen.values():
            slaves[name].thaw()
        proxy.linkOf(addresses["lost"]).reset()
        await master.whenConnected(*everybody, timeout=180)
        await master.whenBuilders({name: {"b", "new"} for name in everybody})

        for name in frozen.values():
            slaves[name].freeze()
        begun = time.monotonic()
        self.assertEqual(await master.stop(), 0)
        self.assertLess(time.monotonic() - begun, SLACK)

    async def test_rebootedSlaveMeetsItsDeadLink(self) -> None:
        """A slave whose machine died silently logs in again while its old connection still looks alive: it is
        attached to all its builders within 15 s (D1, D4).
        """
        names = {generation: "bot-" + generation.name for generation in GENERATIONS}
        master = await self.startMaster(
            bots={name: "sesame" for name in names.values()}, builders={"b": list(names.values())}
        )
        proxy = Proxy(self, master.port)
        slaves = await self.startSlaves(
            proxy.port, [(generation, name, "sesame") for generation, name in names.items()]
        )
        await master.whenConnected(*names.values())
        addresses = {name: said["address"] for name, said in (await master.slaves()).items()}
        for link in proxy.links:
            link.setMode(Mode.BLACKHOLE)
        await together(slave.kill() for slave in slaves.values())
        self.assertEqual(await master.connected(), set(names.values()))

        for slave in slaves.values():
            slave.start()
        await together(slave.whenAttached(2, timeout=90) for slave in slaves.values())
        for name, said in (await master.slaves()).items():
            self.assertNotEqual(said["address"], addresses[name])
            self.assertEqual((said["connected"], said["attachedTo"]), (True, ["b"]))
        await until(lambda: len(proxy.links) == 8, 120, "one link a slave")

    async def test_twoProcessesWithOneName(self) -> None:
        """Two processes with one name take it from each other a few times. Then one stays attached, the other
        gets the reason, both keep running, and the status names both. When the attached one ends, the other
        gets the name (D2, D3).
        """
        master = await self.startMaster(bots={"twin": "sesame", "other": "sesame"}, builders={"b": ["twin"]})
        others = await self.startSlaves(master.port, [(OLD_WORKER, "other", "sesame")])
        twins = {
            RealSlave(
                self,
                self.installed[generation],
                f"{self.directory}/twins/{generation.name}",
                proxy.port,
                "twin",
                "sesame",
            ): proxy
            for generation, proxy in ((SLAVE, Proxy(self, master.port)), (WORKER, Proxy(self, master.port)))
        }
        await together(twin.create() for twin in twins)
        for twin in twins:
            twin.start()
        await master.whenStatus(
            lambda slaves: "name conflict" in slaves["twin"]["note"], "a name conflict", timeout=180
        )

        address = (await master.slaves())["twin"]["address"]
        takeovers = sum(twin.attachments() for twin in twins)
        await never(
            lambda: sum(twin.attachments() for twin in twins) != takeovers, 12, "the name changed hands"
        )
        said = (await master.slaves())["twin"]
        self.assertEqual((said["connected"], said["address"]), (True, address))
        self.assertEqual(len(set(re.findall(r"127\.0\.0\.1:\d+", said["note"]))), 2, said["note"])
        self.assertTrue(all(twin.isAlive() for twin in twins))
        self.assertEqual(others["other"].attachments(), 1)

        isHolder = {
            twin: any(link.address == address for link in proxy.links) for twin, proxy in twins.items()
        }
        holder = next(twin for twin in twins if isHolder[twin])
        loser = next(twin for twin in twins if not isHolder[twin])
        await loser.whenLogged("message from master: .*another running slave")
        mark = loser.size()
        await holder.kill()
        await loser.whenAttached(after=mark)
        await master.whenConnected("twin", "other")


class ForcedDisconnect(MasterTestCase):
    """C{disconnect} with megabytes of unread data."""

    async def disconnect(self, certificate: str | None, description: str) -> None:
        """Attach a slave and another one, queue more than 5 MB for the first, and disconnect it.

        @param description: of the port, as strports has it, with C{{port}} for the number.
        """
        master = await self.createMaster()
        before = replace(
            master.config(bots={"deaf": "sesame", "well": "sesame"}, builders={"b": ["deaf", "well"]}),
            ports=(description.format(port=master.port),),
        )
        master.write(before)
        await master.start()
        endpoint: IStreamClientEndpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", master.port)
        if certificate is not None:
            with open(certificate, "rb") as stream:
                trusted = Certificate.loadPEM(stream.read())
            endpoint = wrapClientTLS(optionsForClientTLS("localhost", trusted), endpoint)
        proxy = Proxy(self, master.port, endpoint)
        slaves = await self.startSlaves(
            proxy.port, [(OLD_SLAVE, "deaf", "sesame"), (WORKER, "well", "sesame")]
        )
        await master.whenConnected("deaf", "well")
        link = proxy.linkOf((await master.slaves())["deaf"]["address"])
        already = link.fromServer
        link.setMode(Mode.STOP_READING)

        master.write(replace(before, after=FLOOD))
        result = await master.run("reconfig", master.basedir)
        self.assertEqual(result.status, 0, result.words)

        sent = (await master.slaves())["deaf"]["bytes"]["out"]
        self.assertGreater(sent, 12_000_000)
        begun = time.monotonic()
        answer = await master.ask("disconnect", slave="deaf")
        took = time.monotonic() - begun
        self.assertTrue(answer["disconnected"])
        self.assertLess(took, SLACK)
        said = (await master.slaves())["deaf"]
        self.assertEqual((said["connected"], said["attachedTo"]), (False, []))
        self.assertLess(link.fromServer - already, 1_000_000)
        self.assertTrue((await master.slaves())["well"]["connected"])
        self.assertEqual(slaves["well"].attachments(), 1)

    async def test_plain(self) -> None:
        """A slave with over 5 MB of unsent data is disconnected less than a second after C{disconnect}
        (L3).
        """
        await self.disconnect(None, "tcp:{port}:interface=127.0.0.1")

    async def test_tls(self) -> None:
        """The same over TLS (L3, S5)."""
        file = os.path.join(self.directory, "master.pem")
        writeCertificate(file, "localhost", datetime.now(timezone.utc), days=1)
        await self.disconnect(file, f"ssl:{{port}}:interface=127.0.0.1:privateKey={file}:certKey={file}")
