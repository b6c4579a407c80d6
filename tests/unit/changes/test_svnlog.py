"""The XML that svn prints."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.changes.svnlog import Path, Place, Revision, place, revisions
from buildbot.changes.svnpoller import (
    split_file_alwaystrunk,
    split_file_branches,
    split_file_projects_branches,
)
from buildbot.programs.output import BadOutput

INFO = """<info><entry><url>http://h/r/p%20q/trunk</url><repository><root>http://h/r</root></repository>
<commit revision="12"/></entry></info>"""
LOG = """<log><logentry revision="3"><author>zoë</author><date>1970-01-01T00:00:05.5Z</date>
<paths><path action="A">/a b</path><path action="D" kind="dir">/c</path></paths><msg>x &lt; y
</msg></logentry><logentry revision="4"></logentry></log>"""


class SVNLogTests(unittest.TestCase):
    """Places and revisions."""

    def test_place(self) -> None:
        """The place has its path in the repository, unquoted, and the last revision there."""
        self.assertEqual(place(INFO.encode()), Place("p q/trunk", 12))
        self.assertEqual(place(INFO.replace("/p%20q/trunk", "").encode()), Place("", 12))

    def test_revisions(self) -> None:
        """A revision may lack author, date and message: a server may hide them."""
        first = Revision(3, "zoë", 5.5, "x < y\n", (Path("a b", "A"), Path("c/", "D")))
        self.assertEqual(revisions(LOG.encode()), [first, Revision(4, "unknown", None, "", ())])

    def test_bad(self) -> None:
        """Output that is cut or of another program is an error."""
        for output in (b"", b"<info>", b"<info/>", b"<info><entry><url>x</url></entry></info>"):
            self.assertRaises(BadOutput, place, output)
        self.assertRaises(BadOutput, revisions, LOG[:50].encode())

    def test_split(self) -> None:
        """The usual layout of a repository: trunk and branches."""
        for path, wanted in (
            ("trunk/a/b", (None, "a/b")),
            ("branches/1.x/c", ("branches/1.x", "c")),
            ("branches/1.x", ("branches/1.x", "")),
            ("branches", None),
            ("tags/1/c", None),
            ("trunk", (None, "")),
        ):
            self.assertEqual(split_file_branches(path), wanted)
            self.assertEqual(
                split_file_branches(path + "/"), wanted and (wanted[0], (wanted[1] + "/").lstrip("/"))
            )
        self.assertEqual(split_file_alwaystrunk("trunk/a"), (None, "trunk/a"))

    def test_projects(self) -> None:
        """The usual layout of a repository with several projects."""
        for path, wanted in (
            ("p/trunk/a/b", {"project": "p", "path": "a/b"}),
            ("p/branches/1.x/c", {"project": "p", "branch": "branches/1.x", "path": "c"}),
            ("p/tags/1/c", None),
            ("p", None),
        ):
            self.assertEqual(split_file_projects_branches(path), wanted)
