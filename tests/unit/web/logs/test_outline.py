"""The outline of a log."""

from __future__ import annotations

import random

from twisted.trial import unittest

from buildbot.web.logs import outline
from buildbot.web.logs.outline import FailingLine, Outline

LOG = (
    b"::group::Get\nhay\n::endgroup::\nmain.c:1: error: no\nmain.c:2: warning: hm\n"
    b"::group::Test\n\x1b[31mFAILED (failures=1)\x1b[0m\n::endgroup::\nhay\n"
)


class OutlineTests(unittest.TestCase):
    def test_found(self) -> None:
        """Failing lines are found with their plain texts, and sections with their ends."""
        found = Outline()
        found.feed(LOG)
        self.assertEqual(
            found.failing, [FailingLine(4, "main.c:1: error: no"), FailingLine(7, "FAILED (failures=1)")]
        )
        self.assertEqual(
            [(each.title, each.first, each.last, each.isOpen) for each in found.sections(9)],
            [("Get", 1, 3, False), ("Test", 6, 8, True)],
        )

    def test_pieces(self) -> None:
        """However the output is cut, the outline is the same."""
        whole = Outline()
        whole.feed(LOG)
        chance = random.Random(5)
        for _ in range(50):
            cut = Outline()
            rest = LOG
            while rest:
                size = chance.randrange(1, 40)
                cut.feed(rest[:size])
                rest = rest[size:]
            self.assertEqual((cut.failing, cut.sections(9)), (whole.failing, whole.sections(9)))

    def test_incomplete(self) -> None:
        """The last line counts when the log is complete."""
        found = Outline(10)
        found.feed(b"hay\nmain.c:1: error: no")
        self.assertEqual(found.failing, [])
        found.finish()
        self.assertEqual(found.failing, [FailingLine(11, "main.c:1: error: no")])

    def test_many(self) -> None:
        """Of many failing lines, the first ones are kept, and all are counted."""
        self.patch(outline, "MOST_FAILING", 3)
        found = Outline()
        found.feed(b"main.c:1: error: no\n" * 10)
        self.assertEqual((len(found.failing), found.count), (3, 10))

    def test_longLine(self) -> None:
        """A very long line takes bounded memory."""
        self.patch(outline, "_LONGEST_LINE", 1000)
        found = Outline()
        for _ in range(100):
            found.feed(b"x" * 100)
        self.assertLess(found.weight(), 3000)
        found.feed(b"\nmain.c:1: error: no\n")
        self.assertEqual(found.failing[0].number, 2)
