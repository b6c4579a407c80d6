# -*- test-case-name: tests.integration.test_source -*-
"""Source steps on real slaves of every generation, with real repositories in directories."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from twisted.internet.defer import ensureDeferred
from twisted.trial.unittest import SkipTest

from buildbot.control.client import ControlError
from buildbot.logs.files import LogReader
from tests.examples import THOROUGH
from tests.integration.generations import GENERATIONS
from tests.integration.masters import MasterTestCase, loopback
from tests.integration.processes import environment, moments
from tests.integration.slaves import together
from tests.ports import freePort

CONFIG = r"""
from buildbot.locks import SlaveLock
from buildbot.process.factory import BuildFactory
from buildbot.steps.shell import ShellCommand
from buildbot.steps.source import *
import buildbot.steps.source as source
from buildbot.process.properties import WithProperties

c = BuildmasterConfig = {}
c['slavePortnum'] = given['port']
c['bots'] = [(name, 'sesame') for name in given['slaves']]
c['status'], c['schedulers'], c['sources'] = [], [], []


def factory(cls, args):
    f = BuildFactory()
    f.addStep(getattr(source, cls), **args)
    f.addStep(ShellCommand(name='look', command=given['look'], usePTY=False))
    return f


c['builders'] = [
    {'name': f'{builder}-{name}', 'slavename': name, 'builddir': f'{builder}-{name}',
     'factory': factory(*how)}
    for builder, how in given['builders'].items() for name in given['slaves']
]
"""

#: A step that gets a patch, as a build of C{buildbot try} does.
PATCHED = r"""

class Patched(Git):
    def startVC(self, branch, revision, patch):
        diff = '--- a/hello\n+++ b/hello\n@@ -1 +1 @@\n-one\n+patched\n'
        return Git.startVC(self, branch, revision, (1, diff))


source.Patched = Patched
"""


def programs(*names: str) -> None:
    """Skip the test if a program is missing."""
    lacking = [name for name in names if shutil.which(name) is None]
    if lacking:
        raise SkipTest(f"not installed: {', '.join(lacking)}")


class Repository:
    """I am a repository in a directory of the test."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.home = os.path.dirname(directory)
        os.makedirs(directory)

    def run(self, *command: str, cwd: str | None = None) -> str:
        """Run a program; return its output without the line end."""
        env = environment(self.home, HGUSER="me", EMAIL="me@example.org", BRZ_EMAIL="me <me@example.org>")
        done = subprocess.run(
            command,
            cwd=cwd or self.directory,
            env=env,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        """Write a file of the tree."""
        with open(os.path.join(self.directory, name), "w", encoding="utf-8") as stream:
            stream.write(text)


class GitRepository(Repository):
    """I am a Git repository."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.run("git", "init", "-q", "-b", "main")
        self.run("git", "config", "user.name", "me")
        self.run("git", "config", "user.email", "me@example.org")

    def commit(self, text: str) -> str:
        """Commit a text for the file C{hello}; return the revision."""
        self.write("hello", text + "\n")
        self.write(".gitignore", "*.o\n")
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "-m", text)
        return self.run("git", "rev-parse", "HEAD")


class SourceCase(MasterTestCase):
    """One master, one slave of each generation, and builders with source steps."""

    async def build(self, **builders: Any) -> None:
        """Start a master with these builders on each slave: name -> (class, arguments)."""
        self.names = [generation.name for generation in GENERATIONS]
        self.numbers: dict[str, int] = {}
        self.rows: list[tuple[object, ...]] = []
        self.master = await self.createMaster()
        given: dict[str, Any] = {
            "port": loopback(self.master.port),
            "slaves": self.names,
            "builders": builders,
            "look": "cat hello; echo; ls -A",
        }
        head, tail = CONFIG.split("c = Build", 1)
        self.master.write(f"given = {given!r}\n{head}{PATCHED}\nc = Build{tail}")
        await self.master.start()
        self.slaves = await self.startSlaves(self.master.port, [(g, g.name, "sesame") for g in GENERATIONS])
        await self.master.whenConnected(*self.slaves)

    def place(self, builder: str, name: str, *path: str) -> str:
        """The path of a file below the directory of a builder on a slave."""
        return os.path.join(self.slaves[name].basedir, f"{builder}-{name}", *path)

    async def everywhere(self, builder: str, result: str = "success", **how: Any) -> list[dict[str, Any]]:
        """Build on all slaves at once; return the builds, with C{look} and C{log} in them."""
        return await self.on(self.names, builder, result, **how)

    async def on(
        self, names: Sequence[str], builder: str, result: str = "success", **how: Any
    ) -> list[dict[str, Any]]:
        """Build on these slaves at once; see L{everywhere}."""
        return await together(self._one(builder, name, result, how) for name in names)

    async def _one(self, builder: str, name: str, result: str, how: dict[str, Any]) -> dict[str, Any]:
        full = f"{builder}-{name}"
        number = self.numbers[full] = self.numbers.get(full, -1) + 1
        await self.master.ask("force", builder=full, reason="because", **how)
        build = await self.master.whenFinished(full, number)
        log = b"".join(self.master.output(build, build["steps"][0]["name"]).values())
        build["log"] = log.decode("utf-8", "replace")
        self.assertEqual(build["result"], result, (full, build["log"]))
        if result == "success":
            build["look"] = self.master.output(build, "look")[0].decode().split()
        way = build["log"].partition("source: ")[2].partition("\n")[0]
        step = build["steps"][0]
        seconds = step["finished"] - step["started"]
        self.rows.append(
            (builder, name, way[:90], f"{seconds:.2f}", build["properties"].get("got_revision", "-"))
        )
        return build

    def assertGot(self, builds: list[dict[str, Any]], revision: str | None, text: str) -> None:
        """Check the revision and the content of C{hello}."""
        for build in builds:
            self.assertEqual(build["look"][0], text, build["log"])
            self.assertEqual(build["properties"].get("got_revision"), revision, build["log"])

    def show(self) -> None:
        """Write the table of all builds."""
        self.tell("system", "slave", "way", "seconds", "got_revision", rows=self.rows)
        path = os.environ.get("BUILDBOT_TEST_TABLE")
        if path:
            with open(path, "a", encoding="utf-8") as stream:
                stream.writelines(" | ".join(map(str, row)) + "\n" for row in self.rows)


class GitTests(SourceCase):
    """Source from Git."""

    async def test_git(self) -> None:
        """Each mode and method gets the wanted revision of the wanted branch, whatever it finds."""
        programs("git")
        repository = GitRepository(os.path.join(self.directory, "größe und ☃"))
        url = repository.directory
        first = repository.commit("one")
        step = {"repourl": url, "branch": "main"}
        await self.build(
            update=("Git", step),
            copy=("Git", {**step, "mode": "copy"}),
            clobber=("Git", {**step, "mode": "clobber"}),
            clean=("Git", {**step, "mode": "full", "method": "clean"}),
            fresh=("Git", {**step, "mode": "full", "method": "fresh"}),
            head=("Git", {"repourl": url}),
            patched=("Patched", step),
        )
        for builder in ("update", "copy", "clobber", "clean", "fresh", "head"):
            self.assertGot(await self.everywhere(builder), first, "one")
            for name in self.names:
                for left in ("left", "left.o"):
                    open(self.place(builder, name, "build", left), "w").close()
        second = repository.commit("two")
        for builder, kept in (
            ("update", {"left", "left.o"}),
            ("copy", set()),
            ("clobber", set()),
            ("clean", {"left.o"}),
            ("fresh", set()),
        ):
            builds = await self.everywhere(builder)
            self.assertGot(builds, second, "two")
            for build in builds:
                self.assertEqual({name for name in build["look"] if "left" in name}, kept, build["log"])
        self.assertGot(await self.everywhere("update", revision=first), first, "one")
        repository.run("git", "checkout", "-q", "-b", "side/größe")
        third = repository.commit("three")
        self.assertGot(await self.everywhere("update", branch="side/größe"), third, "three")
        self.assertGot(await self.everywhere("update", revision="HEAD"), second, "two")
        for name in self.names:
            os.unlink(self.place("update", name, "build", ".git", "HEAD"))
        self.assertGot(await self.everywhere("update"), second, "two")
        for name in self.names:
            shutil.rmtree(self.place("update", name, "build"))
        self.assertGot(await self.everywhere("update"), second, "two")
        self.assertGot(await self.everywhere("patched", revision=first), first, "patched")
        self.assertGot(await self.everywhere("patched", revision=first), first, "patched")
        self.show()

    async def test_trouble(self) -> None:
        """An empty repository fails, one that comes back is got by a retry, and submodules come along."""
        programs("git")
        inner = GitRepository(os.path.join(self.directory, "inner"))
        inner.commit("inner")
        outer = GitRepository(os.path.join(self.directory, "outer"))
        allowed = ("git", "-c", "protocol.file.allow=always")
        GitRepository(os.path.join(self.directory, "empty"))
        retried = {"branch": "main", "retry": (1, 60)}
        await self.build(
            empty=("Git", {"repourl": os.path.join(self.directory, "empty"), "branch": "main"}),
            emptyhead=("Git", {"repourl": os.path.join(self.directory, "empty")}),
            retry=("Git", {"repourl": os.path.join(self.directory, "inner"), **retried}),
            submodules=("Git", {"repourl": outer.directory, "branch": "main", "submodules": True}),
        )
        await self.everywhere("empty", "failure")
        await self.everywhere("emptyhead", "failure")

        os.rename(inner.directory, inner.directory + "-away")
        building = ensureDeferred(self.everywhere("retry"))
        for name in self.names:
            await self.whenLogged(f"retry-{name}", b"fatal: ")
        os.rename(inner.directory + "-away", inner.directory)
        self.assertGot(await building, inner.run("git", "rev-parse", "HEAD"), "inner")

        outer.run(*allowed, "submodule", "--quiet", "add", inner.directory, "sub")
        first = outer.commit("outer")
        # Git refuses submodules in directories unless a user allows them.
        with open(os.path.join(self.directory, "slaves", ".gitconfig"), "w", encoding="utf-8") as stream:
            stream.write('[protocol "file"]\n\tallow = always\n')
        self.assertGot(await self.everywhere("submodules"), first, "outer")
        for name in self.names:
            self.assertTrue(os.path.exists(self.place("submodules", name, "build", "sub", "hello")), name)
        self.show()

    async def whenLogged(self, builder: str, text: bytes) -> None:
        """Wait until the log of the first step of the first build has a text."""
        while True:
            with contextlib.suppress(ControlError):
                said = await self.master.ask("build", builder=builder, number=0)
                for log in [log for step in said["steps"][:1] for log in step["logs"]]:
                    path = os.path.join(self.master.basedir, "logs", log["filename"])
                    if os.path.exists(path) and text in b"".join(
                        data for _, data in LogReader(path).chunks()
                    ):
                        return
            await moments(0.1)

    async def test_secrets(self) -> None:
        """S3: a password in a URL, and one in an argument, are in nothing that the master writes or says."""
        programs("git", "svn")
        port = freePort()
        secrets = ("canary-in-url", "canary-argument")
        await self.build(
            giturl=("Git", {"repourl": f"http://me:{secrets[0]}@127.0.0.1:{port}/x.git", "branch": "main"}),
            svnword=(
                "SVN",
                {"svnurl": f"http://127.0.0.1:{port}/x", "username": "me", "password": secrets[1]},
            ),
        )
        told = []
        for builder in ("giturl", "svnword"):
            told += await self.everywhere(builder, "failure")
        self.assertTrue(any("XXXXXX" in build["log"] for build in told))
        status = await self.master.ask("status")
        for builder in ("giturl", "svnword"):
            status[builder] = [await self.master.ask("builds", builder=f"{builder}-{n}") for n in self.names]
        found = [secret for secret in secrets if secret in repr((status, told))]
        for directory, _, names in os.walk(os.path.dirname(self.master.basedir)):
            for path in (os.path.join(directory, each) for each in names):
                if os.path.basename(path) == "master.cfg" or not os.path.isfile(path):
                    continue
                with open(path, "rb") as stream:
                    content = stream.read()
                found += [f"{secret}: {path}" for secret in secrets if secret.encode() in content]
        self.assertEqual(found, [])
        self.show()


class SvnRepository(Repository):
    """I am a Subversion repository with a trunk and branches."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.tree = directory + "-tree"
        self.run("svnadmin", "create", directory)
        self.url = "file://" + quote(directory)
        self.run("svn", "mkdir", "-m", "new", self.url + "/trunk", self.url + "/branches")
        self.run("svn", "checkout", self.url + "/trunk", self.tree)

    def commit(self, text: str) -> str:
        """Commit a text for C{hello}; return the revision."""
        with open(os.path.join(self.tree, "hello"), "w", encoding="utf-8") as stream:
            stream.write(text + "\n")
        self.run("svn", "add", "--force", "hello", cwd=self.tree)
        self.run("svn", "propset", "svn:ignore", "*.o", ".", cwd=self.tree)
        self.run("svn", "commit", "-m", text, cwd=self.tree)
        self.run("svn", "update", cwd=self.tree)
        return self.run("svnversion", cwd=self.tree)

    def branch(self, name: str) -> None:
        """Make a branch, and go on in it."""
        self.run("svn", "copy", "-m", "b", self.url + "/trunk", f"{self.url}/branches/{name}")
        self.run("svn", "switch", f"{self.url}/branches/{name}", cwd=self.tree)


class HgRepository(Repository):
    """I am a Mercurial repository."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.run("hg", "init")

    def commit(self, text: str) -> str:
        """Commit a text for C{hello}; return the revision."""
        self.write("hello", text + "\n")
        self.write(".hgignore", "syntax: glob\n*.o\n")
        self.run("hg", "commit", "--addremove", "-m", text)
        return self.run("hg", "parents", "--template", "{node}")

    def branch(self, name: str) -> None:
        """Go on in a new named branch."""
        self.run("hg", "branch", name)


class BzrRepository(Repository):
    """I am a Bazaar branch."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.run("bzr", "init")

    def commit(self, text: str) -> str:
        """Commit a text for C{hello}; return the revision."""
        self.write("hello", text + "\n")
        self.write(".bzrignore", "*.o\n")
        self.run("bzr", "add")
        self.run("bzr", "commit", "-m", text)
        return self.run("bzr", "revno")


class DarcsRepository(Repository):
    """I am a Darcs repository."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.run("darcs", "initialize")

    def commit(self, text: str) -> str:
        """Record a text for C{hello}; return the context."""
        self.write("hello", text + "\n")
        self.run("darcs", "record", "--all", "--look-for-adds", "-A", "me", "-m", text)
        return self.run("darcs", "changes", "--context")


class CvsRepository(Repository):
    """I am a CVS repository with one module."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.tree = directory + "-tree"
        self.run("cvs", "-d", directory, "init")
        os.mkdir(os.path.join(directory, "module"))
        self.run(
            "cvs", "-d", directory, "checkout", "-d", os.path.basename(self.tree), "module", cwd=self.home
        )

    def commit(self, text: str) -> None:
        """Commit a text for C{hello}."""
        isNew = not os.path.exists(os.path.join(self.tree, "hello"))
        with open(os.path.join(self.tree, "hello"), "w", encoding="utf-8") as stream:
            stream.write(text + "\n")
        if isNew:
            self.run("cvs", "add", "hello", cwd=self.tree)
        self.run("cvs", "commit", "-f", "-m", text, "hello", cwd=self.tree)

    def branch(self, name: str) -> None:
        """Make a branch, and go on in it."""
        self.run("cvs", "tag", "-b", name, cwd=self.tree)
        self.run("cvs", "update", "-r", name, cwd=self.tree)


class OtherTests(SourceCase):
    """Source from the other version controls."""

    async def modes(self, cls: str, step: dict[str, Any], *methods: str) -> None:
        """Start a master with a builder for each of these modes and methods."""
        how: dict[str, Any] = {"update": {}, "copy": {"mode": "copy"}, "clobber": {"mode": "clobber"}}
        how["clean"] = {"mode": "full", "method": "clean"}
        how["fresh"] = {"mode": "full", "method": "fresh"}
        how["export"] = {"mode": "export"}
        await self.build(**{name: (cls, {**step, **how[name]}) for name in methods})

    async def course(self, repository: Any, methods: tuple[str, ...], metadata: str) -> None:
        """Build two revisions in each way, with files left over, and a broken and a removed working copy.

        Instead of a broken working copy, every second slave has one with a changed file, which is a conflict.

        Each slave updates. All else is tried on L{some}, and on all of them in the test of Git.
        """
        chosen = {builder: self.names if builder == "update" else self.some() for builder in methods}
        first = repository.commit("one")
        for builder in methods:
            self.assertGot(await self.on(chosen[builder], builder), first, "one")
            for name in chosen[builder]:
                for left in ("left", "left.o"):
                    open(self.place(builder, name, "build", left), "w").close()
        second = repository.commit("two")
        kept = {"update": {"left", "left.o"}, "clean": {"left.o"}}
        for builder in methods:
            builds = await self.on(chosen[builder], builder)
            self.assertGot(builds, second, "two")
            for build in builds:
                found = {name for name in build["look"] if "left" in name}
                self.assertEqual(found, kept.get(builder, set()), build["log"])
        if first is not None:
            self.assertGot(await self.everywhere("update", revision=first), first, "one")
        for name in (names := self.some())[::2]:
            broken = self.place("update", name, "build", metadata)
            shutil.rmtree(broken) if os.path.isdir(broken) else os.unlink(broken)
        for name in names[1::2]:
            with open(self.place("update", name, "build", "hello"), "w", encoding="utf-8") as stream:
                stream.write("changed by a build\n")
        later = repository.commit("later")
        self.assertGot(await self.on(names, "update"), later, "later")
        for name in (names := self.some()):
            shutil.rmtree(self.place("update", name, "build"))
        self.assertGot(await self.on(names, "update"), later, "later")

    def some(self) -> list[str]:
        """The names of two slaves, others in each run; of all in a thorough run."""
        return self.names if THOROUGH else random.sample(self.names, 2)

    def assertGot(self, builds: list[dict[str, Any]], revision: str | None, text: str) -> None:
        """See L{SourceCase}. Without a revision, any date is right; 0.7.12 tells the short one of hg."""
        for build in builds:
            self.assertEqual(build["look"][0], text, build["log"])
            got = build["properties"].get("got_revision")
            if build["builder"] == "export-0.7.12" and got is None:
                continue  # its svn does not tell the revision of an export
            if revision is None:
                self.assertRegex(got, "^20[0-9][0-9]-")
            elif "[" in revision:  # darcs
                self.assertEqual(got.split(), revision.split(), build["log"])
            else:
                self.assertTrue(got and revision.startswith(got), (got, build["log"]))

    async def test_svn(self) -> None:
        """Subversion: trunk and branches of one URL."""
        programs("svn", "svnadmin")
        repository = SvnRepository(os.path.join(self.directory, "svn und ß"))
        methods = ("update", "copy", "clobber", "clean", "fresh", "export")
        await self.modes("SVN", {"baseURL": repository.url + "/", "defaultBranch": "trunk"}, *methods)
        await self.course(repository, methods, ".svn/wc.db")
        repository.branch("side")
        third = repository.commit("three")
        self.assertGot(await self.everywhere("update", branch="branches/side"), third, "three")
        self.show()

    async def test_hg(self) -> None:
        """Mercurial, with named branches."""
        programs("hg")
        repository = HgRepository(os.path.join(self.directory, "hg und x"))
        methods = ("update", "copy", "clobber", "clean", "fresh")
        await self.modes("Mercurial", {"repourl": repository.directory, "branchType": "inrepo"}, *methods)
        await self.course(repository, methods, ".hg/store")
        repository.branch("side")
        third = repository.commit("three")
        self.assertGot(await self.everywhere("update", branch="side"), third, "three")
        self.show()

    async def test_bzr(self) -> None:
        """Bazaar."""
        programs("bzr")
        repository = BzrRepository(os.path.join(self.directory, "bzr"))
        methods = ("update", "copy", "clobber", "clean", "fresh")
        await self.modes("Bzr", {"repourl": repository.directory}, *methods)
        await self.course(repository, methods, ".bzr/branch/last-revision")
        self.show()

    async def test_darcs(self) -> None:
        """Darcs, whose revisions are contexts."""
        programs("darcs")
        repository = DarcsRepository(os.path.join(self.directory, "darcs"))
        methods = ("update", "copy", "clobber")
        await self.modes("Darcs", {"repourl": repository.directory}, *methods)
        await self.course(repository, methods, "_darcs/hashed_inventory")
        self.show()

    async def test_cvs(self) -> None:
        """CVS, with a branch."""
        programs("cvs")
        repository = CvsRepository(os.path.join(self.directory, "cvs"))
        methods = ("update", "copy", "clobber", "clean", "fresh", "export")
        # -R: no locks. A client that meets the lock of another one waits for 30 s.
        step = {"cvsroot": repository.directory, "cvsmodule": "module", "global_options": ["-R"]}
        await self.modes("CVS", step, *methods)
        await self.course(repository, methods, "CVS/Entries")
        repository.branch("side")
        repository.commit("three")
        self.assertGot(await self.everywhere("update", branch="side"), None, "three")
        self.show()
