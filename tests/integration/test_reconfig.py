# -*- test-case-name: tests.integration.test_reconfig -*-
"""C{buildbot reconfig} on a real master: an invalid configuration is refused completely, with the reason.

test_attach has the effects of a valid reconfig on slaves.
"""

from __future__ import annotations

import os
import re
import socket
import time
from dataclasses import replace
from typing import Any

from twisted.internet import defer

from tests.integration.generations import OLD_SLAVE, WORKER
from tests.integration.masters import MasterTestCase, RealMaster, Result, loopback
from tests.integration.processes import LogFile, moments
from tests.integration.slaves import together
from tests.ports import freePort

#: Mistakes of an administrator, and the expected text of the refusal.
BROKEN = {
    "a syntax error": ("c = BuildmasterConfig = {}\nc['bots'] = [(\n", "master.cfg:2"),
    "a name that is not there": ("c = BuildmasterConfig = {}\nc['bots'] = botz\n", "botz"),
    "no configuration at all": ("pass\n", "BuildmasterConfig"),
    "an exit": ("import sys\nprint('bye')\nsys.exit(0)\n", "exit"),
    "a crash": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "9"),
    "a hard exit": ("import os\nos._exit(0)\n", ""),
}

#: For C{master.cfg}: a plug-in that loads, and fails to start.
BAD_PLUGIN = """
from twisted.application import service
class Bad(service.Service):
    def startService(self):
        raise RuntimeError('no such channel')
c['status'].append(Bad())
"""

#: For C{master.cfg}: a plug-in that writes a plus into a file when it starts and a minus when it stops.
WITNESS = """
from twisted.application import service
class Witness(service.Service):
    def write(self, sign):
        with open({path!r}, 'a') as stream:
            stream.write(sign)
    def startService(self):
        service.Service.startService(self)
        self.write('+')
    def stopService(self):
        self.write('-')
        return service.Service.stopService(self)
c['status'].append(Witness())
"""


def isOpen(port: int) -> bool:
    """True if a process listens on this port of the loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return False
    return True


class Refused(MasterTestCase):
    """Configurations, most of which are not put into force. One master serves many of them."""

    async def makeReady(self) -> None:
        """A master with two attached slaves."""
        await super().makeReady()
        self.master = await self.createMaster()
        self.good = self.master.config(
            bots={"old": "sesame", "new": "sesame"}, builders={"b": ["old", "new"]}
        )
        self.master.write(self.good)
        await self.master.start()
        self.slaves = await self.startSlaves(
            self.master.port, [(OLD_SLAVE, "old", "sesame"), (WORKER, "new", "sesame")]
        )
        await self.master.whenConnected("old", "new")
        await together(slave.whenAttached() for slave in self.slaves.values())

    async def state(self) -> dict[str, Any]:
        """The whole status of the master and its slaves."""
        status: dict[str, Any] = await self.master.ask("status")
        return status

    async def assertRefused(self, *options: str, timeout: float = 60.0) -> Result:
        """Reconfigure; check that it fails, changes nothing, and that C{checkconfig} reports the same."""
        before, sizes = await self.state(), [slave.size() for slave in self.slaves.values()]
        result = await self.master.run("reconfig", *options, self.master.basedir, timeout=timeout)
        self.assertNotEqual(result.status, 0, result.words)
        self.assertEqual(await self.state(), before)
        self.assertEqual([slave.size() for slave in self.slaves.values()], sizes)
        self.assertNotIn("Traceback (most recent call last)", result.words)
        return result

    async def test_refused(self) -> None:
        """Reconfigs that change nothing; each part says what it proves."""
        await self._nothingChanged()
        await self._broken()
        await self._allErrorsAtOnce()
        await self._hanging()
        await self._pluginThatDoesNotStart()
        await self._halfFailing()

    async def test_applied(self) -> None:
        """Reconfigs that change something; each part says what it proves."""
        await self._removedPort()
        await self._dryRun()

    async def _broken(self) -> None:
        """A master.cfg that is broken, exits or crashes is refused with its reason (R1, R12)."""
        for what, (text, reason) in BROKEN.items():
            self.master.write(text)
            result = await self.assertRefused()
            self.assertIn(reason, result.words, what)
            checked = await self.master.run("checkconfig", self.master.basedir)
            self.assertNotEqual(checked.status, 0, what)

    async def _allErrorsAtOnce(self) -> None:
        """A reconfig reports every error that checkconfig reports, each with its line (R12)."""
        text = self.good.text().splitlines()
        text += [
            "c['bots'].append(('old', 'twice'))",
            "c['slavePortnum'] = 'no such thing'",
            "c['slaves'] = []",
        ]
        self.master.write("\n".join(text))
        result = await self.assertRefused()
        checked = await self.master.run("checkconfig", self.master.basedir)
        self.assertNotEqual(checked.status, 0)
        errors = set(re.findall(r"^.*master\.cfg.*$", checked.words, re.MULTILINE))
        self.assertGreater(len(errors), 1, checked.words)
        self.assertLessEqual(errors, set(re.findall(r"^.*master\.cfg.*$", result.words, re.MULTILINE)))

    async def _hanging(self) -> None:
        """A master.cfg that never ends is refused, and meanwhile the master answers and serves (L6, R10)."""
        hangs = os.path.join(self.directory, "hangs")
        hanging = f"import time\nopen({hangs!r}, 'w').close()\ntime.sleep(600)\n"
        self.master.write(replace(self.good, before=hanging))
        before = await self.state()
        begun = time.monotonic()
        running = defer.ensureDeferred(
            self.master.run("reconfig", "--timeout=6", self.master.basedir, timeout=180)
        )
        answers = 0
        while not running.called:
            isHanging = os.path.exists(hangs)
            self.assertEqual(await self.state(), before)
            answers += isHanging and not running.called
            await moments(0.2)
        result = await running
        self.assertNotEqual(result.status, 0, result.words)
        self.assertLess(time.monotonic() - begun, 100)
        self.assertGreater(answers, 2, "the master did not answer while master.cfg hung")
        self.assertEqual(await self.state(), before)

    async def _halfFailing(self) -> None:
        """If one of the new ports is in use, no part of the new configuration is in force (R1)."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            number = taken.getsockname()[1]
            spare = freePort()
            signs = os.path.join(self.directory, "signs")
            self.master.write(
                replace(
                    self.good,
                    after=WITNESS.format(path=signs),
                    ports=(*self.good.ports, loopback(spare), loopback(number)),
                    bots={"old": "another", "third": "sesame"},
                    builders={"b": ["old"], "c": ["third"]},
                )
            )
            result = await self.assertRefused()
            self.assertIn(str(number), result.words)
            self.assertFalse(isOpen(spare))
            self.assertIn(self.read(signs), ("", "+-"))
        result = await self.master.run("reconfig", self.master.basedir)
        self.assertEqual(result.status, 0, result.words)
        self.assertTrue(isOpen(spare))
        self.assertEqual(self.read(signs)[-1], "+")

    def read(self, path: str) -> str:
        """The content of a file; empty without one."""
        return LogFile(path).text()

    async def _pluginThatDoesNotStart(self) -> None:
        """If a new plug-in fails to start, no new port stays open and nothing else is in force (R1)."""
        spare = freePort()
        self.master.write(replace(self.good, ports=(*self.good.ports, loopback(spare)), after=BAD_PLUGIN))
        result = await self.assertRefused()
        self.assertIn("no such channel", result.words)
        self.assertFalse(isOpen(spare))

    async def _dryRun(self) -> None:
        """C{reconfig --dry-run} prints the changes, and makes none."""
        self.master.write(replace(self.good, bots={"old": "sesame"}, builders={"b": ["old"], "c": ["old"]}))
        before, sizes = await self.state(), [slave.size() for slave in self.slaves.values()]
        dry = await self.master.run("reconfig", "--dry-run", self.master.basedir)
        self.assertEqual(dry.status, 0, dry.words)
        self.assertEqual(await self.state(), before)
        self.assertEqual([slave.size() for slave in self.slaves.values()], sizes)
        wet = await self.master.run("reconfig", self.master.basedir)
        self.assertEqual(wet.status, 0, wet.words)
        for line in ("- bot new", "+ builder c"):
            self.assertIn(line, dry.stdout)
            self.assertIn(line, wet.stdout)

    async def _removedPort(self) -> None:
        """F14: before it closes a port, a reconfig names the slaves that came in by it; so does a dry run."""
        self.master.write(replace(self.good, ports=(loopback(freePort()),)))
        for options in (["--dry-run"], []):
            said = await self.master.run("reconfig", *options, self.master.basedir)
            self.assertEqual(said.status, 0, said.words)
            self.assertIn(f"warning: port tcp {self.master.port} on 127.0.0.1 is being closed", said.words)
            words = "slaves old, new connected through it: they stay connected, but cannot reconnect"
            self.assertIn(words, said.words)
        self.assertEqual(await self.master.connected(), {"old", "new"})

    async def _nothingChanged(self) -> None:
        """A reconfig without a change succeeds, and sends no byte to any slave (R5)."""
        before = (await self.state())["slaves"]
        result = await self.master.run("reconfig", self.master.basedir)
        self.assertEqual(result.status, 0, result.words)
        self.assertEqual((await self.state())["slaves"], before)

    async def test_manyAtOnce(self) -> None:
        """Twenty SIGHUPs and five commands within a second, while the file changes: the last content wins,
        every command reports its own outcome, and no slave is lost (R9).
        """
        master = self.master
        before = (await self.state())["master"]["generation"]
        commands = []
        for number in range(20):
            master.write(replace(self.good, builders={"b": ["old", "new"], f"b{number}": ["old"]}))
            master.hangUp()
            if number % 4 == 3:
                commands.append(defer.ensureDeferred(master.run("reconfig", master.basedir)))
            await moments(0.2)
        results = await together(commands)
        for result in results:
            assert isinstance(result, Result)
            self.assertEqual(result.status, 0, result.words)
        await master.whenBuilders({"old": {"b", "b19"}, "new": {"b"}})
        master.write("raise RuntimeError('broken on purpose')\n")
        refused = await self.assertRefused()
        self.assertIn("broken on purpose", refused.words)
        self.assertGreater((await self.state())["master"]["generation"], before)
        self.assertEqual([slave.attachments() for slave in self.slaves.values()], [1, 1])
        self.assertNoTracebacks(*self.slaves.values())


class Checked(MasterTestCase):
    """C{checkconfig}."""

    async def test_checkconfigOfTheMastersOwnSample(self) -> None:
        """The sample from create-master passes checkconfig after it is renamed (R12)."""
        master = RealMaster(self, f"{self.directory}/fresh/dir")
        made = await master.run("create-master", master.basedir)
        self.assertEqual(made.status, 0, made.words)
        with open(f"{master.basedir}/master.cfg.sample", encoding="utf-8") as stream:
            master.write(stream.read())
        checked = await master.run("checkconfig", master.basedir)
        self.assertEqual(checked.status, 0, checked.words)
