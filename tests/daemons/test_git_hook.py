"""The hook for git, with a real git, and a fake sendchange that records its changes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.integration.hookcase import HookCase


class HookTests(HookCase):
    """A repository with the hook, and a clone to push from."""

    programs = ("git",)
    command = "git-hook"

    def setUp(self) -> None:
        super().setUp()
        self.environ.update(
            {
                "BUILDBOT_MASTER": "h:1",
                "BUILDBOT_AUTH_FILE": "/auth",
                "GIT_CONFIG_NOSYSTEM": "1",
                **{f"GIT_{who}_NAME": "Zoë" for who in ("AUTHOR", "COMMITTER")},
                **{f"GIT_{who}_EMAIL": "zoë@example.org" for who in ("AUTHOR", "COMMITTER")},
            }
        )
        self.git("init", "--quiet", "--bare", "origin", where=self.here)
        self.install()
        self.git("init", "--quiet", "work", where=self.here)
        self.git("checkout", "--quiet", "-b", "main")
        self.git("remote", "add", "origin", str(self.here / "origin"))

    def git(self, *words: str, where: Path | None = None, **more: str) -> str:
        """The output of git, with errors."""
        return self.run_("git", *words, where=where or self.here / "work", **more)

    def commit(self, comments: str, *names: str) -> str:
        """Commit changes of these files; return the commit's name."""
        for name in names:
            path = self.here / "work" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "a") as stream:
                stream.write(comments)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", comments)
        return self.git("rev-parse", "HEAD").strip()

    def test_push(self) -> None:
        """Each commit is a change: its author, branch, name, comments and files, with any names."""
        one = self.commit("Füge zwei hinzu\n\n-- nicht mehr", "größe.c", "a dir/with\nnewline", "-dash")
        two = self.commit("again", "größe.c")
        self.git("push", "--quiet", "origin", "main")
        self.assertEqual(
            self.changes(),
            [
                {
                    "branch": "main",
                    "revision": one,
                    "who": "Zoë <zoë@example.org>",
                    "comments": "Füge zwei hinzu\n\n-- nicht mehr",
                    "files": ["-dash", "a dir/with\nnewline", "größe.c"],
                },
                {
                    "branch": "main",
                    "revision": two,
                    "who": "Zoë <zoë@example.org>",
                    "comments": "again",
                    "files": ["größe.c"],
                },
            ],
        )

    def test_branches(self) -> None:
        """A new branch sends its own commits, or else its last one; tags and deleted branches send none."""
        base = self.commit("base", "a")
        self.git("push", "--quiet", "origin", "main")
        self.changes()
        self.git("checkout", "--quiet", "-b", "feature/x")
        self.git("push", "--quiet", "origin", "feature/x")
        self.assertEqual(
            [(each["branch"], each["revision"]) for each in self.changes()], [("feature/x", base)]
        )
        self.git("checkout", "--quiet", "-b", "other")
        new = self.commit("new", "b")
        self.git("tag", "v1")
        self.git("push", "--quiet", "origin", "other", "v1")
        self.assertEqual([(each["branch"], each["revision"]) for each in self.changes()], [("other", new)])
        self.git("push", "--quiet", "--delete", "origin", "other", "v1")
        self.assertEqual(self.changes(), [])

    def test_merge(self) -> None:
        """A merge has the files that it brought to the branch."""
        self.commit("base", "a")
        self.git("checkout", "--quiet", "-b", "side")
        self.commit("side", "b")
        self.git("checkout", "--quiet", "main")
        self.commit("main", "c")
        self.git("merge", "--quiet", "--no-edit", "side")
        self.git("push", "--quiet", "origin", "main")
        self.assertEqual([each["files"] for each in self.changes()][-1], ["b"])

    def test_rewritten(self) -> None:
        """A branch that was set back sends a change, so that it is built."""
        first = self.commit("one", "a")
        self.commit("two", "a")
        self.git("push", "--quiet", "origin", "main")
        self.changes()
        self.git("reset", "--quiet", "--hard", first)
        self.git("push", "--quiet", "--force", "origin", "main")
        self.assertEqual([each["revision"] for each in self.changes()], [first])

    def test_oneConnection(self) -> None:
        """F10: the changes of a push are sent over one connection, and none is left."""
        for number in range(3):
            self.commit(str(number), "a")
        self.git("push", "--quiet", "origin", "main")
        self.assertEqual([each["comments"] for each in self.changes()], ["0", "1", "2"])
        self.assertEqual((len(self.calls), self.spooled()), (1, []))

    def test_masterAway(self) -> None:
        """F10: if the master is not available, the push succeeds; its changes are stored, with a message."""
        self.commit("one", "a")
        self.commit("two", "a")
        said = self.git("push", "--quiet", "origin", "main", TAKES="0")
        self.assertEqual((self.changes(), len(self.spooled())), ([], 2))
        self.assertIn("remote: buildbot: h:1 is mute", said)
        self.assertIn("remote: buildbot: 2 changes for h:1 are kept in ", said)
        self.assertEqual(
            self.git("rev-parse", "main", where=self.here / "origin"), self.git("rev-parse", "main")
        )

    def test_nextPush(self) -> None:
        """F10: the next push sends the stored changes first, in order, and none twice."""
        for number in range(4):
            self.commit(str(number), "a")
        self.git("push", "--quiet", "origin", "main", TAKES="1")
        self.assertEqual(len(self.spooled()), 3)
        self.commit("4", "a")
        said = self.git("push", "--quiet", "origin", "main")
        self.assertEqual([each["comments"] for each in self.changes()], ["0", "1", "2", "3", "4"])
        self.assertEqual((self.spooled(), said), ([], ""))

    def test_deliver(self) -> None:
        """F10: a command for cron sends the stored changes, and prints nothing on success."""
        self.commit("one", "a")
        self.git("push", "--quiet", "origin", "main", TAKES="0")
        done = self.deliver(TAKES="0")
        self.assertEqual(done.returncode, 1)
        self.assertIn("1 change for h:1 is kept in ", done.stderr)
        for expected in (["one"], []):
            done = self.deliver()
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
            self.assertEqual([each["comments"] for each in self.changes()], expected)

    def test_timeLimit(self) -> None:
        """F10: a push does not wait longer than its limit, even if the sender hangs."""
        for number in range(3):
            self.commit(str(number), "a")
        begun = time.monotonic()
        self.git("push", "--quiet", "origin", "main", TAKES="1", MUTE="1000", BUILDBOT_TIMEOUT="15")
        self.assertLess(time.monotonic() - begun, 100)
        self.assertEqual(len(self.spooled()), 2)

    def test_refusedChange(self) -> None:
        """F10: a change that the master never accepts does not block the others, and is moved away."""
        self.commit("one", "a")
        self.commit("two", "poison")
        self.commit("three", "a")
        said = self.git("push", "--quiet", "origin", "main")
        self.assertEqual([each["comments"] for each in self.changes()], ["one", "three"])
        self.assertIn("the master refuses a change", said)
        (aside,) = (self.here / "origin" / "buildbot-spool" / "refused").iterdir()
        self.assertEqual(json.loads(aside.read_text())["comments"], "two")
        self.assertEqual(self.spooled(), [])

    def test_twoPushes(self) -> None:
        """F10: simultaneous pushes send each change once."""
        self.commit("base", "a")
        self.git("push", "--quiet", "origin", "main")
        self.changes()
        for name in "xyz":
            self.git("checkout", "--quiet", "-b", name, "main")
            self.commit(name, name)
        pushes = [
            subprocess.Popen(
                ["git", "push", "--quiet", "origin", name],
                cwd=self.here / "work",
                env=self.environ,
                stderr=subprocess.DEVNULL,
            )
            for name in "xyz"
        ]
        self.assertEqual([push.wait(300) for push in pushes], [0, 0, 0])
        self.assertEqual(sorted(each["branch"] for each in self.changes()), ["x", "y", "z"])
        self.assertEqual(self.spooled(), [])

    def test_whatIsMissing(self) -> None:
        """F10: without the command `buildbot` a push succeeds, its changes are stored, and there is no
        traceback.
        """
        self.commit("one", "a")
        said = self.git("push", "--quiet", "origin", "main", BUILDBOT="/no/such/buildbot")
        self.assertIn("cannot run /no/such/buildbot: No such file or directory", said)
        self.assertNotIn("Traceback", said)
        self.assertEqual(len(self.spooled()), 1)

    def test_noSpool(self) -> None:
        """F10: if changes cannot be stored, they are sent at once, with a message."""
        (self.here / "origin" / "buildbot-spool").write_text("")
        self.commit("one", "a")
        said = self.git("push", "--quiet", "origin", "main")
        self.assertIn("cannot store changes in ", said)
        self.assertEqual([each["comments"] for each in self.changes()], ["one"])

    def test_oddFiles(self) -> None:
        """F10, H10: a FIFO, a directory or a link among the stored changes does not block a push."""
        spool = self.here / "origin" / "buildbot-spool"
        spool.mkdir()
        os.mkfifo(spool / "000000000001")
        (spool / "000000000002").mkdir()
        (spool / "000000000003").symlink_to("/dev/zero")
        self.commit("one", "a")
        self.assertEqual(self.git("push", "--quiet", "origin", "main"), "")
        self.assertEqual([each["comments"] for each in self.changes()], ["one"])
        self.assertEqual(len(self.spooled()), 3)
        os.mkfifo(spool / "000000000004.new")
        self.commit("two", "a")
        self.assertIn("remote: buildbot: ", self.git("push", "--quiet", "origin", "main"))
        self.assertEqual([each["comments"] for each in self.changes()], ["two"])

    def test_muteMaster(self) -> None:
        """F10: three commits for a master that accepts connections and never answers wait for one time
        limit.
        """
        with socket.create_server(("127.0.0.1", 0)) as mute:
            for number in range(3):
                self.commit(str(number), "a")
            (self.here / "auth").write_text("u:p")
            self.script(self.here / "real", f'#!/bin/sh\nexec {sys.executable} -m buildbot "$@"\n')
            master = f"127.0.0.1:{mute.getsockname()[1]}"
            self.install(master=master, auth=str(self.here / "auth"))
            begun = time.monotonic()
            said = self.git(
                *("push", "--quiet", "origin", "main"),
                BUILDBOT=str(self.here / "real"),
                BUILDBOT_TIMEOUT="15",
                PYTHONPATH=os.pathsep.join(sys.path),
            )
            self.assertLess(time.monotonic() - begun, 40)  # three limits would be 45 s
        self.assertIn(f"buildbot: waiting for {master} to take the changes", said)
        self.assertIn(f"buildbot: {master} did not answer within ", said)
        self.assertEqual(len(self.spooled()), 3)
