"""F2: the recipes of the docs, with a real git and two branches: each build has the right source."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import partial
from typing import Any

from twisted.trial import unittest

from tests.commandline import withoutWaits
from tests.integration.test_build_process import BuildsCase
from tests.recipes import hookConfig, recipes

#: Added to the demo's master.cfg: the recipe's builder, on the demo's slave. The hook's page comes after it.
ADDED = """
recipe = {{}}
exec(open({recipe!r}).read(), recipe)
c['builders'].append(dict(recipe['c']['builders'][0], name="full", slavename="bot1", builddir="full"))
c['schedulers'], c['sources'] = [], []
"""
FOLLOWING = """
from buildbot.scheduler import Dependent
c['builders'].append(dict(recipe['c']['builders'][0], name="package", slavename="bot1", builddir="package"))
c['schedulers'].append(Dependent("package", c['schedulers'][0], ["package"]))
"""


class RecipeTests(BuildsCase):
    """A repository with the hook of the docs, and a builder with a recipe of the docs."""

    def setUp(self) -> None:
        if shutil.which("git") is None or shutil.which("make") is None:
            raise unittest.SkipTest("there is no git, or no make")
        super().setUp()
        self.gitEnviron = {
            **self.environ,
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_NAME": "me" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "me@example.org" for who in ("AUTHOR", "COMMITTER")},
        }
        self.work, self.origin = self.path("work"), self.path("origin")
        self.git("init", "--quiet", "--bare", "--initial-branch=main", self.origin, where=self.here)
        self.git("init", "--quiet", "--initial-branch=main", self.work, where=self.here)
        self.git("remote", "add", "origin", self.origin)

    def git(self, *words: str, where: str | None = None) -> str:
        """The output of git."""
        done = subprocess.run(
            ["git", *words],
            cwd=where or self.work,
            env=self.gitEnviron,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout.decode().strip()

    def commit(self, content: str) -> str:
        """Commit on the current branch; return the commit's name."""
        with open(os.path.join(self.work, "Makefile"), "w") as stream:
            stream.write(f"all:\n\t@echo built {content}\n")
        self.git("add", "Makefile")
        self.git("commit", "--quiet", "--message", content)
        return self.git("rev-parse", "HEAD")

    def installHook(self) -> None:
        """Follow the page on the machine of the repository."""
        with open(self.path("master/master.cfg")) as stream:
            port = re.search(r"slavePortnum'\] = 'tcp:(\d+)", stream.read())
        assert port
        auth = self.path("auth")
        with open(auth, "w") as stream:
            stream.write("git:s3cret\n")
        os.chmod(auth, 0o600)
        options = [f"--master=localhost:{port[1]}", f"--auth-file={auth}"]
        self.ok("git-hook", "--install", *options, self.origin)

    def configure(self, recipe: str, more: str = "") -> None:
        """Put a recipe of the docs, and the lines of the hook's page, into force."""
        self.assertIn("https://git.example.org/project.git", recipe)
        self.write(
            "recipe.py", recipe.replace("https://git.example.org/project.git", f"file://{self.origin}")
        )
        self.write("master/git.password", "s3cret\n")
        os.chmod(self.path("master/git.password"), 0o600)
        hook = hookConfig().replace("treeStableTimer=10", "treeStableTimer=1")
        with open(self.path("master/master.cfg"), "a") as stream:
            stream.write(ADDED.format(recipe=self.path("recipe.py")) + hook + more)
        self.ok("reconfig", self.master)
        self.until(
            lambda: "full" in self.ask("status", slave="bot1")["slaves"][0]["attachedTo"], "it is attached"
        )
        self.installHook()

    def compiled(self, number: int, builder: str = "full") -> tuple[str, dict[str, Any]]:
        """The source that a build has compiled, and its record."""
        build = self.finished(builder, number)
        self.assertEqual(build["result"], "success", self.ask("build", builder=builder, number=number))
        log = self.ok("log", self.master, f"{builder}/{number}/compile").out
        whole: dict[str, Any] = self.ask("build", builder=builder, number=number)
        said = re.findall(r"^built (.*)$", log, re.M)
        return said[-1], whole

    def push(self, *words: str) -> str:
        """Push, and check that there is no message, but that of a wait where the machine is busy."""
        said = self.git("push", "--quiet", *words)
        self.assertNotIn("buildbot", withoutWaits(said))
        return said

    def test_found(self) -> None:
        """F2: the docs have recipes, and these tests find them."""
        self.assertIn("docs/howto/moving-from-0.7.x.rst", [name for name, _ in recipes()])
        self.assertIn("PBChangeSource", hookConfig())

    def test_branches(self) -> None:
        """F2: the recipe builds the branch and revision of a push, of merged pushes, and of a forced
        build.
        """
        ((name, recipe),) = recipes()  # if there are more recipes, this must run each
        self.configure(recipe, FOLLOWING)
        main = self.commit("main one")
        self.push("origin", "main")
        what, build = self.compiled(0)
        self.assertEqual((what, build["properties"]["revision"]), ("main one", main), name)

        self.git("checkout", "--quiet", "-b", "release/1.0")
        release = self.commit("release one")
        self.push("origin", "release/1.0")
        what, build = self.compiled(1)
        self.assertEqual(what, "release one")
        said = [build["properties"][each] for each in ("branch", "revision", "got_revision")]
        self.assertEqual(said, ["release/1.0", release, release])
        self.assertEqual([build[each] for each in ("branch", "revision")], ["release/1.0", release])
        # A Dependent builds the same, although main is the default.
        what, build = self.compiled(1, "package")
        self.assertEqual((what, build["properties"]["revision"]), ("release one", release))

        # Two pushes to each branch come while the slave is disconnected: one build of each branch has both.
        self.ok("pause", self.master, "bot1")
        for count, number in ((2, "two"), (4, "three")):
            for branch in ("main", "release/1.0"):
                self.git("checkout", "--quiet", branch)
                self.commit(f"{branch} {number}")
                self.push("origin", branch)
            self.until(partial(self.isWaiting, count), "the requests wait")
        self.ok("unpause", self.master, "bot1")
        built = {self.compiled(number)[1]["branch"]: self.compiled(number)[0] for number in (2, 3)}
        self.assertEqual(built, {"main": "main three", "release/1.0": "release/1.0 three"})

        # Forced builds: the latest of a branch, of the default branch, and a revision.
        for index, (words, wanted) in enumerate(
            (
                (["--branch", "release/1.0"], "release/1.0 three"),
                ([], "main three"),
                (["--branch", "release/1.0", "--revision", release], "release one"),
            ),
            4,
        ):
            self.ok("force", self.master, "full", *words)
            what, build = self.compiled(index)
            self.assertEqual(what, wanted)
        # A revision that is not on the branch fails.
        self.git("checkout", "--quiet", "-b", "other", main)
        other = self.commit("other")
        self.ok("force", self.master, "full", "--revision", other)
        build = self.finished("full", 7)
        self.assertEqual(build["result"], "failure")
        self.assertIn("checkout", " ".join(build["text"]))

    def isWaiting(self, count: int) -> bool:
        """True if this number of requests waits for the recipe's builder."""
        requests = [each for each in self.ask("builds")["requests"] if each["builder"] == "full"]
        return len(requests) >= count
