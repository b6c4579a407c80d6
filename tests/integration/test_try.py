# -*- test-case-name: tests.integration.test_try -*-
"""C{buildbot try}, of this release and of earlier ones, to a real master with slaves of all generations.

The patches travel over PB and over ssh, with a server of its own on the loopback interface.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.trial.unittest import SkipTest

from tests.integration.generations import GENERATIONS, OLD_SLAVE, SLAVE, Generation
from tests.integration.masters import MasterTestCase, Result, loopback
from tests.integration.processes import ROOT, Child, environment, moments
from tests.integration.test_source import GitRepository, HgRepository, Repository, SvnRepository, programs
from tests.ports import freePort

CONFIG = r"""
from buildbot.process.factory import BuildFactory
from buildbot.scheduler import Try_Jobdir, Try_Userpass
from buildbot.steps.shell import ShellCommand
import buildbot.steps.source as source

c = BuildmasterConfig = {}
c['slavePortnum'] = given['port']
c['bots'] = [(name, 'sesame') for name in given['slaves']]
c['sources'] = []
cls, args = given['source']
f = BuildFactory()
f.addStep(getattr(source, cls), **args)
f.addStep(ShellCommand(name='look', command=['cat', 'hello'], usePTY=False))
f.addStep(ShellCommand(name='test', command=['grep', '-q', 'good', 'hello'], usePTY=False))
c['builders'] = [
    {'name': name, 'slavename': name, 'builddir': name.replace('.', '-'), 'factory': f}
    for name in given['slaves']
]
c['schedulers'] = [
    Try_Userpass('users', given['slaves'], given['tryPort'], [('ann', 'pw-1')]),
    Try_Jobdir('jobs', given['slaves'], 'jobs'),
]
"""

SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {here}/host
PidFile none
AuthorizedKeysFile {here}/user.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
SetEnv PATH={here}/bin:/usr/bin:/bin
"""
SSH = """
Host buildhost
HostName 127.0.0.1
Port {port}
IdentityFile {here}/user
IdentitiesOnly yes
BatchMode yes
StrictHostKeyChecking no
UserKnownHostsFile /dev/null
LogLevel ERROR
"""
#: Where the server is that is not on every PATH.
_SBIN = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"


class TryCase(MasterTestCase):
    """A master with both try schedulers, a slave of each generation, and a developer."""

    async def begin(self, repository: Repository, cls: str, **args: Any) -> None:
        """Start the master and the slaves. The developer's working copy is C{self.work}."""
        self.names = [generation.name for generation in GENERATIONS]
        self.master = await self.createMaster()
        self.tryPort = freePort()
        given = {
            "port": loopback(self.master.port),
            "tryPort": loopback(self.tryPort),
            "slaves": self.names,
            "source": (cls, args),
        }
        self.master.write(f"given = {given!r}\n{CONFIG}")
        await self.master.start()
        slaves = await self.startSlaves(self.master.port, [(g, g.name, "sesame") for g in GENERATIONS])
        await self.master.whenConnected(*slaves)
        self.repository = repository
        self.work = os.path.join(self.directory, "work")
        self.ssh = os.path.join(self.directory, "ssh")
        self.runs = 0

    def change(self, text: str) -> None:
        """Change the file C{hello} in the working copy."""
        with open(os.path.join(self.work, "hello"), "w", encoding="utf-8") as stream:
            stream.write(f"{text}\n")

    async def run_(self, command: Sequence[str], **more: str) -> Result:
        """Run a program in the working copy, as the developer."""
        self.runs += 1
        env = environment(self.directory, PYTHONPATH=ROOT, **more)
        if command[0] != sys.executable:
            del env["PYTHONPATH"]
        env["PATH"] = f"{self.ssh}/client:{env['PATH']}"
        child = Child(self, command, self.work, env, os.path.join(self.directory, f"run-{self.runs}"))
        status = await child.whenEnded(120)
        return Result(status, child.stdout(), child.stderr())

    def attempt(self, *options: str) -> Deferred[Result]:
        """Run C{buildbot try} of this release."""
        return ensureDeferred(self.run_([sys.executable, "-m", "buildbot", "try", *options]))

    def old(self, generation: Generation, *options: str) -> Deferred[Result]:
        """Run C{buildbot try} of an earlier release."""
        command = self.installed[generation].command("buildbot", "try", *options)
        return ensureDeferred(self.run_(command))

    @property
    def pb(self) -> list[str]:
        """The options for PB."""
        return ["--connect=pb", f"--master=127.0.0.1:{self.tryPort}", "--username=ann", "--passwd=pw-1"]

    async def startSSH(self) -> list[str]:
        """Start a server of ssh that knows a C{buildbot}. Returns the options for it."""
        server = shutil.which("sshd", path=_SBIN)
        if server is None:
            raise SkipTest("not installed: sshd")
        programs("ssh", "ssh-keygen")
        for name in ("bin", "client"):
            os.makedirs(os.path.join(self.ssh, name))
        if os.getuid() == 0:
            os.makedirs(
                "/run/sshd", exist_ok=True
            )  # sshd requires it, and only the start of the system makes it
        keys = Repository(os.path.join(self.ssh, "keys"))
        for name in ("host", "user"):
            keys.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", os.path.join(self.ssh, name))
        places = {"port": freePort(), "here": self.ssh}
        self.script("bin/buildbot", f'PYTHONPATH={ROOT} exec {sys.executable} -m buildbot "$@"')
        self.script("client/ssh", f'exec {shutil.which("ssh")} -F {self.ssh}/ssh_config "$@"')
        for name, text in (("sshd_config", SSHD), ("ssh_config", SSH)):
            with open(os.path.join(self.ssh, name), "w") as stream:
                stream.write(text.format(**places))
        command = [server, "-D", "-e", "-f", os.path.join(self.ssh, "sshd_config")]
        Child(self, command, self.ssh, environment(self.ssh), os.path.join(self.ssh, "sshd"))
        for _ in range(600):
            said = await self.run_([os.path.join(self.ssh, "client", "ssh"), "buildhost", "true"])
            if said.status == 0:
                break
            await moments(0.1)
        else:
            raise SkipTest(f"this user cannot log in with ssh: {said.words}")
        return ["--connect=ssh", "--host=buildhost", f"--jobdir={self.master.basedir}/jobs"]

    def script(self, name: str, line: str) -> None:
        path = os.path.join(self.ssh, name)
        with open(path, "w") as stream:
            stream.write(f"#!/bin/sh\n{line}\n")
        os.chmod(path, 0o755)

    async def looked(self, count: int) -> list[bytes]:
        """What the file was in the builds with this number, on each slave."""
        found = []
        for name in self.names:
            build = await self.master.whenFinished(name, count)
            found.append(self.master.output(build, "look")[0].strip())
        return found

    async def whole(self, *isGoodOver: tuple[str, bool]) -> None:
        """The developer tries good and bad work, over PB and over ssh.

        @param isGoodOver: the ways, C{"pb"} or C{"ssh"}, and whether the work is good.
        """
        rows = []
        options = {"pb": self.pb, "ssh": await self.startSSH()}
        for number, (way, isGood) in enumerate(isGoodOver):
            self.change(f"{'good' if isGood else 'bad'} work {number}")
            said = await self.attempt(*options[way], "--wait", f"--comment=number {number}")
            self.assertEqual(said.status, 0 if isGood else 1, said.words)
            self.assertEqual(
                await self.looked(number), [f"{'good' if isGood else 'bad'} work {number}".encode()] * 4
            )
            for name in self.names:
                result = "success" if isGood else "failed: test"
                self.assertIn(f"{name}/{number}: {result}\n", said.stdout)
                self.assertIn(f"{name}: step test …\n", said.stdout)
            rows.append((way, "good" if isGood else "bad", said.status))
        self.tell("way", "work", "exit status", rows=rows)


class OwnClientTests(TryCase):
    """The C{buildbot try} of this release."""

    async def test_git(self) -> None:
        """From a working copy of git."""
        programs("git")
        repository = GitRepository(os.path.join(self.directory, "git"))
        repository.commit("one")
        await self.begin(repository, "Git", repourl=repository.directory, branch="main")
        repository.run("git", "clone", "-q", repository.directory, self.work)
        await self.whole(("pb", True), ("ssh", True), ("pb", False), ("ssh", False))

    async def test_svn(self) -> None:
        """From a working copy of Subversion."""
        programs("svn", "svnadmin")
        repository = SvnRepository(os.path.join(self.directory, "svn"))
        repository.commit("one")
        await self.begin(repository, "SVN", svnurl=f"{repository.url}/trunk")
        repository.run("svn", "checkout", "-q", f"{repository.url}/trunk", self.work)
        await self.whole(("pb", True), ("ssh", False))

    async def test_hg(self) -> None:
        """From a working copy of Mercurial."""
        programs("hg")
        repository = HgRepository(os.path.join(self.directory, "hg"))
        repository.commit("one")
        await self.begin(repository, "Mercurial", repourl=repository.directory)
        repository.run("hg", "clone", "-q", repository.directory, self.work)
        await self.whole(("ssh", True), ("pb", False))


class OldClientsTests(TryCase):
    """The C{buildbot try} of 0.7.12 and 0.8.14, unchanged."""

    async def test_git(self) -> None:
        """They deliver over PB and ssh, and 0.8.14 waits. (0.7.12 cannot wait with any master.)"""
        programs("git")
        repository = GitRepository(os.path.join(self.directory, "git"))
        repository.commit("one")
        await self.begin(repository, "Git", repourl=repository.directory, branch="main")
        repository.run("git", "clone", "-q", repository.directory, self.work)
        ssh = await self.startSSH()
        builders = [f"--builder={name}" for name in self.names]
        oldSSH = ["--connect=ssh", "--tryhost=buildhost", f"--trydir={self.master.basedir}/jobs"]
        oldSSH.append(f"--username={repository.run('id', '-un')}")
        more = ["--who=bob", "--comment=why", "--properties=a=b"]
        for number, (generation, options, status) in enumerate(
            (
                (OLD_SLAVE, [*self.pb, *builders], 0),
                (SLAVE, [*self.pb, "--wait", *more], 0),
                (OLD_SLAVE, [*oldSSH, *builders], 0),
                (SLAVE, [*ssh, *more, *builders], 0),
                (SLAVE, [*self.pb, "--wait"], 1),
            )
        ):
            text = "bad" if status else f"good work {number}"
            self.change(text)
            said = await self.old(generation, "--vc=git", *options)
            self.assertEqual(said.status, status, said.words)
            self.assertEqual(await self.looked(number), [text.encode()] * 4, said.words)
            if "--wait" in options:
                result = "failure (failed test)" if status else "success (build successful)"
                for name in self.names:
                    self.assertIn(f"{name}: {result}\n", said.stdout)
        build = await self.master.whenFinished(self.names[0], 1)
        self.assertEqual(
            (build["reason"], build["properties"]["a"]), ("'try' job from user ann for bob (why)", "b")
        )
        build = await self.master.whenFinished(self.names[0], 3)
        self.assertEqual((build["reason"], build["properties"]["a"]), ("'try' job from user bob (why)", "b"))
        said = await self.old(SLAVE, *self.pb, "--get-builder-names")
        self.assertIn("\n".join(self.names), said.stdout)
        self.assertNoTracebacks(self.master)
