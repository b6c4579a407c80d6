"""The options and the texts of the commands for hooks."""

from __future__ import annotations

import os
from typing import Any

from twisted.trial import unittest

from buildbot.scripts.hook import GitHook, HgHook, SvnHook
from buildbot.scripts.output import CommandFailed
from tests.commandline import command


class TextTests(unittest.SynchronousTestCase):
    """The text of a hook."""

    def config(self, **more: Any) -> dict[str, Any]:
        """The parsed options of a hook."""
        return {"arguments": ("r",), "master": "h:1", "auth-file": "/a b", **more}

    def test_script(self) -> None:
        """The script says who has made it, runs this Python, and keeps the options that were given."""
        hook = SvnHook(self.config(prefix="p ü", branches=1, timeout=5.0, category="c"), ["py"])
        first, mark, path, export, last = hook.text("").splitlines()
        self.assertEqual((first, export), ("#!/bin/sh", "export PATH"))
        self.assertIn("Made by `buildbot svn-hook`", mark)
        self.assertIn(os.environ["PATH"], path)
        options = "--master=h:1 '--auth-file=/a b' --category=c --timeout=5.0 '--prefix=p ü' --branches"
        self.assertTrue(last == f'exec py -m buildbot svn-hook --run {options} "$@"', last)

    def test_before(self) -> None:
        """A script of somebody else is not replaced; of hgrc, only the own lines are."""
        git = GitHook(self.config(), ["py"])
        self.assertEqual(git.text(git.text("")), git.text(""))
        why = self.assertRaises(CommandFailed, git.text, "#!/bin/sh\ntrue\n")
        self.assertIn("add this line to it: ", why.lines[1])
        hg = HgHook(self.config(), ["py"])
        whole = hg.text("[ui]\nx = y") + "[z]\n"
        self.assertTrue(whole.startswith("[ui]\nx = y\n# Made by"), whole)
        again = HgHook(self.config(master="h:2"), ["py"]).text(whole)
        self.assertEqual(sorted(again.splitlines()), sorted(whole.replace("h:1", "h:2").splitlines()))

    def test_environment(self) -> None:
        """The address and the account may come from the environment; options count more."""
        self.patch(os, "environ", {"HOME": "/home/x"})
        self.assertRaises(CommandFailed, lambda: GitHook({}, ["py"]).address)
        self.assertEqual(GitHook({}, ["py"]).authFile, "/home/x/.buildbot-auth")
        os.environ.update({"BUILDBOT_MASTER": "e:1", "BUILDBOT_AUTH_FILE": "/e"})
        self.assertEqual((GitHook({}, ["py"]).address, GitHook({}, ["py"]).authFile), ("e:1", "/e"))
        hook = GitHook(self.config(), ["py"])
        self.assertEqual((hook.address, hook.authFile), ("h:1", "/a b"))


class UsageTests(unittest.SynchronousTestCase):
    """Wrong command lines."""

    def test_wrong(self) -> None:
        """What is missing, or too much, is named."""
        for words, said in (
            (["git-hook"], "give one REPOSITORY"),
            (["git-hook", "a", "b"], "give one REPOSITORY"),
            (["git-hook", "--install", "--deliver", "a"], "alternatives"),
            (["svn-hook", "--run", "a"], "--run is for hooks, which give 2 arguments"),
            (["svn-hook", "--timeout=0", "a"], "--timeout must be a number of seconds"),
        ):
            done = command(*words)
            self.assertEqual(done.status, 2, words)
            self.assertIn(said, done.err)
