"""Reading the output of git."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.changes.gitlog import Commit, commits, heads
from buildbot.programs.output import BadOutput

ONE, TWO = "1" * 40, "2" * 64


class GitLogTests(unittest.TestCase):
    """Heads and commits."""

    def test_heads(self) -> None:
        """Each branch has the revision of its head; other lines are ignored."""
        output = f"{ONE}\trefs/heads/a/b\n{TWO}\trefs/heads/\xff\n{ONE}\trefs/tags/x\nwarning\n".encode(
            "latin-1"
        )
        self.assertEqual(heads(output), {"a/b": ONE, "\udcff": TWO})

    def test_commits(self) -> None:
        """A commit has all its texts unchanged, and a file may have the name of a revision."""
        output = (
            f"{ONE}\0ann <a>\x005\0one\n\ntwo\n\0\n:100 M\0{TWO}\0:100 A\0b\nc\0"
            f"{TWO}\0bob <b>\x006\0merge\n\0"
        ).encode()
        wanted = [
            Commit(ONE, "ann <a>", 5, "one\n\ntwo", (TWO, "b\nc")),
            Commit(TWO, "bob <b>", 6, "merge", ()),
        ]
        self.assertEqual(commits(output), wanted)
        self.assertEqual(commits(b""), [])

    def test_encoding(self) -> None:
        """Bytes that are not in the encoding are replaced in texts, and kept in names of files."""
        output = b"%s\0\xe9 <a>\x005\0\xe9\0\n:1 M\0\xe9\0" % ONE.encode()
        (commit,) = commits(output)
        self.assertEqual(
            (commit.author, commit.comments, commit.files), ("\ufffd <a>", "\ufffd", ("\udce9",))
        )
        self.assertEqual(commits(output, "latin-1")[0].author, "é <a>")

    def test_cut(self) -> None:
        """Output that ends in the middle is an error."""
        for output in (b"1234", b"1\0ann\0", b"1\0ann\0x\0y\0"):
            self.assertRaises(BadOutput, commits, output)
