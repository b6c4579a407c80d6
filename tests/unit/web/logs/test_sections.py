"""Tests of buildbot.web.logs.sections."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.web.logs.sections import DEEPEST, MOST_SECTIONS, Section, Sections


def sectionsOf(text: str, *failing: int) -> list[Section]:
    """The sections of a log whose lines count from 1."""
    sections = Sections()
    for number, line in enumerate(text.split("\n"), 1):
        sections.feed(number, line)
    return sections.sections(failing)


def brief(text: str, *failing: int) -> list[tuple[str, int, int | None, bool]]:
    """(title, first, last, is open) of each section."""
    return [(each.title, each.first, each.last, each.isOpen) for each in sectionsOf(text, *failing)]


class SectionsTests(unittest.TestCase):
    """Sections of the three dialects (row 37)."""

    def test_gitHub(self) -> None:
        """A group of GitHub is folded, and ends at its marker or where the next one begins."""
        text = "::group::One\na\n::endgroup::\nb\n::group::Two\nc\n##[group]Three\nd"
        self.assertEqual(brief(text), [("One", 1, 3, False), ("Two", 5, 6, False), ("Three", 7, None, True)])

    def test_buildkite(self) -> None:
        """A group of Buildkite ends at the next one: --- and ~~~ are folded, +++ is open."""
        text = "--- :package: get\na\n~~~ Pale\nb\n+++ Tests\nc\n--- last"
        self.assertEqual(
            brief(text),
            [
                (":package: get", 1, 2, False),
                ("Pale", 3, 4, False),
                ("Tests", 5, 6, True),
                ("last", 7, None, True),
            ],
        )
        self.assertEqual([each.isPale for each in sectionsOf(text)], [False, True, False, False])

    def test_openLater(self) -> None:
        """The marker ^^^ +++ opens the group that goes on."""
        self.assertEqual(brief("--- a\n^^^ +++\n--- b"), [("a", 1, 2, True), ("b", 3, None, True)])

    def test_gitLab(self) -> None:
        """Sections of GitLab are inside each other, and have a duration."""
        text = (
            "\x1b[0Ksection_start:100:build\r\x1b[0K\x1b[36mBuild\x1b[m\n"
            "section_start:101:inner[collapsed=true]\r\x1b[0KInner\nx\n"
            "section_end:104:inner\r\x1b[0K\nsection_end:110:build\r\x1b[0Ksection_start:110:end\r\x1b[0K"
        )
        found = sectionsOf(text)
        self.assertEqual(
            [(each.title, each.first, each.last, each.isOpen, each.depth, each.seconds) for each in found],
            [("Build", 1, 5, True, 0, 10), ("Inner", 2, 4, False, 1, 3), ("end", 5, None, True, 0, None)],
        )

    def test_gitLabWithoutEnd(self) -> None:
        """The end of an outer section also ends those inside it; an unknown end means nothing."""
        text = "section_start:1:a\r\nsection_start:2:b\r\nsection_end:9:c\r\nsection_end:5:a\r\nx"
        found = sectionsOf(text)
        self.assertEqual([(each.last, each.seconds) for each in found], [(4, 4), (4, None)])

    def test_groupInSection(self) -> None:
        """A group of another dialect is inside a section of GitLab, and ends with it."""
        found = sectionsOf("section_start:1:a\r\n--- b\nx\nsection_end:5:a\r\n+++ c")
        self.assertEqual(
            [(each.title, each.last, each.depth) for each in found],
            [("a", 4, 0), ("b", 4, 1), ("c", None, 0)],
        )

    def test_failing(self) -> None:
        """A section with a failing line is open."""
        text = "--- a\nx\n--- b\nx\n--- c"
        self.assertEqual([each.isOpen for each in sectionsOf(text, 2)], [True, False, True])
        self.assertEqual([each.isOpen for each in sectionsOf(text, 3, 4)], [False, True, True])

    def test_theEnd(self) -> None:
        """The last section of a complete log has a last line."""
        sections = Sections()
        sections.feed(1, "--- a")
        self.assertEqual([each.last for each in sections.sections()], [None])
        self.assertEqual([each.last for each in sections.sections(end=7)], [7])

    def test_diffs(self) -> None:
        """The headers of diffs, and changes that look like markers, are no sections."""
        unified = "--- a/x.sql\n+++ b/x.sql\n@@ -1,3 +1,3 @@\n a\n--- old comment\n+++ new\n b\n+++ After\nx"
        self.assertEqual(brief(unified), [("After", 8, None, True)])
        coloured = "\x1b[1m--- a/x\x1b[m\n\x1b[1m+++ b/x\x1b[m\n\x1b[36m@@ -1 +1 @@\x1b[m\n\x1b[31m-a\x1b[m"
        self.assertEqual(brief(coloured), [])
        self.assertEqual(brief("+++ b/x\n@@ -0,0 +1 @@\n+a"), [])
        self.assertEqual(brief("*** a\n--- b\n***************\n*** 1,2 ****\n--- 1,2 ----\n"), [])

    def test_emptyGroup(self) -> None:
        """An open group may follow an empty one at once."""
        self.assertEqual(brief("--- a\n+++ b\nx"), [("a", 1, 1, False), ("b", 2, None, True)])

    def test_alike(self) -> None:
        """Lines that only look like markers are none."""
        for line in (
            "--- FAIL: TestAdd (0.00s)",
            "--- Logging error ---",
            "----- x",
            "---",
            "--- ",
            " --- a",
            "x ::group::a",
            "echo section_start:1:a",
            "section_started",
            "++ set -x",
        ):
            self.assertEqual(brief(line), [], line)

    def test_manyMarkers(self) -> None:
        """A log of markers alone has a bounded number of sections, of bounded depth."""
        self.assertEqual(len(sectionsOf("--- a\n" * (MOST_SECTIONS + 10))), MOST_SECTIONS)
        deep = sectionsOf("".join(f"section_start:1:s{number}\r\n" for number in range(100)))
        self.assertEqual(max(each.depth for each in deep), DEEPEST - 1)

    @given(
        st.lists(
            st.sampled_from(
                [
                    "--- a",
                    "+++ b",
                    "~~~ c",
                    "^^^ +++",
                    "@@ -1,2 +1 @@",
                    "x",
                    "-x",
                    "::group::g",
                    "::endgroup::",
                    "section_start:1:a\r",
                    "section_end:2:a\r",
                    "section_start:1:b\rt",
                    "section_end:3:b\r",
                    "",
                ]
            )
        )
    )
    def test_order(self, lines: list[str]) -> None:
        """Sections are in order, and each one ends within the one that it is inside."""
        found = sectionsOf("\n".join(lines))
        self.assertEqual([each.first for each in found], sorted(each.first for each in found))
        above: list[Section] = []
        for each in found:
            del above[each.depth :]
            self.assertEqual(len(above), each.depth)
            for outer in above:
                self.assertTrue(outer.last is None or (each.last is not None and each.last <= outer.last))
            above.append(each)
        if found:
            self.assertTrue(found[-1].isOpen)

    @given(
        st.lists(
            st.lists(
                st.sampled_from(
                    ["--- a", "+++ b", "@@ -1,2 +1 @@", "*** x", "x", "-x", "::group::g", "::endgroup::", ""]
                ),
                max_size=5,
            )
        )
    )
    def test_together(self, pieces: list[list[str]]) -> None:
        """Many lines at once give the same sections as one by one."""
        together, alone = Sections(), Sections()
        number = 1
        for lines in pieces:
            together.feedAll(number, lines)
            for line in lines:
                alone.feed(number, line)
                number += 1
        self.assertEqual(together.sections(), alone.sections())
