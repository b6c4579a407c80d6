"""The hook for git that docs/howto shows, with a real git, and a sendchange that notes what it is told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from twisted.trial import unittest

HOOK = Path(__file__).parent.parent.parent / "docs" / "howto" / "git_post_receive.py"
SENDCHANGE = """#!{python}
import json, os, sys
with open({told!r}, "a") as stream:
    stream.write(json.dumps(sys.argv[1:]) + "\\n")
sys.exit(int(os.environ.get("FAILS", "0")))
"""


class HookTests(unittest.TestCase):
    """A repository with the hook, and a clone to push from."""

    def setUp(self) -> None:
        if shutil.which("git") is None:
            raise unittest.SkipTest("there is no git")
        self.here = Path(self.mktemp()).resolve()
        self.here.mkdir()
        self.told = self.here / "told"
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.here),
            "BUILDBOT": str(self.here / "buildbot"),
            "BUILDBOT_MASTER": "h:1",
            "BUILDBOT_AUTH_FILE": "/auth",
            "GIT_CONFIG_NOSYSTEM": "1",
            "LANG": "C.UTF-8",
            **{f"GIT_{who}_NAME": "Zoë" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "zoë@example.org" for who in ("AUTHOR", "COMMITTER")},
        }
        self.script(self.here / "buildbot", SENDCHANGE.format(python=sys.executable, told=str(self.told)))
        self.git("init", "--quiet", "--bare", "origin", where=self.here)
        self.script(
            self.here / "origin" / "hooks" / "post-receive", f"#!/bin/sh\nexec {sys.executable} {HOOK}\n"
        )
        self.git("init", "--quiet", "work", where=self.here)
        self.git("checkout", "--quiet", "-b", "main")
        self.git("remote", "add", "origin", str(self.here / "origin"))

    def script(self, path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o700)

    def git(self, *words: str, where: Path | None = None, **more: str) -> str:
        """What git prints, errors included."""
        done = subprocess.run(
            ["git", *words],
            cwd=where or self.here / "work",
            env={**self.environ, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=True,
        )
        return done.stdout.decode()

    def commit(self, comments: str, *names: str) -> str:
        """Change these files; the name of the commit."""
        for name in names:
            path = self.here / "work" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "a") as stream:
                stream.write(comments)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", comments)
        return self.git("rev-parse", "HEAD").strip()

    def changes(self) -> list[dict[str, object]]:
        """What was sent since this was asked the last time."""
        lines = self.told.read_text().splitlines() if self.told.exists() else []
        self.told.unlink(missing_ok=True)
        changes = []
        for words in map(json.loads, lines):
            split = words.index("--")
            self.assertEqual(words[:6], ["sendchange", "--master", "h:1", "--auth-file", "/auth", "--quiet"])
            pairs = dict(zip(words[6:split:2], words[7:split:2], strict=True))
            changes.append({**pairs, "files": words[split + 1 :]})
        return changes

    def test_push(self) -> None:
        """Each commit is a change: its author, branch, name, words, and files, whatever they are called."""
        one = self.commit("Füge zwei hinzu\n\n-- nicht mehr", "größe.c", "a dir/with\nnewline", "-dash")
        two = self.commit("again", "größe.c")
        self.git("push", "--quiet", "origin", "main")
        self.assertEqual(
            self.changes(),
            [
                {
                    "--branch": "main",
                    "--revision": one,
                    "--username": "Zoë <zoë@example.org>",
                    "--comments": "Füge zwei hinzu\n\n-- nicht mehr",
                    "files": ["-dash", "a dir/with\nnewline", "größe.c"],
                },
                {
                    "--branch": "main",
                    "--revision": two,
                    "--username": "Zoë <zoë@example.org>",
                    "--comments": "again",
                    "files": ["größe.c"],
                },
            ],
        )

    def test_branches(self) -> None:
        """A new branch brings its own commits, or else its last; tags and deleted branches bring none."""
        base = self.commit("base", "a")
        self.git("push", "--quiet", "origin", "main")
        self.changes()
        self.git("checkout", "--quiet", "-b", "feature/x")
        self.git("push", "--quiet", "origin", "feature/x")
        self.assertEqual(
            [(each["--branch"], each["--revision"]) for each in self.changes()], [("feature/x", base)]
        )
        self.git("checkout", "--quiet", "-b", "other")
        new = self.commit("new", "b")
        self.git("tag", "v1")
        self.git("push", "--quiet", "origin", "other", "v1")
        self.assertEqual(
            [(each["--branch"], each["--revision"]) for each in self.changes()], [("other", new)]
        )
        self.git("push", "--quiet", "--delete", "origin", "other", "v1")
        self.assertEqual(self.changes(), [])

    def test_merge(self) -> None:
        """A merge names the files that it has brought to the branch."""
        self.commit("base", "a")
        self.git("checkout", "--quiet", "-b", "side")
        self.commit("side", "b")
        self.git("checkout", "--quiet", "main")
        self.commit("main", "c")
        self.git("merge", "--quiet", "--no-edit", "side")
        self.git("push", "--quiet", "origin", "main")
        self.assertEqual([each["files"] for each in self.changes()][-1], ["b"])

    def test_rewritten(self) -> None:
        """A branch that was set back brings a change, so that it is built."""
        first = self.commit("one", "a")
        self.commit("two", "a")
        self.git("push", "--quiet", "origin", "main")
        self.changes()
        self.git("reset", "--quiet", "--hard", first)
        self.git("push", "--quiet", "--force", "origin", "main")
        self.assertEqual([each["--revision"] for each in self.changes()], [first])

    def test_masterAway(self) -> None:
        """A master that is away does not undo a push; every commit is tried."""
        self.commit("one", "a")
        self.commit("two", "a")
        self.git("push", "--quiet", "origin", "main", FAILS="1")
        self.assertEqual(len(self.changes()), 2)
        self.assertEqual(
            self.git("rev-parse", "main", where=self.here / "origin"), self.git("rev-parse", "main")
        )
