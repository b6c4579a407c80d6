"""Reading the output of hg."""

from __future__ import annotations

import json

from twisted.trial import unittest

from buildbot.changes.hglog import Commit, commits, headsWith, logSince
from buildbot.programs.output import BadOutput

TOLD = {
    "node": "2",
    "branch": "default",
    "user": "ann",
    "date": [5, -3600],
    "desc": "x",
    "files": ["a"],
    "parents": ["1"],
}


class HgLogTests(unittest.TestCase):
    """Commits and heads."""

    def test_commits(self) -> None:
        """A commit has all that hg tells of it."""
        wanted = Commit("2", "default", "ann", 5.0, "x", ("a",), ("1",))
        self.assertEqual(commits(json.dumps([TOLD]).encode()), [wanted])

    def test_bad(self) -> None:
        """Output that is cut, or that lacks something, is an error."""
        for output in (b"", b"[", b"[1]", b"[{}]", b"\xff", json.dumps([{**TOLD, "date": None}]).encode()):
            self.assertRaises(BadOutput, commits, output)

    def test_heads(self) -> None:
        """A commit takes the place of its parents among the heads."""
        commit = Commit("3", "b", "a", 0.0, "", (), ("1", "2"))
        self.assertEqual(headsWith(frozenset("12x"), commit), frozenset("3x"))

    def test_manyHeads(self) -> None:
        """No argument for a repository with many heads is longer than the system allows."""
        command = logSince([f"{number:040}" for number in range(5000)])
        self.assertLess(max(map(len, command)), 128 * 1024)
        self.assertIn("known4", command[-1])
