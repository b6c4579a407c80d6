"""The hook for Subversion, with a real svn, and a fake sendchange that records its changes."""

from __future__ import annotations

from tests.integration.hookcase import HookCase


class HookTests(HookCase):
    """A repository with the hook, and a working copy."""

    programs = ("svn", "svnadmin", "svnlook")
    command = "svn-hook"

    def setUp(self) -> None:
        super().setUp()
        self.environ["LC_ALL"] = "C.UTF-8"
        self.run_("svnadmin", "create", "origin", where=self.here)
        self.url = (self.here / "origin").as_uri()
        self.run_("svn", "checkout", "--quiet", self.url, "work", where=self.here)
        self.work = self.here / "work"

    def commit(self, *names: str, comments: str = "because", **more: str) -> str:
        """Commit changes of these files. Returns the messages."""
        for name in names:
            (self.work / name).parent.mkdir(parents=True, exist_ok=True)
            with (self.work / name).open("a") as stream:
                stream.write("more\n")
        self.run_("svn", "add", "--quiet", "--force", ".", where=self.work)
        words = ["svn", "commit", "--username", "zoë", "-m", comments]
        said = self.run_(*words, where=self.work, **more)
        return said.partition("Committed revision ")[2].partition("\n")[2].strip()

    def installFor(self, *options: str, **environ: str) -> None:
        """Install the hook. Subversion gives it no environment, so the script gets the one of the test."""
        self.install(*options)
        hook = self.here / "origin" / "hooks" / "post-commit"
        needed = ("BUILDBOT", "PYTHONPATH", "COVERAGE_")
        given = {name: value for name, value in self.environ.items() if name.startswith(needed)}
        names = {**given, **environ}
        exports = "".join(f"export {name}='{value}'\n" for name, value in names.items())
        hook.write_text(hook.read_text().replace("export PATH\n", f"export PATH\n{exports}"))

    def test_commits(self) -> None:
        """Each revision is a change, with all names; what is outside of the prefix is left out."""
        self.installFor("--prefix=p ü", "--repository=svn://x", "--category=c")
        self.assertEqual(self.commit("p ü/größe 'x'.c", "p ü/d/-a.c", comments="größer\n\n$(echo)"), "")
        self.commit("other/a.c")
        self.commit("p ü/d/-a.c")
        one, two = self.changes()
        self.assertEqual(sorted(one.pop("files")), ["d/", "d/-a.c", "größe 'x'.c"])
        self.assertEqual(
            one,
            {
                "branch": None,
                "revision": "1",
                "who": "zoë",
                "comments": "größer\n\n$(echo)",
                "repository": "svn://x",
                "category": "c",
            },
        )
        self.assertEqual((two["revision"], two["files"], self.spooled()), ("3", ["d/-a.c"], []))

    def test_branches(self) -> None:
        """With --branches, a revision on two branches is two changes; a new branch is one, a deleted none."""
        self.installFor("--branches")
        self.commit("trunk/a.c", "branches/1.x/b.c", "notes/c.c")
        copy = ["svn", "copy", "--quiet", "-m", "copied", f"{self.url}/trunk", f"{self.url}/branches/2.x"]
        self.run_(*copy, where=self.work)
        self.run_("svn", "delete", "--quiet", "-m", "away", f"{self.url}/branches/2.x", where=self.work)
        found = [(each["revision"], each["branch"], each["files"]) for each in self.changes()]
        expected = [("1", None, ["a.c"]), ("1", "branches/1.x", ["b.c"]), ("2", "branches/2.x", [])]
        self.assertEqual(sorted(found, key=repr), sorted(expected, key=repr))

    def test_masterAway(self) -> None:
        """F10: without a master, the commit succeeds, with a warning; the next commit sends all, in order."""
        self.installFor(TAKES="0")
        said = self.commit("a.c", comments="one")
        self.assertIn("buildbot: 1 change for h:1 is kept in ", said)
        self.assertEqual((self.changes(), len(self.spooled())), ([], 1))
        self.installFor()
        self.assertEqual(self.commit("a.c", comments="two"), "")
        self.assertEqual([each["comments"] for each in self.changes()], ["one", "two"])
        self.assertEqual(self.spooled(), [])

    def test_deliver(self) -> None:
        """F10: a command for cron sends the stored changes, and prints nothing on success."""
        self.installFor(TAKES="0")
        self.commit("a.c", comments="one")
        self.assertEqual(self.deliver(TAKES="0").returncode, 1)
        for expected in (["one"], []):
            done = self.deliver()
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
            self.assertEqual([each["comments"] for each in self.changes()], expected)

    def test_broken(self) -> None:
        """F10: a hook that cannot work never fails the commit, and says why in one line."""
        self.installFor(BUILDBOT="/no/such/buildbot")
        said = self.commit("a.c")
        self.assertIn("buildbot: cannot run /no/such/buildbot: No such file or directory", said)
        self.assertNotIn("Traceback", said)
        self.assertEqual(len(self.spooled()), 1)

    def test_otherHook(self) -> None:
        """A hook of somebody else is never replaced; our own one is."""
        hook = self.here / "origin" / "hooks" / "post-commit"
        hook.write_text("#!/bin/sh\nexit 0\n")
        done = self.hook("--install", "--master=h:1")
        self.assertEqual((done.returncode, hook.read_text()), (1, "#!/bin/sh\nexit 0\n"))
        self.assertIn("the repository has such a hook already", done.stderr)
        self.assertIn("svn-hook --run --master=h:1", done.stderr)
        hook.unlink()
        for master in ("h:1", "h:2"):
            self.install(master=master)
            self.assertIn(f"--master={master} ", hook.read_text())
            self.assertEqual(hook.stat().st_mode & 0o777, 0o755)
        self.repository = "work"
        done = self.hook("--install", "--master=h:1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("work is no repository of Subversion", done.stderr)
        done = self.hook()
        self.assertEqual((done.returncode, done.stdout), (1, ""))

    def test_otherSystem(self) -> None:
        """A repository of git has a directory for hooks, too: nothing is written there."""
        hooks = self.here / "work" / "hooks"
        hooks.mkdir()
        self.repository = "work"
        done = self.hook("--install", "--master=h:1")
        self.assertEqual((done.returncode, list(hooks.iterdir())), (1, []))
        self.assertIn("work is no repository of Subversion: it has no directory db", done.stderr)

    def test_printed(self) -> None:
        """Without --install, the hook is printed, and nothing is written; it needs the master's address."""
        done = self.hook("--master=h:1")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.splitlines()[0], "#!/bin/sh")
        self.assertFalse((self.here / "origin" / "hooks" / "post-commit").exists())
        self.assertIn("--master=HOST:PORT is needed", self.hook().stderr)
