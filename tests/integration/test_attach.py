# -*- test-case-name: tests.integration.test_attach -*-
"""Real slaves of every generation attach to one real master, and a reconfig affects only the changed ones.

test_refusals has the refused logins.
"""

from __future__ import annotations

import os
import urllib.request
from dataclasses import replace
from datetime import datetime, timezone

from twisted.internet import reactor, threads
from twisted.internet.endpoints import TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.ssl import Certificate, optionsForClientTLS

from tests.certificates import writeCertificate
from tests.integration.generations import GENERATIONS, OLD_SLAVE, OLD_WORKER, SLAVE, WORKER
from tests.integration.masters import MasterTestCase
from tests.integration.processes import until
from tests.integration.proxy import Proxy
from tests.integration.slaves import RealSlave, together
from tests.ports import freePort

#: For each generation, the name of a slave that a test changes, and of one that it does not change.
CHANGED = {OLD_SLAVE: "removed", SLAVE: "repassworded", OLD_WORKER: "poorer", WORKER: "richer"}
LEFT_ALONE = {generation: "still-" + generation.name for generation in GENERATIONS}

#: Contents of info files, from editors and old machines.
ODD_ADMIN = b"Zo\xeb <zoe@example.org>\n"
ODD_HOST = b"\xd6\xff\x00 \x1b[31m Windows\r\n"


#: A web server for a configuration.
WEB = """
from buildbot.status import html
c['status'].append(html.WebStatus(http_port='tcp:{port}:interface=127.0.0.1'))
"""


def pageOf(port: int, slave: str) -> str:
    """The page of a slave. Blocks."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/buildslaves/{slave}", timeout=120) as answer:
        text: str = answer.read().decode("utf-8")
        return text


class Attach(MasterTestCase):
    """A master and its slaves, some behind a proxy that counts bytes."""

    async def test_fourGenerationsAtOnce(self) -> None:
        """Four generations are attached at the same time, and the status and the pages show each slave's
        generation (A4, A10, web row 20).
        """
        names = {generation: "bot-" + generation.name for generation in GENERATIONS}
        master = await self.startMaster(
            bots={name: "sesame" for name in names.values()},
            builders={"everywhere": list(names.values()), "old": [names[OLD_SLAVE]]},
            after=WEB.format(port=(web := freePort())),
        )
        slaves = await self.startSlaves(
            master.port, [(generation, name, "sesame") for generation, name in names.items()]
        )
        await together(slave.whenAttached() for slave in slaves.values())
        await master.whenConnected(*names.values())

        status = await master.slaves()
        for generation, name in names.items():
            said = status[name]
            self.assertEqual((said["state"], said["note"]), ("ready", ""))
            self.assertIn("Your Name Here", said["admin"])
            self.assertTrue(said["host"])
            self.assertTrue(said["address"].startswith("127.0.0.1:"), said["address"])
            self.assertIn(generation.name, f"{said['generation']} {said['version']}")
            wanted = ["everywhere", "old"] if generation is OLD_SLAVE else ["everywhere"]
            self.assertEqual((said["builders"], said["attachedTo"]), (wanted, wanted))
            page = await threads.deferToThread(pageOf, web, name)
            for shown in (
                *(f"<dd>{said['generation']}</dd>", f"<dd>{said['version']}</dd>", said["address"]),
                *("Your Name Here", f"attached from {said['address']}"),
                "sent at once" if generation is OLD_SLAVE else "sent every 5 seconds",
            ):
                self.assertIn(shown, page, name)
        self.assertNoTracebacks(master, *slaves.values())

    async def test_reconfigMovesOnlyWhatItNames(self) -> None:
        """A reconfig removes one bot, changes one password, and moves one builder: only these slaves are
        affected, and no other connection carries a byte. The removed bot comes back when it is added again
        (R3, R5, R6, R7).
        """
        everybody = [*CHANGED.values(), *LEFT_ALONE.values()]
        master = await self.createMaster()
        before = master.config(
            bots={name: "sesame" for name in everybody},
            builders={"everywhere": everybody, "moving": [CHANGED[OLD_WORKER]]},
        )
        master.write(before)
        await master.start()
        self.proxy = Proxy(self, master.port)
        slaves = await self.startSlaves(
            self.proxy.port,
            [
                (generation, name, "sesame")
                for names in (CHANGED, LEFT_ALONE)
                for generation, name in names.items()
            ],
        )
        await together(slave.whenAttached() for slave in slaves.values())
        await master.whenConnected(*everybody)
        links = {name: self.proxy.linkOf(said["address"]) for name, said in (await master.slaves()).items()}
        counted = {name: (link.fromClient, link.fromServer) for name, link in links.items()}
        since = {name: said["since"] for name, said in (await master.slaves()).items()}
        marks = {name: slave.size() for name, slave in slaves.items()}

        bots = {**before.bots, CHANGED[SLAVE]: "a new one"}
        del bots[CHANGED[OLD_SLAVE]]
        after = replace(
            before,
            bots=bots,
            builders={"everywhere": [*bots], "moving": [CHANGED[WORKER]]},
        )
        master.write(after)
        result = await master.run("reconfig", master.basedir)
        self.assertEqual(result.status, 0, result.words)
        for word in ("removed", "repassworded", "moving"):
            self.assertIn(word, result.stdout)
        self.assertNotIn("a new one", result.words)

        # the removed bot: disconnected, with the reason in its own log at each attempt
        removed = slaves[CHANGED[OLD_SLAVE]]
        await until(lambda: links["removed"].closed, 180, "the removed slave to be hung up on")
        await removed.whenLogged(r"message from master: .*refused", after=marks["removed"])
        # the builder: detached here, attached there
        await slaves["poorer"].whenLogged("leftover directory 'moving'", after=marks["poorer"])
        await master.whenBuilders({"richer": {"everywhere", "moving"}, "poorer": {"everywhere"}})
        # the others: not affected, nor the one with the new password
        for name in ("repassworded", *LEFT_ALONE.values()):
            self.assertEqual((links[name].fromClient, links[name].fromServer), counted[name], name)
            self.assertEqual(slaves[name].text(marks[name]), "", name)
        status = await master.slaves()
        for name in everybody:
            if name != "removed":
                self.assertEqual(
                    (status[name]["connected"], status[name]["since"]), (True, since[name]), name
                )
        self.assertNotIn("removed", status)

        # the old password is valid for the connection that it opened, and for no other
        links["repassworded"].reset()
        await slaves["repassworded"].whenLogged("message from master: .*refused", after=marks["repassworded"])
        self.assertFalse((await master.slaves())["repassworded"]["connected"])

        # the first configuration again: all slaves are attached, and no process was restarted
        master.write(before)
        result = await master.run("reconfig", master.basedir)
        self.assertEqual(result.status, 0, result.words)
        took = await master.whenConnected(*everybody, timeout=300)
        self.assertLess(took, 300)
        self.assertTrue(all(slave.isAlive() for slave in slaves.values()))
        await master.whenBuilders({"removed": {"everywhere"}, "poorer": {"everywhere", "moving"}})
        for name in LEFT_ALONE.values():
            self.assertEqual((links[name].fromClient, links[name].fromServer), counted[name], name)
        self.assertNoTracebacks(master, *slaves.values())

    async def test_oddInfoFiles(self) -> None:
        """With any content of a slave's info directory, the slave attaches, and its admin is shown (A6)."""
        names = {generation: "odd-" + generation.name for generation in GENERATIONS}
        master = await self.startMaster(
            bots={name: "sesame" for name in names.values()}, builders={"b": list(names.values())}
        )
        slaves = {
            name: RealSlave(
                self,
                self.installed[generation],
                f"{self.directory}/odd/{name}",
                master.port,
                name,
                "sesame",
            )
            for generation, name in names.items()
        }
        await together(slave.create() for slave in slaves.values())
        for slave in slaves.values():
            slave.writeInfo("admin", ODD_ADMIN)
            slave.writeInfo("host", ODD_HOST)
            slave.writeInfo(".host.swp", bytes(range(256)) * 64)
            slave.writeInfo("sp\xe4t", b"")
            slave.writeInfo("huge", b"x" * 600_000)
            slave.start()
        await master.whenConnected(*names.values())
        status = await master.slaves()
        for generation in (OLD_SLAVE, SLAVE, OLD_WORKER):
            said = status[names[generation]]
            self.assertEqual(said["admin"], "Zo\ufffd <zoe@example.org>", generation.name)
            self.assertIn("Windows", said["host"])
        self.assertNoTracebacks(master)

    async def test_plainAndTLSSideBySide(self) -> None:
        """One master has a plain port and a TLS port: a worker with TLS, a slave with a tunnel and one
        without either are attached at the same time (S5).
        """
        file = os.path.join(self.directory, "localhost.pem")
        writeCertificate(file, "localhost", datetime.now(timezone.utc), days=1)
        master = await self.createMaster()
        secure = freePort()
        names = ("tls", "tunnel", "plain")
        config = master.config(bots={name: "sesame" for name in names}, builders={"b": names})
        description = f"ssl:{secure}:interface=127.0.0.1:privateKey={file}:certKey={file}"
        master.write(replace(config, ports=(*config.ports, description)))
        await master.start()
        with open(file, "rb") as stream:
            trusted = Certificate.loadPEM(stream.read())
        tunnel = wrapClientTLS(
            optionsForClientTLS("localhost", trusted), TCP4ClientEndpoint(reactor, "127.0.0.1", secure)
        )
        proxy = Proxy(self, secure, tunnel)
        connection = f"--connection-string=tls:localhost:{secure}:trustRoots={self.directory}"
        await together(
            [
                self.startSlaves(secure, [(WORKER, "tls", "sesame")], options=(connection,)),
                self.startSlaves(proxy.port, [(OLD_SLAVE, "tunnel", "sesame")]),
                self.startSlaves(master.port, [(OLD_SLAVE, "plain", "sesame")]),
            ]
        )
        await master.whenConnected(*names)
        ports = (await master.ask("status"))["master"]["ports"]
        self.assertEqual(len(ports), 2, ports)
        self.assertNoTracebacks(master)
