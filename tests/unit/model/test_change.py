"""Changes, from people to the store."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial import unittest
from zope.interface.verify import verifyObject

from buildbot.interfaces import IStatusEvent
from buildbot.model.change import LONGEST_COMMENTS, Change
from buildbot.model.times import now
from tests.examples import examples

texts = st.text(max_size=8)
words = st.none() | texts
#: Any valid change.
changes = st.builds(
    Change,
    who=texts,
    files=st.lists(texts, max_size=3),
    comments=texts,
    isdir=st.sampled_from((0, 1)),
    links=st.lists(texts, max_size=3),
    revision=words | st.integers(),
    when=st.floats(0, 4e9),
    branch=words,
    category=words,
    revlink=texts,
    properties=st.dictionaries(texts, words, max_size=2),
)


class ChangeTests(unittest.TestCase):
    """One change."""

    def test_arguments(self) -> None:
        """A change takes the arguments of 0.7.5, in their order, and keeps them under their names."""
        change = Change("ann", ("a.c", "b.c"), "both", 1, ["http://x/a", "http://x/b"], "7", 12.0, "stable")
        self.assertEqual((change.who, change.files, change.comments), ("ann", ["a.c", "b.c"], "both"))
        self.assertEqual((change.isdir, change.links), (1, ["http://x/a", "http://x/b"]))
        self.assertEqual((change.revision, change.when, change.branch), ("7", 12.0, "stable"))
        self.assertEqual((change.category, change.number), (None, None))
        self.assertEqual((Change("ann", [], "", links=None).links, Change("ann", [], "").branch), ([], None))

    def test_when(self) -> None:
        """A change without a time gets the present one; 0 is a time."""
        before = now()
        self.assertTrue(before <= Change("ann", [], "").when <= now())
        self.assertEqual(Change("ann", [], "", when=0).when, 0)

    def test_briefly(self) -> None:
        """H3: records of builds have only the first files of a change with very many."""
        files = [f"directory/file{number}" for number in range(20_000)]
        change = Change("ann", files, "x" * 1_000_000, links=files)
        brief = change.briefly()
        self.assertEqual((brief.files, brief.links), (files[: len(brief.files)], files[: len(brief.files)]))
        self.assertIn(f"{20_000 - len(brief.files)} files more)", brief.comments)
        self.assertLess(len(json.dumps(brief.toRecord())), 200_000)
        self.assertIs(brief.briefly(), brief)
        self.assertEqual((len(change.files), len(change.comments)), (20_000, 1_000_000))
        short = Change("ann", ["a"], "c", links=["l", "m"])
        self.assertIs(short.briefly(), short)

    def test_bounded(self) -> None:
        """H3: very long comments are shortened, with a note; all files stay."""
        kept = Change("ann", ["x"] * 20_000, "x" * 1_000_000).bounded()
        self.assertLess(len(kept.comments), LONGEST_COMMENTS + 50)
        self.assertTrue(kept.comments.endswith("too long)"))
        self.assertEqual(len(kept.files), 20_000)

    def test_numbered(self) -> None:
        """The store numbers a copy of a change, of any class; the original stays unchanged."""

        class Mine(Change):
            pass

        change = Mine("ann", ["a"], "", when=1)
        stored = change.numbered(7)
        self.assertEqual((stored.number, change.number, type(stored)), (7, None, Mine))
        self.assertNotEqual(stored, change)
        self.assertEqual(repr(stored), "<Change 7 of ann: a>")
        self.assertEqual(repr(Change("ann", "abcd", "")), "<Change of ann: a, b, c, …>")
        placed = Change("ann", ["a"], "", revision="r7", branch="stable")
        self.assertEqual(repr(placed), "<Change of ann on stable at r7: a>")

    @given(changes, st.none() | st.integers(0))
    @settings(max_examples=examples(50), deadline=None, derandomize=True, database=None)
    def test_record(self, change: Change, number: int | None) -> None:
        """Any change can be stored and read again, with its number."""
        stored = change if number is None else change.numbered(number)
        again = Change.fromRecord(json.loads(json.dumps(stored.toRecord())))
        self.assertEqual((again, hash(again)), (stored, hash(stored)))

    def test_recordFollows(self) -> None:
        """A change whose attributes or properties were altered has a new record."""
        change = Change("ann", ["a.c"], "fix", properties={"kind": "docs", "parts": ["one"]})
        first = change.toRecord()
        self.assertEqual(change.numbered(7).toRecord(), {**first, "number": 7})
        change.comments = "another fix"
        change.properties.setProperty("kind", "code", "somebody")
        change.properties["parts"].append("two")
        change.files.append("b.c")
        self.assertEqual(
            change.toRecord(),
            {
                **first,
                "comments": "another fix",
                "files": ["a.c", "b.c"],
                "properties": {"kind": ["code", "somebody"], "parts": [["one", "two"], "Change"]},
            },
        )
        change.numbered(7).number = 8
        self.assertIsNone(change.toRecord()["number"])

    def test_oddDirectory(self) -> None:
        """Any true value of C{isdir} can be stored."""
        odd: Any = object()
        self.assertEqual(Change("ann", [], "", isdir=odd).toRecord()["isdir"], 1)

    def test_forPeople(self) -> None:
        """Mails and pages show who, when, where, what and why."""
        change = Change("ann", ["a.c"], "why\nnot", revision="7", when=0, branch="stable", category="docs")
        for page in (change.asText(), change.asHTML()):
            for word in ("ann", change.getTime(), "a.c", "why\nnot", "7", "stable", "docs"):
                self.assertIn(word, page)
        self.assertNotIn("Branch", Change("ann", [], "").asText())

    def test_farFuture(self) -> None:
        """A change whose clock is wrong by thousands of years is shown like any other."""
        self.assertIn(" 9999 ", Change("ann", [], "", when=1e12).asText())

    def test_hostile(self) -> None:
        """No text of a committer becomes markup, and no link leads to a script."""
        evil = "<script>&\"'"
        change = Change(evil, [evil, evil], evil, 0, [f"http://x/{evil}", "javascript:evil()"], evil, 0, evil)
        page = change.asHTML() + "".join(change.getText())
        self.assertNotIn("<script", page)
        self.assertNotIn("javascript", page)
        self.assertEqual(page.count("<a href="), 1)

    def test_event(self) -> None:
        """Pages show a change as an event without a duration and without logs."""
        change = Change("ann", ["a.c"], "", when=5.0)
        verifyObject(IStatusEvent, change)
        self.assertEqual((change.getTimes(), change.getText(), change.getLogs()), ((5.0, None), ["ann"], {}))
        self.assertEqual((change.getFileContents(), change.getColor()), (["a.c"], "white"))
