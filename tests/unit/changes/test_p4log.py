"""Reading the output of p4."""

from __future__ import annotations

import marshal

from twisted.trial import unittest

from buildbot.changes.p4log import Submitted, errors, numbers, records, submitted
from buildbot.programs.output import BadOutput

TOLD = {
    b"code": b"stat",
    b"change": b"3",
    b"user": b"zo\xc3\xab",
    b"client": b"c",
    b"time": b"5",
    b"desc": b"x\n\ny\n",
}


def printed(*found: dict[bytes, bytes | int]) -> bytes:
    """What p4 prints."""
    return b"".join(marshal.dumps(each, 0) for each in found)


class P4LogTests(unittest.TestCase):
    """Records and changelists."""

    def test_records(self) -> None:
        """Each record has all its texts unchanged, and its numbers as text."""
        found = records(printed({b"a": b"0{", b"b": -2}, {}, {b"": b""}))
        self.assertEqual(found, [{b"a": b"0{", b"b": b"-2"}, {}, {b"": b""}])
        self.assertEqual(records(b""), [])

    def test_bad(self) -> None:
        """Output that is cut, or of another kind, is an error."""
        whole = printed({b"a": b"b"})
        bad = [whole[:end] for end in range(1, len(whole))]
        for output in (
            *bad,
            b"Perforce client error",
            b"{s\xff\xff\xff\xff0",
            b"{i\1\0\0\0(\0\0\0\0000",
            b"{N",
        ):
            self.assertRaises(BadOutput, records, output)

    def test_submitted(self) -> None:
        """A changelist has its files; codes in their names are characters."""
        files = {b"depotFile0": b"//d/a%40b%2541", b"depotFile1": b"//d/\xe9", b"action0": b"add"}
        wanted = Submitted(3, "zoë", "c", 5.0, "x\n\ny\n", ("//d/a@b%41", "//d/\udce9"))
        self.assertEqual(submitted(records(printed({**TOLD, **files})), "utf8"), wanted)
        self.assertEqual(submitted([TOLD], "latin-1").user, "zoÃ«")

    def test_badSubmitted(self) -> None:
        """A changelist that lacks something is an error."""
        for found in ([], [TOLD, TOLD], [{**TOLD, b"time": b"x"}], [{b"change": b"3"}]):
            self.assertRaises(BadOutput, submitted, found, "utf8")
        self.assertRaises(BadOutput, numbers, [{b"change": b"x"}])

    def test_errors(self) -> None:
        """Errors are told in one line; warnings, such as that there are no files, are none."""
        warning = {b"code": b"error", b"severity": b"2", b"data": b"no such file(s).\n"}
        self.assertEqual(errors([TOLD, warning]), "")
        error = {b"code": b"error", b"severity": b"3", b"data": b"Access\nfor user denied.\n"}
        self.assertEqual(errors([warning, error, error]), "Access for user denied.; Access for user denied.")
        self.assertEqual(numbers([{**TOLD, b"change": b"12"}, warning, TOLD]), [3, 12])
