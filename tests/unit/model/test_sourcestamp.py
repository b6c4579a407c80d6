"""The source to build, and requests that one build can serve."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial import unittest
from zope.interface.verify import verifyObject

from buildbot.interfaces import ISourceStamp
from buildbot.model.change import Change
from buildbot.model.sourcestamp import SourceStamp
from tests.examples import examples

CHANGES = [Change("ann", ["a"], "", when=n, branch=(None, "b")[n % 2]).numbered(n) for n in range(6)]
fuzz = settings(max_examples=examples(70), deadline=None, derandomize=True, database=None)
stamps = st.builds(
    SourceStamp,
    branch=st.sampled_from((None, "b")),
    revision=st.sampled_from((None, None, "7", 7)),
    patch=st.sampled_from((None, None, None, (1, "diff \udcff"))),
    changes=st.lists(st.sampled_from(CHANGES), max_size=3, unique_by=id),
)


class SourceStampTests(unittest.TestCase):
    """One source."""

    def test_arguments(self) -> None:
        """A source is the latest revision, a given revision, or changes; changes have their own branch."""
        latest = SourceStamp()
        self.assertEqual((latest.branch, latest.revision, latest.patch, latest.changes), (None,) * 3 + ([],))
        verifyObject(ISourceStamp, latest)
        exact = SourceStamp("b", "7", [1, "diff"])
        self.assertEqual((exact.branch, exact.revision, exact.patch), ("b", "7", (1, "diff")))
        self.assertEqual((exact.patch_info, latest.patch_info), (("", ""), None))
        self.assertEqual(SourceStamp("other", changes=[CHANGES[1]]).branch, "b")

    def test_asDict(self) -> None:
        """0.8: status code gets it, with its changes, as a dictionary for JSON."""
        change = Change("ann", ["a.c", "b.c"], "why", revision="7", when=5.0, branch="b", project="pump")
        change.properties.setProperty("kind", "docs", "Change")
        told = json.loads(json.dumps(SourceStamp(changes=[change], patch=(1, "diff", "lib")).asDict()))
        self.assertEqual((told["branch"], told["revision"], told["project"]), ("b", None, "pump"))
        self.assertEqual((told["hasPatch"], told["patch_level"], told["patch_body"]), (True, 1, "diff"))
        self.assertEqual(told["patch_subdir"], "lib")
        [of] = told["changes"]
        self.assertEqual((of["who"], of["rev"], of["when"], of["at"]), ("ann", "7", 5.0, change.getTime()))
        self.assertEqual(of["files"], [{"url": None, "name": "a.c"}, {"url": None, "name": "b.c"}])
        self.assertEqual(of["properties"], [["kind", "docs", "Change"]])
        plain = SourceStamp("b", "8", repository="git://here").asDict()
        self.assertEqual((plain["changes"], plain["hasPatch"]), ([], False))
        self.assertNotIn("patch_level", plain)

    def test_same(self) -> None:
        """Equal sources compare equal, and have the same hash."""
        one, other = (SourceStamp("b", "7", (1, "diff"), [CHANGES[1]]) for _ in range(2))
        self.assertEqual((one, hash(one)), (other, hash(other)))
        self.assertNotEqual(one, SourceStamp("b", "7", (1, "other"), [CHANGES[1]]))

    def test_absolute(self) -> None:
        """After the slave has reported its revision, the same source can be requested again."""
        stamp = SourceStamp("b", None, (1, "diff"), [CHANGES[1]])
        self.assertEqual(stamp.getAbsoluteSourceStamp("9"), SourceStamp("b", "9", (1, "diff"), [CHANGES[1]]))

    def test_text(self) -> None:
        """The text of a source tells people what is built."""
        for stamp, words in (
            (SourceStamp(), ["latest"]),
            (SourceStamp("b"), ["latest", "in 'b'"]),
            (SourceStamp("b", 7, (0, "diff")), ["7", "in 'b'", "[patch]"]),
            (SourceStamp(changes=[CHANGES[0], CHANGES[2]]), ["changes 0, 2"]),
            (SourceStamp(changes=[Change("ann", [], "")]), ["changes"]),
        ):
            self.assertEqual(stamp.getText(), words)
        self.assertEqual(repr(SourceStamp("b", 7)), "<SourceStamp 7 in 'b'>")

    @given(stamps)
    @fuzz
    def test_record(self, stamp: SourceStamp) -> None:
        """Any source can be stored and read again, with its changes and their numbers."""
        again = SourceStamp.fromRecord(json.loads(json.dumps(stamp.toRecord())))
        self.assertEqual(again, stamp)


def _two(changes: list[Change] = CHANGES[:1], **lib: Any) -> SourceStamp:
    """The source of a build with the codebases C{app} and C{lib}."""
    app = SourceStamp(changes=changes)._with(codebase="app")
    return SourceStamp.together([app, SourceStamp(**{"repository": "/lib", "codebase": "lib", **lib})])


class CodebaseTests(unittest.TestCase):
    """A source with a source stamp for each of several codebases."""

    def test_parts(self) -> None:
        """Each codebase has its own source stamp, found by its name; a source alone is its own."""
        both = _two()
        self.assertEqual([(each.codebase, each.beside) for each in both.each()], [("app", ()), ("lib", ())])
        self.assertEqual(
            [each and each.repository for each in map(both.of, ("app", "lib", "x"))], ["", "/lib", None]
        )
        alone = SourceStamp("b")
        self.assertEqual((alone.each(), alone.of(""), SourceStamp.together([alone])), ([alone], alone, alone))
        self.assertEqual(both.getText(), ["app: changes 0", "lib: latest"])

    def test_record(self) -> None:
        """It can be stored and read again; a source alone has no word of others in its record."""
        both = _two(changes=CHANGES[:2], branch="b")
        self.assertEqual(SourceStamp.fromRecord(json.loads(json.dumps(both.toRecord()))), both)
        self.assertNotIn("beside", SourceStamp().toRecord())
        self.assertNotEqual(both, _two(changes=CHANGES[:2]))

    def test_changes(self) -> None:
        """The changes and authors of all codebases belong to the build."""
        both = SourceStamp.together([_two(), SourceStamp(changes=[Change("bob", ["b"], "")])])
        self.assertEqual(
            ([each.who for each in both.allChanges()], both.blamelist()), (["ann", "bob"], ["ann", "bob"])
        )

    def test_merge(self) -> None:
        """Requests share a build if they are alike in each codebase; the build has the changes of all."""
        first, second = _two(), _two(CHANGES[2:3])
        self.assertTrue(first.canBeMergedWith(second))
        for other in (
            SourceStamp(changes=CHANGES[:1])._with(codebase="app"),
            _two(revision="7"),
            _two(codebase="x"),
        ):
            self.assertFalse(first.canBeMergedWith(other) or other.canBeMergedWith(first))
        merged = first.mergeWith([second, SourceStamp()])
        self.assertEqual([[each.number for each in stamp.changes] for stamp in merged.each()], [[0, 2], []])

    def test_mergeInAnyOrder(self) -> None:
        """The order of the codebases, which the file may change, does not matter for requests."""
        first = _two()
        turned = SourceStamp.together(first.each()[::-1])
        self.assertTrue(first.canBeMergedWith(turned) and turned.canBeMergedWith(first))
        merged = [(each.codebase, each.changes) for each in first.mergeWith([turned]).each()]
        self.assertEqual(merged, [(each.codebase, each.changes) for each in first.each()])

    def test_absolute(self) -> None:
        """The revision that was found for a codebase becomes the revision of its source stamp."""
        absolute = _two().getAbsoluteSourceStamp({"lib": "9", "x": "1"})
        self.assertEqual([each.revision for each in absolute.each()], [None, "9"])

    def test_absoluteUnnamed(self) -> None:
        """A source without a name gets the revision of the only step that has fetched it."""
        self.assertEqual(SourceStamp().getAbsoluteSourceStamp({"lib": "9"}).revision, "9")
        for found in ({"lib": "9", "app": "8"}, {}):
            self.assertIsNone(SourceStamp().getAbsoluteSourceStamp(found).revision)
        self.assertIsNone(SourceStamp(codebase="app").getAbsoluteSourceStamp({"lib": "9"}).revision)


class MergeTests(unittest.TestCase):
    """Requests that can share a build."""

    def test_which(self) -> None:
        """Requests share a build only if it builds exactly the source that each asked for."""
        changes = [SourceStamp(changes=[CHANGES[n]]) for n in (0, 2)]
        for one, other, expected in (
            (SourceStamp(), SourceStamp(), True),
            (SourceStamp("b"), SourceStamp("b"), True),
            (SourceStamp("b"), SourceStamp(), False),
            (SourceStamp(None, "7"), SourceStamp(None, "7"), True),
            (SourceStamp(None, "7"), SourceStamp(None, "8"), False),
            (SourceStamp(None, "7"), SourceStamp(), False),
            (changes[0], changes[1], True),
            (changes[0], SourceStamp(), False),
            (changes[0], SourceStamp(changes=[CHANGES[1]]), False),
            (SourceStamp(None, "7", (1, "diff")), SourceStamp(None, "7", (1, "diff")), False),
            (SourceStamp(None, None, (1, "diff"), [CHANGES[0]]), changes[0], False),
            (SourceStamp(None, "7", None, [CHANGES[0]]), SourceStamp(None, "8", None, [CHANGES[2]]), False),
        ):
            self.assertEqual(one.canBeMergedWith(other), expected, (one, other))
            self.assertEqual(other.canBeMergedWith(one), expected, (other, one))

    def test_order(self) -> None:
        """The newest change is the last one, whatever the order of the requests; no change is repeated."""
        first, second = SourceStamp(changes=[CHANGES[0], CHANGES[4]]), SourceStamp(changes=CHANGES[0:4:2])
        self.assertEqual([c.number for c in first.mergeWith([second]).changes], [0, 2, 4])
        made = Change("ann", [], "")
        merged = SourceStamp(changes=[CHANGES[4], made]).mergeWith([first, SourceStamp(changes=[made])])
        self.assertEqual(merged.changes, [CHANGES[4], made, CHANGES[0]])

    @given(st.lists(stamps, min_size=1, max_size=6))
    @fuzz
    def test_nothingLost(self, wishes: list[SourceStamp]) -> None:
        """The merged source has every change and the same branch and revision, and can be merged again."""
        first, *others = wishes
        others = [each for each in others if first.canBeMergedWith(each)]
        merged = first.mergeWith(others)
        self.assertEqual(
            {change.number for change in merged.changes},
            {change.number for each in (first, *others) for change in each.changes},
        )
        self.assertEqual((merged.branch, merged.revision), (first.branch, first.revision))
        for each in others:
            self.assertTrue(merged.canBeMergedWith(each))

    def test_forced(self) -> None:
        """F15: if the configuration forces a merge of different sources, the first one is built."""
        merged = SourceStamp("a", "1").mergeWith([SourceStamp("b", "2")])
        self.assertEqual((merged.branch, merged.revision), ("a", "1"))

    def test_places(self) -> None:
        """F2: sources of two repositories, projects or codebases need separate builds."""
        for name in ("repository", "project", "codebase"):
            place: dict[str, Any] = {name: "x"}
            change = Change("me", [], "", **place)
            self.assertFalse(
                SourceStamp(changes=[change]).canBeMergedWith(SourceStamp(changes=[Change("me", [], "")]))
            )
            same = Change("me", [], "", **place)
            self.assertTrue(SourceStamp(changes=[change]).canBeMergedWith(SourceStamp(changes=[same])))
            self.assertFalse(SourceStamp(**place).canBeMergedWith(SourceStamp()))

    def test_wantedRevision(self) -> None:
        """F2: the wanted revision is the given one, or the newest of the changes; None is the latest."""
        for revision, said, wanted in (
            (None, [], None),
            ("r1", [], "r1"),
            ("r1", ["r2"], "r1"),
            (None, ["r1", "r2"], "r2"),
            (None, ["r1", None], None),
            (None, [None, "r2"], "r2"),
            (None, [12, 9], 12),  # two Subversion hooks in the wrong order
            (None, ["12", "9", "11"], "12"),
            (None, ["9", "ab"], "ab"),
            (None, ["12345678901", "5"], "5"),  # not the number of a commit, so it may be a name
            (0, ["7"], 0),
        ):
            changes = [Change("me", [], "", revision=each) for each in said]
            self.assertEqual(SourceStamp(None, revision, changes=changes).wantedRevision(), wanted, said)

    def test_record(self) -> None:
        """F2: a record has the whole source; older records have less."""
        change = Change("me", [], "", repository="git://h/x", project="x", codebase="main", branch="dev")
        stamp = SourceStamp(changes=[change])
        self.assertEqual((stamp.repository, stamp.project, stamp.codebase), ("git://h/x", "x", "main"))
        self.assertEqual(SourceStamp.fromRecord(stamp.toRecord()), stamp)
        own = SourceStamp("dev", "1", repository="r", project="p", codebase="c")
        self.assertEqual(SourceStamp.fromRecord(own.toRecord()), own)
        self.assertEqual(SourceStamp.fromRecord({"branch": "dev"}), SourceStamp("dev"))
