"""Reading the answers of Bonsai."""

from __future__ import annotations

from io import BytesIO, StringIO

from twisted.trial import unittest

from buildbot.changes.bonsailog import (
    BonsaiParser,
    BonsaiResult,
    CiNode,
    EmptyResult,
    FileNode,
    InvalidResultError,
)

ANSWER = """<?xml version="1.0"?>
<queryResults>
<ci who="sar@gmail.com" date="1161908700">
  <log>Add Bug 338541a</log>
  <files><f rev="1.8">mozilla/index.html</f><f rev="1.1">mozilla/x y</f></files>
</ci>
<ci who="zoë" date="1161910620"><log></log><files></files></ci>
</queryResults>
"""
PARSED = BonsaiResult(
    [
        CiNode(
            "Add Bug 338541a",
            "sar@gmail.com",
            1161908700,
            [FileNode("1.8", "mozilla/index.html"), FileNode("1.1", "mozilla/x y")],
        ),
        CiNode("", "zoë", 1161910620, []),
    ]
)


class BonsaiLogTests(unittest.TestCase):
    """Commits and their files."""

    def test_good(self) -> None:
        """The answer may be text, bytes or a file, in UTF-8 or in Latin-1."""
        data = ANSWER.encode()
        for answer in (ANSWER, data, BytesIO(data), StringIO(ANSWER), ANSWER.encode("latin-1")):
            self.assertEqual(BonsaiParser(answer).getData(), PARSED)

    def test_empty(self) -> None:
        """An answer without a commit is told as such."""
        self.assertRaises(EmptyResult, BonsaiParser("<queryResults></queryResults>").getData)

    def test_bad(self) -> None:
        """An answer that is cut, or lacks something, is an error."""
        for answer in ("", "<html>", ANSWER.replace("</queryResults>", ""), "\0", b"\xff\xfe<"):
            self.assertRaises(InvalidResultError, BonsaiParser, answer)
        for gone, instead in (
            ('date="1161908700"', 'date="foobar"'),
            ('date="1161908700"', 'date="' + "9" * 5000 + '"'),
            ('who="sar@gmail.com"', ""),
            ("mozilla/x y", ""),
            ('rev="1.8"', ""),
            ("<log></log>", ""),
        ):
            self.assertRaises(InvalidResultError, BonsaiParser(ANSWER.replace(gone, instead)).getData)

    def test_bomb(self) -> None:
        """An answer that defines entities is refused before they are used."""
        lines = [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10)]
        bomb = f'<!DOCTYPE x [<!ENTITY e0 "x">{"".join(lines)}]><x>&e9;</x>'
        error = self.assertRaises(InvalidResultError, BonsaiParser, bomb)
        self.assertIn("it has a DOCTYPE", str(error))
