"""The hook for Mercurial, with a real hg, and a fake sendchange that records its changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial import unittest

from tests.integration.hookcase import HookCase


class HgCase(HookCase):
    """A repository, and a clone to push from."""

    programs = ("hg",)
    command = "hg-hook"
    spool = "origin/.hg/buildbot-spool"

    def setUp(self) -> None:
        super().setUp()
        self.environ.update({"HGUSER": "Zoë <zoë@example.org>", "HGRCPATH": "", "HGENCODING": "UTF-8"})
        self.hg("init", "origin", where=self.here)
        self.hg("clone", "--quiet", "origin", "work", where=self.here)

    def hg(self, *words: str, where: Path | None = None, **more: str) -> str:
        """The output of hg, with errors."""
        return self.run_("hg", *words, where=where or self.here / "work", **more)

    def commit(self, comments: str, *names: str, where: str = "work", **more: str) -> str:
        """Commit changes of these files. Returns the messages."""
        for name in names:
            path = self.here / where / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as stream:
                stream.write(comments)
        return self.hg("commit", "--addremove", "-m", comments, where=self.here / where, **more)

    def node(self, where: str = "work") -> str:
        """The last changeset."""
        return self.hg("log", "-r", "tip", "--template", "{node}", where=self.here / where)


class HookTests(HgCase):
    """The repository has the hook."""

    def setUp(self) -> None:
        super().setUp()
        self.install()

    def test_push(self) -> None:
        """Each changeset of a push is a change, over one connection, with any names."""
        self.commit("Füge hinzu\n\n-- nicht mehr", "größe.c", "a dir/x y", "-dash")
        one = self.node()
        self.hg("branch", "--quiet", "1.x")
        self.commit("again", "größe.c")
        self.hg("push", "--quiet", "--new-branch")
        expected = {
            "branch": "default",
            "revision": one,
            "who": "Zoë <zoë@example.org>",
            "comments": "Füge hinzu\n\n-- nicht mehr",
            "files": ["-dash", "a dir/x y", "größe.c"],
        }
        again = {"branch": "1.x", "revision": self.node(), "comments": "again", "files": ["größe.c"]}
        self.assertEqual(self.changes(), [expected, {**expected, **again}])
        self.assertEqual((len(self.calls), self.spooled()), (1, []))

    def test_commit(self) -> None:
        """A commit in the repository itself is a change; a pull into it is one for each changeset."""
        self.commit("here", "a", where="origin")
        self.assertEqual([each["revision"] for each in self.changes()], [self.node("origin")])
        self.hg("pull", "--quiet", "--update")
        self.commit("two", "a")
        self.commit("three", "a")
        self.assertEqual(self.changes(), [])
        self.hg("pull", "--quiet", str(self.here / "work"), where=self.here / "origin")
        self.assertEqual([each["comments"] for each in self.changes()], ["two", "three"])

    def test_many(self) -> None:
        """Of a large push, the last 50 changesets are sent."""
        self.hg("debugbuilddag", "--quiet", "+55")
        self.hg("push", "--quiet")
        self.assertEqual([each["comments"] for each in self.changes()], [f"r{each}" for each in range(5, 55)])

    def test_masterAway(self) -> None:
        """F10: without a master, the push succeeds, with a message; the next one sends all, in order."""
        self.commit("one", "a")
        said = self.hg("push", "--quiet", TAKES="0")
        self.assertIn("buildbot: 1 change for h:1 is kept in ", said)
        self.assertIn(f" --deliver --master=h:1 --auth-file=/auth {self.here / 'origin'}\n", said)
        self.assertEqual((self.changes(), len(self.spooled())), ([], 1))
        self.assertEqual(self.node("origin"), self.node())
        self.commit("two", "a")
        self.assertEqual(self.hg("push", "--quiet"), "")
        self.assertEqual([each["comments"] for each in self.changes()], ["one", "two"])
        self.commit("three", "b", where="origin", TAKES="0")
        self.assertEqual(self.deliver().returncode, 0)
        self.assertEqual([each["comments"] for each in self.changes()], ["three"])

    def test_hgrc(self) -> None:
        """The other lines of hgrc stay; installed twice, the hook is there once."""
        hgrc = self.here / "origin" / ".hg" / "hgrc"
        hgrc.write_text("[ui]\nusername = x\n[hooks]\nincoming = true\n# end")
        self.install(master="h:2")
        self.install(master="h:1")
        text = hgrc.read_text()
        self.assertTrue(text.startswith("[ui]\nusername = x\n[hooks]\nincoming = true\n# end\n"), text)
        self.assertEqual([text.count(each) for each in ("h:2", "changegroup.buildbot =")], [0, 1])
        self.commit("one", "a", where="origin")
        self.assertEqual(len(self.changes()), 1)


class InProcessTests(HgCase):
    """The hook of 0.8, which runs in Mercurial's own process."""

    def setUp(self) -> None:
        super().setUp()
        version = self.hg("debuginstall", "--template", "{pythonver}", where=self.here)
        if tuple(map(int, version.split(".")[:2])) < (3, 10):
            raise unittest.SkipTest(f"hg runs on Python {version}")

    def configure(self, *lines: str) -> None:
        """Write the section of 0.8 into hgrc."""
        hook = "changegroup.buildbot = python:buildbot.changes.hgbuildbot.hook"
        text = "\n".join(["[hooks]", hook, "[hgbuildbot]", "auth = u:p", *lines])
        (self.here / "origin" / ".hg" / "hgrc").write_text(text + "\n")

    def said(self) -> list[Any]:
        """The arguments and the changes that the fake command has got since the last call."""
        lines = self.told.read_text().splitlines() if self.told.exists() else []
        self.told.unlink(missing_ok=True)
        return list(map(json.loads, lines))

    def test_push(self) -> None:
        """Each changeset is sent to each master, with the values of the section."""
        self.configure(
            "master = h:1, h:2", "category = c", "project = p", "baseurl = http://hg/", "strip = 99"
        )
        self.commit("Füge hinzu", "größe.c")
        self.assertEqual(self.hg("push", "--quiet"), "")
        expected = {
            "branch": "default",
            "revision": self.node(),
            "who": "Zoë <zoë@example.org>",
            "comments": "Füge hinzu",
            "files": ["größe.c"],
            "category": "c",
            "project": "p",
            "repository": "http://hg/origin",
        }
        first, change, second, again = self.said()
        self.assertEqual(
            [first[:4], second[:4]], [["sendchange", "--master", f"h:{n}", "--changes"] for n in (1, 2)]
        )
        self.assertEqual((change, again), (expected, expected))

    def test_branches(self) -> None:
        """The branch may be the name of the directory, or a fixed one."""
        for number, (line, branch) in enumerate((("branchtype = dirname", "origin"), ("branch = x", "x"))):
            self.configure("master = h:1", line)
            self.commit(str(number), "a")
            self.hg("push", "--quiet")
            self.assertEqual([each["branch"] for each in self.said()[1:]], [branch])

    def test_masterAway(self) -> None:
        """Without a master, or without its address, the push succeeds, with a message; no change is lost."""
        self.configure("master = h:1")
        self.commit("one", "a")
        self.assertIn("1 change for h:1 is kept in ", self.hg("push", "--quiet", TAKES="0"))
        self.said()
        self.commit("two", "a")
        self.assertEqual(self.hg("push", "--quiet"), "")
        self.assertEqual([each["comments"] for each in self.said()[1:]], ["one", "two"])
        self.configure()
        self.commit("three", "a")
        self.assertIn("there is no master in the section [hgbuildbot]", self.hg("push", "--quiet"))
