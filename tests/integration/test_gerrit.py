# -*- test-case-name: tests.integration.test_gerrit -*-
"""OpenSSH's client brings the reviews of a real master to a server that reads commands as Gerrit does."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import SkipTest

from tests.integration.generations import SLAVE
from tests.integration.masters import MasterTestCase
from tests.integration.processes import until

#: The rest of C{master.cfg}: the message has everything that a shell or Gerrit might take for its own.
AFTER = """
from buildbot.status.status_gerrit import GerritStatusPush, makeReviewResult
from buildbot.steps.shell import ShellCommand
f.addStep(ShellCommand(command=['true'], usePTY=False))
def review(name, build, result, status, arg):
    return makeReviewResult({message!r}, ('Verified', 1), ('My Label', -1))
c['status'] = [GerritStatusPush('127.0.0.1', 'bot', reviewCB=review, port={port}, identity_file={key!r})]
"""
#: The same, for changes.
CHANGES = """
from buildbot.changes import gerritchangesource
from buildbot.scheduler import AnyBranchScheduler
from buildbot.steps.shell import ShellCommand
gerritchangesource.GerritChangeSource.pollInterval = 1.0
f.addStep(ShellCommand(command=['true'], usePTY=False))
c['sources'] = [gerritchangesource.GerritChangeSource('127.0.0.1', 'bot', {port}, identity_file={key!r})]
c['schedulers'] = [AnyBranchScheduler('all', None, 0, ['full'])]
"""
MESSAGE = 'it\'s "good"\n\\ $HOME `id` ; --label Verified=-2 \u00e4'


class GerritTests(MasterTestCase):
    """A master, a slave, and a server with one patch set."""

    async def begin(self) -> str:
        """Start the server. Returns the directory of the program ssh that knows it."""
        ssh = shutil.which("ssh")
        if ssh is None:
            raise SkipTest("needs OpenSSH's client (Debian: openssh-client)")
        from tests.integration.gerritserver import Gerrit, serverOf  # conch is not everywhere

        host, self.key, known = (os.path.join(self.directory, name) for name in ("host", "mine", "known"))
        for each in (host, self.key):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", each], check=True)
        self.gerrit = Gerrit("12,3")
        any: Any = reactor
        port = any.listenTCP(0, serverOf(self.gerrit, "bot", host, f"{self.key}.pub"), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.number = port.getHost().port
        with open(f"{host}.pub") as key, open(known, "w") as hosts:
            hosts.write(f"[127.0.0.1]:{self.number} {key.read()}")
        programs = os.path.join(self.directory, "bin")
        os.mkdir(programs)
        options = f"-F none -oUserKnownHostsFile={known} -oIdentitiesOnly=yes"
        with open(os.path.join(programs, "ssh"), "w") as script:
            script.write(f'#!/bin/sh\nexec {ssh} {options} "$@"\n')
        os.chmod(os.path.join(programs, "ssh"), 0o700)
        return programs

    async def test_reviews(self) -> None:
        """A review arrives word for word. One that Gerrit refuses is given up, with the reason."""
        programs = await self.begin()
        gerrit = self.gerrit
        master = await self.createMaster()
        after = AFTER.format(message=MESSAGE, port=self.number, key=self.key)
        master.write(master.config(bots={"w": "sesame"}, builders={"full": ["w"]}, after=after))
        master.environ["PATH"] = f"{programs}:{os.environ['PATH']}"
        await master.start()
        await self.startSlaves(master.port, [(SLAVE, "w", "sesame")])
        await master.whenConnected("w")
        for change in ("12", "13"):
            properties = {"event.change.project": "acme/it's", "event.change.number": change}
            properties["event.patchSet.number"] = "3"
            await master.ask("force", builder="full", reason="a try", properties=properties)
        await until(lambda: len(gerrit.commands) == 3, 120, lambda: f"{gerrit.commands}\n{master.text()}")
        ((patchSet, said),) = gerrit.reviews
        self.assertEqual(patchSet, "12,3")
        labels = ["Verified=1", "My Label=-1"]
        self.assertEqual(said, {"--project": ["acme/it's"], "--message": [MESSAGE], "--label": labels})
        await master.whenLogged("dropped .* no such patch set")
        (outgoing,) = (await master.ask("status"))["master"]["outgoing"]
        self.assertEqual((outgoing["waiting"], outgoing["failures"]), (0, 0))
        self.assertNoTracebacks(master)

    async def test_changes(self) -> None:
        """A patch set and a merge are built, also after the connection was cut."""
        programs = await self.begin()
        gerrit = self.gerrit
        master = await self.createMaster()
        after = CHANGES.format(port=self.number, key=self.key)
        master.write(master.config(bots={"w": "sesame"}, builders={"full": ["w"]}, after=after))
        master.environ["PATH"] = f"{programs}:{os.environ['PATH']}"
        await master.start()
        await self.startSlaves(master.port, [(SLAVE, "w", "sesame")])
        await until(lambda: gerrit.streams, 120, master.text)
        change = {"project": "p", "branch": "main", "number": 12, "owner": {"name": "A", "email": "a@b.org"}}
        patchSet = {"number": 3, "revision": "b" * 40, "ref": "refs/changes/12/12/3"}
        gerrit.tell(type="patchset-created", change=change, patchSet=patchSet)
        build = await master.whenFinished("full", 0)
        self.assertEqual((build["branch"], build["revision"]), ("main/12", "b" * 40))
        gerrit.cut()
        await master.whenLogged("GerritChangeSource of bot@127.0.0.1:[0-9]+ failed: ")
        await until(lambda: gerrit.streams, 120, master.text)
        update = {"project": "p", "refName": "refs/heads/main", "newRev": "c"}
        gerrit.tell(type="ref-updated", refUpdate=update)
        build = await master.whenFinished("full", 1)
        self.assertEqual((build["branch"], build["revision"]), ("main", "c"))
        stopped = await master.run("stop", master.basedir)
        self.assertEqual(stopped.status, 0, stopped.words)
        self.assertNoTracebacks(master)
