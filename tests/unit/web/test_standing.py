"""Tests of buildbot.web.pages.standing."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.model.records import BuildRecord
from buildbot.model.rows import BuildRow
from buildbot.web.pages.standing import judge

#: The results of a history, by letter: green, red, exception, warnings, skipped, running.
RESULTS = {"g": 0, "r": 2, "x": 4, "w": 1, "s": 3, "-": None}


def history(letters: str, revisions: str = "") -> list[BuildRow]:
    """The builds of a history, the newest first; C{letters} has the oldest first."""
    rows = []
    for number, letter in enumerate(letters):
        revision = revisions[number] if revisions else f"r{number}"
        record = BuildRecord(
            *("full", number, "bot1", (), float(number)),
            results=RESULTS[letter],
            finished=None if letter == "-" else number + 0.5,
            sourcestamp={"revision": revision},
        )
        rows.append(BuildRow.of(record, number))
    return rows[::-1]


class StandingTests(unittest.SynchronousTestCase):
    """How builders stand."""

    def test_kinds(self) -> None:
        """Histories of five kinds get the right word."""
        for letters, revisions, kind in (
            ("", "", "none"),
            ("s-", "", "none"),
            ("ggggg", "", "good"),
            ("rrgg", "", "good"),
            ("ggrr-", "", "broken"),
            ("ggx", "", "broken"),
            ("ggrg", "abcc", "flaky"),
            ("grgrgrgw", "", "unsteady"),
        ):
            self.assertEqual(judge(history(letters, revisions)).kind, kind, letters)

    def test_words(self) -> None:
        """Each kind says how many builds it is about (row 18)."""
        for letters, revisions, words in (
            ("-s", "", "no finished build"),
            ("rwgg-", "", "good for 3 builds"),
            ("grx", "", "broken for 2 builds"),
            ("ggrg", "abcc", "flaky: 1 of 4 failed, the same revision both ways"),
            ("grgrgrgw", "", "unsteady: 3 of 8 failed"),
        ):
            self.assertEqual(judge(history(letters, revisions)).words(), words)

    def test_strip(self) -> None:
        """The judgement is about the last 20 builds with an outcome."""
        verdict = judge(history("r" * 10 + "s" * 5 + "g" * 20))
        self.assertEqual((verdict.kind, verdict.streak, verdict.red, verdict.count), ("good", 20, 0, 20))

    def test_streak(self) -> None:
        """The streak counts the last builds with one outcome; builds without an outcome do not end it."""
        verdict = judge(history("grrsr-"))
        self.assertEqual((verdict.streak, verdict.red, verdict.count), (3, 3, 4))
        self.assertEqual(verdict.words(), "broken for 3 builds")
        self.assertEqual(judge(history("gg")).words(), "good for 2 builds")
